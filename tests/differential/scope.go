package differential

import (
	"math/rand/v2"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
)

// generator makes one case. It is used once.
type generator struct {
	r  *rand.Rand
	db *database
	// calls is how many more calls of a model may be made.
	calls int
	// parameters says that $n may be used; params are those in use.
	parameters bool
	params     []param
	// positions are where calls stand, by the names of the table of results.
	positions map[string]bool
	// models are the models that are called.
	models map[string]bool
	// aliases counts the relations, for their names.
	aliases int
	// detailed has the next call be one of predict_details.
	detailed bool
	// ctes are what FROM may name beside tables.
	ctes []*relation
}

// param is a parameter: its type, and its value, "" for NULL.
type param struct {
	typ   typ
	value string
	null  bool
	// binary says that the value is sent in binary, declared that Parse says the type.
	binary, declared bool
}

// sent are parameters as a side sends them.
func sent(params []param) []peer.Param {
	var list []peer.Param
	for _, p := range params {
		list = append(list, peer.Param{Type: string(p.typ), Value: p.value, Null: p.null, Binary: p.binary, Declared: p.declared})
	}
	return list
}

// newGenerator makes a generator for one case on a database.
func newGenerator(r *rand.Rand, db *database) *generator {
	return &generator{r: r, db: db, calls: 5, positions: map[string]bool{}, models: map[string]bool{}}
}

// chance is true n times in a hundred.
func (g *generator) chance(n int) bool { return g.r.IntN(100) < n }

// field is an expression that a scope offers: a column, or what a query is grouped by.
type field struct {
	node *node
	// column says that it is a plain column, which subqueries of a grouped query may use too.
	column bool
}

// scope is what expressions of one query see.
type scope struct {
	fields []field
	// keys order the rows wholly, but for rows that are the same in every column.
	keys []*node
	// outer is the query around, for a correlated subquery.
	outer *scope
	// inner is what aggregates are over, in a query that has them; nil where no aggregate may stand.
	inner *scope
	// rows are relations whose rows are all arguments of a model.
	rows []arguments
	// windows says that window functions may stand here.
	windows bool
}

// arguments is a relation whose columns have the names and types of a model's arguments.
type arguments struct {
	alias, model string
}

// wholeRow is the argument that stands for all arguments of a model, nil where no relation has them. The oracle gets the columns one
// by one.
func (s *scope) wholeRow(m model) *node {
	if s == nil {
		return nil
	}
	for _, r := range s.rows {
		if r.model != m.name {
			continue
		}
		var columns []string
		for _, a := range m.args {
			columns = append(columns, r.alias+"."+a.name)
		}
		spelling := r.alias
		if len(s.fields)%2 == 0 {
			spelling += ".*"
		}
		return txt(oracleOnly(strings.Join(columns, ", ")), proxyOnly(spelling))
	}
	return nil
}

// relation is something in FROM.
type relation struct {
	node *node
	// fields and keys are for the relation's own alias.
	fields []field
	keys   []*node
	// names are the columns' names, as written.
	names []string
	// rows is about how many rows it has.
	rows int
	// model is the model whose arguments the columns are, if it is not "".
	model, alias string
	// common says that it has columns id and k, as tables have, which USING may join.
	common bool
}

// place is where an expression stands.
type place struct {
	scope *scope
	// position is what a call there is noted as, via the operator that the call is an operand of.
	position, via string
	// depth is how many levels of operators there may be.
	depth int
	// must says that a call has to be in the expression; may, that there can be one.
	must, may bool
}

// kids are places for the operands of an operator at p. If a call must be in the whole, it must be in one of them.
func (g *generator) kids(n int, p place, via string) []place {
	out := make([]place, n)
	chosen := g.r.IntN(n)
	for i := range out {
		out[i] = p
		out[i].depth--
		out[i].must = p.must && i == chosen
		if via != "" {
			out[i].via = via
		}
	}
	return out
}

// plainly is the place without calls and with little depth.
func (p place) plainly() place {
	p.must, p.may = false, false
	p.depth = min(p.depth, 1)
	return p
}

// alias names a relation.
func (g *generator) alias() string {
	g.aliases++
	if g.chance(4) {
		return `"R ` + itoa(g.aliases) + `"`
	}
	return "r" + itoa(g.aliases)
}

// columnsOf are fields for the columns of a relation with an alias.
func columnsOf(alias string, columns []column) []field {
	var out []field
	for _, c := range columns {
		if c.typ == tPair {
			out = append(out, field{expr(tInt4, "("+alias+"."+c.name+").a"), true}, field{expr(tText, "("+alias+"."+c.name+").b"), true})
		}
		out = append(out, field{expr(c.typ, alias+"."+c.name), true})
	}
	return out
}

// fieldOf picks a field of a type, from the query around now and then; nil if there is none.
func (g *generator) fieldOf(t typ, s *scope) *node {
	if s == nil {
		return nil
	}
	if s.outer != nil && g.chance(20) {
		if n := g.fieldOf(t, s.outer.forSubquery()); n != nil {
			return n
		}
	}
	var fit []*node
	for _, f := range s.fields {
		if f.node.typ == t {
			fit = append(fit, f.node)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return one(g.r, fit...)
}

// forSubquery is the scope as a subquery sees it: columns alone, no aggregates.
func (s *scope) forSubquery() *scope {
	out := &scope{outer: s.outer}
	for _, f := range s.fields {
		if f.column {
			out.fields = append(out.fields, f)
		}
	}
	return out
}

// rowwise is the scope for an expression inside an aggregate or a window function: neither may hold another.
func (s *scope) rowwise() *scope {
	out := *s
	out.inner, out.windows = nil, false
	return &out
}

// alone is the scope without the query around.
func (s *scope) alone() *scope {
	out := *s
	out.outer = nil
	return &out
}
