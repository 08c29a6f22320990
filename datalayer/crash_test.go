package datalayer_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// The environment of a child process of these tests: the fixture's directory, and the step at which it is to be killed.
const (
	crashDirVariable  = "PINNACLE_TEST_CRASH_DIR"
	crashStepVariable = "PINNACLE_TEST_CRASH_STEP"
)

// die ends this process as kill -9 does.
func die() {
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {} // until the signal is there
}

// mortalArtifacts is an artifact store that the process dies in.
type mortalArtifacts struct {
	artifacts.Local
	step string
}

func (m mortalArtifacts) Put(ctx context.Context, r io.Reader) (artifacts.Digest, int64, error) {
	if m.step == "half of the artifact" {
		r = &mortalReader{r: r}
	}
	d, size, err := m.Local.Put(ctx, r)
	if m.step == "artifact put" {
		die()
	}
	return d, size, err
}

// mortalReader gives some bytes, after which the process dies.
type mortalReader struct {
	r    io.Reader
	read bool
}

func (m *mortalReader) Read(p []byte) (int, error) {
	if m.read {
		die()
	}
	m.read = true
	return m.r.Read(p[:3])
}

// mortalMetadata is a metadata store that the process dies in.
type mortalMetadata struct {
	metadata.Store
	step string
}

func (m mortalMetadata) Update(ctx context.Context, change func(tx metadata.Tx) error) error {
	err := m.Store.Update(ctx, func(tx metadata.Tx) error {
		err := change(tx)
		if m.step == "in the transaction" {
			die()
		}
		return err
	})
	if m.step == "committed" {
		die()
	}
	return err
}

// mortalRuntime is a runtime that the process dies in.
type mortalRuntime struct {
	udf.Runtime
	step string
}

func (m mortalRuntime) Load(ctx context.Context, spec udf.Spec) (udf.Model, error) {
	if m.step == "load" {
		die()
	}
	return m.Runtime.Load(ctx, spec)
}

// child opens the stores of the directory that the parent names, and dies at the step that it names.
func child(t *testing.T) *fixture {
	dir := os.Getenv(crashDirVariable)
	if dir == "" {
		t.Skip("this is the child process of another test")
	}
	step := os.Getenv(crashStepVariable)
	f := &fixture{dir: dir, runtime: &fakeRuntime{}}
	f.start(t, func(c *datalayer.Config) {
		c.Artifacts = mortalArtifacts{f.artifacts, step}
		c.Metadata = mortalMetadata{c.Metadata, step}
		c.Runtimes = []udf.Runtime{mortalRuntime{f.runtime, step}}
	})
	return f
}

// crash runs a test of this binary as a child process, which has to be killed.
func crash(t *testing.T, f *fixture, test, step string) {
	t.Helper()
	f.stop(t)
	out, err := childCommand(f, test, step).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child was not killed at %q but ended with %v:\n%s", step, err, out)
	}
	f.start(t, nil)
}

// childCommand is the command that runs a test of this binary as a child process.
func childCommand(f *fixture, test, step string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), crashDirVariable+"="+f.dir, crashStepVariable+"="+step)
	return cmd
}

// crashModel is the model that children add.
func crashModel(f *fixture) datalayer.ModelDefinition {
	def := define("m", "first byte")
	def.Artifact = f.importPath("w")
	return def
}

func TestChildAdds(t *testing.T) {
	f := child(t)
	f.add(t, crashModel(f), datalayer.AddNew, "new")
}

func TestChildReplaces(t *testing.T) {
	f := child(t)
	def := crashModel(f)
	def.Artifact = f.importPath("w2")
	f.add(t, def, datalayer.AddOrReplace, "new version")
}

func TestChildRemoves(t *testing.T) {
	f := child(t)
	if _, err := f.Remove(context.Background(), "m", 0, false); err != nil {
		t.Fatal(err)
	}
}

func TestChildAddsForever(t *testing.T) {
	f := child(t)
	for i := 1; ; i++ {
		path := f.writeImport(t, "w", string(rune('A'+i%20))+strings.Repeat("x", i))
		def := define("m", fmt.Sprint("v", i))
		def.Artifact = path
		o, err := f.Add(context.Background(), def, datalayer.AddOrReplace, "")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("added", o.Model.Version)
	}
}

func TestCrash(t *testing.T) {
	t.Parallel()
	cases := []struct {
		child, step string
		// versions are the model's afterwards, of the artifacts "W" and "X".
		before, versions []float64
		// orphans is the number of artifacts to which nothing refers.
		orphans int
	}{
		{"TestChildAdds", "half of the artifact", nil, nil, 0},
		{"TestChildAdds", "artifact put", nil, nil, 1},
		{"TestChildAdds", "load", nil, nil, 1},
		{"TestChildAdds", "in the transaction", nil, nil, 1},
		{"TestChildAdds", "committed", nil, []float64{'W'}, 0},
		{"TestChildReplaces", "artifact put", []float64{'W'}, []float64{'W'}, 1},
		{"TestChildReplaces", "in the transaction", []float64{'W'}, []float64{'W'}, 1},
		{"TestChildReplaces", "committed", []float64{'W'}, []float64{'W', 'X'}, 0},
		{"TestChildRemoves", "in the transaction", []float64{'W'}, []float64{'W'}, 0},
		{"TestChildRemoves", "committed", []float64{'W'}, nil, 1},
	}
	for _, c := range cases {
		t.Run(c.child+" "+c.step, func(t *testing.T) {
			t.Parallel()
			f := open(t, nil)
			f.writeImport(t, "w", "Weights")
			f.writeImport(t, "w2", "Xweights")
			if c.before != nil {
				f.add(t, crashModel(f), datalayer.AddNew, "new")
			}
			crash(t, f, c.child, c.step)
			table := f.table(t, "model_versions")
			if len(table.Rows) != len(c.versions) {
				t.Fatalf("the model has %d versions, want %d", len(table.Rows), len(c.versions))
			}
			for i, want := range c.versions {
				if got := f.predict(t, "m", i+1, 0); got != want {
					t.Errorf("version %d predicts %v, want %v", i+1, got, want)
				}
			}
			half, err := filepath.Glob(filepath.Join(f.dir, "artifacts", ".put-*"))
			if err != nil || len(half) != 0 {
				t.Errorf("half-written artifacts are left: %v, %v", half, err)
			}
			if got, err := f.CollectArtifacts(context.Background(), 0); err != nil || got != c.orphans {
				t.Errorf("%d artifacts were collected, %v, want %d", got, err, c.orphans)
			}
			if got := f.stored(t); len(got) != len(c.versions) {
				t.Errorf("%d artifacts are left, want %d", len(got), len(c.versions))
			}
		})
	}
}

// TestCrashAnywhere kills a child that adds versions as fast as it can. What it was told to be done has to be there, and
// all that is there has to be whole.
func TestCrashAnywhere(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.stop(t)
	cmd := childCommand(f, "TestChildAddsForever", "")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, err := fmt.Sscanf(lines.Text(), "added %d", &told); err != nil {
			t.Errorf("the child said %q", lines.Text())
		}
		if told == 20 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || told < 20 {
		t.Fatalf("the child ended with %v after %d versions", err, told)
	}
	f.start(t, nil)
	rows := f.table(t, "model_versions").Rows
	if len(rows) != told && len(rows) != told+1 {
		t.Fatalf("%d versions are there, the child was told of %d", len(rows), told)
	}
	for _, row := range rows {
		version := int(row[1].(int64))
		f.acquire(t, "m", version).Release()
	}
	if v := f.replace(t, "m", "after the crash"); v.Version != len(rows)+1 {
		t.Errorf("the next version is %d, want %d", v.Version, len(rows)+1)
	}
}
