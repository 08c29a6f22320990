package session

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// statementTimeout is PostgreSQL's setting that bounds the time of statements. Home keeps it for what it does itself; the
// time of models counts here.
const statementTimeout = "statement_timeout"

// timeoutWords are the words of texts that may change statement_timeout.
var timeoutWords = []string{statementTimeout}

// noteSettings notes that a text may change settings of predict, from when on they are read for every statement: they
// follow transactions.
func (s *session) noteSettings(text []byte) {
	if !s.changing && bytes.Contains(bytes.ToLower(text), []byte("predict.")) {
		s.changing = true
	}
	s.noteTimeout(text)
}

// noteTimeout does the same for statement_timeout, which may be set by statements that are otherwise home's alone.
func (s *session) noteTimeout(text []byte) {
	if !s.changing && sqlparse.HoldsAny(text, timeoutWords) {
		s.changing = true
	}
}

// settings gives the session's settings of predict. PostgreSQL keeps them, as it keeps all whose names have a dot: in
// transactions, for roles and databases, and in the options of a connection. Where no text of the session has named one
// they are read once. With them comes statement_timeout.
func (s *session) settings(ctx context.Context, h *homeSide) (answer.Settings, error) {
	if s.known != nil && !s.changing {
		return *s.known, nil
	}
	names := append(answer.SettingNames(), statementTimeout)
	q := stream.Query{Text: "SELECT "}
	for i, n := range names {
		if i > 0 {
			q.Text += ", "
		}
		q.Text += "pg_catalog.current_setting(" + sqlparse.QuoteLiteral(n) + ", true)"
		q.Formats = append(q.Formats, 0)
	}
	values := map[string]string{}
	err := h.rows(ctx, q, func(v [][]byte) error {
		for i := range v {
			values[names[i]] = string(v[i])
		}
		return nil
	})
	if err != nil {
		return answer.Settings{}, unpositioned(err)
	}
	timeout := values[statementTimeout]
	delete(values, statementTimeout)
	set, err := s.cfg.Predict.With(values)
	if err != nil {
		return answer.Settings{}, err
	}
	if set.Limits.StatementTimeout, err = answer.ParseTime(timeout); err != nil {
		return answer.Settings{}, fmt.Errorf("home's statement_timeout %q: %w", timeout, err)
	}
	s.known = &set
	return set, nil
}

// readable refuses calls whose text would be misread under the session's client_encoding; parameter gives settings as home
// reports them (ParameterStatus).
func readable(parameter func(name string) string) error {
	enc := parameter("client_encoding")
	// SQL_ASCII has the server's own bytes: UTF-8, or any bytes at all, which are looked at one by one.
	if server := parameter("server_encoding"); enc == "SQL_ASCII" && (server == "UTF8" || server == "SQL_ASCII" || server == "") {
		return nil
	}
	if enc != "" && enc != "UTF8" {
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
