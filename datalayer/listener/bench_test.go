package listener_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/listener"
)

// BenchmarkWriting measures what a statement that writes one row takes longer where listeners follow its table: the same
// statement on tables without a listener and with one, three and ten, in turns, on one connection. The figures are
// differences of medians. The Keepers work at the same time.
func BenchmarkWriting(b *testing.B) {
	h := newHome(b, nil)
	counts := []int{0, 1, 3, 10}
	for _, n := range counts {
		h.do(fmt.Sprintf("CREATE TABLE items_%d (id bigint PRIMARY KEY, word text, n int, note text)", n))
		for i := range n {
			h.listen(define(fmt.Sprintf("tags_%d_%d", n, i), fmt.Sprintf("items_%d", n), "tag", "word", "n"))
		}
	}
	conn, err := h.Acquire(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Release()
	took := make([][]time.Duration, len(counts))
	id := 0
	for b.Loop() {
		id++
		for i, n := range counts {
			began := time.Now()
			if _, err := conn.Exec(b.Context(), fmt.Sprintf("INSERT INTO items_%d VALUES ($1, 'a word', 1, 'a note')", n), id); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	for i, n := range counts {
		slices.Sort(took[i])
		b.ReportMetric(float64((took[i][len(took[i])/2]-took[0][len(took[0])/2]).Nanoseconds())/1e6, fmt.Sprintf("ms-added/%d-listeners", n))
	}
	b.ReportMetric(float64(took[0][len(took[0])/2].Nanoseconds())/1e6, "ms-without")
}

// BenchmarkLag measures the time from the end of a statement that writes one row until its output can be read.
func BenchmarkLag(b *testing.B) {
	h := newHome(b, func(c *listener.Config) { c.Poll = 0 }) // the default
	h.do(items)
	h.listen(define("tags", "items", "tag", "word", "n"))
	h.quiet("tags")
	var took []time.Duration
	id := 0
	for b.Loop() {
		id++
		h.do(fmt.Sprintf("INSERT INTO items VALUES (%d, 'a word', 1)", id))
		began := time.Now()
		for there := false; !there; {
			if err := h.QueryRow(b.Context(), "SELECT EXISTS (SELECT FROM tags WHERE id = $1)", id).Scan(&there); err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms-median")
	b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "ms-most")
}

// BenchmarkBackfill measures how fast the outputs of a table's rows are made by a model that takes no time, and how fast
// rows are compared that have them.
func BenchmarkBackfill(b *testing.B) {
	rows := benchRows(b)
	for b.Loop() {
		h := newHome(b, func(c *listener.Config) { c.Poll, c.Verify = 0, 0 })
		h.do(items, fmt.Sprintf("INSERT INTO items SELECT i, 'word ' || i, i %% 1000 FROM generate_series(1, %d) i", rows), "VACUUM ANALYZE items")
		began := time.Now()
		h.listen(define("tags", "items", "tag", "word", "n"))
		wait(b, h, "tags")
		b.ReportMetric(float64(rows)/time.Since(began).Seconds(), "rows/s")
		began = time.Now()
		if err := h.keeper.Refresh(b.Context(), "tags"); err != nil {
			b.Fatal(err)
		}
		wait(b, h, "tags")
		b.ReportMetric(float64(rows)/time.Since(began).Seconds(), "rows-compared/s")
	}
}

// envRows is how many rows BenchmarkBackfill has.
const envRows = "PINNACLE_TEST_ROWS"

func benchRows(b *testing.B) int { return number(b, envRows, 100_000) }

// wait waits until a listener is fresh, however long that takes.
func wait(b *testing.B, h *home, name string) {
	b.Helper()
	for {
		all, err := h.keeper.Status(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		for _, s := range all {
			if s.Name == name && s.State == "fresh" {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}
