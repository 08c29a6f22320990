package differential

import (
	"context"
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
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
func (c *testCase) run(oracle, proxy *side) result {
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
			how = peer.Simple
		}
		// What PostgreSQL cannot run in time is not asked of the proxy.
		want, err := oracle.Run(s.text(c, oracle.oracle), how, sent(params))
		if err != nil {
			return result{verdict: skipped, broken: true, detail: err.Error()}
		}
		if want.Code == "57014" {
			return result{verdict: skipped}
		}
		got, err := proxy.Run(s.text(c, proxy.oracle), how, sent(params))
		if err != nil {
			d := differ("connection", "step %d: %v", i+1, err)
			d.broken = true
			return d
		}
		if got.Code == "0A000" && want.Code != "0A000" {
			return result{verdict: refused, class: "refused", detail: got.Message}
		}
		if d := s.compare(want, got); d.verdict == different {
			d.detail = fmt.Sprintf("step %d, %s", i+1, d.detail)
			return d
		}
		if want.Code != "" && r.verdict == equal {
			r.verdict = equalError
			r.class = want.Code
			r.detail = want.Message
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
func (s *step) compare(want, got peer.Answer) result {
	d := peer.Compare(want, got, peer.Comparison{Ordered: s.total, Accepted: s.accepted, Unmodified: s.loose, Moved: s.moves})
	if d == nil {
		return result{}
	}
	return result{verdict: different, class: d.Class, detail: d.Detail}
}

// compareTables compares the contents of all tables.
func (c *testCase) compareTables(oracle, proxy *side) result {
	s := &step{total: true}
	for _, sql := range c.db.contents() {
		want, err := oracle.Run(sql, peer.Simple, nil)
		if err != nil {
			return result{verdict: skipped, broken: true}
		}
		got, err := proxy.Run(sql, peer.Simple, nil)
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
	for _, p := range []*side{w.oracle, w.proxy} {
		if p.Status != 'I' || len(c.steps) > 1 {
			// Each in a Query of its own: one that finds nothing to do is no reason to leave the others out.
			for _, sql := range strings.Split(leftovers, ";") {
				if !p.Connected() {
					break
				}
				_ = p.Script(sql)
			}
		}
		if c.writes {
			if err := p.Script(c.db.refill()); err != nil {
				return fmt.Errorf("refill: %w", err)
			}
		}
	}
	return nil
}
