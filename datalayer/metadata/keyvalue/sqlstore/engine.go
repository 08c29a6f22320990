package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	"github.com/uptrace/bun/schema"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// engine is what one database has of its own.
type engine struct {
	// where names the database for messages, without a password.
	where   string
	dialect schema.Dialect
	// schema is the schema that the tables are in; "" for a prefix of their names.
	schema string
	// createSchema makes it; "" where there is none.
	createSchema string
	// types are the columns' types.
	types columnTypes
	// placeholder writes the n-th parameter, counted from 1.
	placeholder func(n int) string
	// upsert is how a row is put.
	upsert upsert
	// prelude is run at the beginning of each transaction that changes something; "" is none.
	prelude string
	// viewIsolation gives one snapshot to a transaction that only reads.
	viewIsolation sql.IsolationLevel
	// noReadOnly says that the driver refuses transactions that are declared to read only.
	noReadOnly bool
	// prepare says that statements are to be prepared once a connection, since the driver would do so at each use.
	prepare bool
	// check looks whether the database will do; nil is no look.
	check func(ctx context.Context, db *sql.DB) error
	// explain says what an error of the driver means.
	explain func(err error) reason
	// bindKey makes a parameter of a key: engines differ in whether it is text or bytes.
	bindKey func(key string) any
	// primaryKey begins the constraint; "" stands for PRIMARY KEY.
	primaryKey string
	// unlessThere makes a statement that makes a table do nothing where there is one; nil: bun writes IF NOT EXISTS.
	unlessThere func(table, text string) string
}

// failed is the error for something that the database refused, with the SQLSTATE that the engine finds for it.
func (e *engine) failed(doing string, err error) error {
	why := e.explain(err)
	code := why.code
	if code == "" {
		code = "58030"
	}
	return &keyvalue.Error{
		Code:    code,
		Message: fmt.Sprintf("could not %s: %v", doing, err),
		Detail:  fmt.Sprintf("The metadata store is %s.", e.where),
		Hint:    why.hint,
		Err:     err,
	}
}

// columnTypes are the types of the table's columns, with their collations: keys are ordered byte by byte.
type columnTypes struct{ space, key, value string }

// upsert is how a dialect puts a row that may be there.
type upsert int

const (
	onConflict    upsert = iota // INSERT … ON CONFLICT … DO UPDATE
	onDuplicate                 // INSERT … ON DUPLICATE KEY UPDATE
	updateOrWrite               // UPDATE, and INSERT where it met no row
)

// reason is what an error of a driver means.
type reason struct {
	// collision says that the transaction is to be run again.
	collision bool
	// code is an SQLSTATE; "" where nothing is known.
	code string
	hint string
}

// connect finds the engine of a URI and opens its driver, which does not connect yet.
func connect(uri string) (*engine, *sql.DB, error) {
	scheme, _, _ := strings.Cut(uri, ":")
	switch scheme {
	case "postgres", "postgresql":
		return connectPostgres(uri)
	case "mysql":
		return connectMySQL(uri)
	case "sqlite":
		return connectSQLite(uri)
	case "mssql", "sqlserver":
		return connectMSSQL(uri)
	}
	return nil, nil, invalidURI("its scheme is not postgres, mysql, sqlite or mssql")
}

// invalidURI is the error for a URI that cannot be used. It does not show the URI, which may have a password.
func invalidURI(why string) error {
	return &keyvalue.Error{Code: "22023", Message: "the URI of the metadata store is not right: " + why}
}

// parseURI reads a URI with a host and a database's name.
func parseURI(uri string) (*url.URL, string, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, "", invalidURI("it cannot be read") // err would show it
	}
	database := strings.TrimPrefix(u.Path, "/")
	if u.Hostname() == "" || database == "" || strings.Contains(database, "/") {
		return nil, "", invalidURI("it has to be " + u.Scheme + "://user@host:port/database")
	}
	return u, database, nil
}

// place is a URI for messages: without password and parameters.
func place(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if name := u.User.Username(); name != "" {
		shown.User = url.User(name)
	}
	return shown.String()
}
