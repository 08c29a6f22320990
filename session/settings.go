package session

import (
	"fmt"
	"strings"
)

// readable refuses calls whose text would be misread under the session's client_encoding; parameter gives settings as home
// reports them (ParameterStatus).
func readable(parameter func(name string) string) error {
	if enc := parameter("client_encoding"); enc != "" && enc != "UTF8" && enc != "SQL_ASCII" {
		return coded("0A000", fmt.Sprintf("predict is not supported with client_encoding %s", enc),
			"Models take and give text in UTF-8.", "SET client_encoding TO 'UTF8'.")
	}
	return nil
}

// plainStrings refuses texts that PostgreSQL reads by other rules than the parser here.
func plainStrings(parameter func(name string) string, text string) error {
	if parameter("standard_conforming_strings") == "off" && strings.Contains(text, `\`) {
		return coded("0A000", "predict is not supported in a statement with backslashes while standard_conforming_strings is off", "",
			"SET standard_conforming_strings TO on.")
	}
	return nil
}
