package answer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// batch is rows that go to the model at once, and what came of them.
type batch struct {
	args []udf.Column
	rows int
	// at is the place of the first row in the request, where flights is nil; otherwise these say each row's place.
	at      int
	flights []*flight
	// bytes is the size of the values in args that differ in size, where flights is not nil.
	bytes int
	// answers are set where err is nil.
	answers udf.Column
	// failed are the rows that could not be answered, and why; their answers are NULL. It is nil where none failed.
	failed map[int]error
	err    error
	// busy is the time in the model, calls the number of its Predicts.
	busy  time.Duration
	calls int64
	// ended says that it was run.
	ended bool
}

// caller calls a model for a request.
type caller struct {
	model   Model
	version *datalayer.ModelVersion
	onError OnError
}

// run answers a batch. It returns when the model has.
func (c *caller) run(ctx context.Context, b *batch) {
	defer func() {
		if v := recover(); v != nil {
			b.err = panicked(c.version, v)
		}
	}()
	b.answers, b.err = c.predict(ctx, b, 0, b.rows)
	switch {
	case b.err == nil:
	case ctx.Err() != nil:
		b.err = context.Cause(ctx)
	case final(b.err):
	case c.onError == Null:
		b.answers = udf.NewColumn(c.version.Returns, b.rows)
		b.err = c.salvage(ctx, b, 0, b.rows, b.err)
	default:
		b.err = c.explain(ctx, b, b.err)
	}
}

// predict calls the model for some rows of a batch. A panic of the runtime is an error.
func (c *caller) predict(ctx context.Context, b *batch, from, to int) (out udf.Column, err error) {
	if err := ctx.Err(); err != nil {
		return udf.Column{}, err
	}
	began := time.Now()
	defer func() {
		b.busy += time.Since(began)
		b.calls++
		if v := recover(); v != nil {
			err = panicked(c.version, v)
		}
	}()
	if out, err = c.model.Predict(ctx, pgvalue.Slice(b.args, from, to)); err != nil {
		return udf.Column{}, err
	}
	return out, errFit(c.version, &out, to-from)
}

// salvage answers the rows of a part of a batch that can be answered, now that err came of all of them at once. The
// part is cut at the row that the runtime names, or in halves, until the bad rows stand alone; these are NULL.
func (c *caller) salvage(ctx context.Context, b *batch, from, to int, err error) error {
	if to-from == 1 {
		b.fail(from, rowsError(err))
		return nil
	}
	var row *udf.RowError
	mid, end := (from+to)/2, (from+to)/2
	if errors.As(err, &row) && row.Row >= 0 && row.Row < to-from {
		mid = from + row.Row
		end = mid + 1
		b.fail(mid, row.Err)
	}
	for _, part := range [][2]int{{from, mid}, {end, to}} {
		if part[0] == part[1] {
			continue
		}
		out, err := c.predict(ctx, b, part[0], part[1])
		switch {
		case err == nil:
			copyRows(&b.answers, part[0], &out)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case final(err):
			return err
		default:
			if err := c.salvage(ctx, b, part[0], part[1], err); err != nil {
				return err
			}
		}
	}
	return nil
}

// fail notes that a row cannot be answered.
func (b *batch) fail(row int, err error) {
	if b.failed == nil {
		b.failed = map[int]error{}
	}
	b.failed[row] = err
	b.answers.SetNull(row)
}

// rowsError is what an error of the model for one row says of the row.
func rowsError(err error) error {
	var row *udf.RowError
	if errors.As(err, &row) {
		return row.Err
	}
	return err
}

// explain makes the error that the client sees of a model's failure: it names the model, and the arguments of the row
// that failed, which is searched by halves where the runtime does not say it.
func (c *caller) explain(ctx context.Context, b *batch, err error) error {
	var row *udf.RowError
	if errors.As(err, &row) && row.Row >= 0 && row.Row < b.rows {
		b.failed = map[int]error{row.Row: row.Err}
		return c.rowFailed(b.args, row.Row, row.Err)
	}
	from, to := 0, b.rows
	for to-from > 1 {
		mid := (from + to) / 2
		_, half := c.predict(ctx, b, from, mid)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case final(half):
			return half
		case half != nil:
			to, err = mid, half
		default:
			from = mid
		}
	}
	err = rowsError(err)
	if !final(err) {
		b.failed = map[int]error{from: err}
	}
	return c.rowFailed(b.args, from, err)
}

// rowFailed is the error for one row of args.
func (c *caller) rowFailed(args []udf.Column, row int, err error) error {
	e := c.version.Failure(err)
	e.Detail = strings.TrimSuffix("The row's arguments: "+describe(c.version, args, row)+".\n"+e.Detail, "\n")
	e.Hint = cmp.Or(e.Hint, "The statement was rolled back; leave such rows out by a condition, or mend the model.")
	return e
}

// maxDescribed is how many bytes of an argument an error shows.
const maxDescribed = 200

// describe prints a row's arguments for the client.
func describe(v *datalayer.ModelVersion, args []udf.Column, row int) string {
	var parts []string
	for i := range args {
		name := v.Args[i].Name
		if name == "" {
			name = fmt.Sprintf("argument %d", i+1)
		}
		text := "NULL"
		if !args[i].Null(row) {
			printed, err := pgvalue.Append(nil, &args[i], row, pgvalue.TextFormat)
			if text = string(printed); err != nil {
				text = "?"
			}
			if len(text) > maxDescribed {
				text = strings.ToValidUTF8(text[:maxDescribed], "") + "…"
			}
		}
		parts = append(parts, name+" = "+text)
	}
	return strings.Join(parts, ", ")
}
