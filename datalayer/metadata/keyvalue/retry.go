package keyvalue

import (
	"context"
	"math/rand/v2"
	"time"
)

// Outcome says whether a transaction is worth another run: for the stores.
type Outcome int

const (
	// Final: it is done, or would fail again.
	Final Outcome = iota
	// Collided: the database undid it for the sake of another.
	Collided
	// Lost: the connection was lost before the transaction was to commit.
	Lost
)

// maxLost is how often an Update is run again because its connection was lost.
const maxLost = 3

// Retry runs the transaction of an Update until its outcome is final, for stores whose database finds collisions and lets
// one of those that collide get through. It ends with ctx.
func Retry(ctx context.Context, run func() (Outcome, error)) error {
	lost := 0
	for attempt := 0; ; attempt++ {
		again, err := run()
		switch {
		case again == Lost && lost < maxLost:
			lost++
		case again != Collided:
			return err
		}
		if err := Pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// Pause waits before a transaction is run again: a random time of up to 2 ms at first, twice as much each time, and at
// most 256 ms.
func Pause(ctx context.Context, attempt int) error {
	wait := time.NewTimer(rand.N(2 * time.Millisecond << min(attempt, 7)))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}
