package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// superPassword is the password of every server's superuser. The servers listen on loopback and live as long as a test.
const superPassword = "lab-super-word"

// Postgres is one running PostgreSQL of the tests' own. Its superuser is postgres.
type Postgres struct {
	bin, dir string
	port     int
	process  *process
}

// StartPostgres makes a cluster in dir, which must not be there yet, and starts it with settings like
// "max_connections=100". The cluster's locale is C.UTF-8. A server that was started but does not answer is stopped again.
func StartPostgres(ctx context.Context, dir string, settings ...string) (*Postgres, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	return StartPostgresOf(ctx, bin, dir, settings...)
}

// StartPostgresOf is StartPostgres with the programs of the directory bin.
func StartPostgresOf(ctx context.Context, bin, dir string, settings ...string) (*Postgres, error) {
	account, err := postgresAccount()
	if err != nil {
		return nil, err
	}
	s := &Postgres{bin: bin, dir: dir}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	word := filepath.Join(dir, "word")
	if err := os.WriteFile(word, []byte(superPassword+"\n"), 0o644); err != nil {
		return nil, err
	}
	if account != nil {
		if err := os.Chown(dir, int(account.Uid), int(account.Gid)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "--pwfile", word,
		"-A", "scram-sha-256", "--locale=C.UTF-8", "-E", "UTF8", "-N")
	initdb.Dir, initdb.SysProcAttr = dir, &syscall.SysProcAttr{Credential: account}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if s.port, err = FreePort(); err != nil {
		return nil, err
	}
	args := []string{"-D", data, "-k", dir, "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
		"-c", "timezone=UTC"}
	for _, set := range settings {
		args = append(args, "-c", set)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), args...)
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Setpgid: true, Credential: account}
	if s.process, err = launch(cmd, filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	err = s.process.until(30*time.Second, func() error { return s.Load(ctx, "postgres", "SELECT 1") })
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
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

// postgresAccount is the account postgres when we are root, as which PostgreSQL refuses to run; nil otherwise.
func postgresAccount() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// URL is a connection string of the superuser, without TLS.
func (s *Postgres) URL(database string) string {
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/%s?sslmode=disable", superPassword, s.port, database)
}

// Load runs scripts in a database, each as one Query message.
func (s *Postgres) Load(ctx context.Context, database string, scripts ...string) error {
	return Load(ctx, s.URL(database), scripts...)
}

// Stop ends the server in PostgreSQL's fast way and waits for it.
func (s *Postgres) Stop() error {
	return s.process.stop(syscall.SIGINT, 30*time.Second)
}

// Load runs scripts on the database that url names, each as one Query message.
func Load(ctx context.Context, url string, scripts ...string) error {
	conn, err := pgconn.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, sql := range scripts {
		if err := conn.Exec(ctx, sql).Close(); err != nil {
			return fmt.Errorf("%w\nin %.200s", err, sql)
		}
	}
	return nil
}
