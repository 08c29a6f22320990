package pgvalue_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"runtime"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// sources are the types, beside the models' own, that decoders read.
var sources = []uint32{19, 705, 1043}

// decoders are all pairs that are read without a cast.
func decoders() (pairs []decoder) {
	oids := append([]uint32(nil), sources...)
	for t := udf.Bool; t <= udf.TextArray; t++ {
		oids = append(oids, t.OID())
	}
	for _, oid := range oids {
		for to := udf.Bool; to <= udf.TextArray; to++ {
			if d, err := pgvalue.NewDecoder(oid, to); err == nil {
				pairs = append(pairs, decoder{d, oid, to})
			}
		}
	}
	return pairs
}

type decoder struct {
	pgvalue.Decoder
	oid uint32
	to  udf.Type
}

// list is an array in send form.
func list(dims, elem, n uint32, elements ...[]byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, dims)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, elem)
	b = binary.BigEndian.AppendUint32(b, n)
	b = binary.BigEndian.AppendUint32(b, 1)
	for _, e := range elements {
		b = binary.BigEndian.AppendUint32(b, uint32(len(e)))
		b = append(b, e...)
	}
	return b
}

// FuzzDecoder checks that a decoder takes or refuses any bytes, that what it took can be given back, and that what it
// gives back reads the same again.
func FuzzDecoder(f *testing.F) {
	pairs := decoders()
	f.Add([]byte(nil))
	f.Add([]byte{1})
	f.Add([]byte("\x01{}"))
	f.Add([]byte("1e10"))
	f.Add(binary.BigEndian.AppendUint16(nil, 1<<15))
	f.Add(binary.BigEndian.AppendUint32(nil, math.Float32bits(float32(math.NaN()))))
	f.Add(binary.BigEndian.AppendUint64(nil, 1<<63))
	f.Add(make([]byte, 12))
	f.Add(list(1, udf.Int4.OID(), 2, []byte{0, 0, 0, 1}, []byte{0, 0, 0, 2}))
	f.Add(list(1, udf.Text.OID(), 2, []byte("a"), nil))
	f.Add(list(1, udf.Float8.OID(), math.MaxUint32, []byte("12345678")))
	f.Add(list(2, udf.Bool.OID(), 1<<30, []byte{1}))
	f.Add(append(list(1, udf.Float4.OID(), 1), 0xff, 0xff, 0xff, 0xff))
	f.Add(append(list(1, udf.Int8.OID(), 1), 0x7f, 0xff, 0xff, 0xff))
	f.Fuzz(func(t *testing.T, v []byte) {
		for _, p := range pairs {
			c := udf.Column{Type: p.to}
			if err := p.Append(&c, nil); err != nil || c.Len() != 1 || !c.Null(0) {
				t.Fatalf("%d to %s: NULL is read as %+v (%v)", p.oid, p.to, c, err)
			}
			given := append([]byte{}, v...)
			if err := p.Append(&c, given); err != nil {
				continue
			}
			if c.Len() != 2 || c.Null(1) || len(c.Nulls) != 2 {
				t.Fatalf("%d to %s: %x is read as %+v", p.oid, p.to, v, c)
			}
			before, err := pgvalue.Append([]byte{}, &c, 1, pgvalue.TextFormat)
			clear(given) // the value is valid during the call only
			after, again := pgvalue.Append([]byte{}, &c, 1, pgvalue.TextFormat)
			if (err == nil) != (again == nil) || !bytes.Equal(before, after) {
				t.Fatalf("%d to %s: the column keeps a part of the message", p.oid, p.to)
			}
			if err != nil || !pgvalue.Encodable(p.to, pgvalue.BinaryFormat) {
				continue
			}
			checkRound(t, p, &c, before)
		}
	})
}

// checkRound gives the value back in binary form and reads that.
func checkRound(t *testing.T, p decoder, c *udf.Column, text []byte) {
	t.Helper()
	bin, err := pgvalue.Append([]byte{}, c, 1, pgvalue.BinaryFormat)
	if err != nil {
		t.Fatalf("%s: %v", p.to, err)
	}
	own, err := pgvalue.NewDecoder(p.to.OID(), p.to)
	if err != nil {
		t.Fatal(err)
	}
	again := udf.Column{Type: p.to}
	if err := own.Append(&again, bin); err != nil {
		t.Fatalf("%s: %x does not read back: %v", p.to, bin, err)
	}
	if got, err := pgvalue.Append([]byte{}, &again, 0, pgvalue.TextFormat); err != nil || !bytes.Equal(got, text) {
		t.Fatalf("%s: %q reads back as %q (%v)", p.to, text, got, err)
	}
}

// TestDecoderDoesNotTrustLengths gives arrays whose heads claim far more than there is.
func TestDecoderDoesNotTrustLengths(t *testing.T) {
	claims := [][]byte{
		list(1, udf.Float8.OID(), math.MaxInt32), list(1, udf.Float8.OID(), 1<<27, make([]byte, 1<<10)), list(1<<31, udf.Text.OID(), math.MaxUint32),
		append(list(1, udf.Text.OID(), 1), 0x7f, 0xff, 0xff, 0xff), append(list(1, udf.Text.OID(), 2), 0x3f, 0xff, 0xff, 0xff, 'a'),
	}
	for to := udf.BoolArray; to <= udf.TextArray; to++ {
		d, err := pgvalue.NewDecoder(to.OID(), to)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range claims {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := d.Append(&udf.Column{Type: to}, v)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; err == nil || used > 1<<20 {
				t.Errorf("%s from %x: %v after %d bytes", to, v[:20], err, used)
			}
		}
	}
}
