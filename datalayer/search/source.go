package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// source is what an index is made of.
type source struct {
	// table is qualified and quoted, oid its own.
	table string
	oid   uint32
	// plain says that it is a table without partitions and children.
	plain bool
	// vector is an SQL expression over the table: of the type real[], or a text where text is set.
	vector string
	text   bool
	key    []Column
	// model makes vectors of texts, "" for none.
	model   string
	version int
}

// keyText is an SQL expression for the key of a row, as indexes have it: a JSON array in jsonb's own text. prefix stands
// before each column.
func keyText(key []Column, prefix string) string {
	list := make([]string, len(key))
	for i, c := range key {
		list[i] = prefix + c.Name
	}
	return "pg_catalog.jsonb_build_array(" + strings.Join(list, ", ") + ")::pg_catalog.text"
}

// resolve finds the table, the expression and the model that a definition means.
func resolve(def component.VectorIndexDefinition, catalog component.Catalog) (table, expression, model string, err error) {
	model = def.Options["model"]
	if def.Listener == "" {
		return def.Table, def.Expression, model, nil
	}
	c := catalog.Component(component.KindListener, def.Listener)
	if c == nil {
		return "", "", "", fault("42704", fmt.Sprintf("listener %q does not exist", def.Listener), "SHOW LISTENERS lists those that do.")
	}
	var listener component.ListenerDefinition
	if err := json.Unmarshal(c.Default().Definition, &listener); err != nil {
		return "", "", "", err
	}
	if model == "" {
		model = listener.Model
	}
	return listener.Into, "output", model, nil
}

// look asks home for a definition's source.
func (k *Keeper) look(ctx context.Context, def component.VectorIndexDefinition) (*source, error) {
	table, expression, model, err := resolve(def, k.models.Components())
	if err != nil {
		return nil, err
	}
	s := &source{vector: "(" + expression + "\n)"}
	if s.model, s.version, err = versionOf(model); err != nil {
		return nil, err
	}
	var kind string
	err = k.config.Pool.QueryRow(ctx, `SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relkind::pg_catalog.text, c.relkind = 'r' AND NOT c.relhassubclass AND c.relpersistence <> 't'
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass($1)`, table).Scan(&s.oid, &s.table, &kind, &s.plain)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, fault("42P01", fmt.Sprintf("relation %s does not exist", table), "")
	case err != nil:
		return nil, err
	case kind != "r" && kind != "p" && kind != "m":
		return nil, fault("0A000", fmt.Sprintf("%s is no table, and a vector index is made of one", s.table), "")
	}
	if err := k.findKey(ctx, s, def.Key); err != nil {
		return nil, err
	}
	return s, k.findType(ctx, s)
}

// versionOf takes 'name' or 'name@version' apart.
func versionOf(model string) (name string, version int, err error) {
	name, digits, numbered := strings.Cut(model, "@")
	if numbered {
		if version, err = strconv.Atoi(digits); err != nil || version < 1 {
			return "", 0, fault("22023", fmt.Sprintf("%q is not the name of a model", model), "Write name, or name@version.")
		}
	}
	return name, version, nil
}

// findKey finds the key columns: those that are named, or the primary key.
func (k *Keeper) findKey(ctx context.Context, s *source, names []string) error {
	rows, err := k.config.Pool.Query(ctx, `SELECT pg_catalog.quote_ident(a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod)
		FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
		WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
			AND CASE WHEN pg_catalog.cardinality($2::text[]) > 0 THEN a.attname = ANY ($2) ELSE a.attnum = ANY (i.indkey) END
		ORDER BY coalesce(pg_catalog.array_position($2, a.attname::pg_catalog.text), pg_catalog.array_position(i.indkey::int2[], a.attnum))`, s.oid, append([]string{}, names...))
	if err != nil {
		return err
	}
	if s.key, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c Column, err error) { return c, row.Scan(&c.Name, &c.Type) }); err != nil {
		return err
	}
	switch {
	case len(names) > 0 && len(s.key) != len(names):
		return fault("42703", fmt.Sprintf("table %s has not all of the columns %s", s.table, strings.Join(names, ", ")), "")
	case len(s.key) == 0:
		return fault("42P16", fmt.Sprintf("table %s has no primary key", s.table), "Say by KEY (column, …) which columns tell its rows apart.")
	}
	for _, c := range s.key {
		if c.Name == "score" {
			return fault("42P16", "a column of the key has the name score, which that of a search's result has", "")
		}
	}
	return nil
}

// findType finds out whether the expression is a vector or a text.
func (k *Keeper) findType(ctx context.Context, s *source) error {
	var typ string
	sql := "SELECT pg_catalog.format_type(pg_catalog.pg_typeof((SELECT " + s.vector + " FROM " + s.table + " LIMIT 0))::pg_catalog.oid, NULL)"
	if err := k.config.Pool.QueryRow(ctx, sql).Scan(&typ); err != nil {
		return err
	}
	switch typ {
	case "real[]", "double precision[]", "vector":
		s.vector = s.vector + "::pg_catalog.float4[]"
	case "text", "character varying", "character":
		if s.text = true; s.model == "" {
			return fault("42P16", "the expression of the vector index is a text, and no model makes vectors of it", "Name one: WITH (model = '…').")
		}
		s.vector = s.vector + "::pg_catalog.text"
	default:
		return fault("42804", fmt.Sprintf("the expression of the vector index is of type %s, which is neither real[] nor text", typ), "")
	}
	return nil
}

// counters is a text that changes when the table has been written to, as far as home's statistics tell.
func (k *Keeper) counters(ctx context.Context, s *source) (string, error) {
	var text string
	err := k.config.Pool.QueryRow(ctx, `SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', t.relid, pg_catalog.pg_relation_filenode(t.relid),
			pg_catalog.pg_stat_get_tuples_inserted(t.relid), pg_catalog.pg_stat_get_tuples_updated(t.relid), pg_catalog.pg_stat_get_tuples_deleted(t.relid)), ';' ORDER BY t.relid)
		FROM (SELECT $1::oid AS relid UNION SELECT p.relid FROM pg_catalog.pg_partition_tree($1) AS p) AS t`, s.oid).Scan(&text)
	return text + " " + k.modelHash(ctx, s), err
}

// modelHash says what the model is that makes vectors of texts; "" where there is none.
func (k *Keeper) modelHash(ctx context.Context, s *source) string {
	if s.model == "" {
		return ""
	}
	m, err := k.models.Describe(ctx, s.model, s.version)
	if err != nil {
		return "" // who needs it is told when it is asked
	}
	return m.Hash
}
