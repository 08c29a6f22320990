package answer

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// A value is encoded as the byte nullMark alone, or valueMark and its content: fixed-width types in eight bytes (a
// boolean in one), variable ones behind their length (uvarint), lists behind their number of elements. Two values have
// the same bytes exactly where they are the same to a model: -0.0 and 0.0, numeric 1.0 and 1.00, NULL and the empty text differ.
const (
	nullMark  = 0
	valueMark = 1
)

// The first byte of a tuple's key: its values follow, or, where these are longer than longKey, their SHA-256.
const (
	plainKey  = 0
	hashedKey = 1
)

// longKey is the length of encoded arguments from which a digest stands for them.
const longKey = 128

// errEncoding is the error for bytes that no value was encoded to.
var errEncoding = errors.New("bytes are not those of an answer")

// appendKey adds the key of a row of arguments to dst.
func appendKey(dst []byte, args []udf.Column, row int) []byte {
	at := len(dst)
	dst = append(dst, plainKey)
	for i := range args {
		dst = appendValue(dst, &args[i], row)
	}
	if len(dst)-at <= longKey {
		return dst
	}
	sum := sha256.Sum256(dst[at+1:])
	return append(append(dst[:at], hashedKey), sum[:]...)
}

// identityBytes is how many bytes of the cache's keys tell model versions apart.
const identityBytes = 16

// identityOf gives them: a digest of the program (see Config.Program), the version's number, and the hash of what it
// does. A number at its front counts changes of the encoding.
func identityOf(program string, v *datalayer.ModelVersion) [identityBytes]byte {
	text := binary.BigEndian.AppendUint64([]byte{2}, uint64(v.Version))
	text = appendSized(text, program)
	if v.Hash == "" { // not of a catalog: the name is all there is
		text = append(append(text, 0), v.Name...)
	}
	sum := sha256.Sum256(append(text, v.Hash...))
	return [identityBytes]byte(sum[:identityBytes])
}

// appendValue adds an encoded value to dst.
func appendValue(dst []byte, c *udf.Column, row int) []byte {
	if c.Null(row) {
		return append(dst, nullMark)
	}
	dst = append(dst, valueMark)
	switch c.Type.Storage() {
	case udf.StoreBools:
		return appendBool(dst, c.Bools[row])
	case udf.StoreInts:
		return appendWord(dst, uint64(c.Ints[row]))
	case udf.StoreFloats:
		return appendWord(dst, math.Float64bits(c.Floats[row]))
	case udf.StoreTexts:
		return appendSized(dst, c.Texts[row])
	case udf.StoreBytes:
		return appendSized(dst, c.Bytes[row])
	case udf.StoreBoolLists:
		dst = appendList(dst, c.BoolLists[row], appendBool)
	case udf.StoreIntLists:
		dst = appendList(dst, c.IntLists[row], func(dst []byte, v int64) []byte { return appendWord(dst, uint64(v)) })
	case udf.StoreFloatLists:
		dst = appendList(dst, c.FloatLists[row], func(dst []byte, v float64) []byte { return appendWord(dst, math.Float64bits(v)) })
	case udf.StoreTextLists:
		dst = appendList(dst, c.TextLists[row], appendSized[string])
	default:
		return dst
	}
	nulls := c.ElementNulls(row)
	if nulls == nil {
		return append(dst, valueMark)
	}
	dst = append(dst, nullMark)
	for _, null := range nulls {
		dst = appendBool(dst, null)
	}
	return dst
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendWord(dst []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(dst, v) }

func appendSized[T string | []byte](dst []byte, v T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
}

func appendList[T any](dst []byte, list []T, element func([]byte, T) []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, v := range list {
		dst = element(dst, v)
	}
	return dst
}

// decodeValue reads an encoded value, all of b, into a row of a column that holds the zero value. The column keeps
// nothing of b.
func decodeValue(b []byte, to *udf.Column, row int) error {
	r := reader{rest: b}
	switch r.byte() {
	case nullMark:
		if len(r.rest) > 0 || r.failed {
			return errEncoding
		}
		to.SetNull(row)
		return nil
	case valueMark:
	default:
		return errEncoding
	}
	// What is wrong may be read before it is noticed; the row is then not used.
	switch to.Type.Storage() {
	case udf.StoreBools:
		to.Bools[row] = r.bool()
	case udf.StoreInts:
		to.Ints[row] = int64(r.word())
	case udf.StoreFloats:
		to.Floats[row] = math.Float64frombits(r.word())
	case udf.StoreTexts:
		to.Texts[row] = string(r.sized())
	case udf.StoreBytes:
		to.Bytes[row] = append([]byte{}, r.sized()...)
	case udf.StoreBoolLists:
		to.BoolLists[row] = readList(&r, 1, r.bool)
	case udf.StoreIntLists:
		to.IntLists[row] = readList(&r, 8, func() int64 { return int64(r.word()) })
	case udf.StoreFloatLists:
		to.FloatLists[row] = readList(&r, 8, func() float64 { return math.Float64frombits(r.word()) })
	case udf.StoreTextLists:
		to.TextLists[row] = readList(&r, 1, func() string { return string(r.sized()) })
	default:
		r.failed = true
	}
	if to.Type.ArrayOID() == 0 && !r.failed {
		to.SetElementNulls(row, r.elementNulls())
	}
	if r.failed || len(r.rest) > 0 {
		return errEncoding
	}
	return nil
}

// reader takes encoded values apart. Past an error it gives zero values.
type reader struct {
	rest   []byte
	failed bool
	// elements is the length of the list that was read last.
	elements int
}

// take gives the next n bytes.
func (r *reader) take(n uint64) []byte {
	if r.failed || n > uint64(len(r.rest)) {
		r.failed = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) bool() bool {
	b := r.byte()
	r.failed = r.failed || b > 1
	return b == 1
}

func (r *reader) word() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) length() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.failed = true
		return 0
	}
	r.take(uint64(size))
	return n
}

func (r *reader) sized() []byte { return r.take(r.length()) }

// elementNulls reads which elements of a list are NULL, a mark for each.
func (r *reader) elementNulls() []bool {
	switch r.byte() {
	case valueMark:
		return nil
	case nullMark:
		nulls := make([]bool, min(r.elements, len(r.rest)))
		for i := range nulls {
			nulls[i] = r.bool()
		}
		r.failed = r.failed || len(nulls) < r.elements
		return nulls
	}
	r.failed = true
	return nil
}

// readList reads a list whose elements have at least so many bytes each, so that a false number allocates nothing.
func readList[T any](r *reader, least uint64, element func() T) []T {
	n := r.length()
	if r.failed || n > uint64(len(r.rest))/least {
		r.failed = true
		return nil
	}
	list := make([]T, n)
	r.elements = int(n)
	for i := range list {
		list[i] = element()
	}
	return list
}
