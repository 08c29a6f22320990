package listener

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// source is what home says of a listener's source, and of its arguments over it.
type source struct {
	// from is what stands after FROM.
	from string
	key  []column
	// keyed says that rows are found by their key through an index, so that single ones can be looked at.
	keyed bool
	// distinct says that home makes sure of it that no two rows have one key.
	distinct bool
	// arguments are SQL expressions of the model's types, read as the types oids in pgvalue.ArgFormat.
	arguments []string
	oids      []uint32
	// tables are what the rows come from: the table itself, or all that a query reads.
	tables []table
}

// column is one of a relation, with its type as SQL writes it and its collation where it is not the type's own.
type column struct {
	name, typ, collation string
	oid                  uint32
}

// table is a relation of home.
type table struct {
	oid  uint32
	name string // qualified, as SQL writes it
	// kind is pg_class.relkind, temporary whether it belongs to a session.
	kind      string
	temporary bool
	// mirrored says that its rows are those of a foreign table that inherits from it, as the tables of a databackend are shown
	// that is no PostgreSQL.
	mirrored bool
}

// tableColumns are what a table is read from, of pg_class c and pg_namespace n.
const tableColumns = `c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relkind::text, c.relpersistence = 't',
		EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = i.inhrelid WHERE i.inhparent = c.oid)`

// relations whose changes triggers can see.
func (t table) plain() bool { return t.kind == "r" || t.kind == "p" }

// analyse asks home for a listener's source. It runs in a transaction, which it changes the search_path of and makes a
// temporary view in, so it is to be rolled back to where it was.
func analyse(ctx context.Context, tx pgx.Tx, def *Definition, model *datalayer.ModelVersion) (*source, error) {
	if err := setPath(ctx, tx, def); err != nil {
		return nil, err
	}
	s := &source{}
	err := s.findRelation(ctx, tx, def)
	if err == nil {
		err = s.checkArguments(ctx, tx, def, model)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// setPath sets the search_path that a definition's names are read by, until the transaction's end.
func setPath(ctx context.Context, tx pgx.Tx, def *Definition) error {
	if def.SearchPath == "" {
		return nil
	}
	_, err := tx.Exec(ctx, "SELECT pg_catalog.set_config('search_path', $1, true)", def.SearchPath)
	return err
}

// findRelation finds the table, or makes a view of the query, and looks at its columns and key.
func (s *source) findRelation(ctx context.Context, tx pgx.Tx, def *Definition) error {
	name := def.Table
	if name == "" {
		name = "pg_temp.pinnacle_source"
		if _, err := tx.Exec(ctx, "CREATE TEMPORARY VIEW pinnacle_source AS "+def.Query); err != nil {
			return err
		}
		s.from = "(" + def.Query + "\n) AS source"
	}
	t, err := findTable(ctx, tx, name)
	if err != nil {
		return err
	}
	if def.Table != "" {
		s.from = t.name
		if t.temporary {
			return fault("42P16", fmt.Sprintf("%s is a temporary table, which a listener cannot follow", t.name), "Use a table that all sessions see.")
		}
	}
	if s.tables, err = baseTables(ctx, tx, t); err != nil {
		return err
	}
	columns, err := columnsOf(ctx, tx, t.oid)
	if err != nil {
		return err
	}
	return s.findKey(ctx, tx, def, t, columns)
}

// findTable finds a relation by its name in SQL.
func findTable(ctx context.Context, tx pgx.Tx, name string) (table, error) {
	var t table
	err := tx.QueryRow(ctx, `SELECT `+tableColumns+`
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`, name).Scan(&t.oid, &t.name, &t.kind, &t.temporary, &t.mirrored)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, fault("42P01", fmt.Sprintf("relation %s does not exist", name), "ON takes a table, a view, or a query in parentheses.")
	}
	return t, err
}

// baseTables lists what a view reads, through other views too; of a table it is the table.
func baseTables(ctx context.Context, tx pgx.Tx, t table) ([]table, error) {
	rows, err := tx.Query(ctx, `WITH RECURSIVE r(oid) AS (
			SELECT $1::oid
			UNION
			SELECT d.refobjid FROM r JOIN pg_catalog.pg_class v ON v.oid = r.oid AND v.relkind = 'v' JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid
				JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
		)
		SELECT `+tableColumns+`
		FROM r JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'm', 'f') ORDER BY 2`, t.oid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t table, err error) {
		return t, row.Scan(&t.oid, &t.name, &t.kind, &t.temporary, &t.mirrored)
	})
}

// columnsOf lists a relation's columns.
func columnsOf(ctx context.Context, q querier, oid uint32) ([]column, error) {
	rows, err := q.Query(ctx, `SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypid,
			CASE WHEN a.attcollation <> t.typcollation THEN pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.collname) ELSE '' END
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
			LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
		WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`, oid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c column, err error) {
		return c, row.Scan(&c.name, &c.typ, &c.oid, &c.collation)
	})
}

// findKey chooses the key: the one that is named, or the primary key.
func (s *source) findKey(ctx context.Context, tx pgx.Tx, def *Definition, t table, columns []column) error {
	names := def.Key
	if t.plain() {
		index, err := uniqueIndex(ctx, tx, t, def.Key)
		if err != nil {
			return err
		}
		if len(index) > 0 {
			names, s.keyed, s.distinct = index, true, true
		}
	}
	if len(names) == 0 {
		e := faultf("42P16", "%s has no primary key", t.name)
		if def.Table == "" {
			e.Message = "a query as a listener's source needs KEY"
		}
		e.Hint = "Name the columns that tell its rows apart: CREATE LISTENER … ON … KEY (column, …) PREDICT …"
		return e
	}
	for _, name := range names {
		i := slices.IndexFunc(columns, func(c column) bool { return c.name == name })
		if i < 0 {
			return fault("42703", fmt.Sprintf("the listener's source has no column %q for its key", name), "It has "+namesOf(columns)+".")
		}
		if reserved := []string{"output", "model_version", "updated_at", "input_hash", "ordinal"}; slices.Contains(reserved, name) {
			return fault("42701", fmt.Sprintf("the key column %q has the name of a column that the outputs have themselves", name),
				"Use a query that gives it another name: ON (SELECT …) KEY (…).")
		}
		s.key = append(s.key, columns[i])
	}
	return nil
}

// namesOf lists columns for a message.
func namesOf(columns []column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = quote(c.name)
	}
	return strings.Join(names, ", ")
}

// uniqueIndex gives the columns of the index over a key, in its order: the primary key's for none. It is nil where there is
// no such index.
func uniqueIndex(ctx context.Context, tx pgx.Tx, t table, key []string) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT i.indisprimary, (SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.at)
			FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k(attnum, at) JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
			WHERE k.at <= i.indnkeyatts)
		FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = c.relam
		WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND m.amname = 'btree'
		ORDER BY i.indisprimary DESC, i.indexrelid`, t.oid)
	if err != nil {
		return nil, err
	}
	wanted := slices.Sorted(slices.Values(key))
	var found []string
	var primary bool
	var columns []string
	_, err = pgx.ForEachRow(rows, []any{&primary, &columns}, func() error {
		if found == nil && (len(key) == 0 && primary || len(key) > 0 && slices.Equal(wanted, slices.Sorted(slices.Values(columns)))) {
			found = slices.Clone(columns)
		}
		return nil
	})
	return found, err
}

// checkArguments holds the listener's arguments against the model's.
func (s *source) checkArguments(ctx context.Context, tx pgx.Tx, def *Definition, model *datalayer.ModelVersion) error {
	if len(def.Arguments) != len(model.Args) {
		e := faultf("42883", "model %q takes %d arguments, the listener gives %d", model.Name, len(model.Args), len(def.Arguments))
		return e
	}
	if len(def.Arguments) == 0 {
		return nil
	}
	text := "SELECT " + each(len(def.Arguments), ", ", func(i int) string { return "(" + def.Arguments[i] + "\n)" }) + " FROM " + s.from
	described, err := tx.Conn().PgConn().Prepare(ctx, "", text, nil)
	if err != nil {
		return withoutPosition(err)
	}
	for i, field := range described.Fields {
		oid, name, err := baseType(ctx, tx, field.DataTypeOID)
		if err != nil {
			return err
		}
		want := model.Args[i].Type
		expression := "(" + def.Arguments[i] + "\n)"
		if pgvalue.Convert(oid, want) == pgvalue.Refused {
			e := faultf("42883", "argument %d of model %q is %s, the listener gives %s", i+1, model.Name, want, name)
			e.Hint = fmt.Sprintf("No implicit cast leads from one to the other; write one: PREDICT %s (… %s::%s …).", model.Name, strings.TrimSpace(def.Arguments[i]), want)
			return e
		}
		// The hash is that of the model's own types, so that equal arguments have one hash wherever they come from.
		if field.DataTypeOID != want.OID() {
			expression += "::" + want.String()
		}
		s.arguments, s.oids = append(s.arguments, expression), append(s.oids, want.OID())
	}
	return nil
}

// baseType is the type below domains, and its name.
func baseType(ctx context.Context, q querier, oid uint32) (uint32, string, error) {
	if t := udf.TypeOfOID(oid); t != udf.Invalid {
		return oid, t.String(), nil
	}
	var name string
	err := q.QueryRow(ctx, `WITH RECURSIVE d(oid) AS (
			SELECT $1::oid UNION SELECT t.typbasetype FROM d JOIN pg_catalog.pg_type t USING (oid) WHERE t.typtype = 'd'
		)
		SELECT t.oid, pg_catalog.format_type(t.oid, NULL) FROM d JOIN pg_catalog.pg_type t USING (oid) WHERE t.typtype <> 'd'`, oid).Scan(&oid, &name)
	return oid, name, err
}

// withoutPosition takes the position from an error about a text that the user did not write so.
func withoutPosition(err error) error {
	var raised *pgconn.PgError
	if errors.As(err, &raised) {
		own := *raised
		own.Position = 0
		return &own
	}
	return err
}
