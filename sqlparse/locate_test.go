package sqlparse

import (
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// locator parses a text of one statement.
func locator(t testing.TB, text string) (*Locator, *Statement) {
	t.Helper()
	s, err := Parse(text, DefaultLimits())
	if err != nil || len(s.Statements) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	l, err := NewLocator(text, s.Statements[0].Span)
	if err != nil {
		t.Fatal(err)
	}
	return l, s.Statements[0]
}

// TestExpressionEnd has texts in which « stands before an expression and » behind it.
func TestExpressionEnd(t *testing.T) {
	t.Parallel()
	for _, marked := range []string{
		"SELECT «a» FROM t", "SELECT «a + (b, c)» , d", "SELECT «a»", "SELECT (SELECT «a»)", "SELECT 1, «a IS DISTINCT FROM b» FROM t",
		"SELECT «a IS NOT DISTINCT FROM b»", "SELECT distinct «a» INTO x FROM t", "SELECT «a» AS b", "SELECT «x.from + y.where»",
		"SELECT «CASE WHEN a THEN b ELSE c END» UNION SELECT 1", "SELECT «CASE a WHEN CASE WHEN b THEN c END THEN d END + x.end» EXCEPT SELECT 1",
		"SELECT «a::timestamp with time zone» FROM t", "SELECT «sum(a) WITHIN GROUP (ORDER BY b)» GROUP BY c",
		"SELECT «a[1:2]» ORDER BY 1", "SELECT 1 WHERE «a BETWEEN b AND c» LIMIT 1", "SELECT 1 WHERE «a» FETCH FIRST ROW ONLY",
		"SELECT 1 WHERE «a» FOR UPDATE", "SELECT 1 FROM t JOIN u ON «a = left(b, 1)» LEFT JOIN v ON «c» WHERE «d»",
		"SELECT 1 FROM t JOIN u ON «a = right(b, 1)» CROSS JOIN v", "UPDATE t SET a = «b = c», d = «e» FROM u WHERE «f» RETURNING «g»",
		"INSERT INTO t SELECT «a» ON CONFLICT DO NOTHING", "INSERT INTO t SELECT «a» RETURNING b", "CREATE TABLE t AS SELECT «a» WITH NO DATA",
		"MERGE INTO t USING u ON «a» WHEN MATCHED AND «b» THEN UPDATE SET c = «d» WHEN NOT MATCHED THEN DO NOTHING",
		"SELECT 1 HAVING «a» WINDOW w AS ()", "SELECT «a» OFFSET 1", "SELECT «a» INTERSECT SELECT 1", "SELECT «extract(year FROM a)» FROM t /* , */",
		"SELECT «U&\"d!0061t\" UESCAPE '!'» FROM t", "SELECT «a COLLATE \"x\"» -- , b",
	} {
		var starts, ends []int
		text := ""
		for _, part := range strings.SplitAfter(marked, "»") {
			before, inside, found := strings.Cut(part, "«")
			text += before
			if found {
				starts = append(starts, len(text))
				text += strings.TrimSuffix(inside, "»")
				ends = append(ends, len(text))
			}
		}
		l, _ := locator(t, text)
		for i, at := range starts {
			if end := l.ExpressionEnd(at); end != ends[i] {
				t.Errorf("%s: %q", marked, text[at:end])
			}
		}
	}
}

// TestOperands cuts the WHERE of a statement; | parts the operands.
func TestOperands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ where, operands string }{
		{"a OR b", "a|b"},
		{"(a OR b)", "a|b"},
		{"((a) OR (b AND c))", "(a)|(b AND c)"},
		{"(a OR b) OR c", "(a OR b)|c"},
		{"a OR (b OR c)", "a|(b OR c)"},
		{"a OR b OR c OR x.or", "a|b|c|x.or"},
		{"a AND b BETWEEN 1 AND 2 AND c", "a|b BETWEEN 1 AND 2|c"},
		{"a AND CASE WHEN b AND c OR d THEN e END", "a|CASE WHEN b AND c OR d THEN e END"},
		{"NOT a", "a"},
		{"NOT (a OR b)", "(a OR b)"},
		{"a = 1 OR NOT (b = 2) AND c", "a = 1|NOT (b = 2) AND c"},
		{"a", ""},
		{"f(a OR b)", ""},
		{"EXISTS (SELECT 1 WHERE a OR b)", ""},
	} {
		text := "SELECT 1 FROM t WHERE " + c.where + " GROUP BY a"
		l, st := locator(t, text)
		where := st.Node.GetSelectStmt().WhereClause
		span := l.Clause(pg_query.Token_WHERE, where)
		if got := span.Of(text); got != c.where {
			t.Errorf("the condition of %s: %q", text, got)
			continue
		}
		var got []string
		for _, o := range l.Operands(span, where) {
			got = append(got, o.Span.Of(text))
			tree, err := pg_query.Deparse(&pg_query.ParseResult{Stmts: []*pg_query.RawStmt{{Stmt: &pg_query.Node{Node: &pg_query.Node_SelectStmt{
				SelectStmt: &pg_query.SelectStmt{WhereClause: o.Node}}}}}})
			want, err2 := pg_query.Parse("SELECT WHERE " + o.Span.Of(text))
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			again, err := pg_query.Deparse(want)
			if err != nil || tree != again {
				t.Errorf("%s: the operand %q is %q in the tree", text, o.Span.Of(text), tree)
			}
		}
		if strings.Join(got, "|") != c.operands {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestLocateCall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ call, name, comma string }{
		{"predict('m', a)", "predict", ","},
		{"pinnacle . predict /* x */ ('m')", "pinnacle . predict", ""},
		{`U&"p!0072edict" UESCAPE '!' ('m'::text , a)`, `U&"p!0072edict" UESCAPE '!'`, ","},
		{"try_predict ( ( 'm' ) , predict('n', 1))", "try_predict", ","},
	} {
		text := "SELECT 1, " + c.call + " FROM t"
		l, st := locator(t, text)
		call := st.Calls[0]
		if got := l.NameOf(call).Of(text); got != c.name {
			t.Errorf("%s: the name is %q", c.call, got)
		}
		if got := l.CommaOf(call).Of(text); got != c.comma {
			t.Errorf("%s: the comma is %q", c.call, got)
		}
	}
}

func TestNamingFunction(t *testing.T) {
	t.Parallel()
	for expr, named := range map[string]bool{
		"f(a)": true, "(f(a))": true, "f(a)::int": true, "CAST(f(a) AS x)": true, "f(a) COLLATE \"C\"": true, "(f(a))[1]": true, "s.f(a)": true,
		"CASE WHEN a THEN b ELSE f(c) END": true, "CASE WHEN f(a) THEN b END": false, "(f(a)).x": false, "f(a) + 1": false, "(SELECT f(a))": false,
		"a": false, "coalesce(f(a), 1)": false, "nullif(f(a), 1)": false, "ARRAY[f(a)]": false, "CASE WHEN a THEN f(b) ELSE c::int END": false,
	} {
		_, st := locator(t, "SELECT "+expr)
		val := st.Node.GetSelectStmt().TargetList[0].GetResTarget().Val
		f := NamingFunction(val)
		if (f != nil) != named {
			t.Errorf("%s: %v", expr, f)
		}
		if f != nil && FigureColumnName(val) != "f" {
			t.Errorf("%s is named %q", expr, FigureColumnName(val))
		}
	}
}

// TestCallsEverywhere counts the calls of statements of every kind; each call stands where none of the others is looked for.
func TestCallsEverywhere(t *testing.T) {
	t.Parallel()
	call := "predict('m', 1)"
	for _, text := range []string{
		"SELECT @, (SELECT @), ARRAY(SELECT @) FROM @ WITH ORDINALITY, ROWS FROM (@, f(@)) AS x, LATERAL (SELECT @) y, t TABLESAMPLE bernoulli (@)",
		"SELECT DISTINCT ON (@) a FROM t JOIN u ON @ LEFT JOIN v ON @ WHERE @ GROUP BY @, ROLLUP (@), GROUPING SETS ((@), CUBE (@)) HAVING @ ORDER BY @ USING < LIMIT @ OFFSET @",
		"SELECT sum(@ ORDER BY @) FILTER (WHERE @), p(@) WITHIN GROUP (ORDER BY @), rank() OVER (PARTITION BY @ ORDER BY @ ROWS BETWEEN @ PRECEDING AND @ FOLLOWING) FROM t WINDOW w AS (PARTITION BY @)",
		"WITH RECURSIVE a AS (SELECT @ UNION ALL SELECT @ FROM a), b AS MATERIALIZED (INSERT INTO t SELECT @ RETURNING @) VALUES (@, 1), (@, 2) ORDER BY @ FETCH FIRST (@) ROWS ONLY",
		"SELECT CASE @ WHEN @ THEN @ ELSE @ END, coalesce(@, @), nullif(@, @), greatest(@), @ IN (@, @), @ BETWEEN @ AND @, @ = ANY (ARRAY[@]), @ IS NULL, @ IS DISTINCT FROM @, (@).x, (@)[@:@], ROW(@), @::int, @ COLLATE x, xmlelement(name a, xmlattributes(@ AS b), @), f(a => @), json_object('a': @)",
		"INSERT INTO t (a) VALUES (@), (DEFAULT) ON CONFLICT (f(@)) WHERE @ DO UPDATE SET a = @, (b, c) = (@, @) WHERE @ RETURNING @",
		"UPDATE t SET a = @, b[@] = @, (c, d) = (SELECT @, @), (e, f) = ROW(@, @) FROM f(@) WHERE @ RETURNING @",
		"DELETE FROM t USING f(@) WHERE @ RETURNING @",
		"MERGE INTO t USING (SELECT @) s ON @ WHEN MATCHED AND @ THEN UPDATE SET a = @, (b, c) = (@, @) WHEN NOT MATCHED AND @ THEN INSERT (a) VALUES (@)",
		"COPY (SELECT @) TO STDOUT", "COPY t FROM STDIN WHERE @", "DECLARE c CURSOR FOR SELECT @", "CREATE TABLE t AS SELECT @", "SELECT @ INTO x",
		"PREPARE p AS INSERT INTO t SELECT @", "EXPLAIN (ANALYZE) DELETE FROM t WHERE @", "EXECUTE p(@, @)", "CREATE TABLE x AS EXECUTE p(@)", "CALL p(@)",
		"CREATE VIEW v AS SELECT @", "CREATE MATERIALIZED VIEW v AS SELECT @", "CREATE INDEX ON t ((@)) WHERE @",
		"CREATE TABLE t (a int DEFAULT @ CHECK (@), b int GENERATED ALWAYS AS (@) STORED, CHECK (@)) PARTITION BY RANGE ((@))",
		"ALTER TABLE t ALTER a SET DEFAULT @, ALTER b TYPE int USING @, ADD CHECK (@)", "CREATE RULE r AS ON INSERT TO t WHERE @ DO ALSO (SELECT @; DELETE FROM t WHERE @)",
		"CREATE POLICY p ON t USING (@) WITH CHECK (@)", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW WHEN (@) EXECUTE FUNCTION f()",
		"CREATE DOMAIN d AS int DEFAULT @ CHECK (@)", "CREATE STATISTICS s ON (@), (a) FROM t",
	} {
		want := strings.Count(text, "@")
		text = strings.ReplaceAll(text, "@", call)
		_, st := locator(t, text)
		if len(st.Calls) != want {
			t.Errorf("%s: %d calls, not %d", text, len(st.Calls), want)
		}
		at := 0
		for _, c := range st.Calls {
			if c.Span.Of(text) != call || c.Span.Start < at {
				t.Errorf("%s: %q at byte %d", text, c.Span.Of(text), c.Span.Start)
			}
			at = c.Span.End
		}
	}
}
