package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/badgerstore"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/sqlstore"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// envStore makes this program a process that works on the jobs of a store, until there are none: a directory of Badger's, or
// the URI of a PostgreSQL.
const envStore = "JOB_TEST_STORE"

func TestMain(m *testing.M) {
	if place := os.Getenv(envStore); place != "" {
		if err := process(place); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// open opens a store, and says whether this process has it to itself.
func open(ctx context.Context, place string) (store keyvalue.Store, exclusive bool, err error) {
	if strings.HasPrefix(place, "postgres:") {
		store, err = sqlstore.Open(ctx, sqlstore.Config{URI: place})
		return store, false, err
	}
	store, err = badgerstore.Open(ctx, badgerstore.Config{Dir: place})
	return store, true, err
}

// queue makes a queue whose times are short.
func queue(store keyvalue.Store, exclusive bool) *job.Queue {
	return job.NewQueue(job.Config{Store: store, Name: fmt.Sprint("process ", os.Getpid()), Exclusive: exclusive, Lease: 2 * time.Second, MaxLosses: 1000})
}

// process works on jobs until there are none.
func process(place string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	store, exclusive, err := open(ctx, place)
	if err != nil {
		return err
	}
	store = mortalStore(store)
	q := queue(store, exclusive)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		job.NewWorker(q, job.WorkerConfig{Handlers: map[string]job.Handler{"steps": steps}, Poll: 50 * time.Millisecond}).Run(ctx)
	}()
	for {
		pending, running, err := q.Counts(ctx)
		if err != nil {
			return err
		}
		if pending+running == 0 {
			stop()
			<-ended
			return store.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// The steps of a job, and where each leaves its mark.
const (
	stepsOfJob                = 40
	marks      keyvalue.Space = "test_marks"
)

// steps is a handler that does one step a transaction, each once.
func steps(ctx context.Context, run *job.Run) error {
	at := 0
	if _, err := run.State(ctx, &at); err != nil {
		return err
	}
	for ; at < stepsOfJob; at++ {
		run.Progress(int64(at), stepsOfJob)
		err := run.Update(ctx, at+1, func(tx keyvalue.Tx) error {
			key := keyvalue.Key(fmt.Sprint(run.Job().ID), fmt.Sprint(at))
			if _, err := tx.Get(marks, key); !errors.Is(err, keyvalue.ErrNotFound) {
				return job.Permanent(fmt.Errorf("step %d is done twice: %v", at, err))
			}
			mark, err := json.Marshal(os.Getpid())
			if err != nil {
				return err
			}
			return tx.Put(marks, key, mark)
		})
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// start starts a process.
func start(t *testing.T, place string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envStore+"="+place)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// add adds jobs, some of which depend on the one before.
func add(t *testing.T, place string, n int) {
	t.Helper()
	ctx := context.Background()
	store, exclusive, err := open(ctx, place)
	if err != nil {
		t.Fatal(err)
	}
	q := queue(store, exclusive)
	last := int64(0)
	for i := range n {
		spec := job.Spec{Kind: "steps"}
		if i%2 == 1 {
			spec.DependsOn = []int64{last}
		}
		if err := store.Update(ctx, func(tx keyvalue.Tx) (err error) {
			last, err = q.Enqueue(tx, spec)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// verify holds that every job has succeeded and every step was done, once.
func verify(t *testing.T, place string, n int) (losses int) {
	t.Helper()
	ctx := context.Background()
	store, exclusive, err := open(ctx, place)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	jobs, done := 0, 0
	err = queue(store, exclusive).Jobs(ctx, func(j *job.Job) error {
		jobs++
		losses += j.Attempt - 1
		if j.State != job.Succeeded || j.Failures != 0 {
			t.Errorf("%+v, %+v", j, j.Failure)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = store.View(ctx, func(r keyvalue.Reader) error {
		return r.Scan(marks, "", "", 0, func(string, []byte) error {
			done++
			return nil
		})
	})
	if err != nil || jobs != n || done != n*stepsOfJob {
		t.Errorf("%d jobs, %d steps (%v); want %d and %d", jobs, done, err, n, n*stepsOfJob)
	}
	return losses
}

// TestKilled kills the only process again and again: the next one goes on where it was.
func TestKilled(t *testing.T) {
	t.Parallel()
	const jobs, kills = 8, 12
	dir := filepath.Join(t.TempDir(), "store")
	add(t, dir, jobs)
	for range kills {
		cmd := start(t, dir)
		time.Sleep(time.Duration(150+rand.IntN(300)) * time.Millisecond) // how long it lives
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if err := start(t, dir).Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("jobs were taken over %d times", verify(t, dir, jobs))
}

// TestTwoProcesses has two processes on one PostgreSQL, of which one after the other is killed.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "pinnacle-job-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the server runs as another user
		t.Fatal(err)
	}
	server, err := lab.StartPostgres(ctx, filepath.Join(dir, "pg"))
	if err != nil {
		t.Skipf("no PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	place := server.URL("postgres")
	const jobs = 8
	add(t, place, jobs)
	processes := []*exec.Cmd{start(t, place), start(t, place)}
	for kill := range 6 {
		time.Sleep(time.Duration(300+rand.IntN(400)) * time.Millisecond) // how long it lives
		i := kill % 2
		_ = processes[i].Process.Kill()
		_ = processes[i].Wait()
		processes[i] = start(t, place)
	}
	for _, p := range processes {
		if err := p.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("jobs were taken over %d times", verify(t, place, jobs))
}
