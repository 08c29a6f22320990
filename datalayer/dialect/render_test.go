package dialect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// plainSQL is an engine that writes SQL as PostgreSQL does and knows Base and a few things more.
func plainSQL(more string) *dialect.SQL {
	return &dialect.SQL{
		Entries:   dialect.ReadEntries(dialect.Base, more),
		Quote:     func(name string) string { return `"` + name + `"` },
		Relation:  func(t *dialect.Table) string { return t.Name },
		MaxDigits: 38,
		Semi:      true,
		Value: func(n int, e dialect.Expr) (string, bool, error) {
			if c, ok := e.(*dialect.Constant); ok {
				return "'" + c.Text + "'", false, nil
			}
			return fmt.Sprintf("?%d", n), true, nil
		},
	}
}

// renderText parses and renders a text; an Unproven gives "! " and what.
func renderText(t *testing.T, s *dialect.SQL, text string) (string, *dialect.Rendered) {
	t.Helper()
	catalog := captureCatalog(t)
	for _, table := range catalog.Tables {
		for _, c := range table.Columns {
			c.Native = c.Name
			c.Bytewise = c.Name != "v"
			c.Exact = c.Name != "s"
			c.NotNull = c.Name == "id"
		}
	}
	stmt, err := dialect.Parse(text, catalog)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	r, err := s.Render(stmt.(*dialect.Select))
	if unproven := (*dialect.Unproven)(nil); errors.As(err, &unproven) {
		return "! " + unproven.What, nil
	} else if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r.Text, r
}

// TestRender checks texts, and what is refused.
func TestRender(t *testing.T) {
	t.Parallel()
	s := plainSQL("numeric {+,-,*} numeric\nsum({int4,numeric})\nint4::numeric => $1\nlower(text)\ntext ~~ text => $1 LIKE $2 if plain 2\n{int4,int8} + {int4,int8} => !")
	for text, want := range map[string]string{
		"SELECT id, k FROM public.t":                              `SELECT "id", "k" FROM t`,
		"SELECT NULL FROM public.t":                               `SELECT 1 FROM t`,
		"SELECT s, v FROM public.t":                               `SELECT "s", "v" FROM t`,
		"SELECT id FROM public.t WHERE ((k > 3)) AND ((x = 'a'))": `SELECT "id" FROM t WHERE ("k" > '3') AND ("x" = 'a')`,
		"SELECT id FROM public.t WHERE (s > 3)":                   "! column s, which may hold values that are not of its type",
		"SELECT id FROM public.t WHERE (v = 'a')":                 "! column v, which is not compared by its bytes",
		"SELECT id FROM public.t WHERE (v IS NULL)":               `SELECT "id" FROM t WHERE ("v" IS NULL)`,
		"SELECT count(v) FROM public.t":                           `SELECT count("v") FROM t`,
		"SELECT id FROM public.t WHERE ((k = $1::bigint)) AND ((x = $2::text)) AND (($1::bigint < id))":                                                             `SELECT "id" FROM t WHERE ("k" = ?1) AND ("x" = ?2) AND (?3 < "id")`,
		"SELECT id FROM public.t WHERE ((k + 1) = 3)":                                                                                                               "! int8 + int4",
		"SELECT id FROM public.t WHERE (id = ANY ('{1,2,NULL}'::integer[]))":                                                                                        `SELECT "id" FROM t WHERE ("id" IN ('1', '2', NULL))`,
		"SELECT id FROM public.t WHERE (x <> ALL ('{q,\"r,\"}'::text[]))":                                                                                           `SELECT "id" FROM t WHERE ("x" NOT IN ('q', 'r,'))`,
		"SELECT id FROM public.t WHERE (id > ANY ('{1,2}'::integer[]))":                                                                                             `SELECT "id" FROM t WHERE (("id" > '1') OR ("id" > '2'))`,
		"SELECT id FROM public.t WHERE (id = ANY ('{}'::integer[]))":                                                                                                `SELECT "id" FROM t WHERE FALSE`,
		"SELECT id FROM public.t WHERE (x ~~ 'a%')":                                                                                                                 `SELECT "id" FROM t WHERE ("x" LIKE 'a%')`,
		`SELECT id FROM public.t WHERE (x ~~ E'a\\%')`:                                                                                                              "! text ~~ text of operands that are not plain",
		"SELECT id FROM public.t WHERE (lower(x) = 'a')":                                                                                                            `SELECT "id" FROM t WHERE (lower("x") = 'a')`,
		"SELECT x, count(*) FROM public.t GROUP BY 1 ORDER BY count(*) DESC NULLS FIRST LIMIT 5::bigint":                                                            `SELECT "x", count(*) FROM t GROUP BY 1 ORDER BY 2 DESC NULLS FIRST LIMIT 5`,
		"SELECT id FROM public.t ORDER BY x DESC NULLS FIRST, k ASC NULLS LAST LIMIT 5::bigint OFFSET 2::bigint":                                                    `SELECT "id" FROM t ORDER BY "x" DESC NULLS FIRST, "k" NULLS LAST LIMIT 5 OFFSET 2`,
		"SELECT id FROM public.t LIMIT $1::bigint":                                                                                                                  "! LIMIT or OFFSET that is no constant",
		"SELECT r1.id FROM public.t r1 WHERE EXISTS (SELECT NULL FROM public.u r2 WHERE ((r1.id = r2.t_id)))":                                                       `SELECT "r1"."id" FROM t "r1" WHERE EXISTS (SELECT 1 FROM u "r2" WHERE ("r1"."id" = "r2"."t_id"))`,
		"SELECT s4.c1, s5.c1 FROM ((SELECT id FROM public.t WHERE ((k > 3))) s4(c1) FULL JOIN (SELECT name, t_id FROM public.u) s5(c1, c2) ON (((s4.c1 = s5.c2))))": `SELECT "s4"."c1", "s5"."c1" FROM (SELECT "id" AS "c1" FROM t WHERE ("k" > '3')) "s4" FULL JOIN (SELECT "name" AS "c1", "t_id" AS "c2" FROM u) "s5" ON ("s4"."c1" = "s5"."c2")`,
		"SELECT s4.c1 FROM (SELECT v FROM public.t) s4(c1) WHERE (s4.c1 = 'a')":                                                                                     "! column v, which is not compared by its bytes",
		"SELECT r1.id FROM ((public.t r1 INNER JOIN public.u r2 ON (TRUE)) LEFT JOIN public.u r3 ON ((r3.t_id = r2.id)))":                                           `SELECT "r1"."id" FROM t "r1" CROSS JOIN u "r2" LEFT JOIN u "r3" ON ("r3"."t_id" = "r2"."id")`,
		"SELECT sum((n * (1::numeric - n))) FROM public.t":                                                                                                          `SELECT sum(("n" * ('1' - "n"))) FROM t`,
		"SELECT sum((n * n * n * n)) FROM public.t":                                                                                                                 "! sum(numeric), which may need more digits than the engine has",
		"SELECT sum(m) FROM public.t":                                                                                                                               "! sum(numeric), the digits of which are not known",
		"SELECT avg(n) FROM public.t":                                                                                                                               `SELECT sum("n"), count("n") FROM t`,
		"SELECT n FROM public.t GROUP BY 1":                                                                                                                         `SELECT "n" FROM t GROUP BY 1`,
		"SELECT DISTINCT v FROM public.t":                                                                                                                           "! column v, which is not compared by its bytes",
		"SELECT DISTINCT x FROM public.t":                                                                                                                           `SELECT DISTINCT "x" FROM t`,
		"SELECT m FROM public.t GROUP BY 1":                                                                                                                         "! groups of numerics that are equal and look different",
		"SELECT sum(CASE WHEN b THEN n ELSE 0::numeric END) FROM public.t":                                                                                          `SELECT sum((CASE WHEN "b" THEN "n" ELSE '0' END)), max((CASE WHEN "b" THEN (CASE WHEN ("n" IS NOT NULL) THEN '2' END) ELSE '0' END)) FROM t`,
		"SELECT count(*) FILTER (WHERE (k > 3)) FROM public.t":                                                                                                      `SELECT count(*) FILTER (WHERE ("k" > '3')) FROM t`,
		"SELECT string_agg(x, ','::text ORDER BY x ASC NULLS LAST) FROM public.t":                                                                                   "! string_agg(text,text)",
		"SELECT public.f(id) FROM public.t":                                                                                                                         "! an expression whose type is not known: public.f(int4)",
		"SELECT id FROM public.t TABLESAMPLE system(10)":                                                                                                            "! TABLESAMPLE",
		"SELECT ctid FROM public.t":                                                                                                                                 "! *dialect.RowID",
	} {
		if got, _ := renderText(t, s, text); got != want {
			t.Errorf("%s\n is  %s\nwant %s", text, got, want)
		}
	}
}

// TestRenderPoorGrammar checks what is written for engines that lack NULLS LAST, FILTER, ordinals and RIGHT JOIN.
func TestRenderPoorGrammar(t *testing.T) {
	t.Parallel()
	s := plainSQL("")
	s.NoNullsOrder, s.NoFilter, s.NoOrdinals, s.NoRightJoin, s.NoFullJoin = true, true, true, true, true
	s.Limit = func(limit, offset string) string { return " LIMIT " + offset + "," + limit }
	for text, want := range map[string]string{
		"SELECT x, count(*) FILTER (WHERE b) FROM public.t GROUP BY 1 ORDER BY x DESC NULLS LAST LIMIT 3 OFFSET 4": `SELECT "x", count(CASE WHEN "b" THEN 1 END) FROM t GROUP BY "x" ORDER BY "x" IS NULL, "x" DESC LIMIT 4,3`,
		"SELECT r1.id FROM (public.t r1 RIGHT JOIN public.u r2 ON ((r1.id = r2.id)))":                              `SELECT "r1"."id" FROM u "r2" LEFT JOIN t "r1" ON ("r1"."id" = "r2"."id")`,
		"SELECT r1.id FROM (public.t r1 FULL JOIN public.u r2 ON ((r1.id = r2.id)))":                               "! FULL JOIN",
		"SELECT id FROM public.t ORDER BY id DESC NULLS FIRST":                                                     `SELECT "id" FROM t ORDER BY "id" DESC`,
		"SELECT r1.id FROM (public.u r2 LEFT JOIN public.t r1 ON ((r1.id = r2.id))) ORDER BY r1.id ASC NULLS LAST": `SELECT "r1"."id" FROM u "r2" LEFT JOIN t "r1" ON ("r1"."id" = "r2"."id") ORDER BY "r1"."id" IS NULL, "r1"."id"`,
		"SELECT min(k) FILTER (WHERE b) FROM public.t":                                                             `SELECT min(CASE WHEN "b" THEN "k" END) FROM t`,
	} {
		if got, _ := renderText(t, s, text); got != want {
			t.Errorf("%s\n is  %s\nwant %s", text, got, want)
		}
	}
}

// TestRow checks what is computed of the engine's columns.
func TestRow(t *testing.T) {
	t.Parallel()
	s := plainSQL("sum({int4,numeric})\nnumeric {+,-,*} numeric\nint4::numeric => $1")
	for _, c := range []struct {
		text string
		raw  []string
		want string
	}{
		{"SELECT avg(n), avg(n) FROM public.t", []string{"10.00", "3"}, "3.3333333333333333|3.3333333333333333"},
		{"SELECT avg(id) FROM public.t", []string{"", "0"}, ""},
		{"SELECT 7, 'a'::text, id FROM public.t", []string{"5"}, "7|a|5"},
		{"SELECT (100.00 * sum(n)) / sum(n) FROM public.t", []string{"200.0000", "3.00"}, "66.6666666666666667"},
		{"SELECT sum(CASE WHEN b THEN n ELSE 0::numeric END) FROM public.t", []string{"0.00", "0"}, "0"},
		{"SELECT ((100.00 * sum(CASE WHEN b THEN n ELSE 0::numeric END)) / sum(n)) FROM public.t", []string{"50.00", "2", "300.00"}, "16.6666666666666667"},
		{"SELECT (sum(CASE WHEN b THEN n ELSE 0::numeric END) * sum(n)) FROM public.t", []string{"0.00", "0", "3.00"}, "0.00"},
		{"SELECT CASE WHEN (r1.*)::text IS NOT NULL THEN ROW(r1.id, r1.name) END FROM (public.t r2 LEFT JOIN public.u r1 ON ((r1.id = r2.id)))",
			[]string{"1", "5", `a "b`}, `(5,"a ""b")`},
		{"SELECT CASE WHEN (r1.*)::text IS NOT NULL THEN ROW(r1.id, r1.name) END FROM (public.t r2 LEFT JOIN public.u r1 ON ((r1.id = r2.id)))",
			[]string{"", "", ""}, ``},
	} {
		text, r := renderText(t, s, c.text)
		if r == nil {
			t.Errorf("%s: %s", c.text, text)
			continue
		}
		raw := make([][]byte, len(c.raw))
		for i, v := range c.raw {
			if v != "" {
				raw[i] = []byte(v)
			}
		}
		if len(raw) != len(r.Raw) {
			t.Errorf("%s asks for %s", c.text, text)
			continue
		}
		row, err := r.Row(raw)
		var got []string
		for _, v := range row {
			got = append(got, string(v))
		}
		if joined := strings.Join(got, "|"); err != nil || joined != c.want {
			t.Errorf("%s gives %s, want %s (%v)", c.text, joined, c.want, err)
		}
	}
}
