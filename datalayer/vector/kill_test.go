package vector_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/vector"
)

// killVariable names the directory of the store for the child of TestKilled.
const killVariable = "PINNACLE_TEST_VECTOR_KILL"

// killConfig is the store's; the changes are such that the graph is made anew now and then.
var killConfig = vector.Config{Dimension: 8}

// killStep is the changes of one Apply of the child: some puts and a deletion.
func killStep(i int) []vector.Change {
	rng := rand.New(rand.NewPCG(uint64(i), 7))
	var changes []vector.Change
	for range 40 {
		changes = append(changes, vector.Change{Key: strconv.Itoa(rng.IntN(3000)), Tag: uint64(i), Vector: noise(rng, killConfig.Dimension)})
	}
	return append(changes, vector.Change{Key: strconv.Itoa(rng.IntN(3000))})
}

// killRows is what a store holds after so many steps.
func killRows(steps int) map[string]vector.Item {
	rows := map[string]vector.Item{}
	for i := range steps {
		for _, c := range killStep(i) {
			if c.Vector == nil {
				delete(rows, c.Key)
			} else {
				rows[c.Key] = c
			}
		}
	}
	return rows
}

// TestKilledChild is no test of its own: it changes a store until it is killed, and prints the number of each step that is
// done.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv(killVariable)
	if dir == "" {
		t.Skip("a child of TestKilled")
	}
	s, err := vector.Open(dir, killConfig)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	if s.Mark() != "" {
		if i, err = strconv.Atoi(s.Mark()); err != nil {
			t.Fatal(err)
		}
	}
	go func() { _ = s.Run(context.Background()) }()
	for ; ; i++ {
		if err := s.Apply(killStep(i), strconv.Itoa(i+1)); err != nil {
			t.Fatal(err)
		}
		fmt.Println("done", i+1)
		if i%9 == 0 {
			if err := s.Compact(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestKilled kills the process that changes a store, at random moments, among them those in which it builds, compacts and
// makes the graph anew. Afterwards the store has every change that Apply has returned for, and of the one after it nothing or
// a first part.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	for round := range 8 {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledChild$", "-test.v")
		child.Env = append(os.Environ(), killVariable+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		done, left := 0, 1+rng.IntN(40)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, err := fmt.Sscanf(lines.Text(), "done %d", &done); err == nil {
				if left--; left == 0 {
					if err := child.Process.Kill(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		_ = child.Wait() // it was killed
		s, err := vector.Open(dir, killConfig)
		if err != nil {
			t.Fatalf("round %d, after %d steps: %v", round, done, err)
		}
		before, after := killRows(done), killRows(done+1)
		tags := s.Tags()
		for key := range union(before, after, tags) {
			tag, there := tags[key]
			was, wasThere := before[key]
			is, isThere := after[key]
			if !(there == wasThere && tag == was.Tag) && !(there == isThere && tag == is.Tag) {
				t.Fatalf("round %d, after %d steps: %s has the tag %d %v, want %d %v or %d %v", round, done, key, tag, there, was.Tag, wasThere, is.Tag, isThere)
			}
			if there {
				if found, err := s.Search(item(s, key).Vector, 1, nil); err != nil || len(found) != 1 || found[0].Score < 0.999 {
					t.Fatalf("round %d: %s is not found: %v %v", round, key, found, err)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func item(s *vector.Store, key string) vector.Item {
	it, _ := s.Get(key)
	return it
}

// union is the set of the keys of some maps.
func union(before, after map[string]vector.Item, tags map[string]uint64) map[string]bool {
	keys := map[string]bool{}
	for key := range before {
		keys[key] = true
	}
	for key := range after {
		keys[key] = true
	}
	for key := range tags {
		keys[key] = true
	}
	return keys
}
