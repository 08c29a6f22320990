package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

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
type compiler struct {
	sql  dialect.SQL
	r    *dialect.Renderer
	text strings.Builder
	// values stand at the marks of the text; stored are those that are put into columns.
	values, stored []piece
}

// compiler begins a statement.
func (e *Engine) compiler() *compiler {
	c := &compiler{sql: *e.sql}
	c.sql.Value = c.value
	c.r = c.sql.Begin()
	return c
}

// write appends text.
func (c *compiler) write(text string) { c.text.WriteString(text) }

// done gives the parts of what was written.
func (c *compiler) done() ([]piece, error) {
	rendered, err := c.r.Finish(c.text.String())
	if err != nil {
		return nil, err
	}
	return c.pieces(rendered.Text)
}

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

// compileSelect makes a statement of a Select.
func (e *Engine) compileSelect(s *dialect.Select) (*Program, error) {
	if err := checked(s.From); err != nil {
		return nil, err
	}
	c, p := e.compiler(), &Program{guess: -1}
	like := *s
	like.Where = narrowed(s.Where)
	rendered, err := c.sql.Render(&like)
	if err != nil {
		return nil, err
	}
	for _, raw := range rendered.Raw {
		f, _ := kindOf(raw.Type)
		one := column{facts: f}
		if raw.Column != nil {
			one = column{facts: factsOf(raw.Column), name: raw.Column.Name}
		}
		p.columns = append(p.columns, one)
	}
	if rendered.Computes() {
		p.rendered = rendered
	}
	if from, ok := s.From.(*dialect.Relation); ok && len(s.Where)+len(s.GroupBy) == 0 && !s.Distinct && s.Limit == nil && p.rendered == nil {
		p.guess = from.Table.Rows
	}
	p.pieces, err = c.pieces(rendered.Text)
	return p, err
}

// put writes a value that is stored.
func (c *compiler) put(x dialect.Expr, into *dialect.Column) error {
	p, err := stored(x, into)
	if err != nil {
		return err
	}
	text, err := c.r.Expr(&dialect.Param{Number: storedParam + len(c.stored), Type: dialect.Type{OID: pgtype.TextOID, Mod: -1}})
	c.stored = append(c.stored, p)
	c.write(text)
	return err
}

// stored is a value that is put into a column.
func stored(x dialect.Expr, into *dialect.Column) (piece, error) {
	p := piece{value: true, facts: factsOf(into), column: into.Name, required: into.NotNull}
	switch x := x.(type) {
	case *dialect.Constant:
		p.text, p.null = x.Text, x.Null
	case *dialect.Param:
		p.number = x.Number
	default:
		return p, &dialect.Unproven{What: fmt.Sprintf("%T as a value", x)}
	}
	return p, nil
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
		var values []piece
		for i, column := range s.Columns {
			if !slices.Contains(written, column) {
				continue
			}
			v, err := stored(row[i], column)
			if err != nil {
				return nil, err
			}
			values = append(values, v)
		}
		p.rows = append(p.rows, values)
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
	counting := *c
	counting.text = strings.Builder{}
	counting.write("SELECT count() FROM " + tableName(t))
	where = narrowed(where)
	terms, err := c.r.Terms(where)
	if err != nil {
		return nil, err
	}
	if terms == "" {
		terms = "1"
	}
	c.write(" WHERE " + terms)
	counting.write(" WHERE " + terms)
	p := &Program{guess: -1, count: &Program{}}
	if p.pieces, err = c.done(); err != nil {
		return nil, err
	}
	rendered, err := c.r.Finish(counting.text.String())
	if err != nil {
		return nil, err
	}
	p.count.pieces, err = c.pieces(rendered.Text)
	return p, err
}

// compileUpdate makes a mutation of an UPDATE that goes down whole.
func (e *Engine) compileUpdate(s *dialect.Update) (*Program, error) {
	if s.From != nil {
		return nil, &dialect.Unproven{What: "UPDATE … FROM"}
	}
	c := e.compiler()
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
		if err := c.put(a.Value, a.Column); err != nil {
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
	c := e.compiler()
	c.write("DELETE FROM " + tableName(s.Table.Table))
	return changes(c, s.Table.Table, unqualified(s.Where), s.Returning)
}

// unqualified gives conditions over one relation without its alias, which mutations do not take.
func unqualified(terms []dialect.Expr) []dialect.Expr {
	bare := dialect.Rewrite{Expr: func(e dialect.Expr) dialect.Expr {
		if x, ok := e.(*dialect.ColumnRef); ok {
			like := *x
			like.Relation = ""
			return &like
		}
		return e
	}}
	out := make([]dialect.Expr, len(terms))
	for i, x := range terms {
		out[i] = bare.One(x)
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
