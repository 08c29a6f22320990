package conformance

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

var (
	scale = flag.String("tpch-scale", "0.01", "the scale of the tables of TPC-H; empty: without them")
	only  = flag.String("engines", "embedded,sqlite,duckdb,mariadb,mongodb,clickhouse,pandas,polars", "the engines to run, split by commas")
)

// TestConformance runs all statements of testdata on every engine and on PostgreSQL, and compares.
func TestConformance(t *testing.T) {
	files, err := readCases("testdata")
	if err != nil {
		t.Fatal(err)
	}
	common := tables()
	all := common
	if *scale == "" {
		t.Log("without TPC-H")
	} else if dir, err := tpcFiles(t.Context(), "../..", "tpch", *scale); err == nil {
		tpch, err := tpchTables(dir)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tpch...)
	} else {
		t.Log(err)
	}
	of := func(e *engine) []table {
		if e.slow {
			return common
		}
		return all
	}
	eachEngine(t, of, func(t *testing.T, w *world) {
		t.Run("types", w.types)
		if w.engine.like == "" {
			w.statements(t, files)
		}
		t.Run("random", w.random)
		t.Run("tpch", w.tpch)
		t.Run("programs", w.programs)
	})
}

// eachEngine runs a test before every engine that was asked for, with its tables.
func eachEngine(t *testing.T, tables func(*engine) []table, test func(t *testing.T, w *world)) {
	dir := t.TempDir()
	// The servers run under other users than ours.
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	bin, err := lab.ProxyBinary(t.Context(), "../..", dir)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{ctx: t.Context(), dir: dir, bin: bin, oracles: map[string]*lab.Postgres{}}
	t.Cleanup(func() {
		for _, server := range b.oracles {
			if err := server.Stop(); err != nil {
				t.Error(err)
			}
		}
	})
	for _, e := range engines() {
		if !slices.Contains(strings.Split(*only, ","), e.name) {
			continue
		}
		t.Run(e.name, func(t *testing.T) { test(t, b.open(t, e, tables(e))) })
	}
}

// statements runs all files.
func (w *world) statements(t *testing.T, files []*caseFile) {
	known := map[string]bool{}
	for _, f := range files {
		for _, c := range f.cases {
			known[c.id()] = true
		}
	}
	for id := range w.engine.limits {
		if !known[id] && !strings.HasPrefix(id, "tpch:") {
			t.Errorf("there is no case %s, for which there is a limit", id)
		}
	}
	for _, f := range files {
		t.Run(f.name, func(t *testing.T) {
			if reason := w.engine.lacks["writes"]; reason != "" && len(f.writes) > 0 {
				t.Skip(reason)
			}
			p, err := w.connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			for _, c := range f.cases {
				t.Run(c.name, func(t *testing.T) { p.check(t, f, c) })
			}
		})
	}
}

// check runs one case, and judges it by the engine's limits.
func (p *pair) check(t *testing.T, f *caseFile, c *statementCase) {
	limit, limited := p.w.engine.limits[c.id()]
	difference, err := p.run(c)
	if err != nil {
		p.close()
		t.Error(err)
	}
	if err := p.reset(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if len(f.writes) > 0 {
		if difference == "" {
			if difference, err = p.contents(f.writes); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.refill(f.writes); err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case difference == "" && limited:
		t.Errorf("it is equal to PostgreSQL, and the engine's limits say that it differs: %s", limit)
	case difference != "" && limited:
		t.Skip(limit)
	case difference != "":
		t.Errorf("testdata/%s.sql:%d: %s", c.file, c.line, difference)
	}
}

// types compares the types that the proxy shows with those that the engine is to have.
func (w *world) types(t *testing.T) {
	for _, common := range tables() {
		for _, c := range common.columns {
			want, ok := w.engine.shown[c.kind]
			if !ok {
				want = c.kind.postgres()
			}
			if got := w.shown(common.name, c.name); got != want {
				t.Errorf("%s.%s, %s, is shown as %q, not %q", common.name, c.name, c.kind, got, want)
			}
		}
	}
}
