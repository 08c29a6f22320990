package differential

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// verdict is what a comparison came to.
type verdict int

// The verdicts: equal answers, equal errors, a refusal by the proxy of what PostgreSQL runs, a statement that PostgreSQL
// itself did not end in time, and a difference.
const (
	equal verdict = iota
	equalError
	refused
	skipped
	different
)

// result is the verdict over a case, with the difference if there is one.
type result struct {
	verdict verdict
	// class says in a word what differs: cases of one class may have one cause.
	class string
	// detail is the difference for a reader.
	detail string
	// broken says that a session cannot be used any more.
	broken bool
}

// differ makes a result.
func differ(class, format string, args ...any) result {
	return result{verdict: different, class: class, detail: fmt.Sprintf(format, args...)}
}

// run runs a case on both sides and compares.
func (c *testCase) run(oracle, proxy *peer) result {
	r := result{verdict: equal}
	for i, s := range c.steps {
		if s.dropped {
			continue
		}
		how, params := c.protocol, c.params
		if c.literals {
			params = nil
		}
		if s.optional && len(s.node.children()) == 0 {
			how = simple
		}
		// What PostgreSQL cannot run in time is not asked of the proxy.
		want, err := oracle.run(s.text(c, oracle.oracle), how, params)
		if err != nil {
			return result{verdict: skipped, broken: true, detail: err.Error()}
		}
		if want.code == "57014" {
			return result{verdict: skipped}
		}
		got, err := proxy.run(s.text(c, proxy.oracle), how, params)
		if err != nil {
			d := differ("connection", "step %d: %v", i+1, err)
			d.broken = true
			return d
		}
		if got.code == "0A000" && want.code != "0A000" {
			return result{verdict: refused, class: "refused", detail: got.message}
		}
		if d := s.compare(want, got); d.verdict == different {
			d.detail = fmt.Sprintf("step %d, %s", i+1, d.detail)
			return d
		}
		if want.code != "" && r.verdict == equal {
			r.verdict = equalError
			r.class = want.code
			r.detail = want.message
		}
	}
	if c.writes {
		if d := c.compareTables(oracle, proxy); d.verdict == different {
			return d
		}
	}
	return r
}

// text is the step's statement for one side.
func (s *step) text(c *testCase, oracle bool) string {
	r := rendering{oracle: oracle}
	if c.literals {
		for _, p := range c.params {
			r.literals = append(r.literals, p.constant())
		}
	}
	return s.node.text(r)
}

// compare compares the answers to one step.
func (s *step) compare(want, got answer) result {
	if want.code != got.code {
		return differ("SQLSTATE "+orNone(want.code)+" / "+orNone(got.code)+" "+gist(got.message), "SQLSTATE: PostgreSQL %s %s, proxy %s %s", orNone(want.code), want.message, orNone(got.code), got.message)
	}
	if want.status != got.status {
		return differ("transaction status", "transaction status: PostgreSQL %c, proxy %c", want.status, got.status)
	}
	if want.code != "" || s.accepted {
		return result{}
	}
	if s.loose {
		want.fields, got.fields = unmodified(want.fields), unmodified(got.fields)
	}
	if s.moves {
		want.origins, got.origins = nil, nil
	}
	for _, what := range []struct {
		name      string
		want, got []string
	}{{"parameters", want.parameters, got.parameters}, {"columns", want.fields, got.fields}, {"column origins", want.origins, got.origins}, {"command tag", []string{want.tag}, []string{got.tag}},
		{"rows", s.ordered(want.rows), s.ordered(got.rows)}, {"copied data", s.ordered(want.copied), s.ordered(got.copied)},
		{"suspensions", []string{itoa(want.suspended)}, []string{itoa(got.suspended)}}} {
		if !slices.Equal(what.want, what.got) {
			return differ(what.name, "%s:\n  PostgreSQL: %s\n  proxy:      %s", what.name, excerpt(what.want, what.got), excerpt(what.got, what.want))
		}
	}
	return result{}
}

// modifier is what a field's text says of its modifier.
var modifier = regexp.MustCompile(` modifier -?\d+`)

// unmodified are fields without their modifiers.
func unmodified(fields []string) []string {
	var out []string
	for _, f := range fields {
		out = append(out, modifier.ReplaceAllString(f, ""))
	}
	return out
}

// gist is the first words of a message, those with names and values left out.
func gist(message string) string {
	var words []string
	for _, w := range strings.Fields(message) {
		if len(words) == 6 {
			break
		}
		if !strings.ContainsAny(w, `"0123456789`) {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// orNone is an SQLSTATE, or a word for none.
func orNone(code string) string {
	if code == "" {
		return "none"
	}
	return code
}

// ordered are rows in their order where it is defined, sorted otherwise.
func (s *step) ordered(rows []string) []string {
	if s.total {
		return rows
	}
	return slices.Sorted(slices.Values(rows))
}

// excerpt shows the rows of one side from the first on that differs.
func excerpt(rows, other []string) string {
	i := 0
	for i < len(rows) && i < len(other) && rows[i] == other[i] {
		i++
	}
	tail := rows[i:]
	more := ""
	if len(tail) > 4 {
		tail, more = tail[:4], " …"
	}
	return fmt.Sprintf("%d in all; from %d on: %s%s", len(rows), i+1, strings.Join(tail, " ; "), more)
}

// compareTables compares the contents of all tables.
func (c *testCase) compareTables(oracle, proxy *peer) result {
	s := &step{total: true}
	for _, sql := range c.db.contents() {
		want, err := oracle.run(sql, simple, nil)
		if err != nil {
			return result{verdict: skipped, broken: true}
		}
		got, err := proxy.run(sql, simple, nil)
		if err != nil {
			d := differ("connection", "%v", err)
			d.broken = true
			return d
		}
		if d := s.compare(want, got); d.verdict == different {
			d.class = "table contents"
			d.detail = "afterwards, " + sql + ": " + d.detail
			return d
		}
	}
	return result{}
}

// settle brings both sides back to where they were before the case.
func (c *testCase) settle(ctx context.Context, w *worker, r result) error {
	if r.broken {
		if err := w.reconnect(ctx); err != nil {
			return err
		}
	}
	for _, p := range []*peer{w.oracle, w.proxy} {
		if p.status != 'I' || len(c.steps) > 1 {
			// Each in a Query of its own: one that finds nothing to do is no reason to leave the others out.
			for _, sql := range strings.Split(leftovers, ";") {
				if p.conn == nil {
					break
				}
				_ = p.script(sql)
			}
		}
		if c.writes {
			if err := p.script(c.db.refill()); err != nil {
				return fmt.Errorf("refill: %w", err)
			}
		}
	}
	return nil
}
