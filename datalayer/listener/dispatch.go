package listener

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// dispatchRows is how many changes are handed on in one transaction.
const dispatchRows = 20_000

// capture is one with the listeners that go by it.
type capture struct {
	id        int
	keys      int
	listeners []int
	// whole are the listeners for which any change means a scan.
	whole []int
}

// loadCaptures reads all captures of home, none where there is no schema.
func loadCaptures(ctx context.Context, q querier) ([]capture, error) {
	there, err := hasSchema(ctx, q)
	if err != nil || !there {
		return nil, err
	}
	rows, err := q.Query(ctx, `SELECT c.id, cardinality(c.key_columns),
			coalesce(array_agg(d.listener ORDER BY d.listener) FILTER (WHERE NOT d.whole), '{}'), coalesce(array_agg(d.listener ORDER BY d.listener) FILTER (WHERE d.whole), '{}')
		FROM `+schema+`.captures c JOIN `+schema+`.captured d ON d.capture = c.id WHERE pg_catalog.to_regclass('`+schema+`.changes_' || c.id) IS NOT NULL GROUP BY c.id ORDER BY c.id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c capture, err error) {
		return c, row.Scan(&c.id, &c.keys, &c.listeners, &c.whole)
	})
}

// changed gives those captures that have changes, by one query.
func changed(ctx context.Context, q querier, captures []capture) ([]capture, error) {
	if len(captures) == 0 {
		return nil, nil
	}
	text := "SELECT ARRAY[" + each(len(captures), ", ", func(i int) string {
		return "EXISTS (SELECT FROM " + changesOf(captures[i].id) + ")"
	}) + "]"
	var has []bool
	if err := q.QueryRow(ctx, text).Scan(&has); err != nil {
		return nil, err
	}
	var found []capture
	for i, c := range captures {
		if has[i] {
			found = append(found, c)
		}
	}
	return found, nil
}

// dispatch hands a capture's changes on to its listeners: keys into their queues, or the wish for a scan. Changes are taken
// by deleting them, never by a number up to which they were seen, since transactions do not commit in the order of their
// numbers. It gives the listeners as they are now, and whether changes may be left; busy says that somebody else is at it.
func dispatch(ctx context.Context, conn *pgx.Conn, id int) (c capture, left, busy bool, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, "SELECT pg_catalog.pg_try_advisory_xact_lock($1, $2)", lockClass, -id).Scan(&mine); err != nil {
			return err
		}
		if busy = !mine; busy {
			return nil
		}
		// Read behind the lock: a listener that came meanwhile gets what came before by its scan.
		all, err := loadCaptures(ctx, tx)
		if err != nil {
			return err
		}
		for i := range all {
			if all[i].id == id {
				c = all[i]
			}
		}
		if c.id == 0 {
			return nil
		}
		var taken int
		if err := tx.QueryRow(ctx, dispatchText(c), dispatchRows).Scan(&taken); err != nil {
			return err
		}
		left = taken == dispatchRows
		return nil
	})
	return c, left, busy, err
}

// dispatchText is the statement that hands on up to $1 changes.
func dispatchText(c capture) string {
	changes := changesOf(c.id)
	keys := numbered(c.keys, ", ", "k%d")
	comma := ""
	if c.keys > 0 {
		comma = ", "
	}
	parts := []string{"taken AS (DELETE FROM " + changes + " WHERE ctid = ANY (ARRAY (SELECT ctid FROM " + changes + " LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING " + keys + comma + "whole, at)"}
	if c.keys > 0 {
		parts = append(parts, "keys AS MATERIALIZED (SELECT "+keys+", pg_catalog.min(at) AS at FROM taken WHERE NOT whole AND "+numbered(c.keys, " AND ", "k%d IS NOT NULL")+" GROUP BY "+keys+")")
		for _, l := range c.listeners {
			parts = append(parts, fmt.Sprintf("queue_%d AS (INSERT INTO %s (%s, gen, at) SELECT %s, pg_catalog.nextval('%s.generation'), at FROM keys ON CONFLICT (%s) DO UPDATE SET gen = excluded.gen)",
				l, queueOf(l), keys, keys, schema, keys))
		}
	}
	wish := func(listeners []int, when string) string {
		list := each(len(listeners), ", ", func(i int) string { return fmt.Sprint(listeners[i]) })
		return "(UPDATE " + schema + ".listeners SET wanted_at = CASE WHEN scan_wanted > scan_done THEN wanted_at ELSE (SELECT pg_catalog.min(at) FROM taken) END, " +
			"scan_wanted = scan_wanted + 1 WHERE id IN (" + list + ") AND EXISTS (SELECT FROM taken" + when + "))"
	}
	if len(c.whole) > 0 {
		parts = append(parts, "anything AS "+wish(c.whole, ""))
	}
	if len(c.listeners) > 0 {
		parts = append(parts, "everything AS "+wish(c.listeners, " WHERE whole"))
	}
	return "WITH " + strings.Join(parts, ",\n") + "\nSELECT pg_catalog.count(*)::int FROM taken"
}
