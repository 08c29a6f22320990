package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// firstRows is how often each statement of latency is run in a round.
const firstRows = 10

// latency measures the time from sending a statement over all flights to its first row, with predict and without. After
// the first row the statement is cancelled, as an impatient user would, and must end with 57014.
func latency(ctx context.Context, s *settings, r *report) error {
	if err := createModel(ctx, s); err != nil {
		return err
	}
	type way struct {
		name, sql string
		port      int
		conn      *rawConn
		ms        []float64
	}
	const plain = "SELECT carrier, flight, dep_delay, distance, hour, month FROM flights"
	ways := []*way{
		{name: "plain, direct", sql: plain, port: s.direct.port},
		{name: "plain, proxy", sql: plain, port: s.proxy.port},
		{name: "predict, proxy", sql: "SELECT carrier, flight, " + call + " FROM flights", port: s.proxy.port},
	}
	for _, w := range ways {
		conn, err := dialRaw(ctx, s, w.port)
		if err != nil {
			return err
		}
		defer conn.Close()
		w.conn = conn
	}
	for round := range s.rounds*firstRows + 1 { // the first one warms up
		for i := range ways {
			w := ways[(i+round)%len(ways)]
			o, err := w.conn.query(w.sql, w.conn.cancel)
			var pg *pgconn.PgError
			if err != nil && !(errors.As(err, &pg) && pg.Code == "57014") { // a short answer may end before the cancel
				return fmt.Errorf("%s: %w", w.name, err)
			}
			if round > 0 {
				w.ms = append(w.ms, float64(o.first.Microseconds())/1000)
			}
		}
	}
	for _, w := range ways {
		r.add("first row: "+w.name, "ms", w.ms)
	}
	return nil
}
