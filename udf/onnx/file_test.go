package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// FuzzParseFile checks that no bytes do more than fail, and that what is planned from them is whole.
func FuzzParseFile(f *testing.F) {
	models, err := filepath.Glob(filepath.Join("testdata", "*.onnx"))
	if err != nil || len(models) == 0 {
		f.Fatalf("no models in testdata: %v", err)
	}
	for _, path := range models {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		looksLike(data)
		parsed, err := parseFile(data)
		if err != nil {
			if !errors.Is(err, errNotONNX) && !errors.Is(err, errTruncated) && !errors.Is(err, errNesting) {
				t.Fatalf("unknown error: %v", err)
			}
			return
		}
		parsed.opsetList()
		inputs, args, err := planInputs(parsed, udf.Spec{Name: "m"})
		if err != nil {
			checkCode(t, err)
		} else {
			width := 0
			for _, in := range inputs {
				if in.first != width || in.width < 1 || in.batch < 0 {
					t.Fatalf("input %+v starts at %d", in, width)
				}
				width += in.width
				newFeed(&in)
			}
			names := make([]string, len(args))
			for i, a := range args {
				names[i] = a.Name
			}
			if !unique(names) {
				t.Fatalf("arguments are called %q", names)
			}
			if width != len(args) || width > maxArguments {
				t.Fatalf("%d arguments for inputs of width %d", len(args), width)
			}
		}
		if out, err := planOutput(parsed, udf.Spec{Name: "m"}, ""); err != nil {
			checkCode(t, err)
		} else if out.typ == udf.Invalid {
			t.Fatal("the answer has no type")
		}
	})
}

// checkCode checks that an error has an SQLSTATE.
func checkCode(t *testing.T, err error) {
	var e *udf.Error
	if !errors.As(err, &e) || len(e.Code) != 5 {
		t.Fatalf("error without an SQLSTATE: %v", err)
	}
}

func TestLibraryVersion(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		libraryName: true, "libonnxruntime.so.x": false, "libonnxruntime_providers_shared.so": false,
		"libonnxruntime4j_jni.so": false, "onnxruntime.so": false, "": false,
	} {
		if _, ok := libraryVersion(name); ok != want {
			t.Errorf("%q: ok is %v", name, ok)
		}
	}
}

func TestMetadataNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`["a", "b"]`: 2, "a, b ,c": 3, "": 0, "a,a": 0, "a,,b": 0, `["a", ""]`: 0, "[1, 2]": 0, `[`: 0,
	} {
		if got := metadataNames(text); len(got) != want {
			t.Errorf("%q gives %q", text, got)
		}
	}
}
