package sqlite

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// schemaName is the schema in which clients see the tables of the file.
const schemaName = "public"

// The queries of the introspection (https://sqlite.org/pragma.html#pragfunc): one row a relation, a column, a column of
// a foreign key, a column of an index. Each is one pass over the whole schema.
const (
	relationsQuery = `SELECT l.name, l.type, l.wr, l.strict, coalesce(s.sql, '')
FROM pragma_table_list l JOIN sqlite_schema s ON s.name = l.name AND s.type IN ('table', 'view')
WHERE l.schema = 'main' AND l.type <> 'shadow' AND l.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY l.name`
	columnsQuery = `SELECT s.name, x.name, x.type, x."notnull", x.dflt_value, x.dflt_value IS NULL, x.pk, x.hidden
FROM sqlite_schema s JOIN pragma_table_xinfo(s.name) x
WHERE s.type = %s AND s.name NOT LIKE 'sqlite\_%%' ESCAPE '\' ORDER BY s.name, x.cid`
	foreignKeysQuery = `SELECT s.name, k.id, k."table", k."from", coalesce(k."to", ''), k.on_update, k.on_delete
FROM sqlite_schema s JOIN pragma_foreign_key_list(s.name) k
WHERE s.type = 'table' ORDER BY s.name, k.id, k.seq`
	indexesQuery = `SELECT s.name, i.name, i."unique", i.origin, i.partial, x.name IS NULL, coalesce(x.name, '')
FROM sqlite_schema s JOIN pragma_index_list(s.name) i JOIN pragma_index_xinfo(i.name) x
WHERE s.type = 'table' AND x.key ORDER BY s.name, i.seq, x.seqno`
)

// Catalog implements backend.Engine.
func (e *engine) Catalog(ctx context.Context) (*dialect.Catalog, error) {
	s, err := e.take(ctx)
	if err != nil {
		return nil, err
	}
	r := &reader{session: s, tables: map[string]*dialect.Table{}, facts: map[string]*relationFacts{}}
	if err := r.read(); err != nil {
		_ = s.end()
		return nil, asError(ctx, err, nil)
	}
	return r.catalog, e.giveBack(s)
}

// relationFacts are what is known of a relation beyond what clients see.
type relationFacts struct {
	kind                 string
	withoutRowid, strict bool
	sql                  string
	key                  []string
}

// reader reads the schema.
type reader struct {
	session *session
	catalog *dialect.Catalog
	tables  map[string]*dialect.Table
	facts   map[string]*relationFacts
}

// read reads all in one transaction.
func (r *reader) read() (err error) {
	if err := r.session.h.run("BEGIN"); err != nil {
		return err
	}
	defer func() {
		if end := r.session.h.run("COMMIT"); err == nil {
			err = end
		}
	}()
	r.catalog = &dialect.Catalog{}
	for _, part := range []func() error{r.relations, r.columns, r.views, r.keys, r.indexes, r.foreignKeys, r.sizes} {
		if err := part(); err != nil {
			return err
		}
	}
	shown := r.catalog.Tables[:0]
	for _, t := range r.catalog.Tables {
		if len(t.Columns) > 0 {
			shown = append(shown, t)
		}
	}
	r.catalog.Tables = shown
	return nil
}

func (r *reader) relations() error {
	rows, err := r.session.texts(relationsQuery)
	if err != nil {
		return err
	}
	for _, row := range rows {
		name := row[0]
		t := &dialect.Table{Schema: schemaName, Name: name, Native: []string{"main", name}, Rows: -1}
		f := &relationFacts{kind: row[1], withoutRowid: row[2] == "1", strict: row[3] == "1", sql: row[4]}
		switch {
		case f.kind == "view":
			t.Kind, t.ReadOnly = dialect.View, "It is a view of SQLite, which cannot be changed."
		case f.kind == "virtual":
			t.ReadOnly = "It is a virtual table of SQLite, which is read only here."
		case r.session.engine.settings.mode == "ro":
			t.ReadOnly = "The SQLite database is open for reading only (mode=ro)."
		}
		if len(name) > 63 {
			continue // PostgreSQL has no name for it
		}
		r.tables[name], r.facts[name] = t, f
		r.catalog.Tables = append(r.catalog.Tables, t)
	}
	return nil
}

func (r *reader) columns() error {
	rows, err := r.session.texts(fmt.Sprintf(columnsQuery, "'table'"))
	if err != nil {
		return err
	}
	r.addColumns(rows)
	return nil
}

// views reads the columns of the views. One view whose tables are gone makes the query fail; then they are read one by
// one, and what fails is not shown.
func (r *reader) views() error {
	if rows, err := r.session.texts(fmt.Sprintf(columnsQuery, "'view'")); err == nil {
		r.addColumns(rows)
		return nil
	}
	for name, f := range r.facts {
		if f.kind != "view" {
			continue
		}
		if rows, err := r.session.texts(fmt.Sprintf(columnsQuery, "'view' AND s.name = "+literal(name))); err == nil {
			r.addColumns(rows)
		}
	}
	return nil
}

func (r *reader) addColumns(rows [][]string) {
	for _, row := range rows {
		t := r.tables[row[0]]
		if t == nil || len(row[1]) > 63 {
			continue
		}
		hidden := row[7]
		if hidden == "1" {
			continue // of a virtual table
		}
		c := r.column(t, row[1], row[2])
		c.NotNull = row[3] == "1"
		if hidden == "2" || hidden == "3" {
			c.Generated = dialect.Computed
		} else if row[5] == "0" {
			r.fallback(c, row[4])
		}
		if at, _ := strconv.Atoi(row[6]); at > 0 {
			f := r.facts[t.Name]
			for len(f.key) < at {
				f.key = append(f.key, "")
			}
			f.key[at-1] = c.Name
		}
		t.Columns = append(t.Columns, c)
	}
}

// column makes a column of its declared type.
func (r *reader) column(t *dialect.Table, name, declared string) *dialect.Column {
	f := typed(declared)
	f.table, f.column = t.Name, name
	if f.kind == text && !r.session.engine.settings.lengths && f.typ.OID == pgtype.VarcharOID {
		f.typ.Mod, f.typeName = -1, "character varying"
	}
	c := &dialect.Column{Name: name, Native: name, NativeType: declared, Type: f.typ, TypeName: f.typeName, Facts: &f}
	f.loose = !r.facts[t.Name].strict
	c.Exact = f.pushable()
	c.Bytewise = f.kind == text && r.session.h.columnCollation(t.Native[1], name) == "BINARY"
	return c
}

// fallback translates a default: literals are PostgreSQL's as well, all else stays with SQLite.
func (r *reader) fallback(c *dialect.Column, expression string) {
	f := c.Facts.(*form)
	f.fallback = expression
	upper := strings.ToUpper(strings.TrimSpace(expression))
	switch {
	case upper == "NULL":
		f.fallback = ""
		return
	case strings.HasPrefix(expression, "'") && f.kind == text && quoted(expression),
		plainDecimal(expression) && (f.kind == integer || f.kind == real || f.kind == decimal):
		c.Default = expression
		return
	case f.kind == boolean && (upper == "TRUE" || upper == "1" || upper == "FALSE" || upper == "0"):
		c.Default = map[bool]string{true: "true", false: "false"}[upper == "TRUE" || upper == "1"]
		return
	}
	c.Generated = dialect.EngineDefault
}

// quoted reports one string literal and nothing behind it.
func quoted(s string) bool {
	return len(s) >= 2 && strings.HasSuffix(s, "'") && !strings.Contains(strings.ReplaceAll(s[1:len(s)-1], "''", ""), "'")
}

// keys says how rows are found again, and what the primary key is.
func (r *reader) keys() error {
	for _, t := range r.catalog.Tables {
		f := r.facts[t.Name]
		if f.kind != "table" {
			continue
		}
		if !f.withoutRowid {
			t.RowKey = r.rowKey(t)
		}
		if len(f.key) == 0 {
			continue
		}
		alias := !f.withoutRowid && len(f.key) == 1 && r.rowidAlias(t, f)
		nulls, err := r.nullsInKey(t, f, alias)
		if err != nil {
			return err
		}
		if nulls {
			t.Uniques = append(t.Uniques, dialect.Key{Name: t.Name + "_pkey", Columns: f.key, Unique: true})
			continue
		}
		t.PrimaryKey = f.key
		for _, name := range f.key {
			c := t.Column(name)
			if !c.NotNull {
				c.NotNull = true
				c.Facts.(*form).notNull = !alias
			}
			if alias {
				c.Facts.(*form).loose = false
				c.Generated = dialect.Identity
			}
		}
	}
	return nil
}

// rowKey is the rowid under a name that no column has (https://sqlite.org/rowidtable.html); nil if all are taken.
func (r *reader) rowKey(t *dialect.Table) *dialect.Column {
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		taken := false
		for _, c := range t.Columns {
			taken = taken || strings.EqualFold(c.Native, name)
		}
		if !taken {
			typ := dialect.Type{OID: pgtype.Int8OID, Mod: -1}
			return &dialect.Column{Name: name, Native: name, NativeType: "INTEGER", Type: typ, TypeName: "bigint", NotNull: true, Exact: true,
				Facts: &form{kind: integer, typ: typ, typeName: "bigint", table: t.Name, column: name}}
		}
	}
	return nil
}

// rowidAlias reports that the key is the rowid itself: declared INTEGER, and not as "INTEGER PRIMARY KEY DESC", for
// which SQLite makes an index (https://sqlite.org/lang_createtable.html#rowid).
func (r *reader) rowidAlias(t *dialect.Table, f *relationFacts) bool {
	c := t.Column(f.key[0])
	if !strings.EqualFold(c.NativeType, "INTEGER") {
		return false
	}
	rows, err := r.session.texts("SELECT 1 FROM pragma_index_list(" + literal(t.Native[1]) + ") WHERE origin = 'pk'")
	return err == nil && len(rows) == 0
}

// nullsInKey looks for NULLs in a primary key, which SQLite allows where the columns are not declared NOT NULL.
func (r *reader) nullsInKey(t *dialect.Table, f *relationFacts, alias bool) (bool, error) {
	var terms []string
	for _, name := range f.key {
		if c := t.Column(name); c == nil {
			return true, nil
		} else if !c.NotNull {
			terms = append(terms, quote(name)+" IS NULL")
		}
	}
	if len(terms) == 0 || alias || f.withoutRowid || f.strict {
		return false, nil
	}
	rows, err := r.session.texts("SELECT 1 FROM " + quote(t.Native[1]) + " WHERE " + strings.Join(terms, " OR ") + " LIMIT 1")
	return len(rows) > 0, err
}

func (r *reader) indexes() error {
	rows, err := r.session.texts(indexesQuery)
	if err != nil {
		return err
	}
	for i := 0; i < len(rows); {
		first := rows[i]
		k := dialect.Key{Name: first[1], Unique: first[2] == "1"}
		hidden := first[3] == "pk" || first[4] == "1"
		for ; i < len(rows) && rows[i][0] == first[0] && rows[i][1] == first[1]; i++ {
			hidden = hidden || rows[i][5] == "1"
			k.Columns = append(k.Columns, rows[i][6])
		}
		t := r.tables[first[0]]
		if t == nil || hidden || len(k.Name) > 63 {
			continue
		}
		if first[3] == "u" {
			k.Name = t.Name + "_" + strings.Join(k.Columns, "_") + "_key"
			t.Uniques = append(t.Uniques, k)
			continue
		}
		t.Indexes = append(t.Indexes, k)
	}
	return nil
}

func (r *reader) foreignKeys() error {
	rows, err := r.session.texts(foreignKeysQuery)
	if err != nil {
		return err
	}
	for i := 0; i < len(rows); {
		first := rows[i]
		k := dialect.ForeignKey{RefSchema: schemaName, OnUpdate: action(first[5]), OnDelete: action(first[6])}
		for ; i < len(rows) && rows[i][0] == first[0] && rows[i][1] == first[1]; i++ {
			k.Columns = append(k.Columns, rows[i][3])
			if rows[i][4] != "" {
				k.RefColumns = append(k.RefColumns, rows[i][4])
			}
		}
		t, to := r.tables[first[0]], r.named(first[2])
		if t == nil || to == nil {
			continue
		}
		if k.RefName = to.Name; k.RefColumns == nil {
			k.RefColumns = to.PrimaryKey
		}
		k.Name = t.Name + "_" + strings.Join(k.Columns, "_") + "_fkey"
		if r.known(t, k.Columns) && r.known(to, k.RefColumns) && len(k.Columns) == len(k.RefColumns) {
			t.ForeignKeys = append(t.ForeignKeys, k)
		}
	}
	return nil
}

// named finds a table as SQLite does, without regard to case.
func (r *reader) named(name string) *dialect.Table {
	if t := r.tables[name]; t != nil {
		return t
	}
	for n, t := range r.tables {
		if strings.EqualFold(n, name) {
			return t
		}
	}
	return nil
}

// known puts columns' names as the table declares them, and reports that it has them all.
func (r *reader) known(t *dialect.Table, names []string) bool {
	for i, name := range names {
		found := false
		for _, c := range t.Columns {
			if strings.EqualFold(c.Name, name) {
				names[i], found = c.Name, true
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func action(word string) string {
	if word == "NO ACTION" {
		return ""
	}
	return word
}

// sizes estimates the rows: what ANALYZE found, otherwise the largest rowid, which is at least their number where
// they were inserted in order.
func (r *reader) sizes() error {
	if rows, err := r.session.texts("SELECT tbl, stat FROM sqlite_stat1"); err == nil {
		for _, row := range rows {
			first, _, _ := strings.Cut(row[1], " ")
			if n, err := strconv.ParseFloat(first, 64); err == nil && r.tables[row[0]] != nil {
				r.tables[row[0]].Rows = n
			}
		}
	}
	for _, t := range r.catalog.Tables {
		if t.Rows >= 0 || t.RowKey == nil {
			continue
		}
		rows, err := r.session.texts("SELECT max(" + t.RowKey.Native + ") FROM " + quote(t.Native[1]))
		if err != nil {
			return err
		}
		t.Rows, _ = strconv.ParseFloat(rows[0][0], 64)
	}
	return nil
}
