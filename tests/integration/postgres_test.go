package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	shared "github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// superPassword is the password of the oracle's superuser; appPassword that of the user that clients of the databackend
// proxy are. Both are looked for in the proxies' logs.
const (
	superPassword = "8c1f-super-word"
	appPassword   = "5d27-app-word"
)

// postgresServer is one PostgreSQL of the tests' own: the oracle, and the server behind --databackend.
type postgresServer struct {
	bin, dir string
	port     int
	settings []string
	cmd      *exec.Cmd
	// exited is closed when the postmaster of cmd has ended.
	exited chan struct{}
}

// postgresBin finds the directory of a PostgreSQL of version 15 or newer, the newest first.
func postgresBin() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		return n
	}
	sort.Slice(dirs, func(i, j int) bool { return version(dirs[i]) > version(dirs[j]) })
	if len(dirs) > 0 && version(dirs[0]) >= 15 {
		return dirs[0], nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", errors.New("no PostgreSQL of version 15 or newer in /usr/lib/postgresql or PATH")
	}
	return filepath.Dir(path), nil
}

// asPostgres makes a command run as the user postgres when we are root, which PostgreSQL refuses to run as.
func asPostgres(cmd *exec.Cmd) (*exec.Cmd, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return cmd, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return cmd, nil
}

// startPostgres makes a cluster in dir and starts it with settings like "max_connections=100".
func startPostgres(dir string, settings ...string) (*postgresServer, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	s := &postgresServer{bin: bin, dir: dir, settings: settings}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
	}
	word := filepath.Join(dir, "word")
	if err := os.WriteFile(word, []byte(superPassword+"\n"), 0o644); err != nil {
		return nil, err
	}
	initdb, err := asPostgres(exec.Command(filepath.Join(bin, "initdb"), "-D", s.data(), "-U", "postgres", "--pwfile", word,
		"-A", "scram-sha-256", "--locale=C", "-E", "UTF8", "-N"))
	if err != nil {
		return nil, err
	}
	initdb.Dir = dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if s.port, err = shared.FreePort(); err != nil {
		return nil, err
	}
	return s, s.start()
}

func (s *postgresServer) data() string { return filepath.Join(s.dir, "data") }

// start runs the postmaster and waits until it answers. A postmaster that ends at once is run again, since after a crash the
// children of the one before are in the way until they have noticed.
func (s *postgresServer) start() error {
	if err := s.launch(); err != nil {
		return err
	}
	return until(30*time.Second, func() error {
		select {
		case <-s.exited:
			if err := s.launch(); err != nil {
				return err
			}
		default:
		}
		conn, err := pgconn.Connect(context.Background(), s.url("postgres", superPassword, "postgres"))
		if err != nil {
			return err
		}
		return conn.Close(context.Background())
	})
}

// launch runs the postmaster without waiting for anything.
func (s *postgresServer) launch() error {
	args := []string{"-D", s.data(), "-k", s.dir, "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
		"-c", "timezone=UTC"}
	for _, set := range s.settings {
		args = append(args, "-c", set)
	}
	cmd, err := asPostgres(exec.Command(filepath.Join(s.bin, "postgres"), args...))
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, s.dir
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.exited = cmd, make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait()
		close(exited)
	}(cmd, s.exited)
	return nil
}

// kill ends the postmaster as a crash would.
func (s *postgresServer) kill() error {
	if err := s.cmd.Process.Kill(); err != nil {
		return err
	}
	<-s.exited
	return nil
}

// stop ends the server in PostgreSQL's fast way and waits for it.
func (s *postgresServer) stop() error {
	if s.cmd == nil {
		return nil
	}
	select {
	case <-s.exited:
		return nil
	default:
	}
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	select {
	case <-s.exited:
		return nil
	case <-time.After(30 * time.Second):
		return errors.Join(errors.New("the PostgreSQL of the tests does not stop"), s.cmd.Process.Kill())
	}
}

// url is a connection string without TLS.
func (s *postgresServer) url(user, password, database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", user, password, s.port, database)
}

// newTarget makes a database with the tests' tables, and with the models as SQL functions if functions is set. Its user
// owns it and is no superuser.
func (s *postgresServer) newTarget(database string, functions bool) (*target, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	super := &target{name: "super", addr: s.addr(), user: "postgres", password: superPassword, database: "postgres"}
	if err := super.load(ctx, `DO $$ BEGIN
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') THEN CREATE ROLE app LOGIN PASSWORD '`+appPassword+`'; END IF;
		END $$`); err != nil {
		return nil, err
	}
	if err := super.load(ctx, "CREATE DATABASE "+database+" OWNER app"); err != nil {
		return nil, err
	}
	t := &target{name: database, addr: s.addr(), user: "app", password: appPassword, database: database, functions: functions}
	if err := t.load(ctx, tablesSQL); err != nil {
		return nil, err
	}
	if !functions {
		return t, nil
	}
	return t, t.load(ctx, modelFunctions())
}

func (s *postgresServer) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// until calls f until it gives no error, and gives its last error when limit has passed.
func until(limit time.Duration, f func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := f()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %s still: %w", limit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// lines splits a text and drops empty lines.
func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}
