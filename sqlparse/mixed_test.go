package sqlparse

import (
	"strings"
	"testing"
)

// dissect takes the first target of a SELECT apart.
func dissect(t *testing.T, text string) (*Mixed, error) {
	t.Helper()
	script, err := Parse(text, DefaultLimits())
	if err != nil {
		t.Fatal(text, err)
	}
	st := script.Statements[0]
	s, err := ShapeOf(text, st.Span, st.Node.GetSelectStmt())
	if err != nil {
		t.Fatal(text, err)
	}
	kinds := map[string]FunctionKind{"sum": AggregateFunction, "count": AggregateFunction, "rank": WindowFunction, "unnest": SetFunction}
	return Dissect(text, s.Targets[0].Expr, s.Targets[0].Node, st.Calls, kinds)
}

func TestDissect(t *testing.T) {
	t.Parallel()
	// In the wanted text calls are replaced by #, pieces for home by [their text].
	for expr, want := range map[string]string{
		"predict('m', a)":                                                              "#",
		"((predict('m', a)))":                                                          "((#))",
		"predict('m', a) + 1":                                                          "# + 1",
		"a + predict('m', b)":                                                          "[a] + #",
		"t.a + s.t.b[c] * predict('m', 1)":                                             "[t.a] + [s.t.b][[c]] * #",
		"(r).x || predict('m', 1)":                                                     "([r]).x || #",
		"$1 + predict('m', $2)":                                                        "[$1] + #",
		"f(a, predict('m', 1), b => $3)":                                               "f([a], #, b => [$3])",
		"predict('m', predict('n', a))":                                                "#",
		"predict('m', 1)::text || 'a'::text":                                           "#::text || 'a'::text",
		"predict('m', 1) COLLATE \"C\" < a":                                            "# COLLATE \"C\" < [a]",
		"CASE predict('m', 1) WHEN a THEN b ELSE c END":                                "CASE # WHEN [a] THEN [b] ELSE [c] END",
		"CASE WHEN predict('m', 1) > 0 THEN 1 / b END":                                 "CASE WHEN # > 0 THEN 1 / [b] END",
		"coalesce(predict('m', 1), a)":                                                 "coalesce(#, [a])",
		"predict('m', 1) = 1 OR a":                                                     "# = 1 OR [a]",
		"predict('m', 1) BETWEEN a AND $1":                                             "# BETWEEN [a] AND [$1]",
		"predict('m', 1) IN (1, a)":                                                    "# IN (1, [a])",
		"predict('m', 1) = ANY (ARRAY[a, 2])":                                          "# = ANY (ARRAY[[a], 2])",
		"greatest(predict('m', 1), predict('n', 2))":                                   "greatest(#, #)",
		"ROW(a, predict('m', 1)) IS NULL":                                              "ROW([a], #) IS NULL",
		"predict('m', 1) IS NOT TRUE":                                                  "# IS NOT TRUE",
		"sum(a) + predict('m', 1)":                                                     "[sum(a)] + #",
		"pg_catalog.sum(a + b) FILTER (WHERE c) + predict('m', 1)":                     "[pg_catalog.sum(a + b) FILTER (WHERE c)] + #",
		"count(*) * predict('m', 1)":                                                   "[count(*)] * #",
		"f(DISTINCT a ORDER BY b) + predict('m', 1)":                                   "[f(DISTINCT a ORDER BY b)] + #",
		"rank() OVER (PARTITION BY a ORDER BY b) + predict('m', 1)":                    "[rank() OVER (PARTITION BY a ORDER BY b)] + #",
		"f(a) OVER w + predict('m', 1)":                                                "[f(a) OVER w] + #",
		"percentile(0.5) WITHIN GROUP (ORDER BY a) FILTER (WHERE b) + predict('m', 1)": "[percentile(0.5) WITHIN GROUP (ORDER BY a) FILTER (WHERE b)] + #",
		"grouping(a, b) + predict('m', 1)":                                             "[grouping(a, b)] + #",
		"(SELECT x FROM y) + predict('m', 1)":                                          "[(SELECT x FROM y)] + #",
		"EXISTS (SELECT 1) AND predict('m', 1) IS NULL IS NULL":                        "",
		"predict('m', 1) + (SELECT 1)":                                                 "# + [(SELECT 1)]",
		"ARRAY(SELECT 1) || predict('m', 1)":                                           "[ARRAY(SELECT 1)] || #",
		"current_date + predict('m', 1)":                                               "current_date + #",
		"U&\"!0061\" UESCAPE '!' + predict('m', 1)":                                    "[U&\"!0061\" UESCAPE '!'] + #",
		"U&\"!0074\" UESCAPE '!' . \"ä b\" + predict('m', 1)":                          "[U&\"!0074\" UESCAPE '!' . \"ä b\"] + #",
		"'żółć' || \"ł\" || predict('m', '中') -- x\n || a":                             "'żółć' || [\"ł\"] || # -- x\n || [a]",
		"pinnacle.predict('m', a) /* b */ - pinnacle . predict ('m', c)":               "# /* b */ - #",
	} {
		m, err := dissect(t, "SELECT "+expr+" AS x FROM t")
		if err != nil {
			if want != "" || err.(*Error).Code != "0A000" {
				t.Errorf("%s: %v", expr, err)
			}
			continue
		}
		got := m.Replace("SELECT "+expr+" AS x FROM t", func(p Part) string {
			if p.Call != nil {
				return "#"
			}
			return "[" + p.Span.Of("SELECT "+expr) + "]"
		})
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", expr, got, want)
		}
		if pure := strings.Trim(got, "()") == "#"; m.Pure != pure {
			t.Errorf("%s: pure %v", expr, m.Pure)
		}
	}
}

func TestDissectRefuses(t *testing.T) {
	t.Parallel()
	// ^ stands before the place that the error names.
	for expr, want := range map[string]string{
		"a AND ^predict('m', 1) > 0":                          "in a branch of CASE, COALESCE, AND or OR, which is not evaluated for every row",
		"a OR NOT ^predict('m', 1)":                           "in a branch of CASE, COALESCE, AND or OR, which is not evaluated for every row",
		"CASE WHEN a THEN ^predict('m', 1) END":               "in a branch of CASE, COALESCE, AND or OR, which is not evaluated for every row",
		"CASE WHEN a THEN b WHEN ^predict('m', 1) THEN c END": "in a branch of CASE, COALESCE, AND or OR, which is not evaluated for every row",
		"CASE a WHEN 1 THEN 2 ELSE ^predict('m', 1) END":      "in a branch of CASE, COALESCE, AND or OR, which is not evaluated for every row",
		"coalesce(a, ^predict('m', 1))":                       "in a branch of CASE, COALESCE, AND or OR, which is not evaluated for every row",
		"f(coalesce(a, b + ^predict('m', 1)))":                "in a branch of CASE, COALESCE, AND or OR, which is not evaluated for every row",
		"a IN (1, ^predict('m', 1))":                          "in a branch of CASE, COALESCE, AND or OR, which is not evaluated for every row",
		"a BETWEEN 1 AND ^predict('m', 1)":                    "in a branch of CASE, COALESCE, AND or OR, which is not evaluated for every row",
		"'ż' || ^sum(predict('m', 1))":                        "inside an aggregate function",
		"^count(*) FILTER (WHERE predict('m', 1))":            "inside an aggregate function",
		"^rank() OVER (ORDER BY predict('m', 1))":             "inside a window function",
		"^(SELECT predict('m', 1))":                           "in a subquery",
		"^EXISTS (SELECT 1 WHERE predict('m', 1))":            "in a subquery",
		"predict('m', 1) ^IN (SELECT 1)":                      "beside a subquery with IN, ANY or ALL",
		"predict('m', 1) AND ^(SELECT true)":                  "beside a subquery in a branch of CASE, COALESCE, AND or OR",
		"^unnest(a) + predict('m', 1)":                        "beside a function that returns a set",
		"f(^t.*, predict('m', 1))":                            "in an expression with *",
	} {
		at := strings.IndexByte(expr, '^')
		text := "SELECT " + expr[:at] + expr[at+1:] + " FROM t"
		m, err := dissect(t, text)
		if err == nil {
			t.Errorf("%s is taken apart into %+v", expr, m.Parts)
			continue
		}
		e := err.(*Error)
		if e.Code != "0A000" || e.Message != "predict is not supported "+want || e.Hint == "" {
			t.Errorf("%s: %+v", expr, e)
		}
		if e.Position != at+len("SELECT ") {
			t.Errorf("%s: at %d: %s", expr, e.Position, text[max(0, e.Position):])
		}
	}
}

// FuzzDissect checks that an expression with calls is taken apart into pieces that lie in it, in order, or refused.
func FuzzDissect(f *testing.F) {
	for _, s := range []string{
		"predict('m', a) + b.c[1] * sum(d) OVER (w)", "f(U&\"a\" UESCAPE '!', predict('m')) || (SELECT 1)", "grouping(a) + predict('m', predict('n', $1))",
		"CASE WHEN predict('m', 1) THEN x ELSE y.z END", "xmlelement(name a, predict('m'))", "json_array(predict('m', 1))", "(t).* IS NULL AND predict('m')",
		"a AT TIME ZONE predict('m') IS JSON", "f(VARIADIC a) WITHIN GROUP (ORDER BY predict('m'))", "predict('m') NOT LIKE a ESCAPE b OPERATOR(x.+) c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		text := "SELECT (" + expr + ") FROM t"
		script, err := Parse(text, Limits{MaxBytes: 1 << 12, MaxTokens: 1 << 9, MaxDepth: 50})
		if err != nil || len(script.Statements) != 1 || len(script.Statements[0].Calls) == 0 {
			return
		}
		st := script.Statements[0]
		sel := st.Node.GetSelectStmt()
		if sel == nil {
			return
		}
		s, err := ShapeOf(text, st.Span, sel)
		if err != nil || len(s.Targets) == 0 || s.Targets[0].Star {
			return
		}
		m, err := Dissect(text, s.Targets[0].Expr, s.Targets[0].Node, st.Calls, nil)
		if err != nil {
			if e := err.(*Error); e.Code != "0A000" || e.Position < -1 || e.Position > len(text) {
				t.Fatalf("%q: %+v", text, e)
			}
			return
		}
		at := m.Span.Start
		for _, p := range m.Parts {
			if p.Span.Start < at || p.Span.End <= p.Span.Start || p.Span.End > m.Span.End {
				t.Fatalf("%q: part at %v behind %d in %v", text, p.Span, at, m.Span)
			}
			at = p.Span.End
			if p.Call == nil {
				if whole, err := Parse("SELECT "+p.Span.Of(text), DefaultLimits()); err != nil || whole.Opaque {
					t.Fatalf("%q: the piece %q is no expression", text, p.Span.Of(text))
				}
			}
		}
		replaced := "SELECT " + m.Replace(text, func(Part) string { return "pinnacle_row.c0" })
		if again, err := Parse(replaced, DefaultLimits()); err != nil || again.Opaque {
			t.Fatalf("%q becomes %q, which does not parse", text, replaced)
		}
	})
}
