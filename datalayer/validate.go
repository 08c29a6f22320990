package datalayer

import (
	"context"
	"encoding/json"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// Figure is what one metric says of a model version.
type Figure struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
	// Metric is the metric's name; that of precision, recall and f1 says which mean it is.
	Metric string `json:"metric"`
	// Value is nil where the metric is not defined for the rows, as Note says, and for the confusion matrix, which Detail has
	// as JSON: {"labels": […], "counts": [[…], …]}, a row a right answer, a column an answer of the model.
	Value  *float64        `json:"value"`
	Detail json.RawMessage `json:"detail"`
	Note   string          `json:"note"`
	// Rows is the number of rows that were used, Skipped those left out because of a NULL.
	Rows    int64 `json:"rows"`
	Skipped int64 `json:"skipped"`
	// Job is the number of the job in pinnacle.jobs that the validation was.
	Job int64 `json:"job"`
}

// Validate measures a model, name or name@version, over rows whose right answers are known, and records the figures for the
// version in pinnacle.metrics: VALIDATE MODEL. It takes one of the sessions of Execute, and its rights. When ctx ends, the
// job is cancelled. The error is an *Error.
func (d *Datalayer) Validate(ctx context.Context, model string, on component.ValidationDefinition) ([]Figure, error) {
	request, err := json.Marshal(struct {
		Model string `json:"model"`
		component.ValidationDefinition
	}{model, on})
	if err != nil {
		return nil, ErrorOf(err)
	}
	rows, err := d.Execute(ctx, "SELECT pinnacle.validate($1::text)", string(request))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var answer []byte
	if rows.Next() {
		err = rows.Scan(&answer)
	}
	if closing := rows.Err(); closing != nil {
		err = closing
	}
	var figures []Figure
	if err == nil {
		err = json.Unmarshal(answer, &figures)
	}
	if err != nil {
		return nil, errorOfSession(err)
	}
	return figures, nil
}
