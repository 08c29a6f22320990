package duckdb

import (
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// program is a statement of DuckDB's. It implements backend.Program.
type program struct {
	text string
	args []argument
	// outputs are the forms of the columns of the result; rendered makes the statement's rows of them, nil where they are
	// the rows.
	outputs  []*form
	rendered *dialect.Rendered
	// changes says that it is no Select; table is then what it changes.
	changes bool
	table   *dialect.Table
	// rows is the number of rows of a table that is read whole; negative: not known.
	rows float64
}

// argument is what a placeholder stands for: the parameter of a number.
type argument struct {
	number int
	form   *form
}

// Text implements backend.Program.
func (p *program) Text() string { return p.text }

// Compile implements backend.Engine.
func (e *engine) Compile(stmt dialect.Statement) (backend.Program, error) {
	c := newCompiler(e.sql)
	var err error
	switch s := stmt.(type) {
	case *dialect.Select:
		err = c.selects(s)
	case *dialect.Insert:
		err = c.insert(s)
	case *dialect.Update:
		err = c.update(s)
	case *dialect.Delete:
		err = c.delete(s)
	case *dialect.Truncate:
		err = c.truncate(s)
	default:
		err = &dialect.Unproven{What: fmt.Sprintf("%T", stmt)}
	}
	if err != nil {
		return nil, err
	}
	return c.program, nil
}

// compiler writes one program.
type compiler struct {
	program *program
	sql     dialect.SQL
	r       *dialect.Renderer
	// stored are the forms of the parameters that are put into columns.
	stored map[int]*form
}

func newCompiler(sql *dialect.SQL) *compiler {
	c := &compiler{program: &program{rows: -1}, sql: *sql, stored: map[int]*form{}}
	c.sql.Value = c.value
	c.r = c.sql.Begin()
	return c
}

// finish ends a change.
func (c *compiler) finish(text string) error {
	rendered, err := c.r.Finish(text)
	if err != nil {
		return err
	}
	return c.take(rendered)
}

// take makes the program of a rendered statement.
func (c *compiler) take(rendered *dialect.Rendered) error {
	c.program.text = rendered.Text
	for _, a := range rendered.Args {
		p, ok := a.(*dialect.Param)
		if !ok {
			return &dialect.Unproven{What: fmt.Sprintf("%T as a bound value", a)}
		}
		f := c.stored[p.Number]
		if f == nil {
			f = &form{typ: p.Type}
		}
		c.program.args = append(c.program.args, argument{number: p.Number, form: f})
	}
	return nil
}

func (c *compiler) selects(s *dialect.Select) error {
	rendered, err := c.sql.Render(s)
	if err != nil {
		return err
	}
	for _, raw := range rendered.Raw {
		f := &form{typ: raw.Type}
		if raw.Column != nil {
			f = facts(raw.Column)
		}
		c.program.outputs = append(c.program.outputs, f)
	}
	if rendered.Computes() {
		c.program.rendered = rendered
	}
	if r, ok := s.From.(*dialect.Relation); ok && len(s.Where)+len(s.GroupBy) == 0 && !aggregates(s.Columns) {
		c.program.rows = r.Table.Rows
	}
	return c.take(rendered)
}

// aggregates reports an aggregate in a select list.
func aggregates(columns []dialect.Expr) bool {
	for _, e := range columns {
		if _, ok := e.(*dialect.ColumnRef); !ok {
			if _, ok := e.(*dialect.Constant); !ok {
				return true
			}
		}
	}
	return false
}

// facts gives what the engine knows of a column that it described.
func facts(column *dialect.Column) *form {
	if f, ok := column.Facts.(*form); ok {
		return f
	}
	return &form{typ: column.Type, native: "VARCHAR"}
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
	into, err := c.r.From(s.Into)
	if err != nil {
		return err
	}
	text := "INSERT INTO " + into
	if len(s.Columns) == 0 {
		text += " DEFAULT VALUES"
	} else {
		rows := make([]string, len(s.Rows))
		for i, row := range s.Rows {
			values := make([]string, len(row))
			for j, e := range row {
				if values[j], err = c.put(e, s.Columns[j]); err != nil {
					return err
				}
			}
			rows[i] = "(" + strings.Join(values, ", ") + ")"
		}
		text += " (" + names(s.Columns) + ") VALUES " + strings.Join(rows, ", ")
	}
	if s.DoNothing {
		text += " ON CONFLICT DO NOTHING"
	}
	back, err := c.returning(s.Returning)
	if err != nil {
		return err
	}
	return c.finish(text + back)
}

func names(columns []*dialect.Column) string {
	out := make([]string, len(columns))
	for i, column := range columns {
		out[i] = quote(column.Native)
	}
	return strings.Join(out, ", ")
}

func (c *compiler) update(s *dialect.Update) error {
	if err := c.change(s.Table.Table); err != nil {
		return err
	}
	target, err := c.r.From(s.Table)
	if err != nil {
		return err
	}
	sets := make([]string, len(s.Set))
	for i, a := range s.Set {
		value, err := c.put(a.Value, a.Column)
		if err != nil {
			return err
		}
		sets[i] = quote(a.Column.Native) + " = " + value
	}
	return c.changed("UPDATE "+target+" SET "+strings.Join(sets, ", "), " FROM ", s.From, s.Where, s.Returning)
}

func (c *compiler) delete(s *dialect.Delete) error {
	if err := c.change(s.Table.Table); err != nil {
		return err
	}
	target, err := c.r.From(s.Table)
	if err != nil {
		return err
	}
	return c.changed("DELETE FROM "+target, " USING ", s.Using, s.Where, s.Returning)
}

// changed writes what follows the target of an UPDATE or a DELETE.
func (c *compiler) changed(text, word string, from dialect.From, where, returning []dialect.Expr) error {
	if from != nil {
		other, err := c.r.From(from)
		if err != nil {
			return err
		}
		text += word + other
	}
	terms, err := c.where(where)
	if err != nil {
		return err
	}
	if terms != "" {
		text += " WHERE " + terms
	}
	back, err := c.returning(returning)
	if err != nil {
		return err
	}
	return c.finish(text + back)
}

// where writes the conditions of a change, or the key of one row.
func (c *compiler) where(terms []dialect.Expr) (string, error) {
	if len(terms) != 1 {
		return c.r.Terms(terms)
	}
	key, ok := terms[0].(*dialect.RowKey)
	if !ok {
		return c.r.Terms(terms)
	}
	var all []string
	for i, column := range key.Columns {
		value, err := c.put(key.Values[i], column)
		if err != nil {
			return "", err
		}
		name := quote(column.Native)
		if key.Relation != "" {
			name = quote(key.Relation) + "." + name
		}
		all = append(all, name+" = "+value)
	}
	return strings.Join(all, " AND "), nil
}

// put writes what is stored in a column, or compared with its key.
func (c *compiler) put(e dialect.Expr, column *dialect.Column) (string, error) {
	f := facts(column)
	switch v := e.(type) {
	case *dialect.Default:
		return "DEFAULT", nil
	case *dialect.Constant:
		if v.Null {
			return "NULL", nil
		}
		if _, err := f.write([]byte(v.Text)); err != nil {
			return "", err
		}
		return f.stored(f.literal(v.Text)), nil
	case *dialect.Param:
		if old := c.stored[v.Number]; old != nil && old.native != f.native {
			return "", &dialect.Unproven{What: "one parameter for columns of several types"}
		}
		c.stored[v.Number] = f
		text, err := c.r.Expr(&dialect.Param{Number: v.Number, Type: plain(textOID)})
		return f.stored(text), err
	}
	text, err := c.r.Expr(e)
	return f.stored(text), err
}

func (c *compiler) returning(columns []dialect.Expr) (string, error) {
	var list []string
	for _, e := range columns {
		ref, ok := e.(*dialect.ColumnRef)
		if !ok || ref.Column == nil {
			return "", &dialect.Unproven{What: "RETURNING of an expression"}
		}
		f := facts(ref.Column)
		list = append(list, f.given(quote(ref.Column.Native)))
		c.program.outputs = append(c.program.outputs, f)
	}
	if list == nil {
		return "", nil
	}
	return " RETURNING " + strings.Join(list, ", "), nil
}

// truncate empties one table; DuckDB has no statement for several.
func (c *compiler) truncate(s *dialect.Truncate) error {
	if len(s.Tables) != 1 {
		return &backend.Error{Code: "0A000", Message: "DuckDB empties one table at a time", Hint: "Truncate the tables one after the other."}
	}
	if err := c.change(s.Tables[0]); err != nil {
		return err
	}
	from, err := c.r.From(&dialect.Relation{Table: s.Tables[0]})
	if err != nil {
		return err
	}
	return c.finish("DELETE FROM " + from)
}
