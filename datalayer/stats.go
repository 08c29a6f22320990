package datalayer

import "sync"

// counters are what predict_stats has of one model version. All of them change together.
type counters struct {
	mu         sync.Mutex
	statements int64
	sum        CallStats
}

// add counts one statement.
func (c *counters) add(s CallStats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements++
	c.sum.Rows += s.Rows
	c.sum.Distinct += s.Distinct
	c.sum.NullSkipped += s.NullSkipped
	c.sum.Cached += s.Cached
	c.sum.Shared += s.Shared
	c.sum.Calls += s.Calls
	c.sum.Batches += s.Batches
	c.sum.Errors += s.Errors
	c.sum.Busy += s.Busy
}

// read gives the number of statements and the sum of what they did.
func (c *counters) read() (int64, CallStats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.statements, c.sum
}

// Record implements Predictor. What is recorded for a version that was dropped meanwhile reaches the Observer alone.
func (d *Datalayer) Record(model *ModelVersion, s CallStats) {
	c := model.counters
	if c == nil { // not from this catalog: a copy, or made by hand
		if v := d.catalog.Load().models[model.Name].version(model.Version); v != nil {
			c = v.counters
		}
	}
	if c != nil {
		c.add(s)
	}
	if d.config.Observer != nil {
		d.config.Observer.Predicted(model.Name, model.Version, s)
	}
}
