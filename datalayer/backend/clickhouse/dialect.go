package clickhouse

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// proven is what ClickHouse answers as PostgreSQL does, beside dialect.Base. Aggregates over nothing are 0 there unless they
// are told to be NULL; decimals in expressions are widened to 76 digits (compared), in which overflow is an error. Not here:
// arithmetic of integers, which wraps without an error; floats, which it sums in another order, and whose NaN is not the
// largest number; division; lower and upper, whose tables of letters differ.
const proven = `
numeric {+,-,*} numeric
{int2,int4,int8}::numeric => toDecimal256($1, 0)
count({json,jsonb,uuid}) => !
sum({int2,int4}) => sumOrNull(toInt64($1))
sum(int8) => sumOrNull(toInt256($1))
sum(numeric) => sumOrNull($1)
{min,max}({int2,int4,int8,numeric,date,timestamptz,text}) => \1OrNull($1)
text ~~ text => $1 LIKE $2 if plain 2
text !~~ text => $1 NOT LIKE $2 if plain 2
length(text) => lengthUTF8($1)
char_length(text) => lengthUTF8($1)
octet_length(text) => length($1)
substring(text,int4,int4) => substringUTF8($1, $2, $3) if positive 2, positive 3
substr(text,int4,int4) => substringUTF8($1, $2, $3) if positive 2, positive 3
text || text => concat($1, $2)
`

// others need another form in ClickHouse than in Base.
const others = `
bool is true => ifNull($1, FALSE)
bool is not true => NOT ifNull($1, FALSE)
bool is false => NOT ifNull($1, TRUE)
bool is not false => ifNull($1, TRUE)
bool is unknown => isNull($1)
bool is not unknown => isNotNull($1)
`

// Entries are the constructs that ClickHouse is proven to answer as PostgreSQL does.
func Entries() dialect.Entries { return dialect.ReadEntries(dialect.Base, proven, others, absent) }

// absent are Base's constructs over types that ClickHouse has not: timestamps without time zone, times.
const absent = `
timestamp {=,<>,<,<=,>,>=} timestamp => !
group(timestamp) => !
order(timestamp) => !
count({timestamp,time,varchar,bpchar,bytea}) => !
count(distinct {timestamp,varchar}) => !
{min,max}(timestamp) => !
case({timestamp,varchar}) => !
coalesce({timestamp,varchar}) => !
`

// newSQL describes ClickHouse's SQL to the renderer.
func newSQL() *dialect.SQL {
	return &dialect.SQL{
		Entries:   Entries(),
		Quote:     quote,
		Column:    compared,
		Output:    output,
		Type:      castType,
		MaxDigits: 76,
		NoFilter:  true,
		// x NOT IN (1, NULL) is true there.
		NoNullInList: true,
	}
}

// compared writes a column in an expression.
func compared(ref string, c *dialect.Column) (string, error) {
	f := factsOf(c)
	switch {
	case f.words != nil:
		return "CAST(" + ref + ", '" + map[bool]string{true: "Nullable(String)", false: "String"}[f.nullable] + "')", nil
	case f.kind == asNumeric && !f.raw:
		_, scale, _ := c.Type.Numeric()
		if f.typ.name != "Decimal" && f.typ.name != "UInt64" {
			return "", &dialect.Unproven{What: "a column of type " + f.typ.name}
		}
		wide := "Decimal(76, " + strconv.Itoa(scale) + ")"
		if f.nullable {
			wide = "Nullable(" + wide + ")"
		}
		return "CAST(" + ref + ", '" + wide + "')", nil
	}
	return ref, nil
}

// narrowed adds, to a comparison of a wide number with a value, the same one of the column as it is stored, which finds rows
// by the table's order. The exact condition stays.
func narrowed(terms []dialect.Expr) []dialect.Expr {
	var all []dialect.Expr
	for _, t := range terms {
		if x, ok := t.(*dialect.Operator); ok && strings.Contains(" = < <= > >= ", " "+x.Name+" ") {
			_, constant := x.Right.(*dialect.Constant)
			_, param := x.Right.(*dialect.Param)
			ref, ok := x.Left.(*dialect.ColumnRef)
			if ok && ref.Column != nil && factsOf(ref.Column).kind == asNumeric && (constant || param) {
				column, bare, like := *ref.Column, *ref, *x
				f := factsOf(ref.Column)
				f.raw = true
				column.Facts, bare.Column = f, &column
				like.Left = &bare
				all = append(all, &like)
			}
		}
		all = append(all, t)
	}
	return all
}

// checked refuses groups in a subquery, whose columns are written otherwise in its list than among its groups, and joins within
// parentheses, which ClickHouse's grammar has not.
func checked(from dialect.From) error {
	switch f := from.(type) {
	case *dialect.Subquery:
		if f.Select.Distinct || len(f.Select.GroupBy) > 0 {
			return &dialect.Unproven{What: "groups in a subquery"}
		}
		return checked(f.Select.From)
	case *dialect.Join:
		if _, nested := f.Right.(*dialect.Join); nested {
			return &dialect.Unproven{What: "a join on the right side of a join"}
		}
		if err := checked(f.Left); err != nil {
			return err
		}
		return checked(f.Right)
	}
	return nil
}

// output writes an item of the outermost select list, as its reader wants it.
func output(text string, raw dialect.Raw) (string, error) {
	if raw.Column != nil {
		if wide, err := compared(text, raw.Column); err == nil {
			text = wide // as it stands among groups
		}
		return factsOf(raw.Column).shownAs(text), nil
	}
	f, ok := kindOf(raw.Type)
	if !ok {
		return "", &dialect.Unproven{What: "a value of type " + raw.Type.String()}
	}
	if raw.Type.OID == pgtype.TimestamptzOID {
		return "toUnixTimestamp64Micro(toDateTime64(" + text + ", 6, 'UTC'))", nil
	}
	if f.kind == asBoolean {
		return "toBool(" + text + ")", nil
	}
	if f.kind == asNumeric && raw.Number.Fixed && raw.Number.Known && raw.Number.Scale > 0 {
		return "CAST(" + text + ", 'Nullable(Decimal(76, " + strconv.Itoa(raw.Number.Scale) + "))')", nil
	}
	return text, nil
}

// castType is a type as CAST takes it; all of them take NULL.
func castType(t dialect.Type) (string, bool) {
	of := func(name string) (string, bool) { return "Nullable(" + name + ")", true }
	switch t.OID {
	case pgtype.BoolOID:
		return of("Bool")
	case pgtype.Int2OID:
		return of("Int16")
	case pgtype.Int4OID:
		return of("Int32")
	case pgtype.Int8OID:
		return of("Int64")
	case pgtype.NumericOID:
		precision, scale, ok := t.Numeric()
		if !ok || precision > 76 || scale < 0 || scale > precision {
			return "", false
		}
		return of(fmt.Sprintf("Decimal(%d, %d)", precision, scale))
	case pgtype.Float8OID:
		return of("Float64")
	case pgtype.TextOID, pgtype.VarcharOID:
		return of("String")
	case pgtype.DateOID:
		return of("Date32")
	case pgtype.TimestamptzOID:
		return of("DateTime64(6, 'UTC')")
	}
	return "", false
}

// storedParam is the number from which parameters stand for the values that a change stores.
const storedParam = 1 << 20

// value leaves the place of a constant or a parameter: its literal is written when the statement runs.
func (c *compiler) value(_ int, e dialect.Expr) (text string, bound bool, err error) {
	p := piece{value: true}
	var ok bool
	if p.facts, ok = kindOf(e.ResultType()); !ok || p.facts.kind == asBytes || p.facts.kind == asJSON || p.facts.kind == asFloat4 {
		return "", false, &dialect.Unproven{What: "a value of type " + e.ResultType().String()}
	}
	switch p.facts.kind {
	case asDate:
		p.facts.low, p.facts.high = "1900-01-01", "2299-12-31"
	case asMicros:
		p.facts.low, p.facts.high = "1900-01-01 00:00:00", "2299-12-31 23:59:59.999999"
	}
	switch x := e.(type) {
	case *dialect.Constant:
		p.text, p.null = x.Text, x.Null
		if _, err := p.literal(nil); err != nil {
			return "", false, &dialect.Unproven{What: "a constant of type " + e.ResultType().String() + " that ClickHouse has not"}
		}
	case *dialect.Param:
		if x.Number >= storedParam {
			p = c.stored[x.Number-storedParam]
		} else {
			p.number, p.unproven, p.unknown = x.Number, true, x.Number == 0
		}
	}
	c.values = append(c.values, p)
	return mark + strconv.Itoa(len(c.values)-1) + mark, false, nil
}

// mark stands around the number of a value in a text that is not finished.
const mark = "\x02"

// pieces takes a finished text apart at its values.
func (c *compiler) pieces(text string) ([]piece, error) {
	var all []piece
	parts := strings.Split(text, mark)
	for i, part := range parts {
		if i%2 == 0 {
			all = append(all, piece{text: part})
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil || n >= len(c.values) {
			return nil, &dialect.Unproven{What: "a name with a control character"}
		}
		all = append(all, c.values[n])
	}
	return all, nil
}
