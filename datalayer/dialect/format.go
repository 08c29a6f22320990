package dialect

import (
	"fmt"
	"strconv"
	"strings"
)

// Format writes a statement as PostgreSQL's SQL in the canonical form: Parse of it gives the same tree again.
func Format(stmt Statement) string {
	f := &formatter{}
	switch s := stmt.(type) {
	case *Select:
		f.selectStmt(s)
	case *Insert:
		f.insert(s)
	case *Update:
		f.update(s)
	case *Delete:
		f.delete(s)
	case *Truncate:
		f.truncate(s)
	}
	return f.String()
}

// FormatExpr writes an expression as PostgreSQL's SQL.
func FormatExpr(e Expr) string {
	f := &formatter{}
	f.expr(e)
	return f.String()
}

// formatter builds a text.
type formatter struct{ strings.Builder }

func (f *formatter) write(parts ...string) {
	for _, p := range parts {
		f.WriteString(p)
	}
}

// list writes expressions with commas between them.
func (f *formatter) list(all []Expr) {
	for i, e := range all {
		if i > 0 {
			f.write(", ")
		}
		f.expr(e)
	}
}

// terms writes AND terms, each in parentheses.
func (f *formatter) terms(before string, all []Expr) {
	for i, e := range all {
		if i == 0 {
			f.write(before)
		} else {
			f.write(" AND ")
		}
		f.write("(")
		f.expr(e)
		f.write(")")
	}
}

func (f *formatter) table(t *Table) { f.write(quoteName(t.Schema), ".", quoteName(t.Name)) }

func (f *formatter) selectStmt(s *Select) {
	f.write("SELECT ")
	if s.Distinct {
		f.write("DISTINCT ")
	}
	f.list(s.Columns)
	if s.From != nil {
		f.write(" FROM ")
		f.from(s.From)
	}
	f.terms(" WHERE ", s.Where)
	for i, g := range s.GroupBy {
		if i == 0 {
			f.write(" GROUP BY ")
		} else {
			f.write(", ")
		}
		f.key(g, s.Columns)
	}
	f.terms(" HAVING ", s.Having)
	f.sorts(" ORDER BY ", s.OrderBy, s.Columns)
	if s.Limit != nil {
		f.write(" LIMIT ")
		f.expr(s.Limit)
	}
	if s.Offset != nil {
		f.write(" OFFSET ")
		f.expr(s.Offset)
	}
	if s.Lock {
		f.write(" FOR UPDATE")
	}
}

// key writes a key of GROUP BY or ORDER BY: as a number where it is a column of the select list, which a constant must be.
func (f *formatter) key(e Expr, columns []Expr) {
	for i, c := range columns {
		if c == e {
			f.write(strconv.Itoa(i + 1))
			return
		}
	}
	f.expr(e)
}

// sorts writes ORDER BY with every direction spelt out.
func (f *formatter) sorts(before string, all []Sort, columns []Expr) {
	for i, s := range all {
		if i > 0 {
			before = ", "
		}
		f.write(before)
		f.key(s.Expr, columns)
		switch {
		case s.Using != "":
			f.write(" USING OPERATOR(pg_catalog.", s.Using, ")")
		case s.Desc:
			f.write(" DESC")
		default:
			f.write(" ASC")
		}
		if s.NullsFirst {
			f.write(" NULLS FIRST")
		} else {
			f.write(" NULLS LAST")
		}
	}
}

func (f *formatter) relation(r *Relation) {
	f.table(r.Table)
	if r.Alias != "" {
		f.write(" ", quoteName(r.Alias))
	}
	if r.Sample != nil {
		f.write(" TABLESAMPLE ", quoteName(r.Sample.Method), "(")
		f.expr(r.Sample.Percent)
		f.write(")")
	}
}

// joinWords are the SQL of the kinds of joins.
var joinWords = [...]string{InnerJoin: " INNER JOIN ", LeftJoin: " LEFT JOIN ", RightJoin: " RIGHT JOIN ", FullJoin: " FULL JOIN ",
	CrossJoin: " CROSS JOIN "}

func (f *formatter) from(from From) {
	switch x := from.(type) {
	case *Relation:
		f.relation(x)
	case *Subquery:
		f.write("(")
		f.selectStmt(x.Select)
		f.write(") ", quoteName(x.Alias), "(", quoteNames(x.Columns), ")")
	case *Join:
		f.write("(")
		f.from(x.Left)
		f.write(joinWords[x.Kind])
		f.from(x.Right)
		if x.Kind != CrossJoin {
			f.terms(" ON ", x.On)
			if len(x.On) == 0 {
				f.write(" ON (TRUE)")
			}
		}
		f.write(")")
	}
}

func (f *formatter) returning(all []Expr) {
	if len(all) > 0 {
		f.write(" RETURNING ")
		f.list(all)
	}
}

func (f *formatter) insert(s *Insert) {
	f.write("INSERT INTO ")
	f.relation(s.Into)
	if len(s.Rows) == 0 {
		f.write(" DEFAULT VALUES")
	} else {
		names := make([]string, len(s.Columns))
		for i, c := range s.Columns {
			names[i] = c.Name
		}
		f.write("(", quoteNames(names), ") VALUES ")
		for i, row := range s.Rows {
			if i > 0 {
				f.write(", ")
			}
			f.write("(")
			f.list(row)
			f.write(")")
		}
	}
	if s.DoNothing {
		f.write(" ON CONFLICT DO NOTHING")
	}
	f.returning(s.Returning)
}

func (f *formatter) update(s *Update) {
	f.write("UPDATE ")
	f.relation(s.Table)
	for i, a := range s.Set {
		if i == 0 {
			f.write(" SET ")
		} else {
			f.write(", ")
		}
		f.write(quoteName(a.Column.Name), " = ")
		f.expr(a.Value)
	}
	if s.From != nil {
		f.write(" FROM ")
		f.from(s.From)
	}
	f.terms(" WHERE ", s.Where)
	f.returning(s.Returning)
}

func (f *formatter) delete(s *Delete) {
	f.write("DELETE FROM ")
	f.relation(s.Table)
	if s.Using != nil {
		f.write(" USING ")
		f.from(s.Using)
	}
	f.terms(" WHERE ", s.Where)
	f.returning(s.Returning)
}

func (f *formatter) truncate(s *Truncate) {
	f.write("TRUNCATE ")
	for i, t := range s.Tables {
		if i > 0 {
			f.write(", ")
		}
		f.table(t)
	}
	if s.RestartIdentity {
		f.write(" RESTART IDENTITY")
	} else {
		f.write(" CONTINUE IDENTITY")
	}
	if s.Cascade {
		f.write(" CASCADE")
	} else {
		f.write(" RESTRICT")
	}
}

// literal writes a constant so that Parse gives it its type back.
func literal(c *Constant) string {
	text := quoteText(c.Text)
	switch {
	case c.Null:
		text = "NULL"
	case c.Type.OID == oidBool && c.Text == "t":
		return "TRUE"
	case c.Type.OID == oidBool && c.Text == "f":
		return "FALSE"
	}
	if c.Type.OID == 0 || c.Type.OID == oidUnknown {
		return text
	}
	if c.Type.OID == oidBit && !c.Null {
		return "B" + text
	}
	return fmt.Sprintf("%s::%s", text, c.Type)
}
