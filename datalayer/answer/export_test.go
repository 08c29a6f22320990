package answer

import (
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
)

// Relearn says how long a model takes for a row.
func (a *Answerer) Relearn(v *datalayer.ModelVersion, perRow time.Duration) {
	k := a.hold(v)
	defer a.let(k)
	k.perRow.Store(perRow.Nanoseconds())
}

// Waited is the time that counts against the budget's.
func (b *Budget) Waited() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waited
}
