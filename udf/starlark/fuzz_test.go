package starlark_test

import (
	"context"
	"errors"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/starlark"
)

// FuzzSource checks that no source, however wrong, does more than fail with an error that has an SQLSTATE.
func FuzzSource(f *testing.F) {
	for _, s := range []string{
		"def predict(x):\n    return x\n",
		"def predict(x):\n    a = [x]\n    a[0] += x * 2\n    return a[0] if a else -x\n",
		"def predict(*x): return [y for y in x if y][::2]",
		"f = lambda *a, **k: (a, k)\ndef predict(x): return str(f(1, z=x, *[2]))",
		"def predict(x):\n    while x:\n        x -= 1\n    return {x: (x, x)}[x]",
		"def predict(x): return \"%s\" % (x,) + \"{}\".format(x).upper()",
		"x.y += 1\n(a, b)[c] -= d\n[a, b] = c\n",
		"load('a', 'b')", "def predict(x): return x <<", "\x00", "é = 1", "1 = 2", "a, *b = c", "def f(a=b=c): pass",
		"def predict(x): pass\npredict = predict", "x = 1 if 2 else 3; y = not x; z = ~x & y | z ^ x",
	} {
		f.Add(s)
	}
	rt := starlark.New(starlark.Config{MaxSteps: 20_000, MaxMemory: 1 << 20})
	f.Fuzz(func(t *testing.T, source string) {
		m, err := rt.Load(context.Background(), def(source, udf.JSONB, udf.Float8))
		if err == nil {
			_, err = m.Predict(context.Background(), []udf.Column{floats(1, 0, 1e300)})
		}
		var e *udf.Error
		if err != nil && (!errors.As(err, &e) || len(e.Code) != 5 || e.Message == "") {
			t.Fatalf("error without an SQLSTATE: %v", err)
		}
	})
}

// FuzzJSON checks that an argument of type json comes out as it went in, or fails with an SQLSTATE.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a": [1, -2.5e3, "x\u00e9", null, true]}`, `[`, `"`, `1e999`, `-0`, `{"a":1,"a":2}`, `"\ud800"`, ``} {
		f.Add(s)
	}
	m := load(f, def("def predict(x): return x\n", udf.JSON, udf.JSON))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := m.Predict(context.Background(), []udf.Column{texts(udf.JSON, text)})
		var e *udf.Error
		if err != nil {
			if !errors.As(err, &e) || len(e.Code) != 5 {
				t.Fatalf("error without an SQLSTATE: %v", err)
			}
			return
		}
		if got.Null(0) {
			return // null
		}
		again, err := m.Predict(context.Background(), []udf.Column{got})
		if err != nil || again.Texts[0] != got.Texts[0] {
			t.Fatalf("%q is answered as %q, and that as %v, %v", text, got.Texts[0], again.Texts, err)
		}
	})
}
