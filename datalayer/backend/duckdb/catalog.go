package duckdb

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// The queries of the introspection (https://duckdb.org/docs/current/sql/meta/duckdb_table_functions), each over the whole
// of the database; lists are given with a line feed between their items.
const (
	relationsQuery = `SELECT schema_name, table_name, 'table', estimated_size::VARCHAR, comment, sql FROM duckdb_tables()
WHERE database_name = current_database() AND NOT internal AND NOT temporary
UNION ALL SELECT schema_name, view_name, 'view', NULL, comment, NULL FROM duckdb_views()
WHERE database_name = current_database() AND NOT internal AND NOT temporary ORDER BY 1, 2`
	columnsQuery = `SELECT schema_name, table_name, column_name, data_type, column_default, is_nullable::VARCHAR, comment FROM duckdb_columns()
WHERE database_name = current_database() AND NOT internal ORDER BY schema_name, table_name, column_index`
	constraintsQuery = `SELECT schema_name, table_name, constraint_type, constraint_name, array_to_string(constraint_column_names, chr(10)),
 referenced_table, array_to_string(referenced_column_names, chr(10)) FROM duckdb_constraints()
WHERE database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY') ORDER BY schema_name, table_name, constraint_index`
	indexesQuery = `SELECT schema_name, table_name, index_name, is_unique::VARCHAR, expressions FROM duckdb_indexes()
WHERE database_name = current_database() ORDER BY schema_name, table_name, index_name`
)

// shownSchema is the schema in which clients see the tables of DuckDB's schema main.
const shownSchema = "public"

// Catalog implements backend.Engine.
func (e *engine) Catalog(ctx context.Context) (*dialect.Catalog, error) {
	s, err := e.take(ctx)
	if err != nil {
		return nil, err
	}
	defer e.giveBack(s)
	r := &reader{session: s, catalog: &dialect.Catalog{}, tables: map[[2]string]*dialect.Table{}, made: map[*dialect.Table]string{}}
	for _, part := range []struct {
		sql string
		add func(row []*string)
	}{{relationsQuery, r.relation}, {columnsQuery, r.column}, {constraintsQuery, r.constraint}, {indexesQuery, r.index}} {
		if err := s.texts(part.sql, part.add); err != nil {
			return nil, asError(ctx, err, nil)
		}
	}
	shown := r.catalog.Tables[:0]
	for _, t := range r.catalog.Tables {
		if len(t.Columns) > 0 {
			r.finish(t)
			shown = append(shown, t)
		}
	}
	r.catalog.Tables = shown
	return r.catalog, nil
}

// texts runs a statement of the engine's own whose columns are texts.
func (s *session) texts(sql string, add func(row []*string)) error {
	st, err := s.c.prepare(sql)
	if err != nil {
		return err
	}
	defer st.close()
	result, err := st.stream()
	if err != nil {
		return err
	}
	defer result.close()
	for {
		n, err := result.next()
		if err != nil || n == 0 {
			return err
		}
		for i := range n {
			row := make([]*string, len(result.columns))
			for j, c := range result.columns {
				if !c.null(i) {
					text := string(c.bytes(i))
					row[j] = &text
				}
			}
			add(row)
		}
	}
}

// reader reads the schema.
type reader struct {
	session *session
	catalog *dialect.Catalog
	tables  map[[2]string]*dialect.Table
	// made are the statements that make the tables, in DuckDB's own words.
	made map[*dialect.Table]string
}

// text gives a value, "" for NULL.
func text(v *string) string {
	if v == nil {
		return ""
	}
	return *v
}

func (r *reader) relation(row []*string) {
	schema, name := *row[0], *row[1]
	if len(schema) > 63 || len(name) > 63 {
		return // PostgreSQL has no name for it
	}
	t := &dialect.Table{Schema: schema, Name: name, Native: []string{schema, name}, Comment: text(row[4]), Rows: -1}
	if schema == "main" {
		t.Schema = shownSchema
	}
	switch {
	case *row[2] == "view":
		t.Kind, t.ReadOnly = dialect.View, "It is a view of DuckDB's, which cannot be changed."
	case r.session.engine.settings.mode == "ro":
		t.ReadOnly = "The DuckDB database is open for reading only (mode=ro)."
	}
	if row[3] != nil {
		for _, digit := range *row[3] {
			t.Rows = max(t.Rows, 0)*10 + float64(digit-'0')
		}
	}
	r.made[t] = text(row[5])
	r.tables[[2]string{schema, name}] = t
	r.catalog.Tables = append(r.catalog.Tables, t)
}

func (r *reader) column(row []*string) {
	t := r.tables[[2]string{*row[0], *row[1]}]
	if t == nil || len(*row[2]) > 63 {
		return
	}
	f := r.session.engine.settings.typed(*row[3])
	f.table, f.column = t.Name, *row[2]
	c := &dialect.Column{Name: *row[2], Native: *row[2], NativeType: *row[3], Type: f.typ, TypeName: f.typeName, Comment: text(row[6]),
		NotNull: text(row[5]) == "false", Exact: f.wide != "?", Facts: &f}
	c.Bytewise = f.typ.OID == pgtype.TextOID && !f.words && !strings.Contains(r.made[t], " COLLATE ")
	if row[4] != nil {
		r.fallback(t, c, *row[4])
	}
	t.Columns = append(t.Columns, c)
}

// fallback says who gives a column its value: literals are PostgreSQL's as well, all else stays with DuckDB.
func (r *reader) fallback(t *dialect.Table, c *dialect.Column, expression string) {
	for _, name := range []string{c.Native, quote(c.Native)} {
		if strings.Contains(r.made[t], name+" "+c.NativeType+" GENERATED ALWAYS AS(") {
			c.Generated = dialect.Computed
			return
		}
	}
	plainText := strings.TrimPrefix(strings.TrimSuffix(expression, "'"), "'")
	switch {
	case expression == "NULL":
	case c.Type.OID == pgtype.TextOID && len(expression) >= 2 && expression == "'"+plainText+"'" && !strings.ContainsAny(plainText, `'\`):
		c.Default = expression
	case strings.Trim(expression, "0123456789") == "" && expression != "" &&
		(c.Type.OID == pgtype.Int2OID || c.Type.OID == pgtype.Int4OID || c.Type.OID == pgtype.Int8OID || c.Type.OID == pgtype.NumericOID):
		c.Default = expression
	case strings.HasPrefix(expression, "nextval("):
		c.Generated = dialect.Identity
	default:
		c.Generated = dialect.EngineDefault
	}
}

func lines(v *string) []string {
	if text(v) == "" {
		return nil
	}
	return strings.Split(*v, "\n")
}

func (r *reader) constraint(row []*string) {
	t := r.tables[[2]string{*row[0], *row[1]}]
	columns := lines(row[4])
	if t == nil || len(columns) == 0 {
		return
	}
	name := text(row[3])
	switch *row[2] {
	case "PRIMARY KEY":
		t.PrimaryKey = columns
	case "UNIQUE":
		t.Uniques = append(t.Uniques, dialect.Key{Name: name, Columns: columns, Unique: true})
	case "FOREIGN KEY":
		to := r.tables[[2]string{*row[0], text(row[5])}]
		if to == nil || len(lines(row[6])) != len(columns) {
			return
		}
		t.ForeignKeys = append(t.ForeignKeys, dialect.ForeignKey{Name: name, Columns: columns, RefSchema: to.Schema, RefName: to.Name, RefColumns: lines(row[6])})
	}
}

// index reads an index of plain columns, which DuckDB writes as "[a, 'b']".
func (r *reader) index(row []*string) {
	t := r.tables[[2]string{*row[0], *row[1]}]
	if t == nil {
		return
	}
	var columns []string
	for _, name := range strings.Split(strings.Trim(text(row[4]), "[]"), ", ") {
		name = strings.Trim(name, `'"`)
		if t.Column(name) == nil {
			return
		}
		columns = append(columns, name)
	}
	t.Indexes = append(t.Indexes, dialect.Key{Name: *row[2], Columns: columns, Unique: text(row[3]) == "true"})
}

// finish gives a table its hidden key: DuckDB's rowid stays what it is within a transaction.
func (r *reader) finish(t *dialect.Table) {
	for _, name := range t.PrimaryKey {
		if c := t.Column(name); c != nil {
			c.NotNull = true
		}
	}
	if t.Kind == dialect.View || t.Column("rowid") != nil {
		return
	}
	t.RowKey = RowKey(t)
}

// RowKey is the column rowid of a table.
func RowKey(t *dialect.Table) *dialect.Column {
	return &dialect.Column{Name: "rowid", Native: "rowid", NativeType: "BIGINT", Type: plain(pgtype.Int8OID), TypeName: "bigint", NotNull: true,
		Exact: true, Facts: &form{typ: plain(pgtype.Int8OID), typeName: "bigint", native: "BIGINT", table: t.Name, column: "rowid"}}
}
