package ship

import (
	"fmt"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// GiveDetails is Give for predict_details: home makes the jsonb of each answer, so that a value is spelt as to_jsonb does.
// answers are of the model's own type, and details has one for each.
func GiveDetails(f *planner.Function, keys [][]byte, answers *udf.Column, details []answer.Detail) ([]stream.Query, error) {
	queries, err := Details(f, keys, answers, details)
	for i := range queries {
		queries[i].Text = "INSERT INTO pg_temp." + answersTable(f) + " " + queries[i].Text + " ON CONFLICT DO NOTHING"
	}
	return queries, err
}

// Details lists the queries that give each key with the details of its answer, as text.
func Details(f *planner.Function, keys [][]byte, answers *udf.Column, details []answer.Detail) ([]stream.Query, error) {
	if len(details) != len(keys) {
		return nil, fmt.Errorf("there are %d details of %d answers", len(details), len(keys))
	}
	var queries []stream.Query
	for from := 0; from < len(keys); from += giveRows {
		to := min(from+giveRows, len(keys))
		part := pgvalue.Slice([]udf.Column{*answers}, from, to)[0]
		q, err := detailsOf(f, keys[from:to], &part, details[from:to])
		if err != nil {
			return nil, err
		}
		queries = append(queries, q)
	}
	return queries, nil
}

func detailsOf(f *planner.Function, keys [][]byte, answers *udf.Column, details []answer.Detail) (stream.Query, error) {
	failed, cached, busy := udf.NewColumn(udf.Text, len(keys)), udf.NewColumn(udf.Bool, len(keys)), udf.NewColumn(udf.Float8, len(keys))
	for i, d := range details {
		if d.Err == nil {
			failed.SetNull(i)
		} else {
			failed.Texts[i] = f.Model.Failure(d.Err).Message
		}
		cached.Bools[i] = d.Cached
		busy.Floats[i] = float64(d.Busy.Round(time.Microsecond)) / float64(time.Millisecond)
	}
	model, version := udf.NewColumn(udf.Text, 1), udf.NewColumn(udf.Int4, 1)
	model.Texts[0], version.Ints[0] = f.Model.Name, int64(f.Model.Version)

	q := stream.Query{Formats: []int16{pgvalue.BinaryFormat, pgvalue.TextFormat}}
	cast := ""
	for _, c := range []*udf.Column{{Type: udf.Bytea, Bytes: keys}, answers, &failed, &cached, &busy} {
		array, value, how, err := valuesOf(c)
		if err != nil {
			return stream.Query{}, err
		}
		if c == answers {
			cast = how
		}
		q.Types, q.Params = append(q.Types, array), append(q.Params, value)
	}
	for _, c := range []*udf.Column{&model, &version} {
		value, err := pgvalue.Append(nil, c, 0, pgvalue.BinaryFormat)
		if err != nil {
			return stream.Query{}, err
		}
		q.Types, q.Params = append(q.Types, c.Type.OID()), append(q.Params, value)
	}
	q.Text = "SELECT k, pg_catalog.jsonb_build_object('value', pg_catalog.to_jsonb(a" + cast +
		"), 'error', e, 'model', $6, 'version', $7, 'cached', c, 'milliseconds', m, 'tokens', NULL)" +
		" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5))" +
		" AS r(k, a, e, c, m)"
	return q, nil
}
