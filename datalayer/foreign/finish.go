package foreign

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// finishing is how a Select is answered that the engine is not asked for whole: each relation is read from the engine, under
// those conditions that it is proven to judge as PostgreSQL does, into a temporary table of the local PostgreSQL, where the
// statement then runs.
type finishing struct {
	scans []*scan
	// text is the statement over the temporary tables, params the places of its parameters among those of the statement:
	// those of conditions that the engine judges are not among them.
	text   string
	params []int
	// chunked says that the statement can be run over a part of the rows at a time.
	chunked bool
	// offset and limit are for the proxy to count, where the statement is chunked; limit is negative where there is none.
	offset, limit int64
	// read and fetched guess how many rows the engine looks at, and how many come to the local PostgreSQL.
	read, fetched float64
}

// scan is one relation that is read.
type scan struct {
	program backend.Program
	// params are the places of its parameters among those of the statement.
	params []int
	// table is the temporary table, create its columns.
	table, create string
	ids           *rowIDs
}

// ticketColumn is the temporary tables' column for ctid.
const ticketColumn = "pinnacle_ctid"

// finishSelect prepares a Select that is to be finished.
func (st *Statement) finishSelect(s *Server, tree *dialect.Select) error {
	if s.config.Finish == nil {
		return st.Unproven
	}
	f := &finishing{limit: -1}
	candidates := map[*dialect.Relation][]dialect.Expr{}
	if !st.unconditional {
		conditionsOf(tree, candidates)
	}
	relations := relationsOf(tree)
	left := *tree
	left.Lock = false
	scans := map[*dialect.Relation]*dialect.Select{}
	pushed := map[dialect.Expr]bool{}
	for _, r := range relations {
		scans[r] = s.proven(r, candidates[r], pushed)
	}
	left.Where = without(tree.Where, pushed)
	if len(relations) == 1 && tree.From == dialect.From(relations[0]) {
		f.chunk(s, &left, scans[relations[0]])
	}
	names := map[*dialect.Relation]*dialect.Table{}
	for i, r := range relations {
		sc, err := s.scanOf(r, scans[r], &left, i, len(relations) > 1, tree.Lock)
		if err != nil {
			return err
		}
		f.scans = append(f.scans, sc)
		if !found(scans[r]) {
			f.read += tableRows(r.Table)
		}
		f.fetched += guessRows(scans[r])
		names[r] = &dialect.Table{Schema: "pg_temp", Name: sc.table}
	}
	var numbers renumber
	f.text = dialect.Format(dialect.Rewrite{
		Expr: func(e dialect.Expr) dialect.Expr {
			if id, ok := e.(*dialect.RowID); ok {
				return &dialect.ColumnRef{Relation: id.Relation, Name: ticketColumn, Type: id.ResultType()}
			}
			return numbers.param(e)
		},
		Relation: func(r *dialect.Relation) *dialect.Relation {
			return &dialect.Relation{Table: names[r], Alias: r.Alias}
		},
	}.Select(&left))
	f.params = numbers.places
	st.finish = f
	return nil
}

// without are the terms that are not in a set.
func without(terms []dialect.Expr, drop map[dialect.Expr]bool) []dialect.Expr {
	var out []dialect.Expr
	for _, t := range terms {
		if !drop[t] {
			out = append(out, t)
		}
	}
	return out
}

// relationsOf are the relations of a query block and of those inside.
func relationsOf(tree *dialect.Select) []*dialect.Relation {
	out := dialect.Relations(tree.From)
	dialect.WalkStatement(tree, func(e dialect.Expr) bool {
		if x, ok := e.(*dialect.Exists); ok {
			out = append(out, relationsOf(x.Select)...)
			return false
		}
		return true
	})
	return out
}

// conditionsOf finds, for each relation, the AND terms that all its rows which matter fulfil: those of WHERE and of inner
// joins, and of outer joins those of ON for the side that may be missing.
func conditionsOf(tree *dialect.Select, out map[*dialect.Relation][]dialect.Expr) {
	conditionsIn(tree.From, tree.Where, out)
	dialect.WalkStatement(tree, func(e dialect.Expr) bool {
		if x, ok := e.(*dialect.Exists); ok {
			conditionsOf(x.Select, out)
			return false
		}
		return true
	})
}

func conditionsIn(from dialect.From, terms []dialect.Expr, out map[*dialect.Relation][]dialect.Expr) {
	switch f := from.(type) {
	case *dialect.Relation:
		for _, t := range terms {
			if onlyOf(t, f.Alias) {
				out[f] = append(out[f], t)
			}
		}
	case *dialect.Subquery:
		conditionsIn(f.Select.From, f.Select.Where, out)
	case *dialect.Join:
		both := append(append([]dialect.Expr(nil), terms...), f.On...)
		switch f.Kind {
		case dialect.InnerJoin, dialect.CrossJoin:
			conditionsIn(f.Left, both, out)
			conditionsIn(f.Right, both, out)
		case dialect.LeftJoin:
			conditionsIn(f.Left, terms, out)
			conditionsIn(f.Right, f.On, out)
		case dialect.RightJoin:
			conditionsIn(f.Left, f.On, out)
			conditionsIn(f.Right, terms, out)
		case dialect.FullJoin:
			conditionsIn(f.Left, nil, out)
			conditionsIn(f.Right, nil, out)
		}
	}
}

// onlyOf reports whether a term speaks of columns of one relation and of nothing else.
func onlyOf(term dialect.Expr, alias string) bool {
	only, some := true, false
	dialect.Walk(term, func(e dialect.Expr) bool {
		switch e := e.(type) {
		case *dialect.ColumnRef:
			only = only && e.Relation == alias && e.Column != nil
			some = true
		case *dialect.Exists, *dialect.RowID, *dialect.Aggregate, *dialect.WholeRow, *dialect.HasRow:
			only = false
		}
		return only
	})
	return only && some
}

// proven is the Select of one relation under those terms that the engine is proven to judge; they are added to pushed.
func (s *Server) proven(r *dialect.Relation, terms []dialect.Expr, pushed map[dialect.Expr]bool) *dialect.Select {
	probe := &dialect.Select{Columns: []dialect.Expr{&dialect.Constant{Null: true, Type: dialect.Type{OID: 25, Mod: -1}}}, From: r}
	if len(r.Table.Columns) > 0 {
		c := r.Table.Columns[0]
		probe.Columns = []dialect.Expr{&dialect.ColumnRef{Relation: r.Alias, Column: c, Name: c.Name, Type: c.Type}}
	}
	out := &dialect.Select{From: r}
	for _, t := range terms {
		probe.Where = []dialect.Expr{t}
		if _, unproven, err := s.engineCompile(probe); err == nil && unproven == nil {
			out.Where = append(out.Where, t)
			pushed[t] = true
		}
	}
	return out
}

// chunk sees whether the statement can run over parts of its one relation's rows. Where nothing but the select list is left
// to PostgreSQL, the engine sorts and counts.
func (f *finishing) chunk(s *Server, left, scan *dialect.Select) {
	if left.Distinct || len(left.GroupBy) > 0 || len(left.Having) > 0 || aggregates(left) {
		return
	}
	limit, okLimit := countOf(left.Limit, -1)
	offset, okOffset := countOf(left.Offset, 0)
	if !okLimit || !okOffset {
		return
	}
	if len(left.OrderBy) > 0 {
		if len(left.Where) > 0 {
			return
		}
		sorted := *scan
		sorted.OrderBy = left.OrderBy
		sorted.Columns = []dialect.Expr{left.OrderBy[0].Expr}
		if _, unproven, err := s.engineCompile(&sorted); err != nil || unproven != nil {
			return
		}
		scan.OrderBy = append([]dialect.Sort(nil), left.OrderBy...)
		left.OrderBy = nil
	}
	f.chunked, f.limit, f.offset = true, limit, offset
	left.Limit, left.Offset = nil, nil
	if len(left.Where) > 0 || limit < 0 {
		return
	}
	bounded := *scan
	bounded.Columns = []dialect.Expr{firstColumn(scan)}
	bounded.Limit = &dialect.Constant{Text: strconv.FormatInt(limit+offset, 10), Type: dialect.Type{OID: 20, Mod: -1}}
	if _, unproven, err := s.engineCompile(&bounded); err == nil && unproven == nil {
		scan.Limit = bounded.Limit
	}
}

// firstColumn is a column of a scan's relation.
func firstColumn(scan *dialect.Select) dialect.Expr {
	r := scan.From.(*dialect.Relation)
	c := r.Table.Columns[0]
	return &dialect.ColumnRef{Relation: r.Alias, Column: c, Name: c.Name, Type: c.Type}
}

// aggregates reports whether a block has aggregates, or selects inside.
func aggregates(s *dialect.Select) bool {
	found := false
	dialect.WalkStatement(s, func(e dialect.Expr) bool {
		switch e.(type) {
		case *dialect.Aggregate, *dialect.Exists:
			found = true
		}
		return !found
	})
	return found
}

// countOf reads a LIMIT or OFFSET that is a number; none is what is given. ok is false for anything else.
func countOf(e dialect.Expr, none int64) (n int64, ok bool) {
	if e == nil {
		return none, true
	}
	c, isConstant := stripCast(e).(*dialect.Constant)
	if !isConstant {
		return 0, false
	}
	if c.Null {
		return none, true
	}
	n, err := strconv.ParseInt(c.Text, 10, 64)
	return n, err == nil && n >= 0 && n < 1<<60
}

// scanOf makes the scan of a relation: the columns that what is left needs, and the key where it asks for ctid. Where rows
// are to be locked, all that are read are, if the engine has such locks.
func (s *Server) scanOf(r *dialect.Relation, tree *dialect.Select, left *dialect.Select, number int, joined, lock bool) (*scan, error) {
	needed := map[*dialect.Column]bool{}
	ticket := false
	dialect.WalkStatement(left, func(e dialect.Expr) bool {
		switch e := e.(type) {
		case *dialect.ColumnRef:
			if e.Relation == r.Alias && e.Column != nil {
				needed[e.Column] = true
			}
		case *dialect.RowID:
			ticket = ticket || e.Relation == r.Alias
		}
		return true
	})
	sc := &scan{table: fmt.Sprintf("pinnacle_%d", number+1)}
	var create []string
	readable := r.Table.Columns
	if r.Table.RowKey != nil {
		readable = append(readable[:len(readable):len(readable)], r.Table.RowKey)
	}
	for _, c := range readable {
		if needed[c] {
			tree.Columns = append(tree.Columns, &dialect.ColumnRef{Relation: r.Alias, Column: c, Name: c.Name, Type: c.Type})
			create = append(create, quoteName(c.Name)+" "+typeName(c))
		}
	}
	if len(create) == 0 && !ticket {
		c := r.Table.Columns[0]
		tree.Columns = []dialect.Expr{firstColumn(tree)}
		create = []string{quoteName(c.Name) + " " + typeName(c)}
	}
	if ticket {
		keys, err := keyColumns([]*dialect.Relation{r}, r.Alias)
		if err != nil {
			return nil, err
		}
		sc.ids = &rowIDs{joined: joined}
		for i := range tree.Columns {
			sc.ids.columns = append(sc.ids.columns, rowIDColumn{at: i})
		}
		id := rowIDColumn{at: -1}
		for i := range keys {
			id.key = append(id.key, len(tree.Columns)+i)
		}
		sc.ids.columns = append(sc.ids.columns, id)
		tree.Columns = append(tree.Columns, keys...)
		create = append(create, ticketColumn+" tid")
	}
	sc.create = strings.Join(create, ", ")
	var numbers renumber
	tree.Where = numbers.exprs(tree.Where)
	for i := range tree.OrderBy {
		tree.OrderBy[i].Expr = numbers.expr(tree.OrderBy[i].Expr)
	}
	sc.params = numbers.places
	var err error
	if lock {
		tree.Lock = true
		if sc.program, err = s.compileChange(tree); err == nil {
			return sc, nil
		}
		tree.Lock = false
	}
	sc.program, err = s.compileChange(tree)
	return sc, err
}

// typeName is a column's type for CREATE TABLE.
func typeName(c *dialect.Column) string {
	if c.TypeName != "" {
		return c.TypeName
	}
	return c.Type.String()
}

// quoteName quotes a name.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
