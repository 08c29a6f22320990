// Package starlark runs models that are a function in the CREATE MODEL statement itself, written in Starlark, a
// dialect of Python.
//
// The source defines predict, which is called once a row with the model's arguments in order. It sees nothing but
// them: no files, no network, no clock, no load, no print. The modules math and json (encode and decode) are there;
// while loops and sets are, recursion is not. A row has a limit on the steps it takes and on the memory it allocates;
// both depend on the row alone, so that equal arguments always give an equal answer or an equal error.
//
// SQL values come as: boolean bool; integers int; real, double precision float; numeric int if it has no decimal
// places, otherwise float; bytea bytes; json, jsonb what json.decode gives; arrays list; every other type, and text,
// str, as PostgreSQL prints it. NULL is None. Answers go the same way back: an int will do for a float, an int, a
// float or a str for a numeric, a list or a tuple for an array, and anything that JSON has for json and jsonb. An
// answer of another kind is an error: nothing is converted silently.
package starlark

import (
	"context"
	"fmt"
	"os"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Config is what a runtime is made with. The zero value is fit for use.
type Config struct {
	// MaxSteps is how many steps of the interpreter one row may take, and the source's top level as a whole; 0 means
	// 1,000,000, which is some 30 ms. It is at most 10,000,000.
	MaxSteps uint64
	// MaxMemory is how many bytes one row may allocate in all for strings, lists, dicts, sets and large integers,
	// freed or not; 0 means 128 MiB.
	MaxMemory int64
	// MaxOutput is how many bytes one row's answer may have; 0 means 1 MiB.
	MaxOutput int
	// MaxSource is how many bytes a model's source may have; 0 means 64 KiB. It is at most 128 KiB, for the parser
	// goes as deep as the source is nested.
	MaxSource int
	// MaxBatch is how many rows one Predict takes; 0 means 2048.
	MaxBatch int
	// Pool bounds the batches of all models in this process; nil bounds nothing.
	Pool *udf.Pool
}

// The limits that Config's zero values stand for, and those that it cannot exceed.
const (
	defaultSteps  = 1_000_000
	mostSteps     = 10_000_000
	defaultMemory = 128 << 20
	defaultOutput = 1 << 20
	defaultSource = 64 << 10
	mostSource    = 128 << 10
	defaultBatch  = 2048
)

// New makes a runtime.
func New(cfg Config) udf.Runtime {
	if cfg.MaxSteps == 0 {
		cfg.MaxSteps = defaultSteps
	}
	if cfg.MaxMemory <= 0 {
		cfg.MaxMemory = defaultMemory
	}
	if cfg.MaxOutput <= 0 {
		cfg.MaxOutput = defaultOutput
	}
	if cfg.MaxSource <= 0 {
		cfg.MaxSource = defaultSource
	}
	if cfg.MaxBatch <= 0 {
		cfg.MaxBatch = defaultBatch
	}
	cfg.MaxSteps = min(cfg.MaxSteps, mostSteps)
	cfg.MaxSource = min(cfg.MaxSource, mostSource)
	return &starlarkRuntime{cfg: cfg}
}

// starlarkRuntime implements udf.Runtime.
type starlarkRuntime struct {
	cfg Config
}

// Name implements udf.Runtime.
func (r *starlarkRuntime) Name() string { return "starlark" }

// Load implements udf.Runtime. The source is the text of the statement, or the artifact if there is no text.
func (r *starlarkRuntime) Load(ctx context.Context, spec udf.Spec) (udf.Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for key := range spec.Options {
		return nil, &udf.Error{
			Code:    "22023",
			Message: fmt.Sprintf("unknown option %q of a starlark model", key),
			Hint:    "A starlark model has no options.",
		}
	}
	source, err := r.source(spec)
	if err != nil {
		return nil, err
	}
	if err := checkSignature(spec); err != nil {
		return nil, err
	}
	prog, err := compile(spec, source, predeclared(r.cfg.MaxSteps))
	if err != nil {
		return nil, err
	}
	m := &model{
		name:   spec.Name,
		cfg:    r.cfg,
		sig:    udf.Signature{Args: spec.Args, Returns: spec.Returns},
		source: source,
	}
	if m.predict, err = m.start(ctx, prog); err != nil {
		return nil, err
	}
	return m, m.checkParameters()
}

// source finds the model's text.
func (r *starlarkRuntime) source(spec udf.Spec) (string, error) {
	source := spec.Source
	if spec.Artifact != "" && source != "" {
		return "", &udf.Error{
			Code:    "42601",
			Message: fmt.Sprintf("model %q has a source both in the statement and in a file", spec.Name),
			Hint:    "Give either AS $$ … $$ or FROM.",
		}
	}
	if spec.Artifact != "" {
		text, err := os.ReadFile(spec.Artifact)
		if err != nil {
			return "", &udf.Error{Code: "58030", Message: fmt.Sprintf("the file of model %q cannot be read", spec.Name)}
		}
		source = string(text)
	}
	if source == "" {
		return "", &udf.Error{
			Code:    "42601",
			Message: fmt.Sprintf("model %q has no source", spec.Name),
			Hint:    "Write it as: CREATE MODEL … USING starlark AS $$ def predict(x): return x $$.",
		}
	}
	if len(source) > r.cfg.MaxSource {
		return "", &udf.Error{
			Code:    "54000",
			Message: fmt.Sprintf("the source of model %q is too long: %d bytes, the limit is %d", spec.Name, len(source), r.cfg.MaxSource),
		}
	}
	return source, nil
}

// checkSignature holds a statement to what Starlark cannot say itself: the types.
func checkSignature(spec udf.Spec) error {
	for i, a := range spec.Args {
		if a.Type == udf.Invalid {
			name := a.Name
			if name == "" {
				name = fmt.Sprintf("$%d", i+1)
			}
			return &udf.Error{
				Code:    "42P13",
				Message: fmt.Sprintf("argument %s of model %q has no type", name, spec.Name),
				Hint:    fmt.Sprintf("Declare it: CREATE MODEL %s(%s float8, …) RETURNS ….", spec.Name, name),
			}
		}
	}
	if spec.Returns == udf.Invalid {
		return &udf.Error{
			Code:    "42P13",
			Message: fmt.Sprintf("model %q does not say what it returns", spec.Name),
			Hint:    fmt.Sprintf("Declare it: CREATE MODEL %s(…) RETURNS float8 USING starlark ….", spec.Name),
		}
	}
	return nil
}
