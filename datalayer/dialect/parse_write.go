package dialect

import (
	"fmt"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// column finds a column that is written.
func writtenColumn(t *Table, name string) (*Column, error) {
	c := t.Column(name)
	if c == nil {
		return nil, &ParseError{Code: "42703", Message: fmt.Sprintf("column %q of relation %q does not exist", name, t.Name)}
	}
	return c, nil
}

// insert reads INSERT INTO t(a, b) VALUES (…), …, or DEFAULT VALUES.
func (p *parser) insert(n *pg_query.InsertStmt) (*Insert, error) {
	if n.WithClause != nil {
		return nil, notCanonical("WITH")
	}
	in := &scope{}
	into, err := p.relation(n.Relation, in)
	if err != nil {
		return nil, err
	}
	s := &Insert{Into: into}
	for _, c := range n.Cols {
		col, err := writtenColumn(into.Table, c.GetResTarget().GetName())
		if err != nil {
			return nil, err
		}
		s.Columns = append(s.Columns, col)
	}
	if n.SelectStmt != nil {
		if err := p.rows(s, n.SelectStmt.GetSelectStmt()); err != nil {
			return nil, err
		}
	}
	if c := n.OnConflictClause; c != nil {
		if c.Action != pg_query.OnConflictAction_ONCONFLICT_NOTHING || c.Infer != nil {
			return nil, notCanonical("ON CONFLICT other than DO NOTHING")
		}
		s.DoNothing = true
	}
	s.Returning, err = p.targets(n.ReturningList, in)
	return s, err
}

// rows reads the lists of VALUES.
func (p *parser) rows(s *Insert, n *pg_query.SelectStmt) error {
	if n == nil || len(n.ValuesLists) == 0 {
		return notCanonical("INSERT … SELECT")
	}
	for _, list := range n.ValuesLists {
		items := list.GetList().GetItems()
		if len(items) != len(s.Columns) {
			return notCanonical("VALUES that do not fit the columns")
		}
		row := make([]Expr, 0, len(items))
		for i, item := range items {
			e, err := p.assigned(item, s.Columns[i], &scope{})
			if err != nil {
				return err
			}
			row = append(row, e)
		}
		s.Rows = append(s.Rows, row)
	}
	return nil
}

// assigned reads a value for a column.
func (p *parser) assigned(n *pg_query.Node, c *Column, in *scope) (Expr, error) {
	if n.GetSetToDefault() != nil {
		return &Default{Type: c.Type}, nil
	}
	e, err := p.expr(n, in)
	if err != nil {
		return nil, err
	}
	return p.assign(e, c.Type), nil
}

// update reads UPDATE t SET … [FROM …] [WHERE …].
func (p *parser) update(n *pg_query.UpdateStmt) (*Update, error) {
	if n.WithClause != nil {
		return nil, notCanonical("WITH")
	}
	in := &scope{}
	table, err := p.relation(n.Relation, in)
	if err != nil {
		return nil, err
	}
	s := &Update{Table: table}
	if s.From, err = p.from(n.FromClause, in); err != nil {
		return nil, err
	}
	for _, t := range n.TargetList {
		r := t.GetResTarget()
		if r == nil || len(r.Indirection) > 0 || r.Val.GetMultiAssignRef() != nil {
			return nil, notCanonical("an assignment")
		}
		col, err := writtenColumn(table.Table, r.Name)
		if err != nil {
			return nil, err
		}
		value, err := p.assigned(r.Val, col, in)
		if err != nil {
			return nil, err
		}
		s.Set = append(s.Set, Assignment{Column: col, Value: value})
	}
	if s.Where, err = p.conditions(n.WhereClause, in); err != nil {
		return nil, err
	}
	s.Returning, err = p.targets(n.ReturningList, in)
	return s, err
}

// delete reads DELETE FROM t [USING …] [WHERE …].
func (p *parser) delete(n *pg_query.DeleteStmt) (*Delete, error) {
	if n.WithClause != nil {
		return nil, notCanonical("WITH")
	}
	in := &scope{}
	table, err := p.relation(n.Relation, in)
	if err != nil {
		return nil, err
	}
	s := &Delete{Table: table}
	if s.Using, err = p.from(n.UsingClause, in); err != nil {
		return nil, err
	}
	if s.Where, err = p.conditions(n.WhereClause, in); err != nil {
		return nil, err
	}
	s.Returning, err = p.targets(n.ReturningList, in)
	return s, err
}

// truncate reads TRUNCATE a, b ….
func (p *parser) truncate(n *pg_query.TruncateStmt) (*Truncate, error) {
	s := &Truncate{RestartIdentity: n.RestartSeqs, Cascade: n.Behavior == pg_query.DropBehavior_DROP_CASCADE}
	for _, r := range n.Relations {
		rv := r.GetRangeVar()
		if rv == nil {
			return nil, notCanonical("TRUNCATE")
		}
		t, err := p.table(rv)
		if err != nil {
			return nil, err
		}
		s.Tables = append(s.Tables, t)
	}
	return s, nil
}
