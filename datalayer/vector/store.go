package vector

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrDamaged: a file of the store is not what was written, beyond a cut-off end of its log. The store must be made anew
// from what it was made of: Remove, then Open.
var ErrDamaged = errors.New("vector store is damaged")

// The names of a store's files. There is one snapshot and one log at a time; a log of number n holds what came after
// snapshot n began.
const (
	snapshotPrefix = "snapshot-"
	logPrefix      = "log-"
	partialSuffix  = ".partial"
)

// compactAbove is the size of a log, in bytes, above which it is made part of the snapshot, if it is longer than that too.
const compactAbove = 16 << 20

// Store is an Index with files behind it: what Apply has returned nil for is there after the process or the machine dies.
// One process at a time may have it open. It is safe for concurrent use.
type Store struct {
	*Index
	dir string

	// What follows is changed by who holds the index's writing.
	log     *os.File
	number  uint64
	logged  int64
	snapped int64
	mark    string
	failed  error
	buffer  []byte
}

// Change is an item that is put, or a key that is deleted: then Vector is nil.
type Change = Item

// Open opens the store in a directory, which is made if it is not there. A log's cut-off end, which a crash leaves, is
// removed: it belongs to an Apply that did not return. The error is ErrDamaged where the files are of another dimension
// or measure, too.
func Open(dir string, cfg Config) (*Store, error) {
	x, err := New(cfg)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &Store{Index: x, dir: dir}
	if err := s.recover(); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return s, nil
}

// Remove removes the files of a store that is not open.
func Remove(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), snapshotPrefix) || strings.HasPrefix(e.Name(), logPrefix) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.Remove(dir)
}

func (s *Store) snapshotPath(n uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s%012d", snapshotPrefix, n))
}

func (s *Store) logPath(n uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s%012d", logPrefix, n))
}

// Apply makes changes, in order, and notes mark, which says how far the caller has come, unless it is "". It is one step:
// after a crash all of it is there or, if Apply did not return, perhaps none or a first part without the mark. A change
// that the index refuses ends it with an error before anything is written; those before it in the list are not made.
func (s *Store) Apply(changes []Change, mark string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.failed != nil {
		return s.failed
	}
	buf := s.buffer[:0]
	grown := int64(0)
	for _, c := range changes {
		if len(c.Key) > maxKey {
			return fmt.Errorf("key of %d bytes is longer than %d", len(c.Key), maxKey)
		}
		if c.Vector == nil {
			buf = deleteRecord(buf, c.Key)
			continue
		}
		v, err := s.cfg.check(c.Vector)
		if err != nil {
			return err
		}
		grown += s.cfg.size(c.Key)
		buf = putRecord(buf, Item{Key: c.Key, Tag: c.Tag, Vector: v})
	}
	if st := s.Stats(); st.Bytes+grown > s.cfg.MaxBytes && !s.fits(changes) {
		return fmt.Errorf("%w: %d vectors take %d bytes, the limit is %d", ErrFull, st.Vectors, st.Bytes, s.cfg.MaxBytes)
	}
	if mark != "" {
		buf = markRecord(buf, mark)
	}
	if err := s.write(buf); err != nil {
		return err
	}
	if cap(buf) <= 1<<20 {
		s.buffer = buf
	}
	if mark != "" {
		s.mark = mark
	}
	return s.change(changes)
}

// change makes changes in the index, in order.
func (s *Store) change(changes []Change) error {
	for len(changes) > 0 {
		puts := slices.IndexFunc(changes, func(c Change) bool { return c.Vector == nil })
		if puts < 0 {
			puts = len(changes)
		}
		if err := s.putAll(changes[:puts]); err != nil {
			return err
		}
		if changes = changes[puts:]; len(changes) > 0 {
			s.remove(changes[0].Key)
			changes = changes[1:]
		}
	}
	return nil
}

// fits reports whether the changes leave the index within its limit at every step, which takes looking at each key.
func (s *Store) fits(changes []Change) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	bytes, now := s.bytes, map[string]bool{}
	for _, c := range changes {
		there, known := now[c.Key]
		if !known {
			_, there = s.held.slots[c.Key]
		}
		switch {
		case c.Vector == nil && there:
			bytes -= s.cfg.size(c.Key)
		case c.Vector != nil && !there:
			bytes += s.cfg.size(c.Key)
		}
		if now[c.Key] = c.Vector != nil; bytes > s.cfg.MaxBytes {
			return false
		}
	}
	return true
}

// write appends records to the log and waits for the disk. If that fails, nobody knows what the file holds: the store
// takes no more changes.
func (s *Store) write(records []byte) error {
	if len(records) == 0 {
		return nil
	}
	_, err := s.log.Write(records)
	if err == nil {
		err = s.log.Sync()
	}
	if err != nil {
		s.failed = fmt.Errorf("%w: %w", ErrClosed, err)
		return s.failed
	}
	s.logged += int64(len(records))
	return nil
}

// Mark is the mark of the last Apply that had one; "" if there was none.
func (s *Store) Mark() string {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.mark
}

// Close closes the files. Searches may go on; changes are refused.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.log == nil {
		return nil
	}
	err := s.log.Close()
	s.log, s.failed = nil, ErrClosed
	return err
}

// Run calls Maintain whenever something may be due, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.due:
			if err := s.Maintain(ctx); err != nil {
				return err
			}
		}
	}
}

// Maintain is the index's Maintain, and makes a long log part of the snapshot.
func (s *Store) Maintain(ctx context.Context) error {
	if err := s.Index.Maintain(ctx); err != nil {
		return err
	}
	s.writing.Lock()
	long := s.logged > compactAbove && s.logged > s.snapped
	s.writing.Unlock()
	if long {
		return s.Compact(ctx)
	}
	return nil
}

// Compact writes a snapshot of the index and begins a new log. Searches and changes go on meanwhile.
func (s *Store) Compact(ctx context.Context) error {
	s.rebuilding.Lock() // one at a time
	defer s.rebuilding.Unlock()
	s.writing.Lock()
	if s.failed != nil {
		s.writing.Unlock()
		return s.failed
	}
	next := s.number + 1
	log, size, err := s.newLog(next)
	if err != nil {
		s.writing.Unlock()
		return err
	}
	old, state := s.log, s.state()
	s.log, s.number, s.logged = log, next, size
	s.writing.Unlock()
	err = old.Close()
	written, werr := s.writeSnapshot(ctx, next, state)
	if err = errors.Join(err, werr); err != nil {
		return err
	}
	s.writing.Lock()
	s.snapped = written
	s.writing.Unlock()
	return s.removeBefore(next)
}

// newLog makes the log of a number.
func (s *Store) newLog(n uint64) (*os.File, int64, error) {
	f, err := os.OpenFile(s.logPath(n), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, err
	}
	header := headerRecord(nil, s.cfg)
	_, err = f.Write(header)
	if err = errors.Join(err, f.Sync(), syncDir(s.dir)); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, int64(len(header)), nil
}

// syncDir makes changes of a directory's names durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// endCount reads the body of recordEnd.
func endCount(body []byte) (uint64, bool) {
	if len(body) != 9 || body[0] != recordEnd {
		return 0, false
	}
	return binary.LittleEndian.Uint64(body[1:]), true
}
