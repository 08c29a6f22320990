package onnx_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
)

// near is how far the answers in Go may be from those in Python.
const near = 1e-6

// library skips a test where ONNX Runtime cannot be found, and otherwise gives a runtime.
func library(t testing.TB) *onnx.Runtime {
	t.Helper()
	rt := onnx.New(onnx.Config{})
	if _, _, err := rt.Library(); err != nil {
		t.Skipf("ONNX Runtime is needed (pip install onnxruntime, or set %s): %v", onnx.LibraryVariable, err)
	}
	return rt
}

// testModel is the path of a model in testdata.
func testModel(name string) string { return filepath.Join("testdata", name+".onnx") }

// expectation is an entry of expected.json: arguments column by column, and each output's answers.
type expectation struct {
	Args    [][]any          `json:"args"`
	Answers map[string][]any `json:"answers"`
}

var readExpected = sync.OnceValues(func() (map[string]expectation, error) {
	data, err := os.ReadFile(filepath.Join("testdata", "expected.json"))
	if err != nil {
		return nil, err
	}
	var e map[string]expectation
	return e, json.Unmarshal(data, &e)
})

// expect gives the arguments of a model, as its signature types them, and the answers of one output.
func expect(t testing.TB, name, output string, sig udf.Signature) (args []udf.Column, want udf.Column) {
	t.Helper()
	all, err := readExpected()
	if err != nil {
		t.Fatal(err)
	}
	e, ok := all[name]
	if !ok || e.Answers[output] == nil || len(e.Args) != len(sig.Args) {
		t.Fatalf("expected.json has no output %q of %q with %d arguments", output, name, len(sig.Args))
	}
	for i, a := range sig.Args {
		args = append(args, column(a.Type, e.Args[i]))
	}
	return args, column(sig.Returns, e.Answers[output])
}

// column makes a column of JSON values.
func column(typ udf.Type, values []any) udf.Column {
	c := udf.NewColumn(typ, len(values))
	for i, v := range values {
		switch typ.Storage() {
		case udf.StoreBools:
			c.Bools[i] = v.(bool)
		case udf.StoreInts:
			c.Ints[i] = int64(v.(float64))
		case udf.StoreFloats:
			c.Floats[i] = float(v)
		case udf.StoreTexts:
			c.Texts[i] = fmt.Sprint(v)
		case udf.StoreFloatLists:
			for _, x := range v.([]any) {
				c.FloatLists[i] = append(c.FloatLists[i], float(x))
			}
		default:
			panic("no such type in expected.json: " + typ.String())
		}
	}
	return c
}

// float reads a JSON number, or the special values, which are strings.
func float(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case string:
		x, err := strconv.ParseFloat(v, 64)
		if err == nil {
			return x
		}
	}
	panic(fmt.Sprintf("not a number: %v", v))
}
