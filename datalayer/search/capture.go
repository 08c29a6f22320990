package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// schema is what the proxy makes at home for vector indexes.
const schema = "pinnacle_vectors"

// The numbers of captures.
const (
	// capturedReconcile is how many times as long as otherwise it takes until a table with triggers is scanned again.
	capturedReconcile = 60
	// captureTriggers is the number of triggers on a table.
	captureTriggers = 4
	// mostChanged is the number of keys from which on the table is scanned instead of looking each up.
	mostChanged = 50_000
	// readerKept is how long the changes are kept for a reader that is not heard of; it scans when it comes back.
	readerKept = "1 hour"
	// heard is how often a reader says that it is there.
	heard = 5 * time.Minute
	// captureLock bounds how long the set-up waits for a lock on the user's table, since whoever comes after waits behind it.
	captureLock = "3s"
)

// capture is how an index hears of changes: triggers on its table note the keys of rows that were written, with the
// transaction. Each proxy reads those that its last snapshot did not see (pg_visible_in_snapshot), and what all of them
// have seen is removed.
type capture struct {
	id int
	// mark is the snapshot that the index is of, "" before the first scan.
	mark string
	// told is when home heard last that the reader is there.
	told time.Time
}

func (c *capture) changes() string  { return fmt.Sprintf("%s.changes_%d", schema, c.id) }
func (c *capture) function() string { return fmt.Sprintf("%s.capture_%d()", schema, c.id) }

// origin names an index at home: another definition is another index.
func (x *index) origin() string { return fmt.Sprintf("%s@%d %s", x.name, x.version, x.hash) }

// reader names a proxy among those that read an index's changes.
func (x *index) reader() string { return fmt.Sprintf("%s %d", x.keeper.id, x.began.UnixNano()) }

// ensureCapture makes what is missing of the triggers and tables at home. Where the table can have no such triggers, or the
// proxy may not make them, there is no capture, and the index goes by the table's statistics.
func (k *Keeper) ensureCapture(ctx context.Context, x *index, s *source) (*capture, error) {
	if !s.plain {
		return nil, nil
	}
	if err := k.mark(x.origin()); err != nil {
		return nil, err
	}
	c := &capture{told: time.Now()}
	err := pgx.BeginFunc(ctx, k.config.Pool, func(tx pgx.Tx) error {
		if err := ensureSchema(ctx, tx); err != nil {
			return err
		}
		var err error
		if c.id, err = ensureIndex(ctx, tx, x.origin(), x.name); err != nil {
			return err
		}
		if err := c.install(ctx, tx, s); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO "+schema+".readers VALUES ($1, $2, pg_catalog.pg_current_snapshot(), pg_catalog.now()) ON CONFLICT DO NOTHING", c.id, x.reader())
		return err
	})
	return c, err
}

// ensureSchema makes the schema and the tables that all indexes share, by one proxy at a time. A schema that is there is not
// asked for: CREATE SCHEMA IF NOT EXISTS would need a right that its owner may lack.
func ensureSchema(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('"+schema+"'))")
	if err != nil {
		return err
	}
	var there, made bool
	if err := tx.QueryRow(ctx, "SELECT pg_catalog.to_regclass('"+schema+".readers') IS NOT NULL, pg_catalog.to_regnamespace('"+schema+"') IS NOT NULL").Scan(&there, &made); err != nil || there {
		return err
	}
	if !made {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA "+schema); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS `+schema+`.indexes (id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, origin text NOT NULL UNIQUE, name text NOT NULL,
			dimension int4, built bool NOT NULL DEFAULT false, keeper text, kept_at timestamptz);
		CREATE TABLE IF NOT EXISTS `+schema+`.readers (index int4 REFERENCES `+schema+`.indexes ON DELETE CASCADE, reader text, snapshot pg_snapshot NOT NULL, seen timestamptz NOT NULL, PRIMARY KEY (index, reader))`)
	return err
}

// ensureIndex gives the number that an index has at home.
func ensureIndex(ctx context.Context, tx pgx.Tx, origin, name string) (id int, err error) {
	err = tx.QueryRow(ctx, "SELECT id FROM "+schema+".indexes WHERE origin = $1", origin).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = tx.QueryRow(ctx, "INSERT INTO "+schema+".indexes (origin, name) VALUES ($1, $2) RETURNING id", origin, name).Scan(&id)
	}
	return id, err
}

// install makes the table of changes, the function and the triggers, where they are not there as they should be. The function
// runs with the rights of its owner in the writer's own search_path, so it names all with schemas.
func (c *capture) install(ctx context.Context, tx pgx.Tx, s *source) error {
	var there int
	err := tx.QueryRow(ctx, "SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = $1 AND tgfoid = pg_catalog.to_regprocedure($2) AND tgenabled = 'A'", s.oid, c.function()).Scan(&there)
	if err != nil || there == captureTriggers {
		return err
	}
	insert := "INSERT INTO " + c.changes() + " (key) "
	named := make([]string, len(s.key))
	for i, k := range s.key {
		named[i] = fmt.Sprintf("attname OPERATOR(pg_catalog.=) %s::pg_catalog.name", literal(unquoted(k.Name)))
	}
	keys := func(table string) string { return "SELECT " + keyText(s.key, table+".") + " FROM " + table }
	body := fmt.Sprintf(`BEGIN
IF TG_OP OPERATOR(pg_catalog.=) 'TRUNCATE' OR (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute WHERE attrelid OPERATOR(pg_catalog.=) TG_RELID AND NOT attisdropped AND (%s)) OPERATOR(pg_catalog.<>) %d THEN
%s VALUES (NULL);
ELSIF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
%s;
ELSIF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN
%s UNION %s;
ELSE
%s;
END IF;
RETURN NULL;
END`, strings.Join(named, " OR "), len(s.key), insert, insert+keys("new_rows"), insert+keys("new_rows"), keys("old_rows"), insert+keys("old_rows"))
	text := "SET LOCAL lock_timeout = '" + captureLock + "'; CREATE TABLE IF NOT EXISTS " + c.changes() +
		" (key text, xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id()) WITH (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0, autovacuum_analyze_threshold = 1000000);\n" +
		"CREATE OR REPLACE FUNCTION " + c.function() + " RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS " + literal(body) + ";\nREVOKE ALL ON FUNCTION " + c.function() + " FROM PUBLIC"
	for _, t := range [captureTriggers][3]string{
		{"insert", "INSERT", " REFERENCING NEW TABLE AS new_rows"}, {"update", "UPDATE", " REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows"},
		{"delete", "DELETE", " REFERENCING OLD TABLE AS old_rows"}, {"truncate", "TRUNCATE", ""},
	} {
		name := fmt.Sprintf("pinnacle_vectors_%d_%s", c.id, t[0])
		text += fmt.Sprintf(";\nCREATE OR REPLACE TRIGGER %s AFTER %s ON %s%s FOR EACH STATEMENT EXECUTE FUNCTION %s;\nALTER TABLE %s ENABLE ALWAYS TRIGGER %s", name, t[1], s.table, t[2], c.function(), s.table, name)
	}
	_, err = tx.Exec(ctx, text)
	return err
}

// literal quotes a text.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// unquoted is the name that an identifier stands for.
func unquoted(name string) string {
	if strings.HasPrefix(name, `"`) {
		return strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
	}
	return name
}

// look asks home in one question whether all is as it was when the table was scanned, by a text that is the same then, and
// whether rows were written since.
func (c *capture) look(ctx context.Context, pool *pgxpool.Pool, x *index, s *source) (state string, changed bool, err error) {
	err = pool.QueryRow(ctx, `SELECT pg_catalog.concat_ws(' ', pg_catalog.to_regclass($1)::pg_catalog.oid, pg_catalog.pg_relation_filenode($2),
			(SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = $2 AND tgfoid = pg_catalog.to_regprocedure($3) AND tgenabled = 'A'),
			(SELECT true FROM `+schema+`.readers WHERE index = $4 AND reader = $5)),
		EXISTS (SELECT FROM `+c.changes()+` WHERE NOT pg_catalog.pg_visible_in_snapshot(xid, $6::pg_catalog.pg_snapshot))`,
		s.table, s.oid, c.function(), c.id, x.reader(), cmp.Or(c.mark, "1:1:")).Scan(&state, &changed)
	return state, changed, err
}

// seen says up to where an index has come, and removes what nobody has to read any more.
func (c *capture) seen(ctx context.Context, pool *pgxpool.Pool, x *index) error {
	_, err := pool.Exec(ctx, "UPDATE "+schema+".readers SET snapshot = $3::pg_catalog.pg_snapshot, seen = pg_catalog.now() WHERE index = $1 AND reader = $2", c.id, x.reader(), c.mark)
	if err != nil {
		return err
	}
	c.told = time.Now()
	if _, err := pool.Exec(ctx, "DELETE FROM "+schema+".readers WHERE seen < pg_catalog.now() - interval '"+readerKept+"'"); err != nil {
		return err
	}
	_, err = pool.Exec(ctx, "DELETE FROM "+c.changes()+" AS o WHERE NOT EXISTS (SELECT FROM "+schema+".readers AS r WHERE r.index = $1 AND NOT pg_catalog.pg_visible_in_snapshot(o.xid, r.snapshot))", c.id)
	return err
}

// dropAtHome removes what home has of an index.
func (k *Keeper) dropAtHome(ctx context.Context, origin string) error {
	var there bool
	if err := k.config.Pool.QueryRow(ctx, "SELECT pg_catalog.to_regclass('"+schema+".readers') IS NOT NULL").Scan(&there); err != nil {
		return err
	}
	if !there {
		return k.unmark(origin)
	}
	var id int
	err := k.config.Pool.QueryRow(ctx, "SELECT id FROM "+schema+".indexes WHERE origin = $1", origin).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return k.unmark(origin)
	}
	if err != nil {
		return err
	}
	text := fmt.Sprintf(`DROP FUNCTION IF EXISTS %[1]s.capture_%[2]d() CASCADE; DROP TABLE IF EXISTS %[1]s.changes_%[2]d; DROP VIEW IF EXISTS %[1]s.index_%[2]d; DROP TABLE IF EXISTS %[1]s.vectors_%[2]d; DELETE FROM %[1]s.indexes WHERE id = %[2]d`, schema, id)
	err = pgx.BeginFunc(ctx, k.config.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '"+captureLock+"'; "+text)
		return err
	})
	if err != nil {
		return err
	}
	return k.unmark(origin)
}

// sweepAtHome removes what home has of this proxy's indexes that there are not any more: it may have ended before it came to that.
func (k *Keeper) sweepAtHome(ctx context.Context) error {
	origins, err := k.marked()
	if err != nil || len(origins) == 0 {
		return err // no session of home is opened where there is nothing to do
	}
	wanted := map[string]bool{}
	for _, c := range k.models.Components().Components(component.KindVectorIndex) {
		r := c.Default()
		wanted[(&index{name: c.Name, version: r.Version, hash: r.Hash}).origin()] = true
	}
	for _, origin := range origins {
		if !wanted[origin] {
			err = errors.Join(err, k.dropAtHome(ctx, origin))
		}
	}
	return err
}
