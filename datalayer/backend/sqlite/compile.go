package sqlite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// program is a statement of SQLite's. It implements backend.Program.
type program struct {
	text string
	// params are the forms of the parameters by number, outputs those of the columns of the result.
	params, outputs []*form
	// changes says that it is no Select; table is then what it changes.
	changes bool
	table   *dialect.Table
	// rows estimates the result.
	rows float64
}

// Text implements backend.Program.
func (p *program) Text() string { return p.text }

// width is the number of values of a row.
func (p *program) width() int { return len(p.outputs) }

// Compile implements backend.Engine.
func (e *engine) Compile(stmt dialect.Statement) (backend.Program, error) {
	c := &compiler{program: &program{rows: -1}}
	var err error
	switch s := stmt.(type) {
	case *dialect.Select:
		err = c.selectPlain(s)
	case *dialect.Insert:
		err = c.insert(s)
	case *dialect.Update:
		err = c.update(s)
	case *dialect.Delete:
		err = c.delete(s)
	case *dialect.Truncate:
		err = c.truncate(s)
	default:
		err = &dialect.Unproven{What: fmt.Sprintf("a statement of kind %T", stmt)}
	}
	if err != nil {
		return nil, err
	}
	c.program.text = c.sql.String()
	return c.program, nil
}

// compiler writes one program.
type compiler struct {
	program *program
	sql     strings.Builder
}

func (c *compiler) write(parts ...string) {
	for _, p := range parts {
		c.sql.WriteString(p)
	}
}

// list writes n items with commas between.
func (c *compiler) list(n int, item func(i int) error) error {
	for i := range n {
		if i > 0 {
			c.write(", ")
		}
		if err := item(i); err != nil {
			return err
		}
	}
	return nil
}

// selectPlain compiles columns of one relation.
func (c *compiler) selectPlain(s *dialect.Select) error {
	r, ok := s.From.(*dialect.Relation)
	if !ok || len(s.Where)+len(s.GroupBy)+len(s.Having)+len(s.OrderBy) > 0 || s.Distinct || s.Limit != nil || s.Offset != nil {
		return &dialect.Unproven{What: "a select of more than the columns of one relation"}
	}
	c.program.rows = r.Table.Rows
	c.write("SELECT ")
	if err := c.outputs(s.Columns); err != nil {
		return err
	}
	c.write(" FROM ")
	c.relation(r)
	return nil
}

// outputs writes a select list, or what RETURNING gives.
func (c *compiler) outputs(columns []dialect.Expr) error {
	if len(columns) == 0 {
		columns = []dialect.Expr{&dialect.Constant{Null: true}}
	}
	return c.list(len(columns), func(i int) error {
		switch e := columns[i].(type) {
		case *dialect.ColumnRef:
			f, ok := facts(e.Column)
			if !ok {
				return &dialect.Unproven{What: "a column of a subquery"}
			}
			if e.Relation != "" {
				c.write(quote(e.Relation), ".")
			}
			c.write(quote(e.Column.Native))
			c.program.outputs = append(c.program.outputs, f)
			return nil
		case *dialect.Constant:
			if e.Null {
				c.write("NULL")
				c.program.outputs = append(c.program.outputs, &form{kind: text})
				return nil
			}
		}
		return &dialect.Unproven{What: "an expression"}
	})
}

// facts gives what the engine knows of a column that it described.
func facts(column *dialect.Column) (*form, bool) {
	if column == nil {
		return nil, false
	}
	f, ok := column.Facts.(*form)
	return f, ok
}

func (c *compiler) relation(r *dialect.Relation) {
	c.write(quote(r.Table.Native[len(r.Table.Native)-1]))
	if r.Alias != "" {
		c.write(" AS ", quote(r.Alias))
	}
}

// change begins a program that changes a table.
func (c *compiler) change(t *dialect.Table) error {
	if t.ReadOnly != "" {
		return &backend.Error{Code: "0A000", Message: fmt.Sprintf("relation %q cannot be changed", t.Name), Detail: t.ReadOnly}
	}
	c.program.changes, c.program.table = true, t
	return nil
}

func (c *compiler) insert(s *dialect.Insert) error {
	if err := c.change(s.Into.Table); err != nil {
		return err
	}
	c.write("INSERT ")
	if s.DoNothing {
		c.write("OR IGNORE ")
	}
	c.write("INTO ")
	c.relation(s.Into)
	if len(s.Columns) == 0 {
		c.write(" DEFAULT VALUES")
		return c.returning(s.Returning)
	}
	c.write(" (")
	_ = c.list(len(s.Columns), func(i int) error { c.write(quote(s.Columns[i].Native)); return nil })
	c.write(") VALUES ")
	err := c.list(len(s.Rows), func(r int) error {
		c.write("(")
		defer c.write(")")
		return c.list(len(s.Columns), func(i int) error { return c.value(s.Rows[r][i], s.Columns[i]) })
	})
	if err != nil {
		return err
	}
	return c.returning(s.Returning)
}

// value writes what is stored in a column.
func (c *compiler) value(e dialect.Expr, column *dialect.Column) error {
	f, ok := facts(column)
	if !ok {
		return &dialect.Unproven{What: "a column that SQLite did not describe"}
	}
	switch v := e.(type) {
	case *dialect.Param:
		return c.param(v, f)
	case *dialect.Constant:
		if v.Null {
			c.write("NULL")
			return nil
		}
		value, err := f.write([]byte(v.Text))
		if err != nil {
			return err
		}
		c.write(literal(value))
		return nil
	case *dialect.Default:
		if f.fallback == "" {
			c.write("NULL") // an INTEGER PRIMARY KEY counts on it
		} else {
			c.write("(", f.fallback, ")")
		}
		return nil
	}
	return &dialect.Unproven{What: "an expression as a value"}
}

// param writes a parameter, whose form is that of the column it is for.
func (c *compiler) param(p *dialect.Param, f *form) error {
	for len(c.program.params) < p.Number {
		c.program.params = append(c.program.params, &form{kind: text})
	}
	if old := c.program.params[p.Number-1]; old.column != "" && old.kind != f.kind {
		return &dialect.Unproven{What: "one parameter for columns of several types"}
	}
	c.program.params[p.Number-1] = f
	c.write("?", strconv.Itoa(p.Number))
	return nil
}

// literal writes a value as SQLite does.
func literal(value any) string {
	switch v := value.(type) {
	case int64:
		if v == -1<<63 {
			return "(-9223372036854775807 - 1)"
		}
		return strconv.FormatInt(v, 10)
	case float64:
		switch {
		case v > 1.7976931348623157e308:
			return "9e999"
		case v < -1.7976931348623157e308:
			return "-9e999"
		}
		s := strconv.FormatFloat(v, 'e', -1, 64)
		if !strings.Contains(s, ".") {
			s = strings.Replace(s, "e", ".0e", 1)
		}
		return s
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	}
	return "NULL"
}

func (c *compiler) update(s *dialect.Update) error {
	if err := c.change(s.Table.Table); err != nil {
		return err
	}
	if s.From != nil {
		return &dialect.Unproven{What: "UPDATE … FROM"}
	}
	c.write("UPDATE ")
	c.relation(s.Table)
	c.write(" SET ")
	err := c.list(len(s.Set), func(i int) error {
		c.write(quote(s.Set[i].Column.Native), " = ")
		return c.value(s.Set[i].Value, s.Set[i].Column)
	})
	if err != nil {
		return err
	}
	if err := c.where(s.Where); err != nil {
		return err
	}
	return c.returning(s.Returning)
}

func (c *compiler) delete(s *dialect.Delete) error {
	if err := c.change(s.Table.Table); err != nil {
		return err
	}
	if s.Using != nil {
		return &dialect.Unproven{What: "DELETE … USING"}
	}
	c.write("DELETE FROM ")
	c.relation(s.Table)
	if err := c.where(s.Where); err != nil {
		return err
	}
	return c.returning(s.Returning)
}

// where writes the condition of a change: none, or the key of one row.
func (c *compiler) where(terms []dialect.Expr) error {
	if len(terms) == 0 {
		return nil
	}
	key, ok := terms[0].(*dialect.RowKey)
	if !ok || len(terms) > 1 {
		return &dialect.Unproven{What: "the condition of a change"}
	}
	c.write(" WHERE ")
	for i, column := range key.Columns {
		if i > 0 {
			c.write(" AND ")
		}
		c.write(quote(column.Native), " = ")
		if err := c.value(key.Values[i], column); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) returning(columns []dialect.Expr) error {
	if len(columns) == 0 {
		return nil
	}
	c.write(" RETURNING ")
	return c.outputs(columns)
}

// truncate empties one table; SQLite has no statement for several.
func (c *compiler) truncate(s *dialect.Truncate) error {
	if len(s.Tables) != 1 {
		return &backend.Error{Code: "0A000", Message: "SQLite empties one table at a time", Hint: "Truncate the tables one after the other."}
	}
	if err := c.change(s.Tables[0]); err != nil {
		return err
	}
	c.write("DELETE FROM ")
	c.relation(&dialect.Relation{Table: s.Tables[0]})
	return nil
}
