package keyvaluetest

import (
	"sync"
	"time"
)

// patience is how long one side of a meeting waits for the other, which a store that locks keeps from coming.
const patience = 200 * time.Millisecond

// meeting lets goroutines wait for each other.
type meeting struct {
	mu      sync.Mutex
	missing int
	all     chan struct{}
}

// newMeeting makes a meeting of n.
func newMeeting(n int) *meeting { return &meeting{missing: n, all: make(chan struct{})} }

// wait comes to the meeting and waits for the others, for a while.
func (m *meeting) wait() {
	m.leave()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-m.all:
	case <-late.C:
	}
}

// leave makes the others not wait for the caller.
func (m *meeting) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.missing--; m.missing == 0 {
		close(m.all)
	}
}
