package metric_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metric"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// testCase is what is handed both to a Set and to testdata/reference.py.
type testCase struct {
	Name     string   `json:"name"`
	Target   string   `json:"target"`
	Answer   string   `json:"answer"`
	Targets  []any    `json:"targets"`
	Answers  []any    `json:"answers"`
	Metrics  []string `json:"metrics"`
	Positive any      `json:"positive"`
}

// column makes a column of values as JSON has them.
func column(t testing.TB, typ string, values []any) udf.Column {
	t.Helper()
	ut, err := udf.ParseType(typ)
	if err != nil {
		t.Fatal(err)
	}
	c := udf.NewColumn(ut, len(values))
	for i, v := range values {
		if v == nil {
			c.SetNull(i)
			continue
		}
		switch ut.Storage() {
		case udf.StoreBools:
			c.Bools[i] = v.(bool)
		case udf.StoreInts:
			c.Ints[i] = int64(v.(float64))
		case udf.StoreFloats:
			c.Floats[i] = v.(float64)
		case udf.StoreTexts:
			if x, ok := v.(float64); ok {
				text, _ := json.Marshal(x)
				v = string(text)
			}
			c.Texts[i] = v.(string)
		case udf.StoreFloatLists:
			for _, x := range v.([]any) {
				c.FloatLists[i] = append(c.FloatLists[i], x.(float64))
			}
		}
	}
	return c
}

// outcomes runs a case: each metric's value, nil where it is not defined, "error" where it is refused. Rows come in batches
// of a few, and roc_auc has no room in memory.
func outcomes(t testing.TB, c testCase) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, name := range c.Metrics {
		r, err := compute(t, c, name)
		var own *metric.Error
		switch {
		case errors.As(err, &own) && len(own.Code) == 5:
			out[name] = "error"
		case err != nil:
			t.Fatalf("%s: %s: %v is no error for users", c.Name, name, err)
		case r.Matrix != nil:
			out[name] = r.Matrix.Counts
		case math.IsNaN(r.Value):
			out[name] = nil
			if r.Note == "" {
				t.Errorf("%s: %s is not defined, and no note says why", c.Name, name)
			}
		default:
			out[name] = r.Value
		}
	}
	return out
}

// compute is one metric of a case.
func compute(t testing.TB, c testCase, name string) (metric.Result, error) {
	t.Helper()
	spec, err := metric.ParseSpec(name)
	if err != nil {
		t.Fatal(err)
	}
	target, answer := column(t, c.Target, c.Targets), column(t, c.Answer, c.Answers)
	config := metric.Config{Metrics: []metric.Spec{spec}, Target: target.Type, Answer: answer.Type, Memory: 24 * 8, Dir: t.TempDir()}
	if c.Positive != nil {
		text, ok := c.Positive.(string)
		if !ok {
			b, _ := json.Marshal(c.Positive)
			text = string(b)
		}
		config.Positive = &text
	}
	set, err := metric.New(config)
	if err != nil {
		return metric.Result{}, err
	}
	defer func() {
		if err := set.Close(); err != nil {
			t.Error(err)
		}
	}()
	for lo := 0; lo < target.Len(); {
		hi := min(lo+1+rand.IntN(20), target.Len())
		a, b := target.Slice(lo, hi), answer.Slice(lo, hi)
		if err := set.Add(&a, &b); err != nil {
			return metric.Result{}, err
		}
		lo = hi
	}
	results, err := set.Results()
	if err != nil {
		return metric.Result{}, err
	}
	if len(results) != 1 || results[0].Name != name {
		t.Fatalf("%s: %q gave %+v", c.Name, name, results)
	}
	return results[0], nil
}

// compare holds outcomes against the reference's, to 1e-9.
func compare(t *testing.T, c testCase, got, want map[string]any) {
	t.Helper()
	for name, w := range want {
		g := got[name]
		x, isNumber := g.(float64)
		y, wantNumber := w.(float64)
		if isNumber && wantNumber && math.Abs(x-y) <= 1e-9*max(1, math.Abs(y)) {
			continue
		}
		a, _ := json.Marshal(g)
		b, _ := json.Marshal(w)
		// What scikit-learn refuses as not defined is NULL with a note here.
		if string(a) != string(b) && !(g == nil && w == "error" && name == "log_loss") {
			text, _ := json.Marshal(c)
			t.Errorf("%s: %s is %s, scikit-learn's %s\n%.2000s", c.Name, name, a, b, text)
		}
	}
}
