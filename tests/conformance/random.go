package conformance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
)

// mostDifferences is how many random statements may differ before a run ends.
const mostDifferences = 15

// randomCase is one random statement, or a transaction of several.
type randomCase struct {
	statementCase
	// query is what can be made smaller; nil: nothing.
	query  *query
	writes bool
}

// setting is a number that a variable of the environment names.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%s is no number", name, text)
	}
	return n
}

// newRandomCase makes the case with a number; without has what the engine lacks.
func newRandomCase(seed uint64, number int, without map[string]string) *randomCase {
	g := &generator{r: rand.New(rand.NewPCG(seed, uint64(number)))}
	how := one(g, peer.Simple, peer.Simple, peer.ExtendedText, peer.ExtendedBinary, peer.ExtendedBinary, peer.ExtendedPortal, peer.ExtendedAgain, peer.ExtendedPipeline)
	c := &randomCase{statementCase: statementCase{file: "random", name: strconv.Itoa(number), protocols: []peer.Protocol{how}}}
	n := g.r.IntN(100)
	switch {
	case n < 65 || without["writes"] != "":
		g.parameters = how != peer.Simple
		c.query = g.randomQuery()
		c.steps = []step{{sql: c.query.text(), ordered: c.query.ordered}}
	case n < 85 || without["transactions"] != "":
		if how == peer.ExtendedAgain || how == peer.ExtendedPortal {
			c.protocols = []peer.Protocol{peer.ExtendedText}
		}
		g.parameters = how != peer.Simple
		c.steps, c.writes = []step{{sql: g.write(without)}}, true
	default:
		c.protocols, c.writes = []peer.Protocol{peer.Simple}, true
		c.steps = g.transaction(without)
	}
	c.params = g.params
	return c
}

// random runs random statements, and compares.
func (w *world) random(t *testing.T) {
	usual := uint64(500)
	if w.engine.slow {
		usual = 100
	}
	seed, count := setting(t, "CONFORMANCE_SEED", 1), int(setting(t, "CONFORMANCE_STATEMENTS", usual))
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	p, err := w.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	start := time.Now()
	different, failed, codes := 0, 0, map[string]int{}
	for i := range count {
		if i > 0 && i%500 == 0 { // a long run tells how far it is
			t.Logf("seed %d, %s, %.0f s: %d random statements, %d different", seed, w.engine.name, time.Since(start).Seconds(), i, different)
		}
		c := newRandomCase(seed, i, w.engine.lacks)
		d, code, err := p.random(c)
		if err != nil {
			t.Fatalf("seed %d, statement %d: %v\n%s", seed, i, err, c.script())
		}
		if code != "" {
			failed++
			codes[code]++
		}
		if d == "" {
			continue
		}
		different++
		t.Errorf("seed %d, statement %d: %s\n%s", seed, i, d, p.shrink(c, d).script())
		if different == mostDifferences {
			t.Fatalf("%d statements of %d differ; the rest is not run", different, i+1)
		}
	}
	t.Logf("summary: seed %d, %s, %.0f s: %d random statements, %d different, %d fail in both in the same way %v", seed, w.engine.name, time.Since(start).Seconds(), count, different, failed, codes)
}

// random runs a case and brings back what it wrote; it gives the difference and the SQLSTATE that both sides gave.
func (p *pair) random(c *randomCase) (difference, code string, err error) {
	how := c.protocols[0]
	for i, s := range c.steps {
		want, err := p.oracle.Run(s.sql, how, c.params)
		if err != nil {
			return "", "", fmt.Errorf("on PostgreSQL: %w", err)
		}
		if want.Code == "57014" {
			return "", want.Code, p.settle(c)
		}
		got, err := p.proxy.Run(s.sql, how, c.params)
		if err != nil {
			p.proxy.Close()
			difference = fmt.Sprintf("step %d: %v", i+1, err)
			break
		}
		if code == "" {
			code = want.Code
		}
		if d := peer.Compare(want, got, peer.Comparison{Ordered: s.ordered, Moved: true, Unmodified: true}); d != nil {
			difference = fmt.Sprintf("%s protocol, step %d: %s", how, i+1, d.Detail)
			break
		}
	}
	if difference == "" && c.writes {
		if difference, err = p.contents([]string{"w", "u", "v"}); err != nil {
			return "", "", err
		}
	}
	return difference, code, p.settle(c)
}

// settle brings both sides back to where they were before a case.
func (p *pair) settle(c *randomCase) error {
	if !p.proxy.Connected() || p.oracle.Status != 'I' || p.proxy.Status != 'I' {
		if err := p.reset(p.w.ctx, false); err != nil {
			return err
		}
	}
	if c.writes {
		return p.refill([]string{"w", "u", "v"})
	}
	return nil
}

// shrink leaves out parts of a query as long as it still differs.
func (p *pair) shrink(c *randomCase, difference string) *randomCase {
	for again := c.query != nil; again; {
		again = false
		for _, q := range c.query.smaller() {
			small := *c
			small.query, small.steps = q, []step{{sql: q.text(), ordered: q.ordered}}
			if len(c.params) > 0 && !usesAll(q.text(), len(c.params)) {
				continue
			}
			if d, code, err := p.random(&small); err != nil || d == "" || code != "" {
				continue
			}
			c, again = &small, true
			break
		}
	}
	return c
}

// usesAll reports whether a text has all of the parameters up to $n.
func usesAll(text string, n int) bool {
	for i := range n {
		if !strings.Contains(text, "$"+strconv.Itoa(i+1)) {
			return false
		}
	}
	return true
}

// script is the case as text, for a reader.
func (c *randomCase) script() string {
	var b strings.Builder
	for _, s := range c.steps {
		b.WriteString(s.sql + ";\n")
	}
	for i, v := range c.params {
		fmt.Fprintf(&b, "-- $%d %s = %s\n", i+1, v.Type, v.Value)
	}
	return b.String()
}
