package sqlstore

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/uptrace/bun/dialect/mssqldialect"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// connectMSSQL opens a Microsoft SQL Server: mssql://user@host:port/database, with the parameters of go-mssqldb
// (encrypt=true). No server was at hand when this was written: the statements are checked by a parser alone.
func connectMSSQL(uri string) (*engine, *sql.DB, error) {
	u, database, err := parseURI(uri)
	if err != nil {
		return nil, nil, err
	}
	query := u.Query()
	query.Set("database", database)
	dsn := url.URL{Scheme: "sqlserver", User: u.User, Host: u.Host, RawQuery: query.Encode()}
	connector, err := mssql.NewConnector(dsn.String())
	if err != nil {
		return nil, nil, invalidURI("its parameters cannot be used")
	}
	e := mssqlEngine()
	e.where = place(u)
	return e, sql.OpenDB(connector), nil
}

// mssqlEngine is SQL Server without a server. Keys are bytes, since its texts are UTF-16; the primary key is not
// clustered, because only then may it be as long.
func mssqlEngine() *engine {
	return &engine{
		dialect: mssqldialect.New(), schema: schemaName,
		createSchema: fmt.Sprintf("IF SCHEMA_ID(N'%s') IS NULL EXEC(N'CREATE SCHEMA %s')", schemaName, schemaName),
		types:        columnTypes{space: "nvarchar(32) COLLATE Latin1_General_BIN2", key: fmt.Sprintf("varbinary(%d)", keyvalue.MaxKeyBytes), value: "nvarchar(max)"},
		placeholder:  func(n int) string { return "@p" + strconv.Itoa(n) },
		upsert:       updateOrWrite, viewIsolation: sql.LevelSerializable, noReadOnly: true, prepare: true,
		primaryKey:  "PRIMARY KEY NONCLUSTERED",
		unlessThere: func(table, text string) string { return fmt.Sprintf("IF OBJECT_ID(N'%s') IS NULL %s", table, text) },
		explain:     explainMSSQL, bindKey: func(key string) any { return []byte(key) },
	}
}

// Error numbers of SQL Server (its documentation, "Database Engine events and errors").
const (
	mssqlPermission  = 229
	mssqlCreate      = 262
	mssqlDiskFull    = 1105
	mssqlDeadlock    = 1205
	mssqlLockTimeout = 1222
	mssqlSnapshot    = 3960
	mssqlLogin       = 18456
)

// explainMSSQL reads SQL Server's error numbers.
func explainMSSQL(err error) reason {
	var server mssql.Error
	var network net.Error
	switch {
	case errors.Is(err, driver.ErrBadConn) || errors.As(err, &network):
		return reason{code: "08006", hint: "Look whether the server runs and can be reached."}
	case !errors.As(err, &server):
		return reason{}
	}
	switch server.Number {
	case mssqlDeadlock, mssqlLockTimeout, mssqlSnapshot:
		return reason{collision: true, code: "40001"}
	case mssqlPermission, mssqlCreate:
		return reason{code: "42501", hint: "Grant CREATE TABLE and the schema pinnacle to the user of --metadata-store, or name another store."}
	case mssqlLogin:
		return reason{code: "28000"}
	case mssqlDiskFull:
		return reason{code: "53100", hint: "Free space there, or drop models and artifacts that are not needed."}
	default:
		return reason{code: "58030", hint: strings.TrimSpace(server.Message)}
	}
}
