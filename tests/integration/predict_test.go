package integration

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// protocol is one way to run a statement.
type protocol struct {
	name string
	// extended says Parse, Bind and Execute; format is what it asks of the results: 0 text, 1 binary.
	extended bool
	format   int16
}

var protocols = []protocol{{name: "simple"}, {name: "text", extended: true}, {name: "binary", extended: true, format: 1}}

// TestSameAsPostgres runs every case of testdata/*.sql through the proxy and on PostgreSQL, where the models are SQL
// functions of the same meaning, and compares every message of the two servers.
func TestSameAsPostgres(t *testing.T) {
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	eachTarget(t, func(t *testing.T, on *target) {
		for _, file := range files {
			cases, err := readCases(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Run(strings.TrimSuffix(filepath.Base(file), ".sql"), func(t *testing.T) {
				t.Parallel()
				for _, c := range cases {
					t.Run(c.title, func(t *testing.T) { c.check(t, on) })
				}
			})
		}
	})
}

// check runs a case on both sides in each protocol.
func (c testCase) check(t *testing.T, on *target) {
	for _, p := range protocols {
		if c.only == "simple" && p.extended || c.only == "extended" && !p.extended || len(c.params) > 0 && !p.extended {
			continue
		}
		what := fmt.Sprintf("%s:%d %s: %s", c.file, c.line, p.name, c.sql)
		got := c.run(t, on, p)
		if c.expect == "refused" {
			c.checkRefused(t, what, got)
			continue
		}
		want := c.run(t, world.direct, p)
		if code, line := firstError(want); code != c.fails {
			t.Errorf("%s\nthe case itself is wrong: PostgreSQL is to answer with %q, but: %s", what, c.fails, line)
		}
		if c.expect == "either" {
			if code, line := firstError(got); code == "0A000" && diff(got, want) != "" {
				if !strings.Contains(strings.ToLower(line), strings.ToLower(c.names)) {
					t.Errorf("%s\nis refused without naming %s: %s", what, c.names, line)
				}
				continue
			}
		}
		same(t, what, got, want)
	}
}

// checkRefused wants 0A000, with the word of "names" in it, and the session to go on.
func (c testCase) checkRefused(t *testing.T, what string, got []string) {
	code, line := firstError(got)
	if code != "0A000" {
		t.Errorf("%s\nis to be refused with 0A000, but: %.500v", what, got)
	}
	if !strings.Contains(strings.ToLower(line), strings.ToLower(c.names)) {
		t.Errorf("%s\nis refused without naming %s: %s", what, c.names, line)
	}
	if last := got[len(got)-1]; !strings.HasPrefix(last, "ReadyForQuery") {
		t.Errorf("%s\nthe session does not go on: %s", what, last)
	}
}

// run gives the transcript of a case on one target, with what PostgreSQL leaves open taken out.
func (c testCase) run(t *testing.T, on *target, p protocol) []string {
	t.Helper()
	s := on.open(t)
	defer s.conn.Close()
	for _, sql := range c.setup {
		s.mustQuery(t, sql)
	}
	sql := c.sql
	if on.functions && c.oracle != "" {
		sql, s.verbatim = c.oracle, true
	}
	var got []string
	if p.extended {
		got = c.extended(t, s, sql, p.format)
	} else {
		got = s.query(t, sql)
	}
	got = c.settle(got, p.extended)
	s.verbatim = false
	for _, sql := range c.after {
		got = append(got, c.settle(s.query(t, sql), false)...)
	}
	return got
}

// extended runs Parse and Describe, and, if there was no error, Bind, Describe and Execute.
func (c testCase) extended(t *testing.T, s *session, sql string, format int16) []string {
	t.Helper()
	oids := make([]uint32, len(c.params))
	values := make([][]byte, len(c.params))
	for i, p := range c.params {
		oids[i], values[i] = p.oid, p.value
	}
	got := s.exchange(t, 1, &pgproto3.Parse{Query: sql, ParameterOIDs: oids}, &pgproto3.Describe{ObjectType: 'S'}, &pgproto3.Sync{})
	if code, _ := firstError(got); code != "" {
		return got
	}
	return append(got, s.exchange(t, 1, &pgproto3.Bind{Parameters: values, ResultFormatCodes: []int16{format}},
		&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, &pgproto3.Sync{})...)
}

// settle drops what a client cannot rely on: the rows that a failing statement gives before its error, and, for
// "unordered" and "code", the order of rows and the words of errors.
func (c testCase) settle(got []string, extended bool) []string {
	var out []string
	start := 0
	for _, l := range got {
		switch {
		case strings.HasPrefix(l, "Error "):
			if extended {
				out = append(out[:start], without(out[start:], "DataRow")...)
			} else {
				out = append(out[:start], without(out[start:], "DataRow", "RowDescription")...)
			}
			if c.expect == "code" {
				l = strings.Join(strings.Fields(l)[:3], " ")
			}
		case strings.HasPrefix(l, "CommandComplete"):
			if c.unordered {
				first := start
				for first < len(out) && !strings.HasPrefix(out[first], "DataRow") {
					first++
				}
				sort.Strings(out[first:])
			}
		}
		out = append(out, l)
		if strings.HasPrefix(l, "CommandComplete") || strings.HasPrefix(l, "PortalSuspended") || strings.HasPrefix(l, "ReadyForQuery") {
			start = len(out)
		}
	}
	return out
}
