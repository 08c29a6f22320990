package define

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// alterTable plans ALTER TABLE of a table of the databackend: what it does to the local one is what is to be done.
func (w *work) alterTable(ctx context.Context, s *pg_query.AlterTableStmt) (*plan, error) {
	t, err := w.table(ctx, rangeName(s.Relation))
	if err != nil || t == nil {
		return nil, err
	}
	local, err := alterations(s, t)
	if err != nil || local {
		return nil, err
	}
	p := &plan{tag: "ALTER TABLE"}
	err = w.dry(ctx, func() error { return w.altered(ctx, rangeName(s.Relation), t, p) })
	return p, err
}

// alterations looks at the subcommands: local says that they are about the local table's owner alone.
func alterations(s *pg_query.AlterTableStmt, t *dialect.Table) (local bool, err error) {
	if t.Kind == dialect.View {
		return false, unsupported("%q is a view of the databackend and cannot be altered", t.Name)
	}
	for _, n := range s.Cmds {
		switch n.GetAlterTableCmd().GetSubtype() {
		case pg_query.AlterTableType_AT_AddColumn, pg_query.AlterTableType_AT_DropColumn, pg_query.AlterTableType_AT_ColumnDefault,
			pg_query.AlterTableType_AT_DropNotNull, pg_query.AlterTableType_AT_SetNotNull, pg_query.AlterTableType_AT_AlterColumnType,
			pg_query.AlterTableType_AT_AddConstraint, pg_query.AlterTableType_AT_DropConstraint:
			if local {
				return false, unsupported("a change of the owner stands by itself for a table of the databackend")
			}
		case pg_query.AlterTableType_AT_ChangeOwner:
			if local = true; len(s.Cmds) > 1 {
				return false, unsupported("a change of the owner stands by itself for a table of the databackend")
			}
		default:
			return false, unsupported("the databackend has no such change of table %q", t.Name)
		}
	}
	return local, nil
}

// altered runs the client's statement, and plans what has become of a table. It is called within dry.
func (w *work) altered(ctx context.Context, name string, t *dialect.Table, p *plan) error {
	before, err := w.look(ctx, name)
	if err != nil {
		return err
	}
	if _, err := w.conn.Exec(ctx, w.st.Text, pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	after, err := w.look(ctx, name)
	if err != nil {
		return err
	}
	if err := w.columnChanges(before, after, t, p); err != nil {
		return err
	}
	if err := w.keyChanges(before, after, t, p); err != nil {
		return err
	}
	for _, v := range before.views {
		if !slices.Contains(after.views, v) {
			p.locally = append(p.locally, "DROP VIEW IF EXISTS "+v+" CASCADE")
		}
	}
	return nil
}

// columnChanges plans what has become of columns. They are known by their numbers, so that one with another name is the
// same.
func (w *work) columnChanges(before, after *seen, t *dialect.Table, p *plan) error {
	add := func(c *dialect.AlterTable) {
		c.Table = t
		p.changes = append(p.changes, c)
	}
	find := func(in *seen, number int16) *seenColumn {
		at := slices.IndexFunc(in.columns, func(c seenColumn) bool { return c.number == number })
		if at < 0 {
			return nil
		}
		return &in.columns[at]
	}
	for i := range before.columns {
		if old := &before.columns[i]; find(after, old.number) == nil {
			add(&dialect.AlterTable{DropColumn: t.Column(old.column.Name)})
		}
	}
	for i := range after.columns {
		c := &after.columns[i]
		old := find(before, c.number)
		if old == nil {
			if err := c.known(); err != nil {
				return err
			}
			fresh := c.column
			added := &dialect.AlterTable{AddColumn: &fresh}
			for i := range after.keys {
				if k := &after.keys[i]; added.AddCheck == nil && k.kind == "c" && !before.has(k) && slices.Equal(k.columns, []string{fresh.Name}) {
					added.AddCheck = &dialect.Check{Name: k.name, Expression: k.check}
				}
			}
			add(added)
			continue
		}
		of := t.Column(old.column.Name)
		if of == nil {
			continue
		}
		if c.serial != old.serial {
			return unsupported("whether the databackend counts column %q cannot be changed", c.column.Name)
		}
		if c.column.Type != old.column.Type {
			if err := c.known(); err != nil {
				return err
			}
			typed := c.column
			add(&dialect.AlterTable{Column: of, SetType: &typed})
		}
		if c.column.Default != old.column.Default {
			add(&dialect.AlterTable{Column: of, SetDefault: c.column.Default, DropDefault: c.column.Default == ""})
		}
		if c.column.NotNull != old.column.NotNull {
			add(&dialect.AlterTable{Column: of, SetNotNull: c.column.NotNull, DropNotNull: old.column.NotNull})
		}
		if c.column.Name != old.column.Name {
			add(&dialect.AlterTable{Column: of, RenameTo: c.column.Name})
		}
	}
	return nil
}

// keyChanges plans what has become of constraints and indexes. Those of a column that went are the databackend's to drop.
func (w *work) keyChanges(before, after *seen, t *dialect.Table, p *plan) error {
	gone := func(columns []string) bool {
		return slices.ContainsFunc(columns, func(name string) bool {
			return !slices.ContainsFunc(after.columns, func(c seenColumn) bool { return c.column.Name == name })
		})
	}
	for i := range before.keys {
		k := &before.keys[i]
		if after.has(k) || k.kind == "i" || gone(k.columns) {
			continue
		}
		p.changes = append(p.changes, &dialect.AlterTable{Table: t, DropConstraint: w.c.KeyName(w.catalog, t, k.name)})
		if k.kind == "c" {
			p.checks = append(p.checks, "ALTER TABLE "+Name(t)+" DROP CONSTRAINT IF EXISTS "+sqlparse.QuoteIdentifier(k.name))
		}
	}
	for i := range after.keys {
		k := &after.keys[i]
		if before.has(k) {
			continue
		}
		change := &dialect.AlterTable{Table: t}
		switch {
		case k.odd, k.kind == "x":
			return k.refused()
		case k.kind == "c":
			c := dialect.Check{Name: k.name, Expression: k.check}
			p.checks = append(p.checks, shownCheck(t, c))
			if slices.ContainsFunc(p.changes, func(x dialect.Change) bool {
				a, ok := x.(*dialect.AlterTable)
				return ok && a.AddCheck != nil && a.AddCheck.Name == k.name
			}) {
				continue // it comes with its column
			}
			change.AddCheck = &c
		case k.kind == "p":
			change.AddPrimaryKey = k.columns
		case k.kind == "u":
			change.AddUnique = &dialect.Key{Name: k.name, Columns: k.columns, Unique: true}
		case k.kind == "f":
			ref := k.ref
			change.AddForeignKey = &ref
		case k.kind == "i":
			p.changes = append(p.changes, &dialect.CreateIndex{Table: t, Index: dialect.Key{Name: k.name, Columns: k.columns, Unique: k.unique}})
			continue
		}
		p.changes = append(p.changes, change)
	}
	return nil
}

// has says whether there is a key of the same kind and name.
func (s *seen) has(k *seenKey) bool {
	return slices.ContainsFunc(s.keys, func(o seenKey) bool { return o.kind == k.kind && o.name == k.name })
}

// shownCheck is the statement that shows a CHECK on the table that clients name: the databackend enforces it.
func shownCheck(t *dialect.Table, c dialect.Check) string {
	return "ALTER TABLE " + Name(t) + " ADD CONSTRAINT " + sqlparse.QuoteIdentifier(c.Name) + " CHECK (" + c.Expression + ") NO INHERIT"
}

// rename plans a new name of a table or of one of its columns.
func (w *work) rename(ctx context.Context, s *pg_query.RenameStmt) (*plan, error) {
	t, err := w.table(ctx, rangeName(s.Relation))
	if err != nil || t == nil {
		return nil, err
	}
	if t.Kind == dialect.View {
		return nil, unsupported("%q is a view of the databackend and cannot be altered", t.Name)
	}
	p := &plan{tag: "ALTER TABLE"}
	if s.RenameType == pg_query.ObjectType_OBJECT_COLUMN {
		// Local views that name the column follow the new name, as they do in PostgreSQL.
		p.locally = []string{w.st.Text}
		return p, w.dry(ctx, func() error { return w.altered(ctx, rangeName(s.Relation), t, p) })
	}
	err = w.dry(ctx, func() error {
		_, err := w.conn.Exec(ctx, w.st.Text, pgx.QueryExecModeSimpleProtocol)
		return err
	})
	p.changes, p.renamed = []dialect.Change{&dialect.AlterTable{Table: t, RenameTo: s.Newname}}, t
	return p, err
}

// createIndex plans CREATE INDEX on a table of the databackend.
func (w *work) createIndex(ctx context.Context, s *pg_query.IndexStmt) (*plan, error) {
	t, err := w.table(ctx, rangeName(s.Relation))
	if err != nil || t == nil {
		return nil, err
	}
	if t.Kind == dialect.View {
		return nil, unsupported("%q is a view of the databackend and cannot have indexes", t.Name)
	}
	if s.Concurrent {
		if w.by.Block {
			return nil, &sqlparse.Error{Code: "25001", Message: "CREATE INDEX CONCURRENTLY cannot run inside a transaction block", Position: -1}
		}
		plain, err := withoutWord(w.st.Text, pg_query.Token_CONCURRENTLY)
		if err != nil {
			return nil, err
		}
		w.st.Text = plain
	}
	p := &plan{tag: "CREATE INDEX"}
	return p, w.dry(ctx, func() error { return w.altered(ctx, rangeName(s.Relation), t, p) })
}

// withoutWord blanks out the first token of a kind, so that places in the text stay what they are.
func withoutWord(text string, word pg_query.Token) (string, error) {
	scanned, err := pg_query.Scan(text)
	if err != nil {
		return "", err
	}
	for _, t := range scanned.Tokens {
		if t.Token == word {
			return text[:t.Start] + strings.Repeat(" ", int(t.End-t.Start)) + text[t.End:], nil
		}
	}
	return text, nil
}
