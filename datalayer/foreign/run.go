package foreign

import (
	"context"
	"io"
	"math/rand/v2"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// run begins a Select.
func (l *link) run(ctx context.Context, st *Statement, params [][]byte) (backend.Rows, error) {
	if len(l.tx.deferred) > 0 {
		return nil, notLast()
	}
	if l.tx.spoiled != nil {
		return nil, l.tx.spoiled
	}
	if st.refused != nil {
		return nil, st.refused
	}
	if st.fixed != nil {
		return &fixedRows{st.fixed}, nil
	}
	if st.finish != nil {
		st, params = l.server.withValues(st, params)
	}
	if st.finish != nil {
		return l.finishedRows(ctx, st.finish, params)
	}
	r, err := l.ask(ctx, st, params)
	switch {
	case err != nil:
		return nil, err
	case st.ids != nil:
		return newTicketRows(r, &l.tickets, st.ids), nil
	case st.sample > 0:
		return &sampledRows{r, st.sample}, nil
	}
	return r, nil
}

// fixedRows are rows that are known beforehand.
type fixedRows struct{ rows [][][]byte }

// Next implements backend.Rows.
func (f *fixedRows) Next(context.Context) ([][]byte, error) {
	if len(f.rows) == 0 {
		return nil, io.EOF
	}
	row := f.rows[0]
	f.rows = f.rows[1:]
	return row, nil
}

// Close implements backend.Rows.
func (f *fixedRows) Close() error { return nil }

// sampledRows are a random share of rows, for ANALYZE.
type sampledRows struct {
	backend.Rows
	share float64
}

// Next implements backend.Rows.
func (s *sampledRows) Next(ctx context.Context) ([][]byte, error) {
	for {
		row, err := s.Rows.Next(ctx)
		if err != nil || rand.Float64() < s.share { //nolint:gosec // a sample needs no secrecy
			return row, err
		}
	}
}
