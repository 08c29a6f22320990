package mongodb

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// server is the MongoDB of these tests; databases counts theirs.
var (
	server    = lab.NewShared("secantusdb")
	databases atomic.Int64
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// newURI names a database that is not there yet, or skips the test with the reason why there is no server.
func newURI(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("mongodb://127.0.0.1:%d/data%d", server.Start(t).Port, databases.Add(1))
}

// openEngine opens an engine that the test closes at its end, and the database beside it.
func openEngine(t *testing.T, uri string, opts Options) (*engine, *mongo.Database) {
	t.Helper()
	opened, err := Open(t.Context(), uri, opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	e := opened.(*engine)
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := client.Disconnect(context.Background()); err != nil {
			t.Errorf("disconnect: %v", err)
		}
	})
	return e, client.Database(e.db.Name())
}

// tableOf reads the catalog and gives one table of it.
func tableOf(t *testing.T, e *engine, name string) *dialect.Table {
	t.Helper()
	catalog, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatalf("catalog: %v", err)
	}
	table := catalog.Table(schemaName, name)
	if table == nil {
		t.Fatalf("no table %q", name)
	}
	return table
}

// newTable makes a table as CREATE TABLE does: columns are "name type", with "!" behind for NOT NULL.
func newTable(t *testing.T, e *engine, name string, key []string, columns ...[2]string) *dialect.Table {
	t.Helper()
	table := &dialect.Table{Schema: schemaName, Name: name, PrimaryKey: key}
	for _, c := range columns {
		text, notNull := c[1], false
		if last := len(text) - 1; text[last] == '!' {
			text, notNull = text[:last], true
		}
		typ, err := dialect.ParseType(text)
		if err != nil {
			t.Fatal(err)
		}
		table.Columns = append(table.Columns, &dialect.Column{Name: c[0], Type: typ, TypeName: text, NotNull: notNull})
	}
	session, err := e.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Define(t.Context(), session, &dialect.CreateTable{Table: table}); err != nil {
		t.Fatalf("create table: %v", err)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	return tableOf(t, e, name)
}
