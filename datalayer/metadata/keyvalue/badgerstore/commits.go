package badgerstore

import (
	"slices"
	"sync"
)

// commits finds transactions that collide, by optimistic validation (Kung and Robinson, "On Optimistic Methods for
// Concurrency Control", 1981, serial validation): a transaction commits if nothing that it has read, single keys and
// whole ranges, was written by one that committed since it began. Badger's own detection does not know ranges, so that a
// key that is new in a scanned range would go unnoticed.
type commits struct {
	mu sync.Mutex
	// last counts the commits.
	last uint64
	// written is what the commits wrote that running transactions may have missed, oldest first.
	written []commit
	running map[*update]struct{}
}

// commit is what one transaction wrote.
type commit struct {
	number uint64
	keys   map[string]struct{}
}

// update is what one transaction has read and written, as keys of the database.
type update struct {
	// began is the last commit that its snapshot is sure to have.
	began  uint64
	reads  map[string]struct{}
	ranges []keyRange
	writes map[string]struct{}
}

// keyRange is the keys with from <= key < to; "" for to is no end.
type keyRange struct{ from, to string }

// has says whether a key is in the range.
func (r keyRange) has(key string) bool { return key >= r.from && (r.to == "" || key < r.to) }

// newCommits makes one without any.
func newCommits() *commits { return &commits{running: map[*update]struct{}{}} }

// begin notes a transaction, before its snapshot is taken. end has to follow.
func (c *commits) begin() *update {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := &update{began: c.last, reads: map[string]struct{}{}, writes: map[string]struct{}{}}
	c.running[u] = struct{}{}
	return u
}

// commit calls send, which gives the transaction its place among the commits, unless it collides with one.
func (c *commits) commit(u *update, send func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range c.written {
		if other.number > u.began && u.hasRead(other.keys) {
			return false
		}
	}
	c.last++
	c.written = append(c.written, commit{number: c.last, keys: u.writes})
	send()
	return true
}

// end forgets a transaction, and the commits that no running one began before.
func (c *commits) end(u *update) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, u)
	oldest := c.last
	for other := range c.running {
		oldest = min(oldest, other.began)
	}
	c.written = slices.DeleteFunc(c.written, func(w commit) bool { return w.number <= oldest })
}

// hasRead says whether the transaction has read one of the keys, or a range that one is in.
func (u *update) hasRead(keys map[string]struct{}) bool {
	for key := range keys {
		if _, ok := u.reads[key]; ok {
			return true
		}
		if slices.ContainsFunc(u.ranges, func(r keyRange) bool { return r.has(key) }) {
			return true
		}
	}
	return false
}
