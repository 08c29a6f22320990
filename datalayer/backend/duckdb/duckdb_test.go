package duckdb_test

import (
	"context"
	"path/filepath"
	"testing"

	lib "github.com/duckdb/duckdb-go-bindings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/backendtest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/duckdb"
)

// fresh makes a database by a script, through the library that other programs use, and opens it.
func fresh(t *testing.T, options string, script ...string) backend.Engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "some file.duckdb")
	var db lib.Database
	var conn lib.Connection
	if lib.Open(path, &db) != lib.StateSuccess || lib.Connect(db, &conn) != lib.StateSuccess {
		t.Fatal("no database")
	}
	for _, sql := range script {
		var result lib.Result
		if lib.Query(conn, sql, &result) != lib.StateSuccess {
			t.Fatalf("%s: %s", sql, lib.ResultError(&result))
		}
		lib.DestroyResult(&result)
	}
	lib.Disconnect(&conn)
	lib.Close(&db)
	engine, err := duckdb.Open(context.Background(), "duckdb://"+path+options, duckdb.Options{TempDirectory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return engine
}

func TestContract(t *testing.T) {
	t.Parallel()
	var edges []backendtest.Edge
	for column, texts := range map[string][]string{
		"i1":   {"-128", "127"},
		"u8":   {"0", "18446744073709551615"},
		"h":    {"-170141183460469231731687303715884105728", "170141183460469231731687303715884105727", "0", "-1", "18446744073709551616"},
		"uh":   {"340282366920938463463374607431768211455"},
		"bn":   {"123456789012345678901234567890123456789012345678901234567890"},
		"i8":   {"-9223372036854775808", "9223372036854775807"},
		"f4":   {"0.1", "1e+30", "NaN", "Infinity", "-Infinity", "1e-45", "1.6777216e+07"},
		"f8":   {"0.1", "1e+300", "5e-324", "-1.7976931348623157e+308", "NaN", "Infinity", "-0", "123456789012345"},
		"d4":   {"99.99", "-0.01", "0.00"},
		"d9":   {"9999999.99", "-0.01"},
		"d18":  {"999999999999999.999"},
		"d38":  {"-9999999999999999999999999999.9999999999", "0.0000000001"},
		"b":    {"t", "f"},
		"t":    {"", "a", "Ünïcödé 😀", "'; DROP TABLE items; --", "line\nfeed\ttab\\", "a text longer than twelve bytes"},
		"x":    {`\x`, `\x00ff10`, `\x000102030405060708090a0b0c0d0e0f`},
		"d":    {"2024-02-29", "0001-01-01", "0044-03-15 BC", "5874897-12-31", "infinity", "-infinity"},
		"ts":   {"2024-02-29 12:34:56.789012", "1969-12-31 23:59:59.999999", "0044-03-15 00:00:00 BC", "infinity", "-infinity", "290000-01-01 00:00:00"},
		"tss":  {"2024-02-29 12:34:56"},
		"tms":  {"2024-02-29 12:34:56.789"},
		"tns":  {"2024-02-29 12:34:56.789012"},
		"tz":   {"2024-02-29 12:34:56.789012+00", "infinity"},
		"c":    {"00:00:00", "23:59:59.999999"},
		"ctz":  {"00:00:00+00", "12:34:56.5+02", "23:59:59-05:30"},
		"iv":   {"1 year 2 mons -3 days +04:05:06.5", "00:00:00", "-1 days", "100:00:00"},
		"u":    {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
		"bits": {"1", "0101010101", "00000000"},
		"e":    {"ok", "sad"},
		"j":    {`{"a": [1, 2.50, null]}`},
		"li":   {"{1,NULL,3}", "{}"},
		"lt":   {`{a,"b c",NULL,"NULL","","q\"x","ö,{}"}`},
		"ld":   {"{1.50,12345678901234.25}"},
		"a3":   {"{1,2,3}"},
		"st":   {`{"a": 1, "b": ["x", null], "dd": 12345678901234567890.25}`},
		"m":    {`{"k": 1, "l": null}`},
		"ll":   {"[[1, 2], [], [3]]"},
	} {
		for _, text := range texts {
			edges = append(edges, backendtest.Edge{Column: column, In: text})
		}
	}
	edges = append(edges,
		backendtest.Edge{Column: "tz", In: "2024-01-01 01:00:00+02", Out: "2023-12-31 23:00:00+00"},
		backendtest.Edge{Column: "e", In: "nothing", Code: "22P02"},
		backendtest.Edge{Column: "i1", In: "128", Code: "22003"},
		backendtest.Edge{Column: "un", In: `{"n": 1}`, Code: "0A000"},
	)
	backendtest.Run(t, backendtest.Subject{Schema: "public", Edges: edges, Engine: fresh(t, "",
		`CREATE TABLE items (id BIGINT PRIMARY KEY, name TEXT NOT NULL, qty INTEGER, price DECIMAL(10,2), ratio DOUBLE)`,
		`CREATE TABLE types (id BIGINT PRIMARY KEY, i1 TINYINT, u8 UBIGINT, h HUGEINT, uh UHUGEINT, bn BIGNUM, i8 BIGINT, f4 FLOAT, f8 DOUBLE,
 d4 DECIMAL(4,2), d9 DECIMAL(9,2), d18 DECIMAL(18,3), d38 DECIMAL(38,10), b BOOLEAN, t VARCHAR, x BLOB, d DATE, ts TIMESTAMP, tss TIMESTAMP_S,
 tms TIMESTAMP_MS, tns TIMESTAMP_NS, tz TIMESTAMPTZ, c TIME, ctz TIMETZ, iv INTERVAL, u UUID, bits BIT, e ENUM('sad', 'ok'), j JSON, li INTEGER[],
 lt VARCHAR[], ld DECIMAL(38,2)[], a3 INTEGER[3], st STRUCT(a INTEGER, b VARCHAR[], dd DECIMAL(38,2)), m MAP(VARCHAR, INTEGER), ll INTEGER[][],
 un UNION(n INTEGER, s VARCHAR))`)})
}
