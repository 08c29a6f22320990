package foreign

import (
	"context"
	"errors"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// ask runs the engine's program of a Select and waits for its first row. An engine may find only among the values that its
// answer would be another than PostgreSQL's (a decimal with more digits than it has), and then says *dialect.Unproven; as
// long as no row was given the statement is finished by the local PostgreSQL instead.
func (l *link) ask(ctx context.Context, st *Statement, params [][]byte) (backend.Rows, error) {
	r, err := l.query(ctx, st.program, params, false)
	var first [][]byte
	if err == nil {
		first, err = r.Next(ctx)
	}
	var unproven *dialect.Unproven
	switch {
	case errors.As(err, &unproven):
		return l.finishLate(ctx, st, params, unproven)
	case r == nil:
		return nil, err
	case err != nil:
		return &begunRows{Rows: r}, nil // which gives its error again
	}
	kept := make([][]byte, len(first))
	for i, v := range first {
		if v != nil {
			kept[i] = append([]byte{}, v...)
		}
	}
	return &begunRows{Rows: r, first: kept}, nil
}

// begunRows are rows of which the first was read ahead.
type begunRows struct {
	backend.Rows
	first [][]byte
}

// Next implements backend.Rows.
func (b *begunRows) Next(ctx context.Context) ([][]byte, error) {
	if row := b.first; row != nil {
		b.first = nil
		return row, nil
	}
	return b.Rows.Next(ctx)
}

// finishLate finishes a statement that the engine was asked for whole, over rows that are read without any condition. The
// engine's transaction, which may have failed with the statement, is begun anew; where something else was asked in it that
// would show, so the statement fails.
func (l *link) finishLate(ctx context.Context, st *Statement, params [][]byte, unproven *dialect.Unproven) (backend.Rows, error) {
	tree, ok := st.tree.(*dialect.Select)
	if !ok || l.tx.begun && (l.tx.wrote > 0 || l.tx.asked > 1 || len(l.open) > 0) {
		return nil, unproven
	}
	if l.tx.begun {
		if err := l.conn.Rollback(ctx); err != nil {
			l.note(err)
			return nil, err
		}
		l.tx.begun, l.tx.asked = false, 0
		for i := range l.tx.savepoints {
			l.tx.savepoints[i].made = false
		}
	}
	other := &Statement{Text: st.Text, tree: tree, Columns: st.Columns, Params: st.Params, Unproven: unproven, unconditional: true}
	if err := other.finishSelect(l.server, tree); err != nil {
		return nil, err
	}
	return l.finishedRows(ctx, other.finish, params)
}
