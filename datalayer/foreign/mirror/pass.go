package mirror

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// batchSize is how many relations are made in one transaction: each takes some eight of the places that
// max_locks_per_transaction gives.
const batchSize = 200

// shown is a relation that the local PostgreSQL shows.
type shown struct {
	fingerprint string
	// whole says that parent and child are still there.
	whole bool
}

// pass is one refresh.
type pass struct {
	m      *Mirror
	conn   *pgx.Conn
	want   map[qualified]*shape
	have   map[qualified]shown
	report Report
	// added says that relations were made or altered, so that foreign keys may be missing.
	added bool
}

// run does a refresh: schemas, what has gone, what has changed, what is new, foreign keys, rights.
func (p *pass) run(ctx context.Context) error {
	if err := p.prepare(ctx); err != nil {
		return err
	}
	if err := p.read(ctx); err != nil {
		return err
	}
	var created, changed, gone []qualified
	for name, s := range p.want {
		old, ok := p.have[name]
		digest, _, err := s.fingerprint()
		switch {
		case err != nil:
			return err
		case !ok:
			created = append(created, name)
		case !old.whole || old.fingerprint != digest:
			changed = append(changed, name)
		}
	}
	for name := range p.have {
		if p.want[name] == nil {
			gone = append(gone, name)
		}
	}
	for _, list := range [][]qualified{created, changed, gone} {
		slices.SortFunc(list, func(a, b qualified) int { return cmp.Or(cmp.Compare(a.schema, b.schema), cmp.Compare(a.name, b.name)) })
	}
	p.report.Shown = len(p.want)
	if err := p.schemas(ctx, created); err != nil {
		return err
	}
	if err := p.drop(ctx, gone); err != nil {
		return err
	}
	if err := p.change(ctx, changed); err != nil {
		return err
	}
	if err := p.create(ctx, created); err != nil {
		return err
	}
	if !p.added {
		return nil
	}
	if err := p.rights(ctx); err != nil {
		return err
	}
	return p.foreignKeys(ctx)
}

// prepare makes the session the mirror's own: event triggers do not look at what it does, and only pg_catalog is found
// without a schema. At the first pass of a process it makes what the mirror keeps, and the foreign server.
func (p *pass) prepare(ctx context.Context) error {
	err := execute(ctx, p.conn, fmt.Sprintf("SET session_replication_role = replica; SET client_min_messages = warning; SET search_path = pg_catalog; "+
		"SET statement_timeout = 0; SET standard_conforming_strings = on; SET lock_timeout = %d", p.m.config.LockTimeout.Milliseconds()))
	if err != nil || p.m.ready {
		return err
	}
	if err := execute(ctx, p.conn, setupText); err != nil {
		return err
	}
	if err := p.server(ctx); err != nil {
		return err
	}
	// An earlier process may have ended before it did this.
	if err := p.rights(ctx); err != nil {
		return err
	}
	p.m.ready = true
	return nil
}

// rights gives the foreign tables the rights of what clients name. Without statistics PostgreSQL would take long for it.
func (p *pass) rights(ctx context.Context) error {
	text := "SELECT pinnacle_foreign.copy_rights()"
	if p.report.Created > batchSize {
		text = "ANALYZE pinnacle_foreign.mirrored; " + text
	}
	err := execute(ctx, p.conn, text)
	if busy(err) {
		p.report.Waiting++
		return nil
	}
	return err
}

// server makes the foreign server and the user mapping of everyone, or gives them this process's options.
func (p *pass) server(ctx context.Context) error {
	c := &p.m.config
	var was string
	err := p.conn.QueryRow(ctx, "SELECT uri FROM pinnacle_foreign.source").Scan(&was)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if err == nil && was != c.URI {
		c.Logger.Warn("the databackend is another one than last time; what it lacks goes", "was", was, "is", c.URI)
	}
	rows, err := p.conn.Query(ctx, "SELECT split_part(o, '=', 1) FROM pg_foreign_server, unnest(srvoptions) o WHERE srvname = $1", dialect.ForeignServer)
	if err != nil {
		return err
	}
	old, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	var b script
	b.add("BEGIN")
	b.add("DO %s", literal("BEGIN CREATE SERVER "+dialect.ForeignServer+" FOREIGN DATA WRAPPER postgres_fdw; EXCEPTION WHEN duplicate_object THEN NULL; END"))
	set := optionList(c.Options, func(name string) string {
		if slices.Contains(old, name) {
			return "SET "
		}
		return "ADD "
	})
	for _, name := range old {
		if _, kept := c.Options[name]; !kept {
			set += ", DROP " + quoted(name)
		}
	}
	if set != "" {
		b.add("ALTER SERVER %s OPTIONS (%s)", dialect.ForeignServer, set)
	}
	b.add("DROP USER MAPPING IF EXISTS FOR PUBLIC SERVER %s", dialect.ForeignServer)
	b.add("CREATE USER MAPPING FOR PUBLIC SERVER %s OPTIONS (user %s, password_required 'false')", dialect.ForeignServer, literal(c.User))
	b.add("DELETE FROM pinnacle_foreign.source")
	b.add("INSERT INTO pinnacle_foreign.source VALUES (%s)", literal(c.URI))
	b.add("COMMIT")
	return execute(ctx, p.conn, b.String())
}

// read reads what is shown.
func (p *pass) read(ctx context.Context) error {
	rows, err := p.conn.Query(ctx, `SELECT m.schema_name, m.table_name, m.fingerprint, c.oid IS NOT NULL AND f.oid IS NOT NULL
  FROM pinnacle_foreign.mirrored m
  LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace) ON c.oid = m.relation AND c.relname = m.table_name AND n.nspname = m.schema_name
  LEFT JOIN pg_class f ON f.oid = m.child AND f.relname = m.table_name`)
	if err != nil {
		return err
	}
	p.have = map[qualified]shown{}
	var name qualified
	var s shown
	_, err = pgx.ForEachRow(rows, []any{&name.schema, &name.name, &s.fingerprint, &s.whole}, func() error {
		p.have[name] = s
		return nil
	})
	return err
}

// readShape reads a row of the state.
func readShape(row pgx.CollectableRow) (*shape, error) {
	var schema, name, body string
	if err := row.Scan(&schema, &name, &body); err != nil {
		return nil, err
	}
	s := &shape{Schema: schema, Name: name}
	return s, json.Unmarshal([]byte(body), s)
}

// shapesOf reads how relations are shown.
func (p *pass) shapesOf(ctx context.Context, names []qualified) (map[qualified]*shape, error) {
	var schemas, tables []string
	for _, n := range names {
		schemas, tables = append(schemas, n.schema), append(tables, n.name)
	}
	rows, err := p.conn.Query(ctx, "SELECT schema_name, table_name, shape FROM pinnacle_foreign.mirrored WHERE (schema_name, table_name) IN (SELECT * FROM unnest($1::text[], $2::text[]))", schemas, tables)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, readShape)
	out := make(map[qualified]*shape, len(list))
	for _, s := range list {
		out[qualified{s.Schema, s.Name}] = s
	}
	return out, err
}

// schemas makes the schemas of new relations, and those of the foreign tables behind them.
func (p *pass) schemas(ctx context.Context, names []qualified) error {
	needed := map[string]bool{}
	for _, n := range names {
		needed[n.schema] = true
	}
	for _, schema := range slices.Sorted(maps.Keys(needed)) {
		var b script
		b.add("BEGIN")
		b.add("INSERT INTO pinnacle_foreign.made_schemas SELECT %[1]s WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = %[1]s) ON CONFLICT DO NOTHING", literal(schema))
		b.add("CREATE SCHEMA IF NOT EXISTS %s AUTHORIZATION %s", quoted(schema), quoted(p.m.config.Owner))
		child := dialect.ForeignSchema(schema)
		b.add("INSERT INTO pinnacle_foreign.made_schemas VALUES (%s) ON CONFLICT DO NOTHING", literal(child))
		b.add("CREATE SCHEMA IF NOT EXISTS %s", quoted(child))
		b.add("COMMIT")
		if err := execute(ctx, p.conn, b.String()); err != nil {
			return err
		}
	}
	return nil
}

// busy says that an error comes from what others do at the same time, and that another try may do: a lock that was not
// had in time, a deadlock, a catalog row that another session changed.
func busy(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "55P03" || e.Code == "40P01" || e.Code == "40001" || e.Code == "XX000" || e.Code == "55006")
}

// refused says that an error is the local PostgreSQL's about what it was told, and that the session lives on.
func refused(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Severity == "ERROR"
}

// tell logs a message about a relation, once for each of its states.
func (p *pass) tell(name qualified, text string, err error) {
	p.report.Kept++
	digest := ""
	if s := p.want[name]; s != nil {
		digest, _, _ = s.fingerprint()
	}
	if was, ok := p.m.told[name]; ok && was == digest {
		return
	}
	p.m.told[name] = digest
	p.m.config.Logger.Warn(text, "relation", name.String(), "reason", err)
}
