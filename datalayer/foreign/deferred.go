package foreign

import (
	"context"
	"errors"
	"io"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// An engine without transactions makes every change at once and for good. So that ROLLBACK means what it says, the changes
// of a transaction wait for its COMMIT. Nothing can be read in between, since it would not show them: the statement that
// changes rows is the last one of its transaction.

// deferredChange are executions of one statement that wait.
type deferredChange struct {
	statement *Statement
	// params are those of each execution, and behind them the key of a change by ticket.
	params *spool.Spool
}

// deferChange makes a change wait for COMMIT, and says how many rows it will touch.
func (l *link) deferChange(ctx context.Context, st *Statement, params [][]byte) (outcome, error) {
	if st.Unproven != nil {
		e := refuse("the databackend has no transactions, and cannot make this change in one step")
		e.Detail = st.Unproven.What + " is not proven to give PostgreSQL's answer there."
		return outcome{}, e
	}
	last := len(l.tx.deferred) - 1
	if last >= 0 && !sameTarget(l.tx.deferred[last].statement, st) {
		return outcome{}, notLast()
	}
	n, params, err := l.foresee(ctx, st, params)
	if err != nil {
		return outcome{}, err
	}
	sealed := 0
	if s := len(l.tx.savepoints); s > 0 {
		sealed = l.tx.savepoints[s-1].deferred
	}
	if last < sealed || l.tx.deferred[last].statement != st {
		l.tx.deferred = append(l.tx.deferred, deferredChange{statement: st, params: l.server.spool()})
		last = len(l.tx.deferred) - 1
	}
	if err := l.tx.deferred[last].params.Add(params); err != nil {
		return outcome{}, err
	}
	return outcome{n: n}, nil
}

// notLast is the refusal of a statement after one that changes rows.
func notLast() error {
	e := refuse("the databackend has no transactions: a statement that changes rows must be the last one of its transaction")
	e.Hint = "COMMIT after the change."
	return e
}

// sameTarget reports whether two statements are of one kind and change one table, as the parts of one client's statement do.
func sameTarget(a, b *Statement) bool {
	switch x := a.tree.(type) {
	case *dialect.Insert:
		y, ok := b.tree.(*dialect.Insert)
		return ok && x.Into.Table == y.Into.Table
	case *dialect.Update:
		y, ok := b.tree.(*dialect.Update)
		return ok && a.keyed != nil && b.keyed != nil && x.Table.Table == y.Table.Table
	case *dialect.Delete:
		y, ok := b.tree.(*dialect.Delete)
		return ok && a.keyed != nil && b.keyed != nil && x.Table.Table == y.Table.Table
	}
	return false
}

// foresee says how many rows a change will touch, and what is to be kept of it.
func (l *link) foresee(ctx context.Context, st *Statement, params [][]byte) (n int64, keep [][]byte, err error) {
	if st.Columns != nil {
		return 0, nil, refuse("the databackend has no transactions, and cannot say what RETURNING asks for before the commit")
	}
	switch tree := st.tree.(type) {
	case *dialect.Insert:
		if tree.DoNothing {
			return 0, nil, refuse("the databackend has no transactions, and cannot say before the commit which rows ON CONFLICT DO NOTHING passes over")
		}
		return int64(max(1, len(tree.Rows))), params, nil
	case *dialect.Truncate:
		return 0, params, nil
	case *dialect.Update:
		if st.keyed == nil {
			n, err = l.countRows(ctx, tree.Table, tree.From, tree.Where, params)
			return n, params, err
		}
	case *dialect.Delete:
		if st.keyed == nil {
			n, err = l.countRows(ctx, tree.Table, tree.Using, tree.Where, params)
			return n, params, err
		}
	}
	k := st.keyed
	row, err := l.tickets.find(params[k.ticket])
	if err != nil {
		return 0, nil, err
	}
	name := k.table.Schema + "." + k.table.Name
	if l.tickets.void(row, name) {
		return 0, nil, refuse("the databackend has no transactions, and a row would be changed twice by one statement")
	}
	return 1, append(append([][]byte(nil), params...), row.key...), l.tickets.use(row, name)
}

// countRows counts the rows that a change finds.
func (l *link) countRows(ctx context.Context, target *dialect.Relation, others dialect.From, where []dialect.Expr, params [][]byte) (int64, error) {
	if others != nil {
		return 0, refuse("the databackend has no transactions, and cannot say before the commit how many rows a change with a join finds")
	}
	null := &dialect.Constant{Null: true, Type: dialect.Type{OID: 25, Mod: -1}}
	read := &Statement{Params: len(params)}
	read.tree = &dialect.Select{Columns: []dialect.Expr{null}, From: target, Where: where}
	if err := l.server.compileSelect(read, read.tree.(*dialect.Select)); err != nil {
		return 0, err
	}
	rows, err := l.run(ctx, read, params)
	if err != nil {
		return 0, err
	}
	var n int64
	for {
		if _, err := rows.Next(ctx); errors.Is(err, io.EOF) {
			return n, rows.Close()
		} else if err != nil {
			return 0, errors.Join(err, rows.Close())
		}
		n++
	}
}

// carryOut makes the changes that have waited.
func (l *link) carryOut(ctx context.Context) error {
	waiting := l.tx.deferred
	l.tx.deferred = nil
	defer func() {
		for _, d := range waiting {
			_ = d.params.Close() // read to the end, or of no more use
		}
	}()
	for _, d := range waiting {
		for {
			params, err := d.params.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				err = l.carryOutOne(ctx, d.statement, params)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// carryOutOne makes one change.
func (l *link) carryOutOne(ctx context.Context, st *Statement, params [][]byte) error {
	var err error
	if k := st.keyed; k != nil {
		n := len(params) - len(keyOf(k.table))
		_, err = l.changeRow(ctx, st, params[n:], params[:n])
	} else {
		_, err = l.changeNow(ctx, st, params)
	}
	return err
}
