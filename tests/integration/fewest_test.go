package integration

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// fewestCase is a statement and how often its models have to be asked; testdata/fewest.cases has the format.
type fewestCase struct {
	testCase
	// least is the fewest for each model, most a bound where the fewest depends on the order of rows.
	least, most calls
	// more is what is asked now, where that is more than the fewest.
	more calls
	// refused says that the statement is answered with 0A000 now.
	refused bool
	// needs is a query that gives the fewest of the first model; "" for none.
	needs string
	// why argues the fewest.
	why string
}

// calls is how many argument tuples models were asked, by their names.
type calls map[string]int64

// String gives the calls as testdata/fewest.cases has them.
func (c calls) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, c[name]))
	}
	return strings.Join(parts, ", ")
}

// sum is the number of calls of all models.
func (c calls) sum() int64 {
	var n int64
	for _, of := range c {
		n += of
	}
	return n
}

// parseCalls reads a number for a statement with one model, or a list like "f 10, g 2".
func parseCalls(text string, models []string) (calls, error) {
	c := calls{}
	for _, part := range strings.Split(text, ",") {
		words := strings.Fields(part)
		if len(words) == 1 && len(models) == 1 {
			words = []string{models[0], words[0]}
		}
		if len(words) != 2 || !slices.Contains(models, words[0]) {
			return nil, fmt.Errorf("%q names no model of %v", part, models)
		}
		n, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return nil, err
		}
		c[words[0]] = n
	}
	if len(c) != len(models) {
		return nil, fmt.Errorf("%q is not about each of %v", text, models)
	}
	return c, nil
}

// models are those that the case's statements call.
func (c fewestCase) models() []string {
	return modelsOf(strings.Join(append(append([]string{c.sql}, c.setup...), c.after...), "\n"))
}

// readFewest reads testdata/fewest.cases.
func readFewest(path string) ([]fewestCase, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := strings.Split(string(raw), "\n")
	var own []map[string]string
	for i, line := range text {
		if strings.HasPrefix(line, "# ") {
			text[i] = ""
		}
		if strings.HasPrefix(line, "-- case: ") {
			own = append(own, map[string]string{})
		}
		word, value, _ := strings.Cut(strings.TrimPrefix(line, "-- "), ":")
		if len(own) > 0 && strings.HasPrefix(line, "-- ") && slices.Contains([]string{"least", "most", "more", "why", "needs", "refused"}, word) {
			own[len(own)-1][word] = strings.TrimSpace(value)
			text[i] = ""
		}
	}
	cases, err := parseCases(path, strings.Join(text, "\n"))
	if err != nil {
		return nil, err
	}
	list := make([]fewestCase, len(cases))
	for i, c := range cases {
		list[i] = fewestCase{testCase: c, why: own[i]["why"], needs: own[i]["needs"]}
		if err := list[i].directives(own[i]); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, c.line, err)
		}
	}
	return list, nil
}

// directives takes the numbers of a case.
func (c *fewestCase) directives(own map[string]string) error {
	_, c.refused = own["refused"]
	for word, to := range map[string]*calls{"least": &c.least, "most": &c.most, "more": &c.more} {
		text, ok := own[word]
		if !ok {
			continue
		}
		var err error
		if *to, err = parseCalls(text, c.models()); err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	switch {
	case c.least == nil || c.why == "":
		return fmt.Errorf("the fewest is not argued")
	case c.more != nil && c.refused:
		return fmt.Errorf("what is refused asks nothing")
	case c.more != nil && (c.reached(c.more) || c.more.sum() <= c.least.sum()):
		return fmt.Errorf("more is not more than the fewest")
	}
	return nil
}

// reached reports whether calls are the fewest, or within the bound.
func (c *fewestCase) reached(got calls) bool {
	if c.most == nil {
		return maps.Equal(got, c.least)
	}
	for name, n := range got {
		if n < c.least[name] || n > c.most[name] {
			return false
		}
	}
	return true
}

// TestFewestCalls runs each statement of testdata/fewest.cases with models of its own, compares its answer with
// PostgreSQL's, and holds what the models were asked against the fewest.
func TestFewestCalls(t *testing.T) {
	cases, err := readFewest("testdata/fewest.cases")
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 60 {
		t.Fatalf("%d cases", len(cases))
	}
	eachTaggedProxy(t, func(t *testing.T, on *target) {
		var reached, more, refused atomic.Int64
		t.Run("cases", func(t *testing.T) {
			for i, c := range cases {
				t.Run(c.title, func(t *testing.T) {
					t.Parallel()
					switch got := c.count(t, on, i); {
					case got == nil:
						refused.Add(1)
					case c.reached(got):
						reached.Add(1)
					default:
						more.Add(1)
					}
				})
			}
		})
		t.Logf("of %d statements %d ask the fewest, %d more, %d are refused", len(cases), reached.Load(), more.Load(), refused.Load())
	})
}

// fewestDelay makes the models as slow as models are: what a model answers at once is not shared between calls and kept.
const fewestDelay = ", delay = '20ms'"

// count runs a case and gives what its models were asked by the statement itself; nil if it was refused.
func (c fewestCase) count(t *testing.T, on *target, number int) calls {
	what := fmt.Sprintf("%s:%d: %s", c.file, c.line, c.sql)
	c.checkNeeds(t, what)
	names, counters := map[string]string{}, map[string]counted{}
	for _, like := range c.models() {
		names[like] = fmt.Sprintf("%s_%d", like, number)
		counters[like] = count(t, on, like, names[like], fewestDelay)
	}
	got, asked := c.transcript(t, on, func(sql string) string { return renamed(sql, names) }, counters)
	if code, line := firstError(got); code == "0A000" {
		if !c.refused {
			t.Errorf("%s\nis refused: %s", what, line)
		}
		return nil
	}
	want, _ := c.transcript(t, taggedLab(t).oracle, func(sql string) string { return sql }, nil)
	if _, line := firstError(want); line != "" {
		t.Errorf("%s\nthe case itself is wrong: %s", what, line)
	}
	same(t, what, got, want)
	expected := c.more
	if expected == nil && c.most == nil {
		expected = c.least
	}
	switch {
	case c.refused:
		t.Errorf("%s\nis no longer refused, and asks %s", what, asked)
	case expected != nil && !maps.Equal(asked, expected):
		t.Errorf("%s\nasks %s; it asked %s, and the fewest is %s: %s", what, asked, expected, c.least, c.why)
	case expected == nil && !c.reached(asked):
		t.Errorf("%s\nasks %s, want %s to %s: %s", what, asked, c.least, c.most, c.why)
	}
	return asked
}

// checkNeeds holds the fewest against the query that the case has for it.
func (c fewestCase) checkNeeds(t *testing.T, what string) {
	t.Helper()
	if c.needs == "" {
		return
	}
	first := c.models()[0]
	if len(modelsOf(c.sql)) > 0 {
		first = modelsOf(c.sql)[0]
	}
	if got := taggedLab(t).oracle.value(t, c.needs); got != strconv.FormatInt(c.least[first], 10) {
		t.Errorf("%s\nthe case itself is wrong: %s gives %s, and the fewest is %s", what, c.needs, got, c.least)
	}
}

// transcript runs the case on one target, and gives the answers of the statement and of what runs behind it, with what the
// statement asked the models.
func (c fewestCase) transcript(t *testing.T, on *target, text func(string) string, models map[string]counted) ([]string, calls) {
	t.Helper()
	s := on.open(t)
	defer s.conn.Close()
	for _, sql := range c.setup {
		if code, line := firstError(s.query(t, text(sql))); code != "" {
			if code != "0A000" {
				t.Fatalf("%s on %s: %s", sql, on.name, line)
			}
			return []string{line}, nil
		}
	}
	before := countAll(t, models)
	var got []string
	if len(c.params) > 0 {
		got = c.extended(t, s, text(c.sql), 0)
	} else {
		got = s.query(t, text(c.sql))
	}
	got = c.settle(got, false)
	asked := countAll(t, models)
	for name := range asked {
		asked[name] -= before[name]
	}
	for _, sql := range c.after {
		got = append(got, c.settle(s.exchange(t, 1, &pgproto3.Query{String: text(sql)}), false)...)
	}
	return got, asked
}

// countAll counts what models were asked so far.
func countAll(t *testing.T, models map[string]counted) calls {
	t.Helper()
	all := calls{}
	for name, m := range models {
		all[name] = int64(len(m.asked(t).tuples))
	}
	return all
}
