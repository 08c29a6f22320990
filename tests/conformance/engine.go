package conformance

import (
	"context"
	"testing"
)

// engine describes a databackend to the suite.
type engine struct {
	name string
	// start makes a database that holds tables, loaded by the engine itself, and gives the URI for the proxy; what it
	// started ends with the test. An error that wraps lab.ErrNotInstalled skips the engine. nil: the proxy's embedded home.
	start func(t *testing.T, dir string, tables []table) (uri string, err error)
	// shown are the types that the proxy shows for kinds, where they are not the kinds' own; "" for columns left out.
	shown map[kind]string
	// slow says that CI gives it fewer random statements, and TPC-H not at all: tests/suites has both.
	slow bool
	// like is the engine from which it differs in what it is called only: the statements by hand are left to that one.
	like string
	// limits are what is known to differ from PostgreSQL: file:case or tpch:number, with the reason, which
	// docs/databackends.md explains. A limit of a case that does not differ is a failure;
	// queries of TPC-H with a limit are not run.
	limits map[string]string
	// lacks are features that random statements leave out, with the reason: "writes", "transactions", "savepoints",
	// "upserts". Without writes the files of statements that write are left out, too.
	lacks map[string]string
	// args are more of the proxy's arguments.
	args []string
}

// engines are all that the suite knows.
func engines() []*engine {
	return []*engine{embedded(), sqlite(), duckdb(), mariadb(), clickhouse(), mongodb(), frames("pandas"), frames("polars")}
}

// embedded is the proxy's own PostgreSQL as the database: it shows that the suite itself is right.
func embedded() *engine { return &engine{name: "embedded"} }

// loadEmbedded fills the proxy's own PostgreSQL.
func loadEmbedded(ctx context.Context, url string, tables []table) error {
	script, err := postgresDialect().script(tables)
	if err != nil {
		return err
	}
	return loadPostgres(ctx, url, script)
}
