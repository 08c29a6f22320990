package pgvalue_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// values lists SQL expressions of each type that a model takes.
var values = map[udf.Type][]string{
	udf.Bool: {"true", "false", "NULL"},
	udf.Int2: {"0", "-1", "32767", "-32768", "NULL"},
	udf.Int4: {"0", "-1", "2147483647", "-2147483648", "NULL"},
	udf.Int8: {"0", "-1", "9223372036854775807", "'-9223372036854775808'", "9007199254740993", "NULL"},
	udf.Float4: {"0", "'-0'", "'NaN'", "'Infinity'", "'-Infinity'", "'1e-45'", "'1.17549435e-38'", "'3.4028235e+38'", "0.1",
		"100000", "999999", "1000000", "1e6", "16777216", "0.0001", "0.00001", "1e-5", "123456.7", "NULL"},
	udf.Float8: {"0", "'-0'", "'NaN'", "'Infinity'", "'-Infinity'", "'5e-324'", "'2.2250738585072014e-308'",
		"'1.7976931348623157e+308'", "0.1", "'1e14'", "'1e15'", "'999999999999999'", "'123456789012345678'", "0.0001", "0.00001",
		"'9007199254740993'", "pi()", "NULL"},
	udf.Numeric: {"0", "'-0.00'", "'NaN'", "'Infinity'", "'1e-20'", "'123456789012345678901234567890.123456789'", "1.10", "NULL"},
	udf.Text: {"''", "'a'", "'it''s'", `E'\\ \" {},'`, `E'tab\tand\nline'`, "'żółć 中文 😀'", `E'e\u0301'`, "'NULL'",
		"repeat('x', 100000)", "chr(1114111)", "NULL"},
	udf.Bytea:       {`'\x'`, `'\x00'`, `'\x00ff5c27'`, `'a\\b'`, "NULL"},
	udf.Date:        {"'2000-01-01'", "'4713-01-01 BC'", "'5874897-12-31'", "'infinity'", "'-infinity'", "NULL"},
	udf.Time:        {"'00:00'", "'24:00'", "'23:59:59.999999'", "NULL"},
	udf.Timestamp:   {"'2000-01-01'", "'1970-01-01 00:00:00.000001'", "'4713-01-01 BC'", "'infinity'", "'-infinity'", "NULL"},
	udf.Timestamptz: {"'2000-01-01 UTC'", "'2024-07-01 12:00:00.5+05:30'", "'0001-01-01 BC'", "'infinity'", "'-infinity'", "NULL"},
	udf.Interval:    {"'0'", "'1 year 2 mons -3 days 04:05:06.789'", "'-1 mon +1 day'", "'178000000 years'", "NULL"},
	udf.UUID:        {"'00000000-0000-0000-0000-000000000000'", "'a0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'", "NULL"},
	udf.JSON:        {"'{}'", `' { "a" : [1, 2.50, "é\u00e9", null] }'`, "'null'", "NULL"},
	udf.JSONB:       {"'{}'", `'{"b": 1, "a": [1, 2.50, "é😀", null], "a": 2}'`, "'null'", `'"x"'`, "NULL"},
	udf.BoolArray:   {"'{}'", "'{t,f}'", "'[5:6]={t,f}'", "'{t,NULL,f}'", "NULL"},
	udf.Int4Array:   {"'{}'", "'{2147483647,-2147483648,0}'", "'[0:1]={1,2}'", "'{NULL,1,NULL}'", "NULL"},
	udf.Int8Array:   {"'{}'", "'{9223372036854775807,-9223372036854775808}'", "NULL"},
	udf.Float4Array: {"'{}'", "'{NaN,Infinity,-Infinity,-0,1e-45,3.4028235e+38,0.1,1000000}'", "NULL"},
	udf.Float8Array: {"'{}'", "'{NaN,Infinity,-Infinity,-0,5e-324,1.7976931348623157e+308,0.1,1e15}'", "'[-1:0]={1,2}'", "'{1,NULL}'", "NULL"},
	udf.TextArray: {"'{}'", `ARRAY['', 'NULL', 'null', 'nUlL', 'a,b', 'a b', '"', E'\\', '{', '}', E'\t', E'\n\r\v\f', 'é', ' ', '😀', E'\u00a0', E'a\\"b']`,
		"'[2:3]={a,b}'", `'{NULL,"NULL",""}'`, "NULL"},
}

// one runs a statement of one row.
func one(t *testing.T, conn *pgconn.PgConn, formats []int16, sql string, params ...[]byte) ([][]byte, []pgconn.FieldDescription) {
	t.Helper()
	binaries := make([]int16, len(params))
	for i := range binaries {
		binaries[i] = 1
	}
	r := conn.ExecParams(context.Background(), sql, params, nil, binaries, formats).Read()
	if r.Err != nil {
		t.Fatalf("%s: %v", sql, r.Err)
	}
	if len(r.Rows) != 1 {
		t.Fatalf("%s: %d rows", sql, len(r.Rows))
	}
	return r.Rows[0], r.FieldDescriptions
}

func TestValuesAsPostgreSQL(t *testing.T) {
	t.Parallel()
	for typ := udf.Bool; typ <= udf.TextArray; typ++ {
		if len(values[typ]) == 0 {
			t.Errorf("no values of %s", typ)
		}
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			conn := connect(t)
			for _, v := range values[typ] {
				sql := "SELECT v, v, v FROM (SELECT (" + v + ")::" + typ.String() + " AS v) s"
				row, fields := one(t, conn, []int16{pgvalue.ArgFormat(typ.OID()), 0, 1}, sql)
				if fields[0].DataTypeOID != typ.OID() {
					t.Fatalf("PostgreSQL's OID of %s is %d, not %d", typ, fields[0].DataTypeOID, typ.OID())
				}
				checkValue(t, conn, typ, v, row)
			}
		})
	}
}

// checkValue compares a value read from its argument form with PostgreSQL's text and binary forms of it.
func checkValue(t *testing.T, conn *pgconn.PgConn, typ udf.Type, v string, row [][]byte) {
	t.Helper()
	d, err := pgvalue.NewDecoder(typ.OID(), typ)
	if err != nil {
		t.Fatal(err)
	}
	c := udf.Column{Type: typ}
	if err := d.Append(&c, row[0]); err != nil {
		t.Errorf("%s: %v", v, err)
		return
	}
	if c.Len() != 1 || c.Null(0) != (row[1] == nil) {
		t.Errorf("%s: %d values, NULL %v", v, c.Len(), c.Null(0))
		return
	}
	if c.Null(0) {
		return
	}
	text, err := pgvalue.Append([]byte{}, &c, 0, pgvalue.TextFormat)
	want := row[1]
	if i := bytes.IndexByte(want, '='); i > 0 && want[0] == '[' { // lower bounds are not kept
		want = want[i+1:]
	}
	if err != nil || !bytes.Equal(text, want) {
		t.Errorf("%s is printed as %q, PostgreSQL prints %q (%v)", v, text, want, err)
	}
	if !pgvalue.Encodable(typ, pgvalue.BinaryFormat) {
		return
	}
	bin, err := pgvalue.Append([]byte{}, &c, 0, pgvalue.BinaryFormat)
	if err != nil {
		t.Errorf("%s: %v", v, err)
		return
	}
	if bytes.Equal(want, row[1]) && !bytes.Equal(bin, row[2]) {
		t.Errorf("%s is sent as % x, PostgreSQL sends % x", v, bin, row[2])
	}
	back, _ := one(t, conn, []int16{0}, "SELECT $1::"+typ.String(), bin)
	if !bytes.Equal(back[0], want) {
		t.Errorf("%s comes back from PostgreSQL as %q", v, back[0])
	}
}

func TestValuesRefused(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	for _, c := range []struct {
		typ       udf.Type
		sql, want string
	}{
		{udf.Int4Array, "'{{1,2},{3,4}}'", "an array of 2 dimensions"},
		{udf.TextArray, "'{{{a}}}'", "an array of 3 dimensions"},
	} {
		row, _ := one(t, conn, []int16{1}, "SELECT ("+c.sql+")::"+c.typ.String())
		d, err := pgvalue.NewDecoder(c.typ.OID(), c.typ)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Append(&udf.Column{Type: c.typ}, row[0]); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %q", c.sql, err, c.want)
		}
	}
}

// manyFloats are numbers of every magnitude, most of them by their bits.
func manyFloats(bits int) []float64 {
	r := rand.New(rand.NewPCG(1, uint64(bits)))
	var list []float64
	for range 3000 {
		if bits == 32 {
			list = append(list, float64(math.Float32frombits(r.Uint32())))
			continue
		}
		list = append(list, math.Float64frombits(r.Uint64()))
	}
	for e := -50; e <= 50; e++ {
		p := math.Pow(10, float64(e))
		for _, f := range []float64{p, -p, p * 1.5, 9.999999 * p, 1.23456789 * p, math.Nextafter(p, 0), r.Float64() * p} {
			if bits == 32 {
				f = float64(float32(f))
			}
			list = append(list, f)
		}
	}
	for e := 5; e < 35; e++ { // few digits of large numbers: some lie between two floats
		for range 100 {
			f := float64(r.IntN(100000)) * math.Pow(10, float64(e))
			if bits == 32 {
				f = float64(float32(f))
			}
			list = append(list, f, -f)
		}
	}
	for range 1000 {
		list = append(list, float64(r.IntN(1<<24)), float64(r.IntN(10000))/1024)
	}
	return list
}

func TestFloatsAsPostgreSQL(t *testing.T) {
	t.Parallel()
	for typ, array := range map[udf.Type]udf.Type{udf.Float4: udf.Float4Array, udf.Float8: udf.Float8Array} {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			conn := connect(t)
			c := udf.Column{Type: typ, Floats: manyFloats(8 * int(typ.Size()))}
			param, err := pgvalue.AppendArray(nil, &c, typ.OID())
			if err != nil {
				t.Fatal(err)
			}
			r := conn.ExecParams(t.Context(), "SELECT v, v, v FROM unnest($1::"+array.String()+") AS v", [][]byte{param}, nil, []int16{1}, []int16{0, 1, pgvalue.ArgFormat(typ.OID())}).Read()
			if r.Err != nil || len(r.Rows) != c.Len() {
				t.Fatal(r.Err, len(r.Rows))
			}
			d, err := pgvalue.NewDecoder(typ.OID(), typ)
			if err != nil {
				t.Fatal(err)
			}
			read := udf.Column{Type: typ}
			for i, row := range r.Rows {
				if err := d.Append(&read, row[2]); err != nil {
					t.Fatal(err)
				}
				if text, _ := pgvalue.Append(nil, &read, i, pgvalue.TextFormat); string(text) != string(row[0]) {
					t.Errorf("%x is printed as %s, PostgreSQL prints %s", row[1], text, row[0])
				}
				if bin, _ := pgvalue.Append(nil, &c, i, pgvalue.BinaryFormat); !bytes.Equal(bin, row[1]) {
					t.Errorf("%v is sent as %x, PostgreSQL sends %x", c.Floats[i], bin, row[1])
				}
			}
			list := udf.Column{Type: array, FloatLists: [][]float64{c.Floats}}
			text, err := pgvalue.Append(nil, &list, 0, pgvalue.TextFormat)
			if err != nil {
				t.Fatal(err)
			}
			if row, _ := one(t, conn, []int16{0}, "SELECT $1::"+array.String(), param); !bytes.Equal(row[0], text) {
				t.Error("an array of them is printed otherwise")
			}
		})
	}
}

func TestTextArraysAsPostgreSQL(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pieces := []string{"", "a", "NULL", "nu", "ll", ",", "\"", "\\", "{", "}", " ", "\t", "\n", "\r", "\v", "\f", "\b", "'", ";", "é", "中", "😀", "\u00a0", "\u2028", "\x7f", "\x01"}
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		list := make([]string, r.IntN(6))
		for i := range list {
			for range r.IntN(4) {
				list[i] += pieces[r.IntN(len(pieces))]
			}
		}
		c := udf.Column{Type: udf.TextArray, TextLists: [][]string{list}}
		bin, err := pgvalue.Append(nil, &c, 0, pgvalue.BinaryFormat)
		if err != nil {
			t.Fatal(err)
		}
		row, _ := one(t, conn, []int16{0, 1}, "SELECT $1::text[], $1::text[]", bin)
		text, err := pgvalue.Append(nil, &c, 0, pgvalue.TextFormat)
		if err != nil || !bytes.Equal(text, row[0]) || !bytes.Equal(bin, row[1]) {
			t.Errorf("%q is printed as %q, PostgreSQL prints %q (%v)", list, text, row[0], err)
		}
	}
}

// TestIntegersToFloats compares what the decoder makes of an integer with PostgreSQL's cast.
func TestIntegersToFloats(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	r := rand.New(rand.NewPCG(5, 6))
	for _, from := range []udf.Type{udf.Int2, udf.Int4, udf.Int8} {
		for _, to := range []udf.Type{udf.Int4, udf.Int8, udf.Float4, udf.Float8} {
			if from == to || pgvalue.Convert(from.OID(), to) != pgvalue.Direct {
				continue
			}
			d, err := pgvalue.NewDecoder(from.OID(), to)
			if err != nil {
				t.Fatal(err)
			}
			for range 200 {
				n := int64(r.Uint64()) >> r.IntN(64)
				n <<= 64 - 8*from.Size()
				n >>= 64 - 8*from.Size()
				param := binary.BigEndian.AppendUint64(nil, uint64(n))[8-from.Size():]
				row, _ := one(t, conn, []int16{1, 1}, "SELECT $1::"+from.String()+", $1::"+from.String()+"::"+to.String(), param)
				c := udf.Column{Type: to}
				if err := d.Append(&c, row[0]); err != nil {
					t.Fatal(err)
				}
				if bin, err := pgvalue.Append(nil, &c, 0, pgvalue.BinaryFormat); err != nil || !bytes.Equal(bin, row[1]) {
					t.Errorf("%d of %s is %x as %s, PostgreSQL has %x (%v)", n, from, bin, to, row[1], err)
				}
			}
		}
	}
}
