package dask_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/dask"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/udftest"
)

// root is where the module lies.
const root = "../.."

// limit is how long any one step may take on a machine that has other work.
const limit = 3 * time.Minute

// startCluster starts a cluster that ends with the test, which is skipped where there can be none.
func startCluster(t *testing.T, workers int) *lab.Dask {
	t.Helper()
	dir, err := filepath.Abs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := lab.StartDask(context.Background(), at, dir, workers)
	if errors.Is(err, lab.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cluster
}

// connect makes the proxy's side of a cluster.
func connect(t *testing.T, cluster *lab.Dask) *dask.Cluster {
	t.Helper()
	c := dask.New(dask.Config{Address: cluster.Address(), Python: cluster.Python(), ConnectTimeout: limit})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// spec names a model of the onnx tests.
func spec(name string, options map[string]string, args ...udf.Arg) udf.Spec {
	return udf.Spec{Name: name, Artifact: filepath.Join("..", "onnx", "testdata", name+".onnx"), Options: options, Args: args}
}

// arguments makes rows for a signature, with NULLs in what is a floating-point number.
func arguments(sig udf.Signature, rows int) []udf.Column {
	args := make([]udf.Column, len(sig.Args))
	for k, a := range sig.Args {
		c := udf.NewColumn(a.Type, rows)
		for i := range rows {
			switch a.Type.Storage() {
			case udf.StoreFloats:
				c.Floats[i] = float64((i*7+k*13)%97) / 8
			case udf.StoreInts:
				c.Ints[i] = int64((i*7 + k*13) % 97)
			case udf.StoreTexts:
				c.Texts[i] = []string{"AA", "", "Übung 😀"}[i%3]
			case udf.StoreBools:
				c.Bools[i] = i%3 == 0
			}
		}
		args[k] = c
	}
	return args
}

// TestAnswersAreThoseOfThisProcess compares every kind of input and output.
func TestAnswersAreThoseOfThisProcess(t *testing.T) {
	here := onnx.New(onnx.Config{SearchDirs: []string{filepath.Join(root, ".cache", "onnxruntime")}})
	if _, _, err := here.Library(); err != nil {
		t.Skipf("ONNX Runtime is needed to compare with: %v", err)
	}
	there := onnx.New(onnx.Config{Compute: connect(t, startCluster(t, 2))})
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	models := map[string][]string{
		"label_int": {"label", "probabilities"}, "label_int_zipmap": {"label", "probabilities"}, "label_text": {"label"},
		"label_text_zipmap": {"probabilities"}, "trees": {"label", "probabilities"}, "regressor": {"variable"},
		"regressor_double": {"variable"}, "mixed": {"label"}, "fixed_batch": {"sum"}, "vectors": {"total", "flipped"},
		"small_ints": {"sum"}, "echo_text": {"t"},
	}
	for name, outputs := range models {
		for _, output := range outputs {
			s := spec(name, map[string]string{"output": output})
			a, err := here.Load(ctx, s)
			if err != nil {
				t.Fatalf("%s here: %v", name, err)
			}
			b, err := there.Load(ctx, s)
			if err != nil {
				t.Fatalf("%s on the cluster: %+v", name, err)
			}
			for _, rows := range []int{1, 2, 1001} {
				args := arguments(a.Signature(), rows)
				want, err := a.Predict(ctx, args)
				if err != nil {
					t.Fatalf("%s here: %v", name, err)
				}
				got, err := b.Predict(ctx, args)
				if err != nil {
					t.Fatalf("%s on the cluster: %+v", name, err)
				}
				t.Run(fmt.Sprintf("%s/%s/%d", name, output, rows), func(t *testing.T) { udftest.Compare(t, got, want, 0) })
			}
			if err := errors.Join(a.Close(), b.Close()); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestFaults has workers and the scheduler die, in one cluster, for a cluster takes long to start.
func TestFaults(t *testing.T) {
	cluster := startCluster(t, 2)
	there := onnx.New(onnx.Config{Compute: connect(t, cluster)})
	ctx, cancel := context.WithTimeout(context.Background(), 2*limit)
	defer cancel()
	m, err := there.Load(ctx, spec("trees", nil))
	if err != nil {
		t.Fatalf("%+v", err)
	}
	args := arguments(m.Signature(), 4096)
	want, err := m.Predict(ctx, args)
	if err != nil {
		t.Fatalf("%+v", err)
	}

	t.Run("a file that is no model", func(t *testing.T) {
		s := spec("opset_99", nil)
		if _, err := there.Load(ctx, s); err == nil || !strings.Contains(err.Error(), "Dask workers cannot load") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a statement that is cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := m.Predict(ctx, args); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
	t.Run("a worker is killed among batches", func(t *testing.T) {
		if err := cluster.AddWorker(); err != nil {
			t.Fatal(err)
		}
		var running sync.WaitGroup
		for i := range 40 {
			running.Go(func() {
				got, err := m.Predict(ctx, args)
				if err != nil {
					t.Errorf("batch %d: %+v", i, err)
					return
				}
				udftest.Compare(t, got, want, 0)
			})
			if i == 10 {
				if err := cluster.KillWorker(); err != nil {
					t.Error(err)
				}
			}
		}
		running.Wait()
	})
	t.Run("the scheduler is killed and comes back", func(t *testing.T) {
		if err := cluster.StopScheduler(); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		if _, err := m.Predict(short, args); err == nil {
			t.Error("a batch was answered without a scheduler")
		}
		if err := cluster.StartScheduler(); err != nil {
			t.Fatal(err)
		}
		if err := cluster.AddWorker(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(limit); ; {
			got, err := m.Predict(ctx, args)
			if err == nil {
				udftest.Compare(t, got, want, 0)
				return
			}
			var e *udf.Error
			if !errors.As(err, &e) || !strings.HasPrefix(e.Code, "08") || time.Now().After(deadline) {
				t.Fatalf("%+v", err)
			}
		}
	})
}

// plugins is a program that prints, for each worker of a cluster, what stands for models there: a line that changes whenever a
// file is sent again.
const plugins = `
import sys
from distributed import Client
def held(dask_worker):
    return sorted((name, id(plugin)) for name, plugin in dask_worker.plugins.items() if name.startswith("pinnacle-onnx-"))
with Client(sys.argv[1], timeout="60s") as client:
    print(sorted(client.run(held).items()))
`

// TestShippedOnce: a model's file goes to the workers once, by its digest, however many models are made of it, and stays as
// long as one of them is open.
func TestShippedOnce(t *testing.T) {
	cluster := startCluster(t, 2)
	there := onnx.New(onnx.Config{Compute: connect(t, cluster)})
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	held := func() string {
		out, err := exec.CommandContext(ctx, cluster.Python(), "-c", plugins, cluster.Address()).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	load := func(name, output string) udf.Model {
		m, err := there.Load(ctx, spec(name, map[string]string{"output": output}))
		if err != nil {
			t.Fatalf("%+v", err)
		}
		return m
	}
	one := load("trees", "label")
	before := held()
	if n := strings.Count(before, "pinnacle-onnx-"); n != 2 {
		t.Fatalf("%d files on two workers: %s", n, before)
	}
	two := load("trees", "probabilities")
	if now := held(); now != before {
		t.Errorf("the file was sent again:\n%s%s", before, now)
	}
	if _, err := there.Load(ctx, spec("opset_99", nil)); err == nil {
		t.Error("a file that is no model was loaded")
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Predict(ctx, arguments(two.Signature(), 10)); err != nil {
		t.Errorf("after another model of the same file was closed: %+v", err)
	}
	if err := two.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(limit); strings.Contains(held(), "pinnacle-onnx-"); {
		if time.Now().After(deadline) {
			t.Fatalf("the workers still have it: %s", held())
		}
	}
}

// TestWhatKeepsFromTheCluster tries each thing that may be missing.
func TestWhatKeepsFromTheCluster(t *testing.T) {
	t.Parallel()
	python, err := filepath.Abs(filepath.Join(root, ".cache", "venv-dask", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	port, err := lab.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	bare := "python3"
	tests := []struct {
		name, python, code string
	}{
		{"no Python", filepath.Join(t.TempDir(), "python3"), "58P01"},
		{"no distributed", bare, "58P01"},
		{"no scheduler", python, "08001"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.python == python {
				if _, err := os.Stat(python); err != nil {
					t.Skipf("the environment of Dask is not installed: %v", err)
				}
			}
			c := dask.New(dask.Config{Address: fmt.Sprintf("tcp://127.0.0.1:%d", port), Python: tt.python, ConnectTimeout: time.Second})
			defer c.Close()
			_, err := onnx.New(onnx.Config{Compute: c}).Load(context.Background(), spec("trees", nil))
			var e *udf.Error
			if !errors.As(err, &e) || e.Code != tt.code || e.Hint == "" {
				t.Errorf("got %+v, want an error %s with a hint", err, tt.code)
			}
		})
	}
}
