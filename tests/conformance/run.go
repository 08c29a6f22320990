package conformance

import (
	"fmt"
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
)

// run runs a case on both sides, by each of its protocols; "" if all is equal, otherwise what differs. An error is of the oracle's
// session, so of the test.
func (p *pair) run(c *statementCase) (string, error) {
	for _, how := range c.protocols {
		params := c.params
		if how == peer.ExtendedBinary {
			params = nil
			for _, param := range c.params {
				param.Binary = true
				params = append(params, param)
			}
		}
		for i, s := range c.steps {
			p.oracle.Input, p.proxy.Input = c.input, c.input
			with := params
			if i != len(c.steps)-1 && len(c.steps) > 1 {
				with = nil
			}
			d, err := p.compare(s, how, with, peer.Comparison{Ordered: s.ordered, Accepted: c.accepted, Masked: c.masked, Moved: true})
			if err != nil {
				return "", fmt.Errorf("%s, step %d: %w", c.id(), i+1, err)
			}
			if d != "" {
				return fmt.Sprintf("%s protocol, step %d: %s\n%s", how, i+1, s.sql, d), nil
			}
		}
	}
	return "", nil
}

// compare runs one statement on both sides; "" if the answers are equal.
func (p *pair) compare(s step, how peer.Protocol, params []peer.Param, by peer.Comparison) (string, error) {
	want, err := p.oracle.Run(s.sql, how, params)
	if err != nil {
		return "", fmt.Errorf("on PostgreSQL: %w", err)
	}
	got, err := p.proxy.Run(s.sql, how, params)
	if err != nil {
		p.proxy.Close()
		return err.Error(), nil
	}
	if d := peer.Compare(want, got, by); d != nil {
		return d.Detail, nil
	}
	return "", nil
}

// contents compares what tables hold.
func (p *pair) contents(tables []string) (string, error) {
	for _, t := range tables {
		d, err := p.compare(step{sql: "SELECT * FROM " + t}, peer.Simple, nil, peer.Comparison{Moved: true})
		if err != nil || d != "" {
			return "afterwards, " + t + ": " + d, err
		}
	}
	return "", nil
}

// refill brings written tables back to what they held, on both sides: emptied in their order, filled in the reverse one.
func (p *pair) refill(tables []string) error {
	var script []string
	for _, t := range tables {
		script = append(script, "DELETE FROM "+t)
	}
	for _, t := range slices.Backward(tables) {
		script = append(script, p.w.fill(t)...)
	}
	for _, side := range []*peer.Peer{p.oracle, p.proxy} {
		for _, sql := range script {
			if err := side.Script(sql); err != nil {
				return fmt.Errorf("%s: %w", sql, err)
			}
		}
	}
	return nil
}

// fill are the statements that fill a written table: from the table beside it, or with its rows.
func (w *world) fill(name string) []string {
	if slices.ContainsFunc(w.tables, func(t table) bool { return t.name == name+"_seed" }) {
		return []string{fmt.Sprintf("INSERT INTO %s SELECT * FROM %[1]s_seed", name)}
	}
	i := slices.IndexFunc(w.tables, func(t table) bool { return t.name == name })
	return postgresDialect().inserts(w.tables[i])
}
