package mongodb

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// roundTrip stores a text and reads it again.
func roundTrip(t *testing.T, typ *pgType, text string) (string, error) {
	t.Helper()
	stored, err := typ.parse([]byte(text))
	if err != nil {
		return "", err
	}
	kind, data, err := bson.MarshalValue(stored)
	if err != nil {
		t.Fatalf("%q is not to be stored: %v", text, err)
	}
	got, err := typ.appendText(nil, bson.RawValue{Type: kind, Value: data})
	return string(got), err
}

func TestValuesComeBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, in, out string }{
		{"date", "0044-03-15 BC", ""}, {"date", "4714-11-24 BC", ""}, {"date", "294276-12-31", ""},
		{"timestamp", "294276-12-31 23:59:59.999", ""}, {"timestamp", "4714-11-24 00:00:00 BC", ""},
		{"timestamptz", "0001-12-31 23:00:00+00 BC", ""}, {"timestamptz", "2024-01-01 00:00:00-00:44:30", "2024-01-01 00:44:30+00"},
		{"timestamptz", "1900-01-01 00:00:00.001+00:19:32", "1899-12-31 23:40:28.001+00"},
		{"numeric", "0", ""}, {"numeric(10,2)", "12", "12.00"}, {"numeric", "-0.000000000000000000000000000000000000001", ""},
		{"float8", "123456789012345680", "1.2345678901234568e+17"}, {"float4", "3.4028235e+38", ""},
		{"jsonb", `{"a": 1.0, "b": 1e400}`, `{"a": 1.0, "b": {"$numberDecimal": "1E+400"}}`},
		{"jsonb", `{"$oid": "no"}`, ""}, {"jsonb", `"\u00e9\n\u0001"`, `"é\n\u0001"`},
		{"jsonb", `[{"$date": "2024-01-01T00:00:00Z"}, {"$numberLong": "5"}]`, `[{"$date": "2024-01-01T00:00:00Z"}, 5]`},
		{"jsonb", `0.1234567890123456789`, `{"$numberDecimal": "0.1234567890123456789"}`},
		{"bool[]", "{t,f,NULL}", ""}, {"numeric[]", "{1.50,NaN}", ""}, {"objectid[]", "{0123456789abcdef01234567}", ""},
	} {
		typ, err := parseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		if c.out == "" {
			c.out = c.in
		}
		if got, err := roundTrip(t, typ, c.in); err != nil || got != c.out {
			t.Errorf("%s %s comes back as %q, %v", c.typ, c.in, got, err)
		}
	}
}

func TestValuesRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, in, code string }{
		{"timestamptz", "infinity", "22008"}, {"date", "-infinity", "22008"}, {"objectid", "0123456789ABCDEF01234567", "22P02"},
		{"objectid", "x", "22P02"}, {"numeric", "1e7000", "22003"}, {"int4[]", "[0:1]={1,2}", "0A000"}, {"jsonb", "{", "22P02"}, {"jsonb", "1 2", "22P02"},
		{"timestamp", "2024", "22P02"},
	} {
		typ, err := parseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		_, err = roundTrip(t, typ, c.in)
		var e *backend.Error
		if !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("%s %s: %v, not %s", c.typ, c.in, err, c.code)
		}
	}
}

// TestAssigned gives values to columns of narrower types, as an assignment in PostgreSQL does.
func TestAssigned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, in, out, code string }{
		{"numeric(12,2)", "1.005", "1.01", ""}, {"numeric(12,2)", "-1.005", "-1.01", ""}, {"numeric(3,2)", "9.995", "", "22003"}, {"numeric(3,2)", "NaN", "NaN", ""},
		{"numeric(38,2)", "1.555", "1.56", ""}, {"varchar(2)", "äö", "äö", ""}, {"varchar(2)", "ab  ", "ab", ""}, {"varchar(2)", "abc", "", "22001"}, {"char(3)", "a", "a  ", ""},
		{"integer", "2147483648", "", "22003"}, {"smallint", "-32769", "", "22003"}, {"text", "any", "any", ""},
	} {
		typ, err := parseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		f := &field{path: []string{"a"}, pgType: typ}
		v, err := f.stored([]byte(c.in))
		var e *backend.Error
		if c.code != "" {
			if !errors.As(err, &e) || e.Code != c.code {
				t.Errorf("%s %s: %v, %v, not %s", c.typ, c.in, v, err, c.code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %s: %v", c.typ, c.in, err)
			continue
		}
		kind, data, err := bson.MarshalValue(v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := typ.appendText(nil, bson.RawValue{Type: kind, Value: data}); err != nil || string(got) != c.out {
			t.Errorf("%s %s is %q, %v", c.typ, c.in, got, err)
		}
	}
}

// TestMisfits reads stored values as types that they are none of.
func TestMisfits(t *testing.T) {
	t.Parallel()
	big, _ := bson.ParseDecimal128("1.5")
	for _, c := range []struct {
		typ string
		v   any
	}{
		{"int4", 1.5}, {"int4", int64(1) << 40}, {"int4", "1"}, {"int4", big}, {"int8", 1e19}, {"float8", int64(1)<<53 + 1}, {"float4", 0.1},
		{"text", int32(1)}, {"bool", int32(1)}, {"numeric", 0.5}, {"numeric(5,1)", int32(1)}, {"date", bson.DateTime(1)}, {"timestamptz", bson.DateTime(1 << 60)},
		{"uuid", bson.Binary{Data: make([]byte, 16)}}, {"int4[]", bson.A{1.5}}, {"int4[]", int32(1)}, {"text", "a\x00b"}, {"jsonb", bson.D{{Key: "a", Value: "\x00"}}},
	} {
		typ, err := parseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		kind, data, err := bson.MarshalValue(c.v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := typ.appendText(nil, bson.RawValue{Type: kind, Value: data})
		if fits := c.typ == "numeric(5,1)"; (err == nil) != fits {
			t.Errorf("%v as %s is %q, %v", c.v, c.typ, got, err)
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{`{"a": [1, {"$oid": "0123456789abcdef01234567"}]}`, `{"$numberDecimal": "1"}`, `1e-999999999`, `[[[[]]]]`, `{"$binary": {"base64": "AA==", "subType": "04"}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if v, err := parseJSON(text, true); err == nil {
			if kind, data, err := bson.MarshalValue(bson.D{{Key: "v", Value: v}}); err == nil {
				_, _ = jsonWriter{verbatim: true}.value(nil, bson.RawValue{Type: kind, Value: data})
			}
		}
		v, err := parseJSON(text, false)
		if err != nil {
			return
		}
		kind, data, err := bson.MarshalValue(bson.D{{Key: "v", Value: v}})
		if err != nil {
			return
		}
		_, _ = jsonWriter{}.value(nil, bson.RawValue{Type: kind, Value: data})
	})
}

func FuzzParseValues(f *testing.F) {
	for _, seed := range []string{"{a,\"b\\\"\",NULL}", "2024-01-01 00:00:00+05:30 BC", "infinity", "{}", "{\"", "1-1-1 1:1:1.1-1:1"} {
		f.Add(seed)
	}
	types := []*pgType{}
	for _, name := range []string{"text[]", "timestamptz", "date", "numeric", "uuid", "bytea", "objectid", "int8"} {
		typ, err := parseType(name)
		if err != nil {
			f.Fatal(err)
		}
		types = append(types, typ)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		for _, typ := range types {
			_, _ = typ.parse([]byte(text))
		}
	})
}
