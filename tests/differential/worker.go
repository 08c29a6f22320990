package differential

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
)

// roundLength is how many statements run on one database.
const roundLength = 100

// worker runs cases on a schema of its own, one after the other.
type worker struct {
	schema        string
	oracle, proxy *side
	// round is the number of the database that is there now, -1 for none.
	round int
	db    *database
}

// side is one side of the comparison; the oracle's has the functions in place of models.
type side struct {
	*peer.Peer
	oracle bool
}

// newSide makes a side that is not connected yet.
func newSide(url string, oracle bool) *side {
	own := func(name string) bool { return strings.Contains(typesSQL, name+" AS") }
	return &side{&peer.Peer{URL: url, Named: own}, oracle}
}

// newWorker connects both sides.
func newWorker(ctx context.Context, schema, oracle, proxy string, proxyIsOracle bool) (*worker, error) {
	w := &worker{schema: schema, oracle: newSide(oracle, true), proxy: newSide(proxy, proxyIsOracle), round: -1}
	return w, w.reconnect(ctx)
}

// close ends both sessions.
func (w *worker) close() {
	w.oracle.Close()
	w.proxy.Close()
}

// reconnect opens both sessions anew.
func (w *worker) reconnect(ctx context.Context) error {
	for _, p := range []*side{w.oracle, w.proxy} {
		if err := p.Connect(ctx); err != nil {
			return err
		}
		// Compiling a query takes longer than all else that these do.
		if err := p.Script("SET client_min_messages = error; SET jit = off; SET search_path = " + w.schema + ", public"); err != nil {
			return err
		}
		if w.db != nil {
			for _, set := range w.db.settings {
				if err := p.Script(set); err != nil {
					return err
				}
			}
		}
	}
	return w.oracle.Script("SET statement_timeout = '3s'")
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
	for _, p := range []*side{w.oracle, w.proxy} {
		if err := p.Script(db.create(w.schema, p.oracle)); err != nil {
			return fmt.Errorf("database: %w", err)
		}
		if err := p.Learn(w.schema); err != nil {
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
