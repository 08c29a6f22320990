// Package pgvalue turns PostgreSQL's values (pg_type's send and output forms) into the columns that models take, and
// models' answers into PostgreSQL's values.
package pgvalue

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Format codes of PostgreSQL's protocol ("Formats and Format Codes").
const (
	TextFormat   int16 = 0
	BinaryFormat int16 = 1
)

// pg_type OIDs of types that are not models' own but are read as one of them, and of their arrays.
const (
	oidChar         = 18
	oidName         = 19
	oidUnknown      = 705
	oidBPChar       = 1042
	oidVarchar      = 1043
	oidCharArray    = 1002
	oidNameArray    = 1003
	oidBPCharArray  = 1014
	oidVarcharArray = 1015
)

// Conversion says how a value of one PostgreSQL type becomes a model's argument.
type Conversion uint8

// The conversions.
const (
	// Refused: PostgreSQL has no implicit cast between the two, so a function call would not resolve either.
	Refused Conversion = iota
	// Direct: Decoder reads the value as it comes.
	Direct
	// Cast: PostgreSQL has an implicit cast; it is to be written into the statement, and then the value is Direct.
	Cast
)

// implicit lists PostgreSQL's implicit casts (pg_cast, castcontext 'i') between types that models take. The value
// says whether Decoder does it itself with PostgreSQL's own result.
var implicit = map[udf.Type]map[udf.Type]Conversion{
	udf.Int2:      {udf.Int4: Direct, udf.Int8: Direct, udf.Float4: Direct, udf.Float8: Direct, udf.Numeric: Cast},
	udf.Int4:      {udf.Int8: Direct, udf.Float4: Cast, udf.Float8: Direct, udf.Numeric: Cast},
	udf.Int8:      {udf.Float4: Cast, udf.Float8: Direct, udf.Numeric: Cast},
	udf.Numeric:   {udf.Float4: Cast, udf.Float8: Cast},
	udf.Float4:    {udf.Float8: Direct},
	udf.Date:      {udf.Timestamp: Cast, udf.Timestamptz: Cast},
	udf.Timestamp: {udf.Timestamptz: Cast},
	udf.Time:      {udf.Interval: Cast},
}

// Convert says how a value of type oid becomes an argument of type to.
func Convert(oid uint32, to udf.Type) Conversion {
	if e := elementOf(oid); e != 0 && to.ArrayOID() == 0 && oid != to.OID() {
		if Convert(e, element(to)) == Refused {
			return Refused
		}
		return Cast // an array is cast as its elements are
	}
	from := argType(oid)
	switch {
	case from != to:
		return implicit[from][to]
	case oid == oidBPChar || oid == oidChar: // the casts to text cut blanks and NUL bytes off
		return Cast
	}
	return Direct
}

// elementOf is the OID of the elements of an array type, 0 for a type that is none of those that a model could take.
func elementOf(oid uint32) uint32 {
	switch oid {
	case oidCharArray:
		return oidChar
	case oidNameArray:
		return oidName
	case oidBPCharArray:
		return oidBPChar
	case oidVarcharArray:
		return oidVarchar
	}
	for t := udf.Bool; t <= udf.TextArray && oid != 0; t++ {
		if t.ArrayOID() == oid {
			return t.OID()
		}
	}
	return 0
}

// argType is the model type that values of a PostgreSQL type are read as.
func argType(oid uint32) udf.Type {
	switch oid {
	case oidVarchar, oidBPChar, oidName, oidChar, oidUnknown:
		return udf.Text
	}
	return udf.TypeOfOID(oid)
}

// ArgFormat is the format in which a column of type oid is to be asked for, so that Decoder can read it.
func ArgFormat(oid uint32) int16 {
	switch argType(oid) {
	case udf.Numeric, udf.Invalid:
		return TextFormat
	}
	return BinaryFormat
}

// Decoder appends values of one PostgreSQL type, in ArgFormat, to a column of one model type.
type Decoder struct {
	read func(c *udf.Column, v []byte) error
}

// NewDecoder makes the decoder for a pair that Convert calls Direct.
func NewDecoder(oid uint32, to udf.Type) (Decoder, error) {
	if Convert(oid, to) != Direct {
		return Decoder{}, fmt.Errorf("no direct conversion from type %d to %s", oid, to)
	}
	var d Decoder
	switch to.Storage() {
	case udf.StoreBools:
		d.read = readBool
	case udf.StoreInts:
		d.read = intReader(oid)
	case udf.StoreFloats:
		d.read = floatReader(oid)
	case udf.StoreBytes:
		d.read = func(c *udf.Column, v []byte) error { c.Bytes = append(c.Bytes, append([]byte(nil), v...)); return nil }
	case udf.StoreTexts:
		d.read = textReader(to)
	default:
		d.read = readList
	}
	return d, nil
}

// Append reads one value, nil for NULL, to the end of c.
func (d Decoder) Append(c *udf.Column, v []byte) error {
	if v == nil {
		appendNull(c)
		return nil
	}
	if c.Nulls != nil {
		c.Nulls = append(c.Nulls, false)
	}
	return d.read(c, v)
}

func appendNull(c *udf.Column) {
	if c.Nulls == nil {
		c.Nulls = make([]bool, c.Len(), c.Len()+16)
	}
	c.Nulls = append(c.Nulls, true)
	switch c.Type.Storage() {
	case udf.StoreBools:
		c.Bools = append(c.Bools, false)
	case udf.StoreInts:
		c.Ints = append(c.Ints, 0)
	case udf.StoreFloats:
		c.Floats = append(c.Floats, 0)
	case udf.StoreTexts:
		c.Texts = append(c.Texts, "")
	case udf.StoreBytes:
		c.Bytes = append(c.Bytes, nil)
	case udf.StoreBoolLists:
		c.BoolLists = append(c.BoolLists, nil)
	case udf.StoreIntLists:
		c.IntLists = append(c.IntLists, nil)
	case udf.StoreFloatLists:
		c.FloatLists = append(c.FloatLists, nil)
	case udf.StoreTextLists:
		c.TextLists = append(c.TextLists, nil)
	}
}

func errLength(want int, v []byte) error {
	return fmt.Errorf("a value of %d bytes where %d are expected", len(v), want)
}

func readBool(c *udf.Column, v []byte) error {
	if len(v) != 1 {
		return errLength(1, v)
	}
	c.Bools = append(c.Bools, v[0] != 0)
	return nil
}

func readInt(oid uint32, v []byte) (int64, error) {
	switch oid {
	case udf.Int2.OID():
		if len(v) != 2 {
			return 0, errLength(2, v)
		}
		return int64(int16(binary.BigEndian.Uint16(v))), nil
	case udf.Int4.OID():
		if len(v) != 4 {
			return 0, errLength(4, v)
		}
		return int64(int32(binary.BigEndian.Uint32(v))), nil
	}
	if len(v) != 8 {
		return 0, errLength(8, v)
	}
	return int64(binary.BigEndian.Uint64(v)), nil
}

func intReader(oid uint32) func(*udf.Column, []byte) error {
	return func(c *udf.Column, v []byte) error {
		n, err := readInt(oid, v)
		c.Ints = append(c.Ints, n)
		return err
	}
}

func readFloat(oid uint32, v []byte) (float64, error) {
	switch oid {
	case udf.Float8.OID():
		if len(v) != 8 {
			return 0, errLength(8, v)
		}
		return math.Float64frombits(binary.BigEndian.Uint64(v)), nil
	case udf.Float4.OID():
		if len(v) != 4 {
			return 0, errLength(4, v)
		}
		return float64(math.Float32frombits(binary.BigEndian.Uint32(v))), nil
	}
	n, err := readInt(oid, v)
	return float64(n), err
}

func floatReader(oid uint32) func(*udf.Column, []byte) error {
	return func(c *udf.Column, v []byte) error {
		f, err := readFloat(oid, v)
		c.Floats = append(c.Floats, f)
		return err
	}
}

func textReader(to udf.Type) func(*udf.Column, []byte) error {
	switch to {
	case udf.Date, udf.Time, udf.Timestamp, udf.Timestamptz, udf.Interval:
		return dateTimeReader(to)
	case udf.UUID:
		return func(c *udf.Column, v []byte) error {
			if len(v) != 16 {
				return errLength(16, v)
			}
			c.Texts = append(c.Texts, formatUUID(v))
			return nil
		}
	case udf.JSONB:
		return func(c *udf.Column, v []byte) error {
			if len(v) == 0 || v[0] != 1 {
				return fmt.Errorf("a jsonb value of an unknown version")
			}
			c.Texts = append(c.Texts, string(v[1:]))
			return utf8Text(v[1:])
		}
	}
	return func(c *udf.Column, v []byte) error {
		c.Texts = append(c.Texts, string(v))
		return utf8Text(v)
	}
}

// utf8Text refuses what a server whose encoding is SQL_ASCII may hold.
func utf8Text(v []byte) error {
	if utf8.Valid(v) {
		return nil
	}
	return &udf.Error{Code: "22021", Message: `invalid byte sequence for encoding "UTF8"`, Hint: "Models take and give text in UTF-8."}
}

func formatUUID(v []byte) string {
	const hex = "0123456789abcdef"
	out := make([]byte, 0, 36)
	for i, b := range v {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out = append(out, '-')
		}
		out = append(out, hex[b>>4], hex[b&15])
	}
	return string(out)
}

// readList reads an array in its send form (array_send in PostgreSQL's arrayfuncs.c): dimensions, a flag for NULLs, the
// element type, per dimension its length and lower bound, then each element with its length.
func readList(c *udf.Column, v []byte) error {
	if len(v) < 12 {
		return errLength(12, v)
	}
	dims, elem := binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[8:])
	if dims == 0 {
		return appendList(c, elem, 0, nil)
	}
	if dims != 1 {
		return &udf.Error{Code: "2202E", Message: fmt.Sprintf("an array of %d dimensions; models take one-dimensional arrays", dims),
			Hint: "Declare the argument as jsonb, and give the model to_jsonb(…)."}
	}
	if len(v) < 20 {
		return errLength(20, v)
	}
	return appendList(c, elem, int(binary.BigEndian.Uint32(v[12:])), v[20:])
}

func appendList(c *udf.Column, elem uint32, n int, v []byte) error {
	if n < 0 || n > len(v)/4 {
		return fmt.Errorf("an array of %d elements in %d bytes", n, len(v))
	}
	row, nulls := c.Len(), []bool(nil)
	each := func(f func([]byte) error, zero func()) error {
		for i := range n {
			if len(v) < 4 {
				return errLength(4, v)
			}
			size := int(int32(binary.BigEndian.Uint32(v)))
			v = v[4:]
			if size < 0 {
				if nulls == nil {
					nulls = make([]bool, n)
				}
				nulls[i] = true
				zero()
				continue
			}
			if size > len(v) {
				return errLength(size, v)
			}
			if err := f(v[:size]); err != nil {
				return err
			}
			v = v[size:]
		}
		return nil
	}
	var err error
	switch c.Type.Storage() {
	case udf.StoreFloatLists:
		list := make([]float64, 0, n)
		err = each(func(e []byte) error { f, err := readFloat(elem, e); list = append(list, f); return err }, func() { list = append(list, 0) })
		c.FloatLists = append(c.FloatLists, list)
	case udf.StoreIntLists:
		list := make([]int64, 0, n)
		err = each(func(e []byte) error { i, err := readInt(elem, e); list = append(list, i); return err }, func() { list = append(list, 0) })
		c.IntLists = append(c.IntLists, list)
	case udf.StoreBoolLists:
		list := make([]bool, 0, n)
		err = each(func(e []byte) error { list = append(list, len(e) == 1 && e[0] != 0); return nil }, func() { list = append(list, false) })
		c.BoolLists = append(c.BoolLists, list)
	case udf.StoreTextLists:
		list := make([]string, 0, n)
		err = each(func(e []byte) error { list = append(list, string(e)); return utf8Text(e) }, func() { list = append(list, "") })
		c.TextLists = append(c.TextLists, list)
	default:
		return fmt.Errorf("%s is not an array", c.Type)
	}
	c.SetElementNulls(row, nulls)
	return err
}
