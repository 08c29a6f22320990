package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// scale is pgbench's: 100,000 accounts each.
const scale = 10

// prepare makes pgbench's tables and the table of the long SELECT, straight on the server, where they are not there yet.
func prepare(ctx context.Context, s *settings) error {
	conn, err := pgx.Connect(ctx, s.dsn(s.direct.port))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var accounts, long bool
	err = conn.QueryRow(ctx, "SELECT to_regclass('pgbench_accounts') IS NOT NULL, to_regclass('long') IS NOT NULL").
		Scan(&accounts, &long)
	if err != nil {
		return err
	}
	if !accounts {
		out, err := exec.CommandContext(ctx, "pgbench", "-i", "-q", "-s", strconv.Itoa(scale), "-h", "127.0.0.1",
			"-p", strconv.Itoa(s.direct.port), "-U", s.user, s.database).CombinedOutput()
		if err != nil {
			return fmt.Errorf("pgbench -i: %w\n%s", err, out)
		}
	}
	if long {
		var rows int
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM long").Scan(&rows); err != nil || rows == s.rows {
			return err
		}
	}
	_, err = conn.Exec(ctx, fmt.Sprintf(`
		DROP TABLE IF EXISTS long;
		CREATE UNLOGGED TABLE long AS
			SELECT i AS id, i %% 97 AS bucket, i / 8.0::float8 AS amount, 'row number ' || i AS label
			FROM generate_series(1, %d) AS i`, s.rows))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "VACUUM ANALYZE long")
	return err
}
