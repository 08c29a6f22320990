package metric

import (
	"bufio"
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// TestRuns counts many rows with next to no memory, in more runs than may be open, and compares with counting every pair.
func TestRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	const n = 5000
	target, answer := udf.NewColumn(udf.Bool, n), udf.NewColumn(udf.Float8, n)
	for i := range n {
		target.Bools[i] = r.IntN(3) == 0
		answer.Floats[i] = math.Round(r.NormFloat64()*1000) / 1000
	}
	set, err := New(Config{Metrics: []Spec{{Base: "roc_auc"}}, Target: udf.Bool, Answer: udf.Float8, Memory: 20 * groupBytes, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Add(&target, &answer); err != nil {
		t.Fatal(err)
	}
	if runs := len(set.ranking.runs.files); runs < 2 || runs > mostRuns || cap(set.ranking.groups) > 64 {
		t.Errorf("%d runs, room for %d groups in memory", runs, cap(set.ranking.groups))
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files with names: %v, %v", left, err)
	}
	results, err := set.Results()
	if err != nil {
		t.Fatal(err)
	}
	var won, all float64
	for i := range n {
		for j := range n {
			if target.Bools[i] && !target.Bools[j] {
				all++
				switch {
				case answer.Floats[i] > answer.Floats[j]:
					won++
				case answer.Floats[i] == answer.Floats[j]:
					won += 0.5
				}
			}
		}
	}
	if got := results[0].Value; math.Abs(got-won/all) > 1e-15 {
		t.Errorf("roc_auc is %.17g, want %.17g", got, won/all)
	}
	if err := set.Close(); err != nil {
		t.Error(err)
	}
}

// TestNoDisk is an error that a user can act on.
func TestNoDisk(t *testing.T) {
	t.Parallel()
	r := &ranking{labels: newLabels(numberLabels, true, 2), most: 2, runs: &runs{dir: t.TempDir() + "/none"}}
	var err error
	for i := 0; err == nil && i < 10; i++ {
		err = r.add(i%2, float64(i))
	}
	own, ok := err.(*Error)
	if !ok || own.Code != "58030" {
		t.Errorf("%v", err)
	}
}

// encoded is a group as encodeGroup writes it.
func encoded(t testing.TB, g group) []byte {
	t.Helper()
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := encodeGroup(w, g); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzDecodeGroup holds the reader of runs against bytes of any kind: what it takes is what encodeGroup writes.
func FuzzDecodeGroup(f *testing.F) {
	for _, g := range []group{{1.5, [2]uint64{1, 0}}, {-3, [2]uint64{7, math.MaxUint64}}} {
		b := encoded(f, g)
		f.Add(b)
		f.Add(b[:20])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := decodeGroup(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		if b := encoded(t, g); !bytes.Equal(b, data[:groupBytes]) {
			t.Errorf("%v became %v", data[:groupBytes], b)
		}
	})
}

// BenchmarkSet is a row's cost in metrics of each kind, over batches of 8192 rows; roc_auc has 16 MiB, and spills.
func BenchmarkSet(b *testing.B) {
	const rows = 8192
	r := rand.New(rand.NewPCG(1, 2))
	truth, scores, class := udf.NewColumn(udf.Bool, rows), udf.NewColumn(udf.Float8, rows), udf.NewColumn(udf.Int8, rows)
	for i := range rows {
		truth.Bools[i], class.Ints[i] = r.IntN(2) == 0, int64(r.IntN(10))
	}
	for _, c := range []struct {
		name           string
		metrics        []Spec
		target, answer *udf.Column
	}{
		{"labels", []Spec{{Base: "accuracy"}, {Base: "f1"}, {Base: "confusion_matrix"}}, &class, &class},
		{"roc_auc", []Spec{{Base: "roc_auc"}}, &truth, &scores},
		{"log_loss", []Spec{{Base: "log_loss"}}, &truth, &scores},
		{"numbers", []Spec{{Base: "mae"}, {Base: "rmse"}, {Base: "r2"}}, &scores, &scores},
	} {
		b.Run(c.name, func(b *testing.B) {
			set, err := New(Config{Metrics: c.metrics, Target: c.target.Type, Answer: c.answer.Type, Memory: 16 << 20, Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer set.Close()
			b.ReportAllocs()
			for b.Loop() {
				for i := range scores.Floats {
					scores.Floats[i] = r.Float64()
				}
				if err := set.Add(c.target, c.answer); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := set.Results(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}
