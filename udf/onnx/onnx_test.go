package onnx_test

import (
	"context"
	"encoding/json"
	"math"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/udftest"
)

// load loads a model of testdata.
func load(t testing.TB, name string, with map[string]string, returns udf.Type, args ...udf.Arg) (udf.Model, error) {
	t.Helper()
	m, err := library(t).Load(context.Background(), udf.Spec{
		Name: name, Artifact: testModel(name), Options: with, Returns: returns, Args: args,
	})
	if err == nil {
		t.Cleanup(func() {
			if err := m.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	return m, err
}

// TestAnswersEqualPython runs every shape of model through the runtime's contract, against what Python answered.
func TestAnswersEqualPython(t *testing.T) {
	t.Parallel()
	tests := []struct {
		model, output string
		option        string
		returns       udf.Type // declared
		want          udf.Type // found
	}{
		{model: "label_int", output: "label", want: udf.Int8},
		{model: "label_int", output: "label", returns: udf.Text, want: udf.Text},
		{model: "label_int", output: "label", returns: udf.Int2, want: udf.Int2},
		{model: "label_int", output: "label", returns: udf.Float8, want: udf.Float8},
		{model: "label_int", output: "label", returns: udf.Numeric, want: udf.Numeric},
		{model: "label_int", output: "probabilities", option: "probabilities", want: udf.Float8Array},
		{model: "label_int", output: "probabilities", option: "probabilities", returns: udf.Float4Array, want: udf.Float4Array},
		{model: "label_int_zipmap", output: "label", option: "label", want: udf.Int8},
		{model: "label_text", output: "label", want: udf.Text},
		{model: "label_text", output: "probabilities", option: "probabilities", want: udf.Float8Array},
		{model: "label_text_zipmap", output: "label", want: udf.Text},
		{model: "trees", output: "label", want: udf.Int8},
		{model: "trees", output: "probabilities", option: "probabilities", want: udf.Float8Array},
		{model: "regressor", output: "variable", want: udf.Float8},
		{model: "regressor", output: "variable", returns: udf.Float4, want: udf.Float4},
		{model: "regressor_double", output: "variable", want: udf.Float8},
		{model: "mixed", output: "label", want: udf.Int8},
		{model: "mixed", output: "probabilities", option: "probabilities", want: udf.Float8Array},
		{model: "fixed_batch", output: "sum", want: udf.Float8},
		{model: "vectors", output: "total", want: udf.Int8},
		{model: "vectors", output: "flipped", option: "flipped", want: udf.Bool},
		{model: "small_ints", output: "sum", want: udf.Float8},
		{model: "echo_float", output: "y", want: udf.Float8Array},
		{model: "echo_text", output: "t", want: udf.Text},
	}
	for _, tt := range tests {
		t.Run(tt.model+"/"+tt.output+"/"+tt.want.String(), func(t *testing.T) {
			t.Parallel()
			with := map[string]string{}
			if tt.option != "" {
				with["output"] = tt.option
			}
			m, err := load(t, tt.model, with, tt.returns)
			if err != nil {
				t.Fatal(err)
			}
			if m.Signature().Returns != tt.want {
				t.Fatalf("returns %v, want %v", m.Signature().Returns, tt.want)
			}
			args, want := expect(t, tt.model, tt.output, m.Signature())
			udftest.Run(t, library(t), udftest.Case{
				Spec: udf.Spec{Name: tt.model, Artifact: testModel(tt.model), Options: with, Returns: tt.returns},
				Args: args, Want: want, Close: near,
			})
		})
	}
}

func TestZipMap(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"label_int_zipmap", "label_text_zipmap"} {
		m, err := load(t, name, map[string]string{"output": "probabilities"}, udf.Invalid)
		if err != nil {
			t.Fatal(err)
		}
		if m.Signature().Returns != udf.JSONB {
			t.Fatalf("%s returns %v", name, m.Signature().Returns)
		}
		args, _ := expect(t, name, "probabilities", m.Signature())
		got, err := m.Predict(context.Background(), args)
		if err != nil {
			t.Fatal(err)
		}
		all, err := readExpected()
		if err != nil {
			t.Fatal(err)
		}
		lists, err := load(t, name, map[string]string{"output": "probabilities"}, udf.Float8Array)
		if err != nil {
			t.Fatal(err)
		}
		gotLists, err := lists.Predict(context.Background(), args)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range all[name].Answers["probabilities"] {
			var p map[string]float64
			if err := json.Unmarshal([]byte(got.Texts[i]), &p); err != nil {
				t.Fatalf("%s row %d: %q: %v", name, i, got.Texts[i], err)
			}
			sum := 0.0
			for label, x := range want.(map[string]any) {
				if q, ok := p[label]; !ok || math.Abs(q-x.(float64)) > near {
					t.Errorf("%s row %d: %q is %v, want %v", name, i, label, q, x)
				}
			}
			for _, x := range gotLists.FloatLists[i] {
				sum += x
			}
			if len(p) != 3 || len(gotLists.FloatLists[i]) != 3 || math.Abs(sum-1) > near {
				t.Errorf("%s row %d: %v, as a list %v", name, i, p, gotLists.FloatLists[i])
			}
		}
	}
}
