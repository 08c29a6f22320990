package planner

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// into is the INTO of a SELECT, which a set operation has in its first branch.
func into(s *pg_query.SelectStmt) *pg_query.IntoClause {
	for ; s != nil; s = s.Larg {
		if s.IntoClause != nil {
			return s.IntoClause
		}
	}
	return nil
}

// demand makes the statement that asks for the arguments without effects, where it can.
func (b *shipBuilder) demand() error {
	if b.leavesOut() || b.req.Node.GetCreateTableAsStmt().GetIfNotExists() { // where there is the table, nothing is asked
		return nil
	}
	own := *b // with changes of its own
	own.text.pieces = slices.Clone(b.text.pieces)
	left, err := own.leaveVolatile(source(b.req.Node))
	if err != nil {
		return err
	}
	b.plan.Left = left
	if f := own.demandText(left); f != nil {
		b.plan.Demand, _ = f.render(b.req.Span)
	}
	return nil
}

// source is the query whose rows a statement gives or writes; nil where there is none.
func source(n *pg_query.Node) *pg_query.SelectStmt {
	switch s := n.GetNode().(type) {
	case *pg_query.Node_SelectStmt:
		return s.SelectStmt
	case *pg_query.Node_DeclareCursorStmt:
		return s.DeclareCursorStmt.Query.GetSelectStmt()
	case *pg_query.Node_CreateTableAsStmt:
		return s.CreateTableAsStmt.Query.GetSelectStmt()
	case *pg_query.Node_InsertStmt:
		return s.InsertStmt.SelectStmt.GetSelectStmt()
	}
	return nil
}

// demandText gives the statement; nil where there is none. left says that something was left out of the query.
func (b *shipBuilder) demandText(left bool) *fragment {
	switch s := b.req.Node.GetNode().(type) {
	case *pg_query.Node_SelectStmt:
		if writesIn(s.SelectStmt.WithClause) {
			return nil
		}
		if into(s.SelectStmt) != nil {
			return b.withoutInto()
		}
		if left {
			return b.text.emit(b.req.Span)
		}
	case *pg_query.Node_DeclareCursorStmt:
		return b.query(s.DeclareCursorStmt.Query, pg_query.Token_FOR)
	case *pg_query.Node_CreateTableAsStmt:
		return b.query(s.CreateTableAsStmt.Query, pg_query.Token_AS)
	case *pg_query.Node_InsertStmt:
		return b.insertDemand(s.InsertStmt)
	case *pg_query.Node_UpdateStmt:
		return b.updateDemand(s.UpdateStmt)
	case *pg_query.Node_DeleteStmt:
		return b.deleteDemand(s.DeleteStmt)
	}
	return nil
}

// leaveVolatile puts NULL in place of leftItems of a query. It reports whether there were any.
func (b *shipBuilder) leaveVolatile(s *pg_query.SelectStmt) (bool, error) {
	items, err := b.leftItems(s)
	for i := range items {
		start := int(s.TargetList[i].GetResTarget().Location)
		b.text.replace(sqlparse.Span{Start: start, End: b.at.ExpressionEnd(start)}, "NULL")
	}
	return len(items) > 0, err
}

// leftItems are those items of a query's select list that hold volatile functions and no calls: nextval() is not to be
// called for a row that is read a second time. random() stays: without it others would give other values.
func (b *shipBuilder) leftItems(s *pg_query.SelectStmt) (map[int]bool, error) {
	items := map[int]bool{}
	if s == nil || s.Op != pg_query.SetOperation_SETOP_NONE || len(s.DistinctClause) > 0 {
		return items, nil
	}
	keys := slices.Concat(groupKeys(s.GroupClause), sortKeys(s))
	functions := map[int][]string{} // by item
	var names []string
	for i, n := range s.TargetList {
		t := n.GetResTarget()
		if b.count(n) == 0 && !slices.ContainsFunc(keys, func(k *pg_query.Node) bool { return means(k, i+1, columnName(t)) }) {
			functions[i] = b.plainFunctions(n)
			names = append(names, functions[i]...)
		}
	}
	if len(names) == 0 {
		return items, nil
	}
	volatile, err := b.cat.Volatile(names)
	if err != nil {
		return nil, err
	}
	for i, list := range functions {
		drawn := func(name string) bool { return seeded[name] || b.ordered && sequences[name] }
		if slices.ContainsFunc(list, func(name string) bool { return volatile[name] && !drawn(name) }) && !slices.ContainsFunc(list, drawn) {
			items[i] = true
		}
	}
	return items, nil
}

// plainFunctions lists the functions of an expression; none if one of them is an aggregate, or gives many rows.
func (b *shipBuilder) plainFunctions(n *pg_query.Node) []string {
	var names []string
	plain := true
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		if f := n.GetFuncCall(); f != nil {
			plain = plain && b.kinds[functionName(f)] == 0 && f.Over == nil && !f.AggStar
			names = append(names, functionName(f))
		}
		return true
	})
	if !plain {
		return nil
	}
	return names
}

// writesIn reports whether one of the common table expressions changes data. They can nowhere else than at the top.
func writesIn(w *pg_query.WithClause) bool {
	return slices.ContainsFunc(w.GetCtes(), func(n *pg_query.Node) bool {
		return n.GetCommonTableExpr().GetCtequery().GetSelectStmt() == nil
	})
}

// find is the index of the first token of a kind outside parentheses and brackets from token i on; -1 for none.
func (b *shipBuilder) find(i int, kind pg_query.Token) int {
	toks := b.at.Tokens()
	for ; i >= 0 && i < len(toks); i++ {
		if k := toks[i].Kind; k == pg_query.Token_ASCII_40 || k == pg_query.Token_ASCII_91 {
			if i = b.at.Closing(i); i < 0 {
				return -1
			}
			continue
		}
		if toks[i].Kind == kind {
			return i
		}
	}
	return -1
}

// span is the range from token i up to, without it, token j; empty where there is none between.
func (b *shipBuilder) span(i, j int) sqlparse.Span {
	toks := b.at.Tokens()
	if i >= j {
		return sqlparse.Span{}
	}
	return sqlparse.Span{Start: toks[i].Span.Start, End: toks[j-1].Span.End}
}

// emit gives the changed text of that range.
func (b *shipBuilder) emit(i, j int) *fragment {
	if i >= j {
		return &fragment{}
	}
	return b.text.emit(b.span(i, j))
}

// query is the query behind the first keyword of a kind: that of CREATE TABLE … AS query and DECLARE … FOR query.
func (b *shipBuilder) query(n *pg_query.Node, keyword pg_query.Token) *fragment {
	i := b.find(0, keyword)
	if s := n.GetSelectStmt(); s == nil || i < 0 || writesIn(s.WithClause) {
		return nil
	}
	toks := b.at.Tokens()
	end := len(toks)
	if keyword == pg_query.Token_AS { // WITH [NO] DATA
		if n := end - 2; n > i && toks[n].Kind == pg_query.Token_WITH && toks[n+1].Kind == pg_query.Token_DATA_P {
			end = n
		} else if n := end - 3; n > i && toks[n].Kind == pg_query.Token_WITH && toks[n+1].Kind == pg_query.Token_NO {
			return nil // nothing runs
		}
	}
	return b.emit(i+1, end)
}

// withoutInto is a SELECT INTO without its INTO.
func (b *shipBuilder) withoutInto() *fragment {
	toks := b.at.Tokens()
	i := b.find(0, pg_query.Token_INTO)
	if i < 0 {
		return nil
	}
	end := i + 1
	for end < len(toks) { // [TEMPORARY | UNLOGGED …] [TABLE] name
		switch toks[end].Kind {
		case pg_query.Token_TEMPORARY, pg_query.Token_TEMP, pg_query.Token_LOCAL, pg_query.Token_GLOBAL, pg_query.Token_UNLOGGED, pg_query.Token_TABLE:
			end++
			continue
		}
		break
	}
	for end++; end+1 < len(toks) && toks[end].Kind == pg_query.Token_ASCII_46; end += 2 {
		continue
	}
	f := b.emit(0, i)
	f.add(" ")
	return f.append(b.emit(end, len(toks)))
}

// withClause is the statement's own WITH up to the keyword that begins the statement proper, whose index it gives too.
func (b *shipBuilder) withClause(keyword pg_query.Token) (*fragment, int) {
	i := b.find(0, keyword)
	if i < 0 {
		return nil, -1
	}
	f := b.emit(0, i)
	if i > 0 {
		f.add(" ")
	}
	return f, i
}

// insertDemand reads what an INSERT would: its query, or those of its values that hold calls.
func (b *shipBuilder) insertDemand(s *pg_query.InsertStmt) *fragment {
	source := s.SelectStmt.GetSelectStmt()
	if source == nil || writesIn(s.WithClause) || writesIn(source.WithClause) {
		return nil
	}
	f, i := b.withClause(pg_query.Token_INSERT)
	if i < 0 {
		return nil
	}
	if len(source.ValuesLists) > 0 && source.WithClause == nil && len(source.SortClause) == 0 && source.LimitCount == nil && source.LimitOffset == nil {
		if b.givesSets(source) {
			return nil
		}
		return b.valuesDemand(f, i)
	}
	start := b.sourceStart(i)
	if start < 0 {
		return nil
	}
	end := b.sourceEnd(start, s)
	if !b.hasSite(b.span(0, i)) && !b.hasSite(b.span(start, end)) {
		return nil
	}
	query := b.emit(start, end)
	if s.WithClause == nil || source.WithClause == nil {
		return f.append(query)
	}
	return f.add("SELECT * FROM (").append(query).add(") AS pinnacle_source")
}

// sourceStart is the index of the first token of an INSERT's query, behind INTO table [AS alias] [(columns)]
// [OVERRIDING … VALUE].
func (b *shipBuilder) sourceStart(insert int) int {
	toks := b.at.Tokens()
	for i := insert + 2; i < len(toks); i++ {
		switch toks[i].Kind {
		case pg_query.Token_SELECT, pg_query.Token_VALUES, pg_query.Token_WITH, pg_query.Token_TABLE:
			return i
		case pg_query.Token_ASCII_40:
			if i+1 < len(toks) {
				switch toks[i+1].Kind {
				case pg_query.Token_SELECT, pg_query.Token_VALUES, pg_query.Token_WITH, pg_query.Token_TABLE, pg_query.Token_ASCII_40:
					return i
				}
			}
			if i = b.at.Closing(i); i < 0 {
				return -1
			}
		}
	}
	return -1
}

// sourceEnd is the index behind the last token of an INSERT's query.
func (b *shipBuilder) sourceEnd(start int, s *pg_query.InsertStmt) int {
	toks := b.at.Tokens()
	end := len(toks)
	if s.OnConflictClause != nil {
		for i := start; i >= 0; {
			if i = b.find(i, pg_query.Token_ON); i >= 0 && i+1 < len(toks) && toks[i+1].Kind == pg_query.Token_CONFLICT {
				return i
			} else if i >= 0 {
				i++
			}
		}
	}
	if len(s.ReturningList) > 0 {
		if i := b.find(start, pg_query.Token_RETURNING); i >= 0 {
			return i
		}
	}
	return end
}

// givesSets reports whether a function that gives many rows stands in VALUES, which only INSERT allows.
func (b *shipBuilder) givesSets(s *pg_query.SelectStmt) bool {
	found := false
	for _, n := range s.ValuesLists {
		sqlparse.Walk(n, func(n *pg_query.Node) bool {
			found = found || n.GetFuncCall() != nil && b.kinds[functionName(n.GetFuncCall())] == sqlparse.SetFunction
			return !found && n.GetSubLink() == nil
		})
	}
	return found
}

// valuesDemand lists the values with calls, one a row, as text: their types need not be one.
func (b *shipBuilder) valuesDemand(f *fragment, i int) *fragment {
	toks := b.at.Tokens()
	begin := "VALUES (("
	for i = b.find(i, pg_query.Token_VALUES) + 1; i > 0 && i < len(toks) && toks[i].Kind == pg_query.Token_ASCII_40; i++ {
		for _, span := range b.at.Items(i) {
			if b.hasSite(span) {
				f.add(begin).append(b.text.emit(span)).add(")::pg_catalog.text)")
				begin = ", (("
			}
		}
		if i = b.at.Closing(i) + 1; i == 0 || i >= len(toks) || toks[i].Kind != pg_query.Token_ASCII_44 {
			break
		}
	}
	if begin == "VALUES ((" { // the calls stand elsewhere
		return nil
	}
	return f
}

// updateDemand reads the rows that an UPDATE would change, with the new values that hold calls.
func (b *shipBuilder) updateDemand(s *pg_query.UpdateStmt) *fragment {
	if writesIn(s.WithClause) || s.WhereClause.GetCurrentOfExpr() != nil || constant(b.req.Node) {
		return nil // without a column, the table need not be readable
	}
	f, i := b.withClause(pg_query.Token_UPDATE)
	set := b.find(i, pg_query.Token_SET)
	if i < 0 || set < 0 {
		return nil
	}
	f.add("SELECT 1")
	toks := b.at.Tokens()
	assigned := map[string]bool{}
	for _, n := range s.TargetList {
		t := n.GetResTarget()
		assigned[t.Name] = true
		if m := t.Val.GetMultiAssignRef(); m != nil {
			if m.Colno == 1 {
				b.assignedRow(f, b.at.After(int(t.Location)), m)
			}
			continue
		}
		if b.count(t.Val) == 0 {
			continue
		}
		if eq := b.find(b.at.After(int(t.Location)), pg_query.Token_ASCII_61); eq > 0 {
			start := toks[eq+1].Span.Start
			f.add(", ").append(b.text.emit(sqlparse.Span{Start: start, End: b.at.ExpressionEnd(start)}))
		}
	}
	b.returning(f, s.ReturningList, assigned)
	f.add(" FROM ").append(b.emit(i+1, set))
	rest := b.find(set, pg_query.Token_FROM)
	if rest >= 0 && len(s.FromClause) > 0 {
		f.add(", ")
		rest++
	} else if rest = b.find(set, pg_query.Token_WHERE); rest >= 0 {
		f.add(" ")
	}
	return b.tail(f, rest, len(s.ReturningList) > 0)
}

// assignedRow adds what SET (a, b) = row assigns, where it holds calls; i is the token of the first column.
func (b *shipBuilder) assignedRow(f *fragment, i int, m *pg_query.MultiAssignRef) {
	open := b.at.Closing(i-1) + 2 // behind (a, b) =
	toks := b.at.Tokens()
	if m.Source.GetSubLink() != nil {
		if end := b.at.Closing(open) + 1; b.hasSite(b.span(open, end)) {
			f.add(", ARRAY(SELECT pinnacle_source FROM ").append(b.emit(open, end)).add(" AS pinnacle_source)")
		}
		return
	}
	if open < len(toks) && toks[open].Kind == pg_query.Token_ROW {
		open++
	}
	for _, item := range b.at.Items(open) {
		if b.hasSite(item) {
			f.add(", ").append(b.text.emit(item))
		}
	}
}

// tail adds the tokens from index i up to RETURNING; none where i is -1.
func (b *shipBuilder) tail(f *fragment, i int, returning bool) *fragment {
	if i < 0 {
		return f
	}
	end := len(b.at.Tokens())
	if returning {
		if end = b.find(i, pg_query.Token_RETURNING); end < 0 {
			return nil
		}
	}
	return f.append(b.emit(i, end))
}

// returning adds the items of RETURNING that hold calls and read none of the columns that are assigned.
func (b *shipBuilder) returning(f *fragment, list []*pg_query.Node, assigned map[string]bool) {
	for _, n := range list {
		t := n.GetResTarget()
		if b.count(n) == 0 || reads(n, assigned) {
			continue
		}
		start := int(t.Location)
		f.add(", ").append(b.text.emit(sqlparse.Span{Start: start, End: b.at.ExpressionEnd(start)}))
	}
}

// reads reports whether an expression may read one of the columns: by its name, or with a whole row.
func reads(n *pg_query.Node, columns map[string]bool) bool {
	found := false
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		if c := n.GetColumnRef(); c != nil && len(columns) > 0 {
			last := c.Fields[len(c.Fields)-1]
			found = found || last.GetAStar() != nil || columns[last.GetString_().GetSval()]
		}
		return !found
	})
	return found
}

// deleteDemand reads the rows that a DELETE would remove.
func (b *shipBuilder) deleteDemand(s *pg_query.DeleteStmt) *fragment {
	if writesIn(s.WithClause) || s.WhereClause.GetCurrentOfExpr() != nil || constant(b.req.Node) {
		return nil
	}
	f, i := b.withClause(pg_query.Token_DELETE_P)
	from := b.find(i, pg_query.Token_FROM)
	if i < 0 || from < 0 {
		return nil
	}
	f.add("SELECT 1")
	b.returning(f, s.ReturningList, nil)
	f.add(" FROM ")
	using := b.find(from, pg_query.Token_USING)
	if using < 0 || len(s.UsingClause) == 0 {
		return b.tail(f, from+1, len(s.ReturningList) > 0)
	}
	f.append(b.emit(from+1, using)).add(", ")
	return b.tail(f, using+1, len(s.ReturningList) > 0)
}
