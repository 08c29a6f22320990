// Command databackends measures statements through the proxy beside the same ones written for the engine, by the engine's own
// driver, in the same run: reads of one row by its key, scans of a table, and the queries of TPC-H, those that go down whole and those
// that the local PostgreSQL finishes. make bench-databackends runs it; docs/performance.md has its figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// settings is the command line.
type settings struct {
	bin, scale, only string
	// rounds is how often each statement runs on each side; the figures are medians.
	rounds int
	// limit is how long one run of a text may take, budget how long all texts of an engine may: what is left then is not run.
	limit, budget time.Duration
	// points is how many rows are read by their key on each side.
	points int
}

func main() {
	var s settings
	flag.StringVar(&s.bin, "bin", "bin/pinnacle-proxy", "the proxy")
	flag.StringVar(&s.scale, "scale", "0.1", "the scale of TPC-H")
	flag.StringVar(&s.only, "engines", "duckdb,sqlite,mariadb,clickhouse", "the engines, split by commas")
	flag.IntVar(&s.rounds, "rounds", 3, "runs of each statement on each side")
	flag.DurationVar(&s.limit, "limit", 10*time.Second, "the longest run of a text")
	flag.DurationVar(&s.budget, "budget", 60*time.Second, "the longest time for the texts of an engine")
	flag.IntVar(&s.points, "points", 1000, "rows read by their key on each side")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "databackends:", err)
		os.Exit(1)
	}
}

// run measures one engine after the other.
func run(ctx context.Context, s settings) error {
	bin, err := filepath.Abs(s.bin)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "scripts/tpc_data.sh", "tpch", s.scale).Output()
	if err != nil {
		return fmt.Errorf("the data of TPC-H: %w", err)
	}
	data := strings.TrimSpace(string(out))
	dir, err := os.MkdirTemp("", "bench-databackends-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { // the local PostgreSQL runs as another user
		return err
	}
	fmt.Printf("TPC-H at scale %s, medians of %d runs\n", s.scale, s.rounds)
	for _, e := range engines() {
		if !slices.Contains(strings.Split(s.only, ","), e.name) {
			continue
		}
		own := filepath.Join(dir, e.name)
		if err := os.Mkdir(own, 0o711); err != nil {
			return err
		}
		if err := measureEngine(ctx, s, e, bin, own, data); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return nil
}

// measureEngine loads an engine, starts a proxy before it, and prints its figures.
func measureEngine(ctx context.Context, s settings, e engine, bin, dir, data string) (err error) {
	started := time.Now()
	n, err := e.start(ctx, dir, data)
	if errors.Is(err, lab.ErrNotInstalled) {
		fmt.Printf("\n%s: %v\n", e.name, err)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	proxy, err := lab.StartProxy(ctx, bin, filepath.Join(dir, "proxy"), n.uri())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, proxy.Stop()) }()
	url, err := proxy.URL()
	if err != nil {
		return err
	}
	p, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer p.close(ctx)
	fmt.Printf("\n%s (loaded and started in %.0f s)\n", e.name, time.Since(started).Seconds())
	if err := points(ctx, s, n, p); err != nil {
		return fmt.Errorf("rows by their key: %w", err)
	}
	if err := scans(ctx, s, n, p); err != nil {
		return fmt.Errorf("scans: %w", err)
	}
	return texts(ctx, s, n, p)
}

// median is the middle of some times; it orders them.
func median(of []time.Duration) time.Duration {
	slices.Sort(of)
	return of[len(of)/2]
}
