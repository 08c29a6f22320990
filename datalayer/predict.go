package datalayer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Predict answers rows with a model (version 0: the default one), for programs that embed the Datalayer: a column an
// argument, in the signature's order and types. A row with a NULL argument is NULL without a call, unless the model is
// declared to be called on NULL. The rows are handed over in batches of the model's size, every row once. What it did is
// recorded as one statement. The *Error of a model that failed wraps a *udf.RowError where the runtime knows the row.
func (d *Datalayer) Predict(ctx context.Context, name string, version int, args ...udf.Column) (udf.Column, error) {
	lease, err := d.Acquire(ctx, name, version)
	if err != nil {
		return udf.Column{}, err
	}
	defer lease.Release()
	v := lease.Version()
	rows, err := udf.CheckArgs(udf.Signature{Args: v.Args, Returns: v.Returns}, args)
	if err != nil {
		return udf.Column{}, ErrorOf(err)
	}
	stats := CallStats{Rows: int64(rows)}
	defer func() { d.Record(v, stats) }()
	asked := rowsToAsk(v, args, rows)
	stats.NullSkipped = int64(rows - len(asked))
	answers := nullsBut(v, rows, asked)
	for len(asked) > 0 {
		batch := asked[:min(len(asked), lease.MaxBatch())]
		asked = asked[len(batch):]
		if err := d.predictBatch(ctx, lease, args, batch, &answers, &stats); err != nil {
			stats.Errors++
			return udf.Column{}, ErrorOf(err)
		}
	}
	return answers, nil
}

// nullsBut makes the column of a version's answers, with NULL in the rows that the model is not called for.
func nullsBut(v *ModelVersion, rows int, asked []int) udf.Column {
	answers := udf.NewColumn(v.Returns, rows)
	next := 0
	for i := range rows {
		if next < len(asked) && asked[next] == i {
			next++
		} else {
			answers.SetNull(i)
		}
	}
	return answers
}

// rowsToAsk lists the rows that the model is called for.
func rowsToAsk(v *ModelVersion, args []udf.Column, rows int) []int {
	asked := make([]int, 0, rows)
	for i := range rows {
		null := false
		for a := range args {
			null = null || v.NullOnNull && args[a].Null(i)
		}
		if !null {
			asked = append(asked, i)
		}
	}
	return asked
}

// predictBatch answers some rows, and puts the answers in their places.
func (d *Datalayer) predictBatch(ctx context.Context, lease *Lease, args []udf.Column, rows []int, answers *udf.Column, stats *CallStats) error {
	v := lease.Version()
	batch := make([]udf.Column, len(args))
	for a := range args {
		batch[a] = udf.NewColumn(args[a].Type, len(rows))
		for i, row := range rows {
			copyRow(&batch[a], i, &args[a], row)
		}
	}
	stats.Calls += int64(len(rows))
	stats.Batches++
	began := time.Now()
	got, err := guarded(d.config.Logger, v, func() (udf.Column, error) { return lease.Predict(ctx, batch) })
	stats.Busy += time.Since(began)
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return v.Failure(inCallersRows(err, rows))
	}
	if got.Type != v.Returns || got.Len() != len(rows) {
		return &Error{
			Code:    "XX000",
			Message: fmt.Sprintf("model %q answered %d rows of %s with %d of %s", v.Name, len(rows), v.Returns, got.Len(), got.Type),
		}
	}
	for i, row := range rows {
		copyRow(answers, row, &got, i)
	}
	return nil
}

// inCallersRows counts the row that an error is about as the caller of Predict does. rows are those of the batch.
func inCallersRows(err error, rows []int) error {
	var row *udf.RowError
	if !errors.As(err, &row) || row.Row < 0 || row.Row >= len(rows) {
		return err
	}
	return &udf.RowError{Row: rows[row.Row], Err: row.Err}
}

// copyRow copies one row between columns of one type.
func copyRow(to *udf.Column, i int, from *udf.Column, j int) {
	if from.Null(j) {
		to.SetNull(i)
		return
	}
	to.SetElementNulls(i, from.ElementNulls(j))
	switch to.Type.Storage() {
	case udf.StoreBools:
		to.Bools[i] = from.Bools[j]
	case udf.StoreInts:
		to.Ints[i] = from.Ints[j]
	case udf.StoreFloats:
		to.Floats[i] = from.Floats[j]
	case udf.StoreTexts:
		to.Texts[i] = from.Texts[j]
	case udf.StoreBytes:
		to.Bytes[i] = from.Bytes[j]
	case udf.StoreBoolLists:
		to.BoolLists[i] = from.BoolLists[j]
	case udf.StoreIntLists:
		to.IntLists[i] = from.IntLists[j]
	case udf.StoreFloatLists:
		to.FloatLists[i] = from.FloatLists[j]
	case udf.StoreTextLists:
		to.TextLists[i] = from.TextLists[j]
	}
}
