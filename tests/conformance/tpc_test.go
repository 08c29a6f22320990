package conformance

import (
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
)

var (
	tpcSuites = flag.String("tpc", "", "the suites that TestTPC runs, with their scales: tpch=0.1,tpcds=0.01")
	patience  = flag.Duration("tpc-patience", 3*time.Minute, "how long one text of TPC may take")
)

// lastLimit is the LIMIT that ends a text of TPC-DS. Its ORDER BY leaves open which rows are first, so all are compared.
var lastLimit = regexp.MustCompile(`(?i)\s+LIMIT\s+\d+\s*$`)

// TestTPC runs all texts of TPC-H and TPC-DS before every engine and on PostgreSQL with the same rows, and compares. It prints how
// long each took on both.
func TestTPC(t *testing.T) {
	if *tpcSuites == "" {
		t.Skip("-tpc names no suite; tests/suites/databackends_tpc.sh does")
	}
	for suite := range strings.SplitSeq(*tpcSuites, ",") {
		name, scale, _ := strings.Cut(suite, "=")
		t.Run(name, func(t *testing.T) { runTPC(t, name, scale) })
	}
}

// runTPC runs a suite before every engine.
func runTPC(t *testing.T, suite, scale string) {
	dir, err := tpcFiles(t.Context(), "../..", suite, scale)
	if err != nil {
		t.Skip(err)
	}
	read, from := tpchTables, "testdata/tpch"
	if suite == "tpcds" {
		read, from = tpcdsTables, dir
	}
	list, err := read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if suite == "tpch" {
		for i := range list {
			list[i].indexed = tpchIndexes[list[i].name]
		}
	}
	texts, err := textsOf(filepath.Join(from, "*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	eachEngine(t, func(*engine) []table { return list }, func(t *testing.T, w *world) {
		w.patience = *patience
		w.tpc(t, suite, texts)
	})
}

// tpc runs a suite's texts in their order.
func (w *world) tpc(t *testing.T, suite string, texts map[string]string) {
	p, err := w.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var numbers []string
	for number := range texts {
		if _, err := strconv.Atoi(number); err == nil {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	equal := 0
	for _, number := range numbers {
		sql, ordered := texts[number], true
		if suite == "tpcds" {
			sql, ordered = lastLimit.ReplaceAllString(sql, ""), false
		}
		whole := "finished"
		if p.whole(sql) {
			whole = "whole"
		}
		took, d, err := p.timed(sql, ordered)
		if err != nil {
			t.Fatalf("%s: %v", number, err)
		}
		verdict := "equal"
		if d == "" {
			equal++
		} else {
			verdict = "differs"
			t.Errorf("%s %s: %s", suite, number, d)
			if err := p.reset(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%s %s %s: %s, %s, %.2f s, PostgreSQL %.2f s", w.engine.name, suite, number, verdict, whole, took[1].Seconds(), took[0].Seconds())
	}
	t.Logf("summary: %s, %s: %d of %d equal", w.engine.name, suite, equal, len(numbers))
}

// timed runs a text on PostgreSQL and through the proxy: how long each took, and what differs.
func (p *pair) timed(sql string, ordered bool) (took [2]time.Duration, difference string, err error) {
	at := time.Now()
	want, err := p.oracle.Run(sql, peer.ExtendedText, nil)
	took[0] = time.Since(at)
	if err != nil {
		return took, "", fmt.Errorf("on PostgreSQL: %w", err)
	}
	at = time.Now()
	got, err := p.proxy.Run(sql, peer.ExtendedText, nil)
	took[1] = time.Since(at)
	if err != nil {
		p.proxy.Close()
		return took, err.Error(), nil
	}
	if d := peer.Compare(want, got, peer.Comparison{Moved: true, Ordered: ordered}); d != nil {
		return took, d.Detail, nil
	}
	return took, "", nil
}

// whole reports whether a statement is one foreign scan that PostgreSQL does not finish.
func (p *pair) whole(sql string) bool {
	a, err := p.proxy.Run("EXPLAIN (VERBOSE, COSTS OFF) "+sql, peer.Simple, nil)
	if err != nil || a.Code != "" {
		return false
	}
	plan := strings.Join(a.Rows, "\n")
	return strings.Count(plan, "Foreign Scan") == 1 && !strings.Contains(plan, "Finished by PostgreSQL") && strings.HasPrefix(strings.TrimLeft(a.Rows[0], `" `), "Foreign Scan")
}
