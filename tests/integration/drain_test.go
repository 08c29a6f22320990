package integration

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// drained starts a proxy on a database of its own.
func drained(t *testing.T, database string, args ...string) (*proxy, *target) {
	t.Helper()
	if world.bin == "" {
		t.Skip("no proxy to test in this run")
	}
	home, err := world.oracle.newTarget(database, false)
	if err != nil {
		t.Fatal(err)
	}
	return spare(t, proxyOptions{databackend: home, args: args})
}

// refusesConnections waits until nobody listens any more.
func refusesConnections(t *testing.T, addr string) {
	t.Helper()
	if err := until(20*time.Second, func() error {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return nil
		}
		return fmt.Errorf("still accepts connections: %v", conn.Close())
	}); err != nil {
		t.Error(err)
	}
}

// exitsWith waits for the end of the process.
func exitsWith(t *testing.T, p *proxy, code int) {
	t.Helper()
	select {
	case <-p.exited:
		if got := p.cmd.ProcessState.ExitCode(); got != code {
			t.Errorf("exit status %d, want %d", got, code)
		}
	case <-time.After(exchangeLimit):
		t.Error("the proxy does not end")
	}
}

// TestDrain sends SIGTERM: the idle session is told 57P01, the running statements end, nobody new comes in, and the process
// ends with 0.
func TestDrain(t *testing.T) {
	t.Parallel()
	p, on := drained(t, "drain")
	on.exec(t, slowModel)
	idle, plain, predicting, block := on.open(t), on.open(t, "application_name", "plain"), on.open(t, "application_name", "predicting"), on.open(t)
	block.mustQuery(t, "BEGIN")
	plain.send(t, query("SELECT pg_sleep(4)"))
	predicting.send(t, query("SELECT sum(1) FROM pg_sleep(1); SELECT predict('slow', i) FROM generate_series(1, 8) i"))
	waitFor(t, on, "SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('plain', 'predicting') AND state = 'active'", "2")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := idle.upTo(nil); !strings.Contains(got[0], "57P01") {
		t.Errorf("the idle session: %v", got)
	}
	refusesConnections(t, p.addr())
	got := block.query(t, "SELECT 1; COMMIT")
	if code, line := firstError(got); code != "" {
		t.Errorf("an open transaction cannot end: %s", line)
	}
	for name, s := range map[string]*session{"plain": plain, "predicting": predicting} {
		got := s.ready(1)
		if code, line := firstError(got); code != "" || !strings.HasPrefix(got[len(got)-1], "ReadyForQuery") {
			t.Errorf("the %s statement: %s %v", name, line, got[len(got)-1])
		}
	}
	exitsWith(t, p, 0)
}

// TestDrainDeadline lets the drain's deadline pass while a statement runs.
func TestDrainDeadline(t *testing.T) {
	t.Parallel()
	p, on := drained(t, "drain_deadline", "--drain-timeout", "1s")
	busy := on.open(t, "application_name", "deadline")
	busy.send(t, query("SELECT pg_sleep(120)"))
	waitFor(t, on, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'deadline' AND state = 'active'", "1")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	got := busy.upTo(nil)
	if all := strings.Join(got, "\n"); !strings.Contains(all, "57P01") || got[len(got)-1] != "connection ended: closed" {
		t.Errorf("the session whose statement outlasts the drain is to be told 57P01: %v", got)
	}
	select {
	case <-p.exited:
	case <-time.After(exchangeLimit):
		t.Error("the proxy does not end")
	}
}

// TestSecondSignal sends SIGTERM twice: the second ends the process at once.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	p, on := drained(t, "drain_twice", "--drain-timeout", "10m")
	busy := on.open(t, "application_name", "twice")
	busy.send(t, query("SELECT pg_sleep(120)"))
	waitFor(t, on, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'twice' AND state = 'active'", "1")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	refusesConnections(t, p.addr())
	if p.ended() {
		t.Fatal("the first signal ended the proxy under a running statement")
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(exchangeLimit):
		t.Error("the second signal does not end the proxy")
	}
}
