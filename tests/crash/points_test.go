package crash

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The settings of a test run, from the environment.
const (
	// envPoints is how many places each operation is killed in, 0 for all; without it it is one, of every third operation.
	envPoints = "PINNACLE_TEST_CRASH_POINTS"
	// envRuns is how often a proxy is killed at random, envSeed what the runs follow from.
	envRuns = "PINNACLE_TEST_CRASH_RUNS"
	envSeed = "PINNACLE_TEST_CRASH_SEED"
)

var all *world

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	for _, name := range []string{"CRASH_KEY", "CRASH_OTHER"} { // of the secrets
		if err := os.Setenv(name, "word"); err != nil {
			fmt.Fprintln(os.Stderr, "crash:", err)
			return 1
		}
	}
	w, err := newWorld(context.Background())
	defer func() {
		if err := w.close(); err != nil {
			fmt.Fprintln(os.Stderr, "crash:", err)
			code = 1
		}
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		return 1
	}
	all = w
	return m.Run()
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPoints kills a proxy at each statement that it sends to PostgreSQL for an operation, before PostgreSQL has it and when
// PostgreSQL has done it. The next proxy finds things as they were or as the operation makes them, the latter if the client
// was told so; and the operation can be done again.
func TestPoints(t *testing.T) {
	points, every := number(t, envPoints, -1), 1
	if points < 0 {
		points, every = 1, 3
	}
	var mu sync.Mutex
	killed, places := 0, 0
	t.Run("operations", func(t *testing.T) {
		for i, op := range operations() {
			if i%every != 0 {
				continue
			}
			t.Run(op.name, func(t *testing.T) {
				t.Parallel()
				before, after, found := rehearse(t, i, op)
				chosen := found
				if points > 0 && len(found) > points {
					chosen = nil
					for n := range points { // spread over them, others for each operation
						chosen = append(chosen, found[(i*7+n*len(found)/points)%len(found)])
					}
				}
				for n, at := range chosen {
					if crash(t, fmt.Sprintf("crash_%d_%d", i, n), op, at, before, after) {
						mu.Lock()
						killed++
						mu.Unlock()
					}
					mu.Lock()
					places++
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d places were tried, the proxy was killed in %d of them", places, killed)
	if killed < places/2 {
		t.Error("too few of them were reached")
	}
}

// rehearse runs an operation in peace, and gives the state before and after it, and the points that there are in it.
func rehearse(t *testing.T, i int, op operation) (before, after string, found []point) {
	ctx := t.Context()
	s := begin(t, fmt.Sprintf("rehearsal_%d", i), op)
	before, err := s.reconcile(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s.relay.watch(nil, nil)
	if _, err := s.query(ctx, op.sql); err != nil {
		t.Fatalf("%s: %v", op.sql, err)
	}
	if err := s.settle(ctx); err != nil {
		t.Fatal(err)
	}
	seen, _ := s.relay.unwatch()
	for _, text := range seen {
		found = append(found, point{text, false}, point{text, true})
	}
	if after, err = s.reconcile(ctx); err != nil {
		t.Fatal(err)
	}
	if before == after || len(found) == 0 {
		t.Fatalf("the operation changes nothing: %d points", len(found))
	}
	return before, after, found
}

// begin makes a copy of base for an operation, with its proxy.
func begin(t *testing.T, name string, op operation) *site {
	t.Helper()
	s, err := all.copyOfBase(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, sql := range op.before {
		if _, err := s.query(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// crash kills a proxy at one point of an operation, and says whether it came there.
func crash(t *testing.T, name string, op operation, at point, before, after string) (killed bool) {
	t.Run(at.String(), func(t *testing.T) {
		ctx := t.Context()
		s := begin(t, name, op)
		dead := make(chan struct{})
		s.relay.watch(&at, func() {
			_ = s.proxy.Kill()
			close(dead)
		})
		_, told := s.query(ctx, op.sql)
		if told == nil {
			_ = s.settle(ctx) // the jobs that follow; the point may be in them
		}
		if _, killed = s.relay.unwatch(); killed {
			// PostgreSQL has the statement, but what it has of it may take its time to be done.
			select {
			case <-dead:
			case <-time.After(patience):
				t.Fatal("the proxy is not killed")
			}
		} else if told != nil {
			t.Fatalf("%s: %v", op.sql, told)
		} else if err := s.proxy.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := s.start(ctx); err != nil {
			t.Fatal(err)
		}
		wanted := []string{after}
		if told != nil {
			wanted = append(wanted, before)
		}
		got, err := s.reconcile(ctx, wanted...)
		if err != nil {
			t.Fatalf("%v\n%s", err, s.proxy.Tail(20))
		}
		if got == before {
			if _, err := s.query(ctx, op.sql); err != nil {
				t.Fatalf("again: %v", err)
			}
		}
		if _, err := s.reconcile(ctx, after); err != nil {
			t.Fatalf("again: %v", err)
		}
		t.Logf("it was found as it is %s, and the client was told %v", map[bool]string{true: "before", false: "after"}[got == before], strings.TrimSpace(fmt.Sprint(told)))
	})
	return killed
}
