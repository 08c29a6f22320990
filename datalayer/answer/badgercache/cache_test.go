package badgercache_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer/badgercache"
)

// open opens a cache of the least size.
func open(t testing.TB, dir string) *badgercache.Cache {
	t.Helper()
	c, err := badgercache.Open(badgercache.Config{Dir: dir, MaxBytes: badgercache.MinBytes})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// key and value are those of a number. The value tells the number.
func key(n int) []byte { return binary.BigEndian.AppendUint64([]byte("0123456789abcdef"), uint64(n)) }
func value(n, size int) []byte {
	v := binary.BigEndian.AppendUint64(make([]byte, 0, size+8), uint64(n))
	rng := rand.NewPCG(uint64(n), 7)
	for len(v) < size {
		v = binary.BigEndian.AppendUint64(v, rng.Uint64())
	}
	return v[:size]
}

// put puts the numbers from lo to hi.
func put(c *badgercache.Cache, lo, hi, size int) {
	var keys, values [][]byte
	for n := lo; n < hi; n++ {
		keys, values = append(keys, key(n)), append(values, value(n, size))
	}
	c.Put(keys, values)
}

// get looks for the numbers from lo to hi, and counts those that are there; a wrong value is an error.
func get(t testing.TB, c *badgercache.Cache, lo, hi, size int) int {
	t.Helper()
	var keys [][]byte
	for n := lo; n < hi; n++ {
		keys = append(keys, key(n))
	}
	found := map[int]bool{}
	c.Get(keys, func(i int, v []byte) {
		if found[i] || !bytes.Equal(v, value(lo+i, size)) {
			t.Errorf("number %d has the value of another, or twice", lo+i)
		}
		found[i] = true
	})
	return len(found)
}

// written waits until what was put is on the disk.
func written(t testing.TB, c *badgercache.Cache) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); c.Waiting() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what was put is never written")
		}
	}
}

// used is what a directory takes of the disk, in bytes.
func used(t testing.TB, dir string) int64 {
	t.Helper()
	var n int64
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil {
			return nil // removed meanwhile
		}
		if info, err := d.Info(); err == nil {
			n += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return nil
	})
	return n
}

func TestPutIsFoundAtOnceAndLater(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cache")
	c := open(t, dir)
	put(c, 0, 100, 50)
	if n := get(t, c, 0, 200, 50); n != 100 {
		t.Errorf("%d found at once", n)
	}
	written(t, c)
	put(c, 100, 150, 50)
	if n := get(t, c, 0, 200, 50); n != 150 {
		t.Errorf("%d found once they are written", n)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		c = open(t, dir)
		if n := get(t, c, 0, 200, 50); n != 150 {
			t.Errorf("%d found after a restart", n)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info, err)
	}
}

func TestEmptyAndLargeValues(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir())
	c.Put([][]byte{key(1), key(2), key(3)}, [][]byte{{}, make([]byte, 200<<10), make([]byte, 300<<10)})
	written(t, c)
	sizes := map[int]int{}
	c.Get([][]byte{key(1), key(2), key(3)}, func(i int, v []byte) { sizes[i] = len(v) })
	if len(sizes) != 2 || sizes[0] != 0 || sizes[1] != 200<<10 || c.Dropped() != 1 {
		t.Error(sizes, c.Dropped())
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestBounded puts several times what the cache may hold. A few answers that are used all the time stay.
func TestBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := open(t, dir)
	const size, step = 4000, 200
	put(c, -10, 0, size)
	most := int64(0)
	rounds := 3 * badgercache.MinBytes / (size * step)
	for i := range rounds {
		put(c, i*step, (i+1)*step, size)
		written(t, c)
		most = max(most, used(t, dir))
		if n := get(t, c, -10, 0, size); n != 10 {
			t.Fatalf("%d of 10 that are used are left in round %d", n, i)
		}
	}
	if most > badgercache.MinBytes {
		t.Errorf("the cache took %d bytes of %d", most, badgercache.MinBytes)
	}
	if c.Bytes() == 0 || c.Dropped() != 0 {
		t.Errorf("%d bytes, %d dropped", c.Bytes(), c.Dropped())
	}
	if n := get(t, c, 0, step, size); n != 0 {
		t.Errorf("%d of the oldest are left", n)
	}
	if n := get(t, c, (rounds-2)*step, rounds*step, size); n != 2*step {
		t.Errorf("%d of the %d newest are left", n, 2*step)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) > 2 {
		t.Error(names, err)
	}
}

// TestMoreThanCanBeWritten puts much at once: memory is bounded, and what is not dropped is kept (all of it has
// room on the disk).
func TestMoreThanCanBeWritten(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir())
	for i := range 20 {
		put(c, i*40, (i+1)*40, 4000)
	}
	if n := get(t, c, 0, 800, 4000); n == 0 || int64(n)+c.Dropped() != 800 {
		t.Errorf("%d found, %d dropped", n, c.Dropped())
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	c, err := badgercache.Open(badgercache.Config{Dir: t.TempDir(), MaxBytes: badgercache.MinBytes, MinFree: 1 << 60})
	if err != nil {
		t.Fatal(err)
	}
	put(c, 0, 10, 50)
	written(t, c)
	if n := get(t, c, 0, 10, 50); n != 0 || c.Dropped() != 10 {
		t.Errorf("%d found, %d dropped", n, c.Dropped())
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNoCacheThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, filepath.Join(dir, "cache"))
	for name, config := range map[string]badgercache.Config{
		"a file": {Dir: file, MaxBytes: badgercache.MinBytes}, "too small": {Dir: dir, MaxBytes: 1},
		"in use": {Dir: filepath.Join(dir, "cache"), MaxBytes: badgercache.MinBytes},
	} {
		if other, err := badgercache.Open(config); err == nil {
			t.Errorf("%s: opened", name)
			_ = other.Close()
		}
	}
	put(c, 0, 1, 50)
	if get(t, c, 0, 1, 50) != 1 {
		t.Error("the one that has the directory lost it")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkGet(b *testing.B) {
	c := open(b, b.TempDir())
	defer c.Close()
	const rows = 4096
	for i := range 10 {
		put(c, i*rows, (i+1)*rows, 16)
		written(b, c)
	}
	for _, hit := range []bool{true, false} {
		var keys [][]byte
		for n := range rows {
			if !hit {
				n += 1 << 30
			}
			keys = append(keys, key(n))
		}
		b.Run(fmt.Sprintf("hit=%v", hit), func(b *testing.B) {
			for b.Loop() {
				n := 0
				c.Get(keys, func(int, []byte) { n++ })
				if (n == rows) != hit {
					b.Fatal(n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}

func BenchmarkPut(b *testing.B) {
	c := open(b, b.TempDir())
	defer c.Close()
	const rows = 4096
	for i := 0; b.Loop(); i++ {
		put(c, i*rows, (i+1)*rows, 16)
		written(b, c)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}

// TestManyAtOnce puts and gets from several goroutines while generations change.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir())
	var all sync.WaitGroup
	const size, each = 4000, 1000
	for g := range 4 {
		all.Go(func() {
			for i := g * each; i < (g+1)*each; i += 100 {
				put(c, i, i+100, size)
				get(t, c, i, i+100, size)
				get(t, c, g*each, g*each+100, size)
			}
		})
	}
	all.Wait()
	written(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}
