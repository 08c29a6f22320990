package badgercache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// generation is one Badger directory. A nil one has nothing.
type generation struct {
	number int
	dir    string
	db     *badger.DB
	keys   *filter
	// stop ends the reading of the keys, which filling waits for.
	stop    chan struct{}
	filling sync.WaitGroup
	// failed says that something in it is not in order.
	failed atomic.Bool
}

// timestamp is that of all that is written and read. Where Badger gives timestamps itself, reading waits for all writing
// that was begun before, and a statement would wait for the disk.
const timestamp = 1

// memTableBytes is the size of Badger's table in memory, between these.
const (
	leastMemTable = 1 << 20
	mostMemTable  = 8 << 20
)

// badgerOptions are Badger's for a generation of a cache of a size: values lie in the tree, so that nothing needs
// collecting, and every block is checked when it is read (verifyTables did so before).
func badgerOptions(dir string, maxBytes int64) badger.Options {
	memTable := min(max(maxBytes/32, leastMemTable), mostMemTable)
	return badger.DefaultOptions(dir).
		WithSyncWrites(false).
		WithLogger(nil).
		WithMetricsEnabled(false).
		WithDetectConflicts(false).
		WithNumVersionsToKeep(1).
		WithMemTableSize(memTable).
		WithBaseTableSize(2 << 20).
		WithNumMemtables(2).
		WithNumLevelZeroTables(3).
		WithNumLevelZeroTablesStall(8).
		WithNumCompactors(2).
		WithCompactL0OnClose(false).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithValueThreshold(memTable / 8).
		WithValueLogFileSize(1 << 20).
		WithChecksumVerificationMode(options.OnBlockRead)
}

// openGeneration opens a generation, or makes it. With an error, the generation is not open.
func openGeneration(dir string, number int, maxBytes int64) (g *generation, err error) {
	g = &generation{number: number, dir: filepath.Join(dir, fmt.Sprintf("%08d", number)), keys: newFilter(maxBytes), stop: make(chan struct{})}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	made := os.Mkdir(g.dir, 0o700)
	if made != nil && !errors.Is(made, os.ErrExist) {
		return g, made
	}
	if err := verifyTables(g.dir); err != nil {
		return g, err
	}
	if g.db, err = badger.OpenManaged(badgerOptions(g.dir, maxBytes)); err != nil {
		return g, err
	}
	if made == nil {
		g.keys.ready.Store(true)
	} else {
		g.filling.Go(g.fill)
	}
	return g, nil
}

// fill puts the keys of a generation that was opened into its filter.
func (g *generation) fill() {
	defer func() {
		if v := recover(); v != nil {
			g.failed.Store(true)
		}
	}()
	txn := g.db.NewTransactionAt(timestamp, false)
	defer txn.Discard()
	options := badger.DefaultIteratorOptions
	options.PrefetchValues = false
	it := txn.NewIterator(options)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		select {
		case <-g.stop:
			return
		default:
			g.keys.add(it.Item().Key())
		}
	}
	g.keys.ready.Store(true)
}

// broken reports whether something in the generation is not in order.
func (g *generation) broken() bool { return g != nil && g.failed.Load() }

// get looks for the keys with the numbers in wanted, and lists those that are not there.
func (g *generation) get(keys [][]byte, wanted []int, found func(i int, value []byte)) (left []int) {
	if g.broken() {
		return wanted
	}
	left = make([]int, 0, len(wanted))
	at := 0
	defer func() {
		if v := recover(); v != nil {
			g.failed.Store(true)
			left = append(left, wanted[at:]...)
		}
	}()
	txn := g.db.NewTransactionAt(timestamp, false)
	defer txn.Discard()
	for at < len(wanted) {
		i := wanted[at]
		if !g.keys.mayHave(keys[i]) {
			left = append(left, i)
			at++
			continue
		}
		item, err := txn.Get(keys[i])
		if err == nil {
			err = item.Value(func(sealed []byte) error {
				value, ok := unseal(keys[i], sealed)
				if !ok {
					return errSeal
				}
				found(i, value)
				return nil
			})
		}
		if err != nil {
			left = append(left, i)
			if !errors.Is(err, badger.ErrKeyNotFound) {
				g.failed.Store(true)
			}
		}
		at++
	}
	return left
}

// put writes entries.
func (g *generation) put(entries map[string][]byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	batch := g.db.NewWriteBatchAt(timestamp)
	defer batch.Cancel()
	for key, value := range entries {
		k := []byte(key)
		g.keys.add(k) // before it can be found
		if err := batch.Set(k, seal(k, value)); err != nil {
			return err
		}
	}
	return batch.Flush()
}

// close closes the generation.
func (g *generation) close(logger *slog.Logger) {
	if g == nil {
		return
	}
	close(g.stop)
	g.filling.Wait()
	defer func() {
		if v := recover(); v != nil {
			logger.Warn("the cache of answers was not closed in order", "panic", fmt.Sprintf("a %T", v))
		}
	}()
	if err := g.db.Close(); err != nil {
		logger.Warn("the cache of answers was not closed in order", "error", err)
	}
}

// size is what the generation takes of the disk, in bytes.
func (g *generation) size() int64 {
	if g == nil {
		return 0
	}
	entries, err := os.ReadDir(g.dir)
	if err != nil {
		return 0
	}
	var n int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil { // removed meanwhile
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			n += st.Blocks * 512 // files are sparse
		}
	}
	return n
}

// errSeal is the error for a value that was not written as it is read.
var errSeal = errors.New("the seal of a value is broken")

// sealBytes is the length of the checksum before each value.
const sealBytes = 4

// seal puts the checksum of key and value before the value.
func seal(key, value []byte) []byte {
	sealed := binary.LittleEndian.AppendUint32(make([]byte, 0, sealBytes+len(value)), checksum(key, value))
	return append(sealed, value...)
}

// unseal checks and takes it off.
func unseal(key, sealed []byte) ([]byte, bool) {
	if len(sealed) < sealBytes {
		return nil, false
	}
	value := sealed[sealBytes:]
	return value, binary.LittleEndian.Uint32(sealed) == checksum(key, value)
}

// checksum is the CRC-32C of a key and its value.
func checksum(key, value []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, table), table, value)
}
