package dialect_test

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// captureCatalog is the tables of testdata/capture_schema.sql.
func captureCatalog(t testing.TB) *dialect.Catalog {
	t.Helper()
	text, err := os.ReadFile("testdata/capture_schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := pg_query.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	c := &dialect.Catalog{}
	for _, s := range tree.Stmts {
		create := s.Stmt.GetCreateStmt()
		table := &dialect.Table{Schema: create.Relation.Schemaname, Name: create.Relation.Relname}
		for _, e := range create.TableElts {
			def := e.GetColumnDef()
			from := strings.Index(string(text)[def.TypeName.Location:], ",")
			if close := strings.Index(string(text)[def.TypeName.Location:], ");"); from < 0 || close < from {
				from = close
			}
			name := string(text)[def.TypeName.Location:][:from]
			if strings.Count(name, "(") > strings.Count(name, ")") { // numeric(12,2)
				name += ")"
				name = string(text)[def.TypeName.Location:][:strings.Index(string(text)[def.TypeName.Location:], ")")+1]
			}
			typ, err := dialect.ParseType(strings.TrimSuffix(name, " PRIMARY KEY"))
			if err != nil {
				t.Fatal(err)
			}
			table.Columns = append(table.Columns, &dialect.Column{Name: def.Colname, Type: typ, Exact: true, Bytewise: true})
		}
		c.Tables = append(c.Tables, table)
	}
	return c
}

// captured are the statements of testdata/canonical-*.sql that Parse is for.
func captured(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, file := range []string{"testdata/canonical-15.sql", "testdata/canonical-18.sql"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSuffix(line, "\n")
			line = strings.TrimPrefix(line, "EXPLAIN ")
			if strings.HasPrefix(line, "DECLARE ") {
				_, line, _ = strings.Cut(line, " CURSOR FOR ")
			}
			switch word, _, _ := strings.Cut(line, " "); word {
			case "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE":
				if !strings.Contains(line, "pg_catalog.pg_") && !strings.Contains(line, "FROM pg_class") {
					all = append(all, line)
				}
			}
		}
	}
	return all
}

// TestParseCaptured reads everything that real servers sent, finds a type for every expression of it, and reads what
// Format writes as the same tree.
func TestParseCaptured(t *testing.T) {
	t.Parallel()
	catalog := captureCatalog(t)
	statements := captured(t)
	if len(statements) < 150 {
		t.Fatalf("only %d statements", len(statements))
	}
	for _, text := range statements {
		stmt, err := dialect.Parse(text, catalog)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if what := untyped(reflect.ValueOf(stmt)); what != "" && !strings.Contains(text, "random()") {
			t.Errorf("%s: no type for %s", text, what)
		}
		again := dialect.Format(stmt)
		other, err := dialect.Parse(again, catalog)
		if err != nil {
			t.Errorf("%s\nwritten as %s: %v", text, again, err)
			continue
		}
		if third := dialect.Format(other); third != again || !reflect.DeepEqual(stmt, other) {
			t.Errorf("%s\nwritten as %s\nand then  %s", text, again, third)
		}
	}
}

// untyped finds an expression of the zero type in a tree, and says which.
func untyped(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return ""
		}
		if e, ok := v.Interface().(dialect.Expr); ok {
			if t := e.ResultType(); t.OID == 0 || t.OID == 705 {
				return dialect.FormatExpr(e)
			}
		}
		return untyped(v.Elem())
	case reflect.Pointer:
		if _, ok := v.Interface().(*dialect.Table); ok || v.IsNil() {
			return ""
		}
		if _, ok := v.Interface().(*dialect.Column); ok {
			return ""
		}
		return untyped(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if what := untyped(v.Field(i)); what != "" {
				return what
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if what := untyped(v.Index(i)); what != "" {
				return what
			}
		}
	}
	return ""
}

// TestParseTypes checks the types that PostgreSQL's rules give, and where implicit casts stand.
func TestParseTypes(t *testing.T) {
	t.Parallel()
	catalog := captureCatalog(t)
	for expr, want := range map[string]string{
		"k + 1":                  "bigint",
		"s + s":                  "smallint",
		"s / 2":                  "integer",
		"n * 2":                  "numeric",
		"n":                      "numeric(12,2)",
		"r + d":                  "double precision",
		"r + n":                  "double precision",
		"v || c":                 "text",
		"v || 3":                 "text",
		"da - da":                "integer",
		"da + 3":                 "date",
		"da + ti":                "timestamp without time zone",
		"ts - ts":                "interval",
		"da + '1 day'::interval": "timestamp without time zone",
		"tz - '1 day'":           "interval",
		"sum(k)":                 "numeric",
		"sum(id)":                "bigint",
		"avg(s)":                 "numeric",
		"sum(r)":                 "real",
		"max(v)":                 "text",
		"max(c)":                 "bpchar",
		"array_agg(n)":           "numeric[]",
		"percentile_cont(0.5) WITHIN GROUP (ORDER BY k)": "double precision",
		"count(*)":                        "bigint",
		"\"substring\"(x, 2, 3)":          "text",
		"round(n, 1)":                     "numeric",
		"round(d)":                        "double precision",
		"concat(x, k, d)":                 "text",
		"ia[1]":                           "integer",
		"array_append(ia, 3)":             "integer[]",
		"CASE WHEN b THEN 1 ELSE 2.5 END": "numeric",
		"COALESCE(s, k, 5)":               "bigint",
		"j -> 'a'":                        "jsonb",
		"j ->> 0":                         "text",
		"lower(v)":                        "text",
		"'abc'":                           "text",
		"5000000000":                      "bigint",
		"50000000000000000000":            "numeric",
		"n::numeric(5,1)":                 "numeric(5,1)",
		"iv::interval day to second(3)":   "interval day to second(3)",
		"ts::timestamp(0) with time zone": "timestamp(0) with time zone",
		"x COLLATE \"C\"":                 "error",
		"row_number() OVER ()":            "error",
		"(SELECT 1)":                      "error",
		"nothing":                         "error",
		"no_such_function(k)":             "unknown",
		"public.lower(x)":                 "unknown",
		"k + 'a'::text":                   "unknown",
	} {
		stmt, err := dialect.Parse("SELECT "+expr+" FROM public.t", catalog)
		got := "error"
		if err == nil {
			got = stmt.(*dialect.Select).Columns[0].ResultType().String()
		} else if e := (*dialect.ParseError)(nil); !errors.As(err, &e) {
			t.Errorf("%s: %T", expr, err)
		}
		if got != want {
			t.Errorf("%s is %s, want %s (%v)", expr, got, want, err)
		}
	}
}

// TestParseOperands checks that operands come with the types of the operator's signature.
func TestParseOperands(t *testing.T) {
	t.Parallel()
	catalog := captureCatalog(t)
	for expr, want := range map[string]string{
		"k = 5":                        "bigint integer",
		"k = 5::bigint":                "bigint bigint",
		"n = 5":                        "numeric(12,2) numeric",
		"d > 1.5":                      "double precision double precision",
		"v = 'a'":                      "text text",
		"c = 'a'":                      "bpchar bpchar",
		"da = '2020-01-01'":            "date date",
		"da < '2020-01-01'::timestamp": "date timestamp without time zone",
		"id * n":                       "numeric numeric(12,2)",
		"$1 = k":                       "bigint bigint",
		"j @> '{}'":                    "jsonb jsonb",
	} {
		stmt, err := dialect.Parse("SELECT "+expr+" FROM public.t", catalog)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		op := stmt.(*dialect.Select).Columns[0].(*dialect.Operator)
		left, right := op.Left.ResultType().String(), op.Right.ResultType().String()
		if left == "character(5)" {
			left = "bpchar"
		}
		if got := left + " " + right; got != want {
			t.Errorf("%s has operands %s, want %s", expr, got, want)
		}
	}
}

// TestParseRefuses checks that what is not of the canonical form is an error with a code.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	catalog := captureCatalog(t)
	for text, code := range map[string]string{
		"SELECT":                                         "",
		"SELEC 1":                                        "42601",
		"SELECT 1; SELECT 2":                             "0A000",
		"SELECT id FROM public.nowhere":                  "42P01",
		"SELECT id FROM t":                               "42P01",
		"SELECT r2.id FROM public.t r1":                  "42P01",
		"SELECT nowhere FROM public.t":                   "42703",
		"SELECT id FROM public.t UNION SELECT 1":         "0A000",
		"WITH a AS (SELECT 1) SELECT 1":                  "0A000",
		"VALUES (1)":                                     "0A000",
		"INSERT INTO public.u(id) SELECT 1":              "0A000",
		"INSERT INTO public.u(id) VALUES (1, 2)":         "0A000",
		"INSERT INTO public.u(nowhere) VALUES (1)":       "42703",
		"DROP TABLE public.t":                            "0A000",
		"SELECT count(*) OVER () FROM public.t":          "0A000",
		"SELECT id FROM public.t GROUP BY 7":             "42P10",
		"SELECT id FROM public.t GROUP BY ROLLUP (id)":   "0A000",
		"SELECT DISTINCT ON (id) id FROM public.t":       "0A000",
		"UPDATE public.u SET (id, t_id) = (SELECT 1, 2)": "0A000",
		"SELECT " + strings.Repeat("-(", 3000) + "1" + strings.Repeat(")", 3000): "54001",
	} {
		_, err := dialect.Parse(text, catalog)
		var state interface{ SQLState() string }
		got := ""
		if errors.As(err, &state) {
			got = state.SQLState()
		} else if err != nil {
			got = err.Error()
		}
		if got != code {
			t.Errorf("%.60s gives %q, want %q (%v)", text, got, code, err)
		}
	}
}

// FuzzParse checks that no text makes Parse panic, and that what it reads is written and read again as the same.
func FuzzParse(f *testing.F) {
	catalog := captureCatalog(f)
	for i, text := range captured(f) {
		if i%5 == 0 {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		stmt, err := dialect.Parse(text, catalog)
		if err != nil {
			return
		}
		again := dialect.Format(stmt)
		other, err := dialect.Parse(again, catalog)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", text, again, err)
		}
		if third := dialect.Format(other); third != again {
			t.Fatalf("%q is written as %q and then %q", text, again, third)
		}
	})
}
