package session

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// commandCursor is a portal that runs a command without rows.
type commandCursor struct {
	kind string
	run  func(ctx context.Context, h *homeSide) (tag string, err error)
	ran  bool
}

func (c *commandCursor) fields() []pgproto3.FieldDescription { return nil }
func (c *commandCursor) onHome() bool                        { return false }
func (c *commandCursor) close()                              {}
func (c *commandCursor) plan() string                        { return c.kind }

// execute implements cursor.
func (c *commandCursor) execute(ctx context.Context, h *homeSide, _ int64) (string, error) {
	if c.ran {
		return "", coded("55000", "portal cannot be run again", "", "")
	}
	c.ran = true
	return c.run(ctx, h)
}

// componentStatement is a command of the component DDL that gives no rows.
type componentStatement struct {
	s *session
	// what names the command for messages, alone says that it cannot be part of a transaction.
	what string
	run  func(ctx context.Context, h *homeSide) (tag string, err error)
}

func (c *componentStatement) params() []uint32                                           { return nil }
func (c *componentStatement) fields() []pgproto3.FieldDescription                        { return nil }
func (c *componentStatement) prepare(context.Context, *homeSide, string, []uint32) error { return nil }
func (c *componentStatement) renew(context.Context, *homeSide) error                     { return nil }
func (c *componentStatement) drop(context.Context, *homeSide) error                      { return nil }
func (c *componentStatement) plan() string                                               { return "component" }

func (c *componentStatement) bind(context.Context, *homeSide, *pgproto3.Bind) (cursor, error) {
	return &commandCursor{kind: "component", run: c.execute}, nil
}

// execute runs the command outside any transaction: the metadata store's change is durable at once and could not be
// rolled back with home's.
func (c *componentStatement) execute(ctx context.Context, h *homeSide) (string, error) {
	switch {
	case h.x.TxStatus() == 'E':
		return "", errAborted()
	case h.x.TxStatus() == 'T' || h.x.InBatch():
		return "", insideBlock(c.what)
	}
	return c.run(ctx, h)
}

// component makes the statement for one of the component DDL.
func (s *session) component(script *sqlparse.Script, st *sqlparse.Statement) (statement, error) {
	if len(script.Statements) > 1 {
		if what := changes(st.Component); what != "" {
			return nil, &sqlparse.Error{Code: "25001", Message: what + " cannot run inside a transaction block", Position: st.Span.Start,
				Detail: "The statements of one query are one transaction.", Hint: "Send it by itself."}
		}
	}
	switch c := st.Component.(type) {
	case sqlparse.Create:
		return s.create(script.Text, c)
	case *sqlparse.Alter:
		return s.command(changes(c), func(ctx context.Context, h *homeSide) (string, error) { return changes(c), s.alter(ctx, h, c) }), nil
	case *sqlparse.Drop:
		return s.command(changes(c), func(ctx context.Context, h *homeSide) (string, error) { return changes(c), s.dropComponent(ctx, h, c) }), nil
	case *sqlparse.Grant:
		return s.command(changes(c), func(ctx context.Context, h *homeSide) (string, error) { return changes(c), s.grant(ctx, h, c) }), nil
	case *sqlparse.CopyArtifact:
		return s.command("COPY pinnacle.artifacts", s.copyArtifact), nil
	case *sqlparse.ValidateModel:
		return s.validate(script, st, c)
	case *sqlparse.FunctionCall:
		return s.functionCall(script, st, c)
	case *sqlparse.Show:
		return s.show(c)
	case *sqlparse.Describe:
		return &listStatement{s: s, list: func(ctx context.Context, h *homeSide) ([][2]string, error) {
			if c.Kind == "view" {
				return s.describeView(ctx, h, c)
			}
			list, err := s.describeComponent(c)
			if err != nil {
				return nil, err
			}
			return s.usedByViews(ctx, h, c, list)
		}}, nil
	case *sqlparse.ExplainCreate:
		return &listStatement{s: s, list: func(ctx context.Context, h *homeSide) ([][2]string, error) {
			return s.dryRun(ctx, h, script.Text, c.Create)
		}}, nil
	case *sqlparse.RefreshListener:
		return s.command("REFRESH LISTENER", func(ctx context.Context, h *homeSide) (string, error) {
			_, err := s.call(ctx, h, "refresh", []*string{&c.Name.Name})
			return "REFRESH LISTENER", err
		}), nil
	}
	return nil, fmt.Errorf("component statement %T is not known here", st.Component)
}

func (s *session) command(what string, run func(context.Context, *homeSide) (string, error)) *componentStatement {
	return &componentStatement{s: s, what: what, run: run}
}

// changes names a command that changes components; "" for one that only reads.
func changes(c sqlparse.Component) string {
	switch c := c.(type) {
	case sqlparse.Create:
		return "CREATE " + words(c.Kind())
	case *sqlparse.Alter:
		return "ALTER " + words(c.Kind)
	case *sqlparse.Drop:
		return "DROP " + words(c.Kind)
	case *sqlparse.Grant:
		if c.Revoke {
			return "REVOKE"
		}
		return "GRANT"
	case *sqlparse.RefreshListener:
		return "REFRESH LISTENER"
	case *sqlparse.FunctionCall:
		if c.Name != "show" && c.Name != "validate" {
			return "pinnacle." + c.Name
		}
	case *sqlparse.CopyArtifact:
		return "COPY pinnacle.artifacts"
	}
	return ""
}

// words is a kind of component as SQL writes it.
func words(kind string) string { return strings.ToUpper(component.Words(kind)) }

func (h *homeSide) notice(message string) {
	if message != "" {
		h.x.Reply(&pgproto3.NoticeResponse{Severity: "NOTICE", SeverityUnlocalized: "NOTICE", Code: "00000", Message: message})
	}
}
