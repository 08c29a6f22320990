package foreign

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
)

// result is an open result of the engine on a link. While another statement needs the engine session, what is left of it is
// parked in a spool.
type result struct {
	link *link
	rows backend.Rows
	// parked holds the rows that were left, nil while they are still the engine's; after them comes err.
	parked *spool.Spool
	err    error
}

var _ backend.Rows = (*result)(nil)

// Next implements backend.Rows.
func (r *result) Next(ctx context.Context) ([][]byte, error) {
	if r.parked != nil {
		row, err := r.parked.Next()
		if errors.Is(err, io.EOF) && r.err != nil {
			return nil, r.err
		}
		return row, err
	}
	if r.err != nil {
		return nil, r.err
	}
	row, err := r.rows.Next(ctx)
	if err != nil {
		r.err = err
		if closing := r.leave(); closing != nil && errors.Is(err, io.EOF) {
			r.err = closing
		}
		r.link.note(r.err)
		return nil, r.err
	}
	return row, nil
}

// park reads what is left into a spool, so that the engine session is free. An error of the engine is kept for the
// reader; one of the spool is given back.
func (r *result) park(ctx context.Context) error {
	if r.parked != nil || r.err != nil {
		return nil
	}
	kept := r.link.server.spool()
	for {
		row, err := r.rows.Next(ctx)
		if err != nil {
			r.err = err
			break
		}
		if err := kept.Add(row); err != nil {
			return errors.Join(err, kept.Close())
		}
	}
	r.parked = kept
	if closing := r.leave(); closing != nil && errors.Is(r.err, io.EOF) {
		r.err = closing
	}
	r.link.note(r.err)
	return nil
}

// leave ends the engine's part.
func (r *result) leave() error {
	l := r.link
	if i := slices.Index(l.open, r); i >= 0 {
		l.open = slices.Delete(l.open, i, i+1)
	}
	return r.rows.Close()
}

// Close implements backend.Rows.
func (r *result) Close() error {
	var err error
	if r.parked == nil && r.err == nil {
		r.err = io.EOF
		err = r.leave()
	}
	if r.parked != nil {
		err = errors.Join(err, r.parked.Close())
	}
	return err
}
