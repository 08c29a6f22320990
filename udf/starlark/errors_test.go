package starlark_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/starlark"
)

func TestSourcesThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		spec udf.Spec
		code string
		says []string
	}{
		{"no source", def("", udf.Int4), "42601", []string{"has no source", "AS $$"}},
		{"syntax", def("def predict(x):\n    return x +\n", udf.Int4, udf.Int4), "42601", []string{"line 2, column 15", "Line 2: return x +"}},
		{"indentation", def("def predict(x):\nreturn x\n", udf.Int4, udf.Int4), "42601", []string{"line 2"}},
		{"undefined name", def("def predict(x):\n    return distanse\n", udf.Int4, udf.Int4), "42601", []string{"line 2, column 12", "undefined: distanse"}},
		{"print", def("def predict(x):\n    print(x)\n", udf.Int4, udf.Int4), "42601", []string{"undefined: print"}},
		{"open", def("def predict(x):\n    open('/etc/passwd')\n", udf.Int4, udf.Int4), "42601", []string{"undefined: open"}},
		{"import", def("import os\ndef predict(x): return x\n", udf.Int4, udf.Int4), "42601", []string{"line 1"}},
		{"load", def("load('x.star', 'y')\ndef predict(x): return x\n", udf.Int4, udf.Int4), "42601", []string{"line 1", "cannot load"}},
		{"time", def("def predict(x): return time.now()\n", udf.Int4, udf.Int4), "42601", []string{"undefined: time"}},
		{"guard's own name", def("def predict(x): return `*`(x, x)\n", udf.Int4, udf.Int4), "42601", nil},
		{"long literal", def("def predict(x): return 1"+string(make([]byte, 0))+repeat("0", 2000)+"\n", udf.Int4, udf.Int4), "42601", []string{"4096 bits"}},
		{"no predict", def("def f(x): return x\n", udf.Int4, udf.Int4), "42P13", []string{"does not define predict", "def predict"}},
		{"predict is no function", def("predict = 1\n", udf.Int4, udf.Int4), "42P13", []string{"does not define predict"}},
		{"predict is a function of the interpreter", def("predict = len\n", udf.Int4, udf.Int4), "42P13", []string{"does not define predict"}},
		{"too few declared", def("def predict(x, y): return x\n", udf.Int4, udf.Int4), "42P13", []string{"takes 2 arguments, but 1 are declared", "predict(x, y)"}},
		{"too many declared", def("def predict(x): return x\n", udf.Int4, udf.Int4, udf.Int4), "42P13", []string{"takes 1 arguments, but 2 are declared"}},
		{"none declared", def("def predict(distance, air_time): return 1\n", udf.Int4), "42P13", []string{"predict(distance, air_time)", "CREATE MODEL m("}},
		{"by name only", def("def predict(x, *, y): return x\n", udf.Int4, udf.Int4), "42P13", []string{"parameter y", "by name only"}},
		{"no type", def("def predict(x): return x\n", udf.Int4, udf.Invalid), "42P13", []string{"argument a of model", "has no type", "CREATE MODEL m(a float8"}},
		{"no answer's type", def("def predict(x): return x\n", udf.Invalid, udf.Int4), "42P13", []string{"RETURNS float8"}},
		{"recursion", def("def f(x): return f(x)\ny = f(1)\ndef predict(x): return x\n", udf.Int4, udf.Int4), "38000", []string{`the source of model "m" failed: `, "recursively", "Line 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := starlark.New(starlark.Config{}).Load(context.Background(), tt.spec)
			wantError(t, err, tt.code, tt.says...)
		})
	}
}

// repeat is a text many times over.
func repeat(s string, n int) string {
	out := ""
	for range n {
		out += s
	}
	return out
}

func TestDeclarationsThatAreAccepted(t *testing.T) {
	t.Parallel()
	load(t, def("def predict(x, y=2): return x\n", udf.Int4, udf.Int4))
	load(t, def("def predict(x, y=2): return x\n", udf.Int4, udf.Int4, udf.Int4))
	load(t, def("def predict(x, *more): return x\n", udf.Int4, udf.Int4, udf.Int4, udf.Int4))
	load(t, def("def predict(x, *, y=1, **more): return x\n", udf.Int4, udf.Int4))
	load(t, def("def predict(x): return 1\ndef predict(x, y): return 2\n", udf.Int4, udf.Int4, udf.Int4))
}

func TestSourceFromAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "m.star")
	if err := os.WriteFile(path, []byte("def predict(x): return x * 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	spec := def("", udf.Float8, udf.Float8)
	spec.Artifact = path
	m := load(t, spec)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	got, err := m.Predict(context.Background(), []udf.Column{floats(21)})
	if err != nil || got.Floats[0] != 42 {
		t.Errorf("got %v, %v", got.Floats, err)
	}
	rt := starlark.New(starlark.Config{})
	_, err = rt.Load(context.Background(), spec)
	wantError(t, err, "58030", "cannot be read")
	spec.Source = "def predict(x): return x"
	_, err = rt.Load(context.Background(), spec)
	wantError(t, err, "42601", "both")
}

func TestOptionsAreRefused(t *testing.T) {
	t.Parallel()
	spec := def("def predict(x): return x\n", udf.Int4, udf.Int4)
	spec.Options = map[string]string{"fast": "yes"}
	_, err := starlark.New(starlark.Config{}).Load(context.Background(), spec)
	wantError(t, err, "22023", `"fast"`, "no options")
}

func TestFailureNamesRowAndLine(t *testing.T) {
	t.Parallel()
	m := load(t, def("def ratio(a, b):\n    return a / b\n\ndef predict(a, b):\n    return ratio(a, b) * 60\n", udf.Float8, udf.Float8, udf.Float8))
	a, b := make([]float64, 1000), make([]float64, 1000)
	for i := range b {
		b[i] = 1
	}
	b[500] = 0
	_, err := m.Predict(context.Background(), []udf.Column{floats(a...), floats(b...)})
	var row *udf.RowError
	if !errors.As(err, &row) || row.Row != 500 || row.Err.Error() != "floating-point division by zero" {
		t.Fatalf("error is %v, want row 500's, which does not name the model", err)
	}
	wantError(t, err, "38000", "Line 2, column 14, in ratio: return a / b")
	if got, err := m.Predict(context.Background(), []udf.Column{floats(1), floats(2)}); err != nil || got.Floats[0] != 30 {
		t.Errorf("the model does not work after a failure: %v, %v", got, err)
	}
}

func TestAnswersOfTheWrongKind(t *testing.T) {
	t.Parallel()
	tests := []struct {
		answer  string
		returns udf.Type
		code    string
		says    string
	}{
		{`"5"`, udf.Float8, "42804", `answered a string, which is not double precision`},
		{`True`, udf.Float8, "42804", "answered a bool"},
		{`True`, udf.Int4, "42804", "answered a bool"},
		{`1.0`, udf.Int4, "42804", "answered a float, which is not integer"},
		{`1`, udf.Bool, "42804", "answered an int"},
		{`1`, udf.Text, "42804", "answered an int, which is not text"},
		{`"x"`, udf.Bytea, "42804", "answered a string, which is not bytea"},
		{`b"x"`, udf.Text, "42804", "answered a bytes"},
		{`[1]`, udf.Numeric, "42804", "answered a list"},
		{`{"a": 1}`, udf.Float8Array, "42804", "answered a dict"},
		{`["a"]`, udf.Float8Array, "42804", "answered a string"},
		{`len`, udf.JSONB, "42804", "builtin_function_or_method"},
		{`{1: 2}`, udf.JSONB, "42804", "a dict with an int as a key"},
		{`[float("nan")]`, udf.JSONB, "22023", "NaN"},
		{`float("-inf")`, udf.JSON, "22023", "-Infinity"},
		{`b"x"`, udf.JSON, "42804", "JSON does not have"},
		{`32768`, udf.Int2, "22003", "32768, which is out of range for type smallint"},
		{`-2147483649`, udf.Int4, "22003", "out of range for type integer"},
		{`1 << 63`, udf.Int8, "22003", "out of range for type bigint"},
		{`[1 << 31]`, udf.Int4Array, "22003", "out of range"},
		{`1e39`, udf.Float4, "22003", "out of range for type real"},
		{`[1e39]`, udf.Float4Array, "22003", "out of range"},
		{`1 << 500 << 500 << 500`, udf.Float8, "22003", "out of range for type double precision"},
		{`"a\x00b"`, udf.Text, "22021", "NUL"},
		{`str(b"\xff") [:1] + "\xC3\xBC"[:1]`, udf.Text, "42601", ""},
		{`"ü".elems()`, udf.Text, "42804", ""},
		{`list("ü".elems())[0]`, udf.Text, "22021", "not valid UTF-8"},
		{`list("ü".elems())`, udf.JSONB, "22021", "not valid UTF-8"},
	}
	for _, tt := range tests {
		m, err := starlark.New(starlark.Config{}).Load(context.Background(), def("def predict():\n    return "+tt.answer+"\n", tt.returns))
		if err != nil {
			wantError(t, err, tt.code, tt.says)
			continue
		}
		got, err := m.Predict(context.Background(), nil)
		var row *udf.RowError
		if !errors.As(err, &row) || row.Row != 0 {
			t.Errorf("%s as %v: got %+v, error %v, want a row's", tt.answer, tt.returns, got, err)
			continue
		}
		wantError(t, err, tt.code, tt.says)
	}
}

func TestAnswersThatAreConverted(t *testing.T) {
	t.Parallel()
	tests := []struct {
		answer string
		want   udf.Column
	}{
		{`7`, floats(7)},
		{`7`, udf.Column{Type: udf.Float4, Floats: []float64{7}}},
		{`0.1`, udf.Column{Type: udf.Float4, Floats: []float64{float64(float32(0.1))}}},
		{`float("inf")`, udf.Column{Type: udf.Float4, Floats: []float64{math.Inf(1)}}},
		{`1 << 70`, texts(udf.Numeric, "1180591620717411303424")},
		{`1e25`, texts(udf.Numeric, "10000000000000000000000000")},
		{`"1.50"`, texts(udf.Numeric, "1.50")},
		{`(1, 2.5)`, udf.Column{Type: udf.Float8Array, FloatLists: [][]float64{{1, 2.5}}}},
		{`()`, udf.Column{Type: udf.TextArray, TextLists: [][]string{{}}}},
		{`{"b": 1, "aa": (True, None), "a": 1.0}`, texts(udf.JSONB, `{"a": 1.0, "b": 1, "aa": [true, null]}`)},
		{`{"b": 1, "aa": (True, None), "a": 1e-7}`, texts(udf.JSON, `{"b": 1, "aa": [true, null], "a": 0.0000001}`)},
		{`"2013-01-01"`, texts(udf.Date, "2013-01-01")},
	}
	for _, tt := range tests {
		m := load(t, def("def predict():\n    return "+tt.answer+"\n", tt.want.Type))
		got, err := m.Predict(context.Background(), nil)
		if err != nil {
			t.Errorf("%s: %s", tt.answer, describe(err))
			continue
		}
		if got.Type != tt.want.Type || !equalFirst(got, tt.want) {
			t.Errorf("%s is %+v, want %+v", tt.answer, got, tt.want)
		}
	}
}

// equalFirst compares the one row of two columns.
func equalFirst(a, b udf.Column) bool {
	switch a.Type.Storage() {
	case udf.StoreFloats:
		return a.Floats[0] == b.Floats[0]
	case udf.StoreTexts:
		return a.Texts[0] == b.Texts[0]
	case udf.StoreFloatLists:
		return len(a.FloatLists[0]) == 2 && a.FloatLists[0][1] == b.FloatLists[0][1]
	case udf.StoreTextLists:
		return len(a.TextLists[0]) == 0 && a.TextLists[0] != nil
	}
	return false
}

func TestArgumentsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		arg  udf.Column
		code string
		says string
	}{
		{texts(udf.JSONB, "1", "["+repeat("[", 600)), "22023", "nested"},
		{texts(udf.JSONB, "1", repeat("9", 2000)), "22023", "digits"},
		{texts(udf.JSONB, "1", "{"), "22P02", "JSON"},
		{texts(udf.Numeric, "1", "1"+repeat("0", 2000)), "22003", "too large"},
		{texts(udf.Numeric, "1", "x"), "22P02", "not a number"},
	}
	for _, tt := range tests {
		m := load(t, def("def predict(x): return 1\n", udf.Int4, tt.arg.Type))
		_, err := m.Predict(context.Background(), []udf.Column{tt.arg})
		var row *udf.RowError
		if !errors.As(err, &row) || row.Row != 1 {
			t.Errorf("%v: error %v, want row 1's", tt.arg.Type, err)
			continue
		}
		wantError(t, err, tt.code, tt.says, `argument "a" `)
	}
}

func TestKindsOfArguments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		arg  udf.Column
		want string
	}{
		{texts(udf.Numeric, "12"), "int"}, {texts(udf.Numeric, "12.0"), "float"}, {texts(udf.Numeric, "NaN"), "float"},
		{texts(udf.JSONB, `{"a": 1}`), "dict"}, {texts(udf.JSON, `null`), "NoneType"}, {texts(udf.UUID, "x"), "string"},
		{udf.Column{Type: udf.Bytea, Bytes: [][]byte{{1}}}, "bytes"}, {udf.Column{Type: udf.Bool, Bools: []bool{true}}, "bool"},
		{udf.Column{Type: udf.TextArray, TextLists: [][]string{{"a"}}}, "list"},
	}
	for _, tt := range tests {
		m := load(t, def("def predict(x): return type(x)\n", udf.Text, tt.arg.Type))
		got, err := m.Predict(context.Background(), []udf.Column{tt.arg})
		if err != nil || got.Texts[0] != tt.want {
			t.Errorf("%v comes as %v, %v; want %s", tt.arg.Type, got.Texts, err, tt.want)
		}
	}
}
