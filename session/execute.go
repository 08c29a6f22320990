package session

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// ofExecute makes the statement of an EXECUTE that concerns the proxy, also in CREATE TABLE AS and EXPLAIN; nil for any
// other statement.
func (s *session) ofExecute(script *sqlparse.Script, st *sqlparse.Statement) (statement, error) {
	if len(st.Calls) > 0 {
		e, err := sqlparse.ExecuteIn(script.Text, st.Span, st.Node)
		if e == nil || err != nil {
			return nil, err
		}
		return &argumentsStatement{s: s, script: script, st: st, execute: e}, nil
	}
	if p := s.executed(st.Node); p != nil {
		return &predictStatement{s: s, text: script.Text, span: st.Span, executes: p}, nil
	}
	if s.madeBy(st.Node) {
		return s.making(script, st.Span, st.Node)
	}
	return nil, nil
}

// argumentsStatement is an EXECUTE with predict in its arguments, which home has no way to look up: a query gives their
// values first, and home gets these.
type argumentsStatement struct {
	s       *session
	script  *sqlparse.Script
	st      *sqlparse.Statement
	execute *sqlparse.Execute
	// inner is the statement without these arguments, for what it is.
	inner statement
}

func (a *argumentsStatement) params() []uint32                    { return a.inner.params() }
func (a *argumentsStatement) fields() []pgproto3.FieldDescription { return a.inner.fields() }
func (a *argumentsStatement) plan() string                        { return "execute" }
func (a *argumentsStatement) renew(ctx context.Context, h *homeSide) error {
	return a.inner.renew(ctx, h)
}
func (a *argumentsStatement) drop(ctx context.Context, h *homeSide) error {
	return a.inner.drop(ctx, h)
}

// prepare implements statement. PostgreSQL looks at the arguments only when it runs the statement.
func (a *argumentsStatement) prepare(ctx context.Context, h *homeSide, name string, declared []uint32) error {
	var err error
	if a.inner, err = a.with(ctx, h, nil); err != nil {
		return err
	}
	return a.inner.prepare(ctx, h, name, declared)
}

// asked lists the arguments with calls.
func (a *argumentsStatement) asked() []int {
	var list []int
	for i, n := range a.execute.Params {
		if sqlparse.HasCall(n, a.st.Calls) {
			list = append(list, i)
		}
	}
	return list
}

// check refuses what a query takes among the arguments, and EXECUTE does not (EXPR_KIND_EXECUTE_PARAMETER in parse_expr.c,
// parse_agg.c and parse_func.c).
func (a *argumentsStatement) check(ctx context.Context, h *homeSide) error {
	for _, i := range a.asked() {
		n, at := a.execute.Params[i], a.execute.ParamSpans[i].Start
		kinds, err := a.s.catalog(ctx, h).FunctionKinds(sqlparse.FunctionNames(n, a.st.Calls))
		if err != nil {
			return err
		}
		refused := ""
		sqlparse.Walk(n, func(n *pg_query.Node) bool {
			if l := n.GetSubLink(); l != nil && refused == "" {
				refused, at = "0A000 cannot use subquery in EXECUTE parameter", int(l.Location)
			}
			return refused == ""
		})
		for _, kind := range kinds {
			switch {
			case refused != "":
			case kind == sqlparse.AggregateFunction:
				refused = "42803 aggregate functions are not allowed in EXECUTE parameters"
			case kind == sqlparse.WindowFunction:
				refused = "42P20 window functions are not allowed in EXECUTE parameters"
			case kind == sqlparse.SetFunction:
				refused = "0A000 set-returning functions are not allowed in EXECUTE parameters"
			}
		}
		if code, message, is := strings.Cut(refused, " "); is {
			return &sqlparse.Error{Code: code, Message: message, Position: at}
		}
	}
	return nil
}

// with makes the statement with values in place of the arguments that have calls; nil stands for values that are not known.
func (a *argumentsStatement) with(ctx context.Context, h *homeSide, values []string) (statement, error) {
	edits := []sqlparse.Edit{}
	for j, i := range a.asked() {
		value := "NULL"
		if values != nil {
			value = values[j]
		}
		span := a.execute.ParamSpans[i]
		edits = append(edits, sqlparse.Edit{Span: sqlparse.Span{Start: span.Start - a.st.Span.Start, End: span.End - a.st.Span.Start}, Text: value})
	}
	spliced, err := sqlparse.Splice(a.st.Span.Of(a.script.Text), edits)
	if err != nil {
		return nil, err
	}
	return a.s.part(ctx, h, spliced.Text)
}

// executeName is the name on home of the statement with the values, argumentsName that of the query that gives them.
const (
	executeName   = "pinnacle_execute"
	argumentsName = "pinnacle_arguments"
)

// bind implements statement.
func (a *argumentsStatement) bind(_ context.Context, _ *homeSide, b *pgproto3.Bind) (cursor, error) {
	fields, _, err := withFormats(a.fields(), b.ResultFormatCodes)
	if err != nil {
		return nil, err
	}
	return &argumentsCursor{a: a, bound: *b, described: fields}, nil
}

// argumentsCursor is a portal over an argumentsStatement: run is that of the statement with the values, once it runs.
type argumentsCursor struct {
	a         *argumentsStatement
	bound     pgproto3.Bind
	described []pgproto3.FieldDescription
	run       cursor
}

func (c *argumentsCursor) fields() []pgproto3.FieldDescription { return c.described }
func (c *argumentsCursor) onHome() bool                        { return true }
func (c *argumentsCursor) plan() string                        { return c.a.plan() }

func (c *argumentsCursor) close() {
	if c.run != nil {
		c.run.close()
	}
}

// execute implements cursor.
func (c *argumentsCursor) execute(ctx context.Context, h *homeSide, limit int64) (string, error) {
	if c.run == nil {
		if err := c.begin(ctx, h); err != nil {
			return "", err
		}
	}
	return c.run.execute(ctx, h, limit)
}

// begin has the arguments evaluated and binds the statement with their values.
func (c *argumentsCursor) begin(ctx context.Context, h *homeSide) error {
	if err := c.a.check(ctx, h); err != nil {
		return err
	}
	values, err := c.a.values(ctx, h)
	if err != nil {
		return err
	}
	own, err := c.a.with(ctx, h, values)
	if err != nil {
		return err
	}
	if err := h.closeStatement(ctx, executeName); err != nil {
		return err
	}
	if err := own.prepare(ctx, h, executeName, nil); err != nil {
		return unplaced(err)
	}
	b := c.bound
	b.PreparedStatement = executeName
	c.run, err = own.bind(ctx, h, &b)
	return unplaced(err)
}

// values has the arguments with calls evaluated, and gives each as a constant.
func (a *argumentsStatement) values(ctx context.Context, h *homeSide) ([]string, error) {
	var exprs []string
	for _, i := range a.asked() {
		exprs = append(exprs, a.execute.ParamSpans[i].Of(a.script.Text))
	}
	own, err := a.s.part(ctx, h, "SELECT "+strings.Join(exprs, ", "))
	if err != nil {
		return nil, unplaced(err)
	}
	query, ok := own.(*predictStatement)
	if !ok {
		return nil, fmt.Errorf("the arguments of EXECUTE are no query with predict")
	}
	if err := h.closeStatement(ctx, argumentsName); err != nil {
		return nil, err
	}
	if err := query.prepare(ctx, h, argumentsName, nil); err != nil {
		return nil, unplaced(err)
	}
	formats := make([]int16, len(exprs))
	for i, f := range query.fields() {
		if exactInBinary(f.DataTypeOID) {
			formats[i] = pgvalue.BinaryFormat
		}
	}
	c, err := query.bind(ctx, h, &pgproto3.Bind{DestinationPortal: argumentsName, PreparedStatement: argumentsName, ResultFormatCodes: formats})
	if err != nil {
		return nil, unplaced(err)
	}
	defer c.close()
	row, err := onlyRow(ctx, h, c)
	if err != nil {
		return nil, unplaced(err)
	}
	if err := h.closePortal(ctx, argumentsName); err != nil {
		return nil, err
	}
	if err := query.drop(ctx, h); err != nil {
		return nil, err
	}
	return constants(ctx, h, query.fields(), row)
}

// exactInBinary reports whether a type's text is not exact under every setting.
func exactInBinary(oid uint32) bool { return oid == udf.Float8.OID() || oid == udf.Float4.OID() }

// constants writes values as constants of their columns' types.
func constants(ctx context.Context, h *homeSide, fields []pgproto3.FieldDescription, row [][]byte) ([]string, error) {
	if len(row) != len(fields) {
		return nil, fmt.Errorf("home gave %d values for %d arguments of EXECUTE", len(row), len(fields))
	}
	var list []string
	for i, f := range fields {
		value := "NULL"
		switch {
		case row[i] == nil:
		case exactInBinary(f.DataTypeOID):
			text, err := printed(f.DataTypeOID, row[i])
			if err != nil {
				return nil, err
			}
			value = "'" + text + "'"
		default:
			value = sqlparse.QuoteLiteral(string(row[i]))
		}
		q := stream.Query{Text: fmt.Sprintf("SELECT pg_catalog.format_type(%d::pg_catalog.oid, %d)", f.DataTypeOID, f.TypeModifier)}
		err := h.rows(ctx, q, func(v [][]byte) error {
			list = append(list, "CAST("+value+" AS "+string(v[0])+")")
			return nil
		})
		if err != nil {
			return nil, unpositioned(err)
		}
	}
	return list, nil
}

// printed is the shortest text of a float in binary form that stands for it exactly.
func printed(oid uint32, value []byte) (string, error) {
	t := udf.TypeOfOID(oid)
	d, err := pgvalue.NewDecoder(oid, t)
	if err != nil {
		return "", err
	}
	c := udf.Column{Type: t}
	if err := d.Append(&c, value); err != nil {
		return "", err
	}
	text, err := pgvalue.AppendText(nil, &c, 0, 1)
	return string(text), err
}

// oneRow is a sink that keeps a row.
type oneRow struct{ values [][]byte }

// Row implements stream.Sink.
func (o *oneRow) Row(values [][]byte) error {
	o.values = make([][]byte, len(values))
	for i, v := range values {
		if v != nil {
			o.values[i] = append([]byte{}, v...)
		}
	}
	return nil
}

// Flush implements stream.Sink.
func (o *oneRow) Flush() error { return nil }

// onlyRow runs a query that gives one row.
func onlyRow(ctx context.Context, h *homeSide, c cursor) ([][]byte, error) {
	one := &oneRow{}
	switch c := c.(type) {
	case *predictCursor:
		_, err := c.emit(ctx, h, 0, one)
		return one.values, err
	case *shipCursor:
		if err := c.run(ctx, h, true); err != nil {
			return nil, err
		}
		_, _, err := c.held.give(func(typ byte, body []byte) error {
			if typ != 'D' {
				h.x.ReplyRaw(typ, body)
				return nil
			}
			if err := h.split(body); err != nil {
				return err
			}
			return one.Row(h.values)
		}, 0)
		return one.values, err
	}
	return nil, fmt.Errorf("a query with predict has no rows here")
}

// making is CREATE TABLE … AS EXECUTE of a statement that the proxy holds.
func (s *session) making(script *sqlparse.Script, span sqlparse.Span, n *pg_query.Node) (*predictStatement, error) {
	e, err := sqlparse.ExecuteIn(script.Text, span, n)
	if err != nil {
		return nil, err
	}
	held, _ := s.statements[e.Name].(*predictStatement)
	if held == nil || held.executes != nil {
		return nil, &sqlparse.Error{Code: "0A000", Message: "CREATE TABLE AS EXECUTE is not supported for this prepared statement", Position: e.NameSpan.Start,
			Hint: "Write the query itself: CREATE TABLE … AS SELECT …"}
	}
	text := script.Text[span.Start:e.NameSpan.Start] + makeName + script.Text[e.NameSpan.End:span.End]
	return &predictStatement{s: s, text: script.Text, span: span, executes: held, makes: text}, nil
}

// makeName is the name on home of a prepared query of which a table is made.
const makeName = "pinnacle_make"

// prepareMaking prepares a statement that makes a table of what another gives. That one is prepared once more, to be run in
// rounds, since home writes its rows.
func (p *predictStatement) prepareMaking(ctx context.Context, h *homeSide) error {
	if err := p.executes.renew(ctx, h); err != nil {
		return err
	}
	query := p.s.predict(p.executes.text, p.executes.span, p.executes.node, p.executes.call)
	query.views = p.executes.views
	err := query.replanShip(ctx, h, func(home string) (*described, error) {
		if err := h.closeStatement(ctx, makeName); err != nil {
			return nil, err
		}
		return h.prepare(ctx, makeName, home, p.executes.params())
	})
	if err != nil {
		return unplaced(err)
	}
	d, err := h.prepare(ctx, p.name, p.makes, p.declared)
	if err != nil {
		return unplaced(err)
	}
	plan := *query.ship
	plan.Writes, plan.Demand, plan.Names = true, "", nil
	p.describeShip(&plan, d)
	return nil
}
