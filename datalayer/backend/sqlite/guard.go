package sqlite

import (
	"strconv"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// A column that is not of a STRICT table may hold values of any storage class. An expression over such a column is
// computed by SQLite all the same, but beside the conditions of its query stands a guard for it: a row that passes them
// and whose value is not of the column's type ends the statement with 22P02, as reading the value does.

// stored is a column of a relation of a statement.
type stored struct {
	relation string
	column   *dialect.Column
}

// guarded is a copy of a statement with its guards.
func guarded(stmt dialect.Statement) dialect.Statement {
	used := map[stored]bool{}
	switch s := stmt.(type) {
	case *dialect.Select:
		collect(s, used)
		if len(used) > 0 {
			return guardSelect(s, used)
		}
	case *dialect.Update:
		changed := *s
		for _, t := range s.Where {
			dialect.Walk(t, noting(used))
		}
		for _, a := range s.Set {
			dialect.Walk(a.Value, noting(used))
		}
		changed.Where = guardTerms(s.Where, s.Table, used)
		return &changed
	case *dialect.Delete:
		changed := *s
		for _, t := range s.Where {
			dialect.Walk(t, noting(used))
		}
		changed.Where = guardTerms(s.Where, s.Table, used)
		return &changed
	}
	return stmt
}

// collect notes the columns that expressions of a query use; those of the select list that are only given out are left
// out.
func collect(s *dialect.Select, used map[stored]bool) {
	note := noting(used)
	for _, c := range s.Columns {
		if _, plain := c.(*dialect.ColumnRef); !plain || s.Distinct {
			dialect.Walk(c, note)
		}
	}
	rest := *s
	rest.Columns = nil
	dialect.WalkStatement(&rest, note)
}

// noting notes the columns that need a guard, those behind a subquery's columns with them.
func noting(used map[stored]bool) func(dialect.Expr) bool {
	var note func(e dialect.Expr) bool
	note = func(e dialect.Expr) bool {
		ref, ok := e.(*dialect.ColumnRef)
		if !ok {
			return true
		}
		if ref.Column == nil {
			if ref.Inner != nil {
				dialect.Walk(ref.Inner, note)
			}
			return true
		}
		if f, ok := facts(ref.Column); ok && f.loose && f.kind != date && (f.kind != text || ref.Column.Bytewise) {
			used[stored{ref.Relation, ref.Column}] = true
		}
		return true
	}
	return note
}

// guardSelect copies a query block and those inside, with guards.
func guardSelect(s *dialect.Select, used map[stored]bool) *dialect.Select {
	out := *s
	out.From = guardFrom(s.From, used)
	out.Where = nil
	for _, t := range s.Where {
		out.Where = append(out.Where, dialect.Rewrite{Expr: func(e dialect.Expr) dialect.Expr {
			if x, ok := e.(*dialect.Exists); ok {
				return &dialect.Exists{Select: guardSelect(x.Select, used)}
			}
			return e
		}}.One(t))
	}
	for _, r := range direct(s.From) {
		out.Where = guardTerms(out.Where, r, used)
	}
	return &out
}

// guardFrom puts the guards of subqueries in them.
func guardFrom(from dialect.From, used map[stored]bool) dialect.From {
	switch f := from.(type) {
	case *dialect.Subquery:
		out := *f
		out.Select = guardSelect(f.Select, used)
		return &out
	case *dialect.Join:
		out := *f
		out.Left, out.Right = guardFrom(f.Left, used), guardFrom(f.Right, used)
		return &out
	}
	return from
}

// direct are the relations of FROM that do not stand in a subquery.
func direct(from dialect.From) []*dialect.Relation {
	switch f := from.(type) {
	case *dialect.Relation:
		return []*dialect.Relation{f}
	case *dialect.Join:
		return append(direct(f.Left), direct(f.Right)...)
	}
	return nil
}

// guardTerms puts the guards of a relation behind AND terms.
func guardTerms(terms []dialect.Expr, r *dialect.Relation, used map[stored]bool) []dialect.Expr {
	for _, c := range r.Table.Columns {
		for _, alias := range []string{r.Alias, ""} {
			if !used[stored{alias, c}] {
				continue
			}
			f, _ := facts(c)
			fits := &dialect.Call{Schema: "sqlite", Name: "fits", Type: dialect.Type{OID: pgtype.BoolOID, Mod: -1}, Args: []dialect.Expr{
				&dialect.ColumnRef{Relation: alias, Column: c, Name: c.Name, Type: c.Type},
				&dialect.Constant{Text: f.table + "." + f.column, Type: dialect.Type{OID: pgtype.TextOID, Mod: -1}},
			}}
			if f.kind == text && f.typ.Mod > 4 {
				fits.Args = append(fits.Args, &dialect.Constant{Text: strconv.Itoa(int(f.typ.Mod - 4)), Type: dialect.Type{OID: pgtype.Int4OID, Mod: -1}})
			}
			terms = append(terms[:len(terms):len(terms)], fits)
			break
		}
	}
	return terms
}
