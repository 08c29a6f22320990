package metric_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metric"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// TestGolden compares the cases of testdata/cases.jsonl with what scikit-learn 1.9.0 said of them:
// python reference.py <cases.jsonl >golden.jsonl in testdata.
func TestGolden(t *testing.T) {
	t.Parallel()
	want := readLines[map[string]any](t, "testdata/golden.jsonl")
	cases := readLines[testCase](t, "testdata/cases.jsonl")
	if len(want) != len(cases) || len(cases) == 0 {
		t.Fatalf("%d cases, %d outcomes", len(cases), len(want))
	}
	for i, c := range cases {
		compare(t, c, outcomes(t, c), want[i])
	}
}

// readLines reads a file of JSON lines.
func readLines[T any](t *testing.T, path string) (all []T) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// TestAutomatic says which average a metric without one gets.
func TestAutomatic(t *testing.T) {
	t.Parallel()
	positive := "spam"
	for _, c := range []struct {
		name     string
		typ      string
		values   []any
		positive *string
		want     string
	}{
		{"truth values", "boolean", []any{true, false}, nil, "f1_binary"},
		{"0 and 1", "integer", []any{0.0, 1.0}, nil, "f1_binary"},
		{"only 0", "integer", []any{0.0, 0.0}, nil, "f1_binary"},
		{"2 and 3", "integer", []any{2.0, 3.0}, nil, "f1_macro"},
		{"three numbers", "integer", []any{0.0, 1.0, 2.0}, nil, "f1_macro"},
		{"text", "text", []any{"ham", "spam"}, nil, "f1_macro"},
		{"text with a positive label", "text", []any{"ham", "spam"}, &positive, "f1_binary"},
	} {
		column := column(t, c.typ, c.values)
		set, err := metric.New(metric.Config{Metrics: []metric.Spec{{Base: "f1"}}, Target: column.Type, Answer: column.Type, Positive: c.positive})
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Add(&column, &column); err != nil {
			t.Fatal(err)
		}
		results, err := set.Results()
		if err != nil || results[0].Name != c.want {
			t.Errorf("%s: %+v, %v, want %s", c.name, results, err, c.want)
		}
	}
}

// TestRefused says what is refused, and how.
func TestRefused(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for _, c := range []struct {
		name           string
		metric         string
		target, answer udf.Column
		code           string
	}{
		{"text against numbers", "accuracy", udf.Column{Type: udf.Text, Texts: []string{"1"}}, udf.Column{Type: udf.Int8, Ints: []int64{1}}, "42804"},
		{"numbers of text", "mae", udf.Column{Type: udf.Text, Texts: []string{"1"}}, udf.Column{Type: udf.Float8, Floats: []float64{1}}, "42804"},
		{"scores that are text", "roc_auc", udf.Column{Type: udf.Text, Texts: []string{"1"}}, udf.Column{Type: udf.Text, Texts: []string{"1"}}, "42804"},
		{"a list as a label", "f1", udf.Column{Type: udf.Int4, Ints: []int64{1}}, udf.Column{Type: udf.Float8Array, FloatLists: [][]float64{{1}}}, "42804"},
		{"bytes", "accuracy", udf.Column{Type: udf.Bytea, Bytes: [][]byte{{1}}}, udf.Column{Type: udf.Bytea, Bytes: [][]byte{{1}}}, "42804"},
		{"a fraction as a label", "accuracy", udf.Column{Type: udf.Int4, Ints: []int64{1}}, udf.Column{Type: udf.Float8, Floats: []float64{0.5}}, "22023"},
		{"NaN", "rmse", udf.Column{Type: udf.Float8, Floats: []float64{nan}}, udf.Column{Type: udf.Float8, Floats: []float64{0.5}}, "22023"},
		{"a NaN score", "roc_auc", udf.Column{Type: udf.Bool, Bools: []bool{true}}, udf.Column{Type: udf.Float8, Floats: []float64{nan}}, "22023"},
		{"NaN in a list", "log_loss", udf.Column{Type: udf.Bool, Bools: []bool{true}}, udf.Column{Type: udf.Float8Array, FloatLists: [][]float64{{nan, 1}}}, "22023"},
		{"numeric NaN", "mae", udf.Column{Type: udf.Numeric, Texts: []string{"NaN"}}, udf.Column{Type: udf.Float8, Floats: []float64{0.5}}, "22023"},
		{"infinity", "mae", udf.Column{Type: udf.Float8, Floats: []float64{math.Inf(1)}}, udf.Column{Type: udf.Float8, Floats: []float64{0.5}}, "22023"},
		{"no probability", "log_loss", udf.Column{Type: udf.Bool, Bools: []bool{true}}, udf.Column{Type: udf.Float8, Floats: []float64{1.5}}, "22023"},
		{"three labels with scores", "roc_auc", udf.Column{Type: udf.Int4, Ints: []int64{1, 2, 3}}, udf.Column{Type: udf.Float8, Floats: []float64{1, 2, 3}}, "22023"},
		{"three labels, binary", "f1_binary", udf.Column{Type: udf.Int4, Ints: []int64{1, 2, 3}}, udf.Column{Type: udf.Int4, Ints: []int64{1, 2, 3}}, "22023"},
		{"too many labels", "accuracy", udf.Column{Type: udf.Int4, Ints: []int64{1, 2, 3, 4, 5}}, udf.Column{Type: udf.Int4, Ints: []int64{1, 2, 3, 4, 5}}, "54000"},
		{"lists of two lengths", "log_loss", udf.Column{Type: udf.Bool, Bools: []bool{true, true}}, udf.Column{Type: udf.Float8Array, FloatLists: [][]float64{{0, 1}, {0, 0, 1}}}, "22023"},
	} {
		spec, err := metric.ParseSpec(c.metric)
		if err != nil {
			t.Fatal(err)
		}
		set, err := metric.New(metric.Config{Metrics: []metric.Spec{spec}, Target: c.target.Type, Answer: c.answer.Type, MaxLabels: 4})
		if err == nil {
			err = set.Add(&c.target, &c.answer)
		}
		var own *metric.Error
		if !errors.As(err, &own) || own.Code != c.code || own.Hint+own.Detail == "" && c.name != "lists of two lengths" && c.name != "too many labels" {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
	if _, err := metric.ParseSpec("f2"); err == nil || !strings.Contains(err.Error(), `"f2"`) {
		t.Errorf("ParseSpec(f2): %v", err)
	}
	if s, err := metric.ParseSpec("F1_Macro"); err != nil || s.String() != "f1_macro" {
		t.Errorf("ParseSpec(F1_Macro): %v, %v", s, err)
	}
}

// TestNulls leaves rows out in which either is NULL, and counts them.
func TestNulls(t *testing.T) {
	t.Parallel()
	target := column(t, "boolean", []any{true, nil, false, true, nil})
	answer := column(t, "boolean", []any{true, true, nil, false, nil})
	set, err := metric.New(metric.Config{Target: udf.Bool, Answer: udf.Bool})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Add(&target, &answer); err != nil {
		t.Fatal(err)
	}
	if used, skipped := set.Rows(); used != 2 || skipped != 3 {
		t.Errorf("%d rows used, %d skipped", used, skipped)
	}
	results, err := set.Results()
	if err != nil || results[0].Name != "accuracy" || results[0].Value != 0.5 {
		t.Errorf("%+v, %v", results, err)
	}
}

// TestNoRows gives no value, and says why.
func TestNoRows(t *testing.T) {
	t.Parallel()
	for _, typ := range []udf.Type{udf.Bool, udf.Float8} {
		set, err := metric.New(metric.Config{Target: typ, Answer: typ})
		if err != nil {
			t.Fatal(err)
		}
		results, err := set.Results()
		if err != nil || len(results) < 3 {
			t.Fatalf("%+v, %v", results, err)
		}
		for _, r := range results {
			if !math.IsNaN(r.Value) || r.Note == "" {
				t.Errorf("%+v of no rows", r)
			}
		}
	}
}

// TestFarFromZero holds r2 where the targets are far from zero beside how far they are from each other, over many rows: the
// spread of whole numbers is known exactly.
func TestFarFromZero(t *testing.T) {
	t.Parallel()
	const n = 200_000
	target, answer := udf.NewColumn(udf.Float8, n), udf.NewColumn(udf.Float8, n)
	for i := range n {
		target.Floats[i] = 1e12 + float64(i%1000)
		answer.Floats[i] = target.Floats[i] + 1
	}
	set, err := metric.New(metric.Config{Target: udf.Float8, Answer: udf.Float8})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Add(&target, &answer); err != nil {
		t.Fatal(err)
	}
	results, err := set.Results()
	if err != nil {
		t.Fatal(err)
	}
	variance := (1000.0*1000 - 1) / 12
	for i, want := range []float64{1, 1, 1 - 1/variance} {
		if got := results[i].Value; math.Abs(got-want) > 1e-12 {
			t.Errorf("%s is %.17g, want %.17g", results[i].Name, got, want)
		}
	}
}
