package conformance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// clickhouse is the engine of ClickHouse behind its HTTP interface.
func clickhouse() *engine {
	const keyless = "ClickHouse has no keys, so rows are changed only where a statement goes down whole, and no transactions"
	d := sqlDialect{quote: "`", keyless: true,
		types: map[kind]string{boolKind: "Bool", int2Kind: "Int16", int4Kind: "Int32", int8Kind: "Int64", float8Kind: "Float64", moneyKind: "Decimal(12,2)", longKind: "Decimal(38,10)",
			textKind: "String", foldedText: "String", shortKind: "String", dateKind: "Date32", timestampKind: "DateTime64(6)", timestamptzKind: "DateTime64(6, 'UTC')", uuidKind: "UUID"},
		nullable: func(typeName string) string { return "Nullable(" + typeName + ")" },
		literal: func(k kind, text string) string {
			if k == timestamptzKind {
				text = strings.TrimSuffix(text, "+00")
			}
			return bare("true", "false", "")(k, strings.ReplaceAll(text, `\`, `\\`))
		},
		copy: func(t table) (string, error) {
			raw, err := os.ReadFile(t.file)
			return "INSERT INTO `" + t.name + "` FORMAT CSV\n" + string(raw), err
		},
		options: func(t table) string {
			return "ENGINE = MergeTree ORDER BY (`" + strings.Join(t.key, "`, `") + "`)"
		},
	}
	limits := limitsOf(nil)
	delete(limits, "clients/psql:indexes-with-sizes") // there are no indexes, here and on PostgreSQL
	return &engine{
		name: "clickhouse",
		slow: true,
		shown: map[kind]string{foldedText: "text", shortKind: "text", timeKind: "text", intervalKind: "text", byteaKind: "text", jsonbKind: "text", int4sKind: "text", textsKind: "text",
			timestampKind: "timestamp(6) with time zone", timestamptzKind: "timestamp(6) with time zone"},
		limits: limits,
		lacks:  map[string]string{"writes": keyless},
		start: func(t *testing.T, dir string, tables []table) (string, error) {
			server, err := lab.StartScript(t.Context(), "chdb", dir)
			if err != nil {
				return "", fmt.Errorf("ClickHouse %w: %w", lab.ErrNotInstalled, err)
			}
			t.Cleanup(func() {
				if err := server.Stop(); err != nil {
					t.Error(err)
				}
			})
			script, err := d.script(tables)
			if err != nil {
				return "", err
			}
			for _, statement := range append([]string{"CREATE DATABASE common"}, script...) {
				if err := tellClickHouse(t.Context(), server.Port, statement); err != nil {
					return "", err
				}
			}
			return fmt.Sprintf("clickhouse://default@127.0.0.1:%d/common", server.Port), nil
		},
	}
}

// tellClickHouse runs a statement, in the database common once that is there.
func tellClickHouse(ctx context.Context, port int, statement string) error {
	url := fmt.Sprintf("http://127.0.0.1:%d/?database=common", port)
	if strings.HasPrefix(statement, "CREATE DATABASE") {
		url = fmt.Sprintf("http://127.0.0.1:%d/", port)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(statement))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s\nin %.300s", text, statement)
	}
	return nil
}
