package dialect_test

import (
	"reflect"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// TestRewriteKeepsAll copies what postgres_fdw sends, without a change and with one at every column: Format shows that
// nothing else is lost, and Walk that each expression is met.
func TestRewriteKeepsAll(t *testing.T) {
	t.Parallel()
	catalog := captureCatalog(t)
	n := 0
	for _, text := range captured(t) {
		tree, err := dialect.Parse(text, catalog)
		if err != nil {
			continue
		}
		s, ok := tree.(*dialect.Select)
		if !ok {
			continue
		}
		n++
		same := dialect.Rewrite{}.Select(s)
		if got, want := dialect.Format(same), dialect.Format(s); got != want {
			t.Fatalf("the copy says\n%s\nand the statement\n%s", got, want)
		}
		if !reflect.DeepEqual(same, s) {
			t.Fatalf("the copy differs: %s", text)
		}
		var kinds, kindsCopied []reflect.Type
		dialect.WalkStatement(s, func(e dialect.Expr) bool { kinds = append(kinds, reflect.TypeOf(e)); return true })
		renamed := dialect.Rewrite{
			Expr: func(e dialect.Expr) dialect.Expr {
				if c, ok := e.(*dialect.ColumnRef); ok {
					return &dialect.ColumnRef{Relation: c.Relation, Name: "other", Type: c.Type}
				}
				return e
			},
			Relation: func(r *dialect.Relation) *dialect.Relation {
				return &dialect.Relation{Table: &dialect.Table{Schema: "pg_temp", Name: "t"}, Alias: r.Alias}
			},
		}.Select(s)
		dialect.WalkStatement(renamed, func(e dialect.Expr) bool {
			kindsCopied = append(kindsCopied, reflect.TypeOf(e))
			if c, ok := e.(*dialect.ColumnRef); ok && c.Name != "other" {
				t.Fatalf("column %s of %s was passed over", c.Name, text)
			}
			return true
		})
		if !reflect.DeepEqual(kinds, kindsCopied) {
			t.Fatalf("the copy has other expressions: %s", text)
		}
	}
	if n < 50 {
		t.Fatalf("only %d selects were copied", n)
	}
}
