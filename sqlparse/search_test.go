package sqlparse

import (
	"errors"
	"fmt"
	"testing"
)

func TestSearches(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SELECT * FROM nearest('i', 'a b')":                                     "nearest i query='a b'",
		"SELECT * FROM pinnacle.nearest('i', $1, 5) AS n JOIN t USING (id)":     "nearest i query=$1 n=5 aliased",
		"SELECT * FROM t, nearest('i', n => 3, query => t.v) x":                 "nearest i query=t.v n=3 aliased",
		"SELECT * FROM nearest('i', key => 7)":                                  "nearest i key=7",
		"SELECT * FROM nearest('i', key => (7, 'x'), n => 2)":                   "nearest i key=7|'x' n=2",
		"SELECT similarity('i', t, 'q') FROM t":                                 "similarity i row=t query='q'",
		"SELECT 1 - similarity('i', s.t, key => 4) FROM s.t":                    "similarity i row=s.t key=4 aliased",
		"SELECT 1 FROM t ORDER BY similarity('i', t, 'q') DESC":                 "similarity i row=t query='q' aliased",
		"SELECT similarity('word', name) FROM t":                                "",
		"SELECT similarity(a, b, c), nearest(a) FROM t":                         "",
		"SELECT * FROM nearest('i', (SELECT v FROM nearest('j', 'x') LIMIT 1))": "nearest i query=(SELECT v FROM nearest('j', 'x') LIMIT 1) nearest j query='x'",
	} {
		script, err := Parse(text, DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := ""
		for _, s := range script.Statements[0].Searches {
			if got != "" {
				got += " "
			}
			got += s.Func + " " + s.Index
			if s.Row != (Span{}) {
				got += " row=" + s.Row.Of(text)
			}
			if s.ByKey {
				got += " key="
				for i, k := range s.Key {
					if i > 0 {
						got += "|"
					}
					got += k.Of(text)
				}
			} else {
				got += " query=" + s.Query.Of(text)
			}
			if s.Limit != (Span{}) {
				got += " n=" + s.Limit.Of(text)
			}
			if s.Aliased {
				got += " aliased"
			}
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
		if script.Concerns() != (want != "") {
			t.Errorf("%s: concerns is %v", text, script.Concerns())
		}
	}
	for text, code := range map[string]string{
		"SELECT nearest('i', 'q')":                                       "0A000",
		"SELECT * FROM similarity('i', t, 'q')":                          "0A000",
		"SELECT * FROM nearest('i', 'q') WITH ORDINALITY":                "0A000",
		"SELECT * FROM ROWS FROM (nearest('i', 'q'), nearest('i', 'r'))": "0A000",
		"SELECT * FROM nearest('i', n => 5)":                             "42601",
		"SELECT * FROM nearest('i', 'q', k => 5)":                        "42883",
		"SELECT * FROM nearest('i', 'q', key => 5)":                      "42883",
		"SELECT similarity('i', 'text', 'q') FROM t":                     "42601",
	} {
		_, err := Parse(text, DefaultLimits())
		var e *Error
		if !errors.As(err, &e) || e.Code != code {
			t.Errorf("%s: %v, want %s", text, fmt.Sprint(err), code)
		}
	}
}
