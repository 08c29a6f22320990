package clickhouse_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/backendtest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/clickhouse"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// server is the ClickHouse of these tests; databases counts theirs.
var (
	server    = lab.NewShared("chdb")
	databases atomic.Int32
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// tell runs a statement at the server, without the engine.
func tell(t testing.TB, statement string) {
	t.Helper()
	response, err := http.Post(fmt.Sprintf("http://127.0.0.1:%d/", server.Start(t).Port), "text/plain", strings.NewReader(statement))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if text, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", statement, text)
	}
}

// open makes a database with tables, in whose statements DB stands for its name, and opens the engine over it.
func open(t testing.TB, options string, statements ...string) (e *clickhouse.Engine, conn backend.Conn) {
	t.Helper()
	name := fmt.Sprintf("d%d", databases.Add(1))
	tell(t, "CREATE DATABASE "+name)
	for _, s := range statements {
		tell(t, strings.ReplaceAll(s, "DB", name))
	}
	e, err := clickhouse.Open(t.Context(), fmt.Sprintf("clickhouse://default@127.0.0.1:%d/%s%s", server.Start(t).Port, name, options), clickhouse.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	if conn, err = e.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e, conn
}

// table finds one in the catalog.
func table(t testing.TB, e backend.Engine, name string) *dialect.Table {
	t.Helper()
	c, err := e.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range c.Tables {
		if x.Name == name {
			return x
		}
	}
	t.Fatalf("table %s is not in the catalog", name)
	return nil
}

// read gives the rows of a query, as backendtest writes them.
func read(t testing.TB, e backend.Engine, c backend.Conn, s dialect.Statement, params ...string) []string {
	t.Helper()
	p, err := e.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := c.Query(t.Context(), p, backendtest.Texts(params...))
	if err != nil {
		t.Fatal(err, p.Text())
	}
	all, err := backendtest.Drain(t.Context(), rows)
	if err != nil {
		t.Fatal(err, p.Text())
	}
	return all
}

// write runs a change.
func write(t testing.TB, e backend.Engine, c backend.Conn, s dialect.Statement, params ...string) (int64, error) {
	t.Helper()
	p, err := e.Compile(s)
	if err != nil {
		return 0, err
	}
	return c.Exec(t.Context(), p, backendtest.Texts(params...))
}

// refusedWith checks an error's code.
func refusedWith(t testing.TB, err error, code, what string) {
	t.Helper()
	var failure *backend.Error
	if !errors.As(err, &failure) || failure.Code != code {
		t.Errorf("%s: %v, not %s", what, err, code)
	}
}

// TestContract runs the contract of engines.
func TestContract(t *testing.T) {
	t.Parallel()
	e, _ := open(t, "", "CREATE TABLE DB.items (id Int64, name String, qty Nullable(Int32), price Nullable(Decimal(10,2)), ratio Nullable(Float64)) ENGINE = MergeTree ORDER BY id",
		"CREATE TABLE DB.types (id Int64, i2 Nullable(Int16), t Nullable(String)) ENGINE = MergeTree ORDER BY id")
	backendtest.Run(t, backendtest.Subject{Engine: e, Schema: "public", Unkeyed: true, NoChanges: true, Items: map[string]string{"price": "numeric(10,2)"},
		Edges: []backendtest.Edge{{Column: "i2", In: "-32768"}, {Column: "i2", In: "32768", Code: "22003"}, {Column: "t", In: "'\\\t\n\r\x01Ä😀"}, {Column: "t", In: `\N`}, {Column: "t", In: ""}}})
}

// TestValues writes values and reads them again; and reads what ClickHouse itself was told.
func TestValues(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		native, shown  string
		values         []string
		told, refused  []string
		code, shownAs  string
		options, error string
	}{
		{native: "Bool", shown: "boolean", values: []string{"t", "f"}},
		{native: "UInt8", shown: "smallint", values: []string{"0", "255"}, refused: []string{"256", "-1"}, code: "22003"},
		{native: "Int8", shown: "smallint", values: []string{"-128", "127"}, refused: []string{"128"}, code: "22003"},
		{native: "UInt16", shown: "integer", values: []string{"65535"}, refused: []string{"65536"}, code: "22003"},
		{native: "UInt32", shown: "bigint", values: []string{"4294967295"}, refused: []string{"4294967296"}, code: "22003"},
		{native: "Int64", shown: "bigint", values: []string{"-9223372036854775808", "9223372036854775807"}},
		{native: "UInt64", shown: "numeric(20,0)", values: []string{"18446744073709551615", "0"}, refused: []string{"18446744073709551616", "-1", "NaN", "1.5"}, code: "22003"},
		{native: "Int128", shown: "numeric(39,0)", values: []string{"-170141183460469231731687303715884105728"}},
		{native: "UInt128", shown: "numeric(39,0)", values: []string{"340282366920938463463374607431768211455"}, refused: []string{"340282366920938463463374607431768211456"}, code: "22003"},
		{native: "Int256", shown: "numeric(77,0)", values: []string{"-57896044618658097711785492504343953926634992332820282019728792003956564819968"}},
		{native: "UInt256", shown: "numeric(78,0)", values: []string{"115792089237316195423570985008687907853269984665640564039457584007913129639935"}},
		{native: "Decimal(76, 40)", shown: "numeric(76,40)", values: []string{"-123456789012345678901234567890123456.1234567890123456789012345678901234567890"}, refused: []string{"1234567890123456789012345678901234567", "Infinity"}, code: "22003"},
		{native: "Decimal(5, 2)", shown: "numeric(5,2)", values: []string{"999.99", "-0.10", "0.00"}, refused: []string{"1000", "0.001"}, code: "22003"},
		{native: "Float32", shown: "real", values: []string{"0.1", "3.4028235e+38", "1e-45", "NaN", "Infinity", "-Infinity", "1.6777216e+07"}},
		{native: "Float64", shown: "double precision", values: []string{"0.1", "1.7976931348623157e+308", "5e-324", "-0", "1e+15", "123456789012345", "NaN", "-Infinity"}, told: []string{"1/3", "0.3333333333333333", "-nan", "NaN"}},
		{native: "String", shown: "text", values: []string{"", "a'b\\c\td\ne\rf\x07", "Ä😀", `\N`, "NULL"}},
		{native: "String", shown: "bytea", options: "?strings=bytea", values: []string{`\x`, `\x00ff275c0a09`}},
		{native: "LowCardinality(String)", shown: "text", values: []string{"x", ""}},
		{native: "LowCardinality(Nullable(String))", shown: "text", values: []string{"x", "<null>"}},
		{native: "Nullable(Int32)", shown: "integer", values: []string{"<null>", "7"}},
		{native: "FixedString(3)", shown: "text", values: []string{"", "ab", "abc"}, refused: []string{"abcd"}, code: "22001"},
		{native: "FixedString(3)", shown: "bytea", options: "?fixed_strings=bytea", values: []string{`\x000000`, `\xff00ff`}, refused: []string{`\x00`}, code: "22026"},
		{native: "Enum8('a' = 1, 'it''s' = 2, '' = -3)", shown: "text", values: []string{"a", "it's", ""}, refused: []string{"b", "1"}, code: "22P02"},
		{native: "Date", shown: "date", values: []string{"1970-01-01", "2149-06-06"}, refused: []string{"1969-12-31", "2149-06-07", "infinity"}, code: "22008"},
		{native: "Date32", shown: "date", values: []string{"1900-01-01", "2299-12-31"}, refused: []string{"1899-12-31", "2300-01-01", "0044-03-15 BC"}, code: "22008"},
		{native: "DateTime", shown: "timestamp(0) with time zone", values: []string{"1970-01-01 00:00:00+00", "2106-02-07 06:28:15+00"}, refused: []string{"1969-12-31 23:59:59+00", "2106-02-07 06:28:16+00", "infinity"}, code: "22008"},
		{native: "DateTime('Europe/Berlin')", shown: "timestamp(0) with time zone", values: []string{"2024-10-27 00:30:00+00", "2024-10-27 01:30:00+00"}, told: []string{"'2024-07-01 12:00:00'", "2024-07-01 10:00:00+00"}},
		{native: "DateTime64(3, 'Asia/Tokyo')", shown: "timestamp(3) with time zone", values: []string{"1900-01-01 00:00:00.001+00", "2299-12-31 23:59:59.999+00", "2024-01-02 03:04:05.6+00"}, refused: []string{"1899-12-31 23:59:59+00", "2300-01-01 00:00:00+00"}, code: "22008"},
		{native: "DateTime64(6)", shown: "timestamp(6) with time zone", values: []string{"2024-01-02 03:04:05.000001+00", "1969-12-31 23:59:59.999999+00"}},
		{native: "DateTime64(9, 'UTC')", shown: "text", told: []string{"'2024-01-02 03:04:05.123456789'", "2024-01-02 03:04:05.123456789"}, refused: []string{"2024-01-02 03:04:05"}, code: "0A000"},
		{native: "DateTime64(9, 'UTC')", shown: "timestamp(6) with time zone", options: "?nanoseconds=truncate", values: []string{"2024-01-02 03:04:05.123456+00"}, told: []string{"'2024-01-02 03:04:05.123456789'", "2024-01-02 03:04:05.123456+00"}},
		{native: "UUID", shown: "uuid", values: []string{"123e4567-e89b-12d3-a456-426655440000"}},
		{native: "IPv4", shown: "inet", values: []string{"10.1.2.3", "0.0.0.0"}, refused: []string{"10.0.0.0/8", "::1"}, code: "22P02"},
		{native: "IPv6", shown: "inet", values: []string{"2001:db8::1", "::"}},
		{native: "Array(Nullable(Int32))", shown: "jsonb", values: []string{"[]", "[1, null, -2]"}, refused: []string{`["a"]`, "[1.5]", "[2147483648]", "{}"}, code: ""},
		{native: "Array(Array(String))", shown: "jsonb", values: []string{`[["it's", "a\tb"], []]`}, refused: []string{"[[null]]", "[1]"}},
		{native: "Map(String, UInt64)", shown: "jsonb", values: []string{`{}`, `{"a": 18446744073709551615, "bb": 0}`}, refused: []string{`{"a": -1}`, `{"a": null}`}},
		{native: "Map(UInt8, Array(Bool))", shown: "jsonb", values: []string{`{"1": [true, false]}`}, refused: []string{`{"256": []}`, `{"x": []}`}},
		{native: "Tuple(a UInt8, `b c` Nullable(String))", shown: "jsonb", values: []string{`{"a": 1, "b c": null}`, `{"a": 2, "b c": "x"}`}, refused: []string{`{"a": 1}`, `{"a": 1, "b c": null, "d": 1}`}},
		{native: "Tuple(Int8, Date)", shown: "jsonb", values: []string{`[-1, "2024-02-29"]`}, refused: []string{`[-1]`}},
		{native: "JSON", shown: "jsonb", values: []string{`{"a": 1, "b": {"c": [1, 2]}}`}, told: []string{`'{"x":"y"}'`, `{"x": "y"}`}, refused: []string{"[]"}},
		{native: "Array(Decimal(10,2))", shown: "jsonb", told: []string{"[1.5, 2]", "[1.50, 2.00]"}},
		{native: "SimpleAggregateFunction(max, Int32)", shown: "integer", values: []string{"5"}},
	} {
		t.Run(test.native+test.options, func(t *testing.T) {
			t.Parallel()
			settings := ""
			if strings.HasPrefix(test.native, "LowCardinality") {
				settings = " SETTINGS allow_suspicious_low_cardinality_types = 1"
			}
			e, c := open(t, test.options, "CREATE TABLE DB.v (id Int64, v "+test.native+") ENGINE = MergeTree ORDER BY id"+settings)
			v := table(t, e, "v")
			if got := v.Columns[1].TypeName; got != test.shown {
				t.Errorf("shown as %s instead of %s", got, test.shown)
			}
			for i, value := range test.values {
				if _, err := write(t, e, c, backendtest.Insert(v, 1, "id", "v"), fmt.Sprint(i), value); err != nil {
					t.Errorf("%q: %v: %v", value, err, detail(err))
				}
			}
			for _, value := range test.refused {
				_, err := write(t, e, c, backendtest.Insert(v, 1, "id", "v"), "99", value)
				var failure *backend.Error
				if !errors.As(err, &failure) || test.code != "" && failure.Code != test.code || failure.Code[:2] == "58" {
					t.Errorf("%q: %v, not %s", value, err, test.code)
				}
			}
			want := test.values
			for i := 0; i < len(test.told); i += 2 {
				tell(t, fmt.Sprintf("INSERT INTO %s.v VALUES (%d, %s)", v.Native[0], len(want), test.told[i]))
				want = append(want, test.told[i+1])
			}
			got := read(t, e, c, backendtest.Scan(v, "id", "v"))
			for _, line := range got {
				id, value, _ := strings.Cut(line, "|")
				var i int
				if _, err := fmt.Sscan(id, &i); err != nil || i >= len(want) || value != want[i] {
					t.Errorf("read %q, wanted %q", line, want)
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d rows of %d", len(got), len(want))
			}
		})
	}
}

// detail is the engine's own words.
func detail(err error) string {
	var failure *backend.Error
	if errors.As(err, &failure) {
		return failure.Detail
	}
	return ""
}
