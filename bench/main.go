// Command bench measures the proxy beside PgBouncer and beside no proxy at all, and predict in SQL beside the bare
// model. scripts/bench.sh starts the servers and runs it; every figure in docs/performance.md is from its output.
//
// What is compared runs interleaved, round by round, so that a machine that slows down slows all of it. Each figure is
// the median of the rounds; each ratio is the median of the rounds' ratios.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// settings is the command line.
type settings struct {
	direct, session, transaction, proxy endpoint
	database, user                      string
	rounds                              int
	seconds, warm                       int
	idle                                int
	rows                                int
	asked                               int
	model, library                      string
	only                                string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run reads the command line, makes the tables, and runs the parts that were asked for, in an order in which none
// disturbs the next: memory first, while the proxy is fresh.
func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	parts := []struct {
		name string
		run  func(context.Context, *settings, *report) error
	}{
		{"memory", memory},
		{"tps", transactions},
		{"rows", rows},
		{"predict", predict},
		{"strategies", strategies},
		{"latency", latency},
	}
	if err := prepare(ctx, s); err != nil {
		return fmt.Errorf("making the tables: %w", err)
	}
	var r report
	ran := false
	for _, part := range parts {
		if s.only != "" && !slices.Contains(strings.Split(s.only, ","), part.name) {
			continue
		}
		ran = true
		started := time.Now()
		fmt.Fprintf(os.Stderr, "bench: %s …\n", part.name)
		if err := part.run(ctx, s, &r); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		fmt.Fprintf(os.Stderr, "bench: %s took %.0f s\n", part.name, time.Since(started).Seconds())
	}
	if !ran {
		return errors.New("-only names none of memory, tps, rows, predict, strategies, latency")
	}
	r.print(os.Stdout)
	return nil
}

// parse reads the command line.
func parse(args []string) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.Var(&s.direct, "direct", "`PORT:PID` of the PostgreSQL")
	f.Var(&s.session, "session", "`PORT:PID` of PgBouncer with pool_mode=session")
	f.Var(&s.transaction, "transaction", "`PORT:PID` of PgBouncer with pool_mode=transaction")
	f.Var(&s.proxy, "proxy", "`PORT:PID` of the proxy")
	f.StringVar(&s.database, "database", "bench", "database; it holds the tables flights and pgbench's")
	f.StringVar(&s.user, "user", "postgres", "user, who needs no password")
	f.IntVar(&s.rounds, "rounds", 5, "rounds of each comparison")
	f.IntVar(&s.seconds, "seconds", 5, "seconds of one run of pgbench that count")
	f.IntVar(&s.warm, "warm", 3, "seconds before them that do not")
	f.IntVar(&s.idle, "idle", 1000, "idle connections")
	f.IntVar(&s.rows, "rows", 5_000_000, "rows of the long SELECT")
	f.IntVar(&s.asked, "asked", 1_000_000, "rows that the strategies of predict are measured with")
	f.StringVar(&s.model, "model", "examples/flights/late.onnx", "the model `file`, which the proxy may read too")
	f.StringVar(&s.library, "onnxruntime", "", "ONNX Runtime's shared library, a `file`")
	f.StringVar(&s.only, "only", "", "parts to run, with commas: memory, tps, rows, predict, strategies, latency (all)")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	for _, e := range []endpoint{s.direct, s.session, s.transaction, s.proxy} {
		if e.port == 0 || e.pid == 0 {
			return nil, errors.New("-direct, -session, -transaction and -proxy are needed")
		}
	}
	if s.warm < 0 {
		return nil, errors.New("-warm is not negative")
	}
	if s.rounds < 1 || s.seconds < 1 || s.idle < 1 || s.rows < 1 || s.asked < 1 {
		return nil, errors.New("-rounds, -seconds, -idle, -rows and -asked are at least 1")
	}
	return s, nil
}
