package foreign

import (
	"strconv"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// What ANALYZE asks before it reads rows (contrib/postgres_fdw/deparse.c, deparseAnalyzeSizeSql and deparseAnalyzeInfoSql).
const (
	sizeBegin  = "SELECT pg_catalog.pg_relation_size("
	sizeEnd    = "::pg_catalog.regclass) / 8192"
	countBegin = "SELECT reltuples, relkind FROM pg_catalog.pg_class WHERE oid = "
	countEnd   = "::pg_catalog.regclass"
	// relkindView is told for every relation: of a view PostgreSQL takes its sample by random(), not by TABLESAMPLE.
	relkindView = "v"
	// pageSize is PostgreSQL's BLCKSZ.
	pageSize = 8192
)

// analysis understands what ANALYZE asks beside rows; ok is false for other texts.
func (s *Server) analysis(text string, catalog *schema) (st *Statement, ok bool, err error) {
	if name, is := between(text, sizeBegin, sizeEnd); is {
		table, err := namedTable(name, catalog)
		if err != nil {
			return nil, true, err
		}
		width := 24 // a tuple's header
		for _, c := range table.Columns {
			width += typeWidth(c.Type)
		}
		pages := int64(tableRows(table)*float64(width)/pageSize) + 1
		return fixed(text, []dialect.Type{{OID: 20, Mod: -1}}, strconv.FormatInt(pages, 10)), true, nil
	}
	if name, is := between(text, countBegin, countEnd); is {
		table, err := namedTable(name, catalog)
		if err != nil {
			return nil, true, err
		}
		return fixed(text, []dialect.Type{{OID: 700, Mod: -1}, {OID: 18, Mod: -1}},
			strconv.FormatFloat(max(-1, table.Rows), 'g', -1, 32), relkindView), true, nil
	}
	return nil, false, nil
}

// fixed is a statement of one row that is known.
func fixed(text string, columns []dialect.Type, values ...string) *Statement {
	row := make([][]byte, len(values))
	for i, v := range values {
		row[i] = []byte(v)
	}
	return &Statement{Text: text, Columns: columns, tree: &dialect.Select{}, fixed: [][][]byte{row}}
}

// between is what stands between a text's begin and end.
func between(text, begin, end string) (string, bool) {
	inner, ok := strings.CutPrefix(text, begin)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(inner, end)
}

// namedTable finds the table that a literal names as schema.table, each part quoted where need be.
func namedTable(literal string, catalog *schema) (*dialect.Table, error) {
	name := literal
	if escaped, ok := strings.CutPrefix(name, "E"); ok {
		name = strings.ReplaceAll(escaped, `\\`, `\`)
	}
	name = strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(name, "'"), "'"), "''", "'")
	first, rest := takeName(name)
	rest, dot := strings.CutPrefix(rest, ".")
	second, end := takeName(rest)
	if dot && end == "" {
		if t := catalog.Table(first, second); t != nil {
			return t, nil
		}
	}
	return nil, &backend.Error{Code: codeUndefinedTable, Message: "relation " + name + " does not exist"}
}

// takeName takes a name off the front.
func takeName(text string) (name, rest string) {
	if !strings.HasPrefix(text, `"`) {
		i := strings.IndexByte(text, '.')
		if i < 0 {
			i = len(text)
		}
		return text[:i], text[i:]
	}
	for i := 1; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		if i+1 < len(text) && text[i+1] == '"' {
			i++
			continue
		}
		return strings.ReplaceAll(text[1:i], `""`, `"`), text[i+1:]
	}
	return text, ""
}

// sampling takes the sample that ANALYZE asks for off a Select: TABLESAMPLE, or a condition on random(). The share is 0
// where it asks for none.
func sampling(tree *dialect.Select) (rest *dialect.Select, share float64) {
	r, ok := tree.From.(*dialect.Relation)
	if !ok {
		return tree, 0
	}
	out := *tree
	if r.Sample != nil {
		if percent, ok := number(r.Sample.Percent); ok {
			plain := *r
			plain.Sample = nil
			out.From = &plain
			return &out, percent / 100
		}
	}
	if len(tree.Where) != 1 {
		return tree, 0
	}
	op, isOp := tree.Where[0].(*dialect.Operator)
	if !isOp || op.Name != "<" {
		return tree, 0
	}
	call, isCall := op.Left.(*dialect.Call)
	below, isNumber := number(op.Right)
	if !isCall || !isNumber || call.Name != "random" || len(call.Args) > 0 {
		return tree, 0
	}
	out.Where = nil
	return &out, below
}

// number reads a constant that is a positive number.
func number(e dialect.Expr) (float64, bool) {
	c, ok := stripCast(e).(*dialect.Constant)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseFloat(c.Text, 64)
	return n, err == nil && n > 0
}
