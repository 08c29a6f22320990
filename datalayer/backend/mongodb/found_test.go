package mongodb

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/backendtest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// shown are a table's columns as "name type".
func shown(table *dialect.Table) (columns []string) {
	for _, c := range table.Columns {
		columns = append(columns, c.Name+" "+c.TypeName)
	}
	return columns
}

// read runs a select of the canonical form: its rows, or its error.
func read(t *testing.T, e *engine, session backend.Conn, sql string) ([]string, error) {
	t.Helper()
	catalog, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stmt, err := dialect.Parse(sql, catalog)
	if err != nil {
		t.Fatal(err)
	}
	return readStatement(t, e, session, stmt)
}

// readStatement runs a statement that gives rows.
func readStatement(t *testing.T, e *engine, session backend.Conn, stmt dialect.Statement) ([]string, error) {
	t.Helper()
	program, err := e.Compile(stmt)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := session.Query(t.Context(), program, nil)
	if err != nil {
		return nil, err
	}
	return backendtest.Drain(t.Context(), rows)
}

// connect opens a session that the test closes.
func connect(t *testing.T, e *engine) backend.Conn {
	t.Helper()
	session, err := e.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	})
	return session
}

func TestColumnsAreFound(t *testing.T) {
	t.Parallel()
	e, db := openEngine(t, newURI(t), Options{MaxColumns: 20})
	decimal, _ := bson.ParseDecimal128("1.5")
	documents := []any{
		bson.D{{Key: "_id", Value: bson.NewObjectID()}, {Key: "i", Value: int32(1)}, {Key: "l", Value: int64(1)}, {Key: "f", Value: 0.5}, {Key: "n", Value: decimal}, {Key: "s", Value: "x"},
			{Key: "b", Value: true}, {Key: "t", Value: bson.NewDateTimeFromTime(time.Now())}, {Key: "o", Value: bson.NewObjectID()}, {Key: "u", Value: bson.Binary{Subtype: 4, Data: make([]byte, 16)}},
			{Key: "y", Value: bson.Binary{Data: []byte{1}}}, {Key: "ai", Value: bson.A{int32(1), nil}}, {Key: "ad", Value: bson.A{bson.D{}}}, {Key: "d", Value: bson.D{{Key: "x", Value: 1}}},
			{Key: "mix", Value: "1"}, {Key: "if", Value: int32(1)}, {Key: "null", Value: nil}, {Key: "a.b", Value: int32(5)}, {Key: "re", Value: bson.Regex{Pattern: "a"}}},
		bson.D{{Key: "_id", Value: bson.NewObjectID()}, {Key: "mix", Value: int32(1)}, {Key: "if", Value: 0.5}, {Key: "i", Value: int32(2)}},
	}
	if _, err := db.Collection("all kinds").InsertMany(t.Context(), documents); err != nil {
		t.Fatal(err)
	}
	want := []string{"_id text", "i integer", "l bigint", "f double precision", "n numeric", "s text", "b boolean", "t timestamp(3) with time zone", "o text", "u uuid", "y bytea",
		"ai integer[]", "ad jsonb", "d jsonb", "mix jsonb", "if double precision", "null jsonb", "a.b integer", "re jsonb", "_document jsonb"}
	if got := shown(tableOf(t, e, "all kinds")); !slices.Equal(got, want) {
		t.Errorf("columns %q\nand not %q", got, want)
	}
	got, err := read(t, e, connect(t, e), `SELECT "a.b", re, d, mix FROM public."all kinds"`)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, []string{`5|{"$regularExpression": {"options": "", "pattern": "a"}}|{"x": 1}|"1"`, "<null>|<null>|<null>|1"}) {
		t.Errorf("rows %q, %v", got, err)
	}
}

// TestMisfitsAreErrors puts a document into a collection that does not fit what was found before: whatever looks at the
// column fails, and after the next reading of the catalog nothing does.
func TestMisfitsAreErrors(t *testing.T) {
	t.Parallel()
	e, db := openEngine(t, newURI(t), Options{})
	c := db.Collection("things")
	if _, err := c.InsertMany(t.Context(), []any{bson.D{{Key: "_id", Value: int32(1)}, {Key: "a", Value: int32(5)}}, bson.D{{Key: "_id", Value: int32(2)}, {Key: "b", Value: "x"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: bson.D{{Key: "a", Value: 1}}}); err != nil {
		t.Fatal(err)
	}
	catalog, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.InsertOne(t.Context(), bson.D{{Key: "_id", Value: int32(3)}, {Key: "a", Value: "secret"}}); err != nil {
		t.Fatal(err)
	}
	session := connect(t, e)
	for _, sql := range []string{"SELECT a FROM public.things", "SELECT _id FROM public.things WHERE ((a = 5))", "SELECT _id FROM public.things WHERE ((a > 7))", "SELECT count(*) FROM public.things WHERE ((a <> 5))",
		"SELECT sum(a) FROM public.things", "SELECT a, count(*) FROM public.things GROUP BY 1", "SELECT _id FROM public.things ORDER BY a ASC NULLS LAST", "SELECT (a + 1) FROM public.things", "SELECT b FROM public.things WHERE ((a IS DISTINCT FROM 1))"} {
		stmt, err := dialect.Parse(sql, catalog)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readStatement(t, e, session, stmt)
		var own *backend.Error
		if !errors.As(err, &own) || own.Code != "HV004" || own.Column != "a" || own.Table != "things" {
			t.Errorf("%s gives %q, %v", sql, got, err)
			continue
		}
		if strings.Contains(own.Message+own.Detail+own.Hint, "secret") {
			t.Errorf("the error shows a value: %v", own)
		}
	}
	for sql, want := range map[string]string{"SELECT _id FROM public.things WHERE ((_id = 3))": "3", "SELECT count(*) FROM public.things WHERE ((a IS NOT NULL))": "2", "SELECT count(a) FROM public.things": "2"} {
		stmt, err := dialect.Parse(sql, catalog)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readStatement(t, e, session, stmt); err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("%s gives %q, %v", sql, got, err)
		}
	}
	got, err := read(t, e, session, "SELECT a FROM public.things ORDER BY _id ASC NULLS LAST")
	if err != nil || !slices.Equal(got, []string{"5", "<null>", `"secret"`}) {
		t.Errorf("after another reading of the catalog: %q, %v", got, err)
	}
}

// TestDeclaredColumns declares columns in a file, one of them within documents, and writes them.
func TestDeclaredColumns(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "schema.yaml")
	text := "collections:\n  people:\n    columns:\n      total: numeric(10,2)\n      address.city: text\n      address.no: integer\n    only: true\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	e, db := openEngine(t, newURI(t)+"?pinnacle_schema="+file, Options{})
	if err := db.CreateCollection(t.Context(), "people"); err != nil {
		t.Fatal(err)
	}
	table := tableOf(t, e, "people")
	if got, want := shown(table), []string{"_id text", "total numeric(10,2)", "address.city text", "address.no integer", "_document jsonb"}; !slices.Equal(got, want) {
		t.Fatalf("columns %q", got)
	}
	session := connect(t, e)
	exec := func(stmt dialect.Statement, params ...string) {
		t.Helper()
		program, err := e.Compile(stmt)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := session.Exec(t.Context(), program, backendtest.Texts(params...)); err != nil || n != 1 {
			t.Fatalf("%d, %v", n, err)
		}
	}
	exec(backendtest.Insert(table, 1, "_id", "total", "address.city", "_document"), "0123456789abcdef01234567", "1.50", "Oslo", `{"address": {"zip": "0150"}, "x": [1]}`)
	city, no := table.Column("address.city"), table.Column("address.no")
	exec(&dialect.Update{Table: &dialect.Relation{Table: table}, Set: []dialect.Assignment{{Column: city, Value: &dialect.Constant{Null: true, Type: city.Type}}, {Column: no, Value: &dialect.Param{Number: 1, Type: no.Type}}},
		Where: []dialect.Expr{&dialect.Operator{Name: "=", Left: &dialect.ColumnRef{Column: city, Name: city.Name, Type: city.Type}, Right: &dialect.Constant{Text: "Oslo", Type: city.Type}, Type: dialect.Type{OID: 16, Mod: -1}}}}, "7")
	got, err := read(t, e, session, `SELECT total, "address.city", "address.no", _document FROM public.people`)
	if want := `1.50|<null>|7|{"x": [1], "_id": {"$oid": "0123456789abcdef01234567"}, "total": {"$numberDecimal": "1.50"}, "address": {"no": 7, "zip": "0150"}}`; err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%q, %v", got, err)
	}
}

// TestKindsOfCollections reads views, capped collections and indexes.
func TestKindsOfCollections(t *testing.T) {
	t.Parallel()
	e, db := openEngine(t, newURI(t), Options{})
	base := db.Collection("base")
	if _, err := base.InsertOne(t.Context(), bson.D{{Key: "a", Value: int32(1)}, {Key: "b", Value: "x"}}); err != nil {
		t.Fatal(err)
	}
	for _, index := range []mongo.IndexModel{
		{Keys: bson.D{{Key: "a", Value: 1}}, Options: options.Index().SetName("one").SetUnique(true)}, {Keys: bson.D{{Key: "b", Value: -1}, {Key: "a", Value: 1}}, Options: options.Index().SetName("two")},
	} {
		if _, err := base.Indexes().CreateOne(t.Context(), index); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.CreateView(t.Context(), "seen", "base", bson.A{}); err != nil {
		t.Fatal(err)
	}
	table, view := tableOf(t, e, "base"), tableOf(t, e, "seen")
	if len(table.Uniques) != 1 || table.Uniques[0].Name != "one" || len(table.Indexes) != 1 || !slices.Equal(table.Indexes[0].Columns, []string{"b", "a"}) {
		t.Errorf("unique %v, indexes %v", table.Uniques, table.Indexes)
	}
	if view.Kind != dialect.View || view.ReadOnly == "" || view.PrimaryKey != nil {
		t.Errorf("the view is %+v", view)
	}
	_, err := e.Compile(backendtest.Insert(view, 1, "a"))
	var own *backend.Error
	if !errors.As(err, &own) || own.Code != "42809" {
		t.Errorf("a view can be written: %v", err)
	}
}

// TestSavepoints rolls back to savepoints: where nothing was written behind one, and where something was.
func TestSavepoints(t *testing.T) {
	t.Parallel()
	e, _ := openEngine(t, newURI(t), Options{})
	table := newTable(t, e, "t", []string{"id"}, [2]string{"id", "int"})
	session := connect(t, e)
	insert, err := e.Compile(backendtest.Insert(table, 1, "id"))
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(id string) {
		t.Helper()
		_, err := session.Exec(t.Context(), insert, backendtest.Texts(id))
		must(err)
	}
	must(session.Begin(t.Context(), backend.TxMode{}))
	write("1")
	must(session.Savepoint(t.Context(), "s"))
	must(session.RollbackTo(t.Context(), "s"))
	must(session.Release(t.Context(), "s"))
	must(session.Commit(t.Context()))
	must(session.Begin(t.Context(), backend.TxMode{}))
	must(session.Savepoint(t.Context(), "s"))
	write("2")
	var own *backend.Error
	if err := session.RollbackTo(t.Context(), "s"); !errors.As(err, &own) || own.Code != "0A000" {
		t.Errorf("rollback to a savepoint: %v", err)
	}
	if err := session.Commit(t.Context()); !errors.As(err, &own) || own.Code != "0A000" {
		t.Errorf("commit behind it: %v", err)
	}
	if got, err := read(t, e, session, "SELECT id FROM public.t"); err != nil || !slices.Equal(got, []string{"1"}) {
		t.Errorf("left: %q, %v", got, err)
	}
}
