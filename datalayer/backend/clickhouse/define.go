package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Define implements backend.Definer. Tables are made with the engine MergeTree, in the order of their primary key, which
// ClickHouse does not enforce.
func (e *Engine) Define(ctx context.Context, conn backend.Conn, change dialect.Change) error {
	if _, ok := conn.(*Conn); !ok {
		return &backend.Error{Code: "XX000", Message: "a session of another engine"}
	}
	text, err := e.definition(change)
	if err != nil {
		return err
	}
	return e.run(ctx, text, nil)
}

// lacks is the error for what ClickHouse cannot do.
func lacks(what string) error {
	return &backend.Error{Code: "0A000", Message: "ClickHouse lacks " + what}
}

// definition is the statement for a change.
func (e *Engine) definition(change dialect.Change) (string, error) {
	switch x := change.(type) {
	case *dialect.CreateTable:
		return e.createTable(x)
	case *dialect.DropTable:
		return "DROP TABLE " + tableName(x.Table) + " SYNC", nil
	case *dialect.DropView:
		return "DROP VIEW " + tableName(x.Table) + " SYNC", nil
	case *dialect.AlterTable:
		return e.alterTable(x)
	case *dialect.CreateIndex, *dialect.DropIndex:
		return "", lacks("indexes like PostgreSQL's: a table is read by the order of its key")
	case *dialect.CreateSchema:
		if e.database != "" {
			return "", lacks("more schemas: the databackend's URI names one database, whose tables are in schema public")
		}
		return "CREATE DATABASE " + quote(x.Name), nil
	case *dialect.DropSchema:
		return "DROP DATABASE " + quote(x.Name), nil
	}
	return "", lacks(fmt.Sprintf("changes of the kind %T", change))
}

// createTable writes CREATE TABLE.
func (e *Engine) createTable(x *dialect.CreateTable) (string, error) {
	t := x.Table
	database := t.Schema
	if e.database != "" {
		if database = e.database; t.Schema != "public" {
			return "", lacks("schemas other than public where the URI names a database")
		}
	}
	if len(t.Uniques)+len(t.ForeignKeys) > 0 {
		return "", lacks("unique and foreign keys")
	}
	if len(t.Checks) > 0 {
		return "", lacks("CHECK constraints that hold for UPDATE, too")
	}
	var parts []string
	for _, c := range t.Columns {
		part, err := columnDefinition(c)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	var key []string
	for _, name := range t.PrimaryKey {
		key = append(key, quote(name))
	}
	exists := ""
	if x.IfNotExists {
		exists = "IF NOT EXISTS "
	}
	text := "CREATE TABLE " + exists + quote(database) + "." + quote(t.Name) + " (" + strings.Join(parts, ", ") + ") ENGINE = MergeTree ORDER BY (" + strings.Join(key, ", ") + ")"
	if t.Comment != "" {
		text += " COMMENT " + string(literal(nil, t.Comment))
	}
	return text, nil
}

// columnDefinition writes a column.
func columnDefinition(c *dialect.Column) (string, error) {
	name, ok := nativeType(c)
	if !ok {
		return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("ClickHouse has no type for %s of column %q", c.TypeName, c.Name), Column: c.Name}
	}
	if c.Generated == dialect.Identity || c.Generated == dialect.Computed {
		return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("ClickHouse lacks identity and generated columns: column %q", c.Name), Column: c.Name}
	}
	if !c.NotNull {
		name = "Nullable(" + name + ")"
	}
	text := quote(c.Name) + " " + name
	switch lower := strings.ToLower(c.Default); {
	case c.Default == "":
	case lower == "true", lower == "false", lower == "null", strings.Trim(lower, "-0123456789.") == "":
		text += " DEFAULT " + lower
	case lower == "now()", lower == "current_timestamp":
		text += " DEFAULT now64(6)"
	case strings.HasPrefix(lower, "'") && strings.LastIndexByte(c.Default, '\'') > 0:
		f, _ := kindOf(c.Type)
		value, err := f.bind(strings.ReplaceAll(c.Default[1:strings.LastIndexByte(c.Default, '\'')], "''", "'"), c.Name)
		if err != nil {
			return "", err
		}
		text += " DEFAULT " + string(literal(nil, value))
	default:
		return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("the default of column %q is no constant, which is what ClickHouse can be told", c.Name), Column: c.Name}
	}
	if c.Comment != "" {
		text += " COMMENT " + string(literal(nil, c.Comment))
	}
	return text, nil
}

// nativeType is the type of a column that is to be, without Nullable.
func nativeType(c *dialect.Column) (string, bool) {
	switch c.Type.OID {
	case pgtype.BoolOID:
		return "Bool", true
	case pgtype.Int2OID:
		return "Int16", true
	case pgtype.Int4OID:
		return "Int32", true
	case pgtype.Int8OID:
		return "Int64", true
	case pgtype.Float4OID:
		return "Float32", true
	case pgtype.Float8OID:
		return "Float64", true
	case pgtype.NumericOID:
		precision, scale, ok := c.Type.Numeric()
		return fmt.Sprintf("Decimal(%d, %d)", precision, scale), ok && precision <= 76 && scale >= 0 && scale <= precision
	case pgtype.TextOID:
		return "String", true
	case pgtype.VarcharOID:
		return "String", c.Type.Mod < 0
	case pgtype.DateOID:
		return "Date32", true
	case pgtype.TimestamptzOID:
		if c.Type.Mod >= 0 {
			return fmt.Sprintf("DateTime64(%d, 'UTC')", c.Type.Mod), true
		}
		return "DateTime64(6, 'UTC')", true
	case pgtype.UUIDOID:
		return "UUID", true
	}
	return "", false
}

// alterTable writes ALTER TABLE.
func (e *Engine) alterTable(x *dialect.AlterTable) (string, error) {
	text := "ALTER TABLE " + tableName(x.Table) + " "
	switch {
	case x.AddCheck != nil:
		return "", lacks("CHECK constraints that hold for UPDATE, too")
	case x.AddColumn != nil:
		part, err := columnDefinition(x.AddColumn)
		return text + "ADD COLUMN " + part, err
	case x.DropColumn != nil:
		return text + "DROP COLUMN " + quote(x.DropColumn.Native), nil
	case x.RenameTo != "" && x.Column != nil:
		return text + "RENAME COLUMN " + quote(x.Column.Native) + " TO " + quote(x.RenameTo), nil
	case x.RenameTo != "":
		return "RENAME TABLE " + tableName(x.Table) + " TO " + quote(x.Table.Native[0]) + "." + quote(x.RenameTo), nil
	}
	return "", lacks("this change of a table")
}

var _ backend.Definer = (*Engine)(nil)
