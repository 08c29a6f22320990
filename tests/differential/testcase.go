package differential

import (
	"math/rand/v2"
	"sort"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
)

// step is one statement of a case.
type step struct {
	node *node
	// total says that the order of its rows is defined wholly.
	total bool
	// accepted says that it is only to succeed, whatever it answers (EXPLAIN).
	accepted bool
	// moves says that it moves a cursor. Home describes what a cursor gives, and has the query of a view with calls there in place
	// of the view, so that columns are said to be of the view's tables (docs/predict.md).
	moves bool
	// loose leaves modifiers of columns out: PostgreSQL before 17 gives the columns of a materialized view those of the planned query
	// where it is filled at once, and those of the query as written WITH NO DATA, as later versions and the proxy always do.
	loose bool
	// optional says that the case may do without it.
	optional bool
	dropped  bool
}

// testCase is what is run on both sides and compared.
type testCase struct {
	db       *database
	steps    []*step
	protocol peer.Protocol
	// params are the parameters of the steps that have any; with them the protocol is an extended one.
	params []param
	// literals shows parameters as constants, for the simple protocol.
	literals bool
	// writes says that tables have to be compared, and filled again, afterwards.
	writes    bool
	positions []string
	models    []string
}

// maker makes the steps of a case for a position.
type maker func(g *generator, position string) []*step

// position is a place where a call may stand, and how often it is tried.
type position struct {
	name   string
	weight int
	make   maker
}

// positions are all places that are tried.
func positions() []position {
	var list []position
	add := func(make maker, weight int, names ...string) {
		for _, n := range names {
			list = append(list, position{n, weight, make})
		}
	}
	add(selecting, 12, "select list", "WHERE")
	add(selecting, 4, "JOIN INNER", "JOIN LEFT", "JOIN RIGHT", "JOIN FULL", "JOIN USING", "GROUP BY", "GROUP BY ordinal", "GROUP BY alias", "GROUPING SETS", "ROLLUP",
		"CUBE", "HAVING", "ORDER BY", "ORDER BY alias", "ORDER BY ordinal", "DISTINCT", "DISTINCT ON", "LIMIT", "OFFSET", "FETCH")
	add(selecting, 4, "aggregate argument", "aggregate FILTER", "aggregate ORDER BY", "aggregate DISTINCT", "ordered-set aggregate")
	add(selecting, 4, windowClauses...)
	add(selecting, 5, "scalar subquery", "FROM subquery", "FROM function", "FROM VALUES", "LATERAL", "VALUES", "UNION", "UNION ALL", "INTERSECT", "EXCEPT",
		"WITH", "WITH MATERIALIZED", "WITH RECURSIVE", "WITH data-modifying")
	add(subqueryWhere, 6, "IN subquery", "EXISTS subquery", "ANY subquery")
	add(writing, 5, "INSERT VALUES", "INSERT SELECT", "ON CONFLICT SET", "ON CONFLICT WHERE", "UPDATE SET", "UPDATE SET (row)", "UPDATE FROM", "UPDATE WHERE", "DELETE WHERE",
		"DELETE USING", "MERGE USING", "MERGE ON", "MERGE WHEN", "MERGE UPDATE", "MERGE INSERT", "RETURNING")
	add(creating, 5, "CREATE TABLE AS", "SELECT INTO")
	add(viewing, 6, "CREATE VIEW")
	add(several, 5, "several statements in one Query")
	add(many, 5, "many rows")
	add(failing, 5, "a model that fails")
	add(mistaken, 5, "a mistake in the call")
	add(copying, 5, "COPY TO")
	add(cursoring, 6, "DECLARE CURSOR")
	add(preparing, 6, "PREPARE")
	add(explaining, 4, "EXPLAIN")
	return list
}

// newCase makes a random case on a database. Only positions whose name holds the word only are tried; "" is in all.
func newCase(r *rand.Rand, db *database, only string) *testCase {
	var choices []weighted[position]
	for _, p := range positions() {
		if strings.Contains(p.name, only) {
			choices = append(choices, weighted[position]{p, p.weight})
		}
	}
	p := pick(r, choices)
	g := newGenerator(r, db)
	c := &testCase{db: db, protocol: one(r, peer.Simple, peer.Simple, peer.Simple, peer.ExtendedText, peer.ExtendedBinary, peer.ExtendedBinary, peer.ExtendedPortal, peer.ExtendedPipeline, peer.ExtendedAgain)}
	g.parameters = c.protocol != peer.Simple && g.chance(60)
	c.steps = p.make(g, p.name)
	if p.name == "several statements in one Query" {
		c.protocol = peer.Simple
	}
	if p.name == "DECLARE CURSOR" || p.name == "PREPARE" || p.name == "COPY TO" || p.name == "CREATE VIEW" {
		c.protocol = one(r, peer.Simple, peer.ExtendedText)
	}
	c.params = g.params
	c.writes = p.name == "COPY TO" || p.name == "EXPLAIN" || strings.HasPrefix(p.name, "WITH data") || p.name == "a model that fails" || p.name == "several statements in one Query" || sameMaker(p.name)
	if c.writes && c.protocol == peer.ExtendedAgain {
		c.protocol = peer.ExtendedPipeline
	}
	c.inTransaction(g)
	for name := range g.positions {
		c.positions = append(c.positions, name)
	}
	for name := range g.models {
		c.models = append(c.models, name)
	}
	sort.Strings(c.positions)
	sort.Strings(c.models)
	return c
}

// sameMaker says that a position is of a statement that writes.
func sameMaker(name string) bool {
	for _, prefix := range []string{"INSERT", "ON CONFLICT", "UPDATE", "DELETE", "MERGE", "RETURNING"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// inTransaction puts the steps into a transaction block now and then.
func (c *testCase) inTransaction(g *generator) {
	if len(c.steps) > 1 || !g.chance(20) {
		return
	}
	begin := one(g.r, "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN READ WRITE")
	before, after := []*step{plain(begin)}, []*step{plain(one(g.r, "COMMIT", "COMMIT", "ROLLBACK"))}
	if g.chance(40) {
		before = append(before, plain("SAVEPOINT s"))
		after = append([]*step{plain(one(g.r, "RELEASE s", "ROLLBACK TO s"))}, after...)
	}
	c.steps = append(append(before, c.steps...), after...)
}

// leftovers is the script that removes what the steps of a case may leave in a session or a schema.
const leftovers = "ROLLBACK; DROP TABLE IF EXISTS made; DROP VIEW IF EXISTS made_view; DROP MATERIALIZED VIEW IF EXISTS made_rows; DEALLOCATE ALL; CLOSE ALL"

// plain is a step of a fixed text that the case may do without.
func plain(sql string) *step { return &step{node: txt(sql), optional: true} }

// selecting makes one query.
func selecting(g *generator, position string) []*step {
	q := g.query(wish{clause: position, depth: 2, top: true})
	return []*step{{node: q.node, total: q.total}}
}

// subqueryWhere makes a query whose WHERE has a subquery with the call.
func subqueryWhere(g *generator, position string) []*step {
	s := &selection{w: wish{depth: 2, top: true}, g: g}
	from, rows := g.from(s.w)
	s.rows, s.results = rows, &scope{fields: rows.fields, keys: rows.keys}
	p := place{scope: rows, position: position, depth: 2, must: true, may: true}
	cond := g.subqueryOf(strings.TrimSuffix(position, " subquery"), p)
	s.list()
	q := &query{}
	distinct, order, limit := s.tail(q)
	return []*step{{node: txt("SELECT ", distinct, s.items, " FROM ", from, " WHERE ", cond, order, limit), total: q.total}}
}

// writing makes a statement that writes.
func writing(g *generator, position string) []*step {
	w := wish{clause: position, depth: 2}
	var n *node
	switch {
	case strings.HasPrefix(position, "INSERT"), strings.HasPrefix(position, "ON CONFLICT"):
		n, _ = g.insert(w)
	case strings.HasPrefix(position, "UPDATE"):
		n, _ = g.update(w)
	case strings.HasPrefix(position, "DELETE"):
		n, _ = g.deleting(w)
	case strings.HasPrefix(position, "MERGE"):
		n, _ = g.merge(w)
	default:
		switch g.r.IntN(3) {
		case 0:
			n, _ = g.insert(w)
		case 1:
			n, _ = g.update(w)
		default:
			n, _ = g.deleting(w)
		}
	}
	return []*step{{node: n}}
}

// several makes one Query message of several statements, which is one transaction.
func several(g *generator, position string) []*step {
	g.parameters = false
	n := list("; ")
	for range 2 + g.r.IntN(2) {
		w := wish{clause: one(g.r, "select list", "WHERE", "GROUP BY", ""), position: position, depth: 1, top: true}
		if g.chance(70) || w.clause == "" {
			n.add(g.query(w).node)
		} else {
			n.add(txt("INSERT INTO ", g.db.tables[1].name, " (id, k) SELECT 2000 + ", itoa(len(n.parts)), ", ", g.callOf(modelNamed("tens"), place{position: position}, nil)))
		}
	}
	return []*step{{node: n}}
}

// failing makes a query whose model fails if it is asked for some of the rows. All of them are asked for.
func failing(g *generator, position string) []*step {
	t := g.tableRelation(one(g.r, g.db.tables[1:]...))
	s := &scope{fields: t.fields, keys: t.keys}
	p := place{scope: s, position: position, via: guard}
	call := g.callOf(modelNamed("brittle"), p, []*node{g.fieldOf(tInt4, s)})
	switch g.r.IntN(4) {
	case 0:
		return []*step{{node: txt("SELECT ", list(", ", txt(t.keys[0]), call), " FROM ", t.node, " ORDER BY 1"), total: true}}
	case 1:
		return []*step{{node: txt("SELECT sum(", call, ") FROM ", t.node)}}
	case 2:
		return []*step{plain("BEGIN"), plain("SAVEPOINT s"), {node: txt("SELECT max(", call, ") FROM ", t.node)}, plain("SELECT 1"), plain("ROLLBACK TO s"), plain("SELECT 2"), plain("COMMIT")}
	}
	c := g.db.tables[1]
	return []*step{{node: txt("UPDATE ", c.name, " SET m = ", oracleOnly("m_brittle."), "predict('brittle', k)")}}
}

// mistaken makes a query whose call PostgreSQL refuses.
func mistaken(g *generator, position string) []*step {
	g.parameters = false
	t := g.tableRelation(one(g.r, g.db.tables[1:]...))
	s := &scope{fields: t.fields, keys: t.keys}
	p := place{scope: s, position: position, depth: 1}
	m := modelNamed(one(g.r, "add", "size", "weigh", "tens", "mix"))
	var args []*node
	for _, a := range m.args {
		args = append(args, g.argument(a.typ, p))
	}
	switch g.r.IntN(5) {
	case 0:
		args = args[1:]
	case 1:
		args = append(args, expr(tInt4, "1"))
	case 2:
		args[0] = expr(tBytea, "'\\x01'::bytea")
	case 3:
		args[0] = expr(tInt4, "nosuchcolumn")
	case 4:
		args[len(args)-1] = txt("nosuchname => 1")
	}
	n := txt(oracleOnly("m_"+m.name+"."), "predict('"+m.name+"'")
	for _, a := range args {
		n = txt(n, ", ", a)
	}
	g.positions[position] = true
	g.models[m.name] = true
	n = txt(n, ")")
	switch g.r.IntN(3) {
	case 0:
		return []*step{{node: txt("SELECT ", n, " FROM ", t.node)}}
	case 1:
		return []*step{{node: txt("SELECT count(*) FROM ", t.node, " GROUP BY ", n)}}
	}
	return []*step{{node: txt("SELECT * FROM ", t.node, " WHERE EXISTS (SELECT 1 WHERE ", n, " IS NULL)")}}
}

// creating makes a table of a query, and reads it.
func creating(g *generator, position string) []*step {
	w := wish{clause: anyClause, position: position, depth: 2, types: g.someTypes(2)}
	made := &step{}
	if position == "SELECT INTO" {
		made.node = txt("SELECT * INTO made FROM (", g.query(w).node, ") AS q (x, y)")
	} else {
		made.node = txt("CREATE ", one(g.r, "", "TEMP ", "UNLOGGED "), "TABLE made (x, y) AS ", g.query(w).node)
	}
	return []*step{made, {node: txt("SELECT * FROM made"), optional: true}, plain("DROP TABLE made")}
}

// viewing makes a view of a query, and uses it.
func viewing(g *generator, position string) []*step {
	g.parameters = false
	q := g.query(wish{clause: anyClause, position: position, depth: 2, types: g.someTypes(2)})
	kind, name := "VIEW ", "made_view"
	if g.chance(30) {
		kind, name = "MATERIALIZED VIEW ", "made_rows"
	}
	steps := []*step{{node: txt("CREATE "+kind+name+" (x, y) AS ", q.node)}, {node: txt("SELECT * FROM " + name), optional: true}}
	view := &relation{node: txt(name), names: []string{"x", "y"}, fields: []field{{expr(q.types[0], "x"), true}, {expr(q.types[1], "y"), true}}, rows: q.rows}
	g.ctes = append(g.ctes, view)
	for range 2 {
		use := g.query(wish{clause: one(g.r, "", "", anyClause), depth: 2})
		steps = append(steps, &step{node: use.node, total: use.total, optional: true})
	}
	for _, s := range steps {
		s.loose = name == "made_rows"
	}
	return append(steps, plain("DROP "+kind+name))
}

// copying makes COPY of a query.
func copying(g *generator, position string) []*step {
	g.parameters = false
	q := g.query(wish{clause: anyClause, position: position, depth: 2})
	if g.chance(15) {
		// What writes gives its rows by RETURNING.
		w := wish{clause: "RETURNING", position: position, depth: 1}
		n, _ := g.update(w)
		q = &query{node: n}
	}
	return []*step{{node: txt("COPY (", q.node, ") TO STDOUT", one(g.r, opt(""), opt(" WITH (FORMAT csv, HEADER)"), opt(" CSV"), opt(" (FORMAT binary)"))), total: q.total}}
}

// cursoring makes a cursor over a query and moves it.
func cursoring(g *generator, position string) []*step {
	g.parameters = false
	q := g.query(wish{clause: one(g.r, anyClause, "ORDER BY", "LIMIT"), position: position, depth: 2})
	scroll := one(g.r, "", " NO SCROLL", " SCROLL", " BINARY")
	hold := g.chance(25)
	declare := txt("DECLARE c", scroll, " CURSOR")
	if hold {
		declare = txt("DECLARE c", scroll, " CURSOR WITH HOLD")
	}
	steps := []*step{plain("BEGIN"), {node: txt(declare, " FOR ", q.node)}}
	moves := []string{"FETCH 3 FROM c", "FETCH NEXT FROM c", "MOVE 2 FROM c", "FETCH FORWARD 2 FROM c", "MOVE FORWARD ALL IN c"}
	if scroll == " SCROLL" {
		moves = append(moves, "FETCH PRIOR FROM c", "FETCH BACKWARD 2 FROM c", "FETCH FIRST FROM c", "FETCH LAST FROM c", "FETCH ABSOLUTE 2 FROM c", "FETCH RELATIVE -1 FROM c")
	}
	if !q.total {
		// Which rows come first is open; all of them together are not.
		moves = []string{"MOVE 0 FROM c"}
	}
	for range 1 + g.r.IntN(4) {
		steps = append(steps, &step{node: txt(one(g.r, moves...)), total: true, optional: true, moves: true})
	}
	if hold {
		steps = append(steps, plain("COMMIT"), plain("BEGIN"))
	}
	return append(steps, &step{node: txt("FETCH ALL FROM c"), total: q.total, optional: true, moves: true}, plain("CLOSE c"), plain("COMMIT"))
}

// preparing makes PREPARE and EXECUTE with parameters.
func preparing(g *generator, position string) []*step {
	g.parameters = true
	var n *node
	total := false
	q := g.query(wish{clause: anyClause, position: position, depth: 2})
	n, total = q.node, q.total
	types, params := list(", "), g.params
	for _, p := range params {
		types.add(txt(string(p.typ)))
	}
	types.least = len(params)
	head := txt("PREPARE p AS ")
	if len(params) > 0 && g.chance(60) {
		head = txt("PREPARE p (", types, ") AS ")
	}
	steps := []*step{{node: txt(head, n)}}
	for i := range 1 + g.r.IntN(3) {
		args := list(", ")
		for _, p := range params {
			v := p.constant()
			if i > 0 {
				v = p.typ.literal(g.r)
			}
			args.add(txt(v))
		}
		args.least = len(params)
		call := txt("EXECUTE p")
		if len(params) > 0 {
			call = txt("EXECUTE p (", args, ")")
		}
		explained := g.chance(10)
		if explained {
			call = txt(one(g.r, "EXPLAIN ", "EXPLAIN (ANALYZE) "), call)
		}
		steps = append(steps, &step{node: call, total: total, accepted: explained, optional: true})
	}
	g.params = nil
	return append(steps, plain("DEALLOCATE p"))
}

// constant is a parameter's value as an expression.
func (p param) constant() string {
	if p.null {
		return "NULL::" + string(p.typ)
	}
	return quote(p.value) + "::" + string(p.typ)
}

// explaining makes EXPLAIN of a query, which is to be accepted.
func explaining(g *generator, position string) []*step {
	g.parameters = false
	q := g.query(wish{clause: anyClause, position: position, depth: 2})
	if g.chance(20) {
		n, _ := g.update(wish{clause: one(g.r, "UPDATE SET", "UPDATE WHERE"), position: position, depth: 1})
		q = &query{node: n}
	}
	return []*step{{node: txt(one(g.r, "EXPLAIN ", "EXPLAIN (COSTS off) ", "EXPLAIN (ANALYZE) ", "EXPLAIN (FORMAT JSON) ", "EXPLAIN (VERBOSE, ANALYZE, FORMAT JSON) "), q.node), accepted: true}}
}
