package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// call is what every statement here asks of the model.
const call = "predict('late', dep_delay, distance, hour, month)"

// predict compares predictions in SQL over all flights with the bare model: the same file, loaded by the same runtime
// in this process, called on the same rows in batches of the size that it says is best, one call after another. The bare
// model's time holds no SQL, no protocol and no conversion; its rows are in memory.
//
// The proxy calls the model once for each distinct row of arguments; the bare model is called for every row. So that the
// gain of that shows, the bare model's figure over the distinct rows alone is printed too.
func predict(ctx context.Context, s *settings, r *report) error {
	model, err := load(ctx, s)
	if err != nil {
		return err
	}
	defer model.Close()
	const departed = "SELECT dep_delay, distance, hour, month FROM flights WHERE dep_delay IS NOT NULL"
	all, err := arguments(ctx, s, model, departed)
	if err != nil {
		return err
	}
	distinct, err := arguments(ctx, s, model, "SELECT DISTINCT * FROM ("+departed+") AS f")
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

	var sql, plain, bare, bareParallel, bareDistinct []float64
	for round := range s.rounds + 1 { // the first one warms up
		p, err := conn.query("SELECT "+call+" FROM flights", nil)
		if err != nil {
			return err
		}
		t, err := conn.query("SELECT dep_delay, distance, hour, month FROM flights", nil)
		if err != nil {
			return err
		}
		one, err := timed(func() error { return all.run(ctx, model, 1) })
		if err != nil {
			return err
		}
		two, err := timed(func() error { return all.run(ctx, model, 2) })
		if err != nil {
			return err
		}
		few, err := timed(func() error { return distinct.run(ctx, model, 1) })
		if err != nil {
			return err
		}
		if round == 0 {
			if p.rows != t.rows || p.rows < int64(all.rows) {
				return fmt.Errorf("predict gave %d rows where the table has %d", p.rows, t.rows)
			}
			continue
		}
		sql = append(sql, float64(p.rows)/p.whole.Seconds())
		plain = append(plain, float64(t.rows)/t.whole.Seconds())
		bare = append(bare, float64(all.rows)/one.Seconds())
		bareParallel = append(bareParallel, float64(all.rows)/two.Seconds())
		bareDistinct = append(bareDistinct, float64(distinct.rows)/few.Seconds())
	}
	r.add("predict over all flights: SQL through the proxy", "rows/s", sql)
	r.add(fmt.Sprintf("bare model, batches of %d, one at a time", model.MaxBatch()), "rows/s", bare)
	r.add("bare model, two at a time", "rows/s", bareParallel)
	r.add(fmt.Sprintf("bare model, the %d distinct rows only", distinct.rows), "rows/s", bareDistinct)
	r.add("the arguments alone: SELECT of the four columns", "rows/s", plain)
	r.ratio("predict rows/s: SQL / bare model", sql, bare, 0.7)
	r.ratio("predict rows/s: SQL / bare model, two at a time", sql, bareParallel, noAim)
	return nil
}

// batches are rows of arguments, cut to the size that a model takes.
type batches struct {
	cut  [][]udf.Column
	rows int
}

// run calls the model on every batch, on some goroutines side by side.
func (b *batches) run(ctx context.Context, model udf.Model, goroutines int) error {
	var wait sync.WaitGroup
	errs := make([]error, goroutines)
	for g := range goroutines {
		wait.Go(func() {
			for i := g; i < len(b.cut) && errs[g] == nil; i += goroutines {
				_, errs[g] = model.Predict(ctx, b.cut[i])
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// timed is how long f takes.
func timed(f func() error) (time.Duration, error) {
	started := time.Now()
	err := f()
	return time.Since(started), err
}

// arguments reads a query's rows, straight from the server, as the numbers that the model takes.
func arguments(ctx context.Context, s *settings, model udf.Model, query string) (*batches, error) {
	conn, err := pgx.Connect(ctx, s.dsn(s.direct.port))
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT dep_delay, distance, hour::float8, month::float8 FROM ("+query+") AS q")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	args := model.Signature().Args
	b := &batches{}
	var batch []udf.Column
	for rows.Next() {
		if b.rows%model.MaxBatch() == 0 {
			batch = make([]udf.Column, len(args))
			for i := range batch {
				batch[i].Type = args[i].Type
			}
			b.cut = append(b.cut, batch)
		}
		var v [4]float64
		if err := rows.Scan(&v[0], &v[1], &v[2], &v[3]); err != nil {
			return nil, err
		}
		for i := range batch {
			batch[i].Floats = append(batch[i].Floats, v[i])
		}
		b.rows++
	}
	return b, rows.Err()
}

// createModel adds the model through the proxy; a model that is there is the same and stays.
func createModel(ctx context.Context, s *settings) error {
	conn, err := pgx.Connect(ctx, s.dsn(s.proxy.port))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	path, err := filepath.Abs(s.model)
	if err != nil {
		return err
	}
	_, err = conn.PgConn().Exec(ctx, "CREATE OR REPLACE MODEL late FROM '"+path+"' USING onnx").ReadAll()
	return err
}
