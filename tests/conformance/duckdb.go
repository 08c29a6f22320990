package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// duckdbDialect is DuckDB's.
func duckdbDialect() sqlDialect {
	return sqlDialect{quote: `"`, copy: func(t table) (string, error) {
		return fmt.Sprintf(`COPY "%s" FROM %s (FORMAT csv, HEADER false)`, t.name, quoted(t.file)), nil
	}, literal: func(k kind, text string) string {
		switch k {
		case byteaKind:
			return "from_hex('" + text[2:] + "')"
		case int4sKind:
			return "[" + strings.Trim(text, "{}") + "]::INTEGER[]"
		}
		return bare("true", "false", "")(k, text)
	}, types: map[kind]string{boolKind: "BOOLEAN", int2Kind: "SMALLINT", int4Kind: "INTEGER", int8Kind: "BIGINT", float8Kind: "DOUBLE", moneyKind: "DECIMAL(12,2)", longKind: "DECIMAL(38,10)",
		textKind: "VARCHAR", foldedText: "VARCHAR COLLATE NOCASE", shortKind: "VARCHAR", dateKind: "DATE", timeKind: "TIME", timestampKind: "TIMESTAMP", timestamptzKind: "TIMESTAMP WITH TIME ZONE",
		intervalKind: "INTERVAL", uuidKind: "UUID", byteaKind: "BLOB", jsonbKind: "JSON", int4sKind: "INTEGER[]"}}
}

// duckdb is a DuckDB file.
func duckdb() *engine {
	const savepoints = "DuckDB has no savepoints: what was changed since one cannot be undone alone (0A000 at the end)"
	return &engine{
		name:  "duckdb",
		shown: map[kind]string{foldedText: "text", shortKind: "text", jsonbKind: "json", textsKind: "text"},
		limits: limitsOf(map[string]string{
			"inserts:kinds-arrays":                   "a list of DuckDB's has one dimension (0A000)",
			"inserts:kinds-numeric-nan":              "DECIMAL has no NaN",
			"numbers:cast-in-where":                  "a cast that is out of range has another SQLSTATE (22P02)",
			"upserts:nothing":                        "a row that is left out is not told apart where DO NOTHING names no conflict: the tag counts none",
			"references:delete-both":                 "DuckDB checks foreign keys against what the transaction began with",
			"transactions:savepoint-rollback":        savepoints,
			"transactions:savepoint-after-error":     savepoints,
			"transactions:savepoints-nested":         savepoints,
			"transactions:savepoint-same-name":       savepoints,
			"transactions:cursor-survives-savepoint": savepoints,
			"transactions:do-block-error-is-caught":  savepoints,
			"updates:truncate-two":                   "DuckDB empties one table at a time (0A000)",
		}),
		lacks: map[string]string{"savepoints": savepoints},
		start: func(t *testing.T, dir string, tables []table) (string, error) {
			file := filepath.Join(dir, "common.duckdb")
			script, err := duckdbDialect().script(tables)
			if err != nil {
				return "", err
			}
			return "duckdb://" + file, runDuckDB(t.Context(), file, script)
		},
	}
}

// runDuckDB runs statements on a file by the program that also generates TPC-H.
func runDuckDB(ctx context.Context, file string, statements []string) error {
	if _, err := tpcFiles(ctx, "../..", "tpch", "0.01"); err != nil {
		return fmt.Errorf("DuckDB for Python %w: %w", lab.ErrNotInstalled, err)
	}
	input, err := json.Marshal(statements)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "../../.cache/tpc/python/bin/python", "run_duckdb.py", file)
	cmd.Stdin = bytes.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
