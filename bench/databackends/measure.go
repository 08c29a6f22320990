package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// client is a session through the proxy.
type client struct {
	conn *pgconn.PgConn
	url  string
}

func connect(ctx context.Context, url string) (*client, error) {
	conn, err := pgconn.Connect(ctx, url)
	return &client{conn, url}, err
}

func (p *client) close(ctx context.Context) { _ = p.conn.Close(ctx) } // the proxy ends next

// rows runs a statement and reads all of its rows.
func (p *client) rows(ctx context.Context, sql string) (n int, err error) {
	r := p.conn.ExecParams(ctx, sql, nil, nil, nil, nil)
	for r.NextRow() {
		n++
	}
	_, err = r.Close()
	return n, err
}

// prepare names a statement, and point runs it for a key.
func (p *client) prepare(ctx context.Context, sql string) error {
	_, err := p.conn.Prepare(ctx, "point", sql, nil)
	return err
}

func (p *client) point(ctx context.Context, key int64) error {
	r := p.conn.ExecPrepared(ctx, "point", [][]byte{fmt.Append(nil, key)}, nil, nil)
	n := 0
	for r.NextRow() {
		n++
	}
	_, err := r.Close()
	if err == nil && n != 1 {
		err = fmt.Errorf("%d rows have the key %d", n, key)
	}
	return err
}

// explain is the plan of a statement.
func (p *client) explain(ctx context.Context, sql string) (string, error) {
	r := p.conn.ExecParams(ctx, "EXPLAIN (VERBOSE, COSTS OFF) "+sql, nil, nil, nil, nil).Read()
	var plan strings.Builder
	for _, row := range r.Rows {
		plan.Write(row[0])
		plan.WriteByte('\n')
	}
	return plan.String(), r.Err
}

// pointText reads one row by its key; $1 is written as the engine does.
const pointText = "SELECT o_custkey, o_totalprice, o_orderdate, o_comment FROM orders WHERE o_orderkey = "

// points compares reads of one row, in turns of some each.
func points(ctx context.Context, s settings, n native, p *client) error {
	if err := p.prepare(ctx, pointText+"$1"); err != nil {
		return err
	}
	const turn = 50
	var took [2][]time.Duration
	for i := range s.points + turn {
		// The keys of TPC-H are eight of each 32 (section 4.2.3 of the specification).
		key := int64(i%turn)*32 + int64(i/turn%7) + 1
		for side, ask := range []func(context.Context, int64) error{n.point, p.point} {
			at := time.Now()
			if err := ask(ctx, key); err != nil {
				return err
			}
			if i >= turn { // the first warm up
				took[side] = append(took[side], time.Since(at))
			}
		}
	}
	a, b := median(took[0]), median(took[1])
	fmt.Printf("  row by key      native %7.3f ms   proxy %7.3f ms   +%.3f ms\n", ms(a), ms(b), ms(b-a))
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// scans compares readings of a whole table.
func scans(ctx context.Context, s settings, n native, p *client) error {
	for name, sql := range map[string]string{"scan, 4 columns": "SELECT l_orderkey, l_quantity, l_shipdate, l_comment FROM lineitem", "scan, all": "SELECT * FROM lineitem"} {
		count := 0
		m, err := both(ctx, s, func(ctx context.Context) error { _, err := n.rows(ctx, sql); return err }, func(ctx context.Context) (err error) {
			count, err = p.rows(ctx, sql)
			return err
		})
		if err != nil {
			return err
		}
		fmt.Printf("  %-15s native %7.0f      proxy %7.0f thousand rows/s   %.2f x the time\n", name, float64(count)/1000/m[0].Seconds(), float64(count)/1000/m[1].Seconds(), m[1].Seconds()/m[0].Seconds())
	}
	return nil
}

// both runs a statement natively and through the proxy, in turn, and gives the medians.
func both(ctx context.Context, s settings, natively, through func(context.Context) error) (m [2]time.Duration, err error) {
	var took [2][]time.Duration
	for range s.rounds {
		for side, f := range []func(context.Context) error{natively, through} {
			ctx, cancel := context.WithTimeout(ctx, s.limit)
			at := time.Now()
			err := f(ctx)
			cancel()
			if err != nil {
				return m, &sideError{side: side, err: err}
			}
			took[side] = append(took[side], time.Since(at))
		}
		if took[0][0]+took[1][0] > s.limit/2 {
			break // long ones need no second run
		}
	}
	return [2]time.Duration{median(took[0]), median(took[1])}, nil
}

// sideError says which side failed: 0 the engine, 1 the proxy.
type sideError struct {
	side int
	err  error
}

func (e *sideError) Error() string {
	return [2]string{"native", "through the proxy"}[e.side] + ": " + strings.SplitN(e.err.Error(), "\n", 2)[0]
}

func (e *sideError) Unwrap() error { return e.err }

// texts compares the queries of TPC-H.
func texts(ctx context.Context, s settings, n native, p *client) error {
	files, err := filepath.Glob("tests/conformance/testdata/tpch/*.sql")
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no texts of TPC-H: %w", err)
	}
	began := time.Now()
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		number, sql := strings.TrimSuffix(filepath.Base(file), ".sql"), strings.TrimSuffix(strings.TrimSpace(string(raw)), ";")
		if time.Since(began) > s.budget {
			fmt.Printf("  TPC-H %s        not run: the time for this engine's texts is used up\n", number)
			continue
		}
		how, err := place(ctx, p, sql)
		if err != nil {
			return fmt.Errorf("TPC-H %s: %w", number, err)
		}
		m, err := both(ctx, s, func(ctx context.Context) error { _, err := n.rows(ctx, n.text(sql)); return err }, func(ctx context.Context) error { _, err := p.rows(ctx, sql); return err })
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			fmt.Printf("  TPC-H %s %-8s %v\n", number, how, err)
			if p.conn.IsClosed() { // the time was over while it answered
				if p.conn, err = pgconn.Connect(ctx, p.url); err != nil {
					return err
				}
			}
			continue
		}
		fmt.Printf("  TPC-H %s %-8s native %7.0f ms   proxy %7.0f ms   %.2f x\n", number, how, ms(m[0]), ms(m[1]), m[1].Seconds()/m[0].Seconds())
	}
	return nil
}

// place says where a statement runs: whole, in the databackend alone; parts, in part there; rows, if only rows come from it.
func place(ctx context.Context, p *client, sql string) (string, error) {
	plan, err := p.explain(ctx, sql)
	switch {
	case err != nil:
		return "", err
	case strings.Contains(plan, "Finished by PostgreSQL"):
		return "finished", nil
	case strings.HasPrefix(plan, "Foreign Scan") && strings.Count(plan, "Foreign Scan") == 1:
		return "whole", nil
	}
	return "parts", nil
}
