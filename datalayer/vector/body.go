package vector

import "sync"

// body is what an index holds: a graph whose slots have keys and tags.
type body struct {
	*graph
	// slots has the slot of each key that is there.
	slots map[string]uint32
	// keys and tags are by slot. A key does not change; that of a dead slot may have another slot by now.
	keys []string
	tags []uint64
	// linked is false where every search scans everything, so that links are not needed.
	linked bool
	// walks has memory for walks.
	walks *sync.Pool
}

func newBody(c Config) *body {
	return &body{
		graph:  newGraph(c.Dimension, c.Measure),
		slots:  map[string]uint32{},
		linked: !c.Exact,
		walks:  &sync.Pool{New: func() any { return new(walk) }},
	}
}

// checked is an item whose vector Config.check has passed.
type checked struct {
	key    string
	tag    uint64
	vector []float32
}

// put gives keys, of which none comes twice and at most growBatch, their vectors, in place of those they had. Only one
// may put or remove at a time; lock is held while what searches read is changed.
func (b *body) put(items []checked, lock sync.Locker) {
	slots := make([]uint32, len(items))
	lock.Lock()
	for i, it := range items {
		level := 0
		if b.linked {
			level = b.drawLevel()
		}
		slots[i] = b.store(it.vector, level)
		b.keys = append(b.keys, it.key)
		b.tags = append(b.tags, it.tag)
	}
	lock.Unlock()
	var changes []relinking
	if b.linked {
		changes = b.join(slots, b.walks)
	}
	lock.Lock()
	defer lock.Unlock()
	b.commit(slots, changes)
	for i, it := range items {
		if old, there := b.slots[it.key]; there {
			b.dead[old] = true
		}
		b.slots[it.key] = slots[i]
	}
}

// remove takes a key out and reports whether it was there. The caller holds the lock.
func (b *body) remove(key string) bool {
	slot, there := b.slots[key]
	if there {
		b.dead[slot] = true
		delete(b.slots, key)
	}
	return there
}

// deadSlots is the number of slots that hold nothing any more.
func (b *body) deadSlots() int { return int(b.size) - len(b.slots) }
