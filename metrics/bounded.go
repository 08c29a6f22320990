package metrics

import (
	"strings"
	"sync"
)

// other stands in place of the values that a label has no room for.
const other = "other"

// bounded lets a limited number of values through. It is safe for concurrent use.
type bounded struct {
	mu    sync.RWMutex
	limit int
	seen  map[string]struct{}
}

// newBounded makes a bounded for limit values.
func newBounded(limit int) *bounded { return &bounded{limit: limit, seen: make(map[string]struct{})} }

// of is the value itself, in valid UTF-8, or "other" when there are too many already.
func (b *bounded) of(value string) string {
	value = strings.ToValidUTF8(value, "?")
	b.mu.RLock()
	_, ok := b.seen[value]
	b.mu.RUnlock()
	if ok {
		return value
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.seen[value]; !ok {
		if len(b.seen) >= b.limit {
			return other
		}
		b.seen[value] = struct{}{}
	}
	return value
}
