package duckdb

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"unsafe"

	lib "github.com/duckdb/duckdb-go-bindings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// node reads the vectors of one column, or of a part of it, by their layout
// (https://duckdb.org/docs/current/clients/c/vector).
type node struct {
	id lib.Type
	// inner is how decimals and enums are stored.
	inner lib.Type
	scale int
	// words are the values of an enum, or the names of a struct's or union's members.
	words    []string
	children []*node
	// length is that of an ARRAY.
	length int

	data  unsafe.Pointer
	valid unsafe.Pointer
}

// describe makes a node for a type.
func describe(t lib.LogicalType) *node {
	n := &node{id: lib.GetTypeId(t)}
	child := func(c lib.LogicalType, name string) {
		n.children = append(n.children, describe(c))
		n.words = append(n.words, name)
		lib.DestroyLogicalType(&c)
	}
	switch n.id {
	case lib.TypeDecimal:
		n.inner, n.scale = lib.DecimalInternalType(t), int(lib.DecimalScale(t))
	case lib.TypeEnum:
		n.inner = lib.EnumInternalType(t)
		for i := range lib.EnumDictionarySize(t) {
			n.words = append(n.words, lib.EnumDictionaryValue(t, lib.IdxT(i)))
		}
	case lib.TypeList:
		child(lib.ListTypeChildType(t), "")
	case lib.TypeArray:
		n.length = int(lib.ArrayTypeArraySize(t))
		child(lib.ArrayTypeChildType(t), "")
	case lib.TypeMap:
		child(lib.MapTypeKeyType(t), "key")
		child(lib.MapTypeValueType(t), "value")
	case lib.TypeStruct:
		for i := range lib.StructTypeChildCount(t) {
			child(lib.StructTypeChildType(t, i), lib.StructTypeChildName(t, i))
		}
	case lib.TypeUnion:
		for i := range lib.UnionTypeMemberCount(t) {
			child(lib.UnionTypeMemberType(t, i), lib.UnionTypeMemberName(t, i))
		}
	}
	return n
}

// load points the node at a vector of the chunk that was fetched last.
func (n *node) load(v lib.Vector) {
	n.data, n.valid = lib.VectorGetData(v), lib.VectorGetValidity(v)
	switch n.id {
	case lib.TypeList:
		n.children[0].load(lib.ListVectorGetChild(v))
	case lib.TypeArray:
		n.children[0].load(lib.ArrayVectorGetChild(v))
	case lib.TypeMap: // a list of structs of key and value
		pair := lib.ListVectorGetChild(v)
		n.children[0].load(lib.StructVectorGetChild(pair, 0))
		n.children[1].load(lib.StructVectorGetChild(pair, 1))
	case lib.TypeStruct:
		for i, c := range n.children {
			c.load(lib.StructVectorGetChild(v, lib.IdxT(i)))
		}
	case lib.TypeUnion: // a struct whose first member is the tag
		n.data = lib.VectorGetData(lib.StructVectorGetChild(v, 0))
		for i, c := range n.children {
			c.load(lib.StructVectorGetChild(v, lib.IdxT(i+1)))
		}
	}
}

// null reports that a row is NULL.
func (n *node) null(row int) bool {
	return n.valid != nil && *(*uint64)(unsafe.Add(n.valid, row/64*8))>>(row%64)&1 == 0
}

// at reads a row of a vector of T.
func at[T any](n *node, row int) T {
	var t T
	return *(*T)(unsafe.Add(n.data, uintptr(row)*unsafe.Sizeof(t)))
}

// bytes gives a string's or blob's bytes, which are valid until the next chunk (duckdb_string_t: up to 12 bytes lie in
// the vector itself).
func (n *node) bytes(row int) []byte {
	p := unsafe.Add(n.data, row*16)
	size := int(*(*uint32)(p))
	if size == 0 {
		return nil
	}
	if size <= 12 {
		return unsafe.Slice((*byte)(unsafe.Add(p, 4)), size)
	}
	return unsafe.Slice(*(**byte)(unsafe.Add(p, 8)), size)
}

// The bounds of PostgreSQL's dates, in days from 2000-01-01, and timestamps, in microseconds (its timestamp.h).
const (
	epochDays    = 10957
	epochMicros  = int64(946684800e6)
	minDate      = -2451545
	endDate      = 2145031949
	minTimestamp = int64(-211813488000000000)
	endTimestamp = int64(9223371331200000000)
)

// beyond says that a value is one that PostgreSQL's type lacks.
func beyond(what string) error {
	return &backend.Error{Code: "22008", Message: what}
}

// appendText appends PostgreSQL's text of a row, which is not NULL.
func (n *node) appendText(dst []byte, row int) ([]byte, error) {
	switch n.id {
	case lib.TypeBoolean:
		if at[bool](n, row) {
			return append(dst, 't'), nil
		}
		return append(dst, 'f'), nil
	case lib.TypeTinyInt:
		return strconv.AppendInt(dst, int64(at[int8](n, row)), 10), nil
	case lib.TypeSmallInt:
		return strconv.AppendInt(dst, int64(at[int16](n, row)), 10), nil
	case lib.TypeInteger:
		return strconv.AppendInt(dst, int64(at[int32](n, row)), 10), nil
	case lib.TypeBigInt:
		return strconv.AppendInt(dst, at[int64](n, row), 10), nil
	case lib.TypeUTinyInt:
		return strconv.AppendUint(dst, uint64(at[uint8](n, row)), 10), nil
	case lib.TypeUSmallInt:
		return strconv.AppendUint(dst, uint64(at[uint16](n, row)), 10), nil
	case lib.TypeUInteger:
		return strconv.AppendUint(dst, uint64(at[uint32](n, row)), 10), nil
	case lib.TypeUBigInt:
		return strconv.AppendUint(dst, at[uint64](n, row), 10), nil
	case lib.TypeHugeInt:
		return appendWide(dst, at[[2]uint64](n, row), true, 0), nil
	case lib.TypeUHugeInt:
		return appendWide(dst, at[[2]uint64](n, row), false, 0), nil
	case lib.TypeFloat:
		return pgvalue.AppendFloat(dst, float64(at[float32](n, row)), 32), nil
	case lib.TypeDouble:
		return pgvalue.AppendFloat(dst, at[float64](n, row), 64), nil
	case lib.TypeDecimal:
		return n.appendDecimal(dst, row), nil
	case lib.TypeEnum:
		return append(dst, n.word(row)...), nil
	case lib.TypeVarchar:
		return appendString(dst, n.bytes(row))
	case lib.TypeBlob:
		return hex.AppendEncode(append(dst, `\x`...), n.bytes(row)), nil
	case lib.TypeBit:
		return appendBits(dst, n.bytes(row)), nil
	case lib.TypeUUID:
		return appendUUID(dst, at[[2]uint64](n, row)), nil
	case lib.TypeList, lib.TypeArray:
		return n.appendArray(dst, row)
	case lib.TypeStruct, lib.TypeMap, lib.TypeUnion:
		json, err := n.appendJSON(nil, row)
		if err != nil {
			return dst, err
		}
		return pgvalue.AppendJSONB(dst, json)
	}
	return n.appendMoment(dst, row)
}

// appendMoment appends dates, times and intervals.
func (n *node) appendMoment(dst []byte, row int) ([]byte, error) {
	switch n.id {
	case lib.TypeDate:
		return appendDate(dst, at[int32](n, row))
	case lib.TypeTime:
		return pgvalue.AppendTime(dst, at[int64](n, row)), nil
	case lib.TypeTimeNS:
		nanos := at[int64](n, row)
		if nanos%1000 != 0 {
			return dst, beyond("a time is finer than a microsecond")
		}
		return pgvalue.AppendTime(dst, nanos/1000), nil
	case lib.TypeTimeTZ:
		return appendTimeTZ(dst, at[uint64](n, row)), nil
	case lib.TypeInterval:
		type interval struct {
			months, days int32
			micros       int64
		}
		i := at[interval](n, row)
		return pgvalue.AppendInterval(dst, i.months, i.days, i.micros), nil
	case lib.TypeTimestamp, lib.TypeTimestampTZ:
		return appendTimestamp(dst, at[int64](n, row), 1, n.id == lib.TypeTimestampTZ)
	case lib.TypeTimestampS:
		return appendTimestamp(dst, at[int64](n, row), 1_000_000, false)
	case lib.TypeTimestampMS:
		return appendTimestamp(dst, at[int64](n, row), 1000, false)
	case lib.TypeTimestampNS:
		nanos := at[int64](n, row)
		if nanos == math.MaxInt64 || nanos == -math.MaxInt64 {
			return appendTimestamp(dst, nanos, 1, false)
		}
		if nanos%1000 != 0 {
			return dst, &backend.Error{Code: "22008", Message: "a timestamp is finer than a microsecond",
				Hint: "With nanoseconds=text in the databackend's URI such columns are shown as text."}
		}
		return appendTimestamp(dst, nanos/1000, 1, false)
	}
	return dst, &backend.Error{Code: "0A000", Message: "a value of a type of DuckDB's that is not known here"}
}

// appendTimestamp appends a timestamp in units of so many microseconds from 1970.
func appendTimestamp(dst []byte, v, unit int64, zoned bool) ([]byte, error) {
	switch v {
	case math.MaxInt64:
		return append(dst, "infinity"...), nil
	case -math.MaxInt64:
		return append(dst, "-infinity"...), nil
	}
	micros := v * unit
	if micros/unit != v || micros < minTimestamp+epochMicros || micros-epochMicros >= endTimestamp {
		return dst, beyond("a timestamp is out of PostgreSQL's range")
	}
	if zoned {
		return pgvalue.AppendTimestamptz(dst, micros-epochMicros), nil
	}
	return pgvalue.AppendTimestamp(dst, micros-epochMicros), nil
}

func appendDate(dst []byte, days int32) ([]byte, error) {
	switch days {
	case math.MaxInt32:
		return append(dst, "infinity"...), nil
	case -math.MaxInt32:
		return append(dst, "-infinity"...), nil
	}
	if since := int64(days) - epochDays; since >= minDate && since < endDate {
		return pgvalue.AppendDate(dst, int32(since)), nil
	}
	return dst, beyond("a date is out of PostgreSQL's range")
}

// appendTimeTZ appends a time of day with its offset: 40 bits of microseconds, and 24 bits that count down from the
// largest offset, 15:59:59 (dtime_tz_t).
func appendTimeTZ(dst []byte, bits uint64) []byte {
	dst = pgvalue.AppendTime(dst, int64(bits>>24))
	offset := 16*3600 - 1 - int64(bits&0xffffff)
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	pair := func(n int64) { dst = append(dst, byte('0'+n/10), byte('0'+n%10)) }
	dst = append(dst, sign)
	pair(offset / 3600)
	if offset%3600 != 0 {
		dst = append(dst, ':')
		pair(offset / 60 % 60)
	}
	if offset%60 != 0 {
		dst = append(dst, ':')
		pair(offset % 60)
	}
	return dst
}

func (n *node) appendDecimal(dst []byte, row int) []byte {
	switch n.inner {
	case lib.TypeSmallInt:
		return appendScaled(dst, int64(at[int16](n, row)), n.scale)
	case lib.TypeInteger:
		return appendScaled(dst, int64(at[int32](n, row)), n.scale)
	case lib.TypeBigInt:
		return appendScaled(dst, at[int64](n, row), n.scale)
	}
	return appendWide(dst, at[[2]uint64](n, row), true, n.scale)
}

// appendScaled appends a whole number with a point before its last digits.
func appendScaled(dst []byte, v int64, scale int) []byte {
	if v < 0 {
		dst = append(dst, '-')
	}
	abs := uint64(v)
	if v < 0 {
		abs = -abs
	}
	var digits [24]byte
	return point(dst, strconv.AppendUint(digits[:0], abs, 10), scale)
}

// point appends digits with a point before the last scale of them.
func point(dst, digits []byte, scale int) []byte {
	if scale == 0 {
		return append(dst, digits...)
	}
	whole := len(digits) - scale
	if whole <= 0 {
		dst = append(dst, "0."...)
		for ; whole < 0; whole++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	return append(append(append(dst, digits[:whole]...), '.'), digits[whole:]...)
}

// appendWide appends a number of 128 bits, low half first.
func appendWide(dst []byte, halves [2]uint64, signed bool, scale int) []byte {
	low, high := halves[0], halves[1]
	if high == 0 && low <= math.MaxInt64 {
		return appendScaled(dst, int64(low), scale)
	}
	if signed && int64(high) < 0 {
		dst = append(dst, '-')
		if low, high = -low, ^high; low == 0 {
			high++
		}
	}
	v := new(big.Int).SetUint64(high)
	v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(low))
	return point(dst, v.Append(nil, 10), scale)
}

// word gives an enum's value.
func (n *node) word(row int) string {
	switch n.inner {
	case lib.TypeUTinyInt:
		return n.words[at[uint8](n, row)]
	case lib.TypeUSmallInt:
		return n.words[at[uint16](n, row)]
	}
	return n.words[at[uint32](n, row)]
}

// appendString appends a text that PostgreSQL can hold.
func appendString(dst, v []byte) ([]byte, error) {
	if bytes.IndexByte(v, 0) >= 0 {
		return dst, &backend.Error{Code: "22021", Message: `invalid byte sequence for encoding "UTF8": 0x00`}
	}
	return append(dst, v...), nil
}

// appendBits appends a bit string: its first byte counts the bits of the second that do not belong to it.
func appendBits(dst, v []byte) []byte {
	if len(v) == 0 {
		return dst
	}
	for i := int(v[0]); i < 8*(len(v)-1); i++ {
		dst = append(dst, '0'+v[1+i/8]>>(7-i%8)&1)
	}
	return dst
}

// appendUUID appends a UUID, which is stored as a number whose order is that of the UUIDs: the first bit is turned.
func appendUUID(dst []byte, halves [2]uint64) []byte {
	high := halves[1] ^ 1<<63
	var raw [16]byte
	for i := range 8 {
		raw[i], raw[8+i] = byte(high>>(56-8*i)), byte(halves[0]>>(56-8*i))
	}
	for _, part := range [][]byte{raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:]} {
		dst = append(hex.AppendEncode(dst, part), '-')
	}
	return dst[:len(dst)-1]
}
