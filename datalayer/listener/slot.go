package listener

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// publication is what home sends changes of by a replication slot: the tables of all captures by slot.
const publication = "pinnacle_listeners"

// slotLock is the second key of the advisory lock of who reads the slot.
const slotLock = -1 << 31

// slotName is the name of the slot. Slots are the server's, so it has the number of the database.
func slotName(ctx context.Context, q querier) (name string, err error) {
	err = q.QueryRow(ctx, "SELECT 'pinnacle_listeners_' || oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()").Scan(&name)
	return name, err
}

// descendants is the beginning of a query over r(oid): the relation $1, its partitions and its children.
const descendants = "WITH RECURSIVE r(oid) AS (SELECT $1::oid UNION SELECT i.inhrelid FROM r JOIN pg_catalog.pg_inherits i ON i.inhparent = r.oid) "

// identityText gives the columns by which home's log tells the rows of the table c apart when they are changed or deleted
// (REPLICA IDENTITY); NULL where it does not.
const identityText = `(CASE c.relreplident
	WHEN 'f' THEN (SELECT pg_catalog.array_agg(a.attname::text) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
	WHEN 'n' THEN NULL
	ELSE (SELECT pg_catalog.array_agg(a.attname::text) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[])
		WHERE i.indrelid = c.oid AND i.indisvalid AND CASE c.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END)
	END)`

// checkSlot refuses what a slot cannot capture: home's settings, tables that are not in its log, and tables whose log does
// not tell rows apart by the listener's key.
func (k *kept) checkSlot(ctx context.Context, tx pgx.Tx) error {
	var level string
	if err := tx.QueryRow(ctx, "SELECT pg_catalog.current_setting('wal_level')").Scan(&level); err != nil {
		return err
	}
	if level != "logical" {
		return fault("55000", "changes cannot be captured by a replication slot: wal_level of the PostgreSQL behind is "+level,
			"Set wal_level = logical there and restart it, or take capture = 'triggers' or 'timer'.")
	}
	for _, t := range k.tables {
		if !t.plain() || t.mirrored {
			return fault("0A000", fmt.Sprintf("changes of %s cannot be captured by a replication slot", t.name), "Its rows are not in the log of the PostgreSQL behind. Take capture = 'triggers' or 'timer'.")
		}
		if err := k.checkIdentity(ctx, tx, t); err != nil {
			return err
		}
	}
	return nil
}

// checkIdentity is checkSlot for one table, its partitions and its children.
func (k *kept) checkIdentity(ctx context.Context, tx pgx.Tx, t table) error {
	key := []string{}
	if k.keyed {
		for _, c := range k.key {
			key = append(key, c.name)
		}
	}
	rows, err := tx.Query(ctx, descendants+`SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relpersistence = 'p',
			pg_catalog.pg_has_role(c.relowner, 'USAGE'), c.relkind = 'p' OR coalesce($2::text[] <@ `+identityText+`, false)
		FROM r JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') ORDER BY 1`, t.oid, key)
	if err != nil {
		return err
	}
	var name string
	var logged, owned, told bool
	_, err = pgx.ForEachRow(rows, []any{&name, &logged, &owned, &told}, func() error {
		switch {
		case !logged:
			return fault("0A000", fmt.Sprintf("changes of %s cannot be captured by a replication slot, because the table is not logged", name), "Take capture = 'triggers' or 'timer'.")
		case !owned:
			return fault("42501", "must be owner of table "+name, "To capture changes by a replication slot, the role of the setting databackend has to own the table, or be a member of the role that does.")
		case !told:
			return fault("55000", fmt.Sprintf("changes of %s cannot be captured by a replication slot, because its REPLICA IDENTITY does not have the key", name),
				fmt.Sprintf("ALTER TABLE %s REPLICA IDENTITY USING INDEX a unique index that has the key's columns, or FULL.", name))
		}
		return nil
	})
	return err
}

// publishedText tells whether all of a table, its partitions and its children are published.
const publishedText = descendants + `SELECT NOT EXISTS (SELECT FROM r JOIN pg_catalog.pg_class c USING (oid) WHERE c.relkind = 'r' AND NOT EXISTS (
	SELECT FROM pg_catalog.pg_publication_tables p JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname
	WHERE p.pubname = '` + publication + `' AND n.oid = c.relnamespace AND p.tablename = c.relname))`

// published reports whether home sends all changes of a capture's table.
func published(ctx context.Context, q querier, spec captureSpec) (all bool, err error) {
	err = q.QueryRow(ctx, publishedText, spec.table.oid).Scan(&all)
	return all, err
}

// publish has home send a capture's table, its partitions and its children. It waits for transactions that write to them
// now, so that each transaction's changes are sent from its beginning or were made before the listener's scan. It reports
// whether anything was missing.
func publish(ctx context.Context, tx pgx.Tx, spec captureSpec) (bool, error) {
	all, err := published(ctx, tx, spec)
	if err != nil || all {
		return false, err
	}
	var there bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = $1)", publication).Scan(&there); err != nil {
		return false, err
	}
	texts := []string{"LOCK TABLE " + spec.table.name + " IN SHARE ROW EXCLUSIVE MODE"}
	if !there {
		texts = append(texts, "CREATE PUBLICATION "+publication)
	}
	// Partitions are sent with the table that they are parts of, children by themselves.
	rows, err := tx.Query(ctx, descendants+`SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
		FROM r JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE (c.oid = $1 OR NOT c.relispartition) AND c.relkind IN ('r', 'p') AND NOT EXISTS (
			SELECT FROM pg_catalog.pg_publication_rel m JOIN pg_catalog.pg_publication p ON p.oid = m.prpubid WHERE p.pubname = $2 AND m.prrelid = c.oid)`, spec.table.oid, publication)
	if err != nil {
		return false, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return false, err
	}
	for _, name := range names {
		texts = append(texts, "ALTER PUBLICATION "+publication+" ADD TABLE ONLY "+name)
	}
	_, err = tx.Exec(ctx, strings.Join(texts, ";\n"))
	return true, err
}

// reroute tells who reads the slot that there are other captures now.
func reroute(ctx context.Context, tx pgx.Tx) error {
	name, err := slotName(ctx, tx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO "+schema+".slots (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET revision = slots.revision + 1", name)
	return err
}

// unpublish has home send only the tables that captures need: nothing, where there is no capture by slot any more. A table
// whose rows the log does not tell apart any more goes too, since PostgreSQL refuses its writers' statements while it is sent.
func unpublish(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.relname)
		FROM pg_catalog.pg_publication_rel m JOIN pg_catalog.pg_publication p ON p.oid = m.prpubid AND p.pubname = $1
			JOIN pg_catalog.pg_class t ON t.oid = m.prrelid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
		WHERE NOT EXISTS (WITH RECURSIVE up(oid) AS (SELECT t.oid UNION SELECT i.inhparent FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.oid)
				SELECT FROM up JOIN `+schema+`.captures k ON k.means = $2 AND pg_catalog.to_regclass(k.relation) = up.oid)
			OR EXISTS (WITH RECURSIVE down(oid) AS (SELECT t.oid UNION SELECT i.inhrelid FROM down JOIN pg_catalog.pg_inherits i ON i.inhparent = down.oid)
				SELECT FROM down JOIN pg_catalog.pg_class c USING (oid) WHERE c.relkind = 'r' AND `+identityText+` IS NULL)`, publication, CaptureSlot)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := tx.Exec(ctx, "ALTER PUBLICATION "+publication+" DROP TABLE ONLY "+name); err != nil {
			return err
		}
	}
	some, err := anySlot(ctx, tx)
	if err != nil || some {
		return err
	}
	_, err = tx.Exec(ctx, "DELETE FROM "+schema+".slots; DROP PUBLICATION IF EXISTS "+publication)
	return err
}

// anySlot reports whether there are captures by slot.
func anySlot(ctx context.Context, q querier) (some bool, err error) {
	err = q.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+schema+".captures WHERE means = $1)", CaptureSlot).Scan(&some)
	return some, err
}

// dropUnusedSlot takes away the slot where no capture goes by it. Who reads it is sent away: it would hold back home's log
// for nobody. It may be called again, and is not part of a transaction, since slots are not.
func dropUnusedSlot(ctx context.Context, conn *pgx.Conn) error {
	some, err := anySlot(ctx, conn)
	if err != nil || some {
		return err
	}
	return dropSlot(ctx, conn)
}

// dropSlot takes the slot away, if it is there.
func dropSlot(ctx context.Context, conn *pgx.Conn) error {
	name, err := slotName(ctx, conn)
	if err != nil {
		return err
	}
	for {
		var reader *int32
		err := conn.QueryRow(ctx, "SELECT active_pid FROM pg_catalog.pg_replication_slots WHERE slot_name = $1", name).Scan(&reader)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if reader != nil {
			// pg_terminate_backend waits until the reader has ended.
			if _, err := conn.Exec(ctx, "SELECT pg_catalog.pg_terminate_backend($1, 1000)", *reader); err != nil {
				return err
			}
		}
		_, err = conn.Exec(ctx, "SELECT pg_catalog.pg_drop_replication_slot($1)", name)
		var raised *pgconn.PgError
		switch {
		case err == nil || errors.As(err, &raised) && raised.Code == "42704": // another one was quicker
			return nil
		case raised == nil || raised.Code != "55006": // somebody has begun to read it again
			return err
		}
	}
}
