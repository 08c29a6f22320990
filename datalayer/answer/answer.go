// Package answer is what lies between the distinct arguments of a statement and their answers: the cache of earlier
// statements, the calls that other statements have under way, and the model itself, called in batches.
package answer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Config is what an Answerer is made of. The zero value calls models and keeps nothing.
type Config struct {
	// Cache keeps answers from statement to statement; nil: none are kept. The Answerer closes it.
	Cache Store
	// CacheFrom is what a model must take for a row so that the cache is used (setting predict_cache_from): a model
	// that answers faster is asked again, since the cache would only slow it down. How long a model takes is measured;
	// until it was called once, the cache is looked into. With package badgercache, an answer that is found costs about
	// 3 µs of a processor, one that is not 2 µs, and to keep it then 5 µs beside the statement (BenchmarkAnswer), so at
	// the setting's default of 50 µs a statement that finds nothing becomes a twentieth slower, and one that finds all
	// fifteen times as fast.
	CacheFrom time.Duration
	// Program tells builds of the program apart that may answer differently: answers that one has cached are not those
	// of another.
	Program string
	// Outputs has answers that are kept beside the rows of a database, for models that the cache is used for; nil: there are
	// none.
	Outputs Outputs
	// BatchBytes is the size that the arguments of one call of a model should not pass (setting predict_batch_bytes):
	// 4 MiB.
	BatchBytes int
	// Logger gets what an operator should know; nil: nobody does.
	Logger *slog.Logger
}

// defaultBatchBytes is Config.BatchBytes where it is not set.
const defaultBatchBytes = 4 << 20

// shareFrom is what a model must take for a row so that its calls are shared with other statements: claiming an argument
// tuple and telling that it is answered takes about 1 µs (BenchmarkAnswer).
const shareFrom = 5 * time.Microsecond

// Answerer answers distinct argument tuples by a model: from the cache, from a call for the same tuple that another
// request has under way, or by calling the model. There is one for all sessions of a proxy, and it is safe for
// concurrent use.
//
// Only models that are deterministic share calls. A tuple is claimed before it is looked up, so of several requests for
// one tuple a single one looks it up and asks; the others wait for it, and take over where it was canceled or failed for
// another reason than this tuple. A request calls all tuples it has claimed before it waits for others, so no two wait
// for each other.
type Answerer struct {
	cache      Store
	outputs    Outputs
	cacheFrom  time.Duration
	program    string
	batchBytes int
	logger     *slog.Logger

	mu    sync.Mutex
	known map[[identityBytes]byte]*known
}

// New makes an Answerer, which is closed by Close.
func New(config Config) *Answerer {
	a := &Answerer{cache: config.Cache, outputs: config.Outputs, cacheFrom: config.CacheFrom, program: config.Program, batchBytes: cmp.Or(config.BatchBytes, defaultBatchBytes), logger: config.Logger, known: map[[identityBytes]byte]*known{}}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	return a
}

// Close closes the cache. No Answer may run any more.
func (a *Answerer) Close() error {
	if a.cache == nil {
		return nil
	}
	return a.cache.Close()
}

// Model is a model version that is held for the statement. *datalayer.Lease is one.
type Model interface {
	// Version is the version that is held.
	Version() *datalayer.ModelVersion
	// MaxBatch is the largest number of rows that one Predict takes.
	MaxBatch() int
	// Predict answers rows; see udf.Model.
	Predict(ctx context.Context, args []udf.Column) (udf.Column, error)
}

// OnError says what becomes of a row that the model cannot answer.
type OnError uint8

// What may become of it: the statement fails, or the row's answer is NULL.
const (
	Fail OnError = iota
	Null
)

// Request is one question.
type Request struct {
	Model Model
	// Args are the columns of arguments, in the model's order and types. Their rows differ from each other, unless the
	// model is not deterministic; rows that are NULL without a call are not among them.
	Args []udf.Column
	// Rows is the number of rows where the model takes no arguments, 0 for one. It is not looked at otherwise.
	Rows int
	// UseCache allows answers of earlier statements, and to keep these for later ones.
	UseCache bool
	// CacheAlways uses the cache, with UseCache, also for a model that is not deterministic or that answers faster than
	// the cache does.
	CacheAlways bool
	// NoOutputs leaves Config.Outputs alone.
	NoOutputs bool
	// OnError says what becomes of a row that the model cannot answer.
	OnError OnError
	// Budget is the statement's, which its calls are taken from; nil for none.
	Budget *Budget
	// Details asks for Result.Details.
	Details bool
	// BatchSize, where it is not 0, bounds the rows of one call of the model below what the model takes.
	BatchSize int
	// Concurrency, where it is not 0, is the number of calls under way at once, in place of what the model's runtime
	// says.
	Concurrency int
}

// Result is what an Answer gives.
type Result struct {
	// Answers has the rows of Request.Args, in their order.
	Answers udf.Column
	// Stats has Cached, Shared, Calls, Batches, Errors and Busy of what was done, after an error too. The other counts
	// are the caller's.
	Stats datalayer.CallStats
	// Failed counts the rows that are NULL because the model could not answer them (OnError is Null).
	Failed int64
	// Details say of each row how it was answered; nil where Request.Details did not ask for them.
	Details []Detail
}

// Detail is how one row was answered.
type Detail struct {
	// Err is why the model could not answer the row; nil where it could. datalayer.ModelVersion's Failure makes what the
	// client is told of it.
	Err error
	// Cached says that an earlier statement's answer was taken, or one of Config.Outputs, Shared that of a call that another request had under way.
	Cached, Shared bool
	// Busy is the time in the model of the whole batch that the row was in; 0 for a row that was in none of this request's.
	Busy time.Duration
}

// Answer answers the rows of a request. Its errors are what the client is told: a *datalayer.Error that names the model,
// its version and the arguments of the row that failed, or the cause of ctx's end. No call of the model outlives it.
func (a *Answerer) Answer(ctx context.Context, r Request) (Result, error) {
	k := &asking{Request: r, a: a, version: r.Model.Version(), rows: r.rows()}
	k.known = a.hold(k.version)
	defer a.let(k.known)
	ctx, stop := r.Budget.bound(ctx)
	defer stop()
	if r.Budget != nil {
		ctx = udf.WithTokens(ctx, r.Budget.SpendTokens)
	}
	err := k.run(ctx)
	if err != nil {
		k.result.Stats.Errors++
		var own *datalayer.Error
		switch {
		case ctx.Err() != nil:
			err = context.Cause(ctx)
		case errors.As(err, &own):
			err = own
		}
		return Result{Stats: k.result.Stats}, err
	}
	return k.result, nil
}

// rows is the number of rows that are asked for.
func (r *Request) rows() int {
	switch {
	case len(r.Args) > 0:
		return r.Args[0].Len()
	case r.Rows == 0:
		return 1
	}
	return r.Rows
}

// check holds a request against the model's signature.
func (k *asking) check() error {
	if _, err := udf.CheckArgs(udf.Signature{Args: k.version.Args, Returns: k.version.Returns}, k.Args); err != nil {
		return k.version.Failure(err)
	}
	return nil
}

// errFit is the error for answers that are not as udf.Model promises them.
func errFit(v *datalayer.ModelVersion, got *udf.Column, rows int) error {
	if got.Type.Storage() == v.Returns.Storage() && got.Len() == rows && (got.Nulls == nil || len(got.Nulls) == rows) {
		return nil
	}
	return &datalayer.Error{Code: "XX000", Message: fmt.Sprintf("model %q gave answers that do not fit", v.Name),
		Detail: fmt.Sprintf("It gave %d of type %s for %d rows of type %s.", got.Len(), got.Type, rows, v.Returns)}
}

// final reports whether an error is not of a row, but ends the statement in any case: the runtime broke its promises, the
// budget is spent, or what runs the model cannot be reached.
func final(err error) bool {
	var (
		own     *datalayer.Error
		runtime *udf.Error
	)
	switch {
	case errors.As(err, &own):
		return own.Code == "XX000" || own.Code == limitCode
	case errors.As(err, &runtime):
		return strings.HasPrefix(runtime.Code, "08")
	}
	return false
}
