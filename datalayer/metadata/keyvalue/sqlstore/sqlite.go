package sqlstore

import (
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqlitePragmas make every connection durable (synchronous FULL syncs the log of WAL mode at each commit), let readers go
// on beside a writer, and let a writer wait for another.
const sqlitePragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=trusted_schema(0)&_txlock=immediate"

// connectSQLite opens a file, which is made with mode 0600 if need be: sqlite:///path, or sqlite:path for one that is
// relative to the working directory.
func connectSQLite(uri string) (*engine, *sql.DB, error) {
	rest, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(uri, "sqlite:"), "//"), "?")
	path, err := url.PathUnescape(rest)
	if err != nil || path == "" || strings.HasPrefix(path, ":memory:") {
		return nil, nil, invalidURI("it has to be sqlite:///path")
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, nil, invalidURI(err.Error())
	}
	e := sqliteEngine()
	e.where = "the SQLite file " + path
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return nil, nil, e.failed("open the metadata store", err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+sqlitePragmas)
	if err != nil {
		return nil, nil, invalidURI(err.Error())
	}
	return e, db, nil
}

// sqliteEngine is SQLite without a file.
func sqliteEngine() *engine {
	return &engine{
		dialect:     sqlitedialect.New(),
		types:       columnTypes{space: "TEXT COLLATE BINARY", key: "TEXT COLLATE BINARY", value: "TEXT"},
		placeholder: func(int) string { return "?" },
		upsert:      onConflict, viewIsolation: sql.LevelDefault, prepare: true,
		explain: explainSQLite, bindKey: func(key string) any { return key },
	}
}

// explainSQLite reads SQLite's result codes (sqlite.org/rescode.html); the low byte is the primary one.
func explainSQLite(err error) reason {
	var own *sqlite.Error
	if !errors.As(err, &own) {
		return reason{}
	}
	switch own.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return reason{collision: true, code: "40001"}
	case sqlite3.SQLITE_FULL:
		return reason{code: "53100", hint: "Free space there, or drop models and artifacts that are not needed."}
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return reason{code: "XX001", hint: "Restore a backup of the metadata store."}
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CANTOPEN:
		return reason{code: "42501", hint: "The proxy's account has to be able to write the file and its directory."}
	case sqlite3.SQLITE_TOOBIG:
		return reason{code: "54000"}
	default:
		return reason{code: "58030"}
	}
}
