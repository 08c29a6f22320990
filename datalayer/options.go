package datalayer

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The options of WITH (…) that are the Datalayer's own.
const (
	optionDeterministic = "deterministic"
	optionNullOnNull    = "null_on_null"
	optionMaxBatch      = "max_batch"
)

// maxMaxBatch is the largest value of max_batch.
const maxMaxBatch = 1_000_000

// ownOptions are the options that the Datalayer reads itself.
type ownOptions struct {
	// deterministic is nil where it is left to the model.
	deterministic *bool
	nullOnNull    bool
	// maxBatch is 0 where it is left to the model.
	maxBatch int
}

// parseOwnOptions reads the Datalayer's options; a value that is none is 22023.
func parseOwnOptions(options map[string]string) (ownOptions, error) {
	own := ownOptions{nullOnNull: true}
	if text, ok := options[optionDeterministic]; ok {
		b, err := parseBool(optionDeterministic, text)
		if err != nil {
			return ownOptions{}, err
		}
		own.deterministic = &b
	}
	if text, ok := options[optionNullOnNull]; ok {
		b, err := parseBool(optionNullOnNull, text)
		if err != nil {
			return ownOptions{}, err
		}
		own.nullOnNull = b
	}
	if text, ok := options[optionMaxBatch]; ok {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxMaxBatch {
			return ownOptions{}, &Error{
				Code:    "22023",
				Message: fmt.Sprintf("invalid value for option %q: %q", optionMaxBatch, text),
				Hint:    fmt.Sprintf("It is a number of rows from 1 to %d.", maxMaxBatch),
			}
		}
		own.maxBatch = n
	}
	return own, nil
}

// parseBool reads a boolean as PostgreSQL's boolean options have it.
func parseBool(option, text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "on", "yes", "1":
		return true, nil
	case "false", "off", "no", "0":
		return false, nil
	}
	return false, &Error{
		Code:    "22023",
		Message: fmt.Sprintf("invalid value for option %q: %q", option, text),
		Hint:    "It is true or false.",
	}
}

// runtimeOptions are the options without the Datalayer's own.
func runtimeOptions(options map[string]string) map[string]string {
	rest := maps.Clone(options)
	maps.DeleteFunc(rest, func(key, _ string) bool {
		return slices.Contains([]string{optionDeterministic, optionNullOnNull, optionMaxBatch}, key)
	})
	return rest
}
