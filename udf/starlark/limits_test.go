package starlark_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/starlark"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/udftest"
)

// greedy are bodies of predict(x, n) that would fill any memory, or never end, if the interpreter ran them as they are.
// Each must end with one of the SQLSTATEs. n is a bigint of a thousand million and x a text.
var greedy = []struct{ name, body, codes string }{
	{"repeated str", `return len("x" * n)`, "53200"},
	{"repeated str, literal", `return len("x" * 1000000000)`, "53200"},
	{"repeated str, reversed", `return len(n * "x")`, "53200"},
	{"repeated str, in place", "s = 'x'\n    s *= n\n    return len(s)", "53200"},
	{"repeated bytes", `return len(b"x" * n)`, "53200"},
	{"repeated list", `return len([0] * n)`, "53200"},
	{"repeated tuple", `return len((0,) * n)`, "53200"},
	{"repeated by a huge number", `return len([0] * (1 << 500))`, "53200 38000"},
	{"shifted", `return 1 << n`, "38000"},
	{"shifted again and again", "y = 1\n    for i in range(1000):\n        y = y << 500\n    return y", "53200"},
	{"squared again and again", "y = 3\n    for i in range(100):\n        y = y * y\n    return y", "53200"},
	{"squared in place", "y = 3\n    for i in range(100):\n        y *= y\n    return y", "53200"},
	{"added to itself", "y = n\n    for i in range(100000):\n        y += y\n    return y", "53200"},
	{"subtracted from its negative", "y = n\n    for i in range(100000):\n        y = y - (-y)\n    return y", "53200"},
	{"int of a long text", `return int(("9" * 100000)) % 7`, "53200"},
	{"doubled str", "s = x + 'x'\n    for i in range(60):\n        s = s + s\n    return len(s)", "53200"},
	{"doubled str in place", "s = x + 'x'\n    for i in range(60):\n        s += s\n    return len(s)", "53200"},
	{"doubled list", "s = [1]\n    for i in range(60):\n        s = s + s\n    return len(s)", "53200"},
	{"doubled list in place", "s = [1]\n    for i in range(60):\n        s += list(s)\n    return len(s)", "53200"},
	{"doubled by extend", "s = [1]\n    for i in range(60):\n        s.extend(list(s))\n    return len(s)", "53200"},
	{"doubled by extend, taken as a value", "s = [1]\n    f = s.extend\n    for i in range(60):\n        f(list(s))\n    return len(s)", "53200"},
	{"doubled by getattr", "s = [1]\n    f = getattr(s, 'extend')\n    for i in range(60):\n        f(list(s))\n    return len(s)", "53200"},
	{"doubled by an item", "s = ['x']\n    for i in range(60):\n        s[0] += s[0]\n    return len(s[0])", "53200"},
	{"doubled by %", "s = 'x'\n    for i in range(60):\n        s = '%s%s' % (s, s)\n    return len(s)", "53200"},
	{"doubled by format", "s = 'x'\n    for i in range(60):\n        s = '{0}{0}'.format(s)\n    return len(s)", "53200"},
	{"doubled by join", "s = 'x'\n    for i in range(60):\n        s = ''.join([s, s])\n    return len(s)", "53200"},
	{"joined over a long separator", "return len(('x' * 1000000).join(('y' * 1000).elems()))", "53200"},
	{"replaced", "s = 'x' * 100000\n    return len(s.replace('x', s))", "53200"},
	{"replaced nothing", "s = 'x' * 100000\n    return len(s.replace('', s))", "53200"},
	{"upper kept", "s = 'x' * 1000000\n    return len([s.upper() for i in range(100000)])", "53200"},
	{"split kept", "s = 'x,' * 500000\n    return len([s.split(',') for i in range(100000)])", "53200"},
	{"slices kept", "s = [0] * 1000000\n    return len([s[:] for i in range(100000)])", "53200"},
	{"steps of a str kept", "s = 'x' * 1000000\n    return len([s[::-1] for i in range(100000)])", "53200"},
	{"lists of a range kept", "return len([list(range(900000)) for i in range(100000)])", "53200"},
	{"sorted ranges kept", "return len([sorted(range(9000)) for i in range(100000)])", "53200 54000"},
	{"sorted by name kept", "return len([sorted(iterable=range(9000)) for i in range(100000)])", "53200 54000"},
	{"int by name", `return int(x=("9" * 100000)) % 7`, "53200"},
	{"failed with a long separator", "fail(sep='x' * 1000000, *([''] * 10000))", "53200"},
	{"encoded range kept", "return len([json.encode(range(90000)) for i in range(100000)])", "53200"},
	{"encoded elements", "return len([json.encode(('x' * 1000000).elems()) for i in range(100000)])", "53200"},
	{"reversed ranges kept", "return len([reversed(range(90000)) for i in range(100000)])", "53200"},
	{"sets of a range kept", "return len([set(range(90000)) for i in range(100000)])", "53200"},
	{"enumerated ranges kept", "return len([enumerate(range(90000)) for i in range(100000)])", "53200"},
	{"zipped ranges kept", "return len([zip(range(90000), range(90000)) for i in range(100000)])", "53200"},
	{"dict items kept", "d = {i: i for i in range(10000)}\n    return len([d.items() for i in range(100000)])", "53200"},
	{"dict unions kept", "d = {i: i for i in range(10000)}\n    return len([d | d for i in range(100000)])", "53200"},
	{"set unions kept", "d = set(range(10000))\n    return len([d | d for i in range(100000)])", "53200"},
	{"set methods kept", "d = set(range(10000))\n    return len([d.union(d) for i in range(100000)])", "53200"},
	{"arguments kept", "s = [0] * 1000000\n    f = lambda *a: a\n    return len([f(*s) for i in range(100000)])", "53200"},
	{"decoded kept", "s = json.encode([0] * 10000)\n    return len([json.decode(s) for i in range(100000)])", "53200"},
	{"bytes kept", "s = 'x' * 1000000\n    return len([bytes(s) for i in range(100000)])", "53200"},
	{"long range", `return len(list(range(n)))`, "38000"},
	{"maximum of a long range", `return max(range(n))`, "38000"},
	{"all of a long range", `return all(range(1, 1 << 62))`, "38000"},
	{"printed graph", "y = []\n    for i in range(60):\n        y = [y, y]\n    return len(str(y))", "54000"},
	{"encoded graph", "y = []\n    for i in range(60):\n        y = [y, y]\n    return len(json.encode(y))", "54000"},
	{"failed with a graph", "y = []\n    for i in range(60):\n        y = [y, y]\n    fail(y)", "54000"},
	{"compared graph", "y = [1] * 100\n    for i in range(8):\n        y = [y] * 100\n    return y == y[:]", "54000"},
	{"searched graph", "y = [1] * 100\n    for i in range(8):\n        y = [y] * 100\n    return y in [y[:]]", "54000"},
	{"hashed graph of displays", "t = (1,)\n    for i in range(60):\n        t = (t, t)\n    return {t: 1}", "38000"},
	{"hashed graph of zip", "t = (1,)\n    for i in range(60):\n        t = zip([t], [t])[0]\n    return {t: 1}", "38000"},
	{"hashed graph of arguments", "f = lambda *a: a\n    t = (1,)\n    for i in range(60):\n        t = f(t, t)\n    return {t: 1}", "38000"},
	{"hashed graph of tuple", "t = (1,)\n    for i in range(60):\n        t = tuple([t, t])\n    return {t: 1}", "38000"},
	{"hashed graph of sums", "t = (1,)\n    for i in range(60):\n        t = (t,) + (t,)\n    return {t: 1}", "38000 54000"},
	{"hashed graph of products", "t = (1,)\n    for i in range(60):\n        t = (t,) * 2\n    return {t: 1}", "38000 54000"},
	{"deep list printed", "y = []\n    for i in range(100000):\n        y = [y]\n    return len(str(y))", "38000"},
	{"deep JSON", "return json.decode('[' * 100000)", "38000"},
	{"long number in JSON", "return json.decode('9' * 100000) % 7", "38000"},
	{"endless loop", "while True:\n        pass", "54000"},
	{"long text answer", "return 'x' * 2000000", "54000"},
	{"long JSON answer", "return [0] * 2000000", "54000"},
	{"graph as an answer", "y = []\n    for i in range(60):\n        y = [y, y]\n    return y", "54000"},
	{"cycle as an answer", "y = []\n    y.append(y)\n    return y", "54000"},
}

// TestGreedyModelsAreStopped runs them within a quarter of the default memory, which is tested by the first ones, so
// that the test does not take longer than it must.
func TestGreedyModelsAreStopped(t *testing.T) {
	watch := watchMemory()
	for i, tt := range greedy {
		t.Run(tt.name, func(t *testing.T) {
			cfg := starlark.Config{}
			if i >= 20 {
				cfg.MaxMemory = 32 << 20
			}
			m, err := starlark.New(cfg).Load(context.Background(), def("def predict(x, n):\n    "+tt.body+"\n", udf.JSONB, udf.Text, udf.Int8))
			if err != nil {
				t.Fatal(describe(err))
			}
			args := []udf.Column{texts(udf.Text, "a"), {Type: udf.Int8, Ints: []int64{1_000_000_000}}}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			_, err = m.Predict(ctx, args)
			var row *udf.RowError
			var e *udf.Error
			if !errors.As(err, &row) || !errors.As(err, &e) {
				t.Fatalf("error is %v, want a row's", err)
			}
			if !strings.Contains(tt.codes, e.Code) {
				t.Errorf("SQLSTATE is %s, want %s: %s", e.Code, tt.codes, describe(err))
			}
		})
	}
	if peak := watch(); peak > 400<<20 {
		t.Errorf("the models took %d MiB of memory", peak>>20)
	}
}

// watchMemory samples the heap until the function that it gives is called, which gives the largest size seen.
func watchMemory() func() uint64 {
	var peak atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			peak.Store(max(peak.Load(), s.HeapInuse))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-done
		return peak.Load()
	}
}

func TestCancelStopsALoop(t *testing.T) {
	t.Parallel()
	rt := starlark.New(starlark.Config{MaxSteps: 10_000_000})
	rows := make([]float64, 2000)
	udftest.Cancel(t, rt, def("def predict(x):\n    for i in range(1000000):\n        x += 1\n    return x\n", udf.Float8, udf.Float8),
		[]udf.Column{floats(rows...)})
}

func TestStepsAreCountedForEachRow(t *testing.T) {
	t.Parallel()
	rt := starlark.New(starlark.Config{MaxSteps: 2000})
	m, err := rt.Load(context.Background(), def("def predict(n):\n    s = 0\n    for i in range(n):\n        s += i\n    return s\n", udf.Int8, udf.Int8))
	if err != nil {
		t.Fatal(describe(err))
	}
	n := make([]int64, 500)
	for i := range n {
		n[i] = 100
	}
	if _, err := m.Predict(context.Background(), []udf.Column{{Type: udf.Int8, Ints: n}}); err != nil {
		t.Errorf("rows under the limit: %s", describe(err))
	}
	n[321] = 1900
	_, err = m.Predict(context.Background(), []udf.Column{{Type: udf.Int8, Ints: n}})
	var row *udf.RowError
	if !errors.As(err, &row) || row.Row != 321 {
		t.Errorf("error is %v, want row 321's", err)
	}
	wantError(t, err, "54000", `exceeded the step limit of 2000`, "in predict")
}

func TestMemoryIsCountedForEachRow(t *testing.T) {
	t.Parallel()
	rt := starlark.New(starlark.Config{MaxMemory: 10_000})
	m, err := rt.Load(context.Background(), def("def predict(n):\n    return len('x' * n)\n", udf.Int8, udf.Int8))
	if err != nil {
		t.Fatal(describe(err))
	}
	n := udf.Column{Type: udf.Int8, Ints: []int64{9000, 9000, 9000, 11000}}
	_, err = m.Predict(context.Background(), []udf.Column{n})
	var row *udf.RowError
	if !errors.As(err, &row) || row.Row != 3 {
		t.Errorf("error is %v, want row 3's", err)
	}
	wantError(t, err, "53200", `exceeded the memory limit of 10000 bytes`)
}

func TestTopLevelHasLimitsToo(t *testing.T) {
	t.Parallel()
	for source, code := range map[string]string{
		"while True:\n    pass\n":                         "54000",
		"x = 'x' * 1000000000\ndef predict(): return 1\n": "53200",
		"x = 1 // 0\ndef predict(): return 1\n":           "38000",
	} {
		_, err := starlark.New(starlark.Config{}).Load(context.Background(), def(source, udf.Int4))
		wantError(t, err, code)
	}
}

func TestNestedSourceDoesNotOverflowTheStack(t *testing.T) {
	t.Parallel()
	rt := starlark.New(starlark.Config{MaxSource: 1 << 30}) // which is held to what is safe
	parts := []struct{ open, shut string }{
		{"(", ")"}, {"[", "]"}, {"{1:", "}"}, {"not ", ""}, {"-", ""}, {"lambda:", ""}, {"1 if 1 else ", ""},
		{"f(", ")"}, {"x[", "]"}, {"1+", ""}, {"(1,)+", ""}, {"~", ""}, {"", ".a"}, {"", "[0]"}, {"", "()"},
		{"[x for x in ", "]"}, {"x+(", ")"}, {"x==(", ")"}, {"x and ", ""}, {"", "[1:]"},
	}
	for _, p := range parts {
		n := 40_000 / len(p.open+p.shut)
		for _, body := range []string{
			strings.Repeat(p.open, n) + "x",
			strings.Repeat(p.open, n) + "x" + strings.Repeat(p.shut, n),
		} {
			m, err := rt.Load(context.Background(), def("f = None\ndef predict(x): return "+body, udf.Int4, udf.Int4))
			if err != nil {
				wantError(t, err, "42601")
				continue
			}
			// It may well answer; what counts is that it does so within its limits.
			_, err = m.Predict(context.Background(), []udf.Column{{Type: udf.Int4, Ints: []int64{1}}})
			var row *udf.RowError
			if err != nil && !errors.As(err, &row) {
				t.Errorf("%s: %v", p.open+p.shut, err)
			}
		}
	}
	_, err := rt.Load(context.Background(), def(strings.Repeat("#", 200_000), udf.Int4))
	wantError(t, err, "54000", "too long")
}
