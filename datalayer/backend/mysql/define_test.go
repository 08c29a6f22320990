package mysql_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// TestDefine makes a table of each type, and finds it in the catalogue as it was asked for; then changes it.
func TestDefine(t *testing.T) {
	t.Parallel()
	_, uri := database(t)
	e, c := open(t, uri)
	column := func(name string, oid uint32, mod int32, typeName string) *dialect.Column {
		return &dialect.Column{Name: name, Type: dialect.Type{OID: oid, Mod: mod}, TypeName: typeName}
	}
	do := func(change dialect.Change) {
		t.Helper()
		if err := e.Define(t.Context(), c, change); err != nil {
			t.Fatal(err, errors.Unwrap(err))
		}
	}
	id, k := column("id", pgtype.Int8OID, -1, "bigint"), column("k", pgtype.VarcharOID, 14, "character varying(10)")
	id.Generated, id.NotNull = dialect.Identity, true
	k.Default, k.NotNull, k.Comment = "'it''s'::character varying", true, "a key"
	b := column("b", pgtype.BoolOID, -1, "boolean")
	b.Default = "true"
	when := column("w", pgtype.TimestamptzOID, -1, "timestamp(6) with time zone")
	when.Default = "now()"
	made := &dialect.Table{Schema: "public", Name: "Made `of` types", PrimaryKey: []string{"id"}, Comment: "it's", Uniques: []dialect.Key{{Name: "made_k", Columns: []string{"k"}, Unique: true}},
		ForeignKeys: []dialect.ForeignKey{{Name: "up", Columns: []string{"p"}, RefSchema: "public", RefName: "Made `of` types", RefColumns: []string{"id"}, OnDelete: "CASCADE"}},
		Columns: []*dialect.Column{id, k, b, when, column("p", pgtype.Int8OID, -1, "bigint"), column("n", pgtype.NumericOID, 12<<16|2+4, "numeric(12,2)"), column("t", pgtype.TextOID, -1, "text"),
			column("c", pgtype.BPCharOID, 7, "character(3)"), column("x", pgtype.ByteaOID, -1, "bytea"), column("d", pgtype.DateOID, -1, "date"), column("ts", pgtype.TimestampOID, 3, "timestamp(3) without time zone"),
			column("tm", pgtype.TimeOID, 0, "time(0) without time zone"), column("j", pgtype.JSONBOID, -1, "jsonb"), column("u", pgtype.UUIDOID, -1, "uuid"), column("f4", pgtype.Float4OID, -1, "real"),
			column("f8", pgtype.Float8OID, -1, "double precision"), column("i2", pgtype.Int2OID, -1, "smallint"), column("i4", pgtype.Int4OID, -1, "integer"), column("bits", pgtype.BitOID, 5, "bit(5)")}}
	do(&dialect.CreateTable{Table: made})
	got := table(t, e, made.Name)
	for i, want := range made.Columns {
		found := got.Columns[i]
		if found.Name != want.Name || found.Type != want.Type && want.Name != "w" || found.TypeName != want.TypeName || found.NotNull != want.NotNull || found.Comment != want.Comment {
			t.Errorf("%+v instead of %+v", found, want)
		}
	}
	if got.Columns[1].Default != "'it''s'::character varying(10)" || got.Columns[2].Default != "true" || got.Columns[3].Generated != dialect.EngineDefault || got.Columns[0].Generated != dialect.Identity {
		t.Errorf("defaults %+v", got.Columns[:4])
	}
	if fmt.Sprint(got.PrimaryKey, got.Uniques, got.ForeignKeys, got.Comment) != "[id] [{made_k [k] true}] [{up [p] public Made `of` types [id] CASCADE }]it's" {
		t.Error(got.PrimaryKey, got.Uniques, got.ForeignKeys, got.Comment)
	}
	alter := func(x dialect.AlterTable) *dialect.Table {
		t.Helper()
		x.Table = table(t, e, made.Name)
		if x.Column != nil {
			x.Column = x.Table.Column(x.Column.Name)
		}
		do(&x)
		return table(t, e, made.Name)
	}
	if got = alter(dialect.AlterTable{AddColumn: column("more", pgtype.Int4OID, -1, "integer")}); got.Column("more") == nil {
		t.Error("no column was added")
	}
	if got = alter(dialect.AlterTable{Column: &dialect.Column{Name: "more"}, RenameTo: "fewer"}); got.Column("fewer") == nil {
		t.Error("no column was renamed")
	}
	if got = alter(dialect.AlterTable{Column: &dialect.Column{Name: "fewer"}, SetType: column("", pgtype.Int8OID, -1, "bigint")}); got.Column("fewer").TypeName != "bigint" {
		t.Error("the type was not changed")
	}
	if got = alter(dialect.AlterTable{Column: &dialect.Column{Name: "c"}, SetNotNull: true}); !got.Column("c").NotNull || got.Column("c").NativeType != "char(3)" {
		t.Errorf("NOT NULL: %+v", got.Column("c"))
	}
	if got = alter(dialect.AlterTable{Column: &dialect.Column{Name: "fewer"}, SetDefault: "5"}); got.Column("fewer").Default != "5" {
		t.Errorf("DEFAULT: %+v", got.Column("fewer"))
	}
	if got = alter(dialect.AlterTable{DropColumn: got.Column("fewer")}); got.Column("fewer") != nil {
		t.Error("no column was dropped")
	}
	if got = alter(dialect.AlterTable{DropConstraint: "up"}); len(got.ForeignKeys) > 0 {
		t.Error("no foreign key was dropped")
	}
	do(&dialect.CreateIndex{Table: got, Index: dialect.Key{Name: "by_d", Columns: []string{"d", "c"}}})
	if got = table(t, e, made.Name); fmt.Sprint(got.Indexes) != "[{by_d [d c] false} {up [p] false}]" {
		t.Error(got.Indexes)
	}
	do(&dialect.DropIndex{Table: got, Name: "by_d"})
	do(&dialect.CreateView{Schema: "public", Name: "v", Select: &dialect.Select{Columns: all(got)[:2], From: &dialect.Relation{Table: got}}, Columns: []string{"a", "b"}})
	if v := table(t, e, "v"); v.Kind != dialect.View || v.Columns[1].Name != "b" || v.ReadOnly == "" {
		t.Errorf("%+v", v)
	}
	do(&dialect.DropView{Table: table(t, e, "v")})
	do(&dialect.DropTable{Table: got})

	var failure *backend.Error
	for what, x := range map[string]*dialect.Column{
		"numeric without a precision": column("n", pgtype.NumericOID, -1, "numeric"), "an array": column("a", pgtype.Int4ArrayOID, -1, "integer[]"), "an interval": column("i", pgtype.IntervalOID, -1, "interval"),
		"a default that is no constant": {Name: "e", Type: dialect.Type{OID: pgtype.Int4OID, Mod: -1}, TypeName: "integer", Default: "floor(random())"},
	} {
		err := e.Define(t.Context(), c, &dialect.CreateTable{Table: &dialect.Table{Schema: "public", Name: "no", Columns: []*dialect.Column{x}}})
		if !errors.As(err, &failure) || failure.Code != "0A000" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := c.Begin(t.Context(), backend.TxMode{}); err != nil {
		t.Fatal(err)
	}
	if err := e.Define(t.Context(), c, &dialect.CreateTable{Table: made}); !errors.As(err, &failure) || failure.Code != "25001" {
		t.Errorf("in a transaction: %v", err)
	}
}
