package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// longest is how long one statement may run. One that runs longer is cancelled, is not run again, and counts as having
// taken so long: its figures say that they are not the whole.
const longest = 30 * time.Second

// distincts are the numbers of distinct arguments, each with its column of the table asked.
var distincts = []distinct{{10, "few"}, {10_000, "several"}, {500_000, "many"}}

// distinct is a number of distinct arguments and the column that has it.
type distinct struct {
	count  int
	column string
}

// shapeOfStatement is a statement with a function of one column, for each strategy.
type shapeOfStatement struct {
	name string
	// text has the function's call with its open parenthesis up to the argument as %[1]s, and the column as %[2]s.
	text string
	// writes says that the statement changes updated rows: it runs in a transaction that is rolled back.
	writes bool
	// aim is how many times the inlined function's time it may take, at 10 and 10,000 distinct arguments.
	aim float64
}

// shapes are the strategies: an answer beside each row that home sends (stream), and the arguments read ahead of one run, of
// SELECTs and of an UPDATE.
var shapes = []shapeOfStatement{
	{name: "stream", text: "SELECT %[1]s%[2]s) FROM asked"},
	{name: "GROUP BY, read ahead", text: "SELECT %[1]s%[2]s), count(*) FROM asked GROUP BY 1", aim: 3},
	{name: "FILTER, read ahead", text: "SELECT count(*) FILTER (WHERE %[1]s%[2]s) > 5) FROM asked", aim: 3},
	{name: "UPDATE, read ahead", text: "UPDATE changed SET v = %[1]s%[2]s)", writes: true, aim: 3},
}

// way is one way of having the function: at a server, by a call that begins so.
type way struct {
	name, call string
	port       int
	conn       *rawConn
}

// strategies measures predict over many rows and few, some and many distinct arguments, for each strategy of the proxy,
// with a model that costs next to nothing (k * 2), so that what is seen is the strategy's own cost. Beside it run
//
//   - the bare model, called in this process on the same arguments in batches and one by one, with no SQL;
//   - an SQL function of the same meaning, straight on the server, which PostgreSQL writes into the statement (inlines);
//   - a PL/pgSQL function of the same meaning, which PostgreSQL calls once per row. It stands for a model that is called
//     once per row, less what the model itself takes: a predict that calls once per row takes at least the time of this
//     function and of the bare model called one by one.
//
// The functions are not declared parallel safe, which is what CREATE FUNCTION makes. The cache of answers is off
// (predict.cache), so that no round finds the answers of the one before.
func strategies(ctx context.Context, s *settings, r *report) error {
	if err := prepareStrategies(ctx, s); err != nil {
		return fmt.Errorf("making the tables: %w", err)
	}
	if err := planning(s, r); err != nil {
		return fmt.Errorf("planning: %w", err)
	}
	if err := streamONNX(ctx, s, r); err != nil {
		return fmt.Errorf("the ONNX classifier: %w", err)
	}
	ways := []*way{
		{name: "predict", call: "predict('twice', ", port: s.proxy.port},
		{name: "inlined SQL", call: "twice_inlined(", port: s.direct.port},
		{name: "PL/pgSQL per row", call: "twice_per_row(", port: s.direct.port},
	}
	for _, w := range ways {
		conn, err := dialRaw(ctx, s, w.port)
		if err != nil {
			return err
		}
		defer conn.Close()
		w.conn = conn
	}
	if _, err := ways[0].conn.query("SET predict.cache = off", nil); err != nil {
		return err
	}
	for _, d := range distincts {
		if err := strategiesOf(ctx, s, r, d, ways); err != nil {
			return fmt.Errorf("%d distinct arguments: %w", d.count, err)
		}
	}
	return nil
}

// strategiesOf measures all strategies with one number of distinct arguments, in turns.
func strategiesOf(ctx context.Context, s *settings, r *report, d distinct, ways []*way) error {
	bare, err := newBare(ctx, s, d)
	if err != nil {
		return err
	}
	defer bare.model.Close()
	stopped := make([]bool, len(shapes))      // predict ran for too long
	whole := make([][][]float64, len(shapes)) // by shape and way, in ms
	first := make([][]float64, len(shapes))   // of predict
	for i := range whole {
		whole[i] = make([][]float64, len(ways))
	}
	for round := range s.rounds + 1 { // the first one warms up
		if err := bare.measure(ctx, round > 0); err != nil {
			return err
		}
		for i, shape := range shapes {
			rows := int64(-1)
			for turn := range ways {
				w := (turn + round) % len(ways)
				if w == 0 && stopped[i] {
					whole[i][w] = append(whole[i][w], milliseconds(longest))
					continue
				}
				o, err := shape.run(ways[w], d)
				if cancelled(err) && w == 0 {
					if stopped[i] = true; round > 0 {
						whole[i][w] = append(whole[i][w], milliseconds(longest))
					}
					continue
				}
				if err != nil {
					return fmt.Errorf("%s: %s: %w", shape.name, ways[w].name, err)
				}
				if rows >= 0 && o.rows != rows {
					return fmt.Errorf("%s: %s gave %d rows where the one before gave %d", shape.name, ways[w].name, o.rows, rows)
				}
				if rows = o.rows; round == 0 {
					continue
				}
				whole[i][w] = append(whole[i][w], milliseconds(o.whole))
				if w == 0 && !shape.writes {
					first[i] = append(first[i], milliseconds(o.first))
				}
			}
			if shape.writes {
				if err := vacuum(ctx, s); err != nil {
					return err
				}
			}
		}
	}
	bare.report(r)
	for i, shape := range shapes {
		title := fmt.Sprintf("%s, %d distinct", shape.name, bare.distinct.rows)
		if stopped[i] {
			title += fmt.Sprintf(" (stopped at %s)", longest)
		}
		for w := range ways {
			r.add(title+": "+ways[w].name, "ms", whole[i][w])
		}
		if !shape.writes && !stopped[i] {
			r.add(title+": first row of predict", "ms", first[i])
		}
		shape.compare(s, r, title, d, whole[i], bare)
	}
	return nil
}

// cancelled says that a statement was cancelled (SQLSTATE 57014).
func cancelled(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "57014"
}

// run has one way's statement run and counts its rows; it is cancelled when it runs too long.
func (t *shapeOfStatement) run(w *way, d distinct) (o outcome, err error) {
	if t.writes {
		if _, err := w.conn.query("BEGIN", nil); err != nil {
			return o, err
		}
		defer func() {
			_, rollback := w.conn.query("ROLLBACK", nil)
			err = errors.Join(err, rollback)
		}()
	}
	told := make(chan error, 1)
	timer := time.AfterFunc(longest, func() { told <- w.conn.cancel() })
	o, err = w.conn.query(fmt.Sprintf(t.text, w.call, d.column), nil)
	if !timer.Stop() {
		err = errors.Join(err, <-told)
	}
	return o, err
}

// compare notes the ratios of one strategy's times; whole has them by way.
func (t *shapeOfStatement) compare(s *settings, r *report, title string, d distinct, whole [][]float64, bare *bareModel) {
	part := 1.0
	if t.writes {
		part = float64(s.changed()) / float64(s.asked)
	}
	all, perRow := make([]float64, s.rounds), make([]float64, s.rounds)
	for i := range s.rounds {
		all[i] = bare.whole[i] * part
		perRow[i] = bare.single[i]*part + whole[2][i]
	}
	aim := t.aim
	if d.count > 10_000 {
		aim = noAim
	}
	r.ratioAtMost(title+": time, predict / inlined SQL", whole[0], whole[1], aim)
	r.ratioAtMost(title+": time, predict / PL/pgSQL per row", whole[0], whole[2], noAim)
	r.ratioAtMost(title+": time, predict / (PL/pgSQL + model per row)", whole[0], perRow, 1)
	r.ratio(title+": rows/s, predict / bare model", all, whole[0], noAim)
}
