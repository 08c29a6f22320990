package integration

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// anywhereCase is a case of testdata/anywhere.cases.
type anywhereCase struct {
	testCase
	// differs says why the answer is known not to be PostgreSQL's; "" for an answer that has to be.
	differs string
}

// readAnywhere reads a file of cases that may have the directive "differs: why".
func readAnywhere(path string) ([]anywhereCase, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := strings.Split(string(raw), "\n")
	var why []string
	for i, line := range text {
		if strings.HasPrefix(line, "-- case: ") {
			why = append(why, "")
		}
		if differs, ok := strings.CutPrefix(line, "-- differs: "); ok && len(why) > 0 {
			why[len(why)-1], text[i] = differs, ""
		}
	}
	cases, err := parseCases(path, strings.Join(text, "\n"))
	if err != nil {
		return nil, err
	}
	list := make([]anywhereCase, len(cases))
	for i, c := range cases {
		list[i] = anywhereCase{testCase: c, differs: why[i]}
	}
	return list, nil
}

// TestAnywhere runs every case of testdata/anywhere.cases through the proxies that have the runtime for tests, and on
// PostgreSQL, and compares every message. What is refused is an error, as predict may stand anywhere, and so is a case that is
// said to differ and does not.
func TestAnywhere(t *testing.T) {
	cases, err := readAnywhere("testdata/anywhere.cases")
	if err != nil {
		t.Fatal(err)
	}
	eachTagged(t, func(t *testing.T, on *target) {
		for _, c := range cases {
			t.Run(c.title, func(t *testing.T) {
				t.Parallel()
				found := c.compare(t, on, taggedLab(t).oracle)
				switch {
				case c.differs == "" || on.proxy == nil:
					for _, difference := range found {
						t.Error(difference)
					}
				case len(found) == 0:
					t.Errorf("%s:%d\nis PostgreSQL's own answer now, and no longer %q", c.file, c.line, c.differs)
				}
			})
		}
	})
}

// compare runs the case on a target and on the oracle in each protocol, and gives the differences.
func (c testCase) compare(t *testing.T, on, oracle *target) (differences []string) {
	t.Helper()
	for _, p := range protocols {
		if c.only == "simple" && p.extended || c.only == "extended" && !p.extended || len(c.params) > 0 && !p.extended {
			continue
		}
		what := fmt.Sprintf("%s:%d %s: %s", c.file, c.line, p.name, c.sql)
		want := c.run(t, oracle, p)
		if code, line := firstError(want); code != c.fails {
			t.Errorf("%s\nthe case itself is wrong: PostgreSQL is to answer with %q, but: %s", what, c.fails, line)
		}
		if d := diff(noticesFirst(c.run(t, on, p)), noticesFirst(want)); d != "" {
			differences = append(differences, what+"\n"+d)
		}
	}
	return differences
}

// noticesFirst moves notices and notifications, in an order of their own, before everything else: nobody may rely on which row
// they come beside, nor on the order in which a plan comes to its rows.
func noticesFirst(transcript []string) []string {
	var notices []string
	for _, l := range transcript {
		if strings.HasPrefix(l, "Notice ") || strings.HasPrefix(l, "Notification ") {
			notices = append(notices, l)
		}
	}
	slices.Sort(notices)
	return append(notices, without(transcript, "Notice ", "Notification ")...)
}
