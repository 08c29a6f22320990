package badgercache

import (
	"encoding/binary"
	"testing"
)

// TestFilter fills a filter as far as it is made for: no key that was added is missed, and few others pass.
func TestFilter(t *testing.T) {
	t.Parallel()
	const keys = MinBytes / 4 / entryCost
	f := newFilter(MinBytes)
	key := func(n int) []byte {
		return binary.BigEndian.AppendUint64([]byte("some prefix that all have"), uint64(n))
	}
	for n := range keys {
		f.add(key(n))
	}
	if !f.mayHave(key(keys)) || !f.mayHave(key(2*keys)) {
		t.Error("a filter that is not ready holds a key back")
	}
	f.ready.Store(true)
	passed := 0
	for n := range 2 * keys {
		switch has := f.mayHave(key(n)); {
		case n < keys && !has:
			t.Fatalf("key %d was added and is missed", n)
		case n >= keys && has:
			passed++
		}
	}
	if passed > keys/30 {
		t.Errorf("%d of %d keys pass that were not added", passed, keys)
	}
}
