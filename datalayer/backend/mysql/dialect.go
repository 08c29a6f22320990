package mysql

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// proven is what MySQL and MariaDB answer as PostgreSQL does, beside dialect.Base. Texts are compared under a binary
// collation without padding (newSQL's Column). Not here: int2 and int4 arithmetic, which MySQL does in 64 bits; int8 - int8,
// of which it lets one result pass that does not fit; casts to numeric(p,s), which cut what is too large; ||, of
// which a result above max_allowed_packet is NULL; floats, which it computes and sums in another order; lower and upper,
// whose tables of letters differ.
const proven = `
int8 {+,*} {int2,int4,int8}
{int2,int4} {+,*} int8
numeric {+,-,*} numeric
{int2,int4,int8}::numeric => $1
abs(numeric)

count({json,jsonb,uuid}) => !
sum({int2,int4}) => CAST(sum($1) AS SIGNED)
sum({int8,numeric})
bpchar {=,<>,<,<=,>,>=} bpchar
group({bpchar,bytea})
order(bpchar)
bpchar::text => $1
count(distinct bpchar)
bytea {=,<>} bytea

text ~~ text => $1 LIKE $2 if plain 2
text !~~ text => $1 NOT LIKE $2 if plain 2
length(text) => CHAR_LENGTH($1)
char_length(text) => CHAR_LENGTH($1)
octet_length(text) => LENGTH($1)
substring(text,int4,int4) => SUBSTRING($1, $2, $3) if positive 2, positive 3
substr(text,int4,int4) => SUBSTRING($1, $2, $3) if positive 2, positive 3
text is distinct from text => NOT $1 <=> $2
{date,timestamp,timestamptz} is distinct from \1 => NOT $1 <=> $2
timestamp::date => CAST($1 AS DATE)
date::timestamp => CAST($1 AS DATETIME(6))
`

// Entries are the constructs that MySQL and MariaDB are proven to answer as PostgreSQL does.
func Entries() dialect.Entries { return dialect.ReadEntries(dialect.Base, proven) }

// newSQL describes the server's SQL to the renderer.
func newSQL(s server) *dialect.SQL {
	return &dialect.SQL{
		Entries:      Entries(),
		Quote:        quote,
		Column:       s.compared,
		Output:       s.output,
		Type:         castType,
		MaxDigits:    65,
		NoFullJoin:   true,
		NoFilter:     true,
		NoNullsOrder: true,
		Limit:        limit,
		Lock:         " FOR UPDATE",
		Semi:         true,
	}
}

// compared writes a column in an expression: texts as UTF-8 under the binary collation.
func (s server) compared(ref string, c *dialect.Column) (string, error) {
	f := factsOf(c)
	switch {
	case !f.wrapped || f.raw:
		return ref, nil
	case f.charset == "utf8mb4" && f.words == nil:
		return "(" + ref + " COLLATE " + s.binary + ")", nil
	}
	return "(CONVERT(" + ref + " USING utf8mb4) COLLATE " + s.binary + ")", nil
}

// output writes an item of the outermost select list: DISTINCT must tell texts apart there too.
func (s server) output(text string, raw dialect.Raw) (string, error) {
	if raw.Column == nil {
		return text, nil
	}
	return s.compared(text, raw.Column)
}

// limit writes LIMIT and OFFSET: there is no OFFSET alone.
func limit(limit, offset string) string {
	if limit == "" {
		limit = "18446744073709551615"
	}
	if offset == "" {
		return " LIMIT " + limit
	}
	return " LIMIT " + limit + " OFFSET " + offset
}

// castType is a type as CAST takes it.
func castType(t dialect.Type) (string, bool) {
	switch t.OID {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		return "SIGNED", true
	case pgtype.NumericOID:
		precision, scale, ok := t.Numeric()
		return fmt.Sprintf("DECIMAL(%d,%d)", precision, scale), ok && precision <= 65 && scale >= 0 && scale <= 30 && scale <= precision
	case pgtype.Float8OID:
		return "DOUBLE", true
	case pgtype.DateOID:
		return "DATE", true
	case pgtype.TimestampOID, pgtype.TimestamptzOID:
		return "DATETIME(6)", true
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID:
		return "CHAR", true
	}
	return "", false
}

// storedParam is the number from which parameters stand for the values that a change stores, in the compiler's own list.
const storedParam = 1 << 20

// value writes a constant or a parameter of an expression.
func (c *compiler) value(_ int, e dialect.Expr) (text string, bound bool, err error) {
	f, ok := kindOf(e.ResultType())
	switch x := e.(type) {
	case *dialect.Param:
		if x.Number >= storedParam {
			return "?", true, nil
		}
		if !ok || f.kind == asFloat4 || f.kind == asJSON || f.kind == asBit {
			return "", false, &dialect.Unproven{What: "a parameter of type " + x.Type.String()}
		}
		return f.mark(), true, nil
	case *dialect.Constant:
		if ok {
			text, err = constantText(f, x)
			return text, false, err
		}
	}
	return "", false, &dialect.Unproven{What: "a value of type " + e.ResultType().String()}
}

// constantText writes a constant that is not NULL.
func constantText(f facts, x *dialect.Constant) (string, error) {
	unproven := &dialect.Unproven{What: "a constant of type " + x.Type.String() + " that MySQL has not"}
	v, err := f.bind(x.Text, "")
	if err != nil {
		return "", unproven
	}
	switch f.kind {
	case asInteger, asNumeric:
		text := fmt.Sprint(v)
		if len(text) > 60 || strings.Trim(text, "-0123456789.") != "" {
			return "", unproven
		}
		if text[0] == '-' {
			return "(" + text + ")", nil
		}
		return text, nil
	case asFloat8:
		n, _ := v.(float64)
		return "(" + strconv.FormatFloat(n, 'e', -1, 64) + ")", nil
	case asText, asChar:
		return literal(fmt.Sprint(v)), nil
	case asBytes:
		raw, _ := v.([]byte)
		return fmt.Sprintf("X'%x'", raw), nil
	case asDate:
		return "DATE" + literal(fmt.Sprint(v)), nil
	case asTimestamp, asTimestamptz:
		return "TIMESTAMP" + literal(fmt.Sprint(v)), nil
	}
	return "", unproven
}

// checked refuses what the renderer cannot see: results with more digits behind the point than a decimal has, arithmetic
// of unsigned numbers, which MySQL does without signs, and DISTINCT over texts inside of a subquery.
func checked(s *dialect.Select) error {
	var err error
	dialect.WalkStatement(s, func(e dialect.Expr) bool {
		if n := dialect.NumberOf(e); e.ResultType().OID == pgtype.NumericOID && n.Known && n.Scale > 30 {
			err = &dialect.Unproven{What: "a number with more than 30 digits behind the point"}
		}
		if o, ok := e.(*dialect.Operator); ok && (o.Name == "+" || o.Name == "-" || o.Name == "*") {
			dialect.Walk(o, func(e dialect.Expr) bool {
				if c := storedColumn(e); c != nil && strings.Contains(c.NativeType, "unsigned") {
					err = &dialect.Unproven{What: "arithmetic of unsigned numbers"}
				}
				return true
			})
		}
		return err == nil
	})
	if err == nil {
		err = innerDistinct(s.From)
	}
	return err
}

// innerDistinct looks for DISTINCT in subqueries.
func innerDistinct(from dialect.From) error {
	switch f := from.(type) {
	case *dialect.Subquery:
		if f.Select.Distinct {
			return &dialect.Unproven{What: "DISTINCT in a subquery"}
		}
		return innerDistinct(f.Select.From)
	case *dialect.Join:
		if err := innerDistinct(f.Left); err != nil {
			return err
		}
		return innerDistinct(f.Right)
	}
	return nil
}

// storedColumn is the stored column that an expression is, also through subqueries; nil for none.
func storedColumn(e dialect.Expr) *dialect.Column {
	for {
		ref, ok := e.(*dialect.ColumnRef)
		if !ok {
			return nil
		}
		if ref.Column != nil {
			return ref.Column
		}
		e = ref.Inner
	}
}

// narrowed adds, to the equality of a text column with values, the same condition as the column's own collation sees it: it
// takes more texts for equal, never fewer, and finds them by an index. The exact condition stays.
func narrowed(terms []dialect.Expr) []dialect.Expr {
	var all []dialect.Expr
	loosely := func(e dialect.Expr) (dialect.Expr, bool) {
		ref, ok := e.(*dialect.ColumnRef)
		if !ok || ref.Column == nil || !factsOf(ref.Column).wrapped || factsOf(ref.Column).words != nil {
			return nil, false
		}
		column, bare := *ref.Column, *ref
		f := factsOf(ref.Column)
		f.raw = true
		column.Facts, bare.Column = f, &column
		return &bare, true
	}
	for _, t := range terms {
		switch x := t.(type) {
		case *dialect.Operator:
			_, constant := x.Right.(*dialect.Constant)
			_, param := x.Right.(*dialect.Param)
			left := x.Left
			if c, ok := left.(*dialect.Cast); ok && c.To.OID == pgtype.TextOID && c.Arg.ResultType().OID == pgtype.VarcharOID {
				left = c.Arg
			}
			if bare, ok := loosely(left); ok && x.Name == "=" && (constant || param) {
				like := *x
				like.Left = bare
				if bare.ResultType().OID == pgtype.VarcharOID {
					like.Left = &dialect.Cast{Arg: bare, To: dialect.Type{OID: pgtype.TextOID, Mod: -1}}
				}
				all = append(all, &like)
			}
		case *dialect.ArrayOp:
			if bare, ok := loosely(x.Left); ok && x.Name == "=" && !x.All {
				like := *x
				like.Left = bare
				all = append(all, &like)
			}
		}
		all = append(all, t)
	}
	return all
}
