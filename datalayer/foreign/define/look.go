package define

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// firstOwn is the first OID that is no built-in object's (FirstNormalObjectId of PostgreSQL's access/transam.h).
const firstOwn = 16384

// seen is a table as the local PostgreSQL's catalogs have it.
type seen struct {
	schema, name string
	columns      []seenColumn
	keys         []seenKey
	// views depend on it.
	views []string
}

// seenColumn is a column. Serial is an identity, or a default from a sequence of the column's own.
type seenColumn struct {
	number   int16
	column   dialect.Column
	serial   bool
	computed bool
}

// seenKey is a constraint (kind as pg_constraint.contype has it) or an index (kind i).
type seenKey struct {
	kind, name string
	unique     bool
	columns    []string
	ref        dialect.ForeignKey
	// check is the condition of a CHECK.
	check string
	// odd says that it has expressions or a condition, or is of another kind than btree.
	odd bool
}

// look reads what the catalogs have of a relation.
func (w *work) look(ctx context.Context, name string) (*seen, error) {
	var oid uint32
	s := &seen{}
	err := w.conn.QueryRow(ctx, "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass($1)", name).
		Scan(&oid, &s.schema, &s.name)
	if err != nil {
		return nil, err
	}
	if err := w.lookColumns(ctx, oid, s); err != nil {
		return nil, err
	}
	if err := w.lookKeys(ctx, oid, s); err != nil {
		return nil, err
	}
	s.views, err = w.dependents(ctx, oid)
	return s, err
}

// lookColumns reads columns.
func (w *work) lookColumns(ctx context.Context, oid uint32, s *seen) error {
	rows, err := w.conn.Query(ctx, `SELECT a.attnum, a.attname, a.atttypid, a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
  coalesce(CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END, ''), a.attgenerated <> '',
  a.attidentity <> '' OR EXISTS (SELECT FROM pg_catalog.pg_depend q JOIN pg_catalog.pg_class k ON k.oid = q.objid AND k.relkind = 'S'
    WHERE q.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND q.refobjid = a.attrelid AND q.refobjsubid = a.attnum AND q.deptype = 'a')
FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`, oid)
	if err != nil {
		return err
	}
	var c seenColumn
	_, err = pgx.ForEachRow(rows, []any{&c.number, &c.column.Name, &c.column.Type.OID, &c.column.Type.Mod, &c.column.TypeName, &c.column.NotNull, &c.column.Default, &c.computed, &c.serial}, func() error {
		one := c
		if one.serial {
			one.column.Default, one.column.Generated = "", dialect.Identity
		}
		one.column.Native = one.column.Name
		s.columns = append(s.columns, one)
		return nil
	})
	return err
}

// lookKeys reads constraints, and indexes that are no constraint's.
func (w *work) lookKeys(ctx context.Context, oid uint32, s *seen) error {
	rows, err := w.conn.Query(ctx, `SELECT k.contype::text, k.conname, true,
  ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(n, i) JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.i),
  coalesce(n.nspname, ''), coalesce(r.relname, ''),
  ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(n, i) JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.i),
  k.confdeltype::text, k.confupdtype::text, k.condeferrable, CASE WHEN k.contype = 'c' THEN pg_catalog.pg_get_expr(k.conbin, k.conrelid) ELSE '' END
FROM pg_catalog.pg_constraint k LEFT JOIN pg_catalog.pg_class r ON r.oid = k.confrelid LEFT JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
WHERE k.conrelid = $1 AND k.contype <> 'n' AND k.contype <> 't'
UNION ALL
SELECT 'i', c.relname, x.indisunique,
  ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY u(n, i) JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.n WHERE u.i <= x.indnkeyatts ORDER BY u.i),
  '', '', ARRAY[]::text[], '', '', x.indpred IS NOT NULL OR x.indexprs IS NOT NULL OR x.indnatts <> x.indnkeyatts OR m.amname <> 'btree', ''
FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid JOIN pg_catalog.pg_am m ON m.oid = c.relam
WHERE x.indrelid = $1 AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = x.indexrelid AND k.conrelid = $1)
ORDER BY 1, 2`, oid)
	if err != nil {
		return err
	}
	var k seenKey
	var onDelete, onUpdate string
	_, err = pgx.ForEachRow(rows, []any{&k.kind, &k.name, &k.unique, &k.columns, &k.ref.RefSchema, &k.ref.RefName, &k.ref.RefColumns, &onDelete, &onUpdate, &k.odd, &k.check}, func() error {
		one := k
		one.ref.Name, one.ref.Columns, one.ref.OnDelete, one.ref.OnUpdate = one.name, one.columns, actionWords(onDelete), actionWords(onUpdate)
		s.keys = append(s.keys, one)
		k.columns, k.ref.RefColumns = nil, nil
		return nil
	})
	return err
}

// actionWords are a foreign key's action, from pg_constraint's letters.
func actionWords(letter string) string {
	switch letter {
	case "c":
		return "CASCADE"
	case "n":
		return "SET NULL"
	case "d":
		return "SET DEFAULT"
	case "r":
		return "RESTRICT"
	}
	return ""
}

// dependents are the views of the local PostgreSQL over a relation or its foreign child.
func (w *work) dependents(ctx context.Context, oid uint32) ([]string, error) {
	rows, err := w.conn.Query(ctx, `SELECT DISTINCT c.oid::pg_catalog.regclass::text
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
JOIN pg_catalog.pg_class c ON c.oid = r.ev_class JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid <> $1 AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND c.oid NOT IN (SELECT m.relation FROM pinnacle_foreign.mirrored m) AND (d.refobjid = $1 OR d.refobjid IN (SELECT m.child FROM pinnacle_foreign.mirrored m WHERE m.relation = $1)) ORDER BY 1`, oid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// known refuses a column that no databackend can have.
func (c *seenColumn) known() error {
	switch {
	case c.column.Type.OID >= firstOwn:
		return unsupported("the databackend has no type like %s, which column %q is of", c.column.TypeName, c.column.Name)
	case c.computed:
		return unsupported("generated columns, such as %q, cannot be made in the databackend", c.column.Name)
	}
	return nil
}

// table turns what was seen of a new relation into a Table.
func (s *seen) table() (*dialect.Table, error) {
	t := &dialect.Table{Schema: s.schema, Name: s.name, Rows: -1}
	for i := range s.columns {
		if err := s.columns[i].known(); err != nil {
			return nil, err
		}
		c := s.columns[i].column
		t.Columns = append(t.Columns, &c)
	}
	if len(t.Columns) == 0 {
		return nil, unsupported("a table without columns cannot be made in the databackend")
	}
	for _, k := range s.keys {
		switch {
		case k.odd, k.kind == "x":
			return nil, k.refused()
		case k.kind == "c":
			t.Checks = append(t.Checks, dialect.Check{Name: k.name, Expression: k.check})
		case k.kind == "p":
			t.PrimaryKey = k.columns
		case k.kind == "u":
			t.Uniques = append(t.Uniques, dialect.Key{Name: k.name, Columns: k.columns, Unique: true})
		case k.kind == "f":
			t.ForeignKeys = append(t.ForeignKeys, k.ref)
		case k.kind == "i":
			t.Indexes = append(t.Indexes, dialect.Key{Name: k.name, Columns: k.columns, Unique: k.unique})
		}
	}
	return t, nil
}

// refused is the error for a key that no databackend is asked for.
func (k *seenKey) refused() error {
	switch k.kind {
	case "x":
		return unsupported("exclusion constraints, such as %q, cannot be made in the databackend", k.name)
	case "i":
		return unsupported("indexes of expressions, with conditions, with INCLUDE, or of other kinds than btree, such as %q, cannot be made in the databackend", k.name)
	}
	return unsupported("deferrable constraints, such as %q, cannot be made in the databackend", k.name)
}
