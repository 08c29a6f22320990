package stream_test

import (
	"bytes"
	"slices"
	"strconv"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
)

// wide is where with an id of so many bytes, by the row.
func wide(rows int, size func(row int) int) *rig {
	r := where(double(), numbers(rows, func(int) int { return 1 }))
	for i, row := range r.home.rows {
		row[0] = append(bytes.Repeat([]byte{'0'}, size(i)), strconv.Itoa(i)...)
	}
	r.limits = stream.Limits{BatchRows: 8192, BatchBytes: 64 << 10, MemoBytes: 1 << 20, Ahead: 2}
	return r
}

// TestPagesFollowTheSizeOfRows asks for fewer rows where rows are large, and for more again behind them.
func TestPagesFollowTheSizeOfRows(t *testing.T) {
	t.Parallel()
	r := wide(20000, func(row int) int {
		if row >= 3000 && row < 12000 {
			return 1500
		}
		return 0
	})
	if n := len(r.all(t)); n != 20000 {
		t.Fatalf("%d rows", n)
	}
	at, large := 0, 0
	for _, f := range r.home.fetches {
		if at >= 4080 && at+f <= 12000 { // the page from 2032 on was asked for before large rows were seen
			large++
			if f > 2*64<<10/1500 {
				t.Errorf("home was asked for %d rows of 1500 bytes", f)
			}
		}
		at += f
	}
	if last := slices.Max(r.home.fetches[len(r.home.fetches)-3:]); large < 90 || last < 1000 {
		t.Errorf("pages of %v rows", r.home.fetches)
	}
}

func TestPageThatIsTooLarge(t *testing.T) {
	t.Parallel()
	// The last page of small rows has 512; the next is full of large ones.
	r := wide(3000, func(row int) int {
		if row >= 1008 {
			return 60000
		}
		return 0
	})
	s := &sink{}
	_, _, err := r.run(t).Emit(t.Context(), 0, s)
	if code(err) != "54000" || len(s.rows) != 1008 {
		t.Errorf("%d rows, then %v", len(s.rows), err)
	}
	if held := (r.home.at - 1008) * 60000; held > 66*r.limits.BatchBytes {
		t.Errorf("%d bytes were held before the error", held)
	}
}

// TestOneRowOfAnySize takes rows that are larger than a page may be, one at a time.
func TestOneRowOfAnySize(t *testing.T) {
	t.Parallel()
	r := wide(40, func(int) int { return 100 << 10 })
	r.limits.BatchBytes = 1 << 10 // a page of 64 KiB
	s := &sink{}
	if _, _, err := r.run(t).Emit(t.Context(), 0, s); code(err) != "54000" {
		t.Errorf("the first page: %v", err)
	}
	r = wide(40, func(row int) int { return min(row/16, 1) * 100 << 10 })
	r.limits.BatchBytes = 1 << 10
	if _, _, err := r.run(t).Emit(t.Context(), 0, &sink{}); code(err) != "54000" {
		t.Errorf("the second page: %v", err)
	}
	r = wide(40, func(row int) int { return 100 << 10 })
	r.limits.BatchRows, r.limits.BatchBytes = 1, 1<<10
	if n := len(r.all(t)); n != 40 {
		t.Errorf("%d rows", n)
	}
}

// TestExpressionsOfLargeValues makes large values of small rows.
func TestExpressionsOfLargeValues(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]string{10000: "", 300000: "54000"} {
		r := selectList(double(), numbers(2000, func(i int) int { return i }))
		r.plan.Computed = 2
		r.plan.Finals = append(r.plan.Finals, planner.Step{Eval: &planner.Eval{Inputs: []planner.ColumnID{-1}, Exprs: []string{"repeat(x0)"}, Outs: []planner.ColumnID{-2}}})
		r.plan.Outputs[0].Col = -2
		r.home.eval = func(stream.Query, [][]byte) (bool, [][]byte) { return true, [][]byte{bytes.Repeat([]byte("x"), size)} }
		r.limits = stream.Limits{BatchRows: 8192, BatchBytes: 64 << 10, MemoBytes: 1 << 20, Ahead: 2}
		s := &sink{}
		_, _, err := r.run(t).Emit(t.Context(), 0, s)
		if code(err) != want || want == "" && len(s.rows) != 2000 {
			t.Errorf("values of %d bytes: %d rows, %v", size, len(s.rows), err)
		}
		if want == "" && slices.Max(r.home.fetches[2:]) > 12 {
			t.Errorf("values of %d bytes: pages of %v rows", size, r.home.fetches[:10])
		}
	}
}

// TestBatchesOfLargeRowsThatStream closes batches by their size where home gives its rows in one go.
func TestBatchesOfLargeRowsThatStream(t *testing.T) {
	t.Parallel()
	m := double()
	args := numbers(5000, func(i int) int { return i })
	r := selectList(m, args)
	for _, row := range r.home.rows {
		row[0] = append(bytes.Repeat([]byte{'0'}, 1000), row[0]...)
	}
	r.limits = stream.Limits{BatchRows: 8192, BatchBytes: 10000, MemoBytes: 1 << 20, Ahead: 2}
	if n := len(r.all(t)); n != 5000 {
		t.Errorf("%d rows", n)
	}
	if most := slices.Max(m.batches); most > 16 {
		t.Errorf("a batch of %d rows of 1 kB under a limit of 10 kB", most)
	}
}

// TestMemoryOfBatchesIsUsedAgain checks that the sizes of batches are their own, not those of all before.
func TestMemoryOfBatchesIsUsedAgain(t *testing.T) {
	t.Parallel()
	r := selectList(double(), numbers(50000, func(i int) int { return i % 100 }))
	r.plan.Computed = 2
	r.plan.Finals = append(r.plan.Finals, planner.Step{Eval: &planner.Eval{Inputs: []planner.ColumnID{-1}, Exprs: []string{"x0"}, Outs: []planner.ColumnID{-2}}})
	r.plan.Outputs[0].Col = -2
	r.home.eval = func(stream.Query, [][]byte) (bool, [][]byte) { return true, [][]byte{[]byte("ten bytes.")} }
	r.limits = stream.Limits{BatchRows: 1024, BatchBytes: 64 << 10, MemoBytes: 1 << 20, Ahead: 2}
	if n := len(r.all(t)); n != 50000 {
		t.Errorf("%d rows", n)
	}
	for i, f := range r.home.fetches[6:] {
		if f != 1024 {
			t.Fatalf("page %d has %d rows", i+6, f)
		}
	}
}
