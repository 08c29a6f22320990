package badgercache

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// lockRefused is in the message of Badger's error for a directory that is open already. It wraps no error that could be
// tested for.
const lockRefused = "Cannot acquire directory lock"

// openGenerations opens the two youngest generations of the directory, and removes all others and what cannot be opened.
func (c *Cache) openGenerations() error {
	names, err := os.ReadDir(c.config.Dir)
	if err != nil {
		return fmt.Errorf("cache directory: %w", err)
	}
	var numbers []int
	for _, name := range names {
		if n, err := strconv.Atoi(name.Name()); err == nil && name.IsDir() && n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	for i, n := range numbers {
		if i >= 2 {
			c.remove(filepath.Join(c.config.Dir, fmt.Sprintf("%08d", n)))
			continue
		}
		g, err := openGeneration(c.config.Dir, n, c.config.MaxBytes)
		switch {
		case err != nil && strings.Contains(err.Error(), lockRefused):
			c.young.close(c.config.Logger)
			return fmt.Errorf("cache directory %s is in use: %w", c.config.Dir, err)
		case err != nil:
			c.config.Logger.Warn("the cache of answers cannot be read; it is thrown away", "directory", filepath.Base(g.dir), "error", err)
			c.remove(g.dir)
		case c.young == nil:
			c.young = g
		default:
			c.old = g
		}
	}
	if c.young == nil {
		next := 1
		if len(numbers) > 0 {
			next = numbers[0] + 1
		}
		if c.young, err = openGeneration(c.config.Dir, next, c.config.MaxBytes); err != nil {
			return fmt.Errorf("cache directory: %w", err)
		}
	}
	c.measure()
	return nil
}

// remove removes a generation's directory.
func (c *Cache) remove(dir string) {
	if err := os.RemoveAll(dir); err != nil {
		c.config.Logger.Warn("a part of the cache of answers cannot be removed", "error", err)
	}
}

// measure notes what the cache takes of the disk.
func (c *Cache) measure() { c.bytes.Store(c.young.size() + c.old.size()) }

// write writes what waits until the cache is closed. young and old are changed here alone.
func (c *Cache) write() {
	for ended := false; !ended; {
		select {
		case <-c.wake:
		case <-c.stop:
			ended = true // after what waits
		}
		c.mend()
		c.flush()
		if c.young.size() > c.config.MaxBytes/4 {
			c.change()
		}
		c.measure()
	}
}

// flush writes what waits into the younger generation.
func (c *Cache) flush() {
	c.waiting.Lock()
	entries := c.pending
	c.pending, c.writing, c.size = map[string][]byte{}, entries, 0
	c.waiting.Unlock()
	defer func() {
		c.waiting.Lock()
		c.writing = nil
		c.waiting.Unlock()
	}()
	if len(entries) == 0 {
		return
	}
	if c.young.broken() || !c.room() {
		c.dropped.Add(int64(len(entries)))
		return
	}
	if err := c.young.put(entries); err != nil {
		c.dropped.Add(int64(len(entries)))
		c.config.Logger.Warn("answers cannot be cached", "error", err)
		c.young.failed.Store(true)
		c.wakeWriter()
	}
}

// room reports whether the disk has room. It says so in the log when that changes.
func (c *Cache) room() bool {
	var st syscall.Statfs_t
	if err := syscall.Statfs(c.config.Dir, &st); err != nil {
		return false
	}
	free := int64(st.Bavail) * int64(st.Bsize)
	full := free < c.config.MinFree+2*int64(c.pendingBytes)
	if full != c.full {
		c.full = full
		c.config.Logger.Warn("the cache of answers and the room on its disk", "full", full, "free", free)
	}
	return !full
}

// mend throws generations away in which something is not in order.
func (c *Cache) mend() {
	if c.old.broken() {
		c.throwAway(&c.old)
	}
	if c.young.broken() {
		number := c.young.number + 1
		g, err := openGeneration(c.config.Dir, number, c.config.MaxBytes)
		if err != nil {
			c.config.Logger.Warn("the cache of answers cannot begin anew", "error", err)
			return
		}
		broken := c.young
		c.mu.Lock()
		c.young = g
		c.mu.Unlock()
		c.throwAway(&broken)
	}
}

// throwAway removes a generation that is not in order.
func (c *Cache) throwAway(place **generation) {
	g := *place
	c.config.Logger.Warn("the cache of answers is not in order; a part of it is thrown away", "directory", filepath.Base(g.dir))
	c.drop(place)
}

// drop closes and removes a generation, once nobody reads from it.
func (c *Cache) drop(place **generation) {
	c.mu.Lock()
	g := *place
	*place = nil
	c.mu.Unlock()
	g.close(c.config.Logger)
	c.remove(g.dir)
}

// change begins a new generation: the younger one becomes the older one, which is removed.
func (c *Cache) change() {
	if c.old != nil {
		c.drop(&c.old)
	}
	g, err := openGeneration(c.config.Dir, c.young.number+1, c.config.MaxBytes)
	if err != nil {
		c.config.Logger.Warn("the cache of answers cannot begin a new generation", "error", err)
		c.young.failed.Store(true) // nothing more is put into it, so that it does not grow
		return
	}
	c.mu.Lock()
	c.old, c.young = c.young, g
	c.mu.Unlock()
}
