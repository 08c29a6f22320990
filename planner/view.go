package planner

import (
	"fmt"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// View is the plan for CREATE VIEW with calls: home makes the view by the client's own statement, with a stub in place of
// each call (see sqlparse.StubHead). Whoever reads the view gets the calls in place of the stubs again.
type View struct {
	// Home is the statement that home runs; Origin maps positions in it to the client's text.
	Home   string
	Origin func(pos int) int
}

// PlanView plans a definition that keeps its calls. The errors are those of PlanShip.
func PlanView(req Request, cat Catalog) (*View, error) { return planStubs(req, cat, false) }

// PlanMaterialized plans CREATE MATERIALIZED VIEW with calls, in place of which live stubs are put.
func PlanMaterialized(req Request, cat Catalog) (*View, error) { return planStubs(req, cat, true) }

func planStubs(req Request, cat Catalog, live bool) (*View, error) {
	at, err := sqlparse.NewLocator(req.Text, req.Span)
	if err != nil {
		return nil, err
	}
	req.Steady = true
	b := &shipBuilder{req: req, cat: cat, at: at, byFn: map[*pg_query.FuncCall]*site{}, plan: &Ship{}}
	b.text.text = req.Text
	for _, c := range req.Calls {
		if err := b.resolve(c); err != nil {
			return nil, err
		}
	}
	if err := b.volatiles(); err != nil {
		return nil, err
	}
	for _, s := range b.sites {
		b.stub(s, live)
	}
	if err := b.nameStubs(); err != nil {
		return nil, err
	}
	v := &View{}
	v.Home, v.Origin = b.text.emit(req.Span).render(req.Span)
	return v, nil
}

// nameStubs gives columns the names that calls would give them.
func (b *shipBuilder) nameStubs() error {
	inXML := map[*pg_query.Node]bool{} // an item there has no name of its own
	var err error
	sqlparse.Walk(b.req.Node, func(n *pg_query.Node) bool {
		switch e := n.GetNode().(type) {
		case *pg_query.Node_XmlExpr:
			for _, named := range e.XmlExpr.NamedArgs {
				inXML[named] = true
			}
		case *pg_query.Node_ResTarget:
			if !inXML[n] {
				b.nameColumn(e.ResTarget)
			}
		case *pg_query.Node_RangeFunction:
			for _, f := range e.RangeFunction.Functions {
				if s := b.byFn[f.GetList().GetItems()[0].GetFuncCall()]; s != nil && err == nil {
					err = &sqlparse.Error{Code: "0A000", Position: s.call.Span.Start,
						Message: s.call.Func + " is not supported as a table of FROM in a view",
						Hint:    "Write LATERAL (SELECT " + s.call.Func + "(…) AS name) AS name."}
				}
			}
		}
		return err == nil
	})
	return err
}

// stub puts a stub in place of a call. Its arguments stay where they are, in the model's order.
func (b *shipBuilder) stub(s *site, live bool) {
	model := s.call.Model
	if s.call.Version > 0 {
		model += fmt.Sprintf("@%d", s.call.Version)
	}
	returns := s.model.Returns
	if s.call.Func == "predict_details" {
		returns = udf.JSONB
	}
	head, tail := sqlparse.StubHead(s.call.Func, model), sqlparse.StubTail(returns.String())
	if live {
		types := make([]string, len(s.model.Args))
		for i, a := range s.model.Args {
			types[i] = a.Type.String()
		}
		head, tail = sqlparse.LiveStubHead(s.call.Func, model, types), sqlparse.LiveStubTail(returns.String())
	}
	if s.row != nil {
		b.text.replace(s.row.Span, strings.Join(b.rowFields(s), ", "))
		b.text.replace(sqlparse.Span{Start: s.call.Span.Start, End: s.row.Span.Start}, head+", ")
		b.text.replace(sqlparse.Span{Start: s.row.Span.End, End: s.call.Span.End}, tail)
		return
	}
	if len(s.args) == 0 {
		b.text.replace(s.call.Span, head+tail)
		return
	}
	items := b.at.Items(b.at.After(b.at.NameOf(s.call).End))[1:]
	sorted := true
	for i, a := range s.call.Args {
		if a.Name != "" {
			b.text.replace(sqlparse.Span{Start: items[i].Start, End: a.Span.Start}, "")
		}
		place := placeOf(a, s.args)
		sorted = sorted && place == i
		if untyped(a.Node) { // PostgreSQL gives it the type that the function declares
			b.text.replace(a.Span, "("+a.Span.Of(b.req.Text)+")::"+s.model.Args[place].Type.String())
		}
	}
	if !sorted {
		order := make([]int, len(items))
		for i, a := range s.call.Args {
			order[placeOf(a, s.args)] = i
		}
		b.text.move(items, order)
	}
	b.text.replace(sqlparse.Span{Start: s.call.Span.Start, End: items[0].Start}, head+", ")
	b.text.replace(sqlparse.Span{Start: items[len(items)-1].End, End: s.call.Span.End}, tail)
}

// placeOf is the place of an argument in the model's order.
func placeOf(a sqlparse.Arg, args []sqlparse.Arg) int {
	for i := range args {
		if args[i].Node == a.Node {
			return i
		}
	}
	return -1
}
