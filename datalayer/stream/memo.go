package stream

import (
	"bytes"
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// memo remembers the distinct arguments of one call and their answers: an open-addressing table from the arguments'
// bytes to places in answers. Places are given when arguments are first seen, in order; answers follow in that order.
type memo struct {
	slots   []uint32 // entry + 1
	hashes  []uint64
	starts  []uint64 // of each entry's key in keys
	keys    []byte
	answers udf.Column
	// held is the size of answers whose values lie outside the column, in bytes.
	held int
}

func newMemo(returns udf.Type) *memo {
	return &memo{slots: make([]uint32, 64), answers: udf.Column{Type: returns}}
}

// size is about the memory that the memo holds, in bytes.
func (m *memo) size() int { return len(m.keys) + 40*len(m.hashes) + 4*len(m.slots) + m.held }

// entry gives the place of a key, and whether it is new.
func (m *memo) entry(key []byte) (int32, bool) {
	h := xxhash.Sum64(key)
	mask := uint64(len(m.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := m.slots[i]
		if s == 0 {
			return m.insert(i, h, key), true
		}
		if m.hashes[s-1] == h && bytes.Equal(m.key(s-1), key) {
			return int32(s - 1), false
		}
	}
}

func (m *memo) key(e uint32) []byte {
	end := uint64(len(m.keys))
	if int(e)+1 < len(m.starts) {
		end = m.starts[e+1]
	}
	return m.keys[m.starts[e]:end]
}

func (m *memo) insert(slot, hash uint64, key []byte) int32 {
	m.hashes = append(m.hashes, hash)
	m.starts = append(m.starts, uint64(len(m.keys)))
	m.keys = append(m.keys, key...)
	m.slots[slot] = uint32(len(m.hashes))
	if 4*len(m.hashes) > 3*len(m.slots) {
		m.rehash()
	}
	return int32(len(m.hashes) - 1)
}

func (m *memo) rehash() {
	m.slots = make([]uint32, 2*len(m.slots))
	mask := uint64(len(m.slots) - 1)
	for e, h := range m.hashes {
		i := h & mask
		for m.slots[i] != 0 {
			i = (i + 1) & mask
		}
		m.slots[i] = uint32(e + 1)
	}
}

// add puts answers behind those that are there, in the order in which their arguments were first seen.
func (m *memo) add(answers *udf.Column) {
	m.held += pgvalue.Held(answers)
	to := &m.answers
	to.CopyListNulls(to.Len(), answers)
	if before := to.Len(); answers.Nulls != nil || to.Nulls != nil {
		nulls := answers.Nulls
		if nulls == nil {
			nulls = make([]bool, answers.Len())
		}
		if to.Nulls == nil {
			to.Nulls = make([]bool, before)
		}
		to.Nulls = append(to.Nulls, nulls...)
	}
	to.Bools = append(to.Bools, answers.Bools...)
	to.Ints = append(to.Ints, answers.Ints...)
	to.Floats = append(to.Floats, answers.Floats...)
	to.Texts = append(to.Texts, answers.Texts...)
	to.Bytes = append(to.Bytes, answers.Bytes...)
	to.BoolLists = append(to.BoolLists, answers.BoolLists...)
	to.IntLists = append(to.IntLists, answers.IntLists...)
	to.FloatLists = append(to.FloatLists, answers.FloatLists...)
	to.TextLists = append(to.TextLists, answers.TextLists...)
}

// appendKey adds one argument to a key.
func appendKey(key, v []byte) []byte {
	if v == nil {
		return binary.BigEndian.AppendUint32(key, 1<<32-1)
	}
	key = binary.BigEndian.AppendUint32(key, uint32(len(v)))
	return append(key, v...)
}
