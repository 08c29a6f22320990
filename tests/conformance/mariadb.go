package conformance

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql" // the driver that loads the tables

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// mariadb is a MariaDB server.
func mariadb() *engine {
	literal := func(k kind, text string) string {
		if k == timestamptzKind {
			// The session's time zone is UTC.
			text = strings.TrimSuffix(text, "+00")
		}
		return bare("true", "false", "x")(k, text)
	}
	const instants = "TIMESTAMP holds the years 1970 to 2038, without the first second (22007)"
	const bytewise = " CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
	d := sqlDialect{quote: "`", copy: func(t table) (string, error) {
		mysql.RegisterLocalFile(t.file)
		return fmt.Sprintf(`LOAD DATA LOCAL INFILE %s INTO TABLE %s FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY %s`, quoted(t.file), "`"+t.name+"`", quoted("\n")), nil
	}, literal: literal, types: map[kind]string{boolKind: "BOOLEAN", int2Kind: "SMALLINT", int4Kind: "INT", int8Kind: "BIGINT", float8Kind: "DOUBLE",
		moneyKind: "DECIMAL(12,2)", longKind: "DECIMAL(38,10)", textKind: "LONGTEXT" + bytewise, foldedText: "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
		shortKind: "VARCHAR(20)" + bytewise, dateKind: "DATE", timeKind: "TIME(6)", timestampKind: "DATETIME(6)", timestamptzKind: "TIMESTAMP(6) NULL", uuidKind: "UUID", byteaKind: "LONGBLOB", jsonbKind: "JSON"}}
	return &engine{
		name: "mariadb",
		shown: map[kind]string{foldedText: "text", intervalKind: "text", int4sKind: "text", textsKind: "text", timestampKind: "timestamp(6) without time zone",
			timestamptzKind: "timestamp(6) with time zone", timeKind: "time(6) without time zone"},
		limits: limitsOf(map[string]string{
			"inserts:float-special":            "MariaDB's numbers have neither NaN nor infinity (22003)",
			"inserts:float-negative-zero":      "MariaDB does not tell -0 from 0",
			"clients/psql:indexes":             "MariaDB has an index for each foreign key",
			"inserts:kinds-zero":               instants,
			"inserts:kinds-low":                instants,
			"inserts:kinds-high":               instants,
			"inserts:kinds-date-before-christ": "MariaDB has the years 0 to 9999 (22008)",
			"inserts:kinds-date-infinity":      "MariaDB's dates have no infinity (22008)",
			"inserts:kinds-numeric-nan":        "MariaDB's numbers have neither NaN nor infinity (22003)",
		}),
		start: func(t *testing.T, dir string, tables []table) (string, error) {
			if _, err := exec.LookPath("mariadbd"); err != nil {
				return "", fmt.Errorf("MariaDB %w: %w", lab.ErrNotInstalled, err)
			}
			server, err := lab.StartScript(t.Context(), "mariadb", dir)
			if err != nil {
				return "", err
			}
			t.Cleanup(func() {
				if err := server.Stop(); err != nil {
					t.Error(err)
				}
			})
			source := fmt.Sprintf("root@tcp(127.0.0.1:%d)/", server.Port)
			err = d.load(t.Context(), "mysql", source, tables,
				"CREATE DATABASE common CHARACTER SET utf8mb4", "USE common", "SET time_zone = '+00:00', sql_mode = concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES')")
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("mysql://root@127.0.0.1:%d/common", server.Port), d.index(t.Context(), "mysql", source+"common", tables)
		},
	}
}
