package session

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// refreshWords stand in every REFRESH MATERIALIZED VIEW.
var refreshWords = []string{"materialized"}

// materializedStatement is CREATE MATERIALIZED VIEW with calls. Home gets the view without data, with live stubs in place
// of the calls, and fills it by REFRESH.
type materializedStatement struct {
	viewStatement
	views *expansion
}

func (m *materializedStatement) bind(context.Context, *homeSide, *pgproto3.Bind) (cursor, error) {
	return &commandCursor{kind: "view", run: func(ctx context.Context, h *homeSide) (string, error) {
		if err := readable(h.x.Parameter); err != nil {
			return "", err
		}
		tag := ""
		err := h.inBlock(ctx, func() (err error) {
			tag, err = m.create(ctx, h)
			return err
		})
		return tag, m.views.position(err)
	}}, nil
}

// inBlock runs f in the client's transaction block, or, where there is none, in one of the statement's own.
func (h *homeSide) inBlock(ctx context.Context, f func() error) error {
	if h.x.TxStatus() != 'I' || !h.alone {
		return f()
	}
	if err := h.x.Settle(ctx); err != nil {
		return err
	}
	h.owed = 0 // paid before home's ReadyForQuery
	b := &block{own: true}
	err := h.do(ctx, "BEGIN")
	if err == nil {
		err = h.x.Settle(ctx)
	}
	if err == nil {
		err = f()
	}
	return b.close(ctx, h, err)
}

// create makes the view, and fills it unless it is made WITH NO DATA.
func (m *materializedStatement) create(ctx context.Context, h *homeSide) (string, error) {
	into := m.st.Node.GetCreateTableAsStmt().GetInto()
	name := relationName(into.GetRel())
	req := planner.Request{Text: m.text, Span: m.st.Span, Node: m.st.Node, Calls: m.st.Calls}
	plan, err := planner.PlanMaterialized(req, m.s.catalog(ctx, h))
	if err != nil {
		return "", err
	}
	if m.st.Node.GetCreateTableAsStmt().GetIfNotExists() {
		if found, err := m.s.lookUp(ctx, h, []string{name}); err != nil || len(found) > 0 {
			if err == nil {
				err = h.do(ctx, plan.Home) // home tells that it is there
			}
			return "CREATE MATERIALIZED VIEW", repositioned(err, plan.Home, m.text, plan.Origin)
		}
	}
	text := plan.Home
	if !into.SkipData {
		if text, err = withoutData(text); err != nil {
			return "", err
		}
	}
	if err := h.do(ctx, text); err != nil {
		return "", repositioned(err, text, m.text, plan.Origin)
	}
	m.s.views.materialized.Store(true)
	if into.SkipData {
		_, err := m.s.filling(ctx, h, name)
		return "CREATE MATERIALIZED VIEW", unplaced(err)
	}
	if _, err := m.s.refill(ctx, h, name, "REFRESH MATERIALIZED VIEW "+name); err != nil {
		return "", unplaced(err)
	}
	rows := ""
	err = h.rows(ctx, stream.Query{Text: "SELECT pg_catalog.count(*) FROM " + name, Formats: []int16{0}}, func(v [][]byte) error {
		rows = string(v[0])
		return nil
	})
	return "SELECT " + rows, unpositioned(err)
}

// relationName writes a relation's name.
func relationName(r *pg_query.RangeVar) string {
	reading := sqlparse.Reading{Catalog: r.GetCatalogname(), Schema: r.GetSchemaname(), Name: r.GetRelname()}
	return reading.Spelling()
}

// withoutData puts WITH NO DATA behind the text of a CREATE MATERIALIZED VIEW, in place of its WITH DATA.
func withoutData(text string) (string, error) {
	toks, err := sqlparse.Tokens(text)
	if err != nil {
		return "", err
	}
	if n := len(toks); n > 1 && toks[n-1].Kind == pg_query.Token_DATA_P && strings.EqualFold(toks[n-2].Span.Of(text), "with") {
		text = text[:toks[n-2].Span.Start]
	}
	return text + " WITH NO DATA", nil
}

// refreshStatement is REFRESH MATERIALIZED VIEW, of any materialized view.
type refreshStatement struct {
	viewStatement
}

func (r *refreshStatement) bind(context.Context, *homeSide, *pgproto3.Bind) (cursor, error) {
	return &commandCursor{kind: "view", run: r.run}, nil
}

func (r *refreshStatement) run(ctx context.Context, h *homeSide) (string, error) {
	refresh := r.st.Node.GetRefreshMatViewStmt()
	text, name := r.st.Span.Of(r.text), relationName(refresh.GetRelation())
	alone := func() (string, error) {
		err := h.do(ctx, text)
		return "REFRESH MATERIALIZED VIEW", repositioned(err, text, r.text, func(at int) int { return r.st.Span.Start + at })
	}
	if refresh.SkipData {
		return alone()
	}
	definition, err := r.s.materializedQuery(ctx, h, name)
	if err != nil {
		return "", err
	}
	if definition == "" {
		return alone()
	}
	tag := ""
	err = h.inBlock(ctx, func() (err error) {
		tag, err = r.s.refill(ctx, h, name, text)
		return err
	})
	return tag, unplaced(err)
}

// materializedQuery is the query of a materialized view that calls predict; "" for any other relation.
func (s *session) materializedQuery(ctx context.Context, h *homeSide, name string) (string, error) {
	list, err := textArray([]string{name})
	if err != nil {
		return "", err
	}
	definition := ""
	q := stream.Query{Types: []uint32{udf.Text.ArrayOID()}, Params: [][]byte{list}, Formats: []int16{0},
		Text: `SELECT pg_catalog.pg_get_viewdef(c.oid) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = c.oid
JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
WHERE c.oid = pg_catalog.to_regclass($1[1]) AND c.relkind = 'm' AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
  AND d.refobjid = pg_catalog.to_regtype('` + sqlparse.StubType + `') LIMIT 1`}
	err = h.rows(ctx, q, func(v [][]byte) error {
		definition = strings.TrimSuffix(strings.TrimSpace(string(v[0])), ";")
		return nil
	})
	return definition, unpositioned(err)
}

// filling plans the query of a materialized view, and makes the functions that its live stubs call.
func (s *session) filling(ctx context.Context, h *homeSide, name string) (*planner.Ship, error) {
	definition, err := s.materializedQuery(ctx, h, name)
	if err != nil {
		return nil, err
	}
	e := &expansion{s: s, views: map[string]readView{}}
	w := &expander{e: e, ctx: ctx, h: h, bodies: map[uint32]viewBody{}}
	body, err := w.query(readView{name: name, definition: definition}, 1)
	if err != nil {
		return nil, err
	}
	script, err := sqlparse.Parse(body.text, s.cfg.Parse)
	if err != nil {
		return nil, err
	}
	if len(script.Statements) != 1 || len(script.Statements[0].Calls) == 0 {
		return nil, coded("0A000", fmt.Sprintf("the query of materialized view %s cannot be read", name), "", "")
	}
	st := script.Statements[0]
	plan, err := planner.PlanShip(planner.Request{Text: script.Text, Span: st.Span, Node: st.Node, Calls: st.Calls, Shared: true, Steady: true}, s.catalog(ctx, h))
	if err != nil {
		return nil, err
	}
	alone := h.alone
	h.alone = false // what they are made in goes on
	defer func() { h.alone = alone }()
	if err := h.makeFunctions(ctx, plan); err != nil {
		return nil, err
	}
	texts, err := s.liveFunctions(ctx, body.stubs, plan.Functions)
	if err != nil {
		return nil, err
	}
	if err := h.do(ctx, texts...); err != nil {
		return nil, unpositioned(err)
	}
	_, err = h.prepare(ctx, checkName, plan.Home, nil)
	if err != nil {
		return nil, renamed(unpositioned(err), plan)
	}
	return plan, h.closeStatement(ctx, checkName)
}

// liveFunctions are the statements that make what live stubs call, out of the functions of a plan.
func (s *session) liveFunctions(ctx context.Context, stubs []sqlparse.Stub, functions []*planner.Function) ([]string, error) {
	var texts []string
	made := map[string]bool{}
	for _, stub := range stubs {
		name, version, err := sqlparse.ModelName(stub.Model)
		if err != nil {
			return nil, err
		}
		m, err := s.cfg.Datalayer.Describe(ctx, name, version)
		if err != nil {
			return nil, err
		}
		live := sqlparse.LiveName(stub.Kind, stub.Model)
		for _, f := range functions {
			if made[live] || f.Kind != stub.Kind || f.Model.Name != m.Name || f.Model.Version != m.Version {
				continue
			}
			made[live] = true
			var types, args []string
			for i, a := range f.Model.Args {
				types = append(types, a.Type.String())
				args = append(args, fmt.Sprintf("$%d", i+1))
			}
			texts = append(texts, "CREATE OR REPLACE FUNCTION pg_temp."+live+"("+strings.Join(types, ", ")+") RETURNS text LANGUAGE sql STABLE AS $pinnacle$"+
				" SELECT pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.to_json(pg_temp."+f.Name+"("+strings.Join(args, ", ")+
				`)::pg_catalog.text)::pg_catalog.text, '&', E'\\u0026'), '<', E'\\u003c'), '>', E'\\u003e') $pinnacle$`)
		}
	}
	return texts, nil
}

// refreshName is the name on home of the statement that fills a materialized view.
const refreshName = "pinnacle_refresh"

// refill runs a REFRESH of a materialized view in rounds: home runs the view's query by itself first, so that most is
// answered when the view is written.
func (s *session) refill(ctx context.Context, h *homeSide, name, refresh string) (string, error) {
	plan, err := s.filling(ctx, h, name)
	if err != nil {
		return "", err
	}
	if err := h.do(ctx, liveStubs("on")); err != nil {
		return "", unpositioned(err)
	}
	if err := h.closeStatement(ctx, refreshName); err != nil {
		return "", err
	}
	p := &predictStatement{s: s, text: refresh, name: refreshName, node: &pg_query.Node{}}
	p.ship = &planner.Ship{Home: refresh, Origin: func(int) int { return -1 }, Functions: plan.Functions, Demand: plan.Home, Writes: true}
	if p.home, err = h.prepare(ctx, refreshName, refresh, nil); err != nil {
		return "", unpositioned(err)
	}
	simple := h.simple
	h.simple = true // no portal of the client's is bound
	c, err := p.bindShip(ctx, h, &pgproto3.Bind{PreparedStatement: refreshName})
	h.simple = simple
	if err != nil {
		return "", err
	}
	defer c.close()
	tag, err := c.execute(ctx, h, 0)
	if err != nil {
		return "", err
	}
	if err := h.closeStatement(ctx, refreshName); err != nil {
		return "", err
	}
	return tag, unpositioned(h.do(ctx, liveStubs("")))
}

// liveStubs is the statement that lets live stubs call functions, for what follows of the transaction, or no longer ("").
func liveStubs(on string) string {
	return "SELECT pg_catalog.set_config('" + sqlparse.LiveSetting + "', '" + on + "', true)"
}
