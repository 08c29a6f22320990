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
	return sqlDialect{quote: `"`, literal: func(k kind, text string) string {
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
	return &engine{
		name:  "duckdb",
		shown: map[kind]string{foldedText: "text", shortKind: "text", jsonbKind: "json", textsKind: "text"},
		start: func(t *testing.T, dir string, tables []table) (string, error) {
			file := filepath.Join(dir, "common.duckdb")
			return "duckdb://" + file, runDuckDB(t.Context(), file, duckdbDialect().script(tables))
		},
	}
}

// runDuckDB runs statements on a file by the program that also generates TPC-H.
func runDuckDB(ctx context.Context, file string, statements []string) error {
	if _, err := tpchFiles(ctx, "../..", "0.01"); err != nil {
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
