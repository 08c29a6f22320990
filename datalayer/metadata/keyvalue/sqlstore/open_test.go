package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// refusedWith fails the test unless a URI is refused with a code and, if it is not "", a hint that contains something. No
// part of the error may have the password.
func refusedWith(t *testing.T, uri, code, hint string) {
	t.Helper()
	s, err := Open(context.Background(), Config{URI: uri})
	if err == nil {
		t.Fatal(errors.New("it is not refused"), s.Close())
	}
	var e *keyvalue.Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Hint, hint) {
		t.Errorf("error %#v, want %s and a hint with %q", err, code, hint)
	}
	if e != nil && strings.Contains(e.Message+e.Detail+e.Hint+err.Error(), "s3cret") {
		t.Errorf("the error shows the password: %+v", *e)
	}
}

func TestInvalidURI(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{
		"", "oracle://u:s3cret@h/d", "mysql://u:s3cret@h", "mysql://u:s3cret@h/d/e", "mysql://u:s3cret@h/d?timeout=soon", "mysql://u:s3cret%@h/d", "mssql://u:s3cret@h/",
		"mssql://u:s3cret@h:port/d", "postgres://u:s3cret@h:port/d", "postgres://u:s3cret@h/d?connect_timeout=x", "sqlite:", "sqlite://:memory:",
	} {
		t.Run(strings.ReplaceAll(uri, "/", "_"), func(t *testing.T) {
			t.Parallel()
			refusedWith(t, uri, "22023", "")
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{"postgres://u:s3cret@127.0.0.1:1/d", "mysql://u:s3cret@127.0.0.1:1/d", "mssql://u:s3cret@127.0.0.1:1/d?dial+timeout=1"} {
		t.Run(strings.SplitN(uri, ":", 2)[0], func(t *testing.T) {
			t.Parallel()
			refusedWith(t, uri, "08006", "")
		})
	}
}

func TestSQLiteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "meta.db")
	s := openURI(t, "sqlite://"+file)
	if err := s.Update(context.Background(), func(tx keyvalue.Tx) error { return tx.Put("things", "a", []byte("1")) }); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(file + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("the files are %q, %v, want the log of WAL mode among them", files, err)
	}
	for _, name := range files {
		if st, err := os.Stat(name); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want the mode 0600", name, st.Mode(), err)
		}
	}
	noFile := filepath.Join(dir, "none", "meta.db")
	if _, err := Open(context.Background(), Config{URI: "sqlite://" + noFile}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a directory that is not there: %v", err)
	}
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, "sqlite://"+garbage, "XX001", "backup")
}

// TestNewerTables opens tables of a newer program.
func TestNewerTables(t *testing.T) {
	t.Parallel()
	uri := "sqlite://" + filepath.Join(t.TempDir(), "meta.db")
	s := openURI(t, uri)
	if _, err := s.db.Exec(s.texts.addLayout, 99); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, uri, "55000", "newer version")
}

// TestPostgresRights has a role without rights, one with a schema that was made for it, and one with a wrong password.
func TestPostgresRights(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	uri := postgresURI(t)
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	role := "role_" + strings.TrimPrefix(u.Path, "/")
	admin, err := pgx.Connect(ctx, uri)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(ctx) }()
	if _, err := admin.Exec(ctx, "CREATE ROLE "+role+" LOGIN PASSWORD 's3cret'"); err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "s3cret")
	refusedWith(t, u.String(), "42501", "CREATE SCHEMA pinnacle AUTHORIZATION")
	if _, err := admin.Exec(ctx, "CREATE SCHEMA pinnacle AUTHORIZATION "+role); err != nil {
		t.Fatal(err)
	}
	s := openURI(t, u.String())
	if err := s.Update(ctx, func(tx keyvalue.Tx) error { return tx.Put("things", "a", []byte("1")) }); err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "s3cret wrong")
	refusedWith(t, u.String(), "28P01", "")
}

// TestPostgresEncoding has a database that cannot hold every text.
func TestPostgresEncoding(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	uri := postgresURI(t)
	admin, err := pgx.Connect(ctx, uri)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(ctx) }()
	if _, err := admin.Exec(ctx, "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/latin"
	refusedWith(t, u.String(), "22023", "")
}

// TestMySQLRights has a user who may read alone.
func TestMySQLRights(t *testing.T) {
	t.Parallel()
	uri := mariadbURI(t)
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := sql.Open("mysql", "root@tcp("+u.Host+")/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	database := strings.TrimPrefix(u.Path, "/")
	for _, text := range []string{"CREATE USER reader_" + database + " IDENTIFIED BY 's3cret'", "GRANT SELECT ON " + database + ".* TO reader_" + database} {
		if _, err := admin.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	u.User = url.UserPassword("reader_"+database, "s3cret")
	refusedWith(t, u.String(), "42501", "Grant CREATE")
	u.User = url.UserPassword("reader_"+database, "s3cret wrong")
	refusedWith(t, u.String(), "28000", "")
}
