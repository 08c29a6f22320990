package home

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The names below the local PostgreSQL's directory.
const (
	clusterName = "data"
	// initPrefix begins the names of directories in which clusters are made, to be renamed when they are whole.
	initPrefix = "init-"
)

// farRoot is where the local PostgreSQL's files go when the data directory cannot be reached by its user.
const farRoot = "/var/lib/pinnacle-proxy"

// hba lets sessions in over the Unix socket, with a SCRAM password, and in no other way (PostgreSQL documentation,
// "The pg_hba.conf File").
const hba = "# Written by pinnacle-proxy.\n# TYPE  DATABASE  USER  METHOD\nlocal   all       all   scram-sha-256\n"

// place makes the local PostgreSQL's directory below the data directory and gives its real path. Where the account
// cannot get there, because a directory above is closed to it, and nothing is there yet, the directory is made under
// farRoot and linked.
func place(dataDir string, as account) (dir string, moved bool, err error) {
	link := filepath.Join(dataDir, "postgres")
	if err := os.Mkdir(link, dataDirectoryMode()); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", false, &Error{Code: codeIO, Message: "the local PostgreSQL's directory cannot be made", Err: err}
	}
	dir, err = filepath.EvalSymlinks(link)
	if err != nil {
		return "", false, &Error{Code: codeIO, Message: "the local PostgreSQL's directory cannot be looked at", Err: err,
			Hint: "If its files under " + farRoot + " were removed, remove the link " + link + " too, and a new database is made."}
	}
	closed, err := as.barrier(dir)
	if err != nil || closed == "" {
		return dir, false, err
	}
	far, err := placeFar(link)
	if err != nil {
		return "", false, &Error{Code: codeIO, Message: fmt.Sprintf("user %s, as which the local PostgreSQL runs, cannot reach %s", as.name, dir), Err: err,
			Detail: fmt.Sprintf("PostgreSQL does not run as root, and %s is closed to other users.", closed),
			Hint:   fmt.Sprintf("Choose a --data-dir that others can pass through, run the proxy as another user than root, or open the way: chmod o+x %s", closed)}
	}
	return far, true, nil
}

// placeFar replaces an empty directory by a link to a new one under farRoot.
func placeFar(link string) (string, error) {
	if err := os.MkdirAll(farRoot, 0o711); err != nil {
		return "", err
	}
	far, err := os.MkdirTemp(farRoot, "postgres-")
	if err != nil {
		return "", err
	}
	if err = os.Chmod(far, 0o711); err == nil {
		// Remove takes nothing but an empty directory (or a link), so what is there is never lost.
		err = os.Remove(link)
	}
	if err == nil {
		err = os.Symlink(far, link)
	}
	if err != nil {
		os.Remove(far)
		return "", err
	}
	return far, nil
}

// clusterMajor is the major version of a cluster, from its PG_VERSION; 0 where there is no cluster.
func clusterMajor(data string) (int, error) {
	raw, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Stat(data); statErr == nil {
			return 0, &Error{Code: codeIO, Message: data + " holds no PostgreSQL cluster: it has no file PG_VERSION",
				Hint: "Restore it from a backup; or move it away, and an empty database is made."}
		}
		return 0, nil
	}
	if err != nil {
		return 0, &Error{Code: codeIO, Message: "the local PostgreSQL's version cannot be read", Err: err}
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0, &Error{Code: codeIO, Message: fmt.Sprintf("%s/PG_VERSION holds %q, which is no version", data, raw)}
	}
	return major, nil
}

// createCluster makes dir/data with the roles and the database of this proxy: in a directory of its own, renamed when
// everything is there, so that a kill in the middle leaves nothing but that directory, which the next start removes.
//
// Encoding is UTF8. The locale is C.UTF-8 (from PostgreSQL 17 on the built-in provider's), C where the machine lacks
// it: text sorts by code point, the same on every machine and after every upgrade of the system's libraries.
func createCluster(ctx context.Context, dir string, as account, bins Binaries, s secrets) error {
	tmp, err := os.MkdirTemp(dir, initPrefix)
	if err != nil {
		return &Error{Code: codeIO, Message: "the local PostgreSQL's directory cannot be written to", Err: err}
	}
	defer os.RemoveAll(tmp)
	if err := as.own(tmp); err != nil {
		return &Error{Code: codeIO, Message: "the local PostgreSQL's directory cannot be given to user " + as.name, Err: err}
	}
	data := filepath.Join(tmp, clusterName)
	var out string
	for _, locale := range locales(bins.Major) {
		args := append([]string{"-D", data, "-U", superuser, "-A", "reject", "-E", "UTF8", "--data-checksums", "--no-instructions"}, locale...)
		if out, err = runTool(ctx, as, tmp, "", bins.path("initdb"), args...); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return &Error{Code: codeSystem, Message: "the local PostgreSQL's database cannot be made", Err: err, Detail: out}
	}
	if err := overwrite(filepath.Join(data, "pg_hba.conf"), hba); err != nil {
		return &Error{Code: codeIO, Message: "the local PostgreSQL's directory cannot be written to", Err: err}
	}
	create := []string{
		"ALTER ROLE " + superuser + " PASSWORD " + literal(s.superuser),
		"CREATE ROLE " + User + " LOGIN PASSWORD " + literal(s.user),
		"CREATE DATABASE " + User + " OWNER " + User,
	}
	if err := singleUser(ctx, data, as, bins, create); err != nil {
		return err
	}
	if err := os.Rename(data, filepath.Join(dir, clusterName)); err != nil {
		return &Error{Code: codeIO, Message: "the local PostgreSQL's directory cannot be written to", Err: err}
	}
	return syncDirectory(dir)
}

// locales are initdb's locale options, to be tried in turn.
func locales(major int) [][]string {
	libc := [][]string{{"--locale=C.UTF-8"}, {"--locale=C"}}
	if major >= 17 {
		return append([][]string{{"--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"}, {"--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"}}, libc...)
	}
	return libc
}

// setPasswords makes a cluster that does not run take the passwords.
func setPasswords(ctx context.Context, data string, as account, bins Binaries, s secrets) error {
	return singleUser(ctx, data, as, bins, []string{
		"ALTER ROLE " + superuser + " PASSWORD " + literal(s.superuser),
		"ALTER ROLE " + User + " PASSWORD " + literal(s.user),
	})
}

// literal is a string constant of SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// overwrite replaces the content of a file that is there, which keeps its owner and mode.
func overwrite(path, content string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// singleUser runs statements on a cluster that does not run (PostgreSQL documentation, postgres, "Single-User Mode").
// The statements go in through standard input, so that no password is seen in a list of processes.
func singleUser(ctx context.Context, data string, as account, bins Binaries, statements []string) error {
	out, err := runTool(ctx, as, data, strings.Join(statements, "\n")+"\n", bins.path("postgres"),
		"--single", "-D", data, "-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "-c", "log_statement=none", "postgres")
	if err != nil {
		return &Error{Code: codeSystem, Message: "the local PostgreSQL's roles and database cannot be made", Err: err, Detail: out}
	}
	return nil
}
