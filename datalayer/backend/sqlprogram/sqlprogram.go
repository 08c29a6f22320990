// Package sqlprogram compiles statements for engines that speak SQL: Selects through dialect's renderer, and around its
// conditions the changes, whose values are of the columns' own forms.
package sqlprogram

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Form is how an engine stores and gives the values of a column or a result.
type Form interface {
	// Stored writes a value that is put into the column, given a placeholder, a Literal or an expression.
	Stored(value string) string
	// Literal writes a constant, given in PostgreSQL's text, that the column stores.
	Literal(text string) (string, error)
	// Default writes what stands for DEFAULT in a row of VALUES.
	Default() string
	// Given writes the column in a select list.
	Given(ref string) string
}

// Grammar is what the compiler must know of an engine.
type Grammar[F Form] struct {
	SQL *dialect.SQL
	// Column gives the form of a column that the engine described, ok is false for any other.
	Column func(c *dialect.Column) (form F, ok bool)
	// Type gives the form of a computed value, or of a parameter of an expression.
	Type func(t dialect.Type) F
	// Same says that a parameter may be stored in columns of both forms.
	Same func(a, b F) bool
	// Placeholder writes the n-th placeholder, from 1.
	Placeholder func(n int) string
	// Alias is between a changed table and its alias: " " or " AS ".
	Alias string
	// InsertOrIgnore says that ON CONFLICT DO NOTHING is written INSERT OR IGNORE.
	InsertOrIgnore bool
	// NoUsing says that a DELETE names one table only.
	NoUsing bool
	// Name is the engine's name for messages.
	Name string
}

// Program is a compiled statement. It implements backend.Program.
type Program[F Form] struct {
	SQL string
	// Args are what the placeholders stand for, in their order.
	Args []Argument[F]
	// Outputs are the forms of the columns of the engine's result.
	Outputs []F
	// Rendered makes the statement's rows of the engine's; nil where they are the same.
	Rendered *dialect.Rendered
	// Changes says that it is no Select; Table is then what it changes.
	Changes bool
	Table   *dialect.Table
	// Guess is a rough number of the rows of a Select; negative: not known.
	Guess float64
}

// Argument is the parameter that a placeholder stands for.
type Argument[F Form] struct {
	Number int
	Form   F
}

// Text implements backend.Program.
func (p *Program[F]) Text() string { return p.SQL }

// Row makes a row of the statement's of one of the engine's.
func (p *Program[F]) Row(raw [][]byte) ([][]byte, error) {
	if p.Rendered == nil {
		return raw, nil
	}
	return p.Rendered.Row(raw)
}

// Param gives the value of argument i in PostgreSQL's text.
func (p *Program[F]) Param(i int, params [][]byte) ([]byte, error) {
	n := p.Args[i].Number
	if n < 1 || n > len(params) {
		return nil, &backend.Error{Code: "08P01", Message: "a parameter of the statement is missing"}
	}
	return params[n-1], nil
}

// Compile compiles any statement; an error is an *dialect.Unproven or a *backend.Error.
func (g *Grammar[F]) Compile(stmt dialect.Statement) (*Program[F], error) {
	c := &compiler[F]{Grammar: g, program: &Program[F]{Guess: -1}, sql: *g.SQL, stored: map[int]F{}}
	c.sql.Value = c.value
	c.r = c.sql.Begin()
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
type compiler[F Form] struct {
	*Grammar[F]
	program *Program[F]
	sql     dialect.SQL
	r       *dialect.Renderer
	// stored are the forms of the parameters that are put into columns.
	stored map[int]F
}

// value writes a placeholder for what is stored, and leaves the values of expressions to the engine.
func (c *compiler[F]) value(n int, e dialect.Expr) (text string, bound bool, err error) {
	if p, ok := e.(*dialect.Param); ok {
		if _, ok := c.stored[p.Number]; ok {
			return c.Placeholder(n), true, nil
		}
	}
	return c.SQL.Value(n, e)
}

// finish ends a change.
func (c *compiler[F]) finish(text string) error {
	rendered, err := c.r.Finish(text)
	if err != nil {
		return err
	}
	return c.take(rendered)
}

// take makes the program of a rendered statement.
func (c *compiler[F]) take(rendered *dialect.Rendered) error {
	c.program.SQL = rendered.Text
	for _, a := range rendered.Args {
		p, ok := a.(*dialect.Param)
		if !ok {
			return &dialect.Unproven{What: fmt.Sprintf("%T as a bound value", a)}
		}
		f, ok := c.stored[p.Number]
		if !ok {
			f = c.Type(p.Type)
		}
		c.program.Args = append(c.program.Args, Argument[F]{Number: p.Number, Form: f})
	}
	return nil
}

func (c *compiler[F]) selects(s *dialect.Select) error {
	rendered, err := c.sql.Render(s)
	if err != nil {
		return err
	}
	for _, raw := range rendered.Raw {
		f, ok := c.Column(raw.Column)
		if !ok {
			f = c.Type(raw.Type)
		}
		c.program.Outputs = append(c.program.Outputs, f)
	}
	if len(rendered.Raw) == 0 {
		c.program.Outputs = []F{c.Type(dialect.Type{OID: pgtype.TextOID, Mod: -1})}
	}
	if rendered.Computes() {
		c.program.Rendered = rendered
	}
	c.program.Guess = guess(s)
	return c.take(rendered)
}

// change begins a program that changes a table.
func (c *compiler[F]) change(r *dialect.Relation) (string, error) {
	t := r.Table
	if t.ReadOnly != "" {
		return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("relation %q cannot be changed", t.Name), Detail: t.ReadOnly}
	}
	c.program.Changes, c.program.Table = true, t
	text, err := c.r.From(&dialect.Relation{Table: t})
	if r.Alias != "" {
		text += c.Alias + c.sql.Quote(r.Alias)
	}
	return text, err
}

func (c *compiler[F]) insert(s *dialect.Insert) error {
	into, err := c.change(s.Into)
	if err != nil {
		return err
	}
	text := "INSERT INTO " + into
	if s.DoNothing && c.InsertOrIgnore {
		text = "INSERT OR IGNORE INTO " + into
	}
	if len(s.Columns) == 0 {
		text += " DEFAULT VALUES"
	} else {
		names := make([]string, len(s.Columns))
		for i, column := range s.Columns {
			names[i] = c.sql.Quote(column.Native)
		}
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
		text += " (" + strings.Join(names, ", ") + ") VALUES " + strings.Join(rows, ", ")
	}
	// A table without keys has nothing to conflict with, and DuckDB refuses the clause there.
	if s.DoNothing && !c.InsertOrIgnore && (len(s.Into.Table.PrimaryKey) > 0 || len(s.Into.Table.Uniques) > 0) {
		text += " ON CONFLICT DO NOTHING"
	}
	back, err := c.returning(s.Returning)
	if err != nil {
		return err
	}
	return c.finish(text + back)
}

func (c *compiler[F]) update(s *dialect.Update) error {
	target, err := c.change(s.Table)
	if err != nil {
		return err
	}
	sets := make([]string, len(s.Set))
	for i, a := range s.Set {
		value, err := c.put(a.Value, a.Column)
		if err != nil {
			return err
		}
		sets[i] = c.sql.Quote(a.Column.Native) + " = " + value
	}
	return c.changed("UPDATE "+target+" SET "+strings.Join(sets, ", "), " FROM ", s.From, s.Where, s.Returning)
}

func (c *compiler[F]) delete(s *dialect.Delete) error {
	target, err := c.change(s.Table)
	if err != nil {
		return err
	}
	if s.Using != nil && c.NoUsing {
		return &dialect.Unproven{What: "DELETE … USING"}
	}
	return c.changed("DELETE FROM "+target, " USING ", s.Using, s.Where, s.Returning)
}

// changed writes what follows the target of an UPDATE or a DELETE.
func (c *compiler[F]) changed(text, word string, from dialect.From, where, returning []dialect.Expr) error {
	if from != nil {
		if len(returning) > 0 {
			// SQLite and DuckDB know only the target's columns there.
			return &dialect.Unproven{What: "RETURNING of a change with a join"}
		}
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
func (c *compiler[F]) where(terms []dialect.Expr) (string, error) {
	if len(terms) != 1 {
		return c.r.Terms(terms)
	}
	key, ok := terms[0].(*dialect.RowKey)
	if !ok {
		return c.r.Terms(terms)
	}
	all := make([]string, len(key.Columns))
	for i, column := range key.Columns {
		value, err := c.put(key.Values[i], column)
		if err != nil {
			return "", err
		}
		name := c.sql.Quote(column.Native)
		if key.Relation != "" {
			name = c.sql.Quote(key.Relation) + "." + name
		}
		all[i] = name + " = " + value
	}
	return strings.Join(all, " AND "), nil
}

// put writes what is stored in a column, or compared with its key.
func (c *compiler[F]) put(e dialect.Expr, column *dialect.Column) (string, error) {
	f, ok := c.Column(column)
	if !ok {
		return "", &dialect.Unproven{What: "a column that the engine did not describe"}
	}
	switch v := e.(type) {
	case *dialect.Default:
		return f.Default(), nil
	case *dialect.Constant:
		if v.Null {
			return "NULL", nil
		}
		text, err := f.Literal(v.Text)
		return f.Stored(text), err
	case *dialect.Param:
		if old, ok := c.stored[v.Number]; ok && !c.Same(old, f) {
			return "", &dialect.Unproven{What: "one parameter for columns of several types"}
		}
		c.stored[v.Number] = f
		text, err := c.r.Expr(&dialect.Param{Number: v.Number, Type: dialect.Type{OID: pgtype.TextOID, Mod: -1}})
		return f.Stored(text), err
	}
	text, err := c.r.Expr(e)
	return f.Stored(text), err
}

func (c *compiler[F]) returning(columns []dialect.Expr) (string, error) {
	list := make([]string, len(columns))
	for i, e := range columns {
		ref, ok := e.(*dialect.ColumnRef)
		if !ok {
			return "", &dialect.Unproven{What: "RETURNING of an expression"}
		}
		f, ok := c.Column(ref.Column)
		if !ok {
			return "", &dialect.Unproven{What: "RETURNING of a column of another table"}
		}
		list[i] = f.Given(c.sql.Quote(ref.Column.Native))
		c.program.Outputs = append(c.program.Outputs, f)
	}
	if len(list) == 0 {
		return "", nil
	}
	return " RETURNING " + strings.Join(list, ", "), nil
}

// truncate empties one table; engines of this kind have no statement for several.
func (c *compiler[F]) truncate(s *dialect.Truncate) error {
	if len(s.Tables) != 1 {
		return &backend.Error{Code: "0A000", Message: c.Name + " empties one table at a time", Hint: "Truncate the tables one after the other."}
	}
	from, err := c.change(&dialect.Relation{Table: s.Tables[0]})
	if err != nil {
		return err
	}
	return c.finish("DELETE FROM " + from)
}
