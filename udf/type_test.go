package udf_test

import (
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

func TestParseType(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want udf.Type
	}{
		{"bool", udf.Bool}, {"BOOLEAN", udf.Bool}, {"smallint", udf.Int2}, {"int2", udf.Int2}, {"int", udf.Int4},
		{"integer", udf.Int4}, {"bigint", udf.Int8}, {"real", udf.Float4}, {"float", udf.Float8},
		{"double  precision", udf.Float8}, {"\tDouble\nPrecision ", udf.Float8}, {"decimal", udf.Numeric},
		{"varchar", udf.Text}, {"character varying", udf.Text}, {"timestamp", udf.Timestamp},
		{"timestamp with time zone", udf.Timestamptz}, {"time", udf.Time}, {"uuid", udf.UUID}, {"jsonb", udf.JSONB},
		{"float8[]", udf.Float8Array}, {"_float8", udf.Float8Array}, {"double precision[]", udf.Float8Array},
		{"real[]", udf.Float4Array}, {"text[]", udf.TextArray}, {"bytea", udf.Bytea}, {"interval", udf.Interval},
	}
	for _, tt := range tests {
		if got, err := udf.ParseType(tt.in); err != nil || got != tt.want {
			t.Errorf("ParseType(%q) = %v, %v; want %v", tt.in, got, err, tt.want)
		}
	}
	for _, bad := range []string{"", "invalid", "point", "int[][]", "vector", "numeric[]"} {
		if got, err := udf.ParseType(bad); err == nil || got != udf.Invalid {
			t.Errorf("ParseType(%q) = %v, %v; want an error", bad, got, err)
		}
	}
}

func TestTypesAreConsistent(t *testing.T) {
	t.Parallel()
	seen := map[uint32]udf.Type{}
	for typ := udf.Bool; typ <= udf.TextArray; typ++ {
		if got, err := udf.ParseType(typ.String()); err != nil || got != typ {
			t.Errorf("%v does not parse back: %v, %v", typ, got, err)
		}
		if udf.TypeOfOID(typ.OID()) != typ {
			t.Errorf("%v: OID %d finds %v", typ, typ.OID(), udf.TypeOfOID(typ.OID()))
		}
		if other, ok := seen[typ.OID()]; ok {
			t.Errorf("%v and %v share OID %d", typ, other, typ.OID())
		}
		seen[typ.OID()] = typ
		if typ.Storage() == udf.StoreNone || typ.Size() == 0 {
			t.Errorf("%v: storage %d, size %d", typ, typ.Storage(), typ.Size())
		}
		if isArray := strings.HasSuffix(typ.String(), "[]"); isArray != (typ.ArrayOID() == 0) {
			t.Errorf("%v: array OID is %d", typ, typ.ArrayOID())
		}
	}
	if udf.TypeOfOID(0) != udf.Invalid || udf.TypeOfOID(600) != udf.Invalid {
		t.Error("an unknown OID finds a type")
	}
	if udf.Int4Array.OID() != udf.Int4.ArrayOID() || udf.TextArray.OID() != udf.Text.ArrayOID() {
		t.Error("array OIDs do not fit their elements'")
	}
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"int", "double precision", "TEXT[]", "\x00", "é", "invalid"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typ, err := udf.ParseType(s)
		if (err == nil) == (typ == udf.Invalid) {
			t.Fatalf("ParseType(%q) = %v, %v", s, typ, err)
		}
		if err == nil {
			if again, err := udf.ParseType(typ.String()); err != nil || again != typ {
				t.Fatalf("%q parses to %v, whose name parses to %v, %v", s, typ, again, err)
			}
		}
	})
}
