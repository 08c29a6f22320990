package onnx_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
)

// found is what a process of its own found out about the library. A process can load it once only.
type found struct {
	Path, Version, Code, Message, Detail, Hint string
}

// helperVariable makes this test binary look for the library, and print what it found, in place of testing.
const helperVariable = "ONNX_TEST_FIND_LIBRARY"

func TestMain(m *testing.M) {
	var cfg onnx.Config
	if err := json.Unmarshal([]byte(os.Getenv(helperVariable)), &cfg); err == nil {
		var f found
		path, version, err := onnx.New(cfg).Library()
		f.Path, f.Version = path, version
		var e *udf.Error
		if errors.As(err, &e) {
			f.Code, f.Message, f.Detail, f.Hint = e.Code, e.Message, e.Detail, e.Hint
		}
		if err := json.NewEncoder(os.Stdout).Encode(f); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// find looks for the library in a process of its own, with a configuration and an environment.
func find(t *testing.T, cfg onnx.Config, env ...string) found {
	t.Helper()
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append([]string{helperVariable + "=" + string(text), "HOME=" + t.TempDir()}, env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var f found
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	return f
}

// libraryFile is the real library of this machine.
func libraryFile(t *testing.T) string {
	path, _, err := library(t).Library()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLibraryIsFound(t *testing.T) {
	t.Parallel()
	file := libraryFile(t)
	data, home, venv := t.TempDir(), t.TempDir(), t.TempDir()
	link := func(dir, name string) string {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.Symlink(file, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	inData := link(filepath.Join(data, "lib"), "libonnxruntime.so.1.31.1")
	link(filepath.Join(data, "lib"), "libonnxruntime.so.1.9.0")
	site := filepath.Join("lib", "python3.11", "site-packages", "onnxruntime", "capi")
	inHome := link(filepath.Join(home, ".local", site), "libonnxruntime.so")
	inVenv := link(filepath.Join(venv, site), "libonnxruntime.so.1.31.1")
	tests := []struct {
		name string
		cfg  onnx.Config
		env  []string
		want string
	}{
		{"path", onnx.Config{LibraryPath: file}, nil, file},
		{"directory", onnx.Config{LibraryPath: filepath.Join(data, "lib")}, nil, inData},
		{"variable", onnx.Config{}, []string{onnx.LibraryVariable + "=" + file}, file},
		{"path before variable", onnx.Config{LibraryPath: file}, []string{onnx.LibraryVariable + "=/no/such"}, file},
		{"data directory", onnx.Config{SearchDirs: []string{data}}, nil, inData},
		{"directory of libraries", onnx.Config{SearchDirs: []string{"/no/such", filepath.Join(data, "lib")}}, nil, inData},
		{"virtual environment", onnx.Config{}, []string{"VIRTUAL_ENV=" + venv}, inVenv},
		{"loader's path", onnx.Config{}, []string{"LD_LIBRARY_PATH=/no/such:" + filepath.Join(data, "lib")}, inData},
		{"the user's Python", onnx.Config{}, []string{"HOME=" + home}, inHome},
	}
	for _, tt := range tests {
		f := find(t, tt.cfg, tt.env...)
		if f.Path != tt.want || f.Version == "" {
			t.Errorf("%s: found %+v, want %s", tt.name, f, tt.want)
		}
	}
}

func TestLibraryIsMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "libonnxruntime.so")
	if err := os.WriteFile(text, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, "libonnxruntime_providers_shared.so"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		cfg  onnx.Config
		env  []string
		says []string
	}{
		{"no such path", onnx.Config{LibraryPath: "/no/such.so"}, nil, []string{"not installed", "/no/such.so", "pip install onnxruntime", "make demo", onnx.LibraryVariable}},
		{"no such variable", onnx.Config{}, []string{onnx.LibraryVariable + "=/no/such.so"}, []string{"not installed", "/no/such.so"}},
		{"nothing in the directory", onnx.Config{LibraryPath: empty}, nil, []string{"not installed", empty}},
		{"no library", onnx.Config{LibraryPath: text}, nil, []string{"cannot be loaded", text, "1.24"}},
		{"no library in the directory", onnx.Config{LibraryPath: dir}, nil, []string{"cannot be loaded", text}},
	}
	for _, tt := range tests {
		f := find(t, tt.cfg, tt.env...)
		all := strings.Join([]string{f.Message, f.Detail, f.Hint}, " / ")
		if f.Code != "58P01" || f.Path != "" {
			t.Errorf("%s: %+v", tt.name, f)
		}
		for _, s := range tt.says {
			if !strings.Contains(all, s) {
				t.Errorf("%s: error does not say %q: %s", tt.name, s, all)
			}
		}
	}
}

func TestLibraryIsLoadedOnce(t *testing.T) {
	t.Parallel()
	file := libraryFile(t)
	paths := make([]string, 8)
	done := make(chan int, len(paths))
	for i := range paths {
		go func() {
			paths[i], _, _ = onnx.New(onnx.Config{}).Library()
			done <- i
		}()
	}
	for range paths {
		<-done
	}
	if slices.ContainsFunc(paths, func(p string) bool { return p != file }) {
		t.Errorf("found %v, want %s", paths, file)
	}
}
