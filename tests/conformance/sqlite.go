package conformance

import (
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // the driver that loads the tables
)

// sqlite is a SQLite file.
func sqlite() *engine {
	const slow = "without indexes of SQLite's own the statement takes longer than 30 s"
	d := sqlDialect{quote: `"`, literal: bare("1", "0", "x"), types: map[kind]string{boolKind: "BOOLEAN", int2Kind: "SMALLINT", int4Kind: "INT4", int8Kind: "BIGINT", float8Kind: "DOUBLE PRECISION",
		moneyKind: "DECIMAL(12,2)", longKind: "DECIMAL TEXT(38,10)", textKind: "TEXT", foldedText: "TEXT COLLATE NOCASE", shortKind: "VARCHAR(20)", dateKind: "DATE", timeKind: "TIME",
		timestampKind: "TIMESTAMP", timestamptzKind: "TIMESTAMP WITH TIME ZONE", uuidKind: "UUID", byteaKind: "BLOB", jsonbKind: "JSON"}}
	return &engine{
		name:  "sqlite",
		shown: map[kind]string{foldedText: "text", jsonbKind: "json", intervalKind: "text", int4sKind: "text", textsKind: "text"},
		limits: limitsOf(map[string]string{
			"inserts:float-special":            "SQLite has no NaN (22003)",
			"inserts:float-negative-zero":      "SQLite does not tell -0 from 0",
			"inserts:kinds-date-before-christ": "dates in SQLite are ISO texts of the years 0001 to 9999 (22008)",
			"inserts:kinds-date-infinity":      "dates in SQLite are ISO texts, which have no infinity (22008)",
			"inserts:kinds-json":               "a column that is declared JSON has numeric affinity: 1e2 is kept as 100",
			"tpch:05":                          slow,
			"tpch:20":                          slow,
			"tpch:21":                          slow,
			"updates:truncate-two":             "SQLite empties one table at a time (0A000)",
		}),
		start: func(t *testing.T, dir string, tables []table) (string, error) {
			file := filepath.Join(dir, "common.db")
			return "sqlite://" + file, d.load(t.Context(), "sqlite", file, tables)
		},
	}
}
