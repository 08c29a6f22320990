package home_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
)

// kept checks that the row of made is there.
func kept(t *testing.T, local *home.Local, dir string) {
	t.Helper()
	if got := query(t, client(t, local, dir), "SELECT count(*) FROM kept"); got != "1" {
		t.Errorf("%s rows, want 1", got)
	}
}

// owner is the user of the files in a cluster.
func owner(t *testing.T, data string) *syscall.Credential {
	t.Helper()
	info, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if int(st.Uid) == os.Geteuid() {
		return nil
	}
	return &syscall.Credential{Uid: st.Uid, Gid: st.Gid}
}

func TestOrphanServerIsEnded(t *testing.T) {
	t.Parallel()
	dir := made(t)
	data := filepath.Join(dir, "postgres", "data")
	found, err := home.Look(within(t, 10*time.Second), dir, "", home.FetchNever)
	programs, ok := found.Choice()
	if err != nil || !ok {
		t.Fatal(err, found.Search.Refused)
	}
	orphan := exec.Command(filepath.Join(programs.Dir, "postgres"), "-D", data, "-c", "listen_addresses=",
		"-c", "unix_socket_directories="+filepath.Join(dir, "postgres", "run"))
	orphan.SysProcAttr = &syscall.SysProcAttr{Credential: owner(t, data)}
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); orphan.Wait() }()
	t.Cleanup(func() { orphan.Process.Kill(); <-ended })
	eventually(t, "the orphan runs", func() bool {
		raw, _ := os.ReadFile(filepath.Join(data, "postmaster.pid"))
		return strings.Contains(string(raw), "ready")
	})
	local := start(t, dir)
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("the orphan still runs")
	}
	kept(t, local, dir)
}

func TestDamagedDataDirectoryHeals(t *testing.T) {
	t.Parallel()
	dir := made(t)
	for name, damage := range map[string]func(t *testing.T, dir string) error{
		"pid file names another process": func(t *testing.T, dir string) error {
			text := fmt.Sprintf("%d\n%s\n1\n5432\n/nowhere\n\n  1 999999\nready\n", os.Getpid(), filepath.Join(dir, "postgres", "data"))
			return os.WriteFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"), []byte(text), 0o644)
		},
		"pid file names no process": func(t *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"), []byte("4194303\n/x\n1\n5432\n\n\n\n"), 0o644)
		},
		"socket lock names another process": func(t *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "postgres", "run", ".s.PGSQL.5432.lock"), []byte(fmt.Sprintf("%d\n", os.Getpid())), 0o644)
		},
		"password file gone": func(t *testing.T, dir string) error {
			return os.Remove(filepath.Join(dir, home.PassFile))
		},
		"superuser's secret gone": func(t *testing.T, dir string) error {
			return os.Remove(filepath.Join(dir, "postgres.secret"))
		},
		"killed while making a cluster": func(t *testing.T, dir string) error {
			return os.MkdirAll(filepath.Join(dir, "postgres", "init-123", "data", "base"), 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := damage(t, dir); err != nil {
				t.Fatal(err)
			}
			local := start(t, dir)
			kept(t, local, dir)
			if err := local.Healthy(within(t, 10*time.Second)); err != nil {
				t.Error(err)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "postgres", "init-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestClusterThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	whole := made(t)
	for name, c := range map[string]struct {
		damage func(data string) error
		want   string
	}{
		"another version": {func(data string) error {
			return os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("13\n"), 0o600)
		}, "was made by PostgreSQL 13, and no PostgreSQL 13 was found"},
		"no version": {func(data string) error { return os.Remove(filepath.Join(data, "PG_VERSION")) }, "holds no PostgreSQL cluster"},
		"version that is none": {func(data string) error {
			return os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("x\n"), 0o600)
		}, "which is no version"},
		"broken control file": {func(data string) error {
			return os.WriteFile(filepath.Join(data, "global", "pg_control"), []byte("x"), 0o600)
		}, "ended while starting"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(dataDir(t), "copy")
			if out, err := exec.Command("cp", "-a", whole, dir).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if err := c.damage(filepath.Join(dir, "postgres", "data")); err != nil {
				t.Fatal(err)
			}
			lock, err := home.LockDirectory(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Release()
			_, err = home.StartLocal(within(t, startTime), config(lock, logger(t)))
			var e *home.Error
			if !errors.As(err, &e) || !strings.Contains(e.Message, c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestPasswordSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := made(t)
	before, err := os.ReadFile(filepath.Join(dir, home.PassFile))
	if err != nil {
		t.Fatal(err)
	}
	start(t, dir)
	if after, _ := os.ReadFile(filepath.Join(dir, home.PassFile)); string(after) != string(before) {
		t.Error("a restart changed the password file")
	}
}

func TestLongSocketPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(dataDir(t), strings.Repeat("long/", 25))
	var short string
	t.Cleanup(func() {
		if _, err := os.Stat(short); err == nil {
			t.Errorf("socket directory %s was left behind", short)
			os.RemoveAll(short)
		}
	})
	local := start(t, dir)
	query(t, client(t, local, dir), "SELECT 1")
	raw, err := os.ReadFile(filepath.Join(dir, "postgres", "socket-directory"))
	if err != nil {
		t.Fatal(err)
	}
	short = strings.TrimSpace(string(raw))
	if info, err := os.Stat(short); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("socket directory %s: %v", short, err)
	}
}

func TestClosedDataDirectory(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs PostgreSQL as another user")
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	local := start(t, dir)
	far, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(far) })
	if strings.HasPrefix(far, dir) {
		t.Fatalf("the files are in %s, which the server's user cannot reach", far)
	}
	query(t, client(t, local, dir), "CREATE TABLE t()")
}

func TestCloseDoesNotWaitBeyondItsContext(t *testing.T) {
	t.Parallel()
	dir := made(t)
	lock, err := home.LockDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	local, err := home.StartLocal(within(t, startTime), config(lock, logger(t)))
	if err != nil {
		t.Fatal(err)
	}
	pid := postmaster(dir)
	// A stopped postmaster does not shut down; force is what is left.
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := local.Close(ctx); err != nil {
		t.Error(err)
	}
	if runs(pid) {
		t.Error("the server still runs")
	}
}

func TestStartWithEndedContext(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	lock, err := home.LockDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := home.StartLocal(ctx, config(lock, logger(t))); err == nil {
		t.Error("started under an ended context")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "postgres", "init-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestKilledWhileMakingTheCluster(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cmd := standInCommand(dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "initdb has begun", func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, "postgres", "init-*", "data", "base"))
		return len(found) > 0
	})
	cmd.Process.Kill()
	cmd.Wait()
	if _, err := os.Stat(filepath.Join(dir, "postgres", "data")); err == nil {
		t.Fatal("the cluster is there before it is whole")
	}
	local := start(t, dir)
	query(t, client(t, local, dir), "SELECT 1")
	if left, _ := filepath.Glob(filepath.Join(dir, "postgres", "init-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the other tests run as an ordinary user already")
	}
	top := dataDir(t)
	binary, dir := filepath.Join(top, "proxy"), filepath.Join(top, "data")
	if out, err := exec.Command("cp", os.Args[0], binary).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	as := asServerUser(t)
	if err := os.Chown(dir, int(as.Credential.Uid), int(as.Credential.Gid)); err != nil {
		t.Fatal(err)
	}
	cmd := standInCommand(dir)
	cmd.Path, cmd.Args[0], cmd.SysProcAttr, cmd.Dir = binary, binary, as, top
	run(t, cmd)
	cmd.Process.Kill()
	cmd.Wait()
	// Root takes the directory over, and the server goes on as its owner.
	local := start(t, dir)
	query(t, client(t, local, dir), "SELECT 1")
}
