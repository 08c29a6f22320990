package sqlite

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// settings are what a URI says.
type settings struct {
	path string
	// mode is "ro", "rw" or "rwc" (made where it is not there).
	mode string
	// wal says that a database which is written is put into WAL mode, where readers and the writer do not wait for
	// each other.
	wal         bool
	busyTimeout time.Duration
	foreignKeys bool
	// lengths says that the n of VARCHAR(n) counts.
	lengths bool
}

// parseURI reads sqlite:///absolute/path or sqlite://relative/path with options: mode=ro|rw|rwc, journal_mode=wal|keep,
// busy_timeout=5s, foreign_keys=on|off, lengths=on|off.
func parseURI(uri string) (settings, error) {
	s := settings{mode: "rw", wal: true, busyTimeout: 5 * time.Second, foreignKeys: true, lengths: true}
	rest, ok := strings.CutPrefix(uri, "sqlite://")
	if !ok {
		return s, fmt.Errorf("the URI of a SQLite database begins with sqlite://")
	}
	path, query, _ := strings.Cut(rest, "?")
	path, err := url.PathUnescape(path)
	if err != nil {
		return s, fmt.Errorf("the path of the SQLite URI: %w", err)
	}
	if s.path = path; path == "" {
		return s, fmt.Errorf("the SQLite URI names no file")
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return s, fmt.Errorf("the options of the SQLite URI: %w", err)
	}
	for name := range options {
		if err := s.set(name, options.Get(name)); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *settings) set(name, value string) (err error) {
	word := func(words ...string) int {
		for i, w := range words {
			if value == w {
				return i
			}
		}
		err = fmt.Errorf("the option %s of the SQLite URI is one of %s", name, strings.Join(words, ", "))
		return 0
	}
	switch name {
	case "mode":
		s.mode = []string{"rw", "ro", "rwc"}[word("rw", "ro", "rwc")]
	case "journal_mode":
		s.wal = word("wal", "keep") == 0
	case "foreign_keys":
		s.foreignKeys = word("on", "off") == 0
	case "lengths":
		s.lengths = word("on", "off") == 0
	case "busy_timeout":
		if s.busyTimeout, err = time.ParseDuration(value); err != nil || s.busyTimeout < 0 || s.busyTimeout > time.Hour {
			return fmt.Errorf("busy_timeout of the SQLite URI is a time like 5s, up to one hour")
		}
	default:
		return fmt.Errorf("the SQLite URI has an unknown option %q; there are busy_timeout, foreign_keys, journal_mode, lengths and mode", name)
	}
	return err
}
