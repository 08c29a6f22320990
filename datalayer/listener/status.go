package listener

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Status is how a listener stands at one moment.
type Status struct {
	Name    string
	Outputs string
	// State is "new" before the first set-up, "scanning", "stopped" (its backfill was
	// cancelled), "behind", "failing", or "fresh".
	State        string
	ModelVersion int
	// Rows is the number of rows that are known to be behind, the ones of a scan under way included; Seconds since when.
	Rows    int64
	Seconds float64
	// Done and Total are the rows of the scan that is under way, or of the last one; Total is 0 where it is not known.
	Done, Total int64
	// Failed is the number of rows that have no outputs because the model failed.
	Failed int64
	// Written is the number of rows that outputs were made for since the listener was created.
	Written int64
	// WrittenAt and ScannedAt are when outputs were last looked at, and when all were.
	WrittenAt, ScannedAt *time.Time
	// Code and Error are those of the last pass, where it failed as a whole.
	Code, Error string
	// ErrorAt is when.
	ErrorAt *time.Time
}

// Status tells how all listeners stand that home knows, by name.
func (k *Keeper) Status(ctx context.Context) (all []Status, err error) {
	err = k.config.Pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if there, err := hasSchema(ctx, c); err != nil || !there {
			return err
		}
		rows, err := c.Query(ctx, `SELECT l.id, array(SELECT d.capture FROM `+schema+`.captured d WHERE d.listener = l.id
				AND pg_catalog.to_regclass('`+schema+`.changes_' || d.capture) IS NOT NULL)
			FROM `+schema+`.listeners l WHERE pg_catalog.to_regclass('`+schema+`.queue_' || l.id) IS NOT NULL AND pg_catalog.to_regclass('`+schema+`.errors_' || l.id) IS NOT NULL ORDER BY l.name`)
		if err != nil {
			return err
		}
		type one struct {
			id       int
			captures []int
		}
		ones, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (o one, err error) { return o, row.Scan(&o.id, &o.captures) })
		for _, o := range ones {
			var s Status
			err := s.read(ctx, c, o.id, o.captures)
			if dropped(err) {
				continue
			}
			if err != nil {
				return err
			}
			all = append(all, s)
		}
		if err != nil {
			return err
		}
		return k.slotStatus(ctx, c, all)
	})
	if err != nil {
		return nil, errorOf(err)
	}
	return all, nil
}

// slotStatus adds what is to be said of listeners whose changes come from the replication slot: while nobody reads it they
// are behind, or, where that cannot be, failing.
func (k *Keeper) slotStatus(ctx context.Context, q querier, all []Status) error {
	names := map[string]bool{}
	for _, def := range k.config.Definitions() {
		if k.how(&def) == CaptureSlot {
			names[def.Name] = true
		}
	}
	if len(names) == 0 {
		return nil
	}
	var reading bool
	var code, message string
	var at *time.Time
	err := q.QueryRow(ctx, "SELECT s.ready AND coalesce(p.active, false), coalesce(s.error_code, ''), coalesce(s.error, ''), s.error_at FROM "+schema+
		".slots s LEFT JOIN pg_catalog.pg_replication_slots p ON p.slot_name = s.name").Scan(&reading, &code, &message, &at)
	if dropped(err) {
		return nil // not set up yet
	}
	if err != nil {
		return err
	}
	for i := range all {
		s := &all[i]
		switch {
		case !names[s.Name] || s.Error != "":
		case message != "":
			s.State, s.Code, s.Error, s.ErrorAt = "failing", code, message, at
		case !reading && s.State == "fresh":
			s.State = "behind"
		}
	}
	return nil
}

// dropped reports whether an error says that a listener, or a table of it, was dropped while it was read.
func dropped(err error) bool {
	var raised *pgconn.PgError
	return errors.Is(err, pgx.ErrNoRows) || errors.As(err, &raised) && raised.Code == "42P01"
}

// stateStopped is the state of a listener whose backfill was cancelled.
const stateStopped = "stopped"

// read reads one listener's. An earlier version of the tables has no scan_stopped.
func (s *Status) read(ctx context.Context, q querier, id int, captures []int) error {
	waiting := []string{"SELECT pg_catalog.count(*) AS n, pg_catalog.min(at) AS at FROM " + queueOf(id)}
	for _, c := range captures {
		waiting = append(waiting, "SELECT pg_catalog.count(*), pg_catalog.min(at) FROM "+changesOf(c))
	}
	var scanning, stopped bool
	var remaining int64
	err := q.QueryRow(ctx, `SELECT l.name, l.outputs, l.model_version, l.scan_wanted > l.scan_done, GREATEST(l.scan_total - l.scan_rows, 0), l.scan_rows, l.scan_total, l.written, l.written_at, l.scanned_at,
			coalesce(l.error_code, ''), coalesce(l.error, ''), l.error_at, w.n::bigint, coalesce((pg_catalog.to_jsonb(l) ->> 'scan_stopped')::boolean, false),
			coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - LEAST(w.at, CASE WHEN l.scan_wanted > l.scan_done THEN l.wanted_at END)), 0)::float8,
			(SELECT pg_catalog.count(*) FROM `+errorsOf(id)+` WHERE code IS NOT NULL)
		FROM `+schema+`.listeners l, (SELECT pg_catalog.sum(n) AS n, pg_catalog.min(at) AS at FROM (`+strings.Join(waiting, " UNION ALL ")+`) AS v) AS w WHERE l.id = $1`, id).
		Scan(&s.Name, &s.Outputs, &s.ModelVersion, &scanning, &remaining, &s.Done, &s.Total, &s.Written, &s.WrittenAt, &s.ScannedAt, &s.Code, &s.Error, &s.ErrorAt, &s.Rows, &stopped, &s.Seconds, &s.Failed)
	if err != nil {
		return err
	}
	if scanning {
		s.Rows += remaining
	}
	switch {
	case scanning && stopped:
		s.State = stateStopped
	case s.Error != "":
		s.State = "failing"
	case s.ScannedAt == nil && s.Done == 0:
		s.State = "new"
	case scanning:
		s.State = "scanning"
	case s.Rows > 0:
		s.State = "behind"
	default:
		s.State = "fresh"
	}
	return nil
}

// RowError is why a row has no outputs, or, with an empty Key, why a listener could not go on.
type RowError struct {
	Listener string
	// Key is the row's key as JSON, by column.
	Key           string
	Code, Message string
	ModelVersion  int
	Attempts      int
	At            time.Time
	// RetryAt is when it is tried again.
	RetryAt *time.Time
}

// Errors lists at most limit rows of each listener that have no outputs because of an error, the latest first, and the
// errors of listeners as a whole.
func (k *Keeper) Errors(ctx context.Context, limit int) (all []RowError, err error) {
	err = k.config.Pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if there, err := hasSchema(ctx, c); err != nil || !there {
			return err
		}
		rows, err := c.Query(ctx, "SELECT id, name, outputs, coalesce(error_code, ''), coalesce(error, ''), error_at, retry_at, failures, model_version FROM "+schema+
			".listeners WHERE pg_catalog.to_regclass('"+schema+".errors_' || id) IS NOT NULL ORDER BY name")
		if err != nil {
			return err
		}
		type one struct {
			id      int
			outputs string
			at      *time.Time
			RowError
		}
		ones, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (o one, err error) {
			return o, row.Scan(&o.id, &o.Listener, &o.outputs, &o.Code, &o.Message, &o.at, &o.RetryAt, &o.Attempts, &o.ModelVersion)
		})
		for _, o := range ones {
			if o.Message != "" {
				o.At = *o.at
				all = append(all, o.RowError)
			}
			found, err := rowErrors(ctx, c, o.id, o.Listener, o.outputs, limit)
			if dropped(err) {
				continue
			}
			if err != nil {
				return err
			}
			all = append(all, found...)
		}
		return err
	})
	if err != nil {
		return nil, errorOf(err)
	}
	return all, nil
}

// rowErrors lists those of one listener. The key's names are the outputs'.
func rowErrors(ctx context.Context, q querier, id int, name, outputs string, limit int) ([]RowError, error) {
	var names []string
	err := q.QueryRow(ctx, `SELECT coalesce(array_agg(coalesce(o.attname, e.attname)::text ORDER BY e.attnum), '{}')
		FROM pg_catalog.pg_attribute e LEFT JOIN pg_catalog.pg_attribute o ON o.attrelid = pg_catalog.to_regclass($2) AND o.attnum = e.attnum
		WHERE e.attrelid = $1::regclass AND e.attnum > 0 AND e.attname::text ~ '^k[0-9]+$'`, errorsOf(id), outputs).Scan(&names)
	if err != nil {
		return nil, err
	}
	key := each(len(names), ", ", func(i int) string { return literal(names[i]) + ", " + place(i) })
	rows, err := q.Query(ctx, fmt.Sprintf("SELECT pg_catalog.json_build_object(%s)::text, code, message, model_version, attempts, at, retry_at FROM %s WHERE code IS NOT NULL ORDER BY at DESC LIMIT %d",
		key, errorsOf(id), limit))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e RowError, err error) {
		e.Listener = name
		return e, row.Scan(&e.Key, &e.Code, &e.Message, &e.ModelVersion, &e.Attempts, &e.At, &e.RetryAt)
	})
}
