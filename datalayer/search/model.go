package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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

// Virtual finds a model that Function has named; nil where the name is not of that kind. Its answers hold as long as
// the revision does.
func (k *Keeper) Virtual(name string) (m udf.Model, revision string, err error) {
	function, rest, ok := strings.Cut(name, "(")
	index, closed := strings.CutSuffix(rest, ")")
	if !ok || !closed || function != "nearest" && function != "similarity" {
		return nil, "", nil
	}
	x, err := k.find(index)
	if err != nil {
		return nil, "", err
	}
	if _, err := x.opened(); err != nil {
		return nil, "", err
	}
	return &finder{x: x, nearest: function == "nearest"}, x.state(context.Background()), nil
}

// finder is an index as a model: nearest(by, query, n) gives a JSON array of objects with the key's columns and score;
// similarity(key, by, query) gives a number.
type finder struct {
	x       *index
	nearest bool
}

// Signature implements udf.Model.
func (f *finder) Signature() udf.Signature {
	if f.nearest {
		return udf.Signature{Returns: udf.JSONB, Args: []udf.Arg{{Name: "by", Type: udf.Text}, {Name: "query", Type: udf.Text}, {Name: "n", Type: udf.Int8}}}
	}
	return udf.Signature{Returns: udf.Float8, Args: []udf.Arg{{Name: "key", Type: udf.Text}, {Name: "by", Type: udf.Text}, {Name: "query", Type: udf.Text}}}
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
	queries := map[[2]string][]float32{}
	for i := range rows {
		if args[0].Null(i) || args[1].Null(i) || args[2].Null(i) {
			answer.SetNull(i)
			continue
		}
		by, query := &args[0], &args[1]
		if !f.nearest {
			by, query = &args[1], &args[2]
		}
		asked := [2]string{by.Texts[i], query.Texts[i]}
		q, known := queries[asked]
		if !known {
			if q, err = f.x.query(ctx, store, asked[0], asked[1]); err != nil {
				return udf.Column{}, &udf.RowError{Row: i, Err: err}
			}
			queries[asked] = q
		}
		if f.nearest {
			answer.Texts[i], err = f.x.search(store, q, args[2].Ints[i])
		} else {
			err = f.x.similar(store, q, args[0].Texts[i], &answer, i)
		}
		if err != nil {
			return udf.Column{}, &udf.RowError{Row: i, Err: err}
		}
	}
	return answer, ctx.Err()
}

// query makes a vector of what was asked; nil where nothing is like it: of a key that is not there, or while there is no row.
func (x *index) query(ctx context.Context, store *vector.Store, by, text string) ([]float32, error) {
	if store == nil {
		return nil, nil
	}
	if by == ByKey {
		it, _ := store.Get(text)
		return it.Vector, nil
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
func queryError(name string, store *vector.Store, v []float32, err error) error {
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
func (x *index) search(store *vector.Store, q []float32, n int64) (string, error) {
	if n < 0 || n > MaxNearest {
		return "", fault("22023", fmt.Sprintf("a search gives from 0 to %d rows, not %d", MaxNearest, n), "")
	}
	if q == nil {
		return "[]", nil
	}
	found, err := store.Search(q, int(n), nil)
	if err != nil {
		return "", err
	}
	x.mu.Lock()
	key := x.source.key
	x.mu.Unlock()
	names := make([]string, len(key))
	for i, c := range key {
		name := c.Name
		if strings.HasPrefix(name, `"`) {
			name = strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
		}
		names[i] = string(udf.AppendJSONString(nil, name))
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

// similar answers one row: NULL where its key is not in the index.
func (x *index) similar(store *vector.Store, q []float32, key string, answer *udf.Column, i int) error {
	if q == nil {
		answer.SetNull(i)
		return nil
	}
	score, there, err := store.Score(key, q)
	if err != nil {
		return err
	}
	if !there {
		answer.SetNull(i)
		return nil
	}
	// The number that the float32 is printed as, as nearest gives it.
	f, err := strconv.ParseFloat(strconv.FormatFloat(float64(score), 'g', -1, 32), 64)
	if err != nil || math.IsNaN(f) {
		return fmt.Errorf("score %v: %w", score, err)
	}
	answer.Floats[i] = f
	return nil
}
