package sqlprogram

import (
	"strconv"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// The shares of rows that are taken to pass a condition: as in PostgreSQL's planner where it knows nothing (selfuncs.h),
// but for equality, which with a key finds one row.
const (
	rangeShare = 1.0 / 3
	equalShare = 0.005
)

// guess is a rough number of the rows that a Select gives; negative: a table's size is not known.
func guess(s *dialect.Select) float64 {
	n := fromRows(s.From)
	if n < 0 {
		return n
	}
	n = passed(n, s.From, s.Where)
	switch {
	case len(s.GroupBy) > 0:
		n = max(n/10, 1)
	case computed(s.Columns):
		n = 1
	}
	for range s.Having {
		n *= rangeShare
	}
	if c, ok := s.Limit.(*dialect.Constant); ok && !c.Null {
		if limit, err := strconv.ParseFloat(c.Text, 64); err == nil {
			n = min(n, limit)
		}
	}
	return max(n, 1)
}

// computed reports an aggregate in a select list without groups.
func computed(columns []dialect.Expr) bool {
	for _, e := range columns {
		if _, ok := e.(*dialect.Aggregate); ok {
			return true
		}
	}
	return false
}

// fromRows takes a join to give as many rows as its larger side, less what an inner one's conditions keep back.
func fromRows(from dialect.From) float64 {
	switch f := from.(type) {
	case *dialect.Relation:
		return f.Table.Rows
	case *dialect.Subquery:
		return guess(f.Select)
	case *dialect.Join:
		l, r := fromRows(f.Left), fromRows(f.Right)
		switch {
		case l < 0 || r < 0:
			return -1
		case f.Kind == dialect.CrossJoin || f.Kind == dialect.InnerJoin && len(f.On) == 0:
			return l * r
		}
		n := max(l, r)
		if f.Kind == dialect.InnerJoin {
			n *= joinedShare(f.On) // postgres_fdw puts the conditions of both sides there
		}
		return n
	}
	return 1
}

// joinedShare is the share of a join's rows that pass its conditions, but for the equalities of two columns, which join. An
// equality with a value is taken to let a tenth pass: where a join is thought to give fewer rows than it does PostgreSQL asks
// for the other side row by row, which costs more than the other mistake.
func joinedShare(on []dialect.Expr) float64 {
	share := 1.0
	for _, t := range on {
		o, ok := t.(*dialect.Operator)
		switch {
		case !ok || o.Name != "=":
			share *= rangeShare
		case !isColumn(o.Left) || !isColumn(o.Right):
			share *= 0.1
		}
	}
	return share
}

func isColumn(e dialect.Expr) bool {
	_, ok := e.(*dialect.ColumnRef)
	return ok
}

// passed is how many of n rows pass AND terms.
func passed(n float64, from dialect.From, terms []dialect.Expr) float64 {
	for _, t := range terms {
		o, ok := t.(*dialect.Operator)
		if !ok || o.Name != "=" {
			n *= rangeShare
			continue
		}
		if one, ok := from.(*dialect.Relation); ok && isKey(one.Table, o) {
			return 1
		}
		n *= equalShare
	}
	return n
}

// isKey reports the equality of a table's key with a value.
func isKey(t *dialect.Table, o *dialect.Operator) bool {
	ref, ok := o.Left.(*dialect.ColumnRef)
	return ok && ref.Column != nil && len(t.PrimaryKey) == 1 && ref.Column.Name == t.PrimaryKey[0]
}
