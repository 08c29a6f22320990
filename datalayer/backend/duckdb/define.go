package duckdb

import (
	"context"
	"errors"
	"strings"

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
	if len(statements) > 1 && !c.inside {
		if err := c.Begin(ctx, backend.TxMode{}); err != nil {
			return err
		}
		for _, sql := range statements {
			if err := c.control(ctx, sql); err != nil {
				return errors.Join(err, c.Rollback(ctx))
			}
		}
		return c.Commit(ctx)
	}
	for _, sql := range statements {
		if err := c.control(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// place writes a relation's name.
func place(schema, name string) string {
	if schema == shownSchema {
		schema = "main"
	}
	return quote(schema) + "." + quote(name)
}

func (e *engine) schema() *sqlprogram.Schema {
	s := &sqlprogram.Schema{Name: "DuckDB", Quote: quote, SetType: true, SetDefault: true, SetNotNull: true, Schemas: true, Check: e.grammar.SQL.Condition,
		Place: func(schema, name string) (string, error) { return place(schema, name), nil },
		Type:  nativeType,
		Identity: func(t *dialect.Table, c *dialect.Column) (before []string, column string, inline bool, err error) {
			typ, _ := nativeType(c)
			sequence := place(t.Schema, t.Name+"_"+c.Name+"_seq")
			return []string{"CREATE SEQUENCE " + sequence}, quote(c.Name) + " " + typ + " NOT NULL DEFAULT nextval(" + stringText(sequence) + ")", false, nil
		}}
	s.View = func(sel *dialect.Select) (string, error) {
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

// nativeType is the type of DuckDB's for a column.
func nativeType(c *dialect.Column) (string, bool) {
	if element, ok := strings.CutSuffix(c.TypeName, "[]"); ok {
		for scalar, array := range arrays {
			if array == c.Type.OID {
				name, ok := nativeType(&dialect.Column{Type: dialect.Type{OID: scalar, Mod: c.Type.Mod}, TypeName: element})
				return name + "[]", ok
			}
		}
		return "", false
	}
	switch c.Type.OID {
	case pgtype.JSONOID, pgtype.JSONBOID:
		return "JSON", c.Type.OID == pgtype.JSONOID
	case pgtype.VarbitOID:
		return "BIT", true
	case pgtype.TimetzOID:
		return "TIMETZ", true
	case pgtype.NumericOID:
		if c.Type.Mod == number(20, 0).Mod {
			return "DECIMAL(20,0)", true
		}
	case pgtype.VarcharOID:
		return "VARCHAR", true // of any length: DuckDB keeps none
	case pgtype.TimestampOID:
		switch c.Type.Mod {
		case 0:
			return "TIMESTAMP_S", true
		case 3:
			return "TIMESTAMP_MS", true
		}
		return "TIMESTAMP", true
	case pgtype.TimestamptzOID:
		return "TIMESTAMPTZ", true
	}
	return typeName(c.Type)
}
