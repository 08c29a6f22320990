package metric

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"syscall"
)

// mostRuns is the number of files that are open at once; more are merged into one first.
const mostRuns = 64

// runs are sorted groups on disk, a file each. The files have no names: they are gone with the process.
type runs struct {
	dir   string
	files []*os.File
	// sizes are the files' lengths in groups.
	sizes []int64
}

// write makes a run of sorted groups.
func (r *runs) write(groups []group) error {
	if len(r.files) >= mostRuns {
		if err := r.compact(); err != nil {
			return err
		}
	}
	i := 0
	return r.create(func(w *bufio.Writer) (int64, error) {
		for ; i < len(groups); i++ {
			if err := encodeGroup(w, groups[i]); err != nil {
				return 0, err
			}
		}
		return int64(i), nil
	})
}

// compact makes one run of all.
func (r *runs) compact() error {
	old := &runs{files: r.files, sizes: r.sizes}
	r.files, r.sizes = nil, nil
	err := r.create(func(w *bufio.Writer) (n int64, err error) {
		err = old.merge(nil, func(g group) error {
			n++
			return encodeGroup(w, g)
		})
		return n, err
	})
	return errors.Join(err, old.close())
}

// create makes a file of what fill writes; fill gives the number of groups.
func (r *runs) create(fill func(w *bufio.Writer) (int64, error)) error {
	f, err := os.CreateTemp(r.dir, "metric-*.run")
	if err != nil {
		return diskError(err)
	}
	r.files = append(r.files, f)
	if err := os.Remove(f.Name()); err != nil {
		return diskError(err)
	}
	w := bufio.NewWriterSize(f, 256<<10)
	n, err := fill(w)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return diskError(err)
	}
	r.sizes = append(r.sizes, n)
	return nil
}

// diskError is the error for a file that cannot be written or read.
func diskError(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	e := &Error{Code: "58030", Message: fmt.Sprintf("scores for roc_auc cannot be kept on disk: %v", err), Err: err}
	if errors.Is(err, syscall.ENOSPC) {
		e.Code, e.Hint = "53100", "Make room for temporary files, or raise the setting validate_memory."
	}
	return e
}

// merge gives the groups of all runs and of one in memory, in order, those with equal scores as one.
func (r *runs) merge(memory []group, take func(group) error) error {
	var sources sources
	for i, f := range r.files {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return diskError(err)
		}
		s := &source{reader: bufio.NewReaderSize(f, 64<<10), left: r.sizes[i]}
		if err := sources.start(s); err != nil {
			return err
		}
	}
	if err := sources.start(&source{memory: memory}); err != nil {
		return err
	}
	heap.Init(&sources)
	var last []group
	for len(sources) > 0 {
		next := sources[0]
		last = appendGroup(last, next.head)
		if len(last) == 2 {
			if err := take(last[0]); err != nil {
				return err
			}
			last = append(last[:0], last[1])
		}
		ok, err := next.advance()
		if err != nil {
			return err
		}
		if ok {
			heap.Fix(&sources, 0)
		} else {
			heap.Pop(&sources)
		}
	}
	if len(last) == 1 {
		return take(last[0])
	}
	return nil
}

// close frees the files.
func (r *runs) close() error {
	var errs []error
	for _, f := range r.files {
		errs = append(errs, f.Close())
	}
	r.files, r.sizes = nil, nil
	return errors.Join(errs...)
}

// source is sorted groups that are read one by one: of a file, or of memory.
type source struct {
	head   group
	memory []group
	reader *bufio.Reader
	left   int64
}

// advance makes the next group the head.
func (s *source) advance() (bool, error) {
	if s.reader == nil {
		if len(s.memory) == 0 {
			return false, nil
		}
		s.head, s.memory = s.memory[0], s.memory[1:]
		return true, nil
	}
	if s.left == 0 {
		return false, nil
	}
	s.left--
	g, err := decodeGroup(s.reader)
	if err != nil {
		return false, diskError(err)
	}
	s.head = g
	return true, nil
}

// sources is a heap of sources by their heads.
type sources []*source

// start adds a source that has a group.
func (s *sources) start(next *source) error {
	ok, err := next.advance()
	if ok {
		*s = append(*s, next)
	}
	return err
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (s sources) Len() int           { return len(s) }
func (s sources) Less(i, j int) bool { return cmp.Less(s[i].head.score, s[j].head.score) }
func (s sources) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *sources) Push(x any)        { *s = append(*s, x.(*source)) }
func (s *sources) Pop() any {
	old := *s
	last := old[len(old)-1]
	*s = old[:len(old)-1]
	return last
}

// encodeGroup writes a group: the score's bits and the two counts, little-endian.
func encodeGroup(w *bufio.Writer, g group) error {
	if w.Available() < groupBytes {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	b := binary.LittleEndian.AppendUint64(w.AvailableBuffer(), math.Float64bits(g.score))
	b = binary.LittleEndian.AppendUint64(b, g.counts[0])
	b = binary.LittleEndian.AppendUint64(b, g.counts[1])
	_, err := w.Write(b)
	return err
}

// decodeGroup reads a group that encodeGroup wrote. What it cannot have written is an error.
func decodeGroup(r *bufio.Reader) (group, error) {
	b, err := r.Peek(groupBytes)
	if err != nil {
		return group{}, fmt.Errorf("a run is cut off: %w", err)
	}
	g := group{score: math.Float64frombits(binary.LittleEndian.Uint64(b[0:])),
		counts: [2]uint64{binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])}}
	if finite(g.score) != nil || g.counts[0]+g.counts[1] == 0 {
		return group{}, errors.New("a run holds what was not written")
	}
	_, err = r.Discard(groupBytes)
	return g, err
}
