package session

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign/define"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// intoStatement is CREATE TABLE AS or SELECT INTO whose table is the databackend's: the table is made there with the
// columns of the query, and the query's rows are inserted.
type intoStatement struct {
	defineStatement
	into *pg_query.IntoClause
}

// make carries the statement out.
func (m *intoStatement) make(ctx context.Context, h *homeSide) (string, error) {
	query, err := queryOf(m.st.Span.Of(m.script.Text), m.st.Node)
	if err != nil {
		return "", err
	}
	by, err := m.client(ctx, h)
	if err != nil {
		return "", err
	}
	columns, err := m.columns(ctx, h, query)
	if err != nil {
		return "", unpositioned(err)
	}
	as := m.st.Node.GetCreateTableAsStmt()
	made, err := m.s.cfg.Definer.CreateAs(ctx, by, m.into.Rel, columns, as.GetIfNotExists())
	if err != nil {
		return "", unplaced(m.told(err))
	}
	if made == nil {
		return m.onHome(ctx, h)
	}
	if m.into.SkipData {
		return "CREATE TABLE AS", nil
	}
	tag, err := m.fill(ctx, h, made, columns, query)
	if err != nil {
		if undone := m.s.cfg.Definer.Undo(context.WithoutCancel(ctx), made); undone != nil {
			m.s.log.Warn("a table whose rows could not be inserted is left in the databackend", "reason", undone)
		}
		return "", unpositioned(err)
	}
	return tag, nil
}

// columns are the columns that the query gives, under the names that the statement gives them.
func (m *intoStatement) columns(ctx context.Context, h *homeSide, query string) ([]define.Column, error) {
	own, err := m.s.part(ctx, h, query)
	if err != nil {
		return nil, err
	}
	if err := h.closeStatement(ctx, defineName); err != nil {
		return nil, err
	}
	if err := own.prepare(ctx, h, defineName, nil); err != nil {
		return nil, err
	}
	if len(own.params()) > 0 {
		return nil, coded("0A000", "parameters are not supported in a statement that makes a table of the databackend", "", "Make the table first, then INSERT INTO … SELECT.")
	}
	var out []define.Column
	for i, f := range own.fields() {
		c := define.Column{Name: string(f.Name), Type: dialect.Type{OID: f.DataTypeOID, Mod: f.TypeModifier}}
		if i < len(m.into.ColNames) {
			c.Name = m.into.ColNames[i].GetString_().GetSval()
		}
		out = append(out, c)
	}
	if len(m.into.ColNames) > len(out) {
		return nil, coded("42601", "too many column names were specified", "", "")
	}
	return out, own.drop(ctx, h)
}

// fill inserts the query's rows.
func (m *intoStatement) fill(ctx context.Context, h *homeSide, made *dialect.Table, columns []define.Column, query string) (string, error) {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = sqlparse.QuoteIdentifier(c.Name)
	}
	own, err := m.s.part(ctx, h, "INSERT INTO "+define.Name(made)+" ("+strings.Join(names, ", ")+") "+query)
	if err != nil {
		return "", err
	}
	if err := own.prepare(ctx, h, defineName, nil); err != nil {
		return "", err
	}
	c, err := own.bind(ctx, h, &pgproto3.Bind{DestinationPortal: defineName, PreparedStatement: defineName})
	if err != nil {
		return "", err
	}
	defer c.close()
	tag, err := c.execute(ctx, h, 0)
	if err != nil {
		return "", err
	}
	if c.onHome() {
		if err := h.closePortal(ctx, defineName); err != nil {
			return "", err
		}
	}
	return "SELECT " + tag[strings.LastIndexByte(tag, ' ')+1:], own.drop(ctx, h)
}

// plainStatement is a statement that home alone runs.
type plainStatement struct{ homeText }

func (p *plainStatement) plan() string { return "define" }

// bind implements statement.
func (p *plainStatement) bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	c, err := p.bindOnHome(ctx, h, b, p.plan())
	if err != nil {
		return nil, err
	}
	return c, nil
}

// queryOf cuts the query out of CREATE TABLE AS, between AS and WITH [NO] DATA, or the INTO clause out of SELECT INTO. In
// PostgreSQL's grammar an AS before the query stands in no other place, and INTO of a SELECT only once outside of
// parentheses.
func queryOf(text string, n *pg_query.Node) (string, error) {
	if n.GetCreateTableAsStmt().GetQuery().GetExecuteStmt() != nil {
		return "", coded("0A000", "CREATE TABLE AS EXECUTE cannot make a table of the databackend", "", "Write the query itself: CREATE TABLE … AS SELECT …")
	}
	scanned, err := pg_query.Scan(text)
	if err != nil {
		return "", err
	}
	var tokens []*pg_query.ScanToken
	depth := 0
	for _, t := range scanned.Tokens {
		switch t.Token {
		case pg_query.Token_ASCII_40: // (
			depth++
		case pg_query.Token_ASCII_41: // )
			depth--
		case pg_query.Token_SQL_COMMENT, pg_query.Token_C_COMMENT:
		default:
			if depth == 0 {
				tokens = append(tokens, t)
			}
		}
	}
	if n.GetCreateTableAsStmt() != nil {
		return queryBehindAs(text, tokens)
	}
	return withoutInto(text, tokens)
}

// queryBehindAs is the text from the first AS to the end, or to WITH [NO] DATA there.
func queryBehindAs(text string, tokens []*pg_query.ScanToken) (string, error) {
	for i, t := range tokens {
		if t.Token != pg_query.Token_AS {
			continue
		}
		end := len(text)
		last := tokens[i+1:]
		if n := len(last); n > 1 && last[n-1].Token == pg_query.Token_DATA_P {
			switch {
			case last[n-2].Token == pg_query.Token_WITH:
				end = int(last[n-2].Start)
			case n > 2 && last[n-2].Token == pg_query.Token_NO && last[n-3].Token == pg_query.Token_WITH:
				end = int(last[n-3].Start)
			}
		}
		return text[t.End:end], nil
	}
	return "", coded("XX000", "the query of CREATE TABLE AS was not found", "", "")
}

// withoutInto blanks out INTO [UNLOGGED] [TABLE] name.
func withoutInto(text string, tokens []*pg_query.ScanToken) (string, error) {
	for i, t := range tokens {
		if t.Token != pg_query.Token_INTO {
			continue
		}
		next := i + 1
		for next < len(tokens) && (tokens[next].Token == pg_query.Token_TABLE || tokens[next].Token == pg_query.Token_UNLOGGED) {
			next++
		}
		for next+2 < len(tokens) && tokens[next+1].Token == pg_query.Token_ASCII_46 { // .
			next += 2
		}
		if next >= len(tokens) {
			break
		}
		end := int(tokens[next].End)
		return text[:t.Start] + strings.Repeat(" ", end-int(t.Start)) + text[end:], nil
	}
	return "", coded("XX000", "the INTO clause of SELECT was not found", "", "")
}
