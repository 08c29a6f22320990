package listener

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// captureSpec is a capture that a listener goes by.
type captureSpec struct {
	table table
	// key are the columns whose values are noted; none: only that there was a change.
	key []column
	// means is how changes are noticed: CaptureTriggers or CaptureSlot.
	means string
}

// captures are those that a listener needs: of the keys of its table, or of any change of what its query reads.
func (k *kept) captures(how string) []captureSpec {
	if how != CaptureTriggers && how != CaptureSlot {
		return nil
	}
	var specs []captureSpec
	for _, t := range k.tables {
		if !t.plain() || t.temporary {
			continue
		}
		c := captureSpec{table: t, means: how}
		if k.keyed && !t.mirrored {
			c.key = k.key
		}
		specs = append(specs, c)
	}
	return specs
}

// ensureCaptures registers the listener with the captures it needs, which are made where they are missing, and takes it
// from others. It reports whether changes may have gone unnoticed until now.
func (k *kept) ensureCaptures(ctx context.Context, tx pgx.Tx, how string) (bool, error) {
	if k.dry {
		return false, k.checkCaptures(ctx, tx, how)
	}
	if how == CaptureSlot {
		if err := k.checkSlot(ctx, tx); err != nil {
			return false, err
		}
	}
	wanted := []int{}
	anew := false
	for _, spec := range k.captures(how) {
		id, made, err := ensureCapture(ctx, tx, spec)
		if err != nil {
			return false, err
		}
		// Whoever hands on changes now knows the listeners that there were before.
		if _, err := tx.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock($1, $2)", lockClass, -id); err != nil {
			return false, err
		}
		tag, err := tx.Exec(ctx, "INSERT INTO "+schema+".captured VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", id, k.id, len(spec.key) == 0)
		if err != nil {
			return false, err
		}
		anew = anew || made || tag.RowsAffected() > 0
		wanted = append(wanted, id)
	}
	if _, err := tx.Exec(ctx, "DELETE FROM "+schema+".captured WHERE listener = $1 AND capture <> ALL ($2)", k.id, wanted); err != nil {
		return false, err
	}
	return anew, dropUnused(ctx, tx)
}

// checkCaptures gives errMissing where ensureCaptures would have something to do.
func (k *kept) checkCaptures(ctx context.Context, tx pgx.Tx, how string) error {
	specs := k.captures(how)
	var n int
	if err := tx.QueryRow(ctx, "SELECT pg_catalog.count(*) FROM "+schema+".captured WHERE listener = $1", k.id).Scan(&n); err != nil {
		return err
	}
	if n != len(specs) {
		return errMissing
	}
	for _, spec := range specs {
		names, types := spec.columns()
		var id int
		err := tx.QueryRow(ctx, "SELECT c.id FROM "+schema+".captures c JOIN "+schema+".captured d ON d.capture = c.id AND d.listener = $4 "+
			"WHERE c.relation = $1 AND c.key_columns = $2 AND c.key_types = $3 AND c.means = $5 AND pg_catalog.to_regclass('"+schema+".changes_' || c.id) IS NOT NULL",
			spec.table.name, names, types, k.id, spec.means).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return errMissing
		}
		if err != nil {
			return err
		}
		there, err := capturing(ctx, tx, id, spec)
		switch {
		case err != nil:
			return err
		case !there:
			return errMissing
		}
	}
	return nil
}

// capturing reports whether all of a capture's table is seen.
func capturing(ctx context.Context, q querier, id int, spec captureSpec) (bool, error) {
	if spec.means == CaptureSlot {
		return published(ctx, q, spec)
	}
	texts, err := triggersMissing(ctx, q, id, spec)
	return len(texts) == 0, err
}

// columns are the key's names and types.
func (c captureSpec) columns() (names, types []string) {
	names, types = []string{}, []string{}
	for _, one := range c.key {
		names, types = append(names, one.name), append(types, one.typ)
	}
	return names, types
}

// ensureCapture finds or makes a capture with all its parts. Where any part was missing, every listener that goes by it
// gets a scan.
func ensureCapture(ctx context.Context, tx pgx.Tx, spec captureSpec) (id int, made bool, err error) {
	names, types := spec.columns()
	find := "SELECT id FROM " + schema + ".captures WHERE relation = $1 AND key_columns = $2 AND key_types = $3 AND means = $4"
	err = tx.QueryRow(ctx, find, spec.table.name, names, types, spec.means).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = tx.QueryRow(ctx, "INSERT INTO "+schema+".captures (relation, key_columns, key_types, means) VALUES ($1, $2, $3, $4) RETURNING id", spec.table.name, names, types, spec.means).Scan(&id)
	}
	if err != nil {
		return 0, false, err
	}
	var log bool
	if err := tx.QueryRow(ctx, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", changesOf(id)).Scan(&log); err != nil {
		return 0, false, err
	}
	if !log {
		made = true
		if _, err := tx.Exec(ctx, changesText(id, spec)); err != nil {
			return 0, false, err
		}
	}
	var installed bool
	if spec.means == CaptureSlot {
		installed, err = publish(ctx, tx, spec)
	} else {
		installed, err = installTriggers(ctx, tx, id, spec)
	}
	if err == nil && (made || installed) && spec.means == CaptureSlot {
		err = reroute(ctx, tx)
	}
	if err != nil {
		return 0, false, err
	}
	if made = made || installed; made {
		_, err = tx.Exec(ctx, "UPDATE "+schema+".listeners SET scan_wanted = scan_wanted + 1 WHERE id IN (SELECT listener FROM "+schema+".captured WHERE capture = $1)", id)
	}
	return id, made, err
}

// changesText makes a capture's table and, where triggers fill it, their function. The table has no index: it is filled by writers, who pay
// for one, and emptied as a whole. Its dead rows are to go soon.
func changesText(id int, spec captureSpec) string {
	columns := each(len(spec.key), "", func(i int) string { return fmt.Sprintf("k%d %s, ", i, typeOf(spec.key[i])) })
	text := "CREATE TABLE " + changesOf(id) + " (" + columns + "whole boolean NOT NULL DEFAULT false, at timestamptz NOT NULL DEFAULT pg_catalog.now()) " +
		"WITH (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0, autovacuum_analyze_threshold = 1000000);\n"
	if spec.means == CaptureTriggers {
		text += functionText(id, spec)
	}
	return text
}

// typeOf is a column's type with its collation.
func typeOf(c column) string {
	if c.collation == "" {
		return c.typ
	}
	return c.typ + " COLLATE " + c.collation
}

// functionText makes a capture's trigger function. It runs with the rights of its owner, in the writer's own search_path,
// so it names every function and operator with its schema. Where the table has not the key's columns any more, it notes
// that everything is to be looked at: the writer's statement must not fail for the listener's sake.
func functionText(id int, spec captureSpec) string {
	whole := "INSERT INTO " + changesOf(id) + " (whole) VALUES (true);"
	var body string
	if spec.table.mirrored {
		body = whole
	} else if len(spec.key) == 0 {
		some := func(op, table string) string {
			return "ELSIF TG_OP OPERATOR(pg_catalog.=) '" + op + "' THEN\nIF EXISTS (SELECT FROM " + table + ") THEN\n" + whole + "\nEND IF;\n"
		}
		body = "IF TG_OP OPERATOR(pg_catalog.=) 'TRUNCATE' THEN\n" + whole + "\n" + some("INSERT", "new_rows") + some("UPDATE", "new_rows") + some("DELETE", "old_rows") + "END IF;"
	} else {
		there := each(len(spec.key), " OR ", func(i int) string {
			c := spec.key[i]
			return fmt.Sprintf("attname OPERATOR(pg_catalog.=) %s::pg_catalog.name AND atttypid OPERATOR(pg_catalog.=) %d::pg_catalog.oid AND NOT attisdropped", literal(c.name), c.oid)
		})
		columns, places := each(len(spec.key), ", ", func(i int) string { return quote(spec.key[i].name) }), numbered(len(spec.key), ", ", "k%d")
		into := "INSERT INTO " + changesOf(id) + " (" + places + ") SELECT " + columns + " FROM "
		body = fmt.Sprintf(`IF TG_OP OPERATOR(pg_catalog.=) 'TRUNCATE' OR (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute
	WHERE attrelid OPERATOR(pg_catalog.=) TG_RELID AND (%s)) OPERATOR(pg_catalog.<>) %d THEN
%s
ELSIF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
%s
ELSIF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN
%s
ELSE
%s
END IF;`, there, len(spec.key), whole, into+"new_rows;", into+"new_rows UNION SELECT "+columns+" FROM old_rows;", into+"old_rows;")
	}
	return "CREATE OR REPLACE FUNCTION " + captureOf(id) + "() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS " + literal("BEGIN\n"+body+"\nRETURN NULL;\nEND") +
		";\nREVOKE ALL ON FUNCTION " + captureOf(id) + "() FROM PUBLIC"
}

// triggers are the four that a capture has on a table: name, event, and the transition tables that it reads. A mirrored table
// has no such tables, since PostgreSQL has none of foreign tables.
func triggers(id int, t table) [][3]string {
	if t.mirrored {
		return [][3]string{{fmt.Sprintf("pinnacle_capture_%d_any", id), "INSERT OR UPDATE OR DELETE", ""}, {fmt.Sprintf("pinnacle_capture_%d_truncate", id), "TRUNCATE", ""}}
	}
	name := func(what string) string { return fmt.Sprintf("pinnacle_capture_%d_%s", id, what) }
	return [][3]string{
		{name("insert"), "INSERT", " REFERENCING NEW TABLE AS new_rows"},
		{name("update"), "UPDATE", " REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows"},
		{name("delete"), "DELETE", " REFERENCING OLD TABLE AS old_rows"},
		{name("truncate"), "TRUNCATE", ""},
	}
}

// installTriggers makes the triggers that are missing on a table. It reports whether there were any.
func installTriggers(ctx context.Context, tx pgx.Tx, id int, spec captureSpec) (bool, error) {
	texts, err := triggersMissing(ctx, tx, id, spec)
	if err != nil || len(texts) == 0 {
		return false, err
	}
	_, err = tx.Exec(ctx, strings.Join(texts, ";\n"))
	return true, err
}

// triggersMissing gives the statements that make the triggers which are missing or disabled on a table and, since a
// statement may name those directly, on its partitions and children.
func triggersMissing(ctx context.Context, q querier, id int, spec captureSpec) (texts []string, err error) {
	rows, err := q.Query(ctx, `WITH RECURSIVE r(oid) AS (SELECT $1::oid UNION SELECT i.inhrelid FROM r JOIN pg_catalog.pg_inherits i ON i.inhparent = r.oid)
		SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relkind = 'f',
			ARRAY (SELECT t.tgname::text FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND (t.tgenabled = 'A' OR c.relkind = 'f' AND t.tgenabled = 'O') AND NOT t.tgisinternal),
			pg_catalog.current_setting('server_version_num')::int4 >= 160000
		FROM r JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') OR c.relkind = 'f' AND $2`, spec.table.oid, spec.table.mirrored)
	if err != nil {
		return nil, err
	}
	var relation string
	var there []string
	var foreign, truncates bool
	_, err = pgx.ForEachRow(rows, []any{&relation, &foreign, &there, &truncates}, func() error {
		for _, t := range triggers(id, spec.table) {
			if slices.Contains(there, t[0]) || foreign && t[1] == "TRUNCATE" && !truncates { // foreign tables have such triggers since PostgreSQL 16
				continue
			}
			text := fmt.Sprintf("CREATE OR REPLACE TRIGGER %s AFTER %s ON %s%s FOR EACH STATEMENT EXECUTE FUNCTION %s()", t[0], t[1], relation, t[2], captureOf(id))
			if !foreign { // those are the superuser's, and only an owner may
				text += fmt.Sprintf(";\nALTER TABLE %s ENABLE ALWAYS TRIGGER %s", relation, t[0])
			}
			texts = append(texts, text)
		}
		return nil
	})
	return texts, err
}

// dropUnused takes away the captures that no listener goes by. Where one by slot was among them, dropUnusedSlot is to follow
// the transaction.
func dropUnused(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, "SELECT id, means FROM "+schema+".captures c WHERE NOT EXISTS (SELECT FROM "+schema+".captured d WHERE d.capture = c.id)")
	if err != nil {
		return err
	}
	var ids []int
	var id int
	var means string
	slot := false
	if _, err = pgx.ForEachRow(rows, []any{&id, &means}, func() error {
		ids, slot = append(ids, id), slot || means == CaptureSlot
		return nil
	}); err != nil {
		return err
	}
	if slot {
		if err := reroute(ctx, tx); err != nil {
			return err
		}
	}
	for _, id := range ids {
		// The triggers go with their function.
		text := fmt.Sprintf("DROP FUNCTION IF EXISTS %s() CASCADE; DROP TABLE IF EXISTS %s; DELETE FROM %s.captures WHERE id = %d", captureOf(id), changesOf(id), schema, id)
		if _, err := tx.Exec(ctx, text); err != nil {
			return err
		}
	}
	if slot {
		return unpublish(ctx, tx)
	}
	return nil
}
