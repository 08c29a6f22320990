package vector

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// The files of a store hold records, each a frame: the length of the body (4 bytes), the body's CRC-32C (4 bytes), and the
// body. Numbers are little-endian. A body begins with what it is.
const (
	frameBytes = 8
	// recordHeader says whose file it is: magic, format version, measure, dimension.
	recordHeader = 'H'
	// recordPut is a tag (8 bytes), the key's length (4), the key, and the components.
	recordPut = 'P'
	// recordDelete is a key.
	recordDelete = 'D'
	// recordMark is the caller's own mark: how far it has come.
	recordMark = 'M'
	// recordGraph says how the graph is walked: the width of the beam, the number of vectors when it was found, the entry,
	// and the number of slots, of 4 bytes each.
	recordGraph = 'G'
	// recordNode is a slot of the graph, in the order of the slots: whether it is dead (1 byte), the number of levels
	// above the lowest (1), for each level the number of links (1) and the links (4 each), and what a recordPut has.
	recordNode = 'N'
	// recordEnd says that a snapshot is whole: the number of records before it (8 bytes).
	recordEnd = 'E'

	magic         = "pinnaclevector"
	formatVersion = 1
	// maxKey is the longest key, in bytes.
	maxKey = 64 << 10
	// maxBody bounds a frame's body.
	maxBody = 1 << 20
)

// errTorn: a file ends in the middle of a record, or with one whose checksum is wrong.
var errTorn = errors.New("record is cut off or damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame appends a body in its frame. build appends the body to the slice that it is given.
func frame(dst []byte, build func(dst []byte) []byte) []byte {
	at := len(dst)
	dst = build(append(dst, make([]byte, frameBytes)...))
	body := dst[at+frameBytes:]
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(body)))
	binary.LittleEndian.PutUint32(dst[at+4:], crc32.Checksum(body, castagnoli))
	return dst
}

// readAhead is the number of bytes that files are read in.
const readAhead = 256 << 10

// frames reads records.
type frames struct {
	r io.Reader
	// read is the number of bytes of the records so far.
	read int64
	body []byte
}

// next gives the next record's body, which the one after it overwrites. The error is io.EOF behind the last record, and
// errTorn where the rest is no record. Memory is not taken for bytes that are not there.
func (f *frames) next() ([]byte, error) {
	var head [frameBytes]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errTorn
		}
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n == 0 || n > maxBody {
		return nil, errTorn
	}
	body := bytes.NewBuffer(f.body[:0])
	if _, err := io.CopyN(body, f.r, n); err != nil {
		if errors.Is(err, io.EOF) {
			err = errTorn
		}
		return nil, err
	}
	f.body = body.Bytes()
	if crc32.Checksum(f.body, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, errTorn
	}
	f.read += frameBytes + n
	return f.body, nil
}

// appendFloats appends components.
func appendFloats(dst []byte, v []float32) []byte {
	for _, x := range v {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst
}

// floats reads components.
func floats(data []byte) []float32 {
	v := make([]float32, len(data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return v
}

func headerRecord(dst []byte, c Config) []byte {
	return frame(dst, func(dst []byte) []byte {
		dst = append(append(dst, recordHeader), magic...)
		dst = append(dst, formatVersion, byte(c.Measure))
		return binary.LittleEndian.AppendUint32(dst, uint32(c.Dimension))
	})
}

func putRecord(dst []byte, it Item) []byte {
	return frame(dst, func(dst []byte) []byte {
		return appendItem(append(dst, recordPut), it)
	})
}

// appendItem appends a tag, a key with its length, and components.
func appendItem(dst []byte, it Item) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, it.Tag)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(it.Key)))
	return appendFloats(append(dst, it.Key...), it.Vector)
}

func deleteRecord(dst []byte, key string) []byte {
	return frame(dst, func(dst []byte) []byte { return append(append(dst, recordDelete), key...) })
}

func markRecord(dst []byte, mark string) []byte {
	return frame(dst, func(dst []byte) []byte { return append(append(dst, recordMark), mark...) })
}

func graphRecord(dst []byte, width, measured, entry, slots uint32) []byte {
	return frame(dst, func(dst []byte) []byte {
		dst = append(dst, recordGraph)
		for _, n := range []uint32{width, measured, entry, slots} {
			dst = binary.LittleEndian.AppendUint32(dst, n)
		}
		return dst
	})
}

// node is what a recordNode says.
type node struct {
	Item
	dead  bool
	links [][]uint32
}

func nodeRecord(dst []byte, n node) []byte {
	return frame(dst, func(dst []byte) []byte {
		dead := byte(0)
		if n.dead {
			dead = 1
		}
		dst = append(dst, recordNode, dead, byte(len(n.links)-1))
		for _, links := range n.links {
			dst = append(dst, byte(len(links)))
			for _, slot := range links {
				dst = binary.LittleEndian.AppendUint32(dst, slot)
			}
		}
		return appendItem(dst, n.Item)
	})
}

func endRecord(dst []byte, records uint64) []byte {
	return frame(dst, func(dst []byte) []byte { return binary.LittleEndian.AppendUint64(append(dst, recordEnd), records) })
}

// checkHeader holds a header's body against what the index is made with.
func checkHeader(body []byte, c Config) error {
	const size = 1 + len(magic) + 2 + 4
	if len(body) != size || body[0] != recordHeader || string(body[1:1+len(magic)]) != magic {
		return fmt.Errorf("%w: it does not begin as a file of a vector index", ErrDamaged)
	}
	rest := body[1+len(magic):]
	if rest[0] != formatVersion {
		return fmt.Errorf("%w: its format is %d, this program knows %d", ErrDamaged, rest[0], formatVersion)
	}
	if m, d := Measure(rest[1]), binary.LittleEndian.Uint32(rest[2:]); m != c.Measure || uint64(d) != uint64(c.Dimension) {
		return fmt.Errorf("%w: it is of %d components under %v, not of %d under %v", ErrDamaged, d, m, c.Dimension, c.Measure)
	}
	return nil
}

// parseItem reads what appendItem wrote. The key and the vector are copies.
func parseItem(body []byte, dim int) (Item, error) {
	if len(body) < 12 {
		return Item{}, fmt.Errorf("%w: a record of %d bytes holds no vector", ErrDamaged, len(body))
	}
	n := uint64(binary.LittleEndian.Uint32(body[8:]))
	rest := body[12:]
	if n > maxKey || n > uint64(len(rest)) || uint64(len(rest))-n != uint64(4*dim) {
		return Item{}, fmt.Errorf("%w: a vector's record has the wrong length", ErrDamaged)
	}
	return Item{Tag: binary.LittleEndian.Uint64(body), Key: string(rest[:n]), Vector: floats(rest[n:])}, nil
}

// parseNode reads a recordNode's body, of a graph with so many slots.
func parseNode(body []byte, dim int, slots uint32) (node, error) {
	wrong := fmt.Errorf("%w: the links of a vector are wrong", ErrDamaged)
	if len(body) < 3 || body[1] > 1 || body[2] > maxLevel {
		return node{}, wrong
	}
	n := node{dead: body[1] == 1, links: make([][]uint32, 1+int(body[2]))}
	rest := body[3:]
	for level := range n.links {
		if len(rest) == 0 || int(rest[0]) > capacity(level) || len(rest) < 1+4*int(rest[0]) {
			return node{}, wrong
		}
		links := make([]uint32, rest[0])
		for i := range links {
			if links[i] = binary.LittleEndian.Uint32(rest[1+4*i:]); links[i] >= slots {
				return node{}, wrong
			}
		}
		n.links[level], rest = links, rest[1+4*len(links):]
	}
	it, err := parseItem(rest, dim)
	n.Item = it
	return n, err
}
