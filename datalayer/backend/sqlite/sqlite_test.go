package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/backendtest"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/sqlite"
)

// fresh makes a database by a script, through the driver that other programs use, and opens it.
func fresh(t *testing.T, script, options string) backend.Engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "some file.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(script); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	engine, err := sqlite.Open(context.Background(), "sqlite://"+path+options, sqlite.Options{})
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

const contractTables = `CREATE TABLE items (id BIGINT PRIMARY KEY, name TEXT NOT NULL, qty INT4, price NUMERIC(10,2), ratio DOUBLE);
CREATE TABLE types (id INTEGER PRIMARY KEY, i2 SMALLINT, i4 INT4, i8 BIGINT, r8 REAL, n NUMERIC, n2 DECIMAL(5,2), big "DECIMAL TEXT"(40,10),
 b BOOLEAN, t TEXT, v VARCHAR(3), x BLOB, d DATE, ts TIMESTAMP, tz TIMESTAMPTZ, c TIME, u UUID, j JSON);`

func TestContract(t *testing.T) {
	t.Parallel()
	var edges []backendtest.Edge
	for column, texts := range map[string][]string{
		"i2":  {"-32768", "32767"},
		"i4":  {"-2147483648", "2147483647"},
		"i8":  {"-9223372036854775808", "9223372036854775807", "0"},
		"r8":  {"0.1", "1e+300", "5e-324", "-1.7976931348623157e+308", "123456789012345", "1e+15", "Infinity", "-Infinity", "0.0001", "1e-05", "9007199254740993"[:15]},
		"n":   {"0.1", "12345.6789", "99999999999999", "-0.000001", "123456789012345678"},
		"n2":  {"999.99", "-0.01", "10.50", "0.00"},
		"big": {"123456789012345678901234567890.0123456789", "0.0000000000"},
		"b":   {"t", "f"},
		"t":   {"", "a", "Ünïcödé 😀", "'; DROP TABLE items; --", "line\nfeed\ttab\\"},
		"v":   {"abc", "äöü", ""},
		"x":   {`\x`, `\x00ff10`},
		"d":   {"2024-02-29", "0001-01-01", "9999-12-31"},
		"ts":  {"2024-02-29 12:34:56.789012", "1969-12-31 23:59:59.999999", "2000-01-01 00:00:00", "9999-12-31 23:59:59"},
		"tz":  {"2024-02-29 12:34:56.789012+00", "2000-01-01 00:00:00+00"},
		"c":   {"00:00:00", "23:59:59.999999"},
		"u":   {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		"j":   {`{"a": [1, 2.50, null]}`, "5", `"x"`},
	} {
		for _, text := range texts {
			edges = append(edges, backendtest.Edge{Column: column, In: text})
		}
	}
	edges = append(edges,
		backendtest.Edge{Column: "r8", In: "NaN", Code: "22003"},
		backendtest.Edge{Column: "n", In: "NaN", Code: "22003"},
		backendtest.Edge{Column: "n", In: "1234567890.12345678901", Code: "22003"},
		backendtest.Edge{Column: "d", In: "infinity", Code: "22008"},
		backendtest.Edge{Column: "ts", In: "0044-03-15 00:00:00 BC", Code: "22008"},
		backendtest.Edge{Column: "tz", In: "2024-01-01 01:00:00+02", Out: "2023-12-31 23:00:00+00"},
	)
	backendtest.Run(t, backendtest.Subject{Engine: fresh(t, contractTables, ""), Schema: "public", Edges: edges})
}
