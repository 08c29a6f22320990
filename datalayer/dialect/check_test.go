package dialect_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// TestCondition writes conditions of CHECK constraints as PostgreSQL prints them, and refuses what is not proven.
func TestCondition(t *testing.T) {
	t.Parallel()
	column := func(name string, oid uint32) *dialect.Column {
		return &dialect.Column{Name: name, Type: dialect.Type{OID: oid, Mod: -1}}
	}
	table := &dialect.Table{Columns: []*dialect.Column{column("n", pgtype.Int4OID), column("Odd", pgtype.TextOID), column("v", pgtype.VarcharOID), column("f", pgtype.Float8OID), column("b", pgtype.BoolOID)}}
	sql := &dialect.SQL{
		Entries: dialect.ReadEntries(dialect.Base, "{float8} {>} {float8}"),
		Quote:   func(name string) string { return "[" + name + "]" },
		Column:  func(string, *dialect.Column) (string, error) { return "", errors.New("a column that is described") },
		Value: func(_ int, e dialect.Expr) (string, bool, error) {
			return "<" + e.(*dialect.Constant).Text + ">", false, nil
		},
	}
	for _, c := range []struct{ expression, want string }{
		{"n >= 0", "([n] >= <0>)"},
		{"(n >= 0) AND (n <= 5)", "([n] >= <0>) AND ([n] <= <5>)"},
		{`("Odd" <> ''::text) OR b`, "(([Odd] <> <>) OR [b])"},
		{"(v)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])", "([v] IN (<a>, <b>))"},
		{"(v)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])", "([v] IN (<a>, <b>))"},
		{"n IS NOT NULL", "([n] IS NOT NULL)"},
		{"lower(v) = v", ""},
		{"f > (0)::double precision", ""},
		{"mine(n)", ""},
		{"nothing > 1", ""},
		{"n > 1) OR (n < 0", "(([n] > <1>) OR ([n] < <0>))"},
	} {
		got, err := sql.Condition(table, dialect.Check{Name: "c", Expression: c.expression})
		var unproven *dialect.Unproven
		if err != nil && !errors.As(err, &unproven) {
			t.Errorf("%s: %v", c.expression, err)
		}
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", c.expression, got, err, c.want)
		}
	}
}
