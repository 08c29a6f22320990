package badgercache_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The environment of a child process of these tests: the cache's directory and what to do with it.
const (
	childDirVariable = "PINNACLE_TEST_CACHE_DIR"
	childDoVariable  = "PINNACLE_TEST_CACHE_DO"
)

// childSize is the size of values in the child.
const childSize = 300

// childNumbers is how many values are looked for in the child.
const childNumbers = 6000

// TestChild is the process that is killed, or that has a damaged cache before it.
func TestChild(t *testing.T) {
	dir := os.Getenv(childDirVariable)
	if dir == "" {
		t.Skip("this is the child process of other tests")
	}
	c := open(t, dir)
	fmt.Printf("found %d\n", get(t, c, 0, childNumbers, childSize))
	if os.Getenv(childDoVariable) == "use" {
		put(c, 0, childNumbers/10, childSize)
		written(t, c)
		if n := get(t, c, 0, childNumbers/10, childSize); n != childNumbers/10 {
			t.Errorf("%d found of what was put", n)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		return
	}
	for i := 0; ; i = (i + 100) % childNumbers {
		put(c, i, i+100, childSize)
		fmt.Println(i)
	}
}

// child starts one.
func child(t *testing.T, dir, do string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(os.Environ(), childDirVariable+"="+dir, childDoVariable+"="+do)
	return cmd
}

// TestKilled kills a process in the middle of its writing, again and again: what is found afterwards is right.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 4 {
		cmd := child(t, dir, "die")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; n < 20+round*50 && lines.Scan(); n++ {
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
	}
	c := open(t, dir)
	n := get(t, c, 0, childNumbers, childSize)
	t.Logf("%d found", n)
	put(c, 0, 100, childSize)
	written(t, c)
	if get(t, c, 0, 100, childSize) != 100 {
		t.Error("the cache does not work any more")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDamaged damages the files of a cache: a process that opens it lives, finds nothing wrong in it, and goes on with
// a cache that works.
func TestDamaged(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	c := open(t, whole)
	for i := 0; i < childNumbers; i += 1000 {
		put(c, i, i+1000, childSize)
		written(t, c)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for name, damage := range map[string]func(file string, size int64) error{
		"cut":    func(file string, size int64) error { return os.Truncate(file, size/2) },
		"empty":  func(file string, _ int64) error { return os.Truncate(file, 0) },
		"gone":   func(file string, _ int64) error { return os.Remove(file) },
		"zeroes": func(file string, size int64) error { return os.WriteFile(file, make([]byte, size), 0o600) },
		"noise": func(file string, size int64) error {
			b, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for range 1 + len(b)/1000 {
				if len(b) > 0 {
					b[rng.IntN(len(b))] = byte(rng.Uint32())
				}
			}
			return os.WriteFile(file, b, 0o600)
		},
	} {
		for _, pattern := range map[string][]string{"cut": {"*.sst", "*.mem"}, "empty": {"*"}, "gone": {"MANIFEST"}, "zeroes": {"*.sst"},
			"noise": {"MANIFEST", "*.sst", "*"}}[name] {
			dir := filepath.Join(t.TempDir(), "cache")
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(dir, "*", pattern))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				info, err := os.Stat(file)
				if err != nil {
					t.Fatal(err)
				}
				if err := damage(file, info.Size()); err != nil {
					t.Fatal(err)
				}
			}
			if out, err := child(t, dir, "use").CombinedOutput(); err != nil {
				t.Errorf("%s of %d %s: %v\n%s", name, len(files), pattern, err, out)
			}
		}
	}
}
