package sqlprogram

import (
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// TestGuess compares guesses that PostgreSQL's plans depend on: a join's conditions count, equalities that join do not.
func TestGuess(t *testing.T) {
	t.Parallel()
	table := func(name string, rows float64) *dialect.Table {
		integer := dialect.TypeNamed("int4")
		return &dialect.Table{Schema: "public", Name: name, Rows: rows, PrimaryKey: []string{"id"},
			Columns: []*dialect.Column{{Name: "id", Type: integer}, {Name: "n", Type: integer}}}
	}
	catalog := &dialect.Catalog{Tables: []*dialect.Table{table("a", 9000), table("b", 300)}}
	for text, want := range map[string]float64{
		"SELECT id FROM public.a":                                                                          9000,
		"SELECT id FROM public.a WHERE ((id = 5))":                                                         1,
		"SELECT id FROM public.a WHERE ((n > 5))":                                                          3000,
		"SELECT id FROM public.a LIMIT 7::bigint":                                                          7,
		"SELECT count(*) FROM public.a":                                                                    1,
		"SELECT r1.id FROM (public.a r1 INNER JOIN public.b r2 ON (((r1.n = r2.id))))":                     9000,
		"SELECT r1.id FROM (public.a r1 INNER JOIN public.b r2 ON (((r1.n = r2.id)) AND ((r2.n > 5))))":    3000,
		"SELECT r1.id FROM (public.a r1 INNER JOIN public.b r2 ON (((r1.n = r2.id)) AND ((r2.n = 5))))":    900,
		"SELECT r1.id FROM (public.a r1 LEFT JOIN public.b r2 ON (((r1.n = r2.id)) AND ((r2.n = 5))))":     9000,
		"SELECT r1.n, count(*) FROM (public.a r1 INNER JOIN public.b r2 ON (((r1.n = r2.id)))) GROUP BY 1": 900,
	} {
		stmt, err := dialect.Parse(text, catalog)
		if err != nil {
			t.Fatal(err)
		}
		if got := guess(stmt.(*dialect.Select)); got != want {
			t.Errorf("%s gives %v rows, not %v", text, got, want)
		}
	}
}
