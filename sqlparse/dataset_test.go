package sqlparse

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestDatasetCalls(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SELECT * FROM pinnacle.dataset('a')":                                      "a@0 false pinnacle.dataset('a')",
		"SELECT * FROM x, PINNACLE . DataSet ( 'b@2' ) AS d (k) WHERE d.k = 1":     "b@2 true PINNACLE . DataSet ( 'b@2' )",
		"EXPLAIN SELECT 1 FROM (SELECT * FROM pinnacle.dataset('a'::text) t) AS u": "a@0 true pinnacle.dataset('a'::text)",
		"INSERT INTO t SELECT * FROM \"pinnacle\".dataset($$a$$)":                  "a@0 false \"pinnacle\".dataset($$a$$)",
		"SELECT * FROM dataset('a')":                                               "",
		"SELECT other.dataset('a')":                                                "",
	} {
		script, err := Parse(text, DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := ""
		for _, d := range script.Statements[0].Datasets {
			got += fmt.Sprintf("%s@%d %t %s", d.Name, d.Version, d.Aliased, d.Span.Of(text))
		}
		if got != want {
			t.Errorf("%s: %q, not %q", text, got, want)
		}
	}
	for text, says := range map[string]string{
		"SELECT pinnacle.dataset('a')":                               "0A000 stands in FROM",
		"SELECT * FROM pinnacle.dataset($1)":                         "0A000 string constant",
		"SELECT * FROM pinnacle.dataset()":                           "42883 one argument",
		"SELECT * FROM pinnacle.dataset('a', 'b')":                   "42883 one argument",
		"SELECT * FROM pinnacle.dataset('a') WITH ORDINALITY":        "0A000 ORDINALITY",
		"SELECT * FROM x, LATERAL pinnacle.dataset('a')":             "0A000 LATERAL",
		"SELECT * FROM ROWS FROM (pinnacle.dataset('a'), f(1)) AS t": "0A000 ROWS FROM",
		"SELECT * FROM pinnacle.dataset('a@x')":                      "42602 name",
	} {
		_, err := Parse(text, DefaultLimits())
		var e *Error
		code, words, _ := strings.Cut(says, " ")
		if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, words) {
			t.Errorf("%s: %v, not %s", text, err, says)
		}
	}
}
