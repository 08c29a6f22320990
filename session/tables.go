package session

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// tableStatement is a statement that reads tables of the schema pinnacle. Home gets it with each such table replaced by
// jsonb_to_recordset over the table's content: a parameter behind the client's own, which is filled anew whenever the
// statement is bound, so that a prepared statement does not read old content.
type tableStatement struct {
	homeText
	s       *session
	origin  func(pos int) int
	client  string
	tables  []string // by parameter
	clients int      // number of the client's own parameters
	// literal writes the content into the text: beside predict calls, whose statement is planned as any other then.
	literal bool
}

func (t *tableStatement) plan() string     { return "table" }
func (t *tableStatement) params() []uint32 { return t.home.params[:min(t.clients, len(t.home.params))] }

// overTables makes the statement of one that names tables of the schema pinnacle.
func (s *session) overTables(script *sqlparse.Script, st *sqlparse.Statement) (statement, error) {
	for _, r := range st.Relations {
		if r.Target {
			return nil, &sqlparse.Error{Code: "42809", Message: fmt.Sprintf("%q is a table of the proxy and cannot be changed", "pinnacle."+r.Name), Position: r.Span.Start,
				Hint: "Components are changed by CREATE, ALTER and DROP MODEL, LISTENER and so on."}
		}
	}
	if what := keeps(st.Node); what != "" {
		return nil, &sqlparse.Error{Code: "0A000", Message: "a table of the schema pinnacle cannot be read by " + what, Position: st.Relations[0].Span.Start,
			Detail: "The statement would keep the content that the table has now."}
	}
	t := &tableStatement{s: s, client: script.Text, clients: maxParam(st.Node), literal: len(st.Calls) > 0}
	var edits []sqlparse.Edit
	for _, r := range st.Relations {
		e, err := t.edit(r)
		if err != nil {
			return nil, err
		}
		edits = append(edits, e)
		if r.Table != (sqlparse.Span{}) { // TABLE pinnacle.models
			edits = append(edits, sqlparse.Edit{Span: r.Table, Text: "SELECT * FROM"})
		}
	}
	spliced, err := sqlparse.Splice(script.Text, edits)
	if err != nil {
		return nil, err
	}
	start, end := st.Span.Start, len(spliced.Text)-(len(script.Text)-st.Span.End)
	t.text = spliced.Text[start:end]
	t.origin = func(pos int) int { return spliced.Original(start + pos) }
	if t.literal {
		return s.again(t.text)
	}
	return t, nil
}

// again makes the statement of a text that was rewritten.
func (s *session) again(text string) (statement, error) {
	script, err := sqlparse.Parse(text, s.cfg.Parse)
	if err != nil {
		return nil, err
	}
	if len(script.Statements) != 1 {
		return nil, fmt.Errorf("a rewritten statement became %d statements", len(script.Statements))
	}
	return s.statementOf(script, script.Statements[0])
}

// edit replaces one reference to a table.
func (t *tableStatement) edit(r sqlparse.Relation) (sqlparse.Edit, error) {
	if r.Column {
		return sqlparse.Edit{Span: r.Span}, nil
	}
	columns, err := t.s.cfg.Datalayer.TableColumns(r.Name)
	if err != nil {
		return sqlparse.Edit{}, err
	}
	t.tables = append(t.tables, r.Name)
	source := fmt.Sprintf("$%d", t.clients+len(t.tables))
	if t.literal {
		content, err := t.s.tableContent(context.Background(), r.Name)
		if err != nil {
			return sqlparse.Edit{}, err
		}
		source = sqlparse.QuoteLiteral(string(content))
	}
	text := "(SELECT * FROM pg_catalog.jsonb_to_recordset(" + source + "::jsonb) AS t("
	for i, c := range columns {
		if i > 0 {
			text += ", "
		}
		text += sqlparse.QuoteIdentifier(c.Name) + " " + c.Type
	}
	text += "))"
	if !r.Aliased {
		text += " AS " + sqlparse.QuoteIdentifier(r.Name)
	}
	return sqlparse.Edit{Span: r.Span, Text: text}, nil
}

// keeps names a statement that would keep a table's content beyond its own run.
func keeps(n *pg_query.Node) string {
	switch n.GetNode().(type) {
	case *pg_query.Node_ViewStmt:
		return "CREATE VIEW"
	case *pg_query.Node_RuleStmt:
		return "CREATE RULE"
	case *pg_query.Node_CreateFunctionStmt:
		return "CREATE FUNCTION"
	case *pg_query.Node_DeclareCursorStmt:
		return "DECLARE CURSOR"
	case *pg_query.Node_PrepareStmt:
		return "PREPARE"
	case *pg_query.Node_CopyStmt:
		return "COPY"
	case *pg_query.Node_CreateTableAsStmt:
		if n.GetCreateTableAsStmt().GetObjtype() == pg_query.ObjectType_OBJECT_MATVIEW {
			return "CREATE MATERIALIZED VIEW"
		}
	case *pg_query.Node_ExplainStmt:
		return keeps(n.GetExplainStmt().GetQuery())
	}
	return ""
}

// maxParam is the highest number of a $n in a tree.
func maxParam(n *pg_query.Node) int {
	most := 0
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		if p := n.GetParamRef(); p != nil {
			most = max(most, int(p.GetNumber()))
		}
		return true
	})
	return most
}

// prepare implements statement.
func (t *tableStatement) prepare(ctx context.Context, h *homeSide, name string, declared []uint32) error {
	types := make([]uint32, t.clients+len(t.tables))
	copy(types, declared)
	for i := range t.tables {
		types[t.clients+i] = udf.JSONB.OID()
	}
	err := t.homeText.prepare(ctx, h, name, types)
	if t.origin == nil {
		return unpositioned(err)
	}
	return repositioned(err, t.text, t.client, t.origin)
}

// bind implements statement.
func (t *tableStatement) bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	own := *b
	n := len(b.Parameters)
	own.Parameters = append([][]byte(nil), b.Parameters...)
	own.ParameterFormatCodes = nil
	for i := range n {
		code := int16(0)
		switch len(b.ParameterFormatCodes) {
		case 0:
		case 1:
			code = b.ParameterFormatCodes[0]
		default:
			if i < len(b.ParameterFormatCodes) {
				code = b.ParameterFormatCodes[i]
			}
		}
		own.ParameterFormatCodes = append(own.ParameterFormatCodes, code)
	}
	for _, name := range t.tables {
		content, err := t.s.tableContent(ctx, name)
		if err != nil {
			return nil, err
		}
		own.Parameters = append(own.Parameters, content)
		own.ParameterFormatCodes = append(own.ParameterFormatCodes, 0)
	}
	return t.bindOnHome(ctx, h, &own, t.plan())
}

// tableContent is a table of the schema pinnacle as a JSON array of objects.
func (s *session) tableContent(ctx context.Context, name string) ([]byte, error) {
	table, err := s.cfg.Datalayer.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	rows := make([]map[string]any, 0, len(table.Rows))
	for _, r := range table.Rows {
		row := make(map[string]any, len(r))
		for i, v := range r {
			if at, ok := v.(time.Time); ok {
				v = at.UTC().Format(time.RFC3339Nano)
			}
			row[table.Columns[i].Name] = v
		}
		rows = append(rows, row)
	}
	return json.Marshal(rows)
}

// listing says which table of the schema pinnacle a SHOW reads, which of its columns, and which of them LIKE compares.
type listing struct{ table, columns, like string }

// shown are the listings, by what SHOW lists.
func shown(what string) listing {
	const kind = "name, version, owner, definition, used_by, created_at"
	switch what {
	case "models":
		return listing{what, "name, version, runtime, arguments, returns, created_at", "name"}
	case "artifacts":
		return listing{what, "digest, bytes, models, created_at", "digest"}
	case "jobs":
		return listing{what, "id, kind, component, state, percent, rows_done, rows_total, seconds_left, error, created_at", "component"}
	case "components":
		return listing{what, "name, kind, version, is_default, owner, used_by, created_at", "name"}
	case "metrics":
		return listing{"metric_definitions", kind, "name"}
	case "views":
		return listing{what, "name, schema, kind, calls, owner", "name"}
	case "datasets", "secrets":
		return listing{what, kind, "name"}
	}
	return listing{what, "*", "name"}
}

// show is SHOW: a query on the table.
func (s *session) show(c *sqlparse.Show) (statement, error) {
	what := shown(c.What)
	if _, err := s.cfg.Datalayer.TableColumns(what.table); err != nil {
		return nil, coded("0A000", "SHOW "+words(c.What)+" is not supported by this proxy", "", "")
	}
	t := &tableStatement{s: s}
	e, err := t.edit(sqlparse.Relation{Name: what.table})
	if err != nil {
		return nil, err
	}
	t.text = "SELECT " + what.columns + " FROM " + e.Text
	if c.Like != nil {
		t.text += " WHERE " + what.like + " LIKE " + sqlparse.QuoteLiteral(*c.Like)
	}
	t.text += " ORDER BY 1, 2, 3"
	return t, nil
}

// listStatement gives a list of properties: DESCRIBE MODEL, EXPLAIN CREATE MODEL.
type listStatement struct {
	homeText
	s    *session
	list func(ctx context.Context, h *homeSide) ([][2]string, error)
	// columns are the names of the two columns; property and value where they are "".
	columns [2]string
}

func (l *listStatement) plan() string     { return "component" }
func (l *listStatement) params() []uint32 { return nil }

// prepare implements statement.
func (l *listStatement) prepare(ctx context.Context, h *homeSide, name string, _ []uint32) error {
	columns := cmp.Or(l.columns[0], "property") + ", " + cmp.Or(l.columns[1], "value")
	l.text = "SELECT " + columns + " FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS t(" + columns + ")"
	return unpositioned(l.homeText.prepare(ctx, h, name, []uint32{udf.Text.ArrayOID(), udf.Text.ArrayOID()}))
}

// bind implements statement.
func (l *listStatement) bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	list, err := l.list(ctx, h)
	if err != nil {
		return nil, err
	}
	own := *b
	own.Parameters, own.ParameterFormatCodes = nil, []int16{1}
	for side := range 2 {
		texts := make([]string, len(list))
		for i := range list {
			texts[i] = list[i][side]
		}
		v, err := textArray(texts)
		if err != nil {
			return nil, err
		}
		own.Parameters = append(own.Parameters, v)
	}
	return l.bindOnHome(ctx, h, &own, l.plan())
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
