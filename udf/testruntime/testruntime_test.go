//go:build testruntime

package testruntime_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/testruntime"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/udftest"
)

// ints makes a column of integers; null marks those that are NULL.
func ints(t udf.Type, null int64, values ...int64) udf.Column {
	c := udf.NewColumn(t, len(values))
	for i, v := range values {
		if v == null {
			c.SetNull(i)
			continue
		}
		c.Ints[i] = v
	}
	return c
}

// texts makes a column of texts.
func texts(values ...string) udf.Column { return udf.Column{Type: udf.Text, Texts: values} }

// bools makes a column of booleans.
func bools(values ...bool) udf.Column { return udf.Column{Type: udf.Bool, Bools: values} }

// spec declares a model with the arguments a, b, … of the columns' types; options are key, value, key, value.
func spec(args []udf.Column, returns udf.Type, options ...string) udf.Spec {
	s := udf.Spec{Name: "m", Version: 1, Args: []udf.Arg{}, Returns: returns, Options: map[string]string{}}
	for i := range args {
		s.Args = append(s.Args, udf.Arg{Name: string(rune('a' + i)), Type: args[i].Type})
	}
	for i := 0; i < len(options); i += 2 {
		s.Options[options[i]] = options[i+1]
	}
	return s
}

// none is a number that no column of these tests holds.
const none = -999

func TestComputations(t *testing.T) {
	t.Parallel()
	numbers := ints(udf.Int4, none, -3, 0, 1, 2, 7)
	for _, c := range []struct {
		name    string
		args    []udf.Column
		options []string
		want    udf.Column
	}{
		{"identity", []udf.Column{texts("a", "", "é")}, nil, texts("a", "", "é")},
		{"sum", []udf.Column{numbers, numbers}, []string{"by", "1"}, ints(udf.Int8, none, -5, 1, 3, 5, 15)},
		{"multiply", []udf.Column{numbers}, []string{"by", "2"}, ints(udf.Int4, none, -6, 0, 2, 4, 14)},
		{"mod", []udf.Column{numbers}, []string{"by", "2"}, ints(udf.Int2, none, -1, 0, 1, 0, 1)},
		{"maybe", []udf.Column{numbers}, []string{"by", "2"}, ints(udf.Int4, 0, -3, 0, 1, 0, 7)},
		{"divide", []udf.Column{ints(udf.Int4, none, 1, 5)}, []string{"by", "10"}, ints(udf.Int4, none, 10, 2)},
		{"even", []udf.Column{numbers}, nil, bools(false, true, false, true, false)},
		{"less", []udf.Column{numbers}, []string{"by", "2"}, bools(true, true, true, false, false)},
		{"concat", []udf.Column{texts("a", "b"), bools(true, false)}, []string{"by", "!"}, texts("atrue!", "bfalse!")},
		{"length", []udf.Column{texts("", "été")}, nil, ints(udf.Int4, none, 0, 3)},
		{"constant", []udf.Column{numbers}, []string{"by", "4"}, ints(udf.Int4, none, 4, 4, 4, 4, 4)},
		{"nulls", []udf.Column{ints(udf.Int4, 5, 5, 1), ints(udf.Int4, 5, 5, 5)}, nil, ints(udf.Int4, none, 2, 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			udftest.Run(t, testruntime.Runtime{}, udftest.Case{Spec: spec(c.args, c.want.Type, append(c.options, "compute", c.name)...),
				Args: c.args, Want: c.want})
		})
	}
}

// load makes a model that is closed with the test.
func load(t *testing.T, s udf.Spec) udf.Model {
	t.Helper()
	m, err := testruntime.Runtime{}.Load(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func TestCountIsNotDeterministic(t *testing.T) {
	t.Parallel()
	args := []udf.Column{ints(udf.Int4, none, 8, 8)}
	m := load(t, spec(args, udf.Int8, "compute", "count"))
	if m.Deterministic() {
		t.Error("count says that it is deterministic")
	}
	for _, want := range [][]int64{{1, 2}, {3, 4}} {
		if got, err := m.Predict(t.Context(), args); err != nil || !reflect.DeepEqual(got.Ints, want) {
			t.Errorf("%v, %v, want %v", got.Ints, err, want)
		}
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	args := []udf.Column{ints(udf.Int4, 5, 7, 5), texts("a\n", "b")}
	m := load(t, spec(args, udf.Text, "compute", "concat", "log", path))
	for range 2 {
		if _, err := m.Predict(t.Context(), args); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(raw), "1\t[\"7\",\"a\\n\"]\n1\t[null,\"b\"]\n2\t[\"7\",\"a\\n\"]\n2\t[null,\"b\"]\n"; got != want {
		t.Errorf("the log is %q, want %q", got, want)
	}
}

func TestFail(t *testing.T) {
	t.Parallel()
	args := []udf.Column{ints(udf.Int4, none, 1, 13, 2)}
	s := spec(args, udf.Int4, "compute", "identity", "fail", "12,13", "fail_code", "22023")
	_, err := load(t, s).Predict(t.Context(), args)
	var row *udf.RowError
	var own *udf.Error
	if !errors.As(err, &row) || row.Row != 1 || !errors.As(err, &own) || own.Code != "22023" {
		t.Errorf("error %v, want 22023 of row 1", err)
	}
	s.Options["whole"] = "true"
	row = nil
	if _, err := load(t, s).Predict(t.Context(), args); !errors.As(err, &own) || errors.As(err, &row) {
		t.Errorf("error %v, want one that names no row", err)
	}
	if _, err := load(t, spec(args, udf.Int4, "compute", "divide", "by", "1")).Predict(t.Context(), []udf.Column{ints(udf.Int4, none, 0)}); err == nil {
		t.Error("a division by zero is no error")
	}
}

func TestGateAndDelayHonourContext(t *testing.T) {
	t.Parallel()
	args := []udf.Column{ints(udf.Int4, none, 1)}
	gate := filepath.Join(t.TempDir(), "gate")
	closed := spec(args, udf.Int4, "compute", "identity", "gate", gate)
	udftest.Cancel(t, testruntime.Runtime{}, closed, args)
	udftest.Cancel(t, testruntime.Runtime{}, spec(args, udf.Int4, "compute", "identity", "delay", "1h"), args)

	m := load(t, closed)
	done := make(chan error, 1)
	go func() {
		_, err := m.Predict(context.Background(), args)
		done <- err
	}()
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the gate is open, and the model still waits")
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	args := []udf.Column{ints(udf.Int4, none)}
	for name, s := range map[string]udf.Spec{
		"no computation":      spec(args, udf.Int4),
		"unknown computation": spec(args, udf.Int4, "compute", "nothing"),
		"wrong types":         spec(args, udf.Text, "compute", "sum"),
		"wrong number":        spec(nil, udf.Int4, "compute", "multiply"),
		"wrong constant":      spec(args, udf.Int4, "compute", "multiply", "by", "two"),
		"unknown option":      spec(args, udf.Int4, "compute", "identity", "speed", "1"),
		"relative log":        spec(args, udf.Int4, "compute", "identity", "log", "log"),
		"no such directory":   spec(args, udf.Int4, "compute", "identity", "log", "/no/such/directory/log"),
		"no duration":         spec(args, udf.Int4, "compute", "identity", "delay", "long"),
		"a source":            {Source: "x", Args: []udf.Arg{}, Returns: udf.Int4, Options: map[string]string{"compute": "constant"}},
		"no types":            {Options: map[string]string{"compute": "constant"}},
	} {
		var e *udf.Error
		if _, err := (testruntime.Runtime{}).Load(t.Context(), s); !errors.As(err, &e) || e.Code != "22023" {
			t.Errorf("%s: error %v, want 22023", name, err)
		}
	}
}
