package mysql

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Compile implements backend.Engine.
func (e *Engine) Compile(stmt dialect.Statement) (backend.Program, error) {
	switch s := stmt.(type) {
	case *dialect.Select:
		return program(e.compileSelect(s))
	case *dialect.Insert:
		return program(e.compileInsert(s))
	case *dialect.Update:
		return program(e.compileUpdate(s))
	case *dialect.Delete:
		return program(e.compileDelete(s))
	case *dialect.Truncate:
		return program(e.compileTruncate(s))
	}
	return nil, &dialect.Unproven{What: fmt.Sprintf("%T", stmt)}
}

// program keeps a nil *Program out of the interface.
func program(p *Program, err error) (backend.Program, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// compiler writes one statement.
type compiler struct {
	engine *Engine
	sql    dialect.SQL
	r      *dialect.Renderer
	text   strings.Builder
	// stored are the values that the statement puts into columns, or compares with keys.
	stored []argument
}

// compiler begins a statement.
func (e *Engine) compiler() *compiler {
	c := &compiler{engine: e, sql: *e.sql}
	c.sql.Value = c.value
	c.r = c.sql.Begin()
	return c
}

// done makes the program of what was written.
func (c *compiler) done() (*Program, error) {
	rendered, err := c.r.Finish(c.text.String())
	if err != nil {
		return nil, err
	}
	return c.take(rendered), nil
}

// take makes the program of a rendered statement.
func (c *compiler) take(rendered *dialect.Rendered) *Program {
	p := &Program{text: rendered.Text, guess: -1}
	for _, x := range rendered.Args {
		param, _ := x.(*dialect.Param) // constants are not bound
		if param.Number >= storedParam {
			p.args = append(p.args, c.stored[param.Number-storedParam])
			continue
		}
		f, _ := kindOf(param.Type)
		p.args = append(p.args, argument{number: param.Number, facts: f})
	}
	p.keep = len(p.text) <= keepMost
	return p
}

// quote writes a name.
func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

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
	if len(s.Where) == 1 {
		if key, ok := s.Where[0].(*dialect.RowKey); ok {
			return e.selectByKey(s, key)
		}
	}
	if err := checked(s); err != nil {
		return nil, err
	}
	c := e.compiler()
	like := *s
	like.Where = narrowed(s.Where)
	rendered, err := c.sql.Render(&like)
	if err != nil {
		return nil, err
	}
	p := c.take(rendered)
	for _, raw := range rendered.Raw {
		f, _ := kindOf(raw.Type)
		name := "?column?"
		if raw.Column != nil {
			f, name = factsOf(raw.Column), raw.Column.Name
		}
		p.columns = append(p.columns, newReader(f, e.place.reading, name))
	}
	if rendered.Computes() {
		p.rendered = rendered
	}
	if from, ok := s.From.(*dialect.Relation); ok && len(s.Where)+len(s.GroupBy) == 0 && !s.Distinct && s.Limit == nil && p.rendered == nil {
		p.guess = from.Table.Rows
	}
	return p, nil
}

// selectByKey reads columns of one row.
func (e *Engine) selectByKey(s *dialect.Select, key *dialect.RowKey) (*Program, error) {
	from, ok := s.From.(*dialect.Relation)
	if !ok {
		return nil, &dialect.Unproven{What: "a key over several tables"}
	}
	c := e.compiler()
	c.text.WriteString("SELECT ")
	readers, err := c.list(s.Columns)
	if err != nil {
		return nil, err
	}
	c.text.WriteString(" FROM " + c.relation(from))
	if err := c.where([]dialect.Expr{key}); err != nil {
		return nil, err
	}
	if s.Lock {
		c.text.WriteString(c.sql.Lock)
	}
	p, err := c.done()
	if err == nil {
		p.columns = readers
	}
	return p, err
}

// relation writes a table and its alias.
func (c *compiler) relation(r *dialect.Relation) string {
	if r.Alias == "" {
		return tableName(r.Table)
	}
	return tableName(r.Table) + " " + quote(r.Alias)
}

// list writes stored columns, and gives their readers.
func (c *compiler) list(columns []dialect.Expr) ([]reader, error) {
	var readers []reader
	for i, column := range columns {
		if i > 0 {
			c.text.WriteString(", ")
		}
		x, ok := column.(*dialect.ColumnRef)
		if !ok || x.Column == nil {
			return nil, &dialect.Unproven{What: fmt.Sprintf("%T in RETURNING", column)}
		}
		c.column(x)
		readers = append(readers, newReader(factsOf(x.Column), c.engine.place.reading, x.Column.Name))
	}
	if len(columns) == 0 {
		c.text.WriteString("NULL")
	}
	return readers, nil
}

// column writes a reference.
func (c *compiler) column(x *dialect.ColumnRef) {
	if x.Relation != "" {
		c.text.WriteString(quote(x.Relation) + ".")
	}
	c.text.WriteString(quote(x.Column.Native))
}

// where writes conditions: those of a key, or AND terms.
func (c *compiler) where(terms []dialect.Expr) error {
	if len(terms) == 0 {
		return nil
	}
	c.text.WriteString(" WHERE ")
	if key, ok := terms[0].(*dialect.RowKey); ok && len(terms) == 1 {
		return c.rowKey(key)
	}
	var exists error
	for _, t := range terms {
		dialect.Walk(t, func(e dialect.Expr) bool {
			if _, ok := e.(*dialect.Exists); ok {
				exists = &dialect.Unproven{What: "EXISTS in a change: MySQL cannot read the table that it changes"}
			}
			return exists == nil
		})
	}
	if err := checked(&dialect.Select{Where: terms}); err != nil || exists != nil {
		return firstOf(exists, err)
	}
	text, err := c.r.Terms(narrowed(terms))
	c.text.WriteString(text)
	return err
}

// firstOf is the first error that there is.
func firstOf(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// mark is the question mark of a value that is compared, with its type where the server would take it for a text.
func (f facts) mark() string {
	switch f.kind {
	case asNumeric:
		return "CAST(? AS DECIMAL(65,30))"
	case asDate:
		return "CAST(? AS DATE)"
	case asTimestamp, asTimestamptz:
		return "CAST(? AS DATETIME(6))"
	case asTime, asInterval:
		return "CAST(? AS TIME(6))"
	}
	return "?"
}

// rowKey writes the condition that a row has a key, as the key itself compares.
func (c *compiler) rowKey(k *dialect.RowKey) error {
	for i, column := range k.Columns {
		if i > 0 {
			c.text.WriteString(" AND ")
		}
		c.column(&dialect.ColumnRef{Relation: k.Relation, Column: column})
		f := factsOf(column)
		before, after, _ := strings.Cut(f.mark(), "?")
		c.text.WriteString(" = " + before)
		if err := c.put(k.Values[i], f, nil); err != nil {
			return err
		}
		c.text.WriteString(after)
	}
	return nil
}

// put writes a value that is stored, or compared with a key. into is the column that is written, nil for a key.
func (c *compiler) put(x dialect.Expr, f facts, into *dialect.Column) error {
	a := argument{facts: f}
	if into != nil {
		a.column, a.required = into.Name, into.NotNull
	}
	switch x := x.(type) {
	case *dialect.Constant:
		a.text, a.null = x.Text, x.Null
	case *dialect.Param:
		a.number = x.Number
	default:
		return &dialect.Unproven{What: fmt.Sprintf("%T as a value", x)}
	}
	text, err := c.r.Expr(&dialect.Param{Number: storedParam + len(c.stored), Type: dialect.Type{OID: pgtype.TextOID, Mod: -1}})
	c.stored = append(c.stored, a)
	c.text.WriteString(text)
	return err
}

// isTextual reports a type of texts.
func isTextual(t dialect.Type) bool {
	return t.OID == pgtype.TextOID || t.OID == pgtype.VarcharOID || t.OID == pgtype.BPCharOID
}
