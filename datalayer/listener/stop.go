package listener

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
)

// execer is a connection, a pool or a transaction.
type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// setStopped stops a listener's scans, or lets them go on where they were.
func setStopped(ctx context.Context, conn execer, id int, stopped bool) error {
	_, err := conn.Exec(ctx, "UPDATE "+schema+".listeners SET scan_stopped = $2 WHERE id = $1 AND scan_stopped <> $2", id, stopped)
	return err
}

// stopped reports whether a listener's scans are.
func stopped(ctx context.Context, q querier, id int) (is bool, err error) {
	err = q.QueryRow(ctx, "SELECT scan_stopped FROM "+schema+".listeners WHERE id = $1", id).Scan(&is)
	return is, err
}

// StopBackfill ends the comparison of all rows that a job of the kind JobBackfill watches, after the batch that is under
// way, whichever Keeper does it. What was written stays, and where it was is kept: the job goes on there when it is tried again.
// Rows that change are followed all the same, where home notes which they are. A listener that is not set up, or that has
// compared all rows, is left as it is.
func (k *Keeper) StopBackfill(ctx context.Context, j *job.Job) error {
	return k.config.Pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		there, err := hasSchema(ctx, c)
		if err != nil || !there {
			return err
		}
		_, err = c.Exec(ctx, "UPDATE "+schema+".listeners SET scan_stopped = true WHERE name = $1 AND scan_wanted > scan_done", j.Component.Name)
		return err
	})
}

// resume has a listener's scans go on that were stopped.
func (k *Keeper) resume(ctx context.Context, name string) error {
	err := k.config.Pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return setStopped(ctx, tx, listenerID(ctx, tx, name), false) })
	})
	k.due(name)
	return err
}
