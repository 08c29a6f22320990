package ship

import (
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// giveRows is the number of answers that one query gives to home.
const giveRows = 10_000

// Give lists the queries that put answers, one for each key, into a function's table. Each takes effect once it has run.
func Give(f *planner.Function, keys [][]byte, answers *udf.Column) ([]stream.Query, error) {
	var queries []stream.Query
	for from := 0; from < len(keys); from += giveRows {
		to := min(from+giveRows, len(keys))
		part := pgvalue.Slice([]udf.Column{*answers}, from, to)[0]
		q, err := give(f, keys[from:to], &part)
		if err != nil {
			return nil, err
		}
		queries = append(queries, q)
	}
	return queries, nil
}

func give(f *planner.Function, keys [][]byte, answers *udf.Column) (stream.Query, error) {
	list, err := pgvalue.AppendArray(nil, &udf.Column{Type: udf.Bytea, Bytes: keys}, udf.Bytea.OID())
	if err != nil {
		return stream.Query{}, err
	}
	value := "a"
	if f.Encoded && holdsText(answers.Type) {
		written, err := texts(answers)
		if err != nil {
			return stream.Query{}, err
		}
		value, answers = "pg_catalog.convert_from(a, 'UTF8')::"+answers.Type.String(), encoded(written)
	}
	array, values, cast, err := valuesOf(answers)
	if err != nil {
		return stream.Query{}, err
	}
	return stream.Query{
		Text: "INSERT INTO pg_temp." + answersTable(f) + " SELECT k, " + value + cast +
			" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS r(k, a) ON CONFLICT DO NOTHING",
		Types: []uint32{udf.Bytea.ArrayOID(), array}, Params: [][]byte{list, values},
	}, nil
}

// holdsText reports whether values of a type have characters of any kind.
func holdsText(t udf.Type) bool {
	return t == udf.Text || t == udf.JSON || t == udf.JSONB || t == udf.TextArray
}

// encoded are the bytes of texts.
func encoded(c *udf.Column) *udf.Column {
	out := udf.NewColumn(udf.Bytea, c.Len())
	for i := range c.Len() {
		if c.Null(i) {
			out.SetNull(i)
			continue
		}
		out.Bytes[i] = []byte(c.Texts[i])
	}
	return &out
}

// valuesOf gives a column as an array parameter: its type, its value, and the cast that its elements need, "" for none.
func valuesOf(c *udf.Column) (array uint32, value []byte, cast string, err error) {
	array, elem := c.Type.ArrayOID(), c.Type.OID()
	if array == 0 || !pgvalue.Encodable(c.Type, pgvalue.BinaryFormat) {
		array, elem, cast = udf.Text.ArrayOID(), udf.Text.OID(), "::"+c.Type.String()
		if c, err = texts(c); err != nil {
			return 0, nil, "", err
		}
	}
	value, err = pgvalue.AppendArray(nil, c, elem)
	return array, value, cast, err
}

// texts prints a column's values as PostgreSQL reads them.
func texts(c *udf.Column) (*udf.Column, error) {
	out := udf.NewColumn(udf.Text, c.Len())
	for i := range c.Len() {
		if c.Null(i) {
			out.SetNull(i)
			continue
		}
		v, err := pgvalue.Append(nil, c, i, pgvalue.TextFormat)
		if err != nil {
			return nil, fmt.Errorf("an answer: %w", err)
		}
		out.Texts[i] = string(v)
	}
	return &out, nil
}

// statsRows is the number of answers from which on home is to know the size of a function's table: its plan for looking
// one up was made when the table was empty or small.
const statsRows = 64

// Analyze is the statement that tells home the size of a function's table, "" where it is not needed.
func Analyze(f *planner.Function, before, after int) string {
	for n := statsRows; n <= after; n *= 4 {
		if before < n && after >= n {
			return "ANALYZE pg_temp." + answersTable(f)
		}
	}
	return ""
}
