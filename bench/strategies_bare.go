package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/starlark"
)

// twiceSource is the model twice.
const twiceSource = "\ndef predict(k):\n    return k * 2\n"

// bareModel is the model twice in this process, with the arguments of one column of the table asked.
type bareModel struct {
	model udf.Model
	// all has the arguments of all rows, one the same in batches of one row, and distinct each argument once.
	all, one, distinct *batches
	// whole, single and few are the times of these, in ms, by round.
	whole, single, few []float64
}

// newBare loads the model, and the arguments straight from the server.
func newBare(ctx context.Context, s *settings, d distinct) (*bareModel, error) {
	arg := udf.Arg{Name: "k", Type: udf.Int4}
	model, err := starlark.New(starlark.Config{}).Load(ctx,
		udf.Spec{Name: "twice", Version: 1, Source: twiceSource, Args: []udf.Arg{arg}, Returns: udf.Int4})
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, s.dsn(s.direct.port))
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT "+d.column+" FROM asked")
	if err != nil {
		return nil, err
	}
	ks, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, err
	}
	var once []int64
	seen := make(map[int64]bool, d.count)
	for _, k := range ks {
		if !seen[k] {
			seen[k] = true
			once = append(once, k)
		}
	}
	return &bareModel{model: model, all: cutInts(ks, model.MaxBatch()), one: cutInts(ks, 1), distinct: cutInts(once, model.MaxBatch())}, nil
}

// cutInts cuts the arguments of a model of one int4 to batches, which share the memory of ks.
func cutInts(ks []int64, size int) *batches {
	b := &batches{rows: len(ks)}
	for from := 0; from < len(ks); from += size {
		b.cut = append(b.cut, []udf.Column{{Type: udf.Int4, Ints: ks[from:min(from+size, len(ks))]}})
	}
	return b
}

// measure calls the model with all its arguments, in batches, one by one, and each once; keep notes the times.
func (m *bareModel) measure(ctx context.Context, keep bool) error {
	for _, part := range []struct {
		args *batches
		to   *[]float64
	}{{m.all, &m.whole}, {m.one, &m.single}, {m.distinct, &m.few}} {
		took, err := timed(func() error { return part.args.run(ctx, m.model, 1) })
		if err != nil {
			return err
		}
		if keep {
			*part.to = append(*part.to, milliseconds(took))
		}
	}
	return nil
}

// report notes the bare model's times.
func (m *bareModel) report(r *report) {
	title := fmt.Sprintf("bare model, %d rows, %d distinct: ", m.all.rows, m.distinct.rows)
	r.add(title+fmt.Sprintf("batches of %d", m.model.MaxBatch()), "ms", m.whole)
	r.add(title+"one by one", "ms", m.single)
	r.add(title+"each argument once", "ms", m.few)
}

// streamONNX compares the ONNX classifier in a stream over all flights with the bare model on the same rows in batches,
// one call after another, as the part predict does, but with the cache of answers off.
func streamONNX(ctx context.Context, s *settings, r *report) error {
	model, err := load(ctx, s)
	if err != nil {
		return err
	}
	defer model.Close()
	all, err := arguments(ctx, s, model, "SELECT dep_delay, distance, hour, month FROM flights WHERE dep_delay IS NOT NULL")
	if err != nil {
		return err
	}
	if err := createModel(ctx, s); err != nil {
		return err
	}
	conn, err := dialRaw(ctx, s, s.proxy.port)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.query("SET predict.cache = off", nil); err != nil {
		return err
	}
	var sql, first, bare []float64
	for round := range s.rounds + 1 { // the first one warms up
		o, err := conn.query("SELECT "+call+" FROM flights", nil)
		if err != nil {
			return err
		}
		if o.rows < int64(all.rows) {
			return fmt.Errorf("predict gave %d rows where there are %d with arguments", o.rows, all.rows)
		}
		took, err := timed(func() error { return all.run(ctx, model, 1) })
		if err != nil {
			return err
		}
		if round > 0 {
			sql = append(sql, float64(o.rows)/o.whole.Seconds())
			first = append(first, milliseconds(o.first))
			bare = append(bare, float64(all.rows)/took.Seconds())
		}
	}
	r.add("stream, ONNX classifier over all flights", "rows/s", sql)
	r.add("stream, ONNX classifier: first row", "ms", first)
	r.add(fmt.Sprintf("ONNX classifier, bare, batches of %d", model.MaxBatch()), "rows/s", bare)
	r.ratio("stream, ONNX classifier: rows/s, predict / bare model", sql, bare, 0.9)
	return nil
}
