package mysql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// ownDatabases are those of the server itself, which are not shown.
const ownDatabases = "('information_schema', 'performance_schema', 'mysql', 'sys')"

// catalogReader puts a Catalog together from information_schema, one query for each of its tables.
type catalogReader struct {
	engine *Engine
	// filter is a condition on the database's column, which %s names.
	filter string
	args   []string
	tables map[[2]string]*dialect.Table
	order  []*dialect.Table
	// json are the columns that a check of MariaDB's makes JSON.
	json map[[3]string]bool
}

// Catalog implements backend.Engine.
func (e *Engine) Catalog(ctx context.Context) (*dialect.Catalog, error) {
	s, err := e.take(ctx)
	if err != nil {
		return nil, explain(err)
	}
	r := &catalogReader{engine: e, filter: "%s NOT IN " + ownDatabases, tables: map[[2]string]*dialect.Table{}, json: map[[3]string]bool{}}
	if e.place.database != "" {
		r.filter, r.args = "%s = ?", []string{e.place.database}
	}
	w := s.watch(ctx)
	err = w.end(r.read(s))
	e.give(s)
	if err != nil {
		return nil, explain(err)
	}
	catalog := &dialect.Catalog{}
	for _, t := range r.order {
		if len(t.Columns) > 0 {
			catalog.Tables = append(catalog.Tables, t)
		}
	}
	return catalog, nil
}

// read runs the queries.
func (r *catalogReader) read(s *session) error {
	for _, step := range []struct {
		query, column string
		take          func(row []string)
	}{
		{"SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_ROWS, TABLE_COMMENT FROM information_schema.TABLES WHERE %s AND TABLE_TYPE IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED') ORDER BY 1, 2", "TABLE_SCHEMA", r.table},
		{r.checks(), "CONSTRAINT_SCHEMA", func(row []string) { r.json[[3]string{row[0], row[1], row[2]}] = true }},
		{"SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME, NUMERIC_PRECISION, NUMERIC_SCALE, CHARACTER_MAXIMUM_LENGTH, DATETIME_PRECISION, IS_NULLABLE, COLUMN_DEFAULT IS NOT NULL, COLUMN_DEFAULT, EXTRA, COLUMN_COMMENT, GENERATION_EXPRESSION FROM information_schema.COLUMNS WHERE %s ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION", "TABLE_SCHEMA", r.column},
		{"SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE %s ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX", "TABLE_SCHEMA", r.index},
		{"SELECT k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME, c.DELETE_RULE, c.UPDATE_RULE FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS c ON c.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND c.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND c.TABLE_NAME = k.TABLE_NAME WHERE %s AND k.REFERENCED_TABLE_NAME IS NOT NULL ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION", "k.TABLE_SCHEMA", r.foreignKey},
	} {
		if step.query == "" {
			continue
		}
		rows, err := s.ask(fmt.Sprintf(step.query, fmt.Sprintf(r.filter, step.column)), r.args...)
		if err != nil {
			return err
		}
		for _, row := range rows {
			step.take(row)
		}
	}
	for _, t := range r.order {
		finish(t)
	}
	return nil
}

// checks is the query for MariaDB's JSON columns, which are texts with a check of this form that the server itself adds.
func (r *catalogReader) checks() string {
	if !r.engine.server.mariaDB {
		return ""
	}
	return "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME FROM information_schema.CHECK_CONSTRAINTS WHERE %s AND CHECK_CLAUSE = CONCAT('json_valid(`', REPLACE(CONSTRAINT_NAME, '`', '``'), '`)')"
}

// schemaOf is the schema that clients see for a database.
func (r *catalogReader) schemaOf(database string) string {
	if database == r.engine.place.database {
		return "public"
	}
	return shown(database)
}

// shown is the name that clients see: PostgreSQL's names have 63 bytes; longer ones end in a digest.
func shown(name string) string {
	if len(name) <= 63 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	cut := 50
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + "_" + hex.EncodeToString(sum[:6])
}

// table takes a row of TABLES.
func (r *catalogReader) table(row []string) {
	t := &dialect.Table{Schema: r.schemaOf(row[0]), Name: shown(row[1]), Native: []string{row[0], row[1]}, Rows: -1}
	if row[2] == "VIEW" {
		t.Kind, t.ReadOnly = dialect.View, "it is a view of the databackend"
	} else {
		t.Comment = row[4]
		if n, err := strconv.ParseFloat(row[3], 64); err == nil {
			t.Rows = n
		}
	}
	r.tables[[2]string{row[0], row[1]}] = t
	r.order = append(r.order, t)
}

// column takes a row of COLUMNS.
func (r *catalogReader) column(row []string) {
	t := r.tables[[2]string{row[0], row[1]}]
	if t == nil {
		return
	}
	number := func(text string) int {
		n, _ := strconv.ParseInt(text, 10, 64) // "" is 0
		return int(n)
	}
	d := described{dataType: strings.ToLower(row[3]), columnType: row[4], charset: row[5], collation: row[6], precision: number(row[7]), scale: number(row[8]), length: number(row[9]), fraction: number(row[10])}
	if r.json[[3]string{row[0], row[1], row[2]}] {
		d.dataType = "json"
	}
	typ, f, exact := typeOf(d, r.engine.place.reading, r.engine.server.binary)
	extra := strings.ToLower(row[14])
	f.onUpdate = strings.Contains(extra, "on update")
	c := &dialect.Column{Name: shown(row[2]), Native: row[2], Type: typ, TypeName: typeName(typ), NativeType: row[4], NotNull: row[11] == "NO",
		Comment: row[15], Exact: exact, Bytewise: isTextual(typ) && d.charset != "", Facts: f}
	switch {
	case strings.Contains(extra, "auto_increment"):
		c.Generated = dialect.Identity
	case strings.Contains(extra, "stored generated"), strings.Contains(extra, "virtual generated"), row[16] != "":
		c.Generated = dialect.Computed
	case row[12] == "1":
		r.defaultOf(c, row[13], strings.Contains(extra, "default_generated"))
	}
	t.Columns = append(t.Columns, c)
}

// defaultOf reads COLUMN_DEFAULT: in MariaDB an expression, in MySQL the bare text of a constant, unless expression.
func (r *catalogReader) defaultOf(c *dialect.Column, text string, expression bool) {
	if r.engine.server.mariaDB {
		if text == "NULL" {
			return
		}
		body, quoted := strings.CutPrefix(text, "'")
		if quoted {
			text = strings.ReplaceAll(strings.TrimSuffix(body, "'"), "''", "'")
		}
		_, err := strconv.ParseFloat(text, 64)
		expression = !quoted && err != nil
	}
	if value, ok := constantDefault(c, text); ok && !expression {
		c.Default = value
		return
	}
	if _, ok := dialect.Marker(c.Type.OID); ok {
		c.Generated = dialect.EngineDefault
	}
}

// constantDefault writes a constant as PostgreSQL does. ok is false where the engine has to read it.
func constantDefault(c *dialect.Column, text string) (value string, ok bool) {
	literal := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	switch c.Type.OID {
	case pgtype.BoolOID:
		return map[string]string{"0": "false", "1": "true"}[text], text == "0" || text == "1"
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		_, err := strconv.ParseInt(text, 10, 64)
		return text, err == nil
	case pgtype.NumericOID, pgtype.Float4OID, pgtype.Float8OID:
		_, err := strconv.ParseFloat(text, 64)
		return literal + "::" + c.TypeName, err == nil
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID:
		return literal + "::" + c.TypeName, !strings.Contains(text, `\`)
	case pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID:
		if zeroDate([]byte(text)) || len(text) < 10 || text[4] != '-' || text[:4] == "0000" {
			return "", false
		}
		if c.Type.OID == pgtype.TimestamptzOID {
			literal = literal[:len(literal)-1] + "+00'"
		}
		return literal + "::" + c.TypeName, true
	}
	return "", false
}

// index takes a row of STATISTICS: one column of one index. An index over expressions or parts of texts is not shown.
func (r *catalogReader) index(row []string) {
	t := r.tables[[2]string{row[0], row[1]}]
	if t == nil {
		return
	}
	keys := &t.Indexes
	if row[3] == "0" {
		keys = &t.Uniques
	}
	name := shown(row[2])
	if n := len(*keys); n == 0 || (*keys)[n-1].Name != name {
		*keys = append(*keys, dialect.Key{Name: name, Unique: row[3] == "0"})
	}
	column := ""
	if row[4] != "" && row[5] == "" {
		column = shown(row[4])
	}
	key := &(*keys)[len(*keys)-1]
	key.Columns = append(key.Columns, column)
}

// foreignKey takes a row of KEY_COLUMN_USAGE: one column of one foreign key.
func (r *catalogReader) foreignKey(row []string) {
	t, ref := r.tables[[2]string{row[0], row[1]}], r.tables[[2]string{row[4], row[5]}]
	if t == nil || ref == nil {
		return
	}
	rule := func(text string) string {
		if text == "NO ACTION" || text == "RESTRICT" {
			return ""
		}
		return text
	}
	name := shown(row[2])
	if n := len(t.ForeignKeys); n == 0 || t.ForeignKeys[n-1].Name != name {
		t.ForeignKeys = append(t.ForeignKeys, dialect.ForeignKey{Name: name, RefSchema: ref.Schema, RefName: ref.Name, OnDelete: rule(row[7]), OnUpdate: rule(row[8])})
	}
	key := &t.ForeignKeys[len(t.ForeignKeys)-1]
	key.Columns, key.RefColumns = append(key.Columns, shown(row[3])), append(key.RefColumns, shown(row[6]))
}

// finish sorts out a table's keys. A unique index over texts that MySQL compares loosely is stricter than PostgreSQL's;
// it is unique all the same.
func finish(t *dialect.Table) {
	whole := func(keys []dialect.Key) []dialect.Key {
		var kept []dialect.Key
		for _, k := range keys {
			shownAll := true
			for _, c := range k.Columns {
				shownAll = shownAll && c != ""
			}
			if shownAll {
				kept = append(kept, k)
			}
		}
		return kept
	}
	t.Indexes = whole(t.Indexes)
	var uniques []dialect.Key
	for _, k := range whole(t.Uniques) {
		if k.Name == "PRIMARY" {
			t.PrimaryKey = k.Columns
			continue
		}
		uniques = append(uniques, k)
	}
	t.Uniques = uniques
	for _, k := range uniques {
		if t.PrimaryKey == nil && required(t, k) {
			t.PrimaryKey = k.Columns // what InnoDB takes for the primary key too
		}
	}
}

// required reports whether no column of a key can be NULL.
func required(t *dialect.Table, k dialect.Key) bool {
	for _, name := range k.Columns {
		if c := t.Column(name); c == nil || !c.NotNull {
			return false
		}
	}
	return true
}
