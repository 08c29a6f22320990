package job_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// envDie says in which of a process's transactions it is killed, and where: "within 3" or "after 3".
const envDie = "JOB_TEST_DIE"

// mortal is a store that the process dies in.
type mortal struct {
	keyvalue.Store
	place string
	at    int64
	count atomic.Int64
}

// mortalStore makes a store one that the process dies in, if the environment says so.
func mortalStore(store keyvalue.Store) keyvalue.Store {
	m := &mortal{Store: store}
	if n, err := fmt.Sscan(os.Getenv(envDie), &m.place, &m.at); n != 2 || err != nil {
		return store
	}
	return m
}

// Update implements keyvalue.Store.
func (m *mortal) Update(ctx context.Context, change func(tx keyvalue.Tx) error) error {
	here := m.count.Add(1) == m.at
	err := m.Store.Update(ctx, func(tx keyvalue.Tx) error {
		err := change(tx)
		if here && m.place == "within" {
			die()
		}
		return err
	})
	if here {
		die()
	}
	return err
}

// die ends this process as kill -9 does.
func die() {
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {} // until the signal is there
}

// TestKilledAtEachTransaction kills a process within each of the transactions that the first job takes, from the one that claims it to the
// one that ends it and begins the next, and after each: the next process goes on where it was.
func TestKilledAtEachTransaction(t *testing.T) {
	t.Parallel()
	transactions := []int64{1, 2, 3, stepsOfJob / 2}
	for n := int64(stepsOfJob); n < stepsOfJob+6; n++ { // the end, among heartbeats and what is told of states
		transactions = append(transactions, n)
	}
	for _, place := range []string{"within", "after"} {
		for _, n := range transactions {
			dir := filepath.Join(t.TempDir(), "store")
			add(t, dir, 2)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), envStore+"="+dir, fmt.Sprintf("%s=%s %d", envDie, place, n))
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("%s transaction %d the process ended with %v: %s", place, n, err, out)
			}
			if err := start(t, dir).Wait(); err != nil {
				t.Fatalf("%s transaction %d: %v", place, n, err)
			}
			if losses := verify(t, dir, 2); losses > 2 { // both jobs may run
				t.Errorf("%s transaction %d: %d attempts were lost by one kill", place, n, losses)
			}
		}
	}
}
