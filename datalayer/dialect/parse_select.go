package dialect

import pg_query "github.com/pganalyze/pg_query_go/v5"

// selectStmt reads one query block.
func (p *parser) selectStmt(n *pg_query.SelectStmt, outer *scope) (*Select, error) {
	if err := plainSelect(n); err != nil {
		return nil, err
	}
	in := &scope{outer: outer}
	s := &Select{Distinct: len(n.DistinctClause) > 0, Lock: len(n.LockingClause) > 0}
	var err error
	if s.From, err = p.from(n.FromClause, in); err != nil {
		return nil, err
	}
	if s.Columns, err = p.targets(n.TargetList, in); err != nil {
		return nil, err
	}
	if s.Where, err = p.conditions(n.WhereClause, in); err != nil {
		return nil, err
	}
	if s.Having, err = p.conditions(n.HavingClause, in); err != nil {
		return nil, err
	}
	for _, g := range n.GroupClause {
		e, err := p.ordinalOr(g, s.Columns, in)
		if err != nil {
			return nil, err
		}
		s.GroupBy = append(s.GroupBy, e)
	}
	if s.OrderBy, err = p.sorts(n.SortClause, s.Columns, in); err != nil {
		return nil, err
	}
	if s.Limit, err = p.count(n.LimitCount, in); err != nil {
		return nil, err
	}
	s.Offset, err = p.count(n.LimitOffset, in)
	return s, err
}

// plainSelect refuses the clauses that postgres_fdw never writes.
func plainSelect(n *pg_query.SelectStmt) error {
	switch {
	case n.Op != pg_query.SetOperation_SETOP_NONE && n.Op != pg_query.SetOperation_SET_OPERATION_UNDEFINED:
		return notCanonical("UNION, INTERSECT or EXCEPT")
	case len(n.ValuesLists) > 0:
		return notCanonical("VALUES")
	case n.WithClause != nil:
		return notCanonical("WITH")
	case len(n.WindowClause) > 0:
		return notCanonical("WINDOW")
	case n.IntoClause != nil:
		return notCanonical("SELECT INTO")
	case n.LimitOption == pg_query.LimitOption_LIMIT_OPTION_WITH_TIES:
		return notCanonical("WITH TIES")
	case n.GroupDistinct:
		return notCanonical("GROUP BY DISTINCT")
	case len(n.DistinctClause) > 0 && n.DistinctClause[0].Node != nil:
		return notCanonical("DISTINCT ON")
	}
	return nil
}

// targets reads a select list or a RETURNING list. A literal that nothing gives a type is text, as in PostgreSQL.
func (p *parser) targets(list []*pg_query.Node, in *scope) ([]Expr, error) {
	var all []Expr
	for _, n := range list {
		t := n.GetResTarget()
		if t == nil {
			return nil, notCanonical("an item of the select list")
		}
		e, err := p.expr(t.Val, in)
		if err != nil {
			return nil, err
		}
		all = append(all, p.settle(e))
	}
	return all, nil
}

// ordinalOr reads a key of GROUP BY or ORDER BY: a number stands for a column of the select list.
func (p *parser) ordinalOr(n *pg_query.Node, columns []Expr, in *scope) (Expr, error) {
	if c := n.GetAConst(); c != nil && c.GetIval() != nil {
		i := int(c.GetIval().GetIval())
		if i < 1 || i > len(columns) {
			return nil, &ParseError{Code: "42P10", Message: "a position of GROUP BY or ORDER BY is not in the select list"}
		}
		return columns[i-1], nil
	}
	if n.GetGroupingSet() != nil {
		return nil, notCanonical("grouping sets")
	}
	e, err := p.expr(n, in)
	if err != nil {
		return nil, err
	}
	return p.settle(e), nil
}

// sorts reads ORDER BY. columns are what a number stands for, nil where it is a constant.
func (p *parser) sorts(list []*pg_query.Node, columns []Expr, in *scope) ([]Sort, error) {
	var all []Sort
	for _, n := range list {
		by := n.GetSortBy()
		if by == nil {
			return nil, notCanonical("ORDER BY")
		}
		var e Expr
		var err error
		if columns != nil {
			e, err = p.ordinalOr(by.Node, columns, in)
		} else if e, err = p.expr(by.Node, in); err == nil {
			e = p.settle(e)
		}
		if err != nil {
			return nil, err
		}
		s := Sort{Expr: e, Desc: by.SortbyDir == pg_query.SortByDir_SORTBY_DESC}
		if by.SortbyDir == pg_query.SortByDir_SORTBY_USING {
			s.Using = lastName(by.UseOp)
		}
		switch by.SortbyNulls {
		case pg_query.SortByNulls_SORTBY_NULLS_FIRST:
			s.NullsFirst = true
		case pg_query.SortByNulls_SORTBY_NULLS_DEFAULT:
			s.NullsFirst = s.Desc
		}
		all = append(all, s)
	}
	return all, nil
}

// count reads LIMIT or OFFSET; LIMIT ALL and LIMIT NULL are none.
func (p *parser) count(n *pg_query.Node, in *scope) (Expr, error) {
	if n == nil {
		return nil, nil
	}
	e, err := p.expr(n, in)
	if err != nil {
		return nil, err
	}
	if c, ok := e.(*Constant); ok && c.Null {
		return nil, nil
	}
	return p.coerce(e, oidInt8), nil
}

// lastName is a qualified name without its schema.
func lastName(names []*pg_query.Node) string {
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1].GetString_().GetSval()
}
