package onnx

import (
	"context"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// local runs a graph in this process. ONNX Runtime's session is safe for concurrent runs.
type local struct {
	session *ort.DynamicAdvancedSession
	pool    *udf.Pool
}

// newRun implements runner.
func (l *local) newRun() (run, error) {
	opts, err := ort.NewRunOptions()
	if err != nil {
		return nil, failure(err)
	}
	return &localRun{local: l, opts: opts}, nil
}

// close implements runner.
func (l *local) close() error { return l.session.Destroy() }

// localRun is a run in this process.
type localRun struct {
	*local
	opts *ort.RunOptions
}

// watch implements run. When ctx ends, ONNX Runtime is told to stop, which it does between two operators.
func (r *localRun) watch(ctx context.Context) (stop func()) {
	told := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		defer close(told)
		r.opts.Terminate()
	})
	return func() {
		if !unwatch() {
			<-told
			r.opts.UnsetTerminate()
		}
	}
}

// rows implements run.
func (r *localRun) rows(ctx context.Context, feeds []feed, rows int) (result, error) {
	values := make([]ort.Value, len(feeds))
	for i, f := range feeds {
		v, err := f.tensor(rows)
		if err != nil {
			return result{}, failure(err)
		}
		values[i] = v
	}
	if err := r.pool.Acquire(ctx); err != nil {
		return result{}, err
	}
	defer r.pool.Release()
	outs := make([]ort.Value, 1)
	if err := r.session.RunWithOptions(values, outs, r.opts); err != nil {
		return result{}, failure(err)
	}
	return resultOf(outs[0])
}

// free implements run.
func (r *localRun) free() { r.opts.Destroy() }

// failure is a run's error. ONNX Runtime does not say which row it was.
func failure(err error) error {
	return &udf.Error{
		Code:    "38000",
		Message: "ONNX Runtime cannot run it on these rows",
		Detail:  strings.TrimPrefix(err.Error(), "Error running network: "),
	}
}
