package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/vector"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// The two ways that a search can be asked for, as a statement's text names them.
const (
	// ByQuery: the query is a vector as an array or pgvector prints it, or a text for the index's model.
	ByQuery = "query"
	// ByKey: the query is the key of a row of the index.
	ByKey = "key"
)

// MaxNearest is the largest number of rows that one search gives.
const MaxNearest = 10_000

// Function names the model that stands for a function of an index in a statement. No component has such a name, for it ends
// in a parenthesis and what is before it is looked for among indexes.
func Function(function, index string) string { return function + "(" + index + ")" }

// Indexed gives the index that a name of Function's is for.
func Indexed(name string) (index string, is bool) {
	function, rest, ok := strings.Cut(name, "(")
	index, closed := strings.CutSuffix(rest, ")")
	return index, ok && closed && (function == "nearest" || function == "similarity" || function == "vector")
}

// Near are rows of an index.
type Near struct {
	// Rows is a JSON array of objects with the key's columns and score, the best first.
	Rows string
	// Of is the number of rows in the index; 0 where nothing is like the query.
	Of int
}

// Near gives the n rows of an index that are nearest to a query, which by says how to read.
func (k *Keeper) Near(ctx context.Context, name, by, text string, n int) (*Near, error) {
	x, err := k.find(name)
	if err != nil {
		return nil, err
	}
	store, err := x.opened()
	if err != nil {
		return nil, err
	}
	q, err := x.query(ctx, store, by, text)
	if err != nil || q == nil {
		return &Near{Rows: "[]"}, err
	}
	rows, err := x.search(ctx, store, q, int64(n))
	return &Near{Rows: rows, Of: store.Len()}, err
}

// Virtual finds a model that Function has named; nil where the name is not of that kind. Its answers hold as long as
// the revision does.
func (k *Keeper) Virtual(name string) (m udf.Model, revision string, err error) {
	index, is := Indexed(name)
	if !is {
		return nil, "", nil
	}
	x, err := k.find(index)
	if err != nil {
		return nil, "", err
	}
	if _, err := x.opened(); err != nil {
		return nil, "", err
	}
	f := &finder{x: x}
	f.function, _, _ = strings.Cut(name, "(")
	return f, x.state(context.Background()), nil
}

// finder is an index as a model: nearest(by, query, n) gives a JSON array of objects with the key's columns and score;
// similarity(key, by, query) gives a number; vector(by, query) the vector that is looked for.
type finder struct {
	x        *index
	function string
}

// Signature implements udf.Model.
func (f *finder) Signature() udf.Signature {
	by, query := udf.Arg{Name: "by", Type: udf.Text}, udf.Arg{Name: "query", Type: udf.Text}
	switch f.function {
	case "nearest":
		return udf.Signature{Returns: udf.JSONB, Args: []udf.Arg{by, query, {Name: "n", Type: udf.Int8}}}
	case "vector":
		return udf.Signature{Returns: udf.Float4Array, Args: []udf.Arg{by, query}}
	}
	return udf.Signature{Returns: udf.Float8, Args: []udf.Arg{{Name: "key", Type: udf.Text}, by, query}}
}

// Deterministic implements udf.Model: within a revision.
func (f *finder) Deterministic() bool { return true }

// MaxBatch implements udf.Model.
func (f *finder) MaxBatch() int { return 4096 }

// Close implements udf.Model.
func (f *finder) Close() error { return nil }

// Predict implements udf.Model.
func (f *finder) Predict(ctx context.Context, args []udf.Column) (udf.Column, error) {
	rows, err := udf.CheckArgs(f.Signature(), args)
	if err != nil {
		return udf.Column{}, err
	}
	answer := udf.NewColumn(f.Signature().Returns, rows)
	store, err := f.x.opened()
	if err != nil {
		return udf.Column{}, err
	}
	by, query := &args[0], &args[1]
	if f.function == "similarity" {
		by, query = &args[1], &args[2]
	}
	asked := map[[2]string][]int{} // the rows of each query
	for i := range rows {
		if slices.ContainsFunc(args, func(c udf.Column) bool { return c.Null(i) }) {
			answer.SetNull(i)
			continue
		}
		at := [2]string{by.Texts[i], query.Texts[i]}
		asked[at] = append(asked[at], i)
	}
	for at, rows := range asked {
		q, err := f.x.query(ctx, store, at[0], at[1])
		if err == nil {
			err = f.answer(ctx, store, q, args, rows, &answer)
		}
		if err != nil {
			return udf.Column{}, &udf.RowError{Row: rows[0], Err: err}
		}
	}
	return answer, ctx.Err()
}

// answer answers the rows of one query; nil is one that nothing is like.
func (f *finder) answer(ctx context.Context, store holder, q []float32, args []udf.Column, rows []int, answer *udf.Column) error {
	switch {
	case f.function == "nearest":
		for _, i := range rows {
			var err error
			if answer.Texts[i], err = f.x.search(ctx, store, q, args[2].Ints[i]); err != nil {
				return err
			}
		}
	case q == nil:
		for _, i := range rows {
			answer.SetNull(i)
		}
	case f.function == "vector":
		cfg, err := f.x.config(store.Dimension())
		if err != nil {
			return err
		}
		own, err := cfg.Normal(q)
		if err != nil {
			return err
		}
		for _, i := range rows {
			for _, c := range own {
				answer.FloatLists[i] = append(answer.FloatLists[i], float64(c))
			}
		}
	default:
		return f.similar(ctx, store, q, args[0].Texts, rows, answer)
	}
	return nil
}

// query makes a vector of what was asked; nil where nothing is like it: of a key that is not there, or while there is no row.
func (x *index) query(ctx context.Context, store holder, by, text string) ([]float32, error) {
	if store == nil {
		return nil, nil
	}
	if by == ByKey {
		return store.vectorOf(ctx, text)
	}
	if v, ok := parseVector(text); ok {
		if err := store.Check(v); err != nil {
			return nil, queryError(x.name, store, v, err)
		}
		return v, nil
	}
	x.mu.Lock()
	s := x.source
	x.mu.Unlock()
	vectors, err := x.keeper.embed(ctx, s, []string{text})
	if err != nil {
		return nil, err
	}
	if err := store.Check(vectors[0]); err != nil {
		return nil, queryError(x.name, store, vectors[0], err)
	}
	return vectors[0], nil
}

// queryError says why a vector cannot be searched for.
func queryError(name string, store holder, v []float32, err error) error {
	if errors.Is(err, vector.ErrDimension) {
		return fault("22023", fmt.Sprintf("the query has %d components, and vector index %q has %d", len(v), name, store.Dimension()), "")
	}
	return fault("22023", "the query cannot be searched for: "+err.Error(), "")
}

// parseVector reads a vector as PostgreSQL prints an array, or pgvector a vector.
func parseVector(text string) ([]float32, bool) {
	text = strings.TrimSpace(text)
	if len(text) < 2 || !(text[0] == '{' && text[len(text)-1] == '}' || text[0] == '[' && text[len(text)-1] == ']') {
		return nil, false
	}
	var v []float32
	for part := range strings.SplitSeq(text[1:len(text)-1], ",") {
		f, err := strconv.ParseFloat(strings.TrimSpace(part), 32)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, false
		}
		v = append(v, float32(f))
	}
	return v, true
}

// search gives the nearest rows as JSON.
func (x *index) search(ctx context.Context, store holder, q []float32, n int64) (string, error) {
	if n < 0 || n > MaxNearest {
		return "", fault("22023", fmt.Sprintf("a search gives from 0 to %d rows, not %d", MaxNearest, n), "")
	}
	if q == nil {
		return "[]", nil
	}
	found, err := store.search(ctx, q, int(n))
	if err != nil {
		return "", err
	}
	x.mu.Lock()
	key := x.source.key
	x.mu.Unlock()
	names := make([]string, len(key))
	for i, c := range key {
		names[i] = string(udf.AppendJSONString(nil, unquoted(c.Name)))
	}
	out := []byte{'['}
	for i, m := range found {
		var values []json.RawMessage
		if err := json.Unmarshal([]byte(m.Key), &values); err != nil || len(values) != len(names) {
			return "", fmt.Errorf("key of vector index %q cannot be read: %w", x.name, err)
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '{')
		for c, name := range names {
			out = append(append(append(out, name...), ':'), values[c]...)
			out = append(out, ',')
		}
		out = append(out, `"score":`...)
		out = strconv.AppendFloat(out, float64(m.Score), 'g', -1, 32)
		out = append(out, '}')
	}
	return string(append(out, ']')), nil
}

// similar answers the similarity of rows: minus infinity where the key is not in the index, so that it comes after all
// others.
func (f *finder) similar(ctx context.Context, store holder, q []float32, keys []string, rows []int, answer *udf.Column) error {
	own := make([]string, len(rows))
	for i, row := range rows {
		own[i] = keys[row]
	}
	scores, err := store.scores(ctx, q, own)
	if err != nil {
		return err
	}
	for i, row := range rows {
		score, there := scores[own[i]]
		if !there {
			answer.Floats[row] = math.Inf(-1)
			continue
		}
		// The number that the float32 is printed as, as nearest gives it.
		number, err := strconv.ParseFloat(strconv.FormatFloat(float64(score), 'g', -1, 32), 64)
		if err != nil || math.IsNaN(number) {
			return fmt.Errorf("score %v: %w", score, err)
		}
		answer.Floats[row] = number
	}
	return nil
}
