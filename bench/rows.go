package main

import (
	"context"
	"fmt"
)

// rows compares the speed of one long SELECT, all its columns as text, to a client that only counts.
func rows(ctx context.Context, s *settings, r *report) error {
	type way struct {
		name string
		at   *endpoint
		conn *rawConn
		rate []float64
		cpu  []float64
	}
	ways := []*way{{name: "direct", at: &s.direct}, {name: "proxy", at: &s.proxy}, {name: "PgBouncer session", at: &s.session}}
	for _, w := range ways {
		conn, err := dialRaw(ctx, s, w.at.port)
		if err != nil {
			return err
		}
		defer conn.Close()
		w.conn = conn
	}
	for round := range s.rounds + 1 { // the first one warms up
		for i := range ways {
			w := ways[(i+round)%len(ways)]
			before, err := w.at.processor()
			if err != nil {
				return err
			}
			o, err := w.conn.query("SELECT id, bucket, amount, label FROM long", nil)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			if o.rows != int64(s.rows) {
				return fmt.Errorf("%s gave %d rows, not %d", w.name, o.rows, s.rows)
			}
			after, err := w.at.processor()
			if err != nil {
				return err
			}
			if round > 0 {
				w.rate = append(w.rate, float64(o.rows)/o.whole.Seconds())
				w.cpu = append(w.cpu, float64((after-before).Nanoseconds())/float64(o.rows))
			}
		}
	}
	for _, w := range ways {
		r.add(fmt.Sprintf("SELECT of %d rows: %s", s.rows, w.name), "rows/s", w.rate)
	}
	for _, w := range ways[1:] {
		r.add(fmt.Sprintf("processor time of it: %s", w.name), "ns/row", w.cpu)
	}
	r.ratio("rows/s: proxy / direct", ways[1].rate, ways[0].rate, 0.95)
	r.ratio("rows/s: PgBouncer session / direct", ways[2].rate, ways[0].rate, noAim)
	return nil
}
