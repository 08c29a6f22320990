// Package badgercache keeps answers of models in Badger, bounded in bytes. It is a cache: what it loses costs a call of a
// model, so nothing waits for its disk, and what is not in order in it is thrown away.
package badgercache

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
)

// Config says where a cache is and what it may use. Dir and MaxBytes are required.
type Config struct {
	// Dir is the cache's own directory, which is made if need be, with mode 0700. Whoever opens it makes sure that no
	// other process does.
	Dir string
	// MaxBytes is what the cache may take of the disk (setting predict_cache_bytes), at least MinBytes.
	MaxBytes int64
	// MinFree is the room, in bytes, that the file system has to have for anything to be kept: Badger writes through
	// memory that is mapped to sparse files, and the process would be killed where there is no block left for it.
	MinFree int64
	// Logger gets what an operator should know; nil: nobody does.
	Logger *slog.Logger
}

// MinBytes is the least size of a cache.
const MinBytes = 16 << 20

const (
	// maxEntry is the size of the largest entry that is kept.
	maxEntry = 256 << 10
	// entryCost is about what an entry costs beside its key and value, on the disk and in memory.
	entryCost = 64
)

// Cache is an answer.Store over Badger.
//
// It has two generations, each a Badger directory. What is put goes to the younger one; when that takes a quarter of
// MaxBytes, the older one is removed whole and a new one begun. An answer that is found in the older generation is put
// again, so what is used stays and what is not used goes with the second change of generations. So eviction is the
// removal of a directory: it frees the room at once, whatever Badger's compactions have done, and costs nothing while
// the cache is used, where single deletions or a time to live would leave the room to a compaction some day. The half
// that is left is for what compactions need while they run: as much again as there is, at worst.
//
// What is put waits in memory, from where Get finds it, for the one goroutine that writes; past a bound (a sixteenth of
// MaxBytes, 8 MiB at most, and as much that is being written) it is dropped.
type Cache struct {
	config Config
	// pendingBytes bounds what waits.
	pendingBytes int

	// mu guards young and old; whoever reads from a generation holds it.
	mu         sync.RWMutex
	young, old *generation // nil where there is none

	// waiting guards what follows.
	waiting          sync.RWMutex
	pending, writing map[string][]byte
	size             int // of pending

	// wake has an element when there is something to do for the writer.
	wake    chan struct{}
	stop    chan struct{}
	writer  sync.WaitGroup
	dropped atomic.Int64
	bytes   atomic.Int64
	// full says that the disk was found to be full.
	full bool
}

var _ answer.Store = (*Cache)(nil)

// Open opens a cache. Generations that cannot be read are removed, with a word in the log, and the cache begins empty.
// An error says that there can be no cache in the directory.
func Open(config Config) (*Cache, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.MaxBytes < MinBytes {
		return nil, fmt.Errorf("a cache of %d bytes is too small, it takes %d", config.MaxBytes, MinBytes)
	}
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("cache directory: %w", err)
	}
	config.Dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache directory: %w", err)
	}
	c := &Cache{config: config, pendingBytes: int(min(config.MaxBytes/16, 8<<20)), pending: map[string][]byte{},
		wake: make(chan struct{}, 1), stop: make(chan struct{})}
	if err := c.openGenerations(); err != nil {
		return nil, err
	}
	c.writer.Go(c.write)
	return c, nil
}

// Close implements answer.Store.
func (c *Cache) Close() error {
	close(c.stop)
	c.writer.Wait()
	c.young.close(c.config.Logger)
	c.old.close(c.config.Logger)
	return nil
}

// Bytes is what the cache took of the disk when it was looked at last.
func (c *Cache) Bytes() int64 { return c.bytes.Load() }

// Waiting is the number of answers that wait to be written.
func (c *Cache) Waiting() int {
	c.waiting.RLock()
	defer c.waiting.RUnlock()
	return len(c.pending) + len(c.writing)
}

// Dropped counts the answers that were not kept, because they are too large, the disk is full, or more came than could be
// written.
func (c *Cache) Dropped() int64 { return c.dropped.Load() }

// Put implements answer.Store.
func (c *Cache) Put(keys, values [][]byte) { c.dropped.Add(c.wait(keys, values)) }

// wait lets entries wait for the writer. It gives the number of those that it has no room for.
func (c *Cache) wait(keys, values [][]byte) (dropped int64) {
	c.waiting.Lock()
	defer c.waiting.Unlock()
	for i, key := range keys {
		cost := len(key) + len(values[i]) + entryCost
		if cost > maxEntry || c.size+cost > c.pendingBytes {
			dropped++
			continue
		}
		if _, ok := c.pending[string(key)]; !ok {
			c.size += cost
		}
		c.pending[string(key)] = append(make([]byte, 0, len(values[i])), values[i]...)
	}
	c.wakeWriter()
	return dropped
}

// wakeWriter tells the writer that there is something to do.
func (c *Cache) wakeWriter() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Get implements answer.Store.
func (c *Cache) Get(keys [][]byte, found func(i int, value []byte)) {
	left := c.getWaiting(keys, found)
	if len(left) == 0 {
		return
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	left = c.young.get(keys, left, found)
	if len(left) > 0 && c.old != nil {
		var again, values [][]byte
		c.old.get(keys, left, func(i int, value []byte) {
			again, values = append(again, keys[i]), append(values, append([]byte{}, value...))
			found(i, value)
		})
		if len(again) > 0 {
			c.wait(again, values) // those that have no room are still where they are
		}
	}
	if c.young.broken() || c.old.broken() {
		c.wakeWriter()
	}
}

// getWaiting looks among what is not written yet, and lists the keys that are not there.
func (c *Cache) getWaiting(keys [][]byte, found func(i int, value []byte)) []int {
	left := make([]int, 0, len(keys))
	c.waiting.RLock()
	defer c.waiting.RUnlock()
	for i, key := range keys {
		value, ok := c.pending[string(key)]
		if !ok {
			value, ok = c.writing[string(key)]
		}
		if !ok {
			left = append(left, i)
			continue
		}
		found(i, value)
	}
	return left
}
