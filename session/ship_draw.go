package session

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
)

// random asks home for a number to begin the random numbers of each run of a statement with. It is of home's own row of
// them, so that one that a client has chosen with setseed still decides about all that follow.
func (h *homeSide) random(ctx context.Context) (number string, err error) {
	q := stream.Query{Text: "SELECT pg_catalog.random()", Formats: []int16{0}}
	err = h.rows(ctx, q, func(v [][]byte) error {
		number = string(v[0])
		return nil
	})
	return number, unpositioned(err)
}

// keepDrawn gives home what volatile functions have given in a run that does not count, so that it is the same in the next
// ones, and keeps the notices that they gave.
func (c *shipCursor) keepDrawn(ctx context.Context, h *homeSide, r *run) error {
	queries, err := r.round.GiveDrawn()
	if err != nil {
		return err
	}
	for _, q := range queries {
		if err := h.rows(ctx, q, nil); err != nil {
			return unpositioned(err)
		}
	}
	c.told = append(c.told, r.told...)
	return nil
}

// tell gives the client, before what the run gives, the notices of functions that were called in earlier runs.
func (r *run) tell(h *homeSide) error {
	if r.discard {
		return nil
	}
	for _, body := range r.c.told {
		if r.direct {
			h.x.ReplyRaw('N', body)
		} else if err := r.spool.add('N', body); err != nil {
			return err
		}
	}
	return nil
}
