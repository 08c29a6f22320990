package listener

import (
	"context"
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// answers are those of a look's stale rows, in their order.
type answers struct {
	values udf.Column
	// failed are the errors of rows that have no answer; nil where all have.
	failed []error
	// asked is the number of rows that the model was asked for, bad that of those among them that it could not answer.
	asked, bad int
}

// of is the error of a row.
func (a *answers) of(i int) error {
	if a.failed == nil {
		return nil
	}
	return a.failed[i]
}

// fail notes a row's error.
func (a *answers) fail(i int, err error) {
	if a.failed == nil {
		a.failed = make([]error, a.values.Len())
	}
	a.failed[i] = err
}

// ask has the model answer a look's stale rows: equal inputs once where it is deterministic, and none with a NULL where that
// is NULL without a call.
func (k *kept) ask(ctx context.Context, models Models, l *look) (*answers, error) {
	places, rows := make([]int, len(l.stale)), []int{}
	seen := map[string]int{}
	for i := range l.stale {
		places[i] = -1
		if k.model.NullOnNull && hasNull(l.args, i) {
			continue
		}
		at, ok := seen[string(l.hashes[i])]
		if !ok || !k.model.Deterministic {
			at = len(rows)
			seen[string(l.hashes[i])] = at
			rows = append(rows, i)
		}
		places[i] = at
	}
	a := &answers{values: udf.NewColumn(k.model.Returns, 0), asked: len(rows)}
	var got udf.Column
	var failed []error
	if len(rows) > 0 {
		args, err := pick(l.args, rows)
		if err != nil {
			return nil, err
		}
		if got, failed, err = models.Predict(ctx, k.model, args, len(rows)); err != nil {
			return nil, err
		}
		if err := checkAnswers(k.model, &got, failed, len(rows)); err != nil {
			return nil, err
		}
	}
	for _, at := range places {
		if err := pgvalue.Copy(&a.values, &got, at); err != nil {
			return nil, err
		}
	}
	for i, at := range places {
		if at >= 0 && failed != nil && failed[at] != nil {
			a.fail(i, failed[at])
		}
	}
	for _, err := range failed {
		if err != nil {
			a.bad++
		}
	}
	return a, nil
}

// hasNull reports whether an argument of a row is NULL.
func hasNull(args []udf.Column, row int) bool {
	for i := range args {
		if args[i].Null(row) {
			return true
		}
	}
	return false
}

// pick copies some rows of columns.
func pick(args []udf.Column, rows []int) ([]udf.Column, error) {
	if len(args) == 0 || len(rows) == args[0].Len() {
		return args, nil
	}
	out := make([]udf.Column, len(args))
	for i := range args {
		out[i] = udf.NewColumn(args[i].Type, 0)
		for _, row := range rows {
			if err := pgvalue.Copy(&out[i], &args[i], row); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// checkAnswers refuses what Models.Predict does not promise.
func checkAnswers(model *datalayer.ModelVersion, got *udf.Column, failed []error, rows int) error {
	if got.Type == model.Returns && got.Len() == rows && (failed == nil || len(failed) == rows) {
		return nil
	}
	return &datalayer.Error{Code: "XX000", Message: fmt.Sprintf("model %q gave answers that do not fit", model.Name),
		Detail: fmt.Sprintf("It gave %d of type %s for %d rows of type %s.", got.Len(), got.Type, rows, model.Returns)}
}
