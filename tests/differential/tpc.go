package differential

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
)

// tpcSuites are the suites of TPC, as tpc.py names them.
var tpcSuites = []string{"tpch", "tpcds"}

// tpcModels give back what they are given: any column can be replaced by a call without changing what the statement is about.
var tpcModels = []model{
	{name: "same_int4", args: taking(tInt4), returns: tInt4, starlark: "return x", sql: "x"},
	{name: "same_int8", args: taking(tInt8), returns: tInt8, starlark: "return x", sql: "x"},
	{name: "same_numeric", args: taking(tNumeric), returns: tNumeric, starlark: "return x", sql: "trim_scale(x)"},
	{name: "same_text", args: taking(tText), returns: tText, starlark: "return x", sql: "x"},
	{name: "same_date", args: taking(tDate), returns: tDate, starlark: "return x", sql: "x"},
}

// tpcText is one of a suite's statements, with the places where it names a column.
type tpcText struct {
	suite, name, sql string
	columns          []tpcColumn
}

// tpcColumn is one place where a column is named.
type tpcColumn struct {
	start, end int
	name       string
	model      string
	// position is the clause, nameless that the place is a column of the select list without a name of its own.
	position string
	nameless bool
}

// columnPattern matches a column's definition in the schema of a suite; limitPattern the LIMIT that ends a statement: rows
// behind it are not defined wholly.
var (
	tablePattern  = regexp.MustCompile(`(?m)^CREATE TABLE (\w+)\((.*)\);$`)
	columnPattern = regexp.MustCompile(`(?:^|, )(\w+) (BIGINT|INTEGER|VARCHAR|DATE|DECIMAL\(\d+,\d+\)|TIME)`)
	limitPattern  = regexp.MustCompile(`(?i)\s+LIMIT\s+\d+\s*;?\s*$`)
	modelOfType   = map[string]string{"BIGINT": "same_int8", "INTEGER": "same_int4", "VARCHAR": "same_text", "DATE": "same_date", "DECIMAL": "same_numeric"}
)

// tpcSchema reads a suite's schema: its script, its tables, and the model for each column.
func tpcSchema(dir, suite string) (script string, tables []string, columns map[string]string, err error) {
	raw, err := os.ReadFile(filepath.Join(dir, suite, "schema.sql"))
	if err != nil {
		return "", nil, nil, err
	}
	columns = map[string]string{}
	for _, m := range tablePattern.FindAllStringSubmatch(string(raw), -1) {
		tables = append(tables, m[1])
		first := ""
		for _, c := range columnPattern.FindAllStringSubmatch(m[2], -1) {
			kind, _, _ := strings.Cut(c[2], "(")
			if of := modelOfType[kind]; of != "" {
				columns[c[1]] = of
			}
			if first == "" {
				first = c[1]
			}
		}
		script += fmt.Sprintf("CREATE INDEX ON %s (%s);\nANALYZE %s;\n", m[1], first, m[1])
	}
	if len(tables) == 0 {
		return "", nil, nil, fmt.Errorf("%s has no tables", suite)
	}
	return string(raw) + script, tables, columns, nil
}

// readTPC reads a suite's statements.
func readTPC(dir, suite string, columns map[string]string) ([]tpcText, error) {
	files, err := filepath.Glob(filepath.Join(dir, suite, "[0-9]*.sql"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no statements of %s in %s: %w", suite, dir, err)
	}
	var texts []tpcText
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		t := tpcText{suite: suite, name: filepath.Base(file), sql: limitPattern.ReplaceAllString(strings.TrimRight(string(raw), "; \n"), "")}
		tree, err := pg_query.ParseToJSON(t.sql)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		var root any
		if err := json.Unmarshal([]byte(tree), &root); err != nil {
			return nil, err
		}
		t.find(root, columns, nil)
		sort.Slice(t.columns, func(i, j int) bool { return t.columns[i].start < t.columns[j].start })
		texts = append(texts, t)
	}
	return texts, nil
}

// clauseNames are the clauses by the names that the tree has for them.
var clauseNames = map[string]string{"targetList": "select list", "whereClause": "WHERE", "groupClause": "GROUP BY", "havingClause": "HAVING", "sortClause": "ORDER BY",
	"quals": "JOIN ON", "windowClause": "window", "partitionClause": "window PARTITION BY", "orderClause": "window ORDER BY", "agg_filter": "aggregate FILTER",
	"FuncCall": "argument of a function", "CaseExpr": "CASE", "SubLink": "subquery", "RangeSubselect": "FROM subquery", "ctequery": "WITH", "larg": "set operation", "rarg": "set operation"}

// find looks for names of columns in a tree. path is the clauses that it is in, the outermost first.
func (t *tpcText) find(n any, columns map[string]string, path []string) {
	switch n := n.(type) {
	case []any:
		for _, e := range n {
			t.find(e, columns, path)
		}
	case map[string]any:
		for _, key := range sortedKeys(n) {
			inner := path
			if c := clauseNames[key]; c != "" {
				inner = append(path[:len(path):len(path)], c)
			}
			if target, ok := n[key].(map[string]any); ok && key == "ResTarget" {
				if val, ok := target["val"].(map[string]any); ok && target["name"] == nil && val["ColumnRef"] != nil {
					t.note(val["ColumnRef"].(map[string]any), columns, path, true)
					continue
				}
			}
			if ref, ok := n[key].(map[string]any); ok && key == "ColumnRef" {
				t.note(ref, columns, path, false)
				continue
			}
			t.find(n[key], columns, inner)
		}
	}
}

// note notes a place, if it is a column of a table.
func (t *tpcText) note(ref map[string]any, columns map[string]string, path []string, nameless bool) {
	start := 0
	if l, ok := ref["location"].(float64); ok {
		start = int(l)
	}
	end := start
	for end < len(t.sql) && (t.sql[end] == '.' || t.sql[end] == '_' || t.sql[end] >= '0' && t.sql[end] <= '9' || t.sql[end]|32 >= 'a' && t.sql[end]|32 <= 'z') {
		end++
	}
	full := strings.ToLower(t.sql[start:end])
	name := full[strings.LastIndexByte(full, '.')+1:]
	if columns[name] == "" || len(path) == 0 {
		return
	}
	position := path[len(path)-1]
	for _, outer := range path[:len(path)-1] {
		if outer == "WITH" || outer == "FROM subquery" || outer == "subquery" {
			position = outer + ": " + position
			break
		}
	}
	t.columns = append(t.columns, tpcColumn{start: start, end: end, name: full, model: columns[name], position: position, nameless: nameless && path[len(path)-1] == "select list"})
}

// newTPCCase makes a case of a text: calls in place of one or a few names of columns, or of one column wherever it is named.
func newTPCCase(r *rand.Rand, t tpcText) *testCase {
	chosen := map[int]bool{}
	for range 1 + r.IntN(3) {
		chosen[r.IntN(len(t.columns))] = true
	}
	if r.IntN(2) == 0 {
		name := t.columns[r.IntN(len(t.columns))].name
		clear(chosen)
		for i, c := range t.columns {
			chosen[i] = c.name == name
		}
	}
	c := &testCase{protocol: one(r, peer.Simple, peer.ExtendedText, peer.ExtendedBinary)}
	n := txt()
	from := 0
	for i, col := range t.columns {
		if !chosen[i] {
			continue
		}
		m := modelNamed(col.model)
		text := t.sql[col.start:col.end]
		parts := []any{oracleOnly("m_" + m.name + "."), "predict('" + m.name + "', ", expr(m.returns, text), ")"}
		n.parts = append(n.parts, t.sql[from:col.start], expr(m.returns, parts...))
		if col.nameless {
			n.parts = append(n.parts, " AS "+text[strings.LastIndexByte(text, '.')+1:])
		}
		from = col.end
		c.positions = append(c.positions, t.suite+": "+col.position)
		c.models = append(c.models, m.name)
	}
	n.parts = append(n.parts, t.sql[from:])
	c.positions, c.models = unique(c.positions), unique(c.models)
	c.steps = []*step{{node: n}}
	return c
}

// unique sorts a list and leaves each element in it once.
func unique(list []string) []string {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return sortedKeys(set)
}
