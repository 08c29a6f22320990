package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// mostChanged is how many rows the UPDATE changes, where the table asked has as many.
const mostChanged = 100_000

// changed is the number of rows of the table changed.
func (s *settings) changed() int { return min(s.asked, mostChanged) }

// prepareStrategies makes the table asked, with a column for each number of distinct arguments, the table changed of its
// first rows, the SQL functions, and through the proxy the model twice. Neighbouring rows have different arguments.
func prepareStrategies(ctx context.Context, s *settings) error {
	conn, err := pgx.Connect(ctx, s.dsn(s.direct.port))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if err := makeAsked(ctx, conn, s); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `
		CREATE OR REPLACE FUNCTION twice_inlined(k int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT k * 2';
		CREATE OR REPLACE FUNCTION twice_per_row(k int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN k * 2; END'`)
	if err != nil {
		return err
	}
	proxy, err := pgx.Connect(ctx, s.dsn(s.proxy.port))
	if err != nil {
		return err
	}
	defer proxy.Close(ctx)
	_, err = proxy.PgConn().Exec(ctx, "CREATE OR REPLACE MODEL twice(k int4) RETURNS int4 USING starlark AS $$"+twiceSource+"$$").ReadAll()
	return err
}

// makeAsked makes the two tables, where asked is not there with as many rows as it is to have.
func makeAsked(ctx context.Context, conn *pgx.Conn, s *settings) error {
	var there bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('asked') IS NOT NULL AND to_regclass('changed') IS NOT NULL").Scan(&there); err != nil {
		return err
	}
	if there {
		var rows int
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM asked").Scan(&rows); err != nil || rows == s.asked {
			return err
		}
	}
	columns := ""
	for _, d := range distincts {
		// 7919 is prime to all counts: any count of rows in a row has as many distinct values.
		columns += fmt.Sprintf(", (i * 7919 %% %d)::int AS %s", d.count, d.column)
	}
	_, err := conn.Exec(ctx, fmt.Sprintf(`
		DROP TABLE IF EXISTS asked, changed;
		CREATE UNLOGGED TABLE asked AS SELECT i::int AS id%s FROM generate_series(1, %d::bigint) AS i;
		CREATE UNLOGGED TABLE changed WITH (autovacuum_enabled = off) AS SELECT *, 0 AS v FROM asked WHERE id <= %d`,
		columns, s.asked, s.changed()))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "VACUUM ANALYZE asked")
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "VACUUM ANALYZE changed")
	return err
}

// vacuum takes what updates that were rolled back have left out of the table changed, so that it is always as large.
func vacuum(ctx context.Context, s *settings) error {
	conn, err := pgx.Connect(ctx, s.dsn(s.direct.port))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "VACUUM changed")
	return err
}

// milliseconds is a time as a figure.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
