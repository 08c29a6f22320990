package sqlite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// proven is what SQLite answers as PostgreSQL does. Its integers become floats where they overflow, its numeric values are
// floats, its LIKE, lower and upper know the letters of ASCII only: none of these goes down.
const proven = `
numeric {=,<>,<,<=,>,>=} numeric => !
{timestamp,timestamptz} {=,<>,<,<=,>,>=} \1 => !
{timestamp,timestamptz} {=,<>} \1 => !
group({numeric,timestamp,timestamptz}) => !
order({numeric,timestamp,timestamptz}) => !
count(distinct {numeric,timestamp,timestamptz}) => !
count({numeric,float4,json,jsonb,time,timestamp,timestamptz,uuid,bpchar}) => !
bool is unknown => $1 IS NULL
bool is not unknown => $1 IS NOT NULL
{min,max}({numeric,timestamp,timestamptz}) => !
case({numeric,timestamp,timestamptz}) => !
coalesce({numeric,timestamp,timestamptz}) => !
{float8,bytea} {=,<>,<,<=,>,>=} \1
order({float8,bytea})
group(bytea)
sum({int2,int4})
length(text)
`

// guards are the conditions that a stored value is one of its column's type; what is not ends the statement: the path of
// json_extract, which is none, is what SQLite's error then says.
var guards = strings.ReplaceAll(`
sqlite.fits(int2,text) => CASE WHEN typeof($1) = 'null' OR typeof($1) = 'integer' AND $1 BETWEEN -32768 AND 32767 THEN 1 ELSE $misfit END
sqlite.fits(int4,text) => CASE WHEN typeof($1) = 'null' OR typeof($1) = 'integer' AND $1 BETWEEN -2147483648 AND 2147483647 THEN 1 ELSE $misfit END
sqlite.fits(int8,text) => CASE WHEN typeof($1) IN ('integer', 'null') THEN 1 ELSE $misfit END
sqlite.fits(float8,text) => CASE WHEN typeof($1) IN ('real', 'null') THEN 1 ELSE $misfit END
sqlite.fits({text,varchar},text) => CASE WHEN typeof($1) IN ('text', 'null') THEN 1 ELSE $misfit END
sqlite.fits(varchar,text,int4) => CASE WHEN typeof($1) = 'null' OR typeof($1) = 'text' AND length($1) <= $3 THEN 1 ELSE $misfit END
sqlite.fits(bytea,text) => CASE WHEN typeof($1) IN ('blob', 'null') THEN 1 ELSE $misfit END
sqlite.fits(bool,text) => CASE WHEN typeof($1) = 'null' OR typeof($1) = 'integer' AND $1 IN (0, 1) THEN 1 ELSE $misfit END
`, "$misfit", `json_extract('{}', '`+misfitMark+`' || $2 || substr(typeof($1), 1, 0))`)

// dateText makes the canonical text of a date column, whatever form it is stored in (readInstant): such texts are ordered
// as their dates are.
const dateText = `CASE typeof($1) WHEN 'null' THEN NULL
 WHEN 'text' THEN CASE WHEN $1 GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' THEN $1
  WHEN substr($1, 11) IN (' 00:00:00', 'T00:00:00', ' 00:00', 'T00:00') THEN substr($1, 1, 10) ELSE $misfit END
 WHEN 'integer' THEN CASE WHEN $1 BETWEEN 0 AND 5373484 THEN strftime('%Y-%m-%d', $1) WHEN $1 % 86400 = 0 THEN strftime('%Y-%m-%d', $1, 'unixepoch') ELSE $misfit END
 WHEN 'real' THEN CASE WHEN $1 BETWEEN 0 AND 5373484 AND $1 - CAST($1 AS INTEGER) = 0.5 THEN strftime('%Y-%m-%d', $1) ELSE $misfit END
 ELSE $misfit END`

// Entries are what SQLite is proven to answer as PostgreSQL does.
func Entries() dialect.Entries { return dialect.ReadEntries(dialect.Base, proven) }

// newSQL describes SQLite's SQL to the renderer.
func newSQL() *dialect.SQL {
	return &dialect.SQL{
		Entries: dialect.ReadEntries(dialect.Base, proven, guards),
		Quote:   quote,
		Column: func(ref string, c *dialect.Column) (string, error) {
			f, ok := facts(c)
			if !ok {
				return "", &dialect.Unproven{What: "a column that SQLite did not describe"}
			}
			if f.kind != date {
				return ref, nil
			}
			text := strings.ReplaceAll(dateText, "$misfit", "json_extract('{}', "+literal(misfitMark+f.table+"."+f.column)+" || substr($1, 1, 0))")
			return "(" + strings.ReplaceAll(text, "$1", ref) + ")", nil
		},
		Value: value,
		Type: func(t dialect.Type) (string, bool) {
			return "", false
		},
		Limit: limit,
		Semi:  true,
	}
}

// limit writes LIMIT and OFFSET: there is no OFFSET alone, and a negative LIMIT is none
// (https://sqlite.org/lang_select.html#limitoffset).
func limit(limit, offset string) string {
	if limit == "" {
		limit = "-1"
	}
	if offset == "" {
		return " LIMIT " + limit
	}
	return " LIMIT " + limit + " OFFSET " + offset
}

// value writes a constant, or a placeholder for a parameter of an expression.
func value(n int, e dialect.Expr) (sql string, bound bool, err error) {
	t := e.ResultType()
	refused := &dialect.Unproven{What: "a value of type " + t.String()}
	f, ok := resultForm(t)
	if !ok {
		return "", false, refused
	}
	switch v := e.(type) {
	case *dialect.Param:
		switch f.kind {
		case integer, text, date, blob, boolean:
			return "?" + strconv.Itoa(n), true, nil
		}
		return "", false, refused
	case *dialect.Constant:
		stored, err := f.write([]byte(v.Text))
		if err != nil || f.kind == decimal || f.kind == timestamp || f.kind == timestamptz {
			return "", false, refused
		}
		return literal(stored), false, nil
	}
	return "", false, &dialect.Unproven{What: fmt.Sprintf("%T", e)}
}

// literal writes a value as SQLite does.
func literal(value any) string {
	switch v := value.(type) {
	case int64:
		if v == -1<<63 {
			return "(-9223372036854775807 - 1)"
		}
		return strconv.FormatInt(v, 10)
	case float64:
		switch {
		case v > 1.7976931348623157e308:
			return "9e999"
		case v < -1.7976931348623157e308:
			return "-9e999"
		}
		s := strconv.FormatFloat(v, 'e', -1, 64)
		if !strings.Contains(s, ".") {
			s = strings.Replace(s, "e", ".0e", 1)
		}
		return s
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	}
	return "NULL"
}

// pushable says that conditions on a column may go down, where a guard stands beside them.
func (f *form) pushable() bool {
	switch f.kind {
	case integer, blob, boolean, date:
		return true
	case text:
		return f.typ.OID != pgtype.BPCharOID
	case real:
		return f.typ.OID == pgtype.Float8OID
	}
	return false
}
