package integration

import (
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

// testCase is one statement of a file in testdata, run on PostgreSQL and through the proxy. README.md has the format.
type testCase struct {
	file, title string
	line        int
	// setup runs before the statement, after behind it; after's answers are compared too.
	setup, after []string
	sql          string
	// oracle is the oracle's own text; "" to derive it from sql.
	oracle string
	params []param
	// only is "simple" or "extended", "" for both.
	only string
	// expect is "equal", "either" (equal, or refused with 0A000), "refused" (0A000) or "code" (errors agree in their
	// SQLSTATE alone).
	expect string
	// fails is the SQLSTATE that PostgreSQL itself gives; "" for a case that succeeds there.
	fails string
	// names is a word that a refusal has to hold.
	names     string
	unordered bool
}

// param is one parameter of a statement: a declared type (0 for none) and its value as text, nil for NULL.
type param struct {
	oid   uint32
	value []byte
}

// readCases reads a file of cases.
func readCases(path string) ([]testCase, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseCases(path, string(raw))
}

// parseCases reads the text of a file of cases.
func parseCases(path, text string) ([]testCase, error) {
	var cases []testCase
	var c *testCase
	for i, line := range strings.Split(text, "\n") {
		if title, ok := strings.CutPrefix(line, "-- case: "); ok {
			cases = append(cases, testCase{file: path, title: title, line: i + 1, expect: "equal"})
			c = &cases[len(cases)-1]
			continue
		}
		if c == nil {
			continue
		}
		// Directives stand between the title and the statement.
		if c.sql == "" && strings.HasPrefix(line, "-- ") {
			known, err := c.directive(strings.TrimPrefix(line, "-- "))
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
			}
			if known {
				continue
			}
		}
		if c.sql != "" || line != "" {
			c.sql += line + "\n"
		}
	}
	for i := range cases {
		cases[i].sql = strings.TrimRight(cases[i].sql, "\n")
		if cases[i].sql == "" {
			return nil, fmt.Errorf("%s:%d: a case without a statement", path, cases[i].line)
		}
	}
	return cases, nil
}

// directive takes one line of the form "word: value", and reports whether it was one.
func (c *testCase) directive(line string) (bool, error) {
	word, value, found := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch {
	case line == "unordered":
		c.unordered = true
	case !found:
		return false, nil
	case word == "setup":
		c.setup = append(c.setup, value)
	case word == "after":
		c.after = append(c.after, value)
	case word == "oracle":
		c.oracle = value
	case word == "only" && (value == "simple" || value == "extended"):
		c.only = value
	case word == "expect" && (value == "equal" || value == "either" || value == "refused" || value == "code"):
		c.expect = value
	case word == "fails":
		c.fails = value
	case word == "names":
		c.names = value
	case word == "param":
		typ, text, _ := strings.Cut(value, " ")
		p := param{value: []byte(text)}
		if text == "NULL" {
			p.value = nil
		}
		if typ != "-" {
			t, ok := pgtype.NewMap().TypeForName(typ)
			if !ok {
				return false, fmt.Errorf("no type %q", typ)
			}
			p.oid = t.OID
		}
		c.params = append(c.params, p)
	default:
		return false, fmt.Errorf("no directive %q", line)
	}
	return true, nil
}
