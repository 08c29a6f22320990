package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// frames is a folder of parquet files by the scheme pandas or polars. What is inherited from DuckDB differs as it does there.
func frames(scheme string) *engine {
	const savepoints = "a folder has no savepoints: what was changed since one cannot be undone alone (0A000 at the end)"
	d := duckdbDialect()
	d.keyless = true
	// Parquet's intervals have milliseconds only.
	delete(d.types, intervalKind)
	limits := limitsOf(map[string]string{
		"inserts:kinds-arrays":                   "a list of a file's has one dimension (0A000)",
		"inserts:kinds-numeric-nan":              "DECIMAL has no NaN",
		"numbers:cast-in-where":                  "a cast that is out of range has another SQLSTATE (22P02)",
		"transactions:savepoint-rollback":        savepoints,
		"transactions:savepoint-after-error":     savepoints,
		"transactions:savepoints-nested":         savepoints,
		"transactions:savepoint-same-name":       savepoints,
		"transactions:cursor-survives-savepoint": savepoints,
		"updates:truncate-two":                   "DuckDB empties one table at a time (0A000)",
	})
	// Without keys there are no upserts and no indexes, here and on PostgreSQL.
	delete(limits, "upserts:in-with")
	delete(limits, "clients/psql:indexes-with-sizes")
	return &engine{
		name:   scheme,
		slow:   true,
		like:   map[string]string{"polars": "pandas"}[scheme],
		shown:  map[kind]string{foldedText: "text", shortKind: "text", intervalKind: "text", jsonbKind: "json", textsKind: "text"},
		limits: limits,
		lacks:  map[string]string{"savepoints": savepoints, "upserts": "a folder has no keys"},
		start: func(t *testing.T, dir string, tables []table) (string, error) {
			folder := filepath.Join(dir, "folder")
			if err := os.Mkdir(folder, 0o755); err != nil {
				return "", err
			}
			script, err := d.script(tables)
			if err != nil {
				return "", err
			}
			for _, of := range tables {
				script = append(script, fmt.Sprintf("COPY %s TO %s (FORMAT parquet)", d.name(of.name), quoted(filepath.Join(folder, of.name+".parquet"))))
			}
			return scheme + "://" + folder, runDuckDB(t.Context(), filepath.Join(dir, "made.duckdb"), script)
		},
	}
}
