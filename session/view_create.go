package session

import (
	"context"

	"github.com/jackc/pgx/v5/pgproto3"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// viewStatement is CREATE VIEW with calls: home gets the view with stubs in place of the calls. Nothing of it is kept here.
type viewStatement struct {
	s    *session
	text string
	st   *sqlparse.Statement
}

func (v *viewStatement) params() []uint32                                           { return nil }
func (v *viewStatement) fields() []pgproto3.FieldDescription                        { return nil }
func (v *viewStatement) prepare(context.Context, *homeSide, string, []uint32) error { return nil }
func (v *viewStatement) renew(context.Context, *homeSide) error                     { return nil }
func (v *viewStatement) drop(context.Context, *homeSide) error                      { return nil }
func (v *viewStatement) plan() string                                               { return "view" }

func (v *viewStatement) bind(context.Context, *homeSide, *pgproto3.Bind) (cursor, error) {
	return &commandCursor{kind: "view", run: v.run}, nil
}

// run makes the view, and has home check that it can be read.
func (v *viewStatement) run(ctx context.Context, h *homeSide) (string, error) {
	if err := readable(h.x.Parameter); err != nil {
		return "", err
	}
	req := planner.Request{Text: v.text, Span: v.st.Span, Node: v.st.Node, Calls: v.st.Calls}
	plan, err := planner.PlanView(req, v.s.catalog(ctx, h))
	if err != nil {
		return "", err
	}
	if err := h.do(ctx, plan.Home); err != nil {
		return "", repositioned(err, plan.Home, v.text, plan.Origin)
	}
	name := sqlparse.MadeView(v.st.Node)
	v.s.made = append(v.s.made, name)
	v.s.views.add(name)
	alone := h.alone
	h.alone = false // what the check needs is made in the transaction of the view, which goes on
	err = v.check(ctx, h)
	h.alone = alone
	if err != nil {
		return "", unplaced(err)
	}
	return "CREATE VIEW", nil
}

// checkName is the name on home of the statement that reads a view to see whether that can be.
const checkName = "pinnacle_check"

// check plans a query on the view: an argument of a type that the model does not take, or a call that cannot be run in a
// view, is to be told now and not when the view is read.
func (v *viewStatement) check(ctx context.Context, h *homeSide) error {
	view := v.st.Node.GetViewStmt().GetView()
	name := sqlparse.QuoteIdentifier(view.Relname)
	if view.Schemaname != "" {
		name = sqlparse.QuoteIdentifier(view.Schemaname) + "." + name
	}
	script, err := sqlparse.Parse("SELECT * FROM "+name, v.s.cfg.Parse)
	if err != nil {
		return err
	}
	script, st, views, err := v.s.expandViews(ctx, h, script, script.Statements[0])
	if err != nil || views == nil {
		return err
	}
	p := v.s.predict(script.Text, st.Span, st.Node, st.Calls)
	if err := h.closeStatement(ctx, checkName); err != nil {
		return err
	}
	if err := p.prepare(ctx, h, checkName, nil); err != nil {
		return err
	}
	return p.drop(ctx, h)
}

// overViews makes the statement of one that makes a view with calls, or refreshes a materialized view; nil for any other.
func (s *session) overViews(script *sqlparse.Script, st *sqlparse.Statement) statement {
	v := viewStatement{s: s, text: script.Text, st: st}
	switch n := st.Node.GetNode().(type) {
	case *pg_query.Node_ViewStmt:
		if len(st.Calls) > 0 {
			return &v
		}
	case *pg_query.Node_CreateTableAsStmt:
		if len(st.Calls) > 0 && n.CreateTableAsStmt.Objtype == pg_query.ObjectType_OBJECT_MATVIEW {
			return &materializedStatement{viewStatement: v}
		}
	case *pg_query.Node_RefreshMatViewStmt:
		if s.views.materialized.Load() {
			return &refreshStatement{v}
		}
	}
	return nil
}
