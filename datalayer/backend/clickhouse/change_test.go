package clickhouse_test

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/backendtest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// TestChanges updates and deletes by conditions, counts what was touched, and refuses what ClickHouse cannot do.
func TestChanges(t *testing.T) {
	t.Parallel()
	e, c := open(t, "", "CREATE TABLE DB.t (id Int64, big UInt64, v Nullable(String), n Int32 DEFAULT 7) ENGINE = MergeTree ORDER BY id", "CREATE VIEW DB.w AS SELECT id FROM DB.t")
	x := table(t, e, "t")
	if x.PrimaryKey != nil || x.Columns[3].Default != "7" || !x.Columns[1].NotNull || x.Columns[2].NotNull || table(t, e, "w").ReadOnly == "" {
		t.Errorf("%+v", x)
	}
	count := func(want int64, s dialect.Statement, params ...string) {
		t.Helper()
		if n, err := write(t, e, c, s, params...); err != nil || n != want {
			t.Errorf("%d rows, %v: %s", n, err, detail(err))
		}
	}
	count(3, backendtest.Insert(x, 3, "id", "big", "v", "n"), "1", "18446744073709551615", "a", "1", "2", "5", "<null>", "2", "3", "5", "it's", "3")
	where := func(name, op string, value dialect.Expr) []dialect.Expr {
		column := x.Column(name)
		return []dialect.Expr{&dialect.Operator{Name: op, Left: &dialect.ColumnRef{Relation: "r1", Column: column, Name: name, Type: column.Type}, Right: value, Type: dialect.Type{OID: pgtype.BoolOID, Mod: -1}}}
	}
	number := func(text string) dialect.Expr {
		return &dialect.Constant{Text: text, Type: dialect.Type{OID: pgtype.NumericOID, Mod: -1}}
	}
	relation := &dialect.Relation{Table: x, Alias: "r1"}
	set := func(name, value string) *dialect.Update {
		return &dialect.Update{Table: relation, Set: []dialect.Assignment{{Column: x.Column(name), Value: &dialect.Constant{Text: value, Null: value == "∅", Type: x.Column(name).Type}}}, Where: where("big", "=", number("5"))}
	}
	count(2, set("v", "it's \\ new"))
	if got := read(t, e, c, backendtest.Scan(x, "id", "v")); !slices.Equal(got, []string{"1|a", `2|it's \ new`, `3|it's \ new`}) {
		t.Errorf("%q", got)
	}
	_, err := write(t, e, c, set("id", "9"))
	refusedWith(t, err, "0A000", "an update of the sorting key")
	_, err = write(t, e, c, set("n", "∅"))
	refusedWith(t, err, "23502", "NULL")
	count(1, &dialect.Delete{Table: relation, Where: where("big", ">", number("18446744073709551614.5"))})
	count(0, &dialect.Delete{Table: relation, Where: where("big", ">", number("18446744073709551614.5"))})
	back := backendtest.Insert(x, 1, "id", "big", "n")
	back.Returning = []dialect.Expr{&dialect.ColumnRef{Column: x.Columns[0], Name: "id", Type: x.Columns[0].Type}}
	if got := read(t, e, c, back, "8", "8", "8"); !slices.Equal(got, []string{"8"}) {
		t.Errorf("%q", got)
	}
	back.Returning = []dialect.Expr{&dialect.ColumnRef{Column: x.Columns[2], Name: "v", Type: x.Columns[2].Type}}
	_, err = e.Compile(back)
	refusedWith(t, err, "0A000", "RETURNING of what was not said")
	refusedWith(t, c.Savepoint(t.Context(), "s"), "0A000", "a savepoint")
	count(0, &dialect.Truncate{Tables: []*dialect.Table{x}})
	if got := read(t, e, c, backendtest.Scan(x, "id")); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// TestDefine changes the schema.
func TestDefine(t *testing.T) {
	t.Parallel()
	e, c := open(t, "")
	do := func(change dialect.Change) {
		t.Helper()
		if err := e.Define(t.Context(), c, change); err != nil {
			t.Fatal(err, detail(err))
		}
	}
	column := func(name string, oid uint32, mod int32, typeName, fallback string) *dialect.Column {
		return &dialect.Column{Name: name, Type: dialect.Type{OID: oid, Mod: mod}, TypeName: typeName, Default: fallback}
	}
	made := &dialect.Table{Schema: "public", Name: "made", PrimaryKey: []string{"id"}, Comment: "it's", Columns: []*dialect.Column{column("id", pgtype.Int8OID, -1, "bigint", ""), column("t", pgtype.TextOID, -1, "text", "'x''y'::text"),
		column("n", pgtype.NumericOID, 12<<16|2+4, "numeric(12,2)", "5"), column("w", pgtype.TimestamptzOID, 3, "timestamp(3) with time zone", "now()"), column("d", pgtype.DateOID, -1, "date", ""), column("b", pgtype.BoolOID, -1, "boolean", "true")}}
	made.Columns[0].NotNull = true
	do(&dialect.CreateTable{Table: made})
	got := table(t, e, "made")
	for i, want := range made.Columns {
		if found := got.Columns[i]; found.TypeName != want.TypeName || found.NotNull != want.NotNull {
			t.Errorf("%+v instead of %+v", found, want)
		}
	}
	if got.Columns[1].Default != "'x''y'::text" || got.Columns[3].Generated != dialect.EngineDefault || got.Comment != "it's" {
		t.Errorf("%+v %+v", got.Columns[1], got.Columns[3])
	}
	do(&dialect.AlterTable{Table: got, AddColumn: column("more", pgtype.Int4OID, -1, "integer", "")})
	got = table(t, e, "made")
	do(&dialect.AlterTable{Table: got, Column: got.Column("more"), RenameTo: "less"})
	got = table(t, e, "made")
	do(&dialect.AlterTable{Table: got, DropColumn: got.Column("less")})
	do(&dialect.AlterTable{Table: got, RenameTo: "other"})
	do(&dialect.DropTable{Table: table(t, e, "other")})
	refusedWith(t, e.Define(t.Context(), c, &dialect.CreateTable{Table: &dialect.Table{Schema: "public", Name: "no", Columns: made.Columns, Uniques: []dialect.Key{{Name: "u"}}}}), "0A000", "a unique key")
	refusedWith(t, e.Define(t.Context(), c, &dialect.CreateIndex{Table: got}), "0A000", "an index")
}
