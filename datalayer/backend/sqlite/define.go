package sqlite

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/sqlprogram"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Define implements backend.Definer.
func (e *engine) Define(ctx context.Context, on backend.Conn, change dialect.Change) error {
	c, ok := on.(*conn)
	if !ok {
		return &backend.Error{Code: "XX000", Message: "a session of another engine"}
	}
	statements, err := e.schema().Statements(change)
	if err != nil {
		return err
	}
	if err := c.readAhead(ctx); err != nil {
		return err
	}
	for _, sql := range statements {
		if err := c.control(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) schema() *sqlprogram.Schema {
	s := &sqlprogram.Schema{Name: "SQLite", Quote: quote, Type: nativeType, Identity: identity, AddChecked: true, Check: e.check}
	s.Place = func(schema, name string) (string, error) {
		if schema != schemaName {
			return "", s.Lacks("schemas: all its tables are in schema public")
		}
		return quote(name), nil
	}
	s.View = func(sel *dialect.Select) (string, error) {
		for _, c := range sel.Columns {
			if _, plain := c.(*dialect.ColumnRef); !plain {
				return "", s.Lacks("types for the computed columns of a view")
			}
		}
		p, err := e.grammar.Compile(sel)
		if err != nil {
			return "", err
		}
		if len(p.Args) > 0 || p.Rendered != nil {
			return "", s.Lacks("such views")
		}
		return p.SQL, nil
	}
	return s
}

// check writes the condition of a CHECK. A date may be stored in several forms, and only a column that is described is read in all of
// them.
func (e *engine) check(t *dialect.Table, c dialect.Check) (string, error) {
	like := *t
	like.Columns = nil
	for _, column := range t.Columns {
		if column.Type.OID != pgtype.DateOID {
			like.Columns = append(like.Columns, column)
		}
	}
	return e.grammar.SQL.Condition(&like, c)
}

// nativeType is the declared type by which typed knows the type again.
func nativeType(c *dialect.Column) (string, bool) {
	t := c.Type
	switch t.OID {
	case pgtype.Int2OID:
		return "SMALLINT", true
	case pgtype.Int4OID:
		return "INT4", true
	case pgtype.Int8OID:
		return "BIGINT", true
	case pgtype.Float4OID:
		return "FLOAT4", true
	case pgtype.Float8OID:
		return "DOUBLE PRECISION", true
	case pgtype.NumericOID:
		precision, scale := (t.Mod-4)>>16, (t.Mod-4)&0x7ff
		switch {
		case t.Mod < 0:
			return "DECIMAL TEXT", true
		case scale > precision:
			return "", false
		case precision <= 15: // a float holds them
			return fmt.Sprintf("DECIMAL(%d,%d)", precision, scale), true
		}
		return fmt.Sprintf("DECIMAL TEXT(%d,%d)", precision, scale), true
	case pgtype.VarcharOID:
		if t.Mod > 4 {
			return fmt.Sprintf("VARCHAR(%d)", t.Mod-4), true
		}
		return "VARCHAR", true
	case pgtype.BPCharOID:
		return fmt.Sprintf("BPCHAR(%d)", max(t.Mod-4, 1)), true
	case pgtype.TimestampOID, pgtype.TimestamptzOID:
		name := map[uint32]string{pgtype.TimestampOID: "TIMESTAMP", pgtype.TimestamptzOID: "TIMESTAMPTZ"}[t.OID]
		if t.Mod >= 0 {
			name += fmt.Sprintf("(%d)", t.Mod)
		}
		return name, true
	}
	name, ok := map[uint32]string{pgtype.BoolOID: "BOOLEAN", pgtype.TextOID: "TEXT", pgtype.ByteaOID: "BLOB", pgtype.DateOID: "DATE", pgtype.TimeOID: "TIME",
		pgtype.IntervalOID: "INTERVAL TEXT", pgtype.UUIDOID: "UUID", pgtype.JSONOID: "JSON TEXT", pgtype.JSONBOID: "JSONB TEXT"}[t.OID]
	return name, ok
}

// identity writes the one column that SQLite counts.
func identity(t *dialect.Table, c *dialect.Column) (before []string, column string, inline bool, err error) {
	if len(t.PrimaryKey) != 1 || t.PrimaryKey[0] != c.Name {
		return nil, "", false, &backend.Error{Code: "0A000", Message: fmt.Sprintf("SQLite counts in the primary key only, and column %q is not", c.Name), Column: c.Name}
	}
	return nil, quote(c.Name) + " INTEGER PRIMARY KEY AUTOINCREMENT", true, nil
}
