package lookup

import (
	"encoding/binary"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// printed is a value as package pgvalue prints it.
func printedAs(t testing.TB, typ udf.Type, v int64) string {
	t.Helper()
	b := binary.BigEndian.AppendUint64(nil, uint64(v))
	if typ == udf.Date {
		b = binary.BigEndian.AppendUint32(nil, uint32(int32(v)))
	}
	d, err := pgvalue.NewDecoder(typ.OID(), typ)
	if err != nil {
		t.Fatal(err)
	}
	c := udf.Column{Type: typ}
	if err := d.Append(&c, b); err != nil {
		t.Fatal(err)
	}
	return c.Texts[0]
}

// inRange reports whether PostgreSQL has the value.
func inRange(typ udf.Type, v int64) bool {
	switch typ {
	case udf.Date:
		return v == int64(int32(v)) && (v >= firstDay && v <= lastDay || v == -1<<31 || v == 1<<31-1)
	case udf.Time:
		return v >= 0 && v <= lastTime
	}
	return v >= firstMicro && v <= lastMicro || v == -1<<63 || v == 1<<63-1
}

// FuzzPrintedDateTime reads what pgvalue prints.
func FuzzPrintedDateTime(f *testing.F) {
	for _, v := range []int64{0, 1, -1, firstDay, lastDay, -1 << 31, 1<<31 - 1, firstMicro, lastMicro, -1 << 63, 1<<63 - 1, lastTime, 123456789, -730120, -730119} {
		for i := range uint8(4) {
			f.Add(i, v)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, v int64) {
		typ := []udf.Type{udf.Date, udf.Time, udf.Timestamp, udf.Timestamptz}[which%4]
		if !inRange(typ, v) {
			return
		}
		text := printedAs(t, typ, v)
		got, err := parseDateTime(typ, text)
		if err != nil || got != v {
			t.Errorf("%s %d is printed %q and read as %d, %v", typ, v, text, got, err)
		}
		next, ok := following(typ)(v)
		if ok && (next <= v || !inRange(typ, next)) {
			t.Errorf("%s %d is followed by %d", typ, v, next)
		}
	})
}

// FuzzParseDateTime reads anything, and prints again what it took.
func FuzzParseDateTime(f *testing.F) {
	for _, text := range []string{"2024-02-29", "2024-02-30", "0000-01-01", "0001-01-01 BC", "infinity", "24:00:00", "24:00:00.1", "12:34:56.7", "2000-01-01 24:00:00",
		"2000-01-01 00:00:00+00", "2000-01-01 00:00:00+00 BC", "2000-1-1", "2000-01-01T00:00:00", "yesterday", "", " ", "9999999-01-01", "02000-01-01", "2000-01-01 00:00:00.100"} {
		for i := range uint8(4) {
			f.Add(i, text)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		typ := []udf.Type{udf.Date, udf.Time, udf.Timestamp, udf.Timestamptz}[which%4]
		v, err := parseDateTime(typ, text)
		if err != nil {
			return
		}
		if !inRange(typ, v) {
			t.Fatalf("%s %q is read as %d", typ, text, v)
		}
		if again, err := parseDateTime(typ, printedAs(t, typ, v)); err != nil || again != v {
			t.Errorf("%s %q is read as %d, then as %d, %v", typ, text, v, again, err)
		}
	})
}
