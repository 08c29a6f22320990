package differential

import (
	"context"
	"flag"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

var (
	seed       = flag.Uint64("seed", 0, "seed of the statements; 0 takes one from the clock")
	first      = flag.Int("first", 0, "number of the first statement")
	statements = flag.Int("statements", 500, "how many statements to run on each target")
	only       = flag.String("only", "", "run only positions whose name holds this")
	targets    = flag.String("targets", "embedded", "embedded, databackend, plain (the oracle against itself, which checks the test), split by commas")
	workers    = flag.Int("workers", 2, "sessions beside each other")
	shrink     = flag.Int("shrink", 2, "how many differences of one class are made small")
	failures   = flag.Int("failures", 20, "how many differences are printed")
	examples   = flag.Bool("examples", false, "show a statement for each SQLSTATE that both sides agree on")
	oracle     = flag.String("oracle", "stable", "stable or immutable: what the oracle's functions are; several, split by commas, are for one target each")
	refusals   = flag.Bool("refusals", true, "whether a statement may be refused with 0A000")
)

// TestDifferential runs random statements against every target.
func TestDifferential(t *testing.T) {
	eachTarget(t, models, func(t *testing.T, o Options) {
		o.check(t, path.Base(t.Name()), func() (*report, error) { return Run(t.Context(), o) })
	})
}

// eachTarget starts the servers with models, and runs a test against every target.
func eachTarget(t *testing.T, with []model, test func(t *testing.T, o Options)) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	ctx := t.Context()
	dir := t.TempDir()
	// The servers run under other users than ours.
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	server, err := lab.StartPostgres(ctx, filepath.Join(dir, "oracle"), "autovacuum=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	var bin string
	kinds := strings.Split(*oracle, ",")
	for i, name := range strings.Split(*targets, ",") {
		if bin == "" && name != "plain" {
			if bin, err = lab.ProxyBinary(ctx, "../..", dir); err != nil {
				t.Fatal(err)
			}
		}
		t.Run(name, func(t *testing.T) { test(t, options(t, name, kinds[i%len(kinds)], with, server, bin, dir)) })
	}
}

// options starts what one target needs. kind is what the oracle's functions are.
func options(t *testing.T, name, kind string, with []model, server *lab.Postgres, bin, dir string) Options {
	t.Helper()
	ctx := t.Context()
	o := Options{Seed: *seed, First: *first, Statements: *statements, Only: *only, Workers: *workers, Shrink: *shrink, Failures: *failures,
		Log: func(text string) { t.Log(text) }}
	o.Oracle = newHome(ctx, t, server, "oracle_"+name, functions(with, false, kind))
	switch name {
	case "plain":
		o.Proxy, o.ProxyIsOracle = newHome(ctx, t, server, "dear", functions(with, true, kind)), true
	case "embedded", "databackend":
		home := ""
		var args []string
		if name == "databackend" {
			home = newHome(ctx, t, server, "home", "")
			// What is held goes to its limits here, which are of other sizes than results usually are.
			args = []string{"--predict-result-bytes", "1KiB", "--predict-result-file-bytes", "4KiB", "--predict-batch-rows", "7"}
		}
		proxy, err := lab.StartProxy(ctx, bin, filepath.Join(dir, name), home, args...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("log of the proxy:\n%s", proxy.Tail(5))
			}
			if err := proxy.Stop(); err != nil {
				t.Error(err)
			}
		})
		if o.Proxy, err = proxy.URL(); err != nil {
			t.Fatal(err)
		}
		for _, m := range with {
			if err := lab.Load(ctx, o.Proxy, m.create()); err != nil {
				t.Fatal(err)
			}
		}
	default:
		t.Fatalf("no target %q", name)
	}
	return o
}

// check runs something, prints its report, and fails the test if there were differences.
func (o Options) check(t *testing.T, name string, run func() (*report, error)) {
	t.Helper()
	start := time.Now()
	r, err := run()
	t.Logf("seed %d, target %s\n%s", o.Seed, name, r)
	t.Logf("summary: seed %d, %s, %.0f s: %s", o.Seed, name, time.Since(start).Seconds(), r.total)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range sortedKeys(r.examples) {
		if *examples {
			t.Logf("%d statements fail with %s on both sides, or %d are refused, for example: %s", r.codes[code], code, r.reasons[strings.TrimPrefix(code, "0A000 ")], r.examples[code])
		}
	}
	// The reproductions come last, where a reader of a long output finds them.
	for _, f := range r.failures {
		t.Logf("difference:\n%s", f)
	}
	if n := r.total.different; n > 0 {
		t.Errorf("%d of %d statements differ from PostgreSQL", n, r.total.statements())
	}
	if n := r.total.refused; n > 0 && !*refusals {
		t.Errorf("%d of %d statements are refused", n, r.total.statements())
	}
}

// newHome makes a database on the server, and runs a script there.
func newHome(ctx context.Context, t *testing.T, server *lab.Postgres, name, script string) string {
	t.Helper()
	if err := server.Load(ctx, "postgres", "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	if err := server.Load(ctx, name, "SELECT 1;"+script); err != nil {
		t.Fatal(err)
	}
	return server.URL(name)
}

// functions is the script of models as SQL functions.
func functions(models []model, dear bool, kind string) string {
	var b strings.Builder
	for _, m := range models {
		b.WriteString(m.function(dear, strings.ToUpper(kind)))
	}
	return b.String()
}
