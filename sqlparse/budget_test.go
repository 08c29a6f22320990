package sqlparse

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"github.com/pganalyze/pg_query_go/v5/parser"
)

// deepTexts makes texts that nest n deep, one for each way that PostgreSQL's grammar has to do so.
func deepTexts() map[string]func(n int) string {
	rep := strings.Repeat
	around := func(head, before, inner, after string) func(int) string {
		return func(n int) string { return head + rep(before, n) + inner + rep(after, n) }
	}
	return map[string]func(int) string{
		"plus":        around("SELECT 1", "+1", "", ""),
		"concat":      around("SELECT a", " || 'x'", "", ""),
		"cast":        around("SELECT 1", "::int", "", ""),
		"is null":     around("SELECT 1", " IS NULL", "", ""),
		"between":     around("SELECT 1", " BETWEEN 1 AND 1 IS NULL", "", ""),
		"labels":      around("SELECT 1", "+x.and+x.then+x.end", "", ""),
		"collate":     around("SELECT 1", " COLLATE x", "", ""),
		"time zone":   around("SELECT 1", " AT TIME ZONE x", "", ""),
		"operator":    around("SELECT 1", " OPERATOR(pg_catalog.+) 1", "", ""),
		"not":         around("SELECT ", "NOT ", "1", ""),
		"minus":       around("SELECT ", "- ", "a", ""),
		"sign":        around("SELECT ", "@ ", "a", ""),
		"parens":      around("SELECT ", "(", "1", ")"),
		"parens plus": around("SELECT ", "(1+", "1", ")"),
		"case then":   around("SELECT ", "CASE WHEN a THEN ", "1", " END"),
		"case else":   around("SELECT ", "CASE WHEN a AND b THEN c ELSE ", "1", " END"),
		"case case":   around("SELECT ", "CASE ", "1", " WHEN a THEN b END"),
		"case label":  around("SELECT ", "CASE WHEN x.end THEN 1 + ", "1", " END"),
		"function":    around("SELECT ", "f(", "1", ")"),
		"row":         around("SELECT ", "ROW(1,", "1", ")"),
		"array":       around("SELECT ARRAY", "[", "1", "]"),
		"any":         around("SELECT ", "a = ANY (", "b", ")"),
		"in select":   around("SELECT ", "1 IN (SELECT ", "1", ")"),
		"over":        around("SELECT ", "sum(1) OVER (ORDER BY ", "1", ")"),
		"json":        around("SELECT ", "json_object('a': ", "1", ")"),
		"union":       around("SELECT 1", " UNION SELECT 1, 2", "", ""),
		"union right": around("", "SELECT 1 UNION (", "SELECT 1", ")"),
		"join":        around("SELECT * FROM a", " JOIN b ON x AND y", "", ""),
		"cross join":  around("SELECT * FROM a", " CROSS JOIN b", "", ""),
		"join right":  around("SELECT * FROM ", "(a JOIN ", "b", " ON x)"),
		"from":        around("", "SELECT * FROM (", "SELECT 1", ") a"),
		"scalar":      around("", "SELECT (", "SELECT 1", ")"),
		"exists":      around("", "SELECT EXISTS (", "SELECT 1", ")"),
		"with":        around("", "WITH a AS (", "SELECT 1", ") SELECT 1"),
		"grouping":    around("SELECT 1 GROUP BY ", "GROUPING SETS (", "a", ")"),
	}
}

// TestBudgetMargin takes for each way to nest the deepest text within the limits, and has a process of its own parse
// one that is four times as deep.
func TestBudgetMargin(t *testing.T) {
	if kind := os.Getenv("SQLPARSE_DEEP_KIND"); kind != "" {
		n, err := strconv.Atoi(os.Getenv("SQLPARSE_DEEP_N"))
		if err != nil {
			t.Fatal(err)
		}
		text := deepTexts()[kind](n)
		var pe *parser.Error
		if _, err := parser.ParseToProtobuf(text); err != nil && !errors.As(err, &pe) {
			t.Fatal(err)
		}
		return
	}
	t.Parallel()
	limits := DefaultLimits()
	for kind, text := range deepTexts() {
		lo, hi := 1, limits.MaxDepth*2 // lo is within the limits, hi is not
		for hi-lo > 1 {
			if mid := (lo + hi) / 2; isWithin(t, limits, text(mid)) {
				lo = mid
			} else {
				hi = mid
			}
		}
		if lo > limits.MaxDepth+1 {
			t.Errorf("%s: %d deep is within the limits", kind, lo)
		}
		if _, err := pg_query.Parse(text(lo)); err != nil {
			t.Errorf("%s: %d deep is within the limits, but %v", kind, lo, err)
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestBudgetMargin$")
		cmd.Env = append(os.Environ(), "SQLPARSE_DEEP_KIND="+kind, "SQLPARSE_DEEP_N="+strconv.Itoa(4*lo))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: parsing %d levels ends the process: %v\n%.300s", kind, 4*lo, err, out)
		}
	}
}

// isWithin reports whether the text is within the limits.
func isWithin(t *testing.T, limits Limits, text string) bool {
	t.Helper()
	toks, err := Tokens(text)
	if err != nil {
		t.Fatal(err)
	}
	return limits.checkTokens(toks) == nil
}

func TestBudgetRefuses(t *testing.T) {
	t.Parallel()
	limits := DefaultLimits()
	for name, text := range map[string]string{
		"24,000 terms": "SELECT predict('m', 1" + strings.Repeat("+1", 24000) + ")",
		"bytes":        "SELECT '" + strings.Repeat("x", limits.MaxBytes) + "'",
		"tokens":       "SELECT 1" + strings.Repeat(",1", limits.MaxTokens/2+1),
	} {
		_, err := Parse(text, limits)
		var e *Error
		if !errors.As(err, &e) || e.Code != "54001" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBudgetAllows has texts that are long, not deep.
func TestBudgetAllows(t *testing.T) {
	t.Parallel()
	rep := strings.Repeat
	for name, text := range map[string]string{
		"1 MB of literals": "SELECT predict('m', a) FROM t WHERE a IN (1" + rep(",12345678", 110000) + ")",
		"values":           "INSERT INTO t VALUES (1, predict('m', 1))" + rep(",(1, 'text')", 50000),
		"and, or":          "SELECT predict('m', a) FROM t WHERE a = 1" + rep(" OR a = 2 AND b = 'x' AND NOT c", 20000),
		"cases":            "SELECT predict('m', a)" + rep(", CASE WHEN a = 1 THEN 2 ELSE 3 END AS x", 10000),
		"whens":            "UPDATE t SET a = CASE id" + rep(" WHEN 1 THEN predict('m', 1)", 10000) + " END",
		"statements":       "SELECT predict('m', 1);" + rep("SELECT 1+1 UNION SELECT 2;", 5000),
		"subscripts":       "SELECT predict('m', a" + rep("[1]", 20000) + ")",
		"joins":            "SELECT predict('m', a) FROM t" + rep(" LEFT JOIN u ON t.a = u.a AND u.b IS NOT NULL", 150),
		"source":           "CREATE MODEL m USING x AS $$" + rep("def f(x): return (x + 1)\n", 40000) + "$$",
		"concat":           "SELECT predict('m', a" + rep(" || b", 1300) + ")",
	} {
		s, err := Parse(text, DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if s.Opaque || !s.Concerns() {
			t.Errorf("%s: opaque %v", name, s.Opaque)
		}
	}
}
