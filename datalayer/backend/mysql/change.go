package mysql

import (
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// compileInsert makes a statement of an INSERT. MySQL has no RETURNING, and neither product an ON CONFLICT DO NOTHING:
// INSERT IGNORE lets other errors pass, and ON DUPLICATE KEY UPDATE does not tell how many rows are new.
func (e *Engine) compileInsert(s *dialect.Insert) (*Program, error) {
	if s.DoNothing || len(s.Returning) > 0 && !e.server.mariaDB {
		return e.insertInSteps(s)
	}
	return e.plainInsert(s)
}

// plainInsert is an INSERT of one statement.
func (e *Engine) plainInsert(s *dialect.Insert) (*Program, error) {
	c := e.compiler()
	c.text.WriteString("INSERT INTO " + tableName(s.Into.Table) + " (")
	for i, column := range s.Columns {
		if i > 0 {
			c.text.WriteString(", ")
		}
		c.text.WriteString(quote(column.Native))
	}
	c.text.WriteString(") VALUES ")
	rows := s.Rows
	if len(rows) == 0 {
		rows = [][]dialect.Expr{nil}
	}
	for i, row := range rows {
		if i > 0 {
			c.text.WriteString(", ")
		}
		if err := c.insertRow(s.Columns, row); err != nil {
			return nil, err
		}
	}
	return c.returning(s.Returning)
}

// insertRow writes one row of VALUES.
func (c *compiler) insertRow(columns []*dialect.Column, row []dialect.Expr) error {
	c.text.WriteString("(")
	for i, v := range row {
		if i > 0 {
			c.text.WriteString(", ")
		}
		if _, ok := v.(*dialect.Default); ok {
			// Of AUTO_INCREMENT columns DEFAULT is 0 in this SQL mode, and NULL the next number.
			c.text.WriteString(map[bool]string{true: "NULL", false: "DEFAULT"}[columns[i].Generated == dialect.Identity])
			continue
		}
		if err := c.put(v, factsOf(columns[i]), columns[i]); err != nil {
			return err
		}
	}
	c.text.WriteString(")")
	return nil
}

// returning writes MariaDB's RETURNING, and ends the program.
func (c *compiler) returning(list []dialect.Expr) (*Program, error) {
	if len(list) == 0 {
		return c.done()
	}
	c.text.WriteString(" RETURNING ")
	readers, err := c.list(list)
	if err != nil {
		return nil, err
	}
	p, err := c.done()
	if err == nil {
		p.columns = readers
	}
	return p, err
}

// compileUpdate makes a statement of an UPDATE of one table.
func (e *Engine) compileUpdate(s *dialect.Update) (*Program, error) {
	if s.From != nil {
		return nil, &dialect.Unproven{What: "UPDATE … FROM"}
	}
	if len(s.Returning) > 0 {
		return e.updateInSteps(s)
	}
	c := e.compiler()
	c.text.WriteString("UPDATE " + c.relation(s.Table) + " SET ")
	changed := map[*dialect.Column]bool{}
	for i, a := range s.Set {
		if i > 0 {
			c.text.WriteString(", ")
		}
		c.text.WriteString(quote(a.Column.Native) + " = ")
		if err := c.assign(a, changed); err != nil {
			return nil, err
		}
		changed[a.Column] = true
	}
	if err := c.where(s.Where); err != nil {
		return nil, err
	}
	return c.done()
}

// assign writes the value of an assignment. MySQL computes each from what those before it have set, MariaDB, by its SQL mode,
// from the old row as PostgreSQL does.
func (c *compiler) assign(a dialect.Assignment, changed map[*dialect.Column]bool) error {
	switch a.Value.(type) {
	case *dialect.Default:
		c.text.WriteString("DEFAULT")
		return nil
	case *dialect.Constant, *dialect.Param:
		return c.put(a.Value, factsOf(a.Column), a.Column)
	}
	var err error
	dialect.Walk(a.Value, func(e dialect.Expr) bool {
		if ref, ok := e.(*dialect.ColumnRef); ok && changed[ref.Column] && !c.engine.server.mariaDB {
			err = &dialect.Unproven{What: "an assignment of a column that the statement changes"}
		}
		return err == nil
	})
	if f := factsOf(a.Column); err == nil && (f.words != nil || f.fixed || f.kind == asJSON || f.kind == asBoolean) {
		err = &dialect.Unproven{What: "an expression assigned to column " + a.Column.Name}
	}
	if err == nil {
		err = checked(&dialect.Select{Columns: []dialect.Expr{a.Value}})
	}
	if err != nil {
		return err
	}
	text, err := c.r.Expr(a.Value)
	c.text.WriteString(text)
	return err
}

// compileDelete makes a statement of a DELETE from one table.
func (e *Engine) compileDelete(s *dialect.Delete) (*Program, error) {
	if s.Using != nil {
		return nil, &dialect.Unproven{What: "DELETE … USING"}
	}
	if len(s.Returning) > 0 && !e.server.mariaDB {
		return e.deleteInSteps(s)
	}
	c := e.compiler()
	// MariaDB's RETURNING takes no alias; without one columns stand for themselves.
	where, list := s.Where, s.Returning
	c.text.WriteString("DELETE FROM " + tableName(s.Table.Table))
	if s.Table.Alias != "" {
		where, list = unqualified(where), unqualified(list)
	}
	if err := c.where(where); err != nil {
		return nil, err
	}
	return c.returning(list)
}

// compileTruncate empties tables by DELETE: MySQL's TRUNCATE commits the transaction.
func (e *Engine) compileTruncate(s *dialect.Truncate) (*Program, error) {
	if s.RestartIdentity || s.Cascade {
		return nil, &backend.Error{Code: "0A000", Message: "the databackend cannot TRUNCATE with RESTART IDENTITY or CASCADE within a transaction",
			Hint: "Say TRUNCATE … CONTINUE IDENTITY RESTRICT, or DELETE."}
	}
	var each truncation
	var text []string
	for _, t := range s.Tables {
		p := &Program{text: "DELETE FROM " + tableName(t), guess: -1}
		each, text = append(each, p), append(text, p.text)
	}
	return &Program{text: strings.Join(text, "; "), steps: each, guess: -1}, nil
}

// unqualified gives expressions over one relation without its alias.
func unqualified(list []dialect.Expr) []dialect.Expr {
	bare := dialect.Rewrite{Expr: func(e dialect.Expr) dialect.Expr {
		switch x := e.(type) {
		case *dialect.ColumnRef:
			like := *x
			like.Relation = ""
			return &like
		case *dialect.RowKey:
			like := *x
			like.Relation = ""
			return &like
		}
		return e
	}}
	out := make([]dialect.Expr, len(list))
	for i, x := range list {
		out[i] = bare.One(x)
	}
	return out
}
