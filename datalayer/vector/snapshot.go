package vector

import (
	"context"
	"errors"
	"os"
	"slices"
)

// state is what an index holds at one moment. Vectors and keys are shared with it: they do not change; the rest is copied.
type state struct {
	mark                   string
	width, measured, entry uint32
	vectors                func(slot uint32) []float32
	keys                   []string
	tags                   []uint64
	dead                   []bool
	links                  [][][]uint32
}

// state copies what may change: some milliseconds for 100,000 vectors. The caller holds writing.
func (s *Store) state() state {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h := s.held
	st := state{
		mark: s.mark, width: uint32(s.width), measured: uint32(s.measured), entry: h.entry,
		keys: h.keys[:h.size], tags: slices.Clone(h.tags[:h.size]), dead: slices.Clone(h.dead[:h.size]),
		links: make([][][]uint32, h.size),
	}
	frozen := graph{dim: h.dim, vectors: slices.Clone(h.vectors)}
	st.vectors = frozen.vector
	for slot := range h.size {
		links := make([][]uint32, 1+h.level(slot))
		for level := range links {
			links[level] = slices.Clone(h.links(slot, level))
		}
		st.links[slot] = links
	}
	return st
}

// writeSnapshot writes a state, under a temporary name until it is whole, and gives its length.
func (s *Store) writeSnapshot(ctx context.Context, n uint64, st state) (size int64, err error) {
	path := s.snapshotPath(n)
	f, err := os.OpenFile(path+partialSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(path+partialSuffix))
		}
	}()
	slots := uint32(len(st.keys))
	buf := graphRecord(markRecord(headerRecord(nil, s.cfg), st.mark), st.width, st.measured, st.entry, slots)
	for slot := range slots {
		if len(buf) >= readAhead {
			w, err := f.Write(buf)
			if err = errors.Join(err, ctx.Err()); err != nil {
				return 0, err
			}
			size, buf = size+int64(w), buf[:0]
		}
		buf = nodeRecord(buf, node{
			Item:  Item{Key: st.keys[slot], Tag: st.tags[slot], Vector: st.vectors(slot)},
			dead:  st.dead[slot],
			links: st.links[slot],
		})
	}
	w, err := f.Write(endRecord(buf, uint64(slots)+3))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	if err := os.Rename(path+partialSuffix, path); err != nil {
		return 0, err
	}
	return size + int64(w), syncDir(s.dir)
}
