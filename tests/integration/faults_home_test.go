package integration

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	shared "github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// answers waits until a target answers a statement again.
func answers(t *testing.T, on *target, sql, want string) {
	t.Helper()
	err := until(exchangeLimit, func() error {
		conn, err := pgconn.Connect(t.Context(), on.url(""))
		if err != nil {
			return err
		}
		defer conn.Close(context.Background())
		rows, err := simpleRows(t.Context(), conn, sql)
		if err != nil {
			return err
		}
		if len(rows) != 1 || rows[0][0] != want {
			return fmt.Errorf("%s gives %v, not %s", sql, rows, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// postmasterPID reads the process number of the proxy's own PostgreSQL.
func postmasterPID(t *testing.T, p *proxy) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.dataDir(), "postgres/data/postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// TestLocalPostgresKilled kills the proxy's own PostgreSQL: sessions are told, and it comes back by itself with its data.
func TestLocalPostgresKilled(t *testing.T) {
	t.Parallel()
	p, on := spare(t, proxyOptions{})
	on.exec(t, "CREATE TABLE kept AS SELECT i FROM generate_series(1, 100) i")
	on.exec(t, timesModel("MODEL", "kept", 2))
	idle, busy := on.open(t), on.open(t)
	busy.send(t, query("SELECT pg_sleep(60)"))
	if err := syscall.Kill(postmasterPID(t, p), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	got := busy.ready(1)
	if last := got[len(got)-1]; last != "connection ended: closed" {
		t.Errorf("the busy session: %v", got)
	}
	got = idle.upTo(nil)
	if last := got[len(got)-1]; last != "connection ended: closed" {
		t.Errorf("the idle session: %v", got)
	}
	answers(t, on, "SELECT sum(i) FROM kept", "5050")
	answers(t, on, "SELECT predict('kept', 21)", "42")
}

// TestProxyKilled kills the proxy, more than once, and wants the data and the models to be there again.
func TestProxyKilled(t *testing.T) {
	t.Parallel()
	p, on := spare(t, proxyOptions{})
	on.exec(t, "CREATE TABLE kept AS SELECT i FROM generate_series(1, 100) i")
	on.exec(t, timesModel("MODEL", "kept", 2))
	for round := range 2 {
		busy := on.open(t)
		busy.send(t, query("INSERT INTO kept SELECT 1 FROM generate_series(1, 10000000)"))
		if err := p.kill(); err != nil {
			t.Fatal(err)
		}
		if err := p.start(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		answers(t, on, "SELECT sum(i) FROM kept", "5050")
		answers(t, on, "SELECT predict('kept', 21)", "42")
		on.exec(t, timesModel("OR REPLACE MODEL", "kept", 2+round))
		on.exec(t, timesModel("OR REPLACE MODEL", "kept", 2))
	}
}

// TestOwnServerRestarted restarts the user's own server: clear errors while it is away, and service as soon as it is back.
func TestOwnServerRestarted(t *testing.T) {
	t.Parallel()
	if world.bin == "" {
		t.Skip("no proxy to test in this run")
	}
	server, err := startPostgres(filepath.Join(world.dir, "restarted"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.stop(); err != nil {
			t.Error(err)
		}
	})
	home, err := server.newTarget("app", false)
	if err != nil {
		t.Fatal(err)
	}
	_, on := spare(t, proxyOptions{databackend: home})
	on.exec(t, timesModel("MODEL", "kept", 2))
	idle := on.open(t)
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
	if got := idle.upTo(nil); !strings.Contains(got[0], "57P01") || got[len(got)-1] != "connection ended: closed" {
		t.Errorf("the idle session is to hear PostgreSQL's own 57P01: %v", got)
	}
	_, err = pgconn.Connect(t.Context(), on.url(""))
	if code := sqlState(err); err == nil || !strings.HasPrefix(code, "08") && !strings.HasPrefix(code, "57P03") {
		t.Errorf("a client that comes while the server is away hears %v", err)
	}
	if err := server.start(); err != nil {
		t.Fatal(err)
	}
	answers(t, on, "SELECT predict('kept', 21)", "42")
	if err := server.kill(); err != nil {
		t.Fatal(err)
	}
	if err := server.start(); err != nil {
		t.Fatal(err)
	}
	answers(t, on, "SELECT predict('kept', 21)", "42")
}

// TestSecondProxy starts a second proxy on a data directory in use: it refuses, says why, and harms nothing.
func TestSecondProxy(t *testing.T) {
	t.Parallel()
	p, on := spare(t, proxyOptions{})
	on.exec(t, timesModel("MODEL", "kept", 2))
	second := *p
	var err error
	if second.port, err = shared.FreePort(); err != nil {
		t.Fatal(err)
	}
	if second.metrics, err = shared.FreePort(); err != nil {
		t.Fatal(err)
	}
	from := p.logSize()
	if err := second.launch(); err != nil {
		t.Fatal(err)
	}
	if err := until(30*time.Second, func() error {
		if !second.ended() {
			return fmt.Errorf("the second proxy still runs")
		}
		return nil
	}); err != nil {
		t.Error(err, second.kill())
	}
	if second.cmd.ProcessState.ExitCode() == 0 {
		t.Error("the second proxy ended with 0")
	}
	if said := p.tail(from, 20); !strings.Contains(said, p.dataDir()) {
		t.Errorf("the second proxy does not name the directory: %s", said)
	}
	answers(t, on, "SELECT predict('kept', 21)", "42")
}

// TestDiskFull adds an artifact that is larger than the file system it goes to.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	if world.bin == "" {
		t.Skip("no proxy to test in this run")
	}
	small := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted here: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", small).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	home, err := world.oracle.newTarget("disk_full", false)
	if err != nil {
		t.Fatal(err)
	}
	// A subtest, so that its proxy has ended when the file system goes.
	t.Run("artifact", func(t *testing.T) {
		_, on := spare(t, proxyOptions{databackend: home, args: []string{"--artifact-store", "file:" + small + "/artifacts"}})
		conn := on.connect(t)
		_, err := conn.PgConn().CopyFrom(t.Context(), io.LimitReader(zeros{}, 8<<20), "COPY pinnacle.artifacts FROM STDIN")
		if code := sqlState(err); code != "53100" {
			t.Errorf("a full disk is told as %v, want 53100", err)
		}
		if got := on.value(t, "SELECT count(*) FROM pinnacle.artifacts"); got != "0" {
			t.Errorf("%s artifacts are there after the failure", got)
		}
		if _, err := conn.PgConn().CopyFrom(t.Context(), strings.NewReader("small"), "COPY pinnacle.artifacts FROM STDIN"); err != nil {
			t.Errorf("a small artifact afterwards: %v", err)
		}
	})
}

// zeros reads as endless zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestCorruptArtifact flips a byte of a stored artifact: the model that needs it says so, and the others go on.
func TestCorruptArtifact(t *testing.T) {
	needONNXRuntime(t)
	t.Parallel()
	if world.bin == "" {
		t.Skip("no proxy to test in this run")
	}
	home, err := world.oracle.newTarget("corrupt", false)
	if err != nil {
		t.Fatal(err)
	}
	p, on := spare(t, proxyOptions{databackend: home, args: importDirs()})
	on.exec(t, "CREATE MODEL spoilt FROM '"+onnxFile(t, "echo_float.onnx")+"' USING onnx")
	on.exec(t, timesModel("MODEL", "whole", 2))
	digest := strings.TrimPrefix(on.value(t, "SELECT artifact FROM pinnacle.models WHERE name = 'spoilt'"), "sha256:")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	flipByte(t, filepath.Join(p.dataDir(), "artifacts"), onnxFile(t, "echo_float.onnx"))
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	s := on.open(t)
	s.wantError(t, "SELECT predict('spoilt', 1, 2)", "XX001", digest[:12], "spoilt")
	s.wantRow(t, "SELECT predict('whole', 21)", "42")
	s.wantRow(t, "SELECT count(*) FROM pinnacle.models", "2")
}

// flipByte changes the middle byte of the file under dir that holds the same as original.
func flipByte(t *testing.T, dir, original string) {
	t.Helper()
	want, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil && bytes.Equal(raw, want) {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		t.Fatalf("the artifact is not under %s: %v", dir, err)
	}
	spoilt := bytes.Clone(want)
	spoilt[len(spoilt)/2] ^= 0xff
	if err := os.Chmod(found, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(found, spoilt, 0o600); err != nil {
		t.Fatal(err)
	}
}
