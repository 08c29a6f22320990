package session

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign/define"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// Definer changes the schema of a databackend that is no PostgreSQL. *define.Definer is one.
type Definer interface {
	// Define carries out a statement of DDL and gives its tag; home says that home is to run it.
	Define(ctx context.Context, by define.Client, st define.Statement) (tag string, home bool, err error)
	// CreateAs makes a table for the rows of a query; nil where there is one, and unless says that this is no error.
	CreateAs(ctx context.Context, by define.Client, into *pg_query.RangeVar, columns []define.Column, unless bool) (*dialect.Table, error)
	// Undo removes what CreateAs made.
	Undo(ctx context.Context, made *dialect.Table) error
}

// defineWords are in every statement that may change the databackend's schema.
var defineWords = []string{"create", "alter", "drop", "into"}

// mayDefine reports whether a text may change the databackend's schema.
func (s *session) mayDefine(text []byte) bool {
	return s.cfg.Definer != nil && sqlparse.HoldsAny(text, defineWords)
}

// defines reports whether a script may change the databackend's schema.
func (s *session) defines(script *sqlparse.Script) bool {
	if s.cfg.Definer == nil {
		return false
	}
	for _, st := range script.Statements {
		if st.Node != nil && (define.Concerns(st.Node) || define.IntoTable(st.Node) != nil) {
			return true
		}
	}
	return false
}

// definition makes the statement of one that may change the databackend's schema; nil for any other.
func (s *session) definition(script *sqlparse.Script, st *sqlparse.Statement) statement {
	if s.cfg.Definer == nil || st.Node == nil {
		return nil
	}
	d := defineStatement{s: s, script: script, st: st}
	if define.Concerns(st.Node) {
		d.run = d.define
		return &d
	}
	if into := define.IntoTable(st.Node); into != nil {
		m := &intoStatement{defineStatement: d, into: into}
		m.run = m.make
		return m
	}
	return nil
}

// defineStatement is a statement of DDL on a databackend, or on home after all.
type defineStatement struct {
	s      *session
	script *sqlparse.Script
	st     *sqlparse.Statement
	run    func(ctx context.Context, h *homeSide) (tag string, err error)
}

func (d *defineStatement) params() []uint32                                           { return nil }
func (d *defineStatement) fields() []pgproto3.FieldDescription                        { return nil }
func (d *defineStatement) prepare(context.Context, *homeSide, string, []uint32) error { return nil }
func (d *defineStatement) renew(context.Context, *homeSide) error                     { return nil }
func (d *defineStatement) drop(context.Context, *homeSide) error                      { return nil }
func (d *defineStatement) plan() string                                               { return "define" }

// bind implements statement.
func (d *defineStatement) bind(context.Context, *homeSide, *pgproto3.Bind) (cursor, error) {
	return &commandCursor{kind: d.plan(), run: d.run}, nil
}

// define has the databackend carry the statement out, or home.
func (d *defineStatement) define(ctx context.Context, h *homeSide) (string, error) {
	by, err := d.client(ctx, h)
	if err != nil {
		return "", err
	}
	tag, home, err := d.s.cfg.Definer.Define(ctx, by, define.Statement{Text: d.st.Span.Of(d.script.Text), Node: d.st.Node})
	if err != nil {
		return "", d.told(err)
	}
	if home {
		return d.onHome(ctx, h)
	}
	return tag, nil
}

// client says who sends the statement.
func (d *defineStatement) client(ctx context.Context, h *homeSide) (by define.Client, err error) {
	by.Block = h.x.InBlock() || !h.alone
	q := stream.Query{Text: "SELECT CURRENT_USER, pg_catalog.current_setting('search_path'), coalesce(pg_catalog.current_setting('pinnacle.ddl_in_transactions', true), '') = 'immediate'"}
	err = h.rows(ctx, q, func(v [][]byte) error {
		by.Role, by.SearchPath, by.Immediate = string(v[0]), string(v[1]), string(v[2]) == "t"
		return nil
	})
	return by, unpositioned(err)
}

// defineName is the name on home of statements of DDL that it runs itself.
const defineName = "pinnacle_define"

// onHome has home run the statement.
func (d *defineStatement) onHome(ctx context.Context, h *homeSide) (string, error) {
	t := homeText{text: d.st.Span.Of(d.script.Text)}
	tag, err := t.run(ctx, h, defineName)
	return tag, repositioned(err, t.text, d.script.Text, func(at int) int { return d.st.Span.Start + at })
}

// run runs a text without parameters to its end, under a name that it takes on home for the time, and gives its tag.
func (t *homeText) run(ctx context.Context, h *homeSide, name string) (string, error) {
	if err := h.closeStatement(ctx, name); err != nil {
		return "", err
	}
	if err := t.prepare(ctx, h, name, nil); err != nil {
		return "", err
	}
	c, err := t.bindOnHome(ctx, h, &pgproto3.Bind{DestinationPortal: name, PreparedStatement: name}, "define")
	if err != nil {
		return "", err
	}
	tag, err := c.execute(ctx, h, 0)
	if err != nil {
		return "", err
	}
	if err := h.closePortal(ctx, name); err != nil {
		return "", err
	}
	return tag, h.closeStatement(ctx, name)
}

// told makes of a Definer's error what the client is told.
func (d *defineStatement) told(err error) error {
	var local *pgconn.PgError
	var engine *backend.Error
	switch {
	case errors.As(err, &engine):
		e := coded(engine.Code, engine.Message, engine.Detail, engine.Hint)
		e.Response.SchemaName, e.Response.TableName = engine.Schema, engine.Table
		e.Response.ColumnName, e.Response.ConstraintName = engine.Column, engine.Constraint
		return e
	case errors.As(err, &local):
		e := coded(local.Code, local.Message, local.Detail, local.Hint)
		e.Response.SchemaName, e.Response.TableName = local.SchemaName, local.TableName
		e.Response.ColumnName, e.Response.ConstraintName, e.Response.DataTypeName = local.ColumnName, local.ConstraintName, local.DataTypeName
		if local.Position > 0 {
			at := sqlparse.ByteOffset(d.st.Span.Of(d.script.Text), int(local.Position))
			e.Response.Position = charPosition(d.script.Text, d.st.Span.Start+at)
		}
		return e
	}
	return err
}
