package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Config says where a store is and what it may use. Only Dir is required.
type Config struct {
	// Dir is the directory, which is made if need be, with mode 0700.
	Dir string
	// MinFree is the room, in bytes, that the file system has to have for a change (setting metadata_min_free);
	// 0 stands for 32 MiB, the least that is safe: see checkSpace. Less than 0 is no limit.
	MinFree int64
	// CollectEvery is the time between two looks for dead values in the value log; 0 stands for 10 minutes.
	CollectEvery time.Duration
	// Logger gets Badger's own messages; nil stands for none.
	Logger *slog.Logger
}

const (
	defaultMinFree      = 32 << 20
	defaultCollectEvery = 10 * time.Minute

	// memTableSize bounds what waits in memory to be written to a table, and 15 % of it a transaction.
	memTableSize = 4 << 20
	// valueThreshold is the size from which values go to the value log, so that they do not count as a
	// transaction's size.
	valueThreshold = 4 << 10
	// valueLogFileSize is also the largest size of a value.
	valueLogFileSize = 16 << 20
	// discardRatio is the share of a value log's file that has to be dead for it to be rewritten.
	discardRatio = 0.5
	// lockRefused is in the message of Badger's error for a directory that is open already. It wraps no error that
	// could be tested for.
	lockRefused = "Cannot acquire directory lock"
	// newFile is in the message of Badger's error for an empty log of a table in memory, as a process leaves it that is
	// killed between making the file and giving it its size. By then Open has given it its size, so the next one succeeds.
	newFile = "Create a new file"
	// lockFile is where Badger writes the number of the process that holds the directory.
	lockFile = "LOCK"
)

// Open opens the store, and brings directories of older versions of the program up to date. A directory that another
// process (or this one) has open is a *keyvalue.Error with 55006, one of a newer version of the program one with 55000.
func Open(ctx context.Context, config Config) (*Store, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, config.failed("make the metadata directory", err)
	}
	if err := config.checkSpace(); err != nil {
		return nil, err
	}
	db, err := badger.Open(config.options())
	if err != nil && strings.Contains(err.Error(), newFile) {
		db, err = badger.Open(config.options())
	}
	if err != nil && strings.Contains(err.Error(), lockRefused) {
		return nil, config.inUse(err)
	}
	if err != nil {
		return nil, config.failed("open the metadata store", err)
	}
	collect, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Store{config: config, db: db, stop: stop, commits: newCommits()}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.collecting.Go(func() { s.collect(collect) })
	return s, nil
}

// withDefaults gives the configuration with every field set.
func (c Config) withDefaults() (Config, error) {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return Config{}, fmt.Errorf("metadata directory %q: %w", c.Dir, err)
	}
	c.Dir = dir
	if c.MinFree == 0 {
		c.MinFree = defaultMinFree
	}
	if c.CollectEvery == 0 {
		c.CollectEvery = defaultCollectEvery
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// options are Badger's, for records that are few and small, so that an idle store takes little. Without compression no
// block cache is needed; the tables are mapped into memory.
func (c Config) options() badger.Options {
	return badger.DefaultOptions(c.Dir).
		WithSyncWrites(true).
		WithDetectConflicts(false). // commits does, for ranges too
		WithLogger(logger{c.Logger}).
		WithMetricsEnabled(false).
		WithMemTableSize(memTableSize).
		WithNumMemtables(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(6).
		WithNumCompactors(2).
		WithCompactL0OnClose(true).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithValueThreshold(valueThreshold).
		WithValueLogFileSize(valueLogFileSize).
		WithVerifyValueChecksum(true)
}

// checkSpace refuses with 53100 where the file system has less room than MinFree. Badger writes through memory that is
// mapped to sparse files: where the file system has no block left for it, the operating system kills the process
// (SIGBUS), and no error comes back that could be handled. So room is asked for beforehand.
func (c Config) checkSpace() error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(c.Dir, &st); err != nil {
		return c.failed("ask for the room on the disk", err)
	}
	free := int64(st.Bavail) * int64(st.Bsize)
	if c.MinFree < 0 || free >= c.MinFree {
		return nil
	}
	return &keyvalue.Error{
		Code:    "53100",
		Message: "could not record the change: no space left on device",
		Detail:  fmt.Sprintf("The file system of %s has %d bytes free; metadata_min_free is %d.", c.Dir, free, c.MinFree),
		Hint:    "Free space there, or drop models and artifacts that are not needed.",
		Err:     syscall.ENOSPC,
	}
}

// inUse is the error for a directory that is open already.
func (c Config) inUse(err error) error {
	by := "another process"
	if pid, err := os.ReadFile(filepath.Join(c.Dir, lockFile)); err == nil && len(pid) > 0 {
		by = "process " + strings.TrimSpace(string(pid))
	}
	return &keyvalue.Error{
		Code:    "55006",
		Message: fmt.Sprintf("data directory %s is in use by %s", c.Dir, by),
		Hint:    "Stop that process, or give this one a data directory of its own (--data-dir).",
		Err:     err,
	}
}

// failed is the error for something that Badger or the machine refused. doing completes "could not …". Badger passes some
// errors of the operating system on as text only.
func (c Config) failed(doing string, err error) error {
	e := &keyvalue.Error{
		Code:    "58030",
		Message: fmt.Sprintf("could not %s: %v", doing, err),
		Detail:  fmt.Sprintf("The metadata store is the directory %s.", c.Dir),
		Err:     err,
	}
	if text := err.Error(); strings.Contains(text, syscall.ENOSPC.Error()) || strings.Contains(text, syscall.EDQUOT.Error()) {
		e.Code = "53100"
		e.Hint = "Free space there, or drop models and artifacts that are not needed."
	}
	return e
}
