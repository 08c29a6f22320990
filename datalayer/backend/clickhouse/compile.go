package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Compile implements backend.Engine.
func (e *Engine) Compile(stmt dialect.Statement) (backend.Program, error) {
	var p *Program
	var err error
	switch s := stmt.(type) {
	case *dialect.Select:
		p, err = e.compileSelect(s)
	case *dialect.Insert:
		p, err = e.compileInsert(s)
	case *dialect.Update:
		p, err = e.compileUpdate(s)
	case *dialect.Delete:
		p, err = e.compileDelete(s)
	case *dialect.Truncate:
		p, err = e.compileTruncate(s)
	default:
		err = &dialect.Unproven{What: fmt.Sprintf("%T", stmt)}
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// compiler writes one statement.
type compiler struct{ pieces []piece }

// write appends text.
func (c *compiler) write(text string) { c.pieces = append(c.pieces, piece{text: text}) }

// quote writes a name.
func quote(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// tableName writes the name of a table with its database.
func tableName(t *dialect.Table) string {
	parts := make([]string, len(t.Native))
	for i, n := range t.Native {
		parts[i] = quote(n)
	}
	return strings.Join(parts, ".")
}

// factsOf are what the engine knows of a column.
func factsOf(c *dialect.Column) facts {
	f, _ := c.Facts.(facts)
	return f
}

// compileSelect makes a statement of a scan.
func (e *Engine) compileSelect(s *dialect.Select) (*Program, error) {
	from, ok := s.From.(*dialect.Relation)
	if !ok || len(s.GroupBy)+len(s.Having)+len(s.OrderBy) > 0 || s.Distinct || s.Limit != nil || s.Offset != nil {
		return nil, &dialect.Unproven{What: "more than a scan"}
	}
	c, p := &compiler{}, &Program{guess: -1}
	c.write("SELECT ")
	for i, x := range s.Columns {
		if i > 0 {
			c.write(", ")
		}
		read, err := c.output(x)
		if err != nil {
			return nil, err
		}
		p.columns = append(p.columns, read)
	}
	if len(s.Columns) == 0 {
		c.write("NULL")
	}
	c.write(" FROM " + tableName(from.Table))
	if from.Alias != "" {
		c.write(" AS " + quote(from.Alias))
	}
	if err := c.where(s.Where); err != nil {
		return nil, err
	}
	if len(s.Where) == 0 {
		p.guess = from.Table.Rows
	}
	p.pieces = c.pieces
	return p, nil
}

// output writes one column of a result.
func (c *compiler) output(x dialect.Expr) (column, error) {
	switch x := x.(type) {
	case *dialect.ColumnRef:
		if x.Column == nil {
			break
		}
		f := factsOf(x.Column)
		c.write(f.shownAs(reference(x)))
		return column{facts: f, name: x.Column.Name}, nil
	case *dialect.Constant:
		if x.Null {
			c.write("NULL")
			return column{}, nil
		}
	}
	return column{}, &dialect.Unproven{What: fmt.Sprintf("%T in a select list", x)}
}

// reference writes a column.
func reference(x *dialect.ColumnRef) string {
	if x.Relation != "" {
		return quote(x.Relation) + "." + quote(x.Column.Native)
	}
	return quote(x.Column.Native)
}

// where writes conditions: tests for NULL, and equality of a column and a value.
func (c *compiler) where(terms []dialect.Expr) error {
	for i, term := range terms {
		c.write(map[bool]string{true: " WHERE ", false: " AND "}[i == 0])
		switch x := term.(type) {
		case *dialect.NullTest:
			if ref, ok := x.Arg.(*dialect.ColumnRef); ok && ref.Column != nil {
				c.write(reference(ref) + map[bool]string{true: " IS NOT NULL", false: " IS NULL"}[x.Not])
				continue
			}
		case *dialect.Operator:
			ref, ok := x.Left.(*dialect.ColumnRef)
			if ok && x.Name == "=" && ref.Column != nil && ref.Column.Exact && factsOf(ref.Column).words == nil && x.Right.ResultType().OID == ref.Type.OID {
				c.write(reference(ref) + " = ")
				if err := c.value(x.Right, factsOf(ref.Column), nil); err != nil {
					return err
				}
				continue
			}
		}
		return &dialect.Unproven{What: "a condition other than equality"}
	}
	return nil
}

// value appends a value. into is the column that is written, nil in conditions.
func (c *compiler) value(x dialect.Expr, f facts, into *dialect.Column) error {
	p := piece{value: true, facts: f}
	if into != nil {
		p.column, p.required = into.Name, into.NotNull
	}
	switch x := x.(type) {
	case *dialect.Constant:
		p.text, p.null = x.Text, x.Null
	case *dialect.Param:
		p.number = x.Number
	default:
		return &dialect.Unproven{What: fmt.Sprintf("%T as a value", x)}
	}
	c.pieces = append(c.pieces, p)
	return nil
}

// compileInsert makes a statement of an INSERT. Nothing is unique in ClickHouse, so DO NOTHING has no effect.
func (e *Engine) compileInsert(s *dialect.Insert) (*Program, error) {
	p := &Program{guess: -1}
	var written []*dialect.Column
	for i, column := range s.Columns {
		defaults := 0
		for _, row := range s.Rows {
			if _, ok := row[i].(*dialect.Default); ok {
				defaults++
			}
		}
		if defaults == 0 {
			written = append(written, column)
		} else if defaults < len(s.Rows) {
			return nil, &backend.Error{Code: "0A000", Message: fmt.Sprintf("ClickHouse cannot take DEFAULT for column %q in some rows of an INSERT only", column.Name), Column: column.Name}
		}
	}
	if len(written) == 0 {
		return nil, &backend.Error{Code: "0A000", Message: "ClickHouse lacks an INSERT of nothing but defaults"}
	}
	names := make([]string, len(written))
	for i, column := range written {
		names[i] = quote(column.Native)
	}
	p.pieces = []piece{{text: "INSERT INTO " + tableName(s.Into.Table) + " (" + strings.Join(names, ", ") + ") FORMAT TabSeparated"}}
	for _, row := range s.Rows {
		c := &compiler{}
		for i, column := range s.Columns {
			if !slices.Contains(written, column) {
				continue
			}
			if err := c.value(row[i], factsOf(column), column); err != nil {
				return nil, err
			}
		}
		p.rows = append(p.rows, c.pieces)
	}
	return p, p.echoes(s.Returning, written)
}

// echoes notes which values RETURNING gives back: those that were written, for ClickHouse itself gives none.
func (p *Program) echoes(returning []dialect.Expr, written []*dialect.Column) error {
	for _, x := range returning {
		ref, ok := x.(*dialect.ColumnRef)
		at := -1
		if ok && ref.Column != nil && factsOf(ref.Column).kind != asJSON {
			at = slices.Index(written, ref.Column)
		}
		if at < 0 {
			return &backend.Error{Code: "0A000", Message: "ClickHouse has no RETURNING: only values that the INSERT itself says can be given back"}
		}
		p.echo = append(p.echo, at)
	}
	return nil
}

// changes makes the program of an UPDATE or a DELETE, and the select that counts its rows: ClickHouse does not say.
func changes(c *compiler, t *dialect.Table, where []dialect.Expr, returning []dialect.Expr) (*Program, error) {
	if len(returning) > 0 {
		return nil, &backend.Error{Code: "0A000", Message: "ClickHouse has no RETURNING for UPDATE and DELETE", Table: t.Name}
	}
	counting := &compiler{}
	counting.write("SELECT count() FROM " + tableName(t))
	if len(where) == 0 {
		c.write(" WHERE 1")
	}
	if err := counting.where(where); err != nil {
		return nil, err
	}
	if err := c.where(where); err != nil {
		return nil, err
	}
	return &Program{pieces: c.pieces, count: &Program{pieces: counting.pieces}, guess: -1}, nil
}

// compileUpdate makes a mutation of an UPDATE that goes down whole.
func (e *Engine) compileUpdate(s *dialect.Update) (*Program, error) {
	if s.From != nil {
		return nil, &dialect.Unproven{What: "UPDATE … FROM"}
	}
	c := &compiler{}
	c.write("ALTER TABLE " + tableName(s.Table.Table) + " UPDATE ")
	for i, a := range s.Set {
		if i > 0 {
			c.write(", ")
		}
		f := factsOf(a.Column)
		if f.keyed {
			return nil, &backend.Error{Code: "0A000", Message: fmt.Sprintf("ClickHouse cannot update column %q: it is part of the table's sorting or partition key", a.Column.Name), Column: a.Column.Name}
		}
		c.write(quote(a.Column.Native) + " = ")
		if err := c.value(a.Value, f, a.Column); err != nil {
			return nil, err
		}
	}
	return changes(c, s.Table.Table, unqualified(s.Where), s.Returning)
}

// compileDelete makes a DELETE that goes down whole.
func (e *Engine) compileDelete(s *dialect.Delete) (*Program, error) {
	if s.Using != nil {
		return nil, &dialect.Unproven{What: "DELETE … USING"}
	}
	c := &compiler{}
	c.write("DELETE FROM " + tableName(s.Table.Table))
	return changes(c, s.Table.Table, unqualified(s.Where), s.Returning)
}

// unqualified gives conditions over one relation without its alias, which mutations do not take.
func unqualified(terms []dialect.Expr) []dialect.Expr {
	out := make([]dialect.Expr, len(terms))
	for i, x := range terms {
		switch x := x.(type) {
		case *dialect.ColumnRef:
			bare := *x
			bare.Relation = ""
			out[i] = &bare
		case *dialect.Operator:
			bare := *x
			sides := unqualified([]dialect.Expr{x.Left, x.Right})
			bare.Left, bare.Right = sides[0], sides[1]
			out[i] = &bare
		case *dialect.NullTest:
			bare := *x
			bare.Arg = unqualified([]dialect.Expr{x.Arg})[0]
			out[i] = &bare
		default:
			out[i] = x
		}
	}
	return out
}

// compileTruncate empties tables.
func (e *Engine) compileTruncate(s *dialect.Truncate) (*Program, error) {
	var first *Program
	for _, t := range s.Tables {
		p := &Program{pieces: []piece{{text: "TRUNCATE TABLE " + tableName(t)}}, guess: -1}
		if first == nil {
			first = p
			continue
		}
		first.all = append(first.all, p)
	}
	return first, nil
}
