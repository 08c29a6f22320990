package listener

import (
	"cmp"
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
)

// plan asks for a scan where a listener's time for one has come: its interval has passed, home's statistics of the source
// are not those of the last scan, or it was long ago that all rows were compared.
func (k *Keeper) plan(ctx context.Context, conn *pgx.Conn, have *kept) error {
	condition, args := "false", []any{have.id}
	switch {
	case have.def.Refresh == RefreshManual:
		return nil
	case have.def.Refresh == RefreshEvery:
		condition, args = "scan_began + $2::text::interval <= pg_catalog.now()", append(args, have.def.Every)
	case have.timed(k.how(have.def)):
		return k.planTimed(ctx, conn, have)
	case k.config.Reconcile > 0:
		condition, args = "scan_began + $2 * interval '1 second' <= pg_catalog.now()", append(args, k.config.Reconcile.Seconds())
	default:
		return nil
	}
	_, err := conn.Exec(ctx, wishText+" AND "+condition, args...)
	return err
}

// wishText asks for a scan of the listener $1 that has none to do.
const wishText = "UPDATE " + schema + ".listeners SET scan_wanted = scan_wanted + 1, wanted_at = pg_catalog.now() WHERE id = $1 AND scan_wanted = scan_done"

// timed reports whether some of what a listener reads has no triggers of it.
func (k *kept) timed(how string) bool {
	for _, t := range k.tables {
		if how == CaptureTimer || (how == CaptureTriggers || how == CaptureSlot) && !t.plain() {
			return true
		}
	}
	return false
}

// planTimed asks for a scan if the statistics that home keeps of the source's tables, or their files, have changed since the
// last one was asked for. Home counts rows when their transaction has ended, so what a scan did not see changes the numbers
// after it has begun.
func (k *Keeper) planTimed(ctx context.Context, conn *pgx.Conn, have *kept) error {
	oids := make([]uint32, len(have.tables))
	for i, t := range have.tables {
		oids[i] = t.oid
	}
	var now string
	err := conn.QueryRow(ctx, `WITH RECURSIVE r(oid) AS (SELECT pg_catalog.unnest($1::oid[]) UNION SELECT i.inhrelid FROM r JOIN pg_catalog.pg_inherits i ON i.inhparent = r.oid)
		SELECT coalesce(pg_catalog.string_agg(pg_catalog.concat_ws(':', oid, pg_catalog.pg_relation_filenode(oid), pg_catalog.pg_stat_get_tuples_inserted(oid),
			pg_catalog.pg_stat_get_tuples_updated(oid), pg_catalog.pg_stat_get_tuples_deleted(oid)), ',' ORDER BY oid), '') FROM r`, oids).Scan(&now)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "UPDATE "+schema+".listeners SET scan_wanted = scan_wanted + 1, wanted_at = pg_catalog.now(), fingerprint = $2 "+
		"WHERE id = $1 AND scan_wanted = scan_done AND fingerprint IS DISTINCT FROM $2", have.id, now)
	return err
}

// afterwards says when the next pass is wanted though no change asks for it.
func (k *Keeper) afterwards(ctx context.Context, conn *pgx.Conn, have *kept) (after, error) {
	var retry, every *float64
	interval := "0"
	if have.def.Refresh == RefreshEvery {
		interval = have.def.Every
	}
	err := conn.QueryRow(ctx, "SELECT (SELECT extract(epoch FROM pg_catalog.min(retry_at) - pg_catalog.now())::float8 FROM "+errorsOf(have.id)+
		"), (SELECT extract(epoch FROM scan_began + $2::text::interval - pg_catalog.now())::float8 FROM "+schema+".listeners WHERE id = $1)", have.id, interval).Scan(&retry, &every)
	if err != nil {
		return after{}, err
	}
	var a after
	wait := func(d time.Duration) {
		if at := time.Now().Add(max(d, 0)); a.next.IsZero() || at.Before(a.next) {
			a.next = at
		}
	}
	if retry != nil {
		wait(time.Duration(*retry * float64(time.Second)))
	}
	if every != nil && have.def.Refresh == RefreshEvery {
		wait(time.Duration(*every * float64(time.Second)))
	}
	if cmp.Or(have.def.Refresh, RefreshChange) == RefreshChange && have.timed(k.how(have.def)) {
		wait(k.config.Timer)
	}
	return a, nil
}

// scanWanted asks for a scan of a listener, and has rows that failed tried again at once.
func scanWanted(ctx context.Context, conn *pgx.Conn, name string) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		id := listenerID(ctx, tx, name)
		if id == 0 {
			return &datalayer.Error{Code: "55000", Message: "listener " + quote(name) + " is not set up yet"}
		}
		if _, err := tx.Exec(ctx, "UPDATE "+errorsOf(id)+" SET retry_at = pg_catalog.now() WHERE retry_at IS NOT NULL"); err != nil {
			return err
		}
		if err := wantScan(ctx, tx, id); err != nil {
			return err
		}
		return setStopped(ctx, tx, id, false)
	})
}

// Refresh asks for a scan of a listener, whatever its REFRESH says, and has rows that failed tried again. It does not wait.
func (k *Keeper) Refresh(ctx context.Context, name string) error {
	err := k.config.Pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error { return scanWanted(ctx, c.Conn(), name) })
	if err != nil {
		return about(name, err)
	}
	k.due(name)
	return nil
}
