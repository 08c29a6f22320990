package mysql_test

import (
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/backendtest"
)

// TestContract runs the contract of engines.
func TestContract(t *testing.T) {
	t.Parallel()
	_, uri := database(t, `CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL, qty int, price decimal(10,2), ratio double)`,
		`CREATE TABLE types (id bigint PRIMARY KEY, i2 smallint, u8 bigint unsigned, r4 float, r8 double, n decimal(65,30), b tinyint(1), t text, v varchar(3), c char(3), x blob, d date, ts datetime(6), tz timestamp(6) NULL, tm time(6), j json, u uuid)`)
	e, _ := open(t, uri)
	var edges []backendtest.Edge
	for column, values := range map[string][]string{
		"i2": {"-32768", "32767"}, "u8": {"0", "18446744073709551615"}, "r4": {"0.1", "3.4028235e+38"}, "r8": {"0.1", "1e+300", "5e-324", "1e-05"},
		"n": {"0.000000000000000000000000000001"}, "b": {"t", "f"}, "t": {"", "Ünïcödé 😀", `\`, "'"}, "v": {"äöü", " "}, "c": {"a  "}, "x": {`\x`, `\x00ff`},
		"d": {"2024-02-29", "0001-01-01 BC", "9999-12-31"}, "ts": {"2024-02-29 12:34:56.789012"}, "tz": {"2024-02-29 12:34:56.7+00"}, "tm": {"24:00:00", "00:00:00.000001"},
		"j": {`{"a": [1, 2.50, null]}`, `"x"`}, "u": {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
	} {
		for _, text := range values {
			edges = append(edges, backendtest.Edge{Column: column, In: text})
		}
	}
	edges = append(edges,
		backendtest.Edge{Column: "r8", In: "NaN", Code: "22003"}, backendtest.Edge{Column: "n", In: "Infinity", Code: "22003"}, backendtest.Edge{Column: "i2", In: "32768", Code: "22003"},
		backendtest.Edge{Column: "d", In: "-infinity", Code: "22008"}, backendtest.Edge{Column: "ts", In: "0044-03-15 00:00:00 BC", Code: "22008"},
		backendtest.Edge{Column: "tz", In: "2024-01-01 01:00:00+02", Out: "2023-12-31 23:00:00+00"}, backendtest.Edge{Column: "tz", In: "2024-01-01 01:00:00-03:30", Out: "2024-01-01 04:30:00+00"},
		backendtest.Edge{Column: "tz", In: "2106-02-07 06:28:16+00", Code: "22008"}, backendtest.Edge{Column: "v", In: "long", Code: "22001"}, backendtest.Edge{Column: "j", In: "{", Code: "22P02"}, backendtest.Edge{Column: "u", In: "x", Code: "22007"})
	backendtest.Run(t, backendtest.Subject{Engine: e, Schema: "public", Edges: edges, Items: map[string]string{"price": "numeric(10,2)"}})
}
