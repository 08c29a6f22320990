package vector

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// recover reads the newest whole snapshot and the logs that follow it, cuts a torn end off the last log, and goes on
// with that log. A snapshot of number n holds everything that logs below n do.
func (s *Store) recover() error {
	snapshots, logs, err := s.files()
	if err != nil {
		return err
	}
	first := uint64(0)
	if len(snapshots) > 0 {
		first = snapshots[len(snapshots)-1]
		if err := s.readSnapshot(first); err != nil {
			return err
		}
	}
	logs = slices.DeleteFunc(logs, func(n uint64) bool { return n < first })
	for i, n := range logs {
		if n != first+uint64(i) {
			return fmt.Errorf("%w: log %d is missing", ErrDamaged, first+uint64(i))
		}
		if err := s.readLog(n, i == len(logs)-1); err != nil {
			return err
		}
		s.number = n
	}
	if s.log == nil {
		s.number = first
		if s.log, s.logged, err = s.newLog(first); err != nil {
			return err
		}
	}
	return s.removeBefore(first)
}

// files lists the numbers of the snapshots and of the logs, in order, and removes what a crash left half-written.
func (s *Store) files() (snapshots, logs []uint64, err error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasSuffix(name, partialSuffix) {
			if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
				return nil, nil, err
			}
			continue
		}
		if digits, ok := strings.CutPrefix(name, snapshotPrefix); ok {
			if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
				snapshots = append(snapshots, n)
			}
		} else if digits, ok := strings.CutPrefix(name, logPrefix); ok {
			if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
				logs = append(logs, n)
			}
		}
	}
	slices.Sort(snapshots)
	slices.Sort(logs)
	return snapshots, logs, nil
}

// removeBefore removes the files that a snapshot has made superfluous.
func (s *Store) removeBefore(n uint64) error {
	snapshots, logs, err := s.files()
	for _, old := range snapshots {
		if old < n {
			err = errors.Join(err, os.Remove(s.snapshotPath(old)))
		}
	}
	for _, old := range logs {
		if old < n {
			err = errors.Join(err, os.Remove(s.logPath(old)))
		}
	}
	return err
}

// readSnapshot reads a snapshot, which was renamed to its name when it was whole: anything wrong with it is damage.
func (s *Store) readSnapshot(n uint64) error {
	f, err := os.Open(s.snapshotPath(n))
	if err != nil {
		return err
	}
	defer f.Close()
	if s.snapped, err = s.readSnapshotFrom(f); err != nil {
		return fmt.Errorf("snapshot %d: %w", n, err)
	}
	return nil
}

// readSnapshotFrom puts what a snapshot holds into the index, and gives its length.
func (s *Store) readSnapshotFrom(r io.Reader) (int64, error) {
	in := frames{r: bufio.NewReaderSize(r, readAhead)}
	slots := uint32(0)
	for count := uint64(0); ; count++ {
		body, err := in.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errTorn
			}
			if errors.Is(err, errTorn) {
				err = fmt.Errorf("%w: %w", ErrDamaged, err)
			}
			return 0, err
		}
		if count == 0 {
			if err := checkHeader(body, s.cfg); err != nil {
				return 0, err
			}
			continue
		}
		if want, end := endCount(body); end {
			if _, err := in.next(); want != count || !errors.Is(err, io.EOF) {
				return 0, fmt.Errorf("%w: it has %d records, not %d", ErrDamaged, count, want)
			}
			return in.read, s.checkGraph(slots)
		}
		switch body[0] {
		case recordGraph:
			slots, err = s.readGraph(body)
		case recordNode:
			err = s.readNode(body, slots)
		default:
			err = s.replay(body)
		}
		if err != nil {
			return 0, err
		}
	}
}

// readGraph reads how the graph is walked, and gives the number of slots that follow.
func (s *Store) readGraph(body []byte) (slots uint32, err error) {
	if len(body) != 17 || s.held.size > 0 {
		return 0, fmt.Errorf("%w: the record of the graph is wrong", ErrDamaged)
	}
	s.width = int(binary.LittleEndian.Uint32(body[1:]))
	s.measured = int(binary.LittleEndian.Uint32(body[5:]))
	s.held.entry = binary.LittleEndian.Uint32(body[9:])
	return binary.LittleEndian.Uint32(body[13:]), nil
}

// readNode puts a slot behind the others.
func (s *Store) readNode(body []byte, slots uint32) error {
	n, err := parseNode(body, s.cfg.Dimension, slots)
	if err != nil {
		return err
	}
	h := s.held
	_, twice := h.slots[n.Key]
	if h.size >= slots || twice && !n.dead {
		return fmt.Errorf("%w: a vector is there twice, or there are more than %d", ErrDamaged, slots)
	}
	v, err := s.cfg.check(n.Vector)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	slot := h.store(v, len(n.links)-1)
	h.size++
	h.keys, h.tags, h.dead[slot] = append(h.keys, n.Key), append(h.tags, n.Tag), n.dead
	for level, links := range n.links {
		h.setLinks(slot, level, links)
	}
	if !n.dead {
		h.slots[n.Key] = slot
		s.bytes += s.cfg.size(n.Key)
	}
	return nil
}

// checkGraph holds what was read of a snapshot together: links lead to slots that are on their level.
func (s *Store) checkGraph(slots uint32) error {
	h := s.held
	if h.size != slots || slots > 0 && h.entry >= slots {
		return fmt.Errorf("%w: it has %d vectors, not %d", ErrDamaged, h.size, slots)
	}
	if slots == 0 {
		return nil
	}
	h.top = h.level(h.entry)
	for slot := range h.size {
		for level := 0; level <= h.level(slot); level++ {
			for _, to := range h.links(slot, level) {
				if h.level(to) < level {
					return fmt.Errorf("%w: a link leads nowhere", ErrDamaged)
				}
			}
		}
	}
	return nil
}

// readLog applies a log. Where last, a torn end is cut off and the file is kept open for what comes.
func (s *Store) readLog(n uint64, last bool) error {
	f, err := os.OpenFile(s.logPath(n), os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	whole, torn, err := s.readLogFrom(f)
	switch {
	case err != nil:
		err = fmt.Errorf("log %d: %w", n, err)
	case torn && !last:
		err = fmt.Errorf("%w: log %d is damaged at byte %d", ErrDamaged, n, whole)
	case !last:
		return f.Close()
	case whole == 0: // not even the header was there: the store died while the log was made
		if err = f.Close(); err == nil {
			s.log, s.logged, err = s.newLog(n)
		}
		return err
	case torn:
		err = errors.Join(f.Truncate(whole), f.Sync())
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	s.log, s.logged = f, whole
	return nil
}

// readLogFrom applies the records of a log and gives the number of bytes up to where it ends or is torn.
func (s *Store) readLogFrom(r io.Reader) (whole int64, torn bool, err error) {
	in := frames{r: bufio.NewReaderSize(r, readAhead)}
	for {
		body, err := in.next()
		switch {
		case errors.Is(err, io.EOF):
			return whole, false, nil
		case errors.Is(err, errTorn):
			return whole, true, nil
		case err != nil:
			return whole, false, err
		}
		if whole == 0 {
			err = checkHeader(body, s.cfg)
		} else {
			err = s.replay(body)
		}
		if err != nil {
			return whole, false, err
		}
		whole = in.read
	}
}

// replay does again what a record says.
func (s *Store) replay(body []byte) error {
	switch body[0] {
	case recordPut:
		it, err := parseItem(body[1:], s.cfg.Dimension)
		if err != nil {
			return err
		}
		if err := s.Put(it); err != nil {
			if errors.Is(err, ErrNotFinite) {
				err = fmt.Errorf("%w: %w", ErrDamaged, err)
			}
			return err
		}
	case recordDelete:
		s.remove(string(body[1:]))
	case recordMark:
		s.mark = string(body[1:])
	default:
		return fmt.Errorf("%w: a record of the unknown kind %q", ErrDamaged, body[0])
	}
	return nil
}
