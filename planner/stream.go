package planner

import (
	"strconv"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Request is a statement to be planned.
type Request struct {
	Text string
	// Span is the range of the SELECT in Text, Node its tree.
	Span  sqlparse.Span
	Node  *pg_query.Node
	Calls []*sqlparse.Call
	// Casts lists arguments, by their call's place in Stream.Calls and their own, that home is to cast to the declared
	// type because its implicit cast is needed.
	Casts map[[2]int]bool
	// Collations asks for a CollationsColumn: text of another collation than the default may be among the arguments and
	// the pieces of expressions.
	Collations bool
	// Shared asks PlanShip for one function for each kind and model, whatever its calls' ranks: home matches expressions
	// (of GROUP BY, say) by their functions, and calls that are written differently may be the same.
	Shared bool
	// Guard is an expression that PlanStream adds to what home computes of each row, "" for none. Then the plan is one of a
	// cursor, whose rows are read behind the statement: of its rows each is one of home's, and functions of the user's around
	// calls are refused, which would see what was written since.
	Guard string
	// Encoded asks PlanShip for functions that are Encoded: the client has another encoding than UTF-8.
	Encoded bool
	// Steady asks PlanShip to refuse volatile functions among arguments, and models that are not deterministic: home
	// evaluates the calls where rounds do not see it.
	Steady bool
}

// builder makes one Stream plan.
type builder struct {
	req     Request
	cat     Catalog
	shape   *sqlparse.SelectShape
	kinds   map[string]sqlparse.FunctionKind
	plan    *Stream
	made    map[*sqlparse.Call]int // index into plan.Calls
	same    map[string]int         // calls by model and argument texts
	leaves  map[string]ColumnID
	hidden  []*fragment // expression of each hidden column
	typed   []edit      // what makes Stream.Typed
	filters bool
	// later says that what is planned now runs only for rows that a condition with predict has left.
	later bool
}

// PlanStream plans a SELECT whose calls stand in its select list or in AND terms of its WHERE, or a statement that writes
// whose calls stand in its RETURNING. A call anywhere else is a *sqlparse.Error 0A000 that names the clause.
func PlanStream(req Request, cat Catalog) (*Stream, error) {
	shape, err := streamShape(req)
	if err != nil {
		return nil, err
	}
	b := &builder{
		req: req, cat: cat, shape: shape, made: map[*sqlparse.Call]int{}, same: map[string]int{},
		leaves: map[string]ColumnID{}, plan: &Stream{Tag: streamTag(req.Node), Limit: -1},
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	if b.kinds, err = cat.FunctionKinds(b.functionNames()); err != nil {
		return nil, err
	}
	if err := b.checkFunctions(); err != nil {
		return nil, err
	}
	if err := b.checkReturning(); err != nil {
		return nil, err
	}
	return b.plan, b.build()
}

// streamShape finds the list in which a plan's calls may stand: that of a SELECT, or RETURNING of a statement that writes.
func streamShape(req Request) (*sqlparse.SelectShape, error) {
	first := req.Calls[0].Span.Start
	switch s := req.Node.GetNode().(type) {
	case *pg_query.Node_SelectStmt:
		switch sel := s.SelectStmt; {
		case sel.GetOp() != pg_query.SetOperation_SETOP_NONE:
			return nil, refuseAt("UNION, INTERSECT or EXCEPT", first)
		case len(sel.GetValuesLists()) > 0:
			return nil, refuseAt("VALUES", first)
		case sel.GetIntoClause() != nil:
			return nil, refuseAt("SELECT INTO", first)
		default:
			return sqlparse.ShapeOf(req.Text, req.Span, sel)
		}
	default:
		if list := returningList(req.Node); len(list) > 0 {
			return sqlparse.ReturningOf(req.Text, req.Span, list)
		}
	}
	return nil, refuseAt(statementName(req.Node), first)
}

// returningList is the list of RETURNING; nil where there is none.
func returningList(n *pg_query.Node) []*pg_query.Node {
	switch s := n.GetNode().(type) {
	case *pg_query.Node_InsertStmt:
		return s.InsertStmt.ReturningList
	case *pg_query.Node_UpdateStmt:
		return s.UpdateStmt.ReturningList
	case *pg_query.Node_DeleteStmt:
		return s.DeleteStmt.ReturningList
	case *pg_query.Node_MergeStmt:
		return sqlparse.MergeReturning(s.MergeStmt)
	}
	return nil
}

// streamTag is a statement's command tag without the number of rows.
func streamTag(n *pg_query.Node) string {
	switch n.GetNode().(type) {
	case *pg_query.Node_InsertStmt:
		return "INSERT 0"
	case *pg_query.Node_UpdateStmt:
		return "UPDATE"
	case *pg_query.Node_DeleteStmt:
		return "DELETE"
	case *pg_query.Node_MergeStmt:
		return "MERGE"
	}
	return "SELECT"
}

// checkReturning refuses, around a call in RETURNING and in a cursor, functions that are not PostgreSQL's own: home would
// evaluate them when the statement has written all its rows, or behind it, and they may read what is written then.
func (b *builder) checkReturning() error {
	where := "a RETURNING"
	if b.req.Guard != "" {
		where = "a cursor"
		if b.filters {
			return refuseAt("WHERE of a cursor", b.req.Calls[0].Span.Start)
		}
	} else if b.req.Node.GetSelectStmt() != nil {
		return nil
	}
	var names []string
	for _, t := range b.shape.Targets {
		if calls := b.callsIn(t.Expr); len(calls) > 0 {
			names = append(names, sqlparse.FunctionNames(t.Node, b.req.Calls)...)
		}
	}
	for _, c := range b.req.Calls {
		for _, a := range c.Args {
			if sqlparse.HasCall(a.Node, b.req.Calls) {
				names = append(names, sqlparse.FunctionNames(a.Node, b.req.Calls)...)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	own, err := b.cat.UserFunctions(names)
	if err != nil {
		return err
	}
	for _, name := range names {
		if own[name] {
			return refuseAt(where+" that calls "+name, b.req.Calls[0].Span.Start)
		}
	}
	return nil
}

func (b *builder) build() error {
	var edits []edit
	for i, term := range b.shape.Terms {
		if calls := b.callsIn(term); len(calls) > 0 {
			if err := b.filter(i, term); err != nil {
				return err
			}
			edits = append(edits, edit{term, (&fragment{}).add("true")})
			b.typed = append(b.typed, edit{term, (&fragment{}).add("true")})
		}
	}
	if err := b.limits(&edits); err != nil {
		return err
	}
	last, err := b.targets(&edits)
	if err != nil {
		return err
	}
	if b.plan.Collated = b.collated(); b.req.Collations {
		b.collations()
	}
	if b.req.Guard != "" {
		b.addHidden(Hidden{Kind: CheckColumn}, (&fragment{}).add(b.req.Guard))
	}
	tail := b.hiddenList(len(b.shape.Targets) > 0)
	if last != nil {
		last.append(tail)
	} else {
		end := b.shape.TargetList.End
		edits = append(edits, edit{sqlparse.Span{Start: end, End: end}, tail})
	}
	b.plan.Home, b.plan.Origin = rewrite(b.req.Text, b.req.Span, edits)
	b.plan.Typed, _ = rewrite(b.req.Text, b.req.Span, b.typed)
	return nil
}

// callsIn lists the calls that stand in a span and in no other call.
func (b *builder) callsIn(s sqlparse.Span) []*sqlparse.Call {
	var in []*sqlparse.Call
	for _, c := range b.req.Calls {
		if c.Outer == nil && s.Contains(c.Span) {
			in = append(in, c)
		}
	}
	return in
}

// compute gives a new computed column.
func (b *builder) compute() ColumnID {
	b.plan.Computed++
	return ColumnID(-b.plan.Computed)
}

// addHidden adds a hidden column; its number is known at once.
func (b *builder) addHidden(h Hidden, expr *fragment) ColumnID {
	id := ColumnID(len(b.plan.Hidden))
	h.Name = "pinnacle_col_" + strconv.Itoa(int(id))
	b.plan.Hidden = append(b.plan.Hidden, h)
	b.hidden = append(b.hidden, expr)
	return id
}

// hiddenList is the hidden columns as the end of the select list.
func (b *builder) hiddenList(comma bool) *fragment {
	f := &fragment{}
	for i, e := range b.hidden {
		if comma || i > 0 {
			f.add(", ")
		} else {
			f.add(" ")
		}
		f.append(e).add(" AS " + b.plan.Hidden[i].Name)
	}
	return f
}

// leaf is the hidden column for a piece of an expression.
func (b *builder) leaf(s sqlparse.Span) ColumnID {
	text := s.Of(b.req.Text)
	if id, ok := b.leaves[text]; ok {
		return id
	}
	id := b.addHidden(Hidden{Kind: LeafColumn, Parameter: text[0] == '$'}, (&fragment{}).copy(b.req.Text, s))
	if !strings.Contains(text, "(") { // what may be volatile is evaluated once for each place
		b.leaves[text] = id
	}
	return id
}

// dissect takes an expression apart with all its calls known to the plan.
func (b *builder) dissect(span sqlparse.Span, node *pg_query.Node) (*sqlparse.Mixed, error) {
	return sqlparse.Dissect(b.req.Text, span, node, b.req.Calls, b.kinds)
}

// placeholder is an expression of a mixed one's type that home never evaluates.
func (b *builder) placeholder(m *sqlparse.Mixed) *fragment {
	return (&fragment{}).add("CASE WHEN false THEN (").append(b.placeholderBody(m)).add(") END")
}

// unfolded is a mixed expression with what home knows nothing of, but its type, in place of each call.
func (b *builder) unfolded(m *sqlparse.Mixed) *fragment {
	return (&fragment{}).mixed(b.req.Text, m, func(c *sqlparse.Call) string {
		t := b.plan.Calls[b.made[c]].Model.Returns.String()
		return "((SELECT NULL::" + t + ")::" + t + ")" // without the cast, ANY would take it for a query of its own
	})
}

// placeholderBody is a mixed expression with a NULL of the right type in place of each call.
func (b *builder) placeholderBody(m *sqlparse.Mixed) *fragment {
	return (&fragment{}).mixed(b.req.Text, m, func(c *sqlparse.Call) string {
		return "(NULL::" + b.plan.Calls[b.made[c]].Model.Returns.String() + ")"
	})
}

// evaluation gives the text of a mixed expression for an Eval. Steps for its calls are added to steps, the columns that
// it reads to eval.
func (b *builder) evaluation(m *sqlparse.Mixed, steps *[]Step, eval *Eval) (string, error) {
	cols := map[sqlparse.Span]ColumnID{}
	for _, p := range m.Parts {
		if p.Call == nil {
			cols[p.Span] = b.leaf(p.Span)
			continue
		}
		i, err := b.call(p.Call, steps)
		if err != nil {
			return "", err
		}
		cols[p.Span] = b.plan.Calls[i].Out
	}
	return m.Replace(b.req.Text, func(p sqlparse.Part) string {
		eval.addInput(cols[p.Span])
		return ColumnName(cols[p.Span])
	}), nil
}

// addInput notes that an Eval reads a column.
func (e *Eval) addInput(id ColumnID) {
	for _, have := range e.Inputs {
		if have == id {
			return
		}
	}
	e.Inputs = append(e.Inputs, id)
}

// ColumnName is how an Eval's text refers to a column of the batch.
func ColumnName(id ColumnID) string {
	return RowAlias + "." + ShortName(id)
}

// ShortName is a column's name within RowAlias.
func ShortName(id ColumnID) string {
	if i, ok := id.Computed(); ok {
		return "x" + strconv.Itoa(i)
	}
	return "c" + strconv.Itoa(int(id))
}

// convertible reports whether a call's answers can be handed to the client as they are, in any format.
func convertible(t udf.Type) bool {
	return pgvalue.Encodable(t, pgvalue.TextFormat) && pgvalue.Encodable(t, pgvalue.BinaryFormat)
}
