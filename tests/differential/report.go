package differential

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// tally counts the verdicts over the cases that have a call in one position.
type tally struct {
	equal, errors, refused, skipped, different int
	// alone is how many of the refused have calls in this position only.
	alone int
}

// report is the result of a run.
type report struct {
	total     tally
	positions map[string]*tally
	// codes counts the SQLSTATEs of equal errors, examples has a statement for each, and for each reason of refusals.
	codes    map[string]int
	examples map[string]string
	// reasons counts refusals by what the proxy said.
	reasons  map[string]int
	failures []*failure
	// classes counts differences by their class.
	classes map[string]int
	// oracle and proxy are the times that the statements took, all sessions together.
	oracle, proxy time.Duration
}

// failure is a case that differs, as small as it could be made.
type failure struct {
	seed  uint64
	index int
	c     *testCase
	r     result
}

func newReport() *report {
	return &report{positions: map[string]*tally{}, codes: map[string]int{}, examples: map[string]string{}, reasons: map[string]int{}, classes: map[string]int{}}
}

// add counts a case.
func (r *report) add(c *testCase, got result) {
	r.total.add(got.verdict)
	for _, p := range c.positions {
		t := r.positions[p]
		if t == nil {
			t = &tally{}
			r.positions[p] = t
		}
		t.add(got.verdict)
		if got.verdict == refused && c.onlyPosition() {
			t.alone++
		}
	}
	switch got.verdict {
	case equalError:
		r.codes[got.class]++
		if r.codes[got.class] == 1 {
			r.examples[got.class] = got.detail + "\n" + c.text()
		}
	case refused:
		reason, _, _ := strings.Cut(got.detail, "\n")
		r.reasons[reason]++
		if r.reasons[reason] == 1 {
			r.examples["0A000 "+reason] = got.detail + "\n" + c.text()
		}
	case different:
		r.classes[got.class]++
	}
}

func (t *tally) add(v verdict) {
	*[]*int{&t.equal, &t.errors, &t.refused, &t.skipped, &t.different}[v]++
}

// onlyPosition says that the calls of a case all stand in one clause, whatever the form of the call.
func (c *testCase) onlyPosition() bool {
	n := 0
	for _, p := range c.positions {
		if !strings.HasPrefix(p, "call: ") && !strings.HasPrefix(p, "WHERE: ") {
			n++
		}
	}
	return n == 1
}

// statements is how many cases were run.
func (t *tally) statements() int { return t.equal + t.errors + t.refused + t.skipped + t.different }

// String is the counts in one line.
func (t tally) String() string {
	return fmt.Sprintf("%d statements, %d equal, %d equal errors, %d refused, %d too slow for PostgreSQL, %d different", t.statements(), t.equal, t.errors, t.refused, t.skipped,
		t.different)
}

// String prints the tables.
func (r *report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-36s %9s %9s %9s %9s %9s\n", "calls stand in", "equal", "eq.errors", "refused", "(alone)", "different")
	for _, p := range sortedKeys(r.positions) {
		t := r.positions[p]
		fmt.Fprintf(&b, "%-36s %9d %9d %9d %9d %9d\n", p, t.equal, t.errors, t.refused, t.alone, t.different)
	}
	t := r.total
	fmt.Fprintf(&b, "%-36s %9d %9d %9d %9s %9d\n", "all statements", t.equal, t.errors, t.refused, "", t.different)
	fmt.Fprintf(&b, "statements took %.1f s on PostgreSQL, %.1f s through the proxy\n", r.oracle.Seconds(), r.proxy.Seconds())
	for _, list := range []struct {
		title string
		from  map[string]int
	}{{"equal errors", r.codes}, {"refusals", r.reasons}, {"differences", r.classes}} {
		if len(list.from) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s:\n", list.title)
		keys := sortedKeys(list.from)
		slices.SortStableFunc(keys, func(x, y string) int { return list.from[y] - list.from[x] })
		for _, k := range keys[:min(25, len(keys))] {
			fmt.Fprintf(&b, "  %6d %.160s\n", list.from[k], k)
		}
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// title says where the failure is found, and what it is.
func (f *failure) title() string {
	return fmt.Sprintf("seed %d, statement %d, %s protocol: %s", f.seed, f.index, f.c.protocol, f.r.class)
}

// text is all statements of the case.
func (c *testCase) text() string {
	text := ""
	for _, s := range c.steps {
		if !s.dropped {
			text += s.text(c, false) + ";\n"
		}
	}
	return text
}

// String is a self-contained reproduction.
func (f *failure) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- %s\n", f.title())
	for line := range strings.Lines(f.r.detail) {
		fmt.Fprintf(&b, "-- %.1500s\n", strings.TrimRight(line, "\n"))
	}
	text := f.c.text()
	for _, name := range f.c.models {
		if strings.Contains(text, "'"+name) {
			fmt.Fprintf(&b, "%s;\n", modelNamed(name).create())
		}
	}
	if f.c.db != nil {
		for _, set := range f.c.db.settings {
			b.WriteString(set + ";\n")
		}
		b.WriteString(typesSQL)
		if strings.Contains(text, "noted") || slices.ContainsFunc(f.c.db.tables, func(t *table) bool { return t.watched }) {
			b.WriteString(watching)
		}
		for _, t := range f.c.db.tables {
			b.WriteString(t.create())
		}
		b.WriteString(f.c.db.createViews(false))
	}
	if !f.c.literals && len(f.c.params) > 0 {
		for i, p := range f.c.params {
			fmt.Fprintf(&b, "-- $%d is %s\n", i+1, p.constant())
		}
	}
	b.WriteString(text)
	return b.String()
}
