package listener

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
)

// state is what home's row of a listener says of its scans.
type state struct {
	wanted, done int64
	// running is the number of the scan under way, nil for none; key is the last one that it has done, nil at its beginning.
	running *int64
	key     []string
	rows    int64
	version int
	// stopped says that somebody has cancelled the backfill.
	stopped bool
}

// scanning reports whether there is a scan to go on with or to begin.
func (s *state) scanning() bool { return s.wanted > s.done && !s.stopped }

// readState reads it.
func readState(ctx context.Context, q querier, id int) (state, error) {
	var s state
	err := q.QueryRow(ctx, "SELECT scan_wanted, scan_done, scan_running, scan_key, scan_rows, model_version, scan_stopped FROM "+schema+".listeners WHERE id = $1", id).
		Scan(&s.wanted, &s.done, &s.running, &s.key, &s.rows, &s.version, &s.stopped)
	return s, err
}

// cursor is the name of the held cursor of a scan that goes by no index.
const cursor = "pinnacle_stale"

// beginScan begins the scan that is wanted last.
func (p *pass) beginScan(ctx context.Context) error {
	k := p.k
	if !k.keyed {
		if err := k.checkDistinct(ctx, p.conn); err != nil {
			return err
		}
	}
	total := int64(0)
	if k.keyed {
		// Home's own estimate, where it has one: the number is for those who watch.
		if err := p.conn.QueryRow(ctx, "SELECT CASE WHEN reltuples > 0 THEN reltuples::bigint ELSE (SELECT pg_catalog.count(*) FROM "+k.from+") END FROM pg_catalog.pg_class WHERE oid = $1",
			k.tables[0].oid).Scan(&total); err != nil {
			return err
		}
	}
	running := p.state.wanted
	_, err := p.conn.Exec(ctx, "UPDATE "+schema+".listeners SET scan_running = $2, scan_key = NULL, scan_rows = 0, scan_total = $3, scan_began = pg_catalog.now(), model_version = $4 WHERE id = $1",
		k.id, running, total, k.model.Version)
	p.state.running, p.state.key, p.state.rows, p.state.version = &running, nil, 0, k.model.Version
	return err
}

// checkDistinct refuses a query two of whose rows have one key.
func (k *kept) checkDistinct(ctx context.Context, q querier) error {
	key := each(len(k.key), ", ", k.own)
	var found string
	err := q.QueryRow(ctx, "SELECT pg_catalog.concat_ws(', ', "+key+") FROM "+k.from+" WHERE "+each(len(k.key), " AND ", func(i int) string { return k.own(i) + " IS NOT NULL" })+
		" GROUP BY "+key+" HAVING pg_catalog.count(*) > 1 LIMIT 1").Scan(&found)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return withoutPosition(err)
	}
	return fault("23505", "two rows of the listener's source have one key", "Name by KEY columns that tell the rows apart: "+key+" do not.")
}

// scan does the next piece of the scan that is under way, or begins one. It reports whether the scan has ended.
func (p *pass) scan(ctx context.Context) (ended bool, err error) {
	fresh := p.state.running == nil || p.state.version != p.k.model.Version
	if fresh || !p.k.keyed && !p.held {
		if err := p.beginScan(ctx); err != nil {
			return false, err
		}
	}
	if p.k.keyed {
		return p.scanWindow(ctx)
	}
	return p.scanHeld(ctx)
}

// scanWindow looks at the next keys in their order.
func (p *pass) scanWindow(ctx context.Context) (bool, error) {
	k, n := p.k, p.size.rows
	l, err := k.readLook(ctx, p.conn.PgConn(), k.windowText(p.state.key, n), p.keeper.config.BatchBytes)
	if err != nil {
		return false, err
	}
	a, err := p.ask(ctx, l)
	if err != nil {
		return false, err
	}
	from, to, ended := p.state.key, []string(nil), l.read < n && !l.cut
	if !ended {
		to = l.last()
	}
	rows := p.state.rows + int64(len(l.keys))
	err = p.write(ctx, l, a, func(b *pgx.Batch) {
		k.queueOrphans(b, from, to)
		p.queueProgress(b, to, rows, ended)
	})
	p.state.key, p.state.rows = to, rows
	return p.endScan(ended, err)
}

// endScan notes that a scan has ended, once that is written.
func (p *pass) endScan(ended bool, err error) (bool, error) {
	if err == nil && ended {
		p.state.done, p.state.running = *p.state.running, nil
	}
	return ended, err
}

// queueProgress writes how far a scan is.
func (p *pass) queueProgress(b *pgx.Batch, key []string, rows int64, ended bool) {
	if !ended {
		b.Queue("UPDATE "+schema+".listeners SET scan_key = $2, scan_rows = $3 WHERE id = $1", p.k.id, key, rows)
		return
	}
	b.Queue("UPDATE "+schema+".listeners SET scan_done = $2, scan_running = NULL, scan_key = NULL, scan_rows = $3, scan_total = $3, scanned_at = pg_catalog.now() WHERE id = $1",
		p.k.id, *p.state.running, rows)
}

// queueOrphans takes away the outputs and marks between two keys (from left out, to included; nil for the ends) that the
// source has no rows for.
func (k *kept) queueOrphans(b *pgx.Batch, from, to []string) {
	k.queueOrphansOf(b, k.outputs, k.own, from, to)
	k.queueOrphansOf(b, errorsOf(k.id), place, from, to)
}

// queueOrphansOf is queueOrphans for one table, whose key columns f names.
func (k *kept) queueOrphansOf(b *pgx.Batch, table string, f func(i int) string, from, to []string) {
	names := "(" + each(len(k.key), ", ", func(i int) string { return "t." + f(i) }) + ")"
	var args []any
	var conditions []string
	bound := func(operator string, key []string) {
		if key == nil {
			return
		}
		conditions = append(conditions, names+" "+operator+" ("+each(len(key), ", ", func(i int) string {
			args = append(args, key[i])
			return "$" + itoa(len(args)) + "::pg_catalog.text::" + k.key[i].typ
		})+")")
	}
	bound(">", from)
	bound("<=", to)
	part := "SELECT t.ctid AS place, " + each(len(k.key), ", ", func(i int) string { return "t." + f(i) + " AS " + place(i) }) + " FROM " + table + " AS t"
	if len(conditions) > 0 {
		part += " WHERE " + strings.Join(conditions, " AND ")
	}
	there := "FROM " + k.from + " WHERE " + each(len(k.key), " AND ", func(i int) string { return k.own(i) + " = pinnacle_o." + place(i) })
	alone := "pinnacle_o WHERE NOT EXISTS (SELECT " + there + ")"
	if k.keyed {
		alone = "pinnacle_o LEFT JOIN LATERAL (SELECT true AS there " + there + " LIMIT 1) AS pinnacle_s ON true WHERE pinnacle_s.there IS NULL"
	}
	b.Queue("DELETE FROM "+table+" WHERE ctid = ANY (ARRAY (SELECT pinnacle_o.place FROM ("+part+" OFFSET 0) AS "+alone+"))", args...)
}

// scanHeld looks at the next rows of the stale ones, which a held cursor has found all at once.
func (p *pass) scanHeld(ctx context.Context) (bool, error) {
	k := p.k
	if !p.held {
		if _, err := p.conn.Exec(ctx, "DECLARE "+cursor+" SCROLL CURSOR WITH HOLD FOR "+k.staleText(), pgx.QueryExecModeSimpleProtocol); err != nil {
			return false, withoutPosition(err)
		}
		p.held = true
	}
	l, err := k.readLook(ctx, p.conn.PgConn(), "FETCH "+itoa(p.size.rows)+" FROM "+cursor, p.keeper.config.BatchBytes)
	if err != nil {
		return false, err
	}
	if l.cut {
		if _, err := p.conn.Exec(ctx, "MOVE BACKWARD "+itoa(l.read-len(l.keys))+" FROM "+cursor); err != nil {
			return false, err
		}
	}
	a, err := p.ask(ctx, l)
	if err != nil {
		return false, err
	}
	ended, rows := l.read == 0, p.state.rows+int64(len(l.keys))
	err = p.write(ctx, l, a, func(b *pgx.Batch) {
		if ended {
			k.queueOrphans(b, nil, nil)
		}
		p.queueProgress(b, nil, rows, ended)
	})
	p.state.rows = rows
	if err == nil && ended {
		err = p.closeCursor(ctx)
	}
	return p.endScan(ended, err)
}

// closeCursor gives back what a scan holds at home.
func (p *pass) closeCursor(ctx context.Context) error {
	if !p.held {
		return nil
	}
	p.held = false
	_, err := p.conn.Exec(ctx, "CLOSE "+cursor)
	return err
}
