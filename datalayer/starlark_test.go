package datalayer_test

import (
	"context"
	"errors"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/starlark"
)

// withStarlark configures a Datalayer with the runtime starlark.
func withStarlark(c *datalayer.Config) { c.Runtimes = []udf.Runtime{starlark.New(starlark.Config{})} }

// mph is a model of two numbers.
func mph(source string) datalayer.ModelDefinition {
	return datalayer.ModelDefinition{
		Name: "mph", Runtime: "starlark", HasArgs: true, HasSource: true, Source: source, Returns: udf.Float8,
		Args: []udf.Arg{{Name: "distance", Type: udf.Float8}, {Name: "air_time", Type: udf.Float8}},
	}
}

func TestStarlark(t *testing.T) {
	t.Parallel()
	f := open(t, withStarlark)
	ctx := context.Background()
	v := f.add(t, mph("def predict(distance, air_time):\n    return distance / air_time * 60\n"), datalayer.AddNew, "new")
	if !v.Deterministic || !v.NullOnNull {
		t.Errorf("the version is %+v", v)
	}
	f.add(t, mph("def predict(distance, air_time):\n    return 0.0\n"), datalayer.AddOrReplace, "new version")
	f.stop(t)
	f.start(t, withStarlark)
	times := floats(60, 0, 30)
	times.SetNull(1)
	got, err := f.Predict(ctx, "mph", 1, floats(100, 200, 300), times)
	if err != nil || got.Floats[0] != 100 || !got.Null(1) || got.Floats[2] != 600 {
		t.Errorf("Predict: %+v, %v", got, err)
	}
	if got, err := f.Predict(ctx, "mph", 0, floats(100), floats(60)); err != nil || got.Floats[0] != 0 {
		t.Errorf("Predict of the newest version: %+v, %v", got, err)
	}
	_, err = f.Predict(ctx, "mph", 1, floats(1, 1), floats(1, 0))
	wantCode(t, err, "38000")
	wantColumn(t, f.table(t, "predict_stats"), "version", int64(1), int64(2))
}

func TestStarlarkErrors(t *testing.T) {
	t.Parallel()
	f := open(t, withStarlark)
	_, err := f.Add(context.Background(), mph("def predict(distance, air_time):\n    return (\n"), datalayer.AddNew, "")
	e := wantCode(t, err, "42601")
	wantText(t, "the error", e.Message+e.Detail, "line")
	_, err = f.Add(context.Background(), mph(""), datalayer.AddNew, "")
	var own *datalayer.Error
	if !errors.As(err, &own) || own.Code == "XX000" {
		t.Errorf("a model without source: %v, want an error that a user can act on", err)
	}
	if models, err := f.Show(context.Background(), nil); err != nil || len(models) != 0 {
		t.Errorf("models afterwards: %v, %v", models, err)
	}
}
