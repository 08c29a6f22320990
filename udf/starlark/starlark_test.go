package starlark_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/starlark"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/udftest"
)

// def makes a model's declaration.
func def(source string, returns udf.Type, args ...udf.Type) udf.Spec {
	s := udf.Spec{Name: "m", Version: 1, Source: source, Returns: returns}
	for i, t := range args {
		s.Args = append(s.Args, udf.Arg{Name: string(rune('a' + i)), Type: t})
	}
	return s
}

// load loads a model with the default limits.
func load(t testing.TB, spec udf.Spec) udf.Model {
	t.Helper()
	m, err := starlark.New(starlark.Config{}).Load(context.Background(), spec)
	if err != nil {
		t.Fatalf("load: %v", describe(err))
	}
	return m
}

// describe shows all of an error.
func describe(err error) string {
	var e *udf.Error
	if errors.As(err, &e) {
		return e.Code + ": " + e.Message + " / " + e.Detail + " / " + e.Hint
	}
	return err.Error()
}

// wantError checks an error's SQLSTATE and that it says what it should.
func wantError(t testing.TB, err error, code string, says ...string) {
	t.Helper()
	var e *udf.Error
	if !errors.As(err, &e) {
		t.Errorf("error is %v, want a *udf.Error with SQLSTATE %s", err, code)
		return
	}
	if e.Code != code {
		t.Errorf("SQLSTATE is %s, want %s: %s", e.Code, code, describe(err))
	}
	for _, s := range says {
		if !strings.Contains(describe(err), s) {
			t.Errorf("error does not say %q: %s", s, describe(err))
		}
	}
}

// floats is a column of double precision.
func floats(x ...float64) udf.Column {
	return udf.Column{Type: udf.Float8, Floats: x}
}

// texts is a column that holds texts.
func texts(t udf.Type, s ...string) udf.Column {
	return udf.Column{Type: t, Texts: s}
}

// TestContract runs models of every type through the runtime's contract: what goes in comes out.
func TestContract(t *testing.T) {
	t.Parallel()
	columns := map[string]udf.Column{
		"bool":        {Type: udf.Bool, Bools: []bool{true, false, true}},
		"int2":        {Type: udf.Int2, Ints: []int64{math.MinInt16, 0, math.MaxInt16}},
		"int4":        {Type: udf.Int4, Ints: []int64{math.MinInt32, 0, math.MaxInt32}},
		"int8":        {Type: udf.Int8, Ints: []int64{math.MinInt64, 0, math.MaxInt64}},
		"float4":      {Type: udf.Float4, Floats: []float64{1.5, math.Inf(-1), math.NaN()}},
		"float8":      {Type: udf.Float8, Floats: []float64{0.1, math.Inf(1), math.NaN(), -math.MaxFloat64}},
		"numeric":     texts(udf.Numeric, "0", "-12", "99999999999999999999999999", "1.5", "NaN", "Infinity", "-Infinity"),
		"text":        texts(udf.Text, "", "Ünï\n\"", strings.Repeat("x", 1000)),
		"bytea":       {Type: udf.Bytea, Bytes: [][]byte{{0, 255, 128}, []byte("a"), {7}}},
		"date":        texts(udf.Date, "2013-01-01", "infinity", "0044-03-15 BC"),
		"time":        texts(udf.Time, "12:34:56.789", "00:00:00"),
		"timestamp":   texts(udf.Timestamp, "2013-01-01 12:00:00"),
		"timestamptz": texts(udf.Timestamptz, "2013-01-01 12:00:00+00"),
		"interval":    texts(udf.Interval, "1 day 02:03:04"),
		"uuid":        texts(udf.UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
		"json":        texts(udf.JSON, `{"b": 1, "a": [1, 2.5, null, true, "x\n"]}`, `"s"`, `12345678901234567890`, `[]`),
		"jsonb":       texts(udf.JSONB, `{"b": 1, "aa": {}, "bb": [false]}`, `-1`, `"Ü"`, `1.5`),
		"bool[]":      {Type: udf.BoolArray, BoolLists: [][]bool{{true, false}, {}}},
		"int4[]":      {Type: udf.Int4Array, IntLists: [][]int64{{1, -2}, {}, {0, 7}}, ListNulls: [][]bool{nil, nil, {true, false}}},
		"int8[]":      {Type: udf.Int8Array, IntLists: [][]int64{{math.MaxInt64}, {}}},
		"float4[]":    {Type: udf.Float4Array, FloatLists: [][]float64{{1.5, math.Inf(1)}, {}}},
		"float8[]":    {Type: udf.Float8Array, FloatLists: [][]float64{{0.1, math.NaN()}, {}}},
		"text[]":      {Type: udf.TextArray, TextLists: [][]string{{"a", ""}, {}, {"", ""}}, ListNulls: [][]bool{nil, nil, {false, true}}},
	}
	for name, c := range columns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			udftest.Run(t, starlark.New(starlark.Config{}), udftest.Case{
				Spec: def("def predict(x):\n    return x\n", c.Type, c.Type),
				Args: []udf.Column{c},
				Want: c,
			})
		})
	}
	if len(columns) != int(udf.TextArray) {
		t.Errorf("%d types are tested, there are %d", len(columns), udf.TextArray)
	}
}

func TestContractOfAFunction(t *testing.T) {
	t.Parallel()
	spec := def("def predict(distance, air_time):\n    return distance / air_time * 60\n", udf.Float8, udf.Float8, udf.Float8)
	udftest.Run(t, starlark.New(starlark.Config{}), udftest.Case{
		Spec: spec,
		Args: []udf.Column{floats(1400, 100, 719), floats(227, 60, 1)},
		Want: floats(1400.0/227*60, 100, 719*60),
	})
}

func TestNulls(t *testing.T) {
	t.Parallel()
	m := load(t, def("def predict(x, y):\n    return None if x == None else y\n", udf.Text, udf.Float8, udf.Text))
	x := udf.Column{Type: udf.Float8, Floats: []float64{1, 0, 3}, Nulls: []bool{false, true, false}}
	y := udf.Column{Type: udf.Text, Texts: []string{"a", "b", ""}, Nulls: []bool{false, false, true}}
	got, err := m.Predict(context.Background(), []udf.Column{x, y})
	if err != nil {
		t.Fatal(err)
	}
	want := udf.Column{Type: udf.Text, Texts: []string{"a", "", ""}, Nulls: []bool{false, true, true}}
	udftest.CheckColumn(t, got, udf.Text, 3)
	udftest.Compare(t, got, want, 0)
}

func TestNoArguments(t *testing.T) {
	t.Parallel()
	m := load(t, def("def predict():\n    return 42\n", udf.Int4))
	got, err := m.Predict(context.Background(), nil)
	if err != nil || len(got.Ints) != 1 || got.Ints[0] != 42 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRowsDoNotShareState(t *testing.T) {
	t.Parallel()
	m := load(t, def(`
seen = {"a": [1]}
def predict(x, acc=[]):
    acc.append(x)
    return len(acc)
`, udf.Int4, udf.Float8))
	_, err := m.Predict(context.Background(), []udf.Column{floats(1, 2)})
	wantError(t, err, "38000", "frozen list", "Line 4, column 15, in predict: acc.append(x)")
}

// TestPython checks that what is rewritten inside still does what Starlark says.
func TestPython(t *testing.T) {
	t.Parallel()
	tests := []struct{ expr, want string }{
		{`1 + 2 * 3 - 4 // 3 % 5`, `6`},
		{`"ab" * 2 + "c"`, `"ababc"`},
		{`[1] * 2 + [3]`, `[1, 1, 3]`},
		{`3 * (1, 2)`, `[1, 2, 1, 2, 1, 2]`},
		{`"%s-%d%%" % ("a", 5)`, `"a-5%"`},
		{`"%r" % "a"`, `"\"a\""`},
		{`"{}/{x}".format(1, x=[2])`, `"1/[2]"`},
		{`1 << 70`, `1180591620717411303424`},
		{`(1 << 70) >> 68`, `4`},
		{`6 & 3 | 8 ^ 1`, `11`},
		{`{"a": 1} | {"b": 2}`, `{"a": 1, "b": 2}`},
		{`sorted(set([1, 2]) | set([3]))`, `[1, 2, 3]`},
		{`sorted(set([1, 2]) - set([2]))`, `[1]`},
		{`[1, [2]] == [1, [2]]`, `true`},
		{`[1, 2] < [1, 3]`, `true`},
		{`(1, 2) != (1, 2)`, `false`},
		{`[1] in [[1], 2]`, `true`},
		{`3 not in [[1], 2]`, `true`},
		{`"b" in "abc"`, `true`},
		{`[1, 2, 3, 4][1:3]`, `[2, 3]`},
		{`[1, 2, 3, 4][::-2]`, `[4, 2]`},
		{`"hello"[1:][::-1]`, `"olle"`},
		{`"a,b".split(",")`, `["a", "b"]`},
		{`"-".join(["a", "b"])`, `"a-b"`},
		{`"aXb".lower().upper().replace("X", "--")`, `"A--B"`},
		{`[f("x y") for f in ["a b".split, lambda s: s.split(" ")] if f != None][1]`, `["x", "y"]`},
		{`{k: v for k, v in {"a": 1}.items()}`, `{"a": 1}`},
		{`list(zip([1, 2], ["a", "b"]))`, `[[1, "a"], [2, "b"]]`},
		{`[i * x for i, x in enumerate([5, 6])]`, `[0, 6]`},
		{`(lambda *a, **k: [a, k])(1, z=4, *[2, 3])`, `[[1, 2, 3], {"z": 4}]`},
		{`(lambda *a: len(a))()`, `0`},
		{`max([3, 1, 2]) + min(4, 5)`, `7`},
		{`sorted([3, 1, 2], key=lambda x: -x)`, `[3, 2, 1]`},
		{`getattr("a b", "split")(" ")`, `["a", "b"]`},
		{`getattr("a b", "nope", 7)`, `7`},
		{`json.decode("[1, {\"a\": null}]")`, `[1, {"a": null}]`},
		{`json.encode({"a": [1, 2.5]})`, `"{\"a\":[1,2.5]}"`},
		{`math.floor(math.sqrt(17.0)) + math.ceil(0.5)`, `5`},
		{`int("ff", 16) + int(2.9)`, `257`},
		{`str([1, "a"]) + repr("b")`, `"[1, \"a\"]\"b\""`},
		{`[x for x in range(10) if x % 2 == 1]`, `[1, 3, 5, 7, 9]`},
		{`hash("a") == hash("a")`, `true`},
		{`1 if [] else 2`, `2`},
		{`b"ab" + b"c" == b"abc"`, `true`},
		{`-(-9223372036854775808)`, `9223372036854775808`},
		{`[] or [1] and [2]`, `[2]`},
	}
	for _, tt := range tests {
		m := load(t, def("def predict():\n    return "+tt.expr+"\n", udf.JSONB))
		got, err := m.Predict(context.Background(), nil)
		if err != nil {
			t.Errorf("%s: %s", tt.expr, describe(err))
			continue
		}
		if got.Texts[0] != tt.want {
			t.Errorf("%s is %s, want %s", tt.expr, got.Texts[0], tt.want)
		}
	}
}

// TestFloatsAreComparedExactly checks comparisons of floats with whole numbers, some of which are rewritten.
func TestFloatsAreComparedExactly(t *testing.T) {
	t.Parallel()
	values := []float64{-60, -59.99999999999999, 0, 60, math.Nextafter(60, 61), 1 << 53, 1<<53 + 2, math.NaN(), math.Inf(1), math.Inf(-1)}
	for _, op := range []string{"==", "!=", "<", ">", "<=", ">="} {
		for _, n := range []string{"60", "-60", "+60", "0", "9007199254740993", "(60)"} {
			literal := load(t, def("def predict(x):\n    return [x "+op+" "+n+", "+n+" "+op+" x]\n", udf.BoolArray, udf.Float8))
			variable := load(t, def("def predict(x):\n    n = "+n+"\n    return [x "+op+" n, n "+op+" x]\n", udf.BoolArray, udf.Float8))
			got, err := literal.Predict(context.Background(), []udf.Column{floats(values...)})
			if err != nil {
				t.Fatal(describe(err))
			}
			want, err := variable.Predict(context.Background(), []udf.Column{floats(values...)})
			if err != nil {
				t.Fatal(describe(err))
			}
			udftest.Compare(t, got, want, 0)
		}
	}
}

// TestStatements checks the statements that are rewritten inside.
func TestStatements(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, source, want string }{
		{"in place", `
def predict():
    a = [1]
    b = a
    b += [2]
    b += (3,)
    d = {"x": 1}
    e = d
    e |= {"y": 2}
    s = "a"
    t = s
    t += "b"
    n = 5
    n -= 1
    n *= 3
    n //= 2
    n %= 4
    n <<= 3
    n |= 1
    n &= 25
    n ^= 2
    n >>= 1
    f = 1.5
    f += 1
    f /= 2
    return [a, d, s, t, n, f]
`, `[[1, 2, 3], {"x": 1, "y": 2}, "a", "ab", 9, 1.25]`},
		{"parts of a target are evaluated once", `
calls = []
def predict():
    log = []
    def at(x):
        log.append(x)
        return x
    a = [[0, 0], [0, 0]]
    a[at(1)][at(0)] += at(7)
    (a)[0] += [1]
    d = {"k": 1}
    d["k"] *= 5
    return [a, d, log]
`, `[[[0, 0, 1], [7, 0]], {"k": 5}, [1, 0, 7]]`},
		{"loops and unpacking", `
total = 0
for i in range(3):
    total += i
def rest(first, *others, **named):
    return (first, others, named)
def predict():
    out = []
    a, (b, c) = 1, (2, 3)
    [d, e] = [4, 5]
    n = 0
    while True:
        n += 1
        if n > 3:
            break
    for i, x in enumerate("xyz".elems()):
        out.append("%d%s" % (i, x))
    return [total, a, b, c, d, e, n, out, rest(1, 2, 3, k=4)]
`, `[3, 1, 2, 3, 4, 5, 4, ["0x", "1y", "2z"], [1, [2, 3], {"k": 4}]]`},
		{"names of the interpreter can be the source's own", `
def len(x): return "mine"
math = "also"
def predict():
    range = lambda n: ["r", n]
    return [len([1]), math.upper(), [x for x in range(3)]]
`, `["mine", "ALSO", ["r", 3]]`},
	}
	for _, tt := range tests {
		m := load(t, def(tt.source, udf.JSONB))
		got, err := m.Predict(context.Background(), nil)
		if err != nil {
			t.Errorf("%s: %s", tt.name, describe(err))
			continue
		}
		if got.Texts[0] != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got.Texts[0], tt.want)
		}
	}
}
