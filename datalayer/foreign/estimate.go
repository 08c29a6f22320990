package foreign

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// estimateAge is how long an estimate of the engine's serves: PostgreSQL asks for the same ones again and again while it
// plans.
const estimateAge = 10 * time.Second

// The costs that PostgreSQL is told, in its own unit, a page read in sequence. What matters is how they compare with one
// another and with what it takes to do the work itself: to fetch a row costs it postgres_fdw's fdw_tuple_cost and more.
const (
	costStart = 1
	// costRead is for a row that the engine looks at, costFetch for one that goes to the local PostgreSQL to be finished
	// there, costGive for one of the result.
	costRead  = 0.002
	costFetch = 0.05
	costGive  = 0.01
	// costFinish is for a statement that is finished in the local PostgreSQL, whatever its size.
	costFinish = 300
	// costSort is for a comparison of the engine's sort.
	costSort = 0.001
	// unknownRows stands for the size of a table that nobody knows.
	unknownRows = 1000
)

// neverPlan is the estimate of what must not be chosen.
const neverPlan = "Foreign Scan  (cost=1000000000000000.00..1000000000000000.00 rows=1000000 width=8)"

// estimate remembers what an engine has guessed of a statement.
type estimate struct {
	mu   sync.Mutex
	rows float64
	at   time.Time
}

// explain is the first line of EXPLAIN, which is all that postgres_fdw reads (postgres_fdw.c, get_remote_estimate).
func (l *link) explain(ctx context.Context, st *Statement) (string, error) {
	tree, ok := st.tree.(*dialect.Select)
	if !ok {
		return fmt.Sprintf("Foreign Scan  (cost=%d.00..%d.00 rows=1 width=8)", costStart, costStart), nil
	}
	rows := l.rows(ctx, st, tree)
	work := 0.0
	switch {
	case st.finish != nil:
		work = st.finish.read*costRead + st.finish.fetched*costFetch + costFinish
	case !found(tree):
		work = lookedAt(tree) * costRead
	}
	if len(tree.OrderBy) > 0 && rows > 1 {
		work += rows * math.Log2(rows) * costSort
	}
	// What sorts, groups or finishes gives its first row when all are read, so that to take a few of its rows is not cheap; a
	// LIMIT is for the engine then, which needs not sort what it does not give.
	start := float64(costStart)
	if st.finish != nil || blocks(tree) {
		start += work
		work = 0
	}
	total := start + work + rows*costGive
	width := 0
	for _, t := range st.Columns {
		width += typeWidth(t)
	}
	return fmt.Sprintf("Foreign Scan  (cost=%.2f..%.2f rows=%.0f width=%d)", start, total, math.Max(1, rows), width), nil
}

// blocks reports whether a statement gives its first row only when it has read all.
func blocks(tree *dialect.Select) bool {
	return len(tree.OrderBy) > 0 || len(tree.GroupBy) > 0 || tree.Distinct || aggregates(tree)
}

// lookedAt guesses how many rows an engine looks at: all of its relations', fewer where a LIMIT ends it before.
func lookedAt(tree *dialect.Select) float64 {
	all := 0.0
	for _, r := range relationsOf(tree) {
		all += tableRows(r.Table)
	}
	limit, ok := countOf(tree.Limit, -1)
	offset, okOffset := countOf(tree.Offset, 0)
	if !ok || !okOffset || limit < 0 || blocks(tree) {
		return all
	}
	// A condition lets a tenth through.
	return math.Min(all, float64(limit+offset)*math.Pow(10, float64(min(len(tree.Where), 3))))
}

// rows is the engine's estimate, ours where it has none. An engine that fails here fails later, where it can be told.
func (l *link) rows(ctx context.Context, st *Statement, tree *dialect.Select) float64 {
	st.guess.mu.Lock()
	defer st.guess.mu.Unlock()
	if time.Since(st.guess.at) < estimateAge {
		return st.guess.rows
	}
	rows := -1.0
	if st.program != nil {
		if n, err := l.estimate(ctx, st.program); err == nil && !math.IsNaN(n) {
			rows = n
		}
	}
	if rows < 0 {
		rows = guessRows(tree)
	}
	st.guess.rows, st.guess.at = math.Min(rows, 1e18), time.Now()
	return st.guess.rows
}

// tableRows is a table's size as far as it is known.
func tableRows(t *dialect.Table) float64 {
	if t.Rows < 0 {
		return unknownRows
	}
	return t.Rows
}

// guessRows guesses from the sizes of the tables: a condition lets a tenth through, an equality on a key one row.
func guessRows(tree *dialect.Select) float64 {
	rows := 1.0
	if tree.From != nil {
		rows = guessFrom(tree.From)
	}
	if found(tree) {
		rows = math.Min(rows, 10)
	} else {
		rows *= math.Pow(0.1, float64(min(len(tree.Where), 3)))
	}
	switch {
	case len(tree.GroupBy) > 0 || tree.Distinct:
		rows /= 10
	case len(tree.Columns) > 0 && aggregates(tree):
		rows = 1
	}
	if n, ok := countOf(tree.Limit, -1); ok && n >= 0 {
		rows = math.Min(rows, float64(n))
	}
	return math.Max(1, rows)
}

// guessFrom guesses what FROM gives: of a join as many rows as the larger side has.
func guessFrom(from dialect.From) float64 {
	switch f := from.(type) {
	case *dialect.Relation:
		return tableRows(f.Table)
	case *dialect.Subquery:
		return guessRows(f.Select)
	case *dialect.Join:
		left, right := guessFrom(f.Left), guessFrom(f.Right)
		if f.Kind == dialect.CrossJoin || len(f.On) == 0 {
			return left * right
		}
		return math.Max(left, right)
	}
	return 1
}

// found reports whether rows of a single relation are found by an equality on the first column of a key or an index.
func found(tree *dialect.Select) bool {
	r, ok := tree.From.(*dialect.Relation)
	if !ok {
		return false
	}
	first := map[string]bool{}
	if len(r.Table.PrimaryKey) > 0 {
		first[r.Table.PrimaryKey[0]] = true
	}
	for _, k := range append(append([]dialect.Key(nil), r.Table.Uniques...), r.Table.Indexes...) {
		if len(k.Columns) > 0 {
			first[k.Columns[0]] = true
		}
	}
	for _, t := range tree.Where {
		op, isOp := t.(*dialect.Operator)
		if !isOp || op.Name != "=" {
			continue
		}
		for _, side := range []dialect.Expr{op.Left, op.Right} {
			if c, isColumn := stripCast(side).(*dialect.ColumnRef); isColumn && first[c.Name] {
				return true
			}
		}
	}
	return false
}

// typeWidth is about how many bytes a value of a type takes in PostgreSQL.
func typeWidth(t dialect.Type) int {
	switch t.OID {
	case 16, 18: // boolean, "char"
		return 1
	case 21: // smallint
		return 2
	case 23, 26, 700, 1082: // integer, oid, real, date
		return 4
	case 20, 701, 1083, 1114, 1184: // bigint, double precision, time, timestamps
		return 8
	case 1186, 2950: // interval, uuid
		return 16
	}
	return 32
}
