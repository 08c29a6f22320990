package conformance

import (
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // the driver that loads the tables
)

// sqlite is a SQLite file.
func sqlite() *engine {
	d := sqlDialect{quote: `"`, literal: bare("1", "0", "x"), types: map[kind]string{boolKind: "BOOLEAN", int2Kind: "SMALLINT", int4Kind: "INT4", int8Kind: "BIGINT", float8Kind: "DOUBLE PRECISION",
		moneyKind: "DECIMAL(12,2)", longKind: "DECIMAL TEXT(38,10)", textKind: "TEXT", foldedText: "TEXT COLLATE NOCASE", shortKind: "VARCHAR(20)", dateKind: "DATE", timeKind: "TIME",
		timestampKind: "TIMESTAMP", timestamptzKind: "TIMESTAMP WITH TIME ZONE", uuidKind: "UUID", byteaKind: "BLOB", jsonbKind: "JSON"}}
	return &engine{
		name:  "sqlite",
		shown: map[kind]string{foldedText: "text", jsonbKind: "json", intervalKind: "text", int4sKind: "text", textsKind: "text"},
		start: func(t *testing.T, dir string, tables []table) (string, error) {
			file := filepath.Join(dir, "common.db")
			return "sqlite://" + file, d.load(t.Context(), "sqlite", file, tables)
		},
	}
}
