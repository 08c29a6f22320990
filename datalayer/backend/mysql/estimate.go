package mysql

import (
	"context"
	"strconv"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// Estimate implements backend.Conn: the product of the rows that EXPLAIN says of each table of the outer query block.
func (c *Conn) Estimate(ctx context.Context, program backend.Program) (float64, error) {
	p, err := c.begin(ctx, program)
	if err != nil {
		return -1, err
	}
	if p.guess >= 0 || p.steps != nil {
		return p.guess, nil
	}
	s := c.session
	w := s.watch(ctx)
	found, names, err := s.explain(p)
	if err = w.end(err); err != nil {
		return -1, c.after(err)
	}
	rows := 1.0
	for _, line := range found {
		if line[names["id"]] != found[0][names["id"]] {
			continue
		}
		n, err := strconv.ParseFloat(line[names["rows"]], 64)
		if err != nil {
			continue // "Impossible WHERE" and the like: the values are samples
		}
		if at, ok := names["filtered"]; ok {
			if part, err := strconv.ParseFloat(line[at], 64); err == nil {
				n *= part / 100
			}
		}
		rows *= n
	}
	return rows, nil
}

// explain gives the lines of EXPLAIN, and where each of its columns stands.
func (s *session) explain(p *Program) (lines [][]string, names map[string]int, err error) {
	verb := "EXPLAIN "
	if s.engine.server.mariaDB {
		verb = "EXPLAIN EXTENDED "
	}
	stmt, done, err := s.prepare(verb+p.text, false)
	if err != nil {
		return nil, nil, s.failed(err)
	}
	defer done()
	rows, err := stmt.Query(p.sample()) //nolint:staticcheck // with a context the driver would cut the connection
	if err != nil {
		return nil, nil, s.failed(err)
	}
	names = map[string]int{}
	for i, name := range rows.Columns() {
		names[name] = i
	}
	lines, err = s.texts(rows)
	return lines, names, err
}
