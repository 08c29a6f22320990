package listener_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// TestOutputsAreAnswers finds outputs by their arguments alone, each of many types, and only those of the version that is
// asked for.
func TestOutputsAreAnswers(t *testing.T) {
	t.Parallel()
	h := newHome(t, nil)
	var _ answer.Outputs = h.keeper
	h.do(items, "INSERT INTO items SELECT i, CASE WHEN i % 3 > 0 THEN 'w' || i END, i FROM generate_series(1, 100) i")
	h.listen(define("tags", "items", "tag", "word", "n::int2"))
	h.wait(tagged, recompute)
	model, err := h.models.Describe(t.Context(), "tag", 0)
	if err != nil {
		t.Fatal(err)
	}
	if names := h.keeper.Of(model); fmt.Sprint(names) != "[tags]" {
		t.Errorf("there are outputs of %v", names)
	}
	args := []udf.Column{{Type: udf.Text, Texts: []string{"w1", "w2", "w2", "no", "w100"}}, {Type: udf.Int4, Ints: []int64{1, 2, 3, 4, 100}}}
	places, answers, err := h.keeper.Find(t.Context(), model, args, []int32{4, 3, 2, 1})
	if err != nil || fmt.Sprint(places, answers.Texts) != "[0 3] [v1:w100/100 v1:w2/2]" {
		t.Errorf("found %v %v, %v", places, answers, err)
	}
	h.models.deploy("tag")
	next, err := h.models.Describe(t.Context(), "tag", 0)
	if err != nil {
		t.Fatal(err)
	}
	h.until("the outputs of the next version", func() string {
		places, answers, err := h.keeper.Find(t.Context(), next, args, []int32{1, 0})
		for _, text := range answers.Texts {
			if text != "v2:w1/1" && text != "v2:w2/2" {
				t.Fatalf("an answer of another version: %s", text)
			}
		}
		if err != nil || len(places) != 2 {
			return fmt.Sprint(places, err)
		}
		return ""
	})
	h.wait(tagged, "SELECT id, 'v2:' || word || '/' || n, 2 FROM items")
	h.do("DROP INDEX tags_input_hash_idx")
	h.until("no outputs without the index", func() string {
		if names := h.keeper.Of(next); names != nil {
			return fmt.Sprint(names)
		}
		return ""
	})
}

// TestHashOfEveryType holds the hash that is looked for against the one that was written, for values at the edges.
func TestHashOfEveryType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ    udf.Type
		values string
		column udf.Column
	}{
		{udf.Float8, "('-0'), (0.1), ('NaN'), ('Infinity'), (1e-310)", udf.Column{Floats: []float64{math.Copysign(0, -1), 0.1, math.NaN(), math.Inf(1), 1e-310}}},
		{udf.Float4, "(0.1), (3e38)", udf.Column{Floats: []float64{float64(float32(0.1)), float64(float32(3e38))}}},
		{udf.Numeric, "(1.00), (1.0), ('NaN'), (1e30)", udf.Column{Texts: []string{"1.00", "1.0", "NaN", "1000000000000000000000000000000"}}},
		{udf.Int8, "(1), (-5), (32767)", udf.Column{Ints: []int64{1, -5, 32767}}},
		{udf.Bool, "(true), (false)", udf.Column{Bools: []bool{true, false}}},
		{udf.Text, "(''), (E'a\\\\b\"c'), ('é€')", udf.Column{Texts: []string{"", `a\b"c`, "é€"}}},
		{udf.Bytea, `('\x00ff'), ('')`, udf.Column{Bytes: [][]byte{{0, 255}, {}}}},
		{udf.Timestamptz, "('2024-02-29 23:59:59.999999+00'), ('infinity')", udf.Column{Texts: []string{"2024-02-29 23:59:59.999999+00", "infinity"}}},
		{udf.JSONB, `('{"b": 1, "a": [null]}'), ('null')`, udf.Column{Texts: []string{`{"a": [null], "b": 1}`, "null"}}},
		{udf.UUID, "('00112233-4455-6677-8899-aabbccddeeff')", udf.Column{Texts: []string{"00112233-4455-6677-8899-aabbccddeeff"}}},
		{udf.Float8Array, "('{1,-0,NaN}'), ('{}')", udf.Column{FloatLists: [][]float64{{1, math.Copysign(0, -1), math.NaN()}, {}}}},
		{udf.TextArray, `('{a,"b c","",NULL2}')`, udf.Column{TextLists: [][]string{{"a", "b c", "", "NULL2"}}}},
	} {
		t.Run(c.typ.String(), func(t *testing.T) {
			t.Parallel()
			h := newHome(t, nil)
			h.models.set(func() { h.models.add("size", udf.Int8, c.typ) })
			h.do(fmt.Sprintf("CREATE TABLE things (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, x %s)", c.typ), "INSERT INTO things (x) VALUES "+c.values)
			h.listen(define("sizes", "things", "size", "x"))
			h.wait("SELECT id FROM sizes", "SELECT id FROM things")
			model, err := h.models.Describe(t.Context(), "size", 0)
			if err != nil {
				t.Fatal(err)
			}
			column := c.column
			column.Type = c.typ
			rows := make([]int32, column.Len())
			for i := range rows {
				rows[i] = int32(i)
			}
			places, answers, err := h.keeper.Find(t.Context(), model, []udf.Column{column}, rows)
			if err != nil || len(places) != len(rows) || answers.Len() != len(rows) {
				t.Errorf("found %v of %d rows, %v", places, len(rows), err)
			}
		})
	}
}
