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
	text   strings.Builder
	args   []argument
}

// done makes the program.
func (c *compiler) done() *Program {
	p := &Program{text: c.text.String(), args: c.args, guess: -1}
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

// compileSelect makes a statement of a scan.
func (e *Engine) compileSelect(s *dialect.Select) (*Program, error) {
	from, ok := s.From.(*dialect.Relation)
	if !ok || len(s.GroupBy)+len(s.Having)+len(s.OrderBy) > 0 || s.Distinct || s.Limit != nil || s.Offset != nil {
		return nil, &dialect.Unproven{What: "more than a scan"}
	}
	c := &compiler{engine: e}
	c.text.WriteString("SELECT ")
	readers, err := c.list(s.Columns)
	if err != nil {
		return nil, err
	}
	c.text.WriteString(" FROM " + c.relation(from))
	if err := c.where(s.Where); err != nil {
		return nil, err
	}
	if s.Lock {
		c.text.WriteString(" FOR UPDATE")
	}
	p := c.done()
	p.columns = readers
	if len(s.Where) == 0 {
		p.guess = from.Table.Rows
	}
	return p, nil
}

// relation writes a table and its alias.
func (c *compiler) relation(r *dialect.Relation) string {
	if r.Alias == "" {
		return tableName(r.Table)
	}
	return tableName(r.Table) + " " + quote(r.Alias)
}

// list writes the columns of a result, and gives their readers.
func (c *compiler) list(columns []dialect.Expr) ([]reader, error) {
	var readers []reader
	for i, column := range columns {
		if i > 0 {
			c.text.WriteString(", ")
		}
		switch x := column.(type) {
		case *dialect.ColumnRef:
			if x.Column == nil {
				return nil, &dialect.Unproven{What: "a column of a subquery"}
			}
			c.column(x)
			readers = append(readers, newReader(factsOf(x.Column), c.engine.place.reading, x.Column.Name))
		case *dialect.Constant:
			if !x.Null {
				return nil, &dialect.Unproven{What: "a constant in a select list"}
			}
			c.text.WriteString("NULL")
			readers = append(readers, newReader(facts{}, c.engine.place.reading, ""))
		default:
			return nil, &dialect.Unproven{What: fmt.Sprintf("%T", x)}
		}
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

// where writes conditions.
func (c *compiler) where(terms []dialect.Expr) error {
	for i, term := range terms {
		c.text.WriteString(map[bool]string{true: " WHERE ", false: " AND "}[i == 0])
		if err := c.condition(term); err != nil {
			return err
		}
	}
	return nil
}

// condition writes a test for NULL, or the equality of a column and a value.
func (c *compiler) condition(term dialect.Expr) error {
	switch x := term.(type) {
	case *dialect.NullTest:
		ref, ok := x.Arg.(*dialect.ColumnRef)
		if !ok || ref.Column == nil {
			return &dialect.Unproven{What: "IS NULL of an expression"}
		}
		c.column(ref)
		c.text.WriteString(map[bool]string{true: " IS NOT NULL", false: " IS NULL"}[x.Not])
		return nil
	case *dialect.RowKey:
		return c.rowKey(x)
	case *dialect.Operator:
		ref, ok := x.Left.(*dialect.ColumnRef)
		if x.Name == "=" && ok && ref.Column != nil {
			return c.equal(ref, x.Right)
		}
	}
	return &dialect.Unproven{What: "a condition other than equality"}
}

// equal writes the equality of a column and a value of the same type. Where the column's own comparison takes more texts
// for equal than are, it finds rows by an index and the exact comparison follows.
func (c *compiler) equal(ref *dialect.ColumnRef, value dialect.Expr) error {
	f := factsOf(ref.Column)
	if !ref.Column.Exact || value.ResultType().OID != ref.Type.OID || f.kind == asFloat4 || f.words != nil {
		return &dialect.Unproven{What: "operator = of this type"}
	}
	mark := f.mark()
	write := func(prefix string, wrapped bool) error {
		c.text.WriteString(prefix)
		if wrapped {
			c.text.WriteString("CONVERT(")
		}
		c.column(ref)
		if wrapped {
			c.text.WriteString(" USING utf8mb4) COLLATE " + c.engine.server.binary)
		}
		c.text.WriteString(" = " + mark)
		f.fixed = false
		return c.value(value, f, nil)
	}
	if !f.wrapped {
		return write("", false)
	}
	if err := write("(", false); err != nil {
		return err
	}
	if err := write(" AND ", true); err != nil {
		return err
	}
	c.text.WriteString(")")
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
		c.text.WriteString(" = " + f.mark())
		if err := c.value(k.Values[i], f, nil); err != nil {
			return err
		}
	}
	return nil
}

// value notes the argument of a question mark. into is the column that is written, nil in conditions.
func (c *compiler) value(x dialect.Expr, f facts, into *dialect.Column) error {
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
	c.args = append(c.args, a)
	return nil
}

// boolType is boolean.
func isTextual(t dialect.Type) bool {
	return t.OID == pgtype.TextOID || t.OID == pgtype.VarcharOID || t.OID == pgtype.BPCharOID
}
