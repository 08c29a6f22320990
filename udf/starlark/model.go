package starlark

import (
	"context"
	"fmt"
	"runtime"

	star "go.starlark.net/starlark"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// model is a loaded function. Its globals are frozen, so that callers may share it and no row sees another.
type model struct {
	name    string
	cfg     Config
	sig     udf.Signature
	source  string
	predict *star.Function
}

// Signature implements udf.Model.
func (m *model) Signature() udf.Signature { return m.sig }

// Deterministic implements udf.Model.
func (m *model) Deterministic() bool { return true }

// MaxBatch implements udf.Model.
func (m *model) MaxBatch() int { return m.cfg.MaxBatch }

// Concurrency implements udf.Concurrent: a batch keeps one processor busy.
func (m *model) Concurrency() int { return runtime.GOMAXPROCS(0) }

// Close implements udf.Model. The garbage collector does the rest.
func (m *model) Close() error { return nil }

// start runs the source's top level and finds predict.
func (m *model) start(ctx context.Context, prog *program) (*star.Function, error) {
	thread, use := m.thread()
	defer cancelWith(ctx, thread)()
	globals, err := prog.compiled.Init(thread, prog.predeclared)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, prefix(m.failure(err, use), fmt.Sprintf("the source of model %q failed:", m.name))
	}
	globals.Freeze()
	fn, ok := globals["predict"].(*star.Function)
	if !ok {
		return nil, &udf.Error{
			Code:    "42P13",
			Message: fmt.Sprintf("the source of model %q does not define predict", m.name),
			Hint:    "Define a function of that name: def predict(x): return x.",
		}
	}
	return fn, nil
}

// checkParameters holds predict's parameters against the declared arguments.
func (m *model) checkParameters() error {
	fn := m.predict
	most := fn.NumParams() - fn.NumKwonlyParams()
	if fn.HasVarargs() {
		most--
	}
	if fn.HasKwargs() {
		most--
	}
	least := 0
	names := ""
	for i := range most {
		name, _ := fn.Param(i)
		if i > 0 {
			names += ", "
		}
		names += name
		if fn.ParamDefault(i) == nil {
			least = i + 1
		}
	}
	for i := range fn.NumKwonlyParams() {
		if name, _ := fn.Param(most + i); fn.ParamDefault(most+i) == nil {
			return &udf.Error{
				Code:    "42P13",
				Message: fmt.Sprintf("parameter %s of predict in model %q can be given by name only", name, m.name),
				Hint:    "Arguments are given by position: remove the * in front of it, or give it a default.",
			}
		}
	}
	declared := len(m.sig.Args)
	if declared < least || declared > most && !fn.HasVarargs() {
		return &udf.Error{
			Code:    "42P13",
			Message: fmt.Sprintf("predict of model %q takes %d arguments, but %d are declared", m.name, max(least, min(declared, most)), declared),
			Detail:  fmt.Sprintf("It is defined as predict(%s).", names),
			Hint:    fmt.Sprintf("Declare each with its type: CREATE MODEL %s(a float8, b text, …) RETURNS ….", m.name),
		}
	}
	return nil
}

// thread makes a thread with the model's limits, and the account of what it uses.
func (m *model) thread() (*star.Thread, *usage) {
	use := &usage{maxMemory: m.cfg.MaxMemory, maxSteps: m.cfg.MaxSteps}
	thread := &star.Thread{Name: m.name}
	thread.SetLocal(usageKey, use)
	thread.SetMaxExecutionSteps(m.cfg.MaxSteps)
	thread.OnMaxSteps = func(thread *star.Thread) {
		use.outOfSteps = true
		thread.Cancel("too many steps")
	}
	use.reset(thread)
	return thread, use
}

// cancelWith stops the thread when ctx ends, until the function that it gives is called.
func cancelWith(ctx context.Context, thread *star.Thread) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	unwatch := context.AfterFunc(ctx, func() { thread.Cancel("cancelled") })
	return func() { unwatch() }
}

// Predict implements udf.Model.
func (m *model) Predict(ctx context.Context, args []udf.Column) (udf.Column, error) {
	rows, err := udf.CheckArgs(m.sig, args)
	if err != nil {
		return udf.Column{}, err
	}
	if err := ctx.Err(); err != nil {
		return udf.Column{}, err
	}
	if err := m.cfg.Pool.Acquire(ctx); err != nil {
		return udf.Column{}, err
	}
	defer m.cfg.Pool.Release()
	thread, use := m.thread()
	defer cancelWith(ctx, thread)()
	readers := make([]reader, len(args))
	for i := range args {
		readers[i] = newReader(&args[i], thread)
	}
	answer := udf.NewColumn(m.sig.Returns, rows)
	w := newWriter(&answer, m.cfg.MaxOutput)
	row := make(star.Tuple, len(args))
	for i := range rows {
		use.reset(thread)
		err := m.row(thread, readers, w, row, i)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return udf.Column{}, ctx.Err()
		}
		return udf.Column{}, &udf.RowError{Row: i, Err: m.failure(err, use)}
	}
	return answer, ctx.Err()
}

// row answers one row.
func (m *model) row(thread *star.Thread, readers []reader, w *writer, args star.Tuple, i int) error {
	for k, read := range readers {
		v, err := read(i)
		if err != nil {
			return prefix(err, fmt.Sprintf("argument %q", m.sig.Args[k].Name))
		}
		args[k] = v
	}
	v, err := star.Call(thread, m.predict, args, nil)
	if err != nil {
		return err
	}
	if v == star.None {
		w.answer.SetNull(i)
		return nil
	}
	return w.write(v, i)
}
