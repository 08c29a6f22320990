package differential

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// roundLength is how many statements run on one database.
const roundLength = 100

// worker runs cases on a schema of its own, one after the other.
type worker struct {
	schema        string
	oracle, proxy *peer
	// round is the number of the database that is there now, -1 for none.
	round int
	db    *database
}

// newWorker connects both sides.
func newWorker(ctx context.Context, schema, oracle, proxy string, proxyIsOracle bool) (*worker, error) {
	w := &worker{schema: schema, oracle: &peer{url: oracle, oracle: true}, proxy: &peer{url: proxy, oracle: proxyIsOracle}, round: -1}
	return w, w.reconnect(ctx)
}

// close ends both sessions.
func (w *worker) close() {
	w.oracle.close()
	w.proxy.close()
}

// reconnect opens both sessions anew.
func (w *worker) reconnect(ctx context.Context) error {
	for _, p := range []*peer{w.oracle, w.proxy} {
		if err := p.connect(ctx); err != nil {
			return err
		}
		// Compiling a query takes longer than all else that these do.
		if err := p.script("SET client_min_messages = error; SET jit = off; SET search_path = " + w.schema + ", public"); err != nil {
			return err
		}
		if w.db != nil {
			for _, set := range w.db.settings {
				if err := p.script(set); err != nil {
					return err
				}
			}
		}
	}
	return w.oracle.script("SET statement_timeout = '3s'")
}

// caseAt makes the case with a number, and the database that it runs on.
func caseAt(seed uint64, index int, only string) *testCase {
	db := newDatabase(rand.New(rand.NewPCG(seed, uint64(index/roundLength)<<32|1)))
	return newCase(rand.New(rand.NewPCG(seed, uint64(index)<<32|2)), db, only)
}

// open makes a database on both sides.
func (w *worker) open(ctx context.Context, db *database) error {
	w.db = db
	if err := w.reconnect(ctx); err != nil {
		return err
	}
	for _, p := range []*peer{w.oracle, w.proxy} {
		if err := p.script(db.create(w.schema, p.oracle)); err != nil {
			return fmt.Errorf("database: %w", err)
		}
		if err := p.learn(w.schema); err != nil {
			return err
		}
	}
	return nil
}

// try runs a case on the database of its round.
func (w *worker) try(ctx context.Context, index int, c *testCase) (result, error) {
	if round := index / roundLength; round != w.round {
		if err := w.open(ctx, c.db); err != nil {
			return result{}, err
		}
		w.round = round
	}
	r := c.run(w.oracle, w.proxy)
	return r, c.settle(ctx, w, r)
}
