package duckdb

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// settings are what a URI says.
type settings struct {
	path string
	// mode is "ro", "rw" or "rwc" (made where it is not there).
	mode string
	// memoryLimit and tempDirectory are DuckDB's own settings, threads how many it works with; "" and 0 leave them to it.
	memoryLimit, tempDirectory string
	threads                    int
	// nanosAsText shows TIMESTAMP_NS as text.
	nanosAsText bool
}

var sizeWords = regexp.MustCompile(`^[0-9]+(\.[0-9]+)? ?([KMGT]i?B|%)$`)

// parseURI reads duckdb:///absolute/path, duckdb://relative/path or duckdb://:memory: with options: mode=ro|rw|rwc,
// memory_limit=2GB, temp_directory=/dir, threads=4, nanoseconds=timestamp|text.
func parseURI(uri string) (settings, error) {
	s := settings{mode: "rw", memoryLimit: "1GB"}
	rest, ok := strings.CutPrefix(uri, "duckdb://")
	if !ok {
		return s, fmt.Errorf("the URI of a DuckDB database begins with duckdb://")
	}
	path, query, _ := strings.Cut(rest, "?")
	path, err := url.PathUnescape(path)
	if err != nil {
		return s, fmt.Errorf("the path of the DuckDB URI: %w", err)
	}
	if s.path = path; path == "" {
		return s, fmt.Errorf("the DuckDB URI names no file")
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return s, fmt.Errorf("the options of the DuckDB URI: %w", err)
	}
	for name := range options {
		if err := s.set(name, options.Get(name)); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *settings) set(name, value string) error {
	ok := true
	switch name {
	case "mode":
		s.mode, ok = value, value == "ro" || value == "rw" || value == "rwc"
	case "memory_limit":
		s.memoryLimit, ok = value, sizeWords.MatchString(value)
	case "temp_directory":
		s.tempDirectory, ok = value, value != ""
	case "threads":
		n, err := strconv.Atoi(value)
		s.threads, ok = n, err == nil && n >= 1 && n <= 1024
	case "nanoseconds":
		s.nanosAsText, ok = value == "text", value == "text" || value == "timestamp"
	default:
		return fmt.Errorf("the DuckDB URI has an unknown option %q; there are memory_limit, mode, nanoseconds, temp_directory and threads", name)
	}
	if !ok {
		return fmt.Errorf("the option %s of the DuckDB URI has a value that it does not take", name)
	}
	return nil
}
