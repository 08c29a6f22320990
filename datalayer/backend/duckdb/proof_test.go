package duckdb

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect/prooftest"
)

// TestProven proves every entry of the table against PostgreSQL.
func TestProven(t *testing.T) {
	if testing.Short() {
		t.Skip("runs tens of thousands of statements")
	}
	opened, err := Open(t.Context(), "duckdb://"+filepath.Join(t.TempDir(), "proof.duckdb")+"?mode=rwc", Options{TempDirectory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	e := opened.(*engine)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	prooftest.Run(t, prooftest.Subject{Engine: e, Entries: e.grammar.SQL.Entries, Schema: "public",
		Create: func(ctx context.Context, table *dialect.Table) error { return createTable(ctx, e, table) }})
}

// createTable makes a table of DuckDB's types.
func createTable(ctx context.Context, e *engine, table *dialect.Table) error {
	var columns []string
	for _, c := range table.Columns {
		name, ok := typeName(c.Type)
		if !ok {
			name = "VARCHAR"
		}
		columns = append(columns, quote(c.Name)+" "+name)
	}
	s, err := e.take(ctx)
	if err != nil {
		return err
	}
	defer e.giveBack(s)
	_, err = s.c.run(fmt.Sprintf("CREATE TABLE %s (%s, PRIMARY KEY (id))", quote(table.Name), strings.Join(columns, ", ")))
	return err
}
