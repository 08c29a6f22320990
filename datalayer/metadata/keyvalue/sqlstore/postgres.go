package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// postgresPrelude makes an Update durable where the server's default is not, keeps the planner from reading the whole
// table, which would collide with every other Update (PostgreSQL's serializable isolation locks what was read: pages of
// the index, or else the table), and lets the server end a transaction whose proxy is gone.
const postgresPrelude = `SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true),
set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('idle_in_transaction_session_timeout', '60s', true)`

// postgresSchema makes the schema. CREATE SCHEMA IF NOT EXISTS would ask for the right to make one although it is there.
const postgresSchema = "DO $$ BEGIN IF to_regnamespace('" + schemaName + "') IS NULL THEN CREATE SCHEMA " + schemaName + "; END IF; END $$"

// connectPostgres opens a PostgreSQL from a URI as libpq and pgx read it.
func connectPostgres(uri string) (*engine, *sql.DB, error) {
	config, err := pgx.ParseConfig(uri)
	if err != nil {
		return nil, nil, invalidURI("it cannot be read") // err would show some of it
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "pinnacle-proxy metadata"
	}
	e := postgresEngine()
	e.where = fmt.Sprintf("the schema %s of the PostgreSQL database %q on %s, as role %q", schemaName, config.Database, config.Host, config.User)
	return e, stdlib.OpenDB(*config), nil
}

// postgresEngine is PostgreSQL without a server.
func postgresEngine() *engine {
	return &engine{
		dialect: pgdialect.New(), schema: schemaName, createSchema: postgresSchema,
		types:       columnTypes{space: `text COLLATE "C"`, key: `text COLLATE "C"`, value: "json"},
		placeholder: func(n int) string { return "$" + strconv.Itoa(n) },
		upsert:      onConflict, prelude: postgresPrelude, viewIsolation: sql.LevelRepeatableRead,
		check: postgresCheck, explain: explainPostgres, bindKey: func(key string) any { return key },
	}
}

// postgresCheck refuses a database that cannot hold every text.
func postgresCheck(ctx context.Context, db *sql.DB) error {
	var encoding string
	if err := db.QueryRowContext(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return &keyvalue.Error{Code: "22023", Message: fmt.Sprintf("the database of the metadata store has the encoding %s; it has to be UTF8", encoding)}
	}
	return nil
}

// explainPostgres reads PostgreSQL's SQLSTATE (PostgreSQL documentation, appendix A).
func explainPostgres(err error) reason {
	var own *keyvalue.Error
	if errors.As(err, &own) {
		return reason{code: own.Code, hint: own.Hint}
	}
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return reason{code: "08006", hint: "Look whether the server runs and can be reached."}
	}
	switch code := server.Code; {
	case code == "40001" || code == "40P01":
		return reason{collision: true, code: code}
	case code == "42501" || code == "3F000":
		return reason{code: "42501", hint: `Let a superuser run CREATE SCHEMA pinnacle AUTHORIZATION "role", or GRANT CREATE ON DATABASE, for the role of --metadata-store; or name another store.`}
	case code == "42P01":
		return reason{code: "55000", hint: "Its tables were dropped; start the proxy again to have them made, or restore a backup."}
	case strings.HasPrefix(code, "08") || strings.HasPrefix(code, "57P"):
		return reason{code: "08006", hint: "Look whether the server runs and can be reached."}
	case strings.HasPrefix(code, "53") || strings.HasPrefix(code, "54") || strings.HasPrefix(code, "28"):
		return reason{code: code, hint: server.Hint}
	default:
		return reason{code: "58030", hint: server.Hint}
	}
}
