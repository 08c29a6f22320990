package duckdb

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// newSQL describes DuckDB's SQL to the renderer.
func newSQL() *dialect.SQL {
	return &dialect.SQL{
		Entries: dialect.ReadEntries(dialect.Base, proven),
		Quote:   quote,
		Column: func(ref string, c *dialect.Column) (string, error) {
			f, ok := c.Facts.(*form)
			if !ok {
				return "", &dialect.Unproven{What: "a column that DuckDB did not describe"}
			}
			switch f.wide {
			case "":
				return ref, nil
			case "?":
				return "", &dialect.Unproven{What: "a column of DuckDB's type " + f.native}
			default:
				return "CAST(" + ref + " AS " + f.wide + ")", nil
			}
		},
		Output: func(text string, raw dialect.Raw) (string, error) {
			if raw.Column != nil {
				if f, ok := raw.Column.Facts.(*form); ok {
					return f.Given(text), nil
				}
			}
			return text, nil
		},
		Value:     value,
		Type:      typeName,
		MaxDigits: 38,
		Checked:   true,
		Semi:      true,
	}
}

// Given implements sqlprogram.Form: it writes a column that is given out.
func (f *form) Given(ref string) string {
	if f.words {
		return "CAST(" + ref + " AS VARCHAR)"
	}
	return ref
}

// Default implements sqlprogram.Form.
func (f *form) Default() string { return "DEFAULT" }

// Stored implements sqlprogram.Form: it writes a value that is put into a column.
func (f *form) Stored(value string) string {
	if f.readOnly {
		return "CASE WHEN " + value + " IS NULL THEN NULL END"
	}
	if f.json || strings.HasSuffix(f.typeName, "[]") {
		value = "CAST(" + value + " AS JSON)"
	}
	return "CAST(" + value + " AS " + f.native + ")"
}

// Literal implements sqlprogram.Form: it writes a constant that a column stores.
func (f *form) Literal(text string) (string, error) {
	if _, err := f.write([]byte(text)); err != nil {
		return "", err
	}
	switch f.typ.OID {
	case pgtype.ByteaOID:
		return blobText(text), nil
	case pgtype.JSONBOID:
		return stringText(exactNumbers([]byte(text))), nil
	}
	if strings.HasSuffix(f.typeName, "[]") {
		list, err := listText([]byte(text))
		return stringText(list), err
	}
	return stringText(momentText(f.typ.OID, text)), nil
}

func placeholder(n int) string { return "$" + strconv.Itoa(n) }

// value writes a constant or a parameter of an expression, with its type.
func value(n int, e dialect.Expr) (text string, bound bool, err error) {
	t := e.ResultType()
	name, ok := typeName(t)
	switch v := e.(type) {
	case *dialect.Param:
		if !ok {
			return "", false, &dialect.Unproven{What: "a parameter of type " + t.String()}
		}
		return "CAST(" + placeholder(n) + " AS " + name + ")", true, nil
	case *dialect.Constant:
		if t.OID == pgtype.NumericOID && t.Mod < 0 {
			name, ok = decimalOf(v.Text)
		}
		if !ok {
			return "", false, &dialect.Unproven{What: "a constant of type " + t.String()}
		}
		switch t.OID {
		case pgtype.TextOID, pgtype.VarcharOID:
			return stringText(v.Text), false, nil
		case pgtype.ByteaOID:
			return blobText(v.Text), false, nil
		}
		return "CAST(" + stringText(momentText(t.OID, v.Text)) + " AS " + name + ")", false, nil
	}
	return "", false, &dialect.Unproven{What: fmt.Sprintf("%T", e)}
}

// decimalOf is the narrowest DECIMAL for a number.
func decimalOf(text string) (string, bool) {
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	if strings.Trim(whole+fraction, "0123456789") != "" || len(whole)+len(fraction) > 38 {
		return "", false
	}
	return fmt.Sprintf("DECIMAL(%d,%d)", max(len(whole)+len(fraction), 1), len(fraction)), true
}

// momentText turns PostgreSQL's "44-03-15 BC" into what DuckDB reads.
func momentText(oid uint32, text string) string {
	switch oid {
	case pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID:
		if day, ok := strings.CutSuffix(text, " BC"); ok {
			date, rest, _ := strings.Cut(day, " ")
			return strings.TrimRight(date+" (BC) "+rest, " ")
		}
	}
	return text
}

func stringText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// blobText writes bytes, each as \xAB.
func blobText(text string) string {
	var b strings.Builder
	hex := strings.TrimPrefix(text, `\x`)
	for i := 0; i+1 < len(hex); i += 2 {
		b.WriteString(`\x` + hex[i:i+2])
	}
	return "CAST('" + b.String() + "' AS BLOB)"
}

// typeName is DuckDB's type for one of PostgreSQL's.
func typeName(t dialect.Type) (string, bool) {
	switch t.OID {
	case pgtype.BoolOID:
		return "BOOLEAN", true
	case pgtype.Int2OID:
		return "SMALLINT", true
	case pgtype.Int4OID:
		return "INTEGER", true
	case pgtype.Int8OID:
		return "BIGINT", true
	case pgtype.Float4OID:
		return "FLOAT", true
	case pgtype.Float8OID:
		return "DOUBLE", true
	case pgtype.NumericOID:
		precision, scale := int(t.Mod-4)>>16, int(t.Mod-4)&0x7ff
		if t.Mod < 0 || precision > 38 || scale > precision {
			return "", false
		}
		return fmt.Sprintf("DECIMAL(%d,%d)", precision, scale), true
	case pgtype.TextOID:
		return "VARCHAR", true
	case pgtype.VarcharOID:
		return "VARCHAR", t.Mod < 0
	case pgtype.ByteaOID:
		return "BLOB", true
	case pgtype.DateOID:
		return "DATE", true
	case pgtype.TimeOID:
		return "TIME", t.Mod < 0
	case pgtype.TimestampOID:
		return "TIMESTAMP", t.Mod < 0
	case pgtype.TimestamptzOID:
		return "TIMESTAMPTZ", t.Mod < 0
	case pgtype.IntervalOID:
		return "INTERVAL", t.Mod < 0
	case pgtype.UUIDOID:
		return "UUID", true
	}
	return "", false
}
