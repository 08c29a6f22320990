package session

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// maxViewDepth bounds views over views.
const maxViewDepth = 64

// readView is a relation of home that a name stands for.
type readView struct {
	oid          uint32
	schema, name string
	// may says that the role may read it.
	may bool
	// definition is a view's query, "" for any other relation.
	definition string
}

// expansion is a client's statement with the views that call predict replaced by their queries, with calls in place of
// stubs.
type expansion struct {
	s *session
	// client is the client's text, st the statement in it, and index its place.
	client string
	st     *sqlparse.Statement
	index  int
	// fields are the columns of the client's statement, as home describes it with the views themselves.
	fields []pgproto3.FieldDescription
	text   string
	origin func(pos int) int
	// foreign is what the statement names of relations, for the foreign tables behind them; nil for nothing.
	foreign *sqlparse.Mentions
	// views are all relations that were looked up, by the spelling of their names.
	views map[string]readView
}

// lookUpViews finds relations by their names. It is kept simple: home plans it for every statement that reads a view.
const lookUpViews = `SELECT (n.i - 1)::pg_catalog.int4, c.oid, s.nspname, c.relname, pg_catalog.has_table_privilege(c.oid, 'SELECT'),
  CASE WHEN c.relkind = 'v' AND s.nspname <> 'information_schema' THEN pg_catalog.pg_get_viewdef(c.oid) ELSE '' END
FROM pg_catalog.unnest($1) WITH ORDINALITY AS n(name, i) JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(n.name)
  JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace`

// lookUp asks home for relations. What it knows nothing of is not in the answer.
func (s *session) lookUp(ctx context.Context, h *homeSide, spellings []string) (map[string]readView, error) {
	found := map[string]readView{}
	if len(spellings) == 0 {
		return found, nil
	}
	list, err := textArray(spellings)
	if err != nil {
		return nil, err
	}
	q := stream.Query{Text: lookUpViews, Types: []uint32{udf.Text.ArrayOID()}, Params: [][]byte{list}, Formats: []int16{1, 1, 0, 0, 1, 0}}
	err = h.rows(ctx, q, func(v [][]byte) error {
		if len(v) != 6 || len(v[0]) != 4 || len(v[1]) != 4 || len(v[4]) != 1 {
			return fmt.Errorf("home describes a relation with %d columns", len(v))
		}
		found[spellings[binary.BigEndian.Uint32(v[0])]] = readView{oid: binary.BigEndian.Uint32(v[1]), schema: string(v[2]), name: string(v[3]),
			may: v[4][0] == 1, definition: strings.TrimSuffix(strings.TrimSpace(string(v[5])), ";")}
		return nil
	})
	return found, unpositioned(err)
}

// expandViews gives the statement with the views that call predict expanded; what it was given, and nil, where there is
// none.
func (s *session) expandViews(ctx context.Context, h *homeSide, script *sqlparse.Script, st *sqlparse.Statement) (*sqlparse.Script, *sqlparse.Statement, *expansion, error) {
	foreign := s.mentionsOf(script, st)
	if len(st.Calls) == 0 {
		foreign = nil
	}
	if st.Node == nil || h.x.TxStatus() == 'E' || foreign == nil && (s.views.names.Load() == nil || len(s.readings(script.Text, st)) == 0) {
		return script, st, nil, nil
	}
	if err := readable(h.x.Parameter); err != nil {
		return nil, nil, nil, err
	}
	e := &expansion{s: s, client: script.Text, st: st, index: slices.Index(script.Statements, st), foreign: foreign}
	expanded, own, err := e.expand(ctx, h, script, st)
	if err != nil || len(own.Calls) == 0 && len(own.Relations) == 0 {
		return script, st, nil, err
	}
	return expanded, own, e, nil
}

// expand replaces the views. It gives the statement anew.
func (e *expansion) expand(ctx context.Context, h *homeSide, script *sqlparse.Script, st *sqlparse.Statement) (*sqlparse.Script, *sqlparse.Statement, error) {
	e.views = map[string]readView{}
	w := &expander{e: e, ctx: ctx, h: h, bodies: map[uint32]viewBody{}}
	edits, err := w.edits(script.Text, st.Span, st, 0)
	if err != nil {
		return nil, nil, err
	}
	if e.foreign != nil {
		f := e.s.foreignStatement(script, st, e.foreign)
		more, err := f.edits(ctx, h)
		if err != nil {
			return nil, nil, err
		}
		edits = append(edits, more...)
	}
	spliced, err := sqlparse.Splice(script.Text, edits)
	if err != nil {
		return nil, nil, err
	}
	e.text, e.origin = spliced.Text, spliced.Original
	if len(edits) == 0 {
		return script, st, nil
	}
	again, err := sqlparse.Parse(e.text, e.s.cfg.Parse)
	if err != nil {
		return nil, nil, e.position(err)
	}
	if len(again.Statements) != len(script.Statements) {
		return nil, nil, fmt.Errorf("a script of %d statements became one of %d when views were expanded", len(script.Statements), len(again.Statements))
	}
	return again, again.Statements[e.index], nil
}

// changed reports whether the views are not what they were when the statement was expanded.
func (e *expansion) changed(ctx context.Context, h *homeSide) (bool, error) {
	now, err := e.s.lookUp(ctx, h, slices.Sorted(maps.Keys(e.views)))
	if err != nil {
		return false, err
	}
	for spelling, v := range e.views {
		if now[spelling] != v {
			return true, nil
		}
	}
	return false, nil
}

// again expands the client's statement anew.
func (e *expansion) again(ctx context.Context, h *homeSide) (*sqlparse.Script, *sqlparse.Statement, error) {
	script, err := sqlparse.Parse(e.client, e.s.cfg.Parse)
	if err != nil {
		return nil, nil, err
	}
	return e.expand(ctx, h, script, script.Statements[e.index])
}

// attach has a statement made of the expanded text follow its views.
func (e *expansion) attach(own statement) {
	var p *predictStatement
	if q, is := own.(*searchStatement); is {
		q.views = e
		own = bare(q)
	}
	switch own := own.(type) {
	case *predictStatement:
		p = own
	case *explainStatement:
		p = own.inner
	case *prepareStatement:
		p = own.p
	}
	if m, ok := own.(*materializedStatement); ok {
		m.views = e
	}
	if e != nil && p != nil && p.executes == nil && p.text == e.text {
		p.views = e
	}
}

// shapeName is the name on home of the client's statement, which is described only.
const shapeName = "pinnacle_shape"

// describe has home check and describe the client's statement with the views themselves, and stubs in place of calls of its
// own: then errors are those of the client's text, and columns say which view they are of.
func (e *expansion) describe(ctx context.Context, h *homeSide, declared []uint32) error {
	span, node := e.st.Span, e.st.Node
	if c, prepares := sqlparse.CommandOf(e.st).(*sqlparse.Prepare); prepares {
		span, node = c.Inner, c.InnerNode
	} else if sqlparse.CommandOf(e.st) != nil {
		return nil
	}
	text, origin := span.Of(e.client), func(pos int) int { return span.Start + pos }
	e.fields = nil
	switch {
	case len(e.st.Relations) > 0:
		return nil
	case len(e.st.Calls) > 0:
		plan, err := planner.PlanView(planner.Request{Text: e.client, Span: span, Node: node, Calls: e.st.Calls}, e.s.catalog(ctx, h))
		if refused(err) {
			return nil
		}
		if err != nil {
			return err
		}
		text, origin = plan.Home, plan.Origin
	}
	h.forget(shapeName) // one that a failed statement has left
	d, err := h.prepare(ctx, shapeName, text, declared)
	if err != nil {
		return repositioned(err, text, e.client, origin)
	}
	e.fields = d.fields
	h.forget(shapeName)
	return nil
}

// shape gives the columns of a result the types and origins that they have with the views themselves.
func (e *expansion) shape(fields []pgproto3.FieldDescription) {
	if e == nil || len(e.fields) != len(fields) {
		return
	}
	for i := range fields {
		own := e.fields[i]
		own.Format = fields[i].Format
		fields[i] = own
	}
}

// renewViews expands the views anew, if they have changed.
func (p *predictStatement) renewViews(ctx context.Context, h *homeSide) error {
	if p.views == nil {
		return nil
	}
	changed, err := p.views.changed(ctx, h)
	if err != nil || !changed {
		return err
	}
	script, st, err := p.views.again(ctx, h)
	if err != nil {
		return unplaced(err)
	}
	if len(st.Calls) == 0 {
		return coded("0A000", "cached plan must not change result type", "The views that the prepared statement reads do not call predict any more.",
			"Prepare the statement again.")
	}
	p.text, p.span, p.node, p.call = script.Text, st.Span, st.Node, st.Calls
	switch c := sqlparse.CommandOf(st).(type) {
	case *sqlparse.Prepare:
		p.span, p.node = c.Inner, c.InnerNode
	case *sqlparse.Explain:
		p.span, p.node = c.Inner, c.InnerNode
	}
	return nil
}

// position maps the place of an error about the expanded text to the client's.
func (e *expansion) position(err error) error {
	if e == nil || err == nil {
		return err
	}
	var parse *sqlparse.Error
	if errors.As(err, &parse) && parse.Position >= 0 {
		own := *parse
		own.Position = e.origin(parse.Position)
		return &own
	}
	return repositioned(err, e.text, e.client, e.origin)
}

// expander is the work on one statement.
type expander struct {
	e   *expansion
	ctx context.Context
	h   *homeSide
	// bodies are the queries of views, by OID.
	bodies map[uint32]viewBody
	bytes  int
}

// viewBody is a view's query, with calls in place of stubs and the views that it reads expanded.
type viewBody struct {
	text string
	// stubs are its own, and calls says that it calls predict, itself or through other views.
	stubs []sqlparse.Stub
	calls bool
}

// edits are what is to be changed in a text so that it names no view that calls predict. Within a view (depth over 0)
// names get their schemas, so that no CTE around it is taken for one of them.
func (w *expander) edits(text string, span sqlparse.Span, st *sqlparse.Statement, depth int) ([]sqlparse.Edit, error) {
	readings, qualifiers, err := sqlparse.Readings(text, span, st.Node)
	if err != nil {
		return nil, err
	}
	known := w.e.s.views.names.Load()
	var spellings []string
	for _, r := range readings {
		_, have := w.e.views[r.Spelling()]
		if !have && (depth > 0 || known.Has(r.Name)) {
			spellings = append(spellings, r.Spelling())
		}
	}
	found, err := w.e.s.lookUp(w.ctx, w.h, spellings)
	if err != nil {
		return nil, err
	}
	for _, s := range spellings {
		w.e.views[s] = found[s]
	}
	var edits []sqlparse.Edit
	replaced := map[[2]string]bool{}
	for _, r := range readings {
		v := w.e.views[r.Spelling()]
		body, err := w.body(v, depth+1)
		if err != nil {
			return nil, err
		}
		if !body.calls {
			if depth > 0 && r.Schema == "" && v.schema != "" {
				edits = append(edits, sqlparse.Edit{Span: sqlparse.Span{Start: r.NameSpan.Start, End: r.NameSpan.Start}, Text: sqlparse.QuoteIdentifier(v.schema) + "."})
			}
			continue
		}
		own, err := w.replace(r, v, body.text, depth)
		if err != nil {
			return nil, err
		}
		edits = append(edits, own...)
		if !r.Aliased {
			replaced[[2]string{v.schema, v.name}] = true
		}
	}
	for _, q := range qualifiers { // a subquery has no schema
		if replaced[[2]string{q.Schema, q.Name}] {
			edits = append(edits, sqlparse.Edit{Span: q.Span})
		}
	}
	return edits, nil
}

// replace puts a view's query in place of its name.
func (w *expander) replace(r sqlparse.Reading, v readView, body string, depth int) ([]sqlparse.Edit, error) {
	at := -1
	if depth == 0 {
		at = r.Span.Start
	}
	if !v.may {
		return nil, &sqlparse.Error{Code: "42501", Message: "permission denied for view " + v.name, Position: -1}
	}
	if w.bytes += len(body); w.bytes > w.e.s.cfg.Parse.MaxBytes {
		return nil, &sqlparse.Error{Code: "54001", Message: "the queries of views with predict are too long", Position: at,
			Detail: fmt.Sprintf("Together they have more than %d bytes.", w.e.s.cfg.Parse.MaxBytes)}
	}
	text := "(" + body + ")"
	if !r.Aliased {
		text += " AS " + sqlparse.QuoteIdentifier(r.Name)
	}
	edits := []sqlparse.Edit{{Span: r.Span, Text: text}}
	if r.Table != (sqlparse.Span{}) {
		edits = append(edits, sqlparse.Edit{Span: r.Table, Text: "SELECT * FROM"})
	}
	return edits, nil
}

// body looks into a relation: a view, or any other, which has no query.
func (w *expander) body(v readView, depth int) (viewBody, error) {
	if body, have := w.bodies[v.oid]; have || v.definition == "" {
		return body, nil
	}
	if depth > maxViewDepth {
		return viewBody{}, &sqlparse.Error{Code: "54001", Message: fmt.Sprintf("views are nested more than %d deep", maxViewDepth), Position: -1}
	}
	body, err := w.query(v, depth)
	if err == nil {
		w.bodies[v.oid] = body
	}
	return body, err
}

// query takes a view's query apart.
func (w *expander) query(v readView, depth int) (viewBody, error) {
	script, err := sqlparse.Parse(v.definition, w.e.s.cfg.Parse)
	if err != nil {
		return viewBody{}, unplaced(err)
	}
	if len(script.Statements) != 1 && !sqlparse.HoldsStub(v.definition) {
		return viewBody{}, nil // home's grammar is newer than the parser's
	}
	if len(script.Statements) != 1 {
		return viewBody{}, coded("0A000", fmt.Sprintf("the query of view %q cannot be read", v.name), "", "")
	}
	st := script.Statements[0]
	var body viewBody
	if body.stubs, err = sqlparse.Stubs(v.definition, st.Span, st.Node); err != nil {
		return body, unplaced(err)
	}
	edits, err := w.edits(v.definition, st.Span, st, depth)
	if err != nil {
		return body, err
	}
	body.calls = len(body.stubs) > 0 || slices.ContainsFunc(edits, func(e sqlparse.Edit) bool { return e.Span.Start < e.Span.End })
	for _, s := range body.stubs {
		if err := w.sameType(v, &s); err != nil {
			return body, err
		}
		edits = append(edits, s.Edits()...)
	}
	spliced, err := sqlparse.Splice(v.definition, edits)
	if err != nil {
		return body, err
	}
	body.text = spliced.Text
	return body, nil
}

// sameType refuses a call whose model answers in another type now than when the view was made.
func (w *expander) sameType(v readView, s *sqlparse.Stub) error {
	if s.Kind == "predict_details" {
		return nil
	}
	name, version, err := sqlparse.ModelName(s.Model)
	if err != nil {
		return unplaced(err)
	}
	m, err := w.e.s.cfg.Datalayer.Describe(w.ctx, name, version)
	if err != nil {
		return err
	}
	if t, err := udf.ParseType(s.Returns); err != nil || t != m.Returns {
		return coded("55000", fmt.Sprintf("view %q was made when model %q answered in type %s", v.name, s.Model, s.Returns),
			fmt.Sprintf("It answers in type %s now.", m.Returns), "Drop the view and make it again, or name the model's version in it: 'name@version'.")
	}
	return nil
}

// unplaced takes the place from an error about a text that is not the client's.
func unplaced(err error) error {
	var parse *sqlparse.Error
	if !errors.As(err, &parse) {
		return unpositioned(err)
	}
	own := *parse
	own.Position = -1
	return &own
}
