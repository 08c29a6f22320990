package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// memory measures what an idle connection costs: by how much the process grows while some connections, each of which has
// run a statement, do nothing. It is measured on the proxy as it was started and on PgBouncer.
func memory(ctx context.Context, s *settings, r *report) error {
	for _, w := range []struct {
		name string
		at   *endpoint
		aim  bool
	}{{"PgBouncer session", &s.session, false}, {"proxy", &s.proxy, true}} {
		// Code paths and pools that the first connections bring are not the connections' own.
		if err := idle(ctx, s, w.at, 20, func() error { return nil }); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		before, err := settled(ctx, w.at)
		if err != nil {
			return err
		}
		var after int64
		// PgBouncer's pool is 64 server connections wide; in session mode more clients than that would wait.
		n := s.idle
		if !w.aim {
			n = min(n, 60)
		}
		err = idle(ctx, s, w.at, n, func() error {
			after, err = settled(ctx, w.at)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		each := float64(after-before) / float64(n) / 1024
		title := fmt.Sprintf("memory of an idle connection (%d of them): %s", n, w.name)
		r.add(title, "KiB", []float64{each})
		if w.aim {
			r.atMost(title, "KiB", each, 64)
		}
	}
	return nil
}

// idle opens connections, runs a statement on each, calls f, and closes them.
func idle(ctx context.Context, s *settings, at *endpoint, n int, f func() error) error {
	conns := make([]*pgconn.PgConn, 0, n)
	defer func() {
		for _, c := range conns {
			_ = c.Close(ctx)
		}
	}()
	for range n {
		c, err := pgconn.Connect(ctx, s.dsn(at.port))
		if err != nil {
			return fmt.Errorf("connection %d: %w", len(conns)+1, err)
		}
		conns = append(conns, c)
		if _, err := c.Exec(ctx, "SELECT abalance FROM pgbench_accounts WHERE aid = 1").ReadAll(); err != nil {
			return err
		}
	}
	return f()
}

// settled is the process's memory once it has not changed for three seconds, or after 30 seconds.
func settled(ctx context.Context, at *endpoint) (int64, error) {
	last, err := at.resident()
	if err != nil {
		return 0, err
	}
	for same, looks := 0, 0; same < 3 && looks < 30; looks++ {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(time.Second):
		}
		now, err := at.resident()
		if err != nil {
			return 0, err
		}
		if same++; now != last {
			same = 0
		}
		last = now
	}
	return last, nil
}
