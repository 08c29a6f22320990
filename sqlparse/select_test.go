package sqlparse

import (
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// shapeOf is the shape of a text that is one SELECT.
func shapeOf(t *testing.T, text string) (*SelectShape, error) {
	t.Helper()
	script, err := Parse(text, DefaultLimits())
	if err != nil {
		t.Fatal(text, err)
	}
	if len(script.Statements) != 1 || script.Statements[0].Node.GetSelectStmt() == nil {
		t.Fatalf("%s is not one SELECT", text)
	}
	st := script.Statements[0]
	return ShapeOf(text, st.Span, st.Node.GetSelectStmt())
}

// clauseTexts lists the clauses that are there, as name: text.
func clauseTexts(s *SelectShape, text string) string {
	var parts []string
	for _, c := range []struct {
		name string
		span Span
	}{
		{"with", s.With}, {"list", s.TargetList}, {"from", s.From}, {"where", s.Where}, {"group", s.GroupBy}, {"having", s.Having}, {"window", s.Window},
		{"order", s.OrderBy}, {"limit", s.Limit}, {"limit clause", s.LimitClause}, {"offset", s.Offset}, {"offset clause", s.OffsetClause}, {"locking", s.Locking},
	} {
		if c.span.Start < c.span.End {
			parts = append(parts, c.name+": "+c.span.Of(text))
		}
	}
	return strings.Join(parts, " | ")
}

func TestClauses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SELECT":                          "",
		"SELECT FROM t":                   "from: t",
		"SELECT ALL FROM t":               "from: t",
		"SELECT ALL a FROM t":             "list: a | from: t",
		"SELECT DISTINCT a FROM t":        "list: a | from: t",
		"SELECT DISTINCT ON (a, (b)) a":   "list: a",
		"SELECT a AS limit FROM t":        "list: a AS limit | from: t",
		"SELECT t.from, t.where.order":    "list: t.from, t.where.order",
		"SELECT a distinct FROM t":        "list: a distinct | from: t",
		"SELECT a AS distinct FROM t":     "list: a AS distinct | from: t",
		"SELECT t.is distinct FROM t":     "list: t.is distinct | from: t",
		"SELECT a IS DISTINCT FROM b":     "list: a IS DISTINCT FROM b",
		"SELECT a IS NOT DISTINCT FROM b": "list: a IS NOT DISTINCT FROM b",
		"SELECT (a IS DISTINCT FROM b) IS TRUE AS distinct FROM t WHERE a IS DISTINCT FROM b":                                        "list: (a IS DISTINCT FROM b) IS TRUE AS distinct | from: t | where: a IS DISTINCT FROM b",
		"SELECT 1 FROM t WHERE a GROUP BY b HAVING c WINDOW w AS (PARTITION BY d ORDER BY e) ORDER BY f LIMIT 1 OFFSET 2 FOR UPDATE": "list: 1 | from: t | where: a | group: b | having: c | window: w AS (PARTITION BY d ORDER BY e) | order: f | limit: 1 | limit clause: LIMIT 1 | offset: 2 | offset clause: OFFSET 2 | locking: FOR UPDATE",
		"SELECT a OFFSET 2 LIMIT 1":                                                                                 "list: a | limit: 1 | limit clause: LIMIT 1 | offset: 2 | offset clause: OFFSET 2",
		"SELECT a LIMIT ALL":                                                                                        "list: a | limit: ALL | limit clause: LIMIT ALL",
		"SELECT a LIMIT (SELECT 1 LIMIT 2)":                                                                         "list: a | limit: (SELECT 1 LIMIT 2) | limit clause: LIMIT (SELECT 1 LIMIT 2)",
		"SELECT a LIMIT 1 + /* , */ 2":                                                                              "list: a | limit: 1 + /* , */ 2 | limit clause: LIMIT 1 + /* , */ 2",
		"SELECT a FETCH FIRST ROW ONLY":                                                                             "list: a | limit clause: FETCH FIRST ROW ONLY",
		"SELECT a FETCH NEXT (1+2) ROWS ONLY":                                                                       "list: a | limit: (1+2) | limit clause: FETCH NEXT (1+2) ROWS ONLY",
		"SELECT a ORDER BY a FETCH FIRST 2 ROWS WITH TIES":                                                          "list: a | order: a | limit: 2 | limit clause: FETCH FIRST 2 ROWS WITH TIES",
		"SELECT a OFFSET 1 ROW FETCH FIRST 1 ROW ONLY":                                                              "list: a | limit: 1 | limit clause: FETCH FIRST 1 ROW ONLY | offset: 1 | offset clause: OFFSET 1 ROW",
		"SELECT a OFFSET $1 ROWS":                                                                                   "list: a | offset: $1 | offset clause: OFFSET $1 ROWS",
		"SELECT a FROM t FOR UPDATE OF t NOWAIT FOR SHARE":                                                          "list: a | from: t | locking: FOR UPDATE OF t NOWAIT FOR SHARE",
		"SELECT a FROM t FOR NO KEY UPDATE LIMIT 1":                                                                 "list: a | from: t | limit: 1 | limit clause: LIMIT 1 | locking: FOR NO KEY UPDATE",
		"SELECT a INTO TEMP x FROM t WHERE b":                                                                       "list: a | from: t | where: b",
		"SELECT substring(a FROM 1 FOR 2), trim(both FROM b), extract(year FROM c) FROM t":                          "list: substring(a FROM 1 FOR 2), trim(both FROM b), extract(year FROM c) | from: t",
		"SELECT array_agg(a ORDER BY b), sum(c) OVER (ORDER BY d), count(*) FILTER (WHERE e) FROM t":                "list: array_agg(a ORDER BY b), sum(c) OVER (ORDER BY d), count(*) FILTER (WHERE e) | from: t",
		"SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t GROUP BY b":                                   "list: percentile_cont(0.5) WITHIN GROUP (ORDER BY a) | from: t | group: b",
		"SELECT a[1:2], ARRAY[1, 2], ARRAY(SELECT 1 FROM u) FROM t":                                                 "list: a[1:2], ARRAY[1, 2], ARRAY(SELECT 1 FROM u) | from: t",
		"SELECT (SELECT a FROM t WHERE b LIMIT 1) WHERE c":                                                          "list: (SELECT a FROM t WHERE b LIMIT 1) | where: c",
		"WITH a AS (SELECT 1 FROM t), b AS MATERIALIZED (SELECT 2) SELECT * FROM a":                                 "with: WITH a AS (SELECT 1 FROM t), b AS MATERIALIZED (SELECT 2) | list: * | from: a",
		"WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 2 FROM r) SEARCH DEPTH FIRST BY x SET y SELECT 1":           "with: WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 2 FROM r) SEARCH DEPTH FIRST BY x SET y | list: 1",
		"((SELECT a FROM t ORDER BY a))":                                                                            "list: a | from: t | order: a",
		"SELECT a FROM t -- WHERE x\nWHERE /* GROUP BY b */ c":                                                      "list: a | from: t | where: c",
		"SELECT 'FROM', \"from\", $$ FROM x $$, E'\\'FROM', U&\"\\0066rom\", U&'\\0061' UESCAPE '!' FROM \"where\"": "list: 'FROM', \"from\", $$ FROM x $$, E'\\'FROM', U&\"\\0066rom\", U&'\\0061' UESCAPE '!' | from: \"where\"",
		"SELECT 'żółć', \"żółć\" AS \"ł\" FROM \"中\" WHERE '😀' = ''":                                                "list: 'żółć', \"żółć\" AS \"ł\" | from: \"中\" | where: '😀' = ''",
		"SELECT 1 FROM a JOIN b ON a.x AND b.y, LATERAL (SELECT 1 WHERE c) s WHERE d":                               "list: 1 | from: a JOIN b ON a.x AND b.y, LATERAL (SELECT 1 WHERE c) s | where: d",
		"SELECT 1 GROUP BY GROUPING SETS ((a), ROLLUP (b, c)), d ORDER BY e USING < NULLS LAST":                     "list: 1 | group: GROUPING SETS ((a), ROLLUP (b, c)), d | order: e USING < NULLS LAST",
		"SELECT 1 GROUP BY DISTINCT a":                                                                              "list: 1 | group: DISTINCT a",
	} {
		s, err := shapeOf(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := clauseTexts(s, text); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SELECT a, b AS x, c y, d AS \"Z z\"":                                 "a=a, b=x, c=y, d=Z z",
		"SELECT f(a, b), (c, d), ARRAY[e, f], CASE WHEN g THEN h END":         "f(a, b)=f, (c, d)=row, ARRAY[e, f]=array, CASE WHEN g THEN h END=case",
		"SELECT *, t.*, (r).*, a * b, count(*), s.t.*":                        "*=*, t.*=*, (r).*=*, a * b=?column?, count(*)=count, s.t.*=*",
		"SELECT a U&\"x!0061\" UESCAPE '!', b AS U&\"!0062\" UESCAPE '!'":     "a=xa, b=b",
		"SELECT U&\"!0061\" UESCAPE '!', U&'!0061' UESCAPE '!' AS s, U&'a' z": "U&\"!0061\" UESCAPE '!'=a, U&'!0061' UESCAPE '!'=s, U&'a'=z",
		"SELECT a AS as, b AS from, c AS select":                              "a=as, b=from, c=select",
		"SELECT 1 end, 2 case, 3 and, 4 between":                              "1=end, 2=case, 3=and, 4=between",
		"SELECT (a)::int, a::text AS t, CAST(a AS numeric(5, 2))":             "(a)::int=a, a::text=t, CAST(a AS numeric(5, 2))=a",
		"SELECT /* x, y */ a -- , z\n, b":                                     "a=a, b=b",
		"SELECT 'a,b', $q$,$q$ d, E'\\',' e":                                  "'a,b'=?column?, $q$,$q$=d, E'\\','=e",
		"SELECT interval '1' day, timestamp with time zone 'now' AS n":        "interval '1' day=interval, timestamp with time zone 'now'=n",
	} {
		s, err := shapeOf(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, target := range s.Targets {
			name := target.Name
			if target.Star {
				name = "*"
			}
			got = append(got, target.Expr.Of(text)+"="+name)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s\n got %s\nwant %s", text, strings.Join(got, ", "), want)
		}
	}
}

func TestTerms(t *testing.T) {
	t.Parallel()
	for where, want := range map[string][]string{
		"a":                                 {"a"},
		"(a)":                               {"(a)"},
		"a AND b":                           {"a", "b"},
		"a AND (b AND (c AND d)) AND e":     {"a", "b", "c", "d", "e"},
		"((a AND b) AND c)":                 {"a", "b", "c"},
		"(a AND b) AND (c) AND (d AND e)":   {"a", "b", "(c)", "d", "e"},
		"((a AND b)) AND ((c AND d) AND e)": {"a", "b", "c", "d", "e"},
		"a OR b AND c":                      {"a OR b AND c"},
		"(a OR b) AND c":                    {"(a OR b)", "c"},
		"NOT (a AND b) AND c":               {"NOT (a AND b)", "c"},
		"NOT a AND NOT b":                   {"NOT a", "NOT b"},
		"a BETWEEN 1 AND 2 AND b":           {"a BETWEEN 1 AND 2", "b"},
		"a NOT BETWEEN SYMMETRIC 1 AND 2 AND b BETWEEN c AND d AND e": {"a NOT BETWEEN SYMMETRIC 1 AND 2", "b BETWEEN c AND d", "e"},
		"a BETWEEN (SELECT 1 WHERE x AND y) AND 2 AND b":              {"a BETWEEN (SELECT 1 WHERE x AND y) AND 2", "b"},
		"between AND b BETWEEN between AND between AND t.between":     {"between", "b BETWEEN between AND between", "t.between"},
		"NOT between AND b": {"NOT between", "b"},
		"CASE WHEN a AND b THEN c BETWEEN 1 AND 2 AND d END AND e":                   {"CASE WHEN a AND b THEN c BETWEEN 1 AND 2 AND d END", "e"},
		"CASE CASE a AND b WHEN c THEN d END WHEN e THEN f END AND t.end AND t.case": {"CASE CASE a AND b WHEN c THEN d END WHEN e THEN f END", "t.end", "t.case"},
		"a AND (SELECT b AND c) AND EXISTS (SELECT 1 WHERE d AND e)":                 {"a", "(SELECT b AND c)", "EXISTS (SELECT 1 WHERE d AND e)"},
		"((SELECT a AND b) UNION (SELECT c AND d)) AND e":                            {"((SELECT a AND b) UNION (SELECT c AND d))", "e"},
		"(a AND b, c) = (d, e AND f) AND g":                                          {"(a AND b, c) = (d, e AND f)", "g"},
		"a AND b IS NULL AND c IS NOT DISTINCT FROM d":                               {"a", "b IS NULL", "c IS NOT DISTINCT FROM d"},
		"x[a AND b] AND c":                          {"x[a AND b]", "c"},
		"a -- AND\nAND /* AND b */ 'AND' = $$AND$$": {"a", "'AND' = $$AND$$"},
		"\"and\" AND \"żółć AND\" = '中 AND' AND U&\"!0061\" UESCAPE '!'": {"\"and\"", "\"żółć AND\" = '中 AND'", "U&\"!0061\" UESCAPE '!'"},
		"(a AND b) IS TRUE AND c":      {"(a AND b) IS TRUE", "c"},
		"(a AND b) AND (c OR d AND e)": {"a", "b", "(c OR d AND e)"},
	} {
		text := "SELECT 1 FROM t WHERE " + where + " ORDER BY 1"
		s, err := shapeOf(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, term := range s.Terms {
			got = append(got, term.Of(text))
		}
		if strings.Join(got, " ¦ ") != strings.Join(want, " ¦ ") {
			t.Errorf("%s\n got %q\nwant %q", where, got, want)
		}
	}
}

func TestClauseAt(t *testing.T) {
	t.Parallel()
	text := "WITH w AS (SELECT 1) SELECT DISTINCT ON (q) 2 FROM f WHERE 3 GROUP BY 4 HAVING 5 WINDOW n AS (ORDER BY 6) ORDER BY 7 LIMIT 8 OFFSET 9"
	s, err := shapeOf(t, text)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{
		"1": "a common table expression (WITH)", "q": "DISTINCT ON", "2": "the select list", "f": "FROM", "3": "WHERE", "4": "GROUP BY",
		"5": "HAVING", "6": "WINDOW", "7": "ORDER BY", "8": "LIMIT", "9": "OFFSET",
	} {
		pos := strings.Index(text, at)
		if at == "f" {
			pos = strings.Index(text, "f WHERE")
		}
		if got := s.ClauseAt(pos); got != want {
			t.Errorf("%q stands in %s, not %s", at, got, want)
		}
	}
}

// TestShapesNotKnown lists what is refused rather than cut wrongly.
func TestShapesNotKnown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"(SELECT a FROM t) ORDER BY 1", "WITH w AS (SELECT 1) (SELECT a FROM t)", "((SELECT a) LIMIT 1)"} {
		if s, err := shapeOf(t, text); err == nil {
			t.Errorf("%s has the shape %s", text, clauseTexts(s, text))
		} else if e := err.(*Error); e.Code != "0A000" {
			t.Errorf("%s: %+v", text, e)
		}
	}
}

// FuzzShapeOf compares the clauses cut from the tokens with PostgreSQL's tree.
func FuzzShapeOf(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s)
	}
	for _, s := range []string{
		"select a distinct, t.is distinct from t where a is distinct from b and c", "select all a end, b case from t where between between between and t.and and case when x and y then z end",
		"select u&\"a!0061\" uescape '!' x, u&'' uescape '!' u&\"\" uescape '!' from t fetch first row only", "select 1 where (a and b) and (select c and d) and (e and f, g) = h limit all offset 1 rows for update",
		"with a as (select 1) search depth first by x set y select distinct on (a, b) a into t from b group by () having c window w as () order by d using <",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		script, err := Parse(text, Limits{MaxBytes: 1 << 12, MaxTokens: 1 << 9, MaxDepth: 50})
		if err != nil || len(script.Statements) != 1 {
			return
		}
		st := script.Statements[0]
		sel := st.Node.GetSelectStmt()
		if sel == nil || sel.Op != pg_query.SetOperation_SETOP_NONE || len(sel.ValuesLists) > 0 {
			return
		}
		s, err := ShapeOf(text, st.Span, sel)
		if err != nil {
			if word := script.firstWord(); word == "select" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		checkPresence(t, text, s)
		for i, target := range s.Targets {
			if !s.TargetList.Contains(target.Span) || !target.Span.Contains(target.Expr) {
				t.Fatalf("%q: target %+v outside its list %v", text, target, s.TargetList)
			}
			same(t, text, target.Expr, "SELECT ", target.Node, func(s *pg_query.SelectStmt) *pg_query.Node { return s.TargetList[0].GetResTarget().GetVal() })
			if target.Node != sel.TargetList[i].GetResTarget().GetVal() {
				t.Fatalf("%q: target %d has the node of another", text, i)
			}
		}
		nodes := conjuncts(sel.WhereClause)
		if len(s.Terms) != len(nodes) {
			t.Fatalf("%q: %d terms, the tree has %d", text, len(s.Terms), len(nodes))
		}
		for i, term := range s.Terms {
			same(t, text, term, "SELECT 1 WHERE ", nodes[i], func(s *pg_query.SelectStmt) *pg_query.Node { return s.WhereClause })
		}
	})
}

// firstWord is the keyword that the script begins with.
func (s *Script) firstWord() string {
	toks, err := Tokens(s.Text)
	for len(toks) > 0 && toks[0].Kind == pg_query.Token_ASCII_59 {
		toks = toks[1:]
	}
	if err != nil || len(toks) == 0 {
		return ""
	}
	return toks[0].word(s.Text)
}

// conjuncts are the operands of the ANDs at the top of a condition.
func conjuncts(n *pg_query.Node) []*pg_query.Node {
	if n == nil {
		return nil
	}
	e := n.GetBoolExpr()
	if e == nil || e.Boolop != pg_query.BoolExprType_AND_EXPR {
		return []*pg_query.Node{n}
	}
	var all []*pg_query.Node
	for _, a := range e.Args {
		all = append(all, conjuncts(a)...)
	}
	return all
}

// checkPresence compares which clauses there are.
func checkPresence(t *testing.T, text string, s *SelectShape) {
	t.Helper()
	sel := s.Select
	for _, c := range []struct {
		name string
		span Span
		want bool
	}{
		{"WITH", s.With, sel.WithClause != nil}, {"select list", s.TargetList, len(sel.TargetList) > 0}, {"FROM", s.From, len(sel.FromClause) > 0},
		{"WHERE", s.Where, sel.WhereClause != nil}, {"GROUP BY", s.GroupBy, len(sel.GroupClause) > 0}, {"HAVING", s.Having, sel.HavingClause != nil},
		{"WINDOW", s.Window, len(sel.WindowClause) > 0}, {"ORDER BY", s.OrderBy, len(sel.SortClause) > 0},
		{"OFFSET", s.Offset, sel.LimitOffset != nil}, {"FOR", s.Locking, len(sel.LockingClause) > 0},
	} {
		if (c.span.Start < c.span.End) != c.want {
			t.Fatalf("%q: %s at %v, in the tree: %v", text, c.name, c.span, c.want)
		}
	}
	if sel.LimitCount != nil && s.LimitClause == (Span{}) {
		t.Fatalf("%q: no LIMIT", text)
	}
}

// same parses a piece of the text by itself and compares it with its part of the tree.
func same(t *testing.T, text string, piece Span, before string, want *pg_query.Node, pick func(*pg_query.SelectStmt) *pg_query.Node) {
	t.Helper()
	res, err := pg_query.Parse(before + piece.Of(text))
	if err != nil {
		t.Fatalf("%q: the piece %q does not parse: %v", text, piece.Of(text), err)
	}
	got, want := proto.Clone(pick(res.Stmts[0].Stmt.GetSelectStmt())), proto.CloneOf(want)
	forgetLocations(got.ProtoReflect())
	forgetLocations(want.ProtoReflect())
	if !proto.Equal(got, want) {
		t.Fatalf("%q: the piece %q is not what the tree has", text, piece.Of(text))
	}
}

// forgetLocations sets every location in a tree to 0.
func forgetLocations(m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case strings.HasSuffix(string(fd.Name()), "location") && fd.Kind() == protoreflect.Int32Kind && !fd.IsList():
			m.Clear(fd)
		case fd.Kind() != protoreflect.MessageKind:
		case fd.IsList():
			for i := range v.List().Len() {
				forgetLocations(v.List().Get(i).Message())
			}
		default:
			forgetLocations(v.Message())
		}
		return true
	})
}
