package define

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// drop plans DROP TABLE, VIEW, INDEX and SCHEMA; nil where none of the names is the databackend's.
func (w *work) drop(ctx context.Context, s *pg_query.DropStmt) (*plan, error) {
	switch s.RemoveType {
	case pg_query.ObjectType_OBJECT_INDEX:
		return w.dropIndexes(ctx, s)
	case pg_query.ObjectType_OBJECT_SCHEMA:
		return w.dropSchemas(ctx, s)
	}
	return w.dropRelations(ctx, s)
}

// listed gives the names of a DROP as statements say them.
func listed(s *pg_query.DropStmt) []string {
	var out []string
	for _, o := range s.Objects {
		var parts []string
		if text := o.GetString_(); text != nil {
			parts = append(parts, sqlparse.QuoteIdentifier(text.Sval))
		}
		for _, item := range o.GetList().GetItems() {
			parts = append(parts, sqlparse.QuoteIdentifier(item.GetString_().GetSval()))
		}
		out = append(out, strings.Join(parts, "."))
	}
	return out
}

// dropRelations plans DROP TABLE and DROP VIEW.
func (w *work) dropRelations(ctx context.Context, s *pg_query.DropStmt) (*plan, error) {
	names, kind, tag := listed(s), dialect.BaseTable, "DROP TABLE"
	if s.RemoveType == pg_query.ObjectType_OBJECT_VIEW {
		kind, tag = dialect.View, "DROP VIEW"
	}
	var tables []*dialect.Table
	var theirs, others []string
	for _, name := range names {
		t, err := w.table(ctx, name)
		switch {
		case err != nil:
			return nil, err
		case t == nil:
			others = append(others, name)
		case t.Kind != kind:
			return nil, nil // home says that it is no table, or no view
		default:
			tables, theirs = append(tables, t), append(theirs, name)
		}
	}
	if len(tables) == 0 {
		return nil, nil
	}
	p := &plan{tag: tag}
	for _, name := range others {
		there := false
		if s.MissingOk {
			var err error
			if there, err = w.exists(ctx, name); err != nil {
				return nil, err
			}
		}
		if there || !s.MissingOk {
			return nil, unsupported("tables of the databackend and others, such as %s, cannot be dropped together", name)
		}
	}
	if err := w.dependencies(ctx, s, theirs, p); err != nil {
		return nil, err
	}
	for _, t := range tables {
		if kind == dialect.View {
			p.changes = append(p.changes, &dialect.DropView{Table: t})
		} else {
			p.changes = append(p.changes, &dialect.DropTable{Table: t, Cascade: s.Behavior == pg_query.DropBehavior_DROP_CASCADE})
		}
	}
	return p, nil
}

// dependencies looks at what goes with relations: their own foreign tables are no reason to refuse, and views and foreign
// keys of others are, unless the client says CASCADE.
func (w *work) dependencies(ctx context.Context, s *pg_query.DropStmt, names []string, p *plan) error {
	return w.dry(ctx, func() error {
		var views, keys []string
		rest := make(map[string]bool)
		for _, name := range names {
			found, err := w.look(ctx, name)
			if err != nil {
				return err
			}
			rest[sqlparse.QuoteIdentifier(found.schema)+"."+sqlparse.QuoteIdentifier(found.name)] = true
			views = append(views, found.views...)
		}
		rows, err := w.conn.Query(ctx, `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.format('constraint %I on table %s', k.conname, c.oid::pg_catalog.regclass)
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.confrelid = ANY (SELECT pg_catalog.to_regclass(u)::pg_catalog.oid FROM pg_catalog.unnest($1::text[]) u)`, names)
		if err != nil {
			return err
		}
		var of, text string
		if _, err := pgx.ForEachRow(rows, []any{&of, &text}, func() error {
			if !rest[of] {
				keys = append(keys, text)
			}
			return nil
		}); err != nil {
			return err
		}
		if s.Behavior != pg_query.DropBehavior_DROP_CASCADE && len(views)+len(keys) > 0 {
			return dependent(s, names, views, keys)
		}
		for _, v := range views {
			p.locally = append(p.locally, "DROP VIEW IF EXISTS "+v+" CASCADE")
		}
		// Whether the client may drop them is PostgreSQL's to say.
		kind := "TABLE "
		if s.RemoveType == pg_query.ObjectType_OBJECT_VIEW {
			kind = "VIEW "
		}
		_, err = w.conn.Exec(ctx, "DROP "+kind+strings.Join(names, ", ")+" CASCADE", pgx.QueryExecModeSimpleProtocol)
		return err
	})
}

// dependent is PostgreSQL's error for relations that others depend on.
func dependent(s *pg_query.DropStmt, names, views, keys []string) error {
	kind := "table"
	if s.RemoveType == pg_query.ObjectType_OBJECT_VIEW {
		kind = "view"
	}
	e := &backend.Error{Code: "2BP01", Message: "cannot drop desired object(s) because other objects depend on them",
		Hint: "Use DROP ... CASCADE to drop the dependent objects too."}
	on := ""
	if len(names) == 1 {
		e.Message = fmt.Sprintf("cannot drop %s %s because other objects depend on it", kind, names[0])
		on = " depends on " + kind + " " + names[0]
	}
	var detail []string
	for _, v := range views {
		detail = append(detail, "view "+v+on)
	}
	for _, k := range keys {
		detail = append(detail, k+on)
	}
	e.Detail = strings.Join(detail, "\n")
	return e
}

// dropIndexes plans DROP INDEX.
func (w *work) dropIndexes(ctx context.Context, s *pg_query.DropStmt) (*plan, error) {
	p := &plan{tag: "DROP INDEX"}
	for _, name := range listed(s) {
		var schema, table, index string
		err := w.dry(ctx, func() error {
			err := w.conn.QueryRow(ctx, `SELECT n.nspname, c.relname, i.relname FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = x.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE x.indexrelid = pg_catalog.to_regclass($1)`, name).Scan(&schema, &table, &index)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			_, err = w.conn.Exec(ctx, "DROP INDEX "+name, pgx.QueryExecModeSimpleProtocol)
			return err
		})
		if err != nil {
			return nil, err
		}
		t := w.find(schema, table)
		switch {
		case t == nil && len(s.Objects) == 1:
			return nil, nil
		case t == nil:
			return nil, unsupported("indexes of the databackend's tables and others cannot be dropped together")
		}
		p.changes = append(p.changes, &dialect.DropIndex{Table: t, Name: w.c.KeyName(w.catalog, t, index)})
	}
	return p, nil
}

// createSchema plans CREATE SCHEMA. Where the databackend has no schemas it is made in the local PostgreSQL alone, for
// views and the like.
func (w *work) createSchema(ctx context.Context, s *pg_query.CreateSchemaStmt) (*plan, error) {
	if s.Schemaname == "" || strings.HasPrefix(s.Schemaname, dialect.StateSchema) {
		return nil, nil
	}
	if len(s.SchemaElts) > 0 {
		return nil, unsupported("CREATE SCHEMA with elements is not supported on this databackend")
	}
	p := &plan{changes: []dialect.Change{&dialect.CreateSchema{Name: s.Schemaname}}, locally: []string{w.st.Text}, optional: true, tag: "CREATE SCHEMA"}
	var there bool
	return p, w.dry(ctx, func() error {
		if err := w.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)", s.Schemaname).Scan(&there); err != nil {
			return err
		}
		if there && s.IfNotExists {
			p.changes = nil
		}
		_, err := w.conn.Exec(ctx, w.st.Text, pgx.QueryExecModeSimpleProtocol)
		return err
	})
}

// dropSchemas plans DROP SCHEMA of schemas that the databackend has.
func (w *work) dropSchemas(ctx context.Context, s *pg_query.DropStmt) (*plan, error) {
	p := &plan{tag: "DROP SCHEMA", optional: true, locally: []string{w.st.Text}}
	for _, o := range s.Objects {
		name := o.GetString_().GetSval()
		has := false
		for _, t := range w.catalog.Tables {
			if t.Schema != name {
				continue
			}
			has = true
			if s.Behavior == pg_query.DropBehavior_DROP_CASCADE {
				return nil, unsupported("schema %q has tables of the databackend, and DROP SCHEMA … CASCADE is not supported there", name)
			}
		}
		if has {
			return nil, &backend.Error{Code: "2BP01", Message: fmt.Sprintf("cannot drop schema %s because other objects depend on it", name), Hint: "Drop its tables first."}
		}
	}
	err := w.dry(ctx, func() error {
		_, err := w.conn.Exec(ctx, w.st.Text, pgx.QueryExecModeSimpleProtocol)
		return err
	})
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return nil, nil // home says it again, to the client
	}
	for _, o := range s.Objects {
		p.changes = append(p.changes, &dialect.DropSchema{Name: o.GetString_().GetSval()})
	}
	return p, err
}
