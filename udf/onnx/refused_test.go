package onnx_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
)

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

// arg declares an argument.
func arg(name string, t udf.Type) udf.Arg { return udf.Arg{Name: name, Type: t} }

func TestModelsThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		model   string
		with    map[string]string
		returns udf.Type
		args    []udf.Arg
		code    string
		says    []string
	}{
		{name: "not ONNX", model: "not_onnx", code: "22023", says: []string{"not an ONNX model", "web page"}},
		{name: "newer opset", model: "opset_99", code: "0A000", says: []string{`model "opset_99" needs ONNX opset 99`, "does not support", "target_opset"}},
		{name: "newer IR version", model: "ir_99", code: "0A000", says: []string{"IR version 99", "opset 17"}},
		{name: "weights elsewhere", model: "external_data", code: "0A000", says: []string{`tensor "w" in another file`}},
		{name: "images", model: "images", code: "0A000", says: []string{`input "x" has 4 dimensions`}},
		{name: "half precision", model: "half", code: "0A000", says: []string{`input "x" holds float16`}},
		{name: "open width", model: "any_width", code: "42P13", says: []string{`input "x"`, "CREATE MODEL any_width("}},
		{name: "no such file", model: "no_such", code: "58P01", says: []string{"does not exist"}},
		{name: "unknown option", model: "trees", with: map[string]string{"outputs": "label"}, code: "22023", says: []string{`"outputs"`, "max_batch, output, threads"}},
		{name: "option out of range", model: "trees", with: map[string]string{"max_batch": "0"}, code: "22023", says: []string{"1 to 1000000"}},
		{name: "option that is no number", model: "trees", with: map[string]string{"threads": "two"}, code: "22023", says: []string{"1 to 64"}},
		{name: "no such output", model: "trees", with: map[string]string{"output": "logits"}, code: "22023", says: []string{`no output "logits"`, "label, probabilities"}},
		{name: "no label", model: "regressor", with: map[string]string{"output": "label"}, code: "22023", says: []string{"variable"}},
		{name: "too few arguments", model: "regressor", args: []udf.Arg{arg("a", udf.Float8)}, code: "42P13", says: []string{"takes 3 arguments, but 1 are declared"}},
		{name: "text for a number", model: "regressor", args: []udf.Arg{arg("a", udf.Text), arg("b", udf.Float8), arg("c", udf.Float8)}, code: "42804", says: []string{`argument "a"`, "is text", "double precision"}},
		{name: "float for an integer", model: "vectors", args: []udf.Arg{arg("a", udf.Float8), arg("b", udf.Int8), arg("c", udf.Bool)}, code: "42804", says: []string{`argument "a"`, "int32", "bigint"}},
		{name: "array for a number", model: "regressor", args: []udf.Arg{arg("a", udf.Float8Array), arg("b", udf.Float8), arg("c", udf.Float8)}, code: "42804"},
		{name: "float label as integer", model: "regressor", returns: udf.Int8, code: "42804", says: []string{"cannot be returned as bigint", "RETURNS double precision"}},
		{name: "text label as number", model: "label_text", returns: udf.Int8, code: "42804", says: []string{"RETURNS text"}},
		{name: "list as scalar", model: "trees", with: map[string]string{"output": "probabilities"}, returns: udf.Float8, code: "42804", says: []string{"a list of float", "double precision[]"}},
		{name: "map as text", model: "label_int_zipmap", with: map[string]string{"output": "probabilities"}, returns: udf.Text, code: "42804", says: []string{"a map from labels"}},
		{name: "date", model: "regressor", returns: udf.Date, code: "42804"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tt.model, tt.with, tt.returns, tt.args...)
			if err == nil {
				t.Fatal("the model was loaded")
			}
			wantError(t, err, tt.code, tt.says...)
		})
	}
}

// TestBytesThatAreNoModel checks what is said of files that are something else.
func TestBytesThatAreNoModel(t *testing.T) {
	t.Parallel()
	rt := library(t)
	whole, err := os.ReadFile(testModel("trees"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, data, says string
	}{
		{"empty", "", "empty"},
		{"pickle", "\x80\x04\x95\x0b", "pickle"},
		{"zip", "PK\x03\x04rest", "ZIP"},
		{"Git LFS pointer", "version https://git-lfs.github.com/spec/v1\n", "Git LFS"},
		{"ORT format", "\x20\x00\x00\x00ORTM....", ".ort"},
		{"noise", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "not an ONNX model"},
		{"text", "hello", "not an ONNX model"},
		{"cut short", string(whole[:len(whole)-1]), "cut short"},
		{"cut to a quarter", string(whole[:len(whole)/4]), "cut short"},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "m.onnx")
		if err := os.WriteFile(path, []byte(tt.data), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := rt.Load(context.Background(), udf.Spec{Name: "m", Artifact: path})
		if err == nil {
			t.Errorf("%s: the model was loaded", tt.name)
			continue
		}
		wantError(t, err, "22023", tt.says)
	}
}

// TestBrokenModels flips bytes of models: each must load and answer, or fail with an SQLSTATE.
func TestBrokenModels(t *testing.T) {
	t.Parallel()
	rt := library(t)
	for _, name := range []string{"vectors", "echo_text", "label_text_zipmap", "fixed_batch"} {
		whole, err := os.ReadFile(testModel(name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "m.onnx")
		for at := range whole {
			data := append([]byte{}, whole...)
			data[at] ^= 1 << (at % 8)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			m, err := rt.Load(context.Background(), udf.Spec{Name: "m", Artifact: path})
			if err == nil {
				args := make([]udf.Column, len(m.Signature().Args))
				for i, a := range m.Signature().Args {
					args[i] = udf.NewColumn(a.Type, 3)
				}
				_, err = m.Predict(context.Background(), args)
				m.Close()
			}
			var e *udf.Error
			if err != nil && (!errors.As(err, &e) || len(e.Code) != 5) {
				t.Errorf("%s, byte %d: %v", name, at, err)
			}
		}
	}
}

func TestModelWithoutFile(t *testing.T) {
	t.Parallel()
	_, err := onnx.New(onnx.Config{}).Load(context.Background(), udf.Spec{Name: "m", Source: "x"})
	wantError(t, err, "42601", `model "m" has no file`, "FROM")
}

func TestModelThatIsTooLarge(t *testing.T) {
	t.Parallel()
	rt := onnx.New(onnx.Config{MaxModelBytes: 100})
	_, err := rt.Load(context.Background(), udf.Spec{Name: "m", Artifact: testModel("trees")})
	wantError(t, err, "54000", "the limit is 100")
}

func TestErrorsDoNotShowTheServersPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "missing.onnx")} {
		_, err := onnx.New(onnx.Config{}).Load(context.Background(), udf.Spec{Name: "m", Artifact: path})
		if err == nil || strings.Contains(describe(err), dir) {
			t.Errorf("error is %v", describe(err))
		}
	}
}
