// Package onnx runs models in the ONNX format with ONNX Runtime, which is a shared library that is found when the
// first model is loaded.
//
// A model takes one matrix (a column a feature) or one input a column, of numbers, booleans or strings. Its signature
// and its answer's type are read from its file; what the statement declares is checked against them. The
// options of WITH (…) are output, max_batch and threads.
package onnx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Config is what a Runtime is made with. The zero value is fit for use.
type Config struct {
	// LibraryPath is ONNX Runtime's shared library, or the directory it is in. If it is "" the variable
	// LibraryVariable is asked, then SearchDirs and the usual places are searched.
	LibraryPath string
	// SearchDirs are directories to search, themselves and their lib, before the usual places.
	SearchDirs []string
	// IntraOpThreads is how many threads one run may use; 0 means 1, which serves many small batches best.
	IntraOpThreads int
	// Sessions is how many runs of one model may go on side by side; 0 means one a processor.
	Sessions int
	// MaxModelBytes is the largest file that is loaded; 0 means 1 GiB. ONNX itself ends at 2 GiB.
	MaxModelBytes int64
	// Pool bounds the runs of all models in this process; nil bounds nothing.
	Pool *udf.Pool
	// Compute runs the models elsewhere; nil means in this process. Sessions, Pool and LibraryPath are then not used.
	Compute Compute
}

// The limits that Config's zero values stand for.
const (
	defaultThreads  = 1
	defaultMaxBytes = 1 << 30
	maxThreads      = 64
)

// Runtime loads ONNX models. It is safe for concurrent use.
type Runtime struct {
	cfg Config
}

// New makes a runtime. It does not look for ONNX Runtime yet.
func New(cfg Config) *Runtime {
	if cfg.IntraOpThreads < 1 {
		cfg.IntraOpThreads = defaultThreads
	}
	cfg.IntraOpThreads = min(cfg.IntraOpThreads, maxThreads)
	if cfg.Sessions < 1 {
		cfg.Sessions = runtime.GOMAXPROCS(0)
	}
	if cfg.MaxModelBytes < 1 {
		cfg.MaxModelBytes = defaultMaxBytes
	}
	cfg.SearchDirs = slices.Clone(cfg.SearchDirs)
	for i, dir := range cfg.SearchDirs {
		if abs, err := filepath.Abs(dir); err == nil {
			cfg.SearchDirs[i] = abs
		}
	}
	return &Runtime{cfg: cfg}
}

// Name implements udf.Runtime.
func (r *Runtime) Name() string { return "onnx" }

// Load implements udf.Runtime. The file is read once; nothing of it is used after Load returns.
func (r *Runtime) Load(ctx context.Context, spec udf.Spec) (udf.Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	opts, err := parseOptions(spec.Options)
	if err != nil {
		return nil, err
	}
	data, err := r.read(spec)
	if err != nil {
		return nil, err
	}
	f, err := parseFile(data)
	if err != nil {
		return nil, fileError(spec.Name, data, err)
	}
	if f.external != "" {
		return nil, &udf.Error{
			Code:    "0A000",
			Message: fmt.Sprintf("model %q keeps tensor %q in another file", spec.Name, f.external),
			Hint:    "Export the model as one file: onnx.save(model, path, save_as_external_data=False).",
		}
	}
	inputs, args, err := planInputs(f, spec)
	if err != nil {
		return nil, err
	}
	out, err := planOutput(f, spec, opts.output)
	if err != nil {
		return nil, err
	}
	threads := cmp.Or(opts.threads, r.cfg.IntraOpThreads)
	if r.cfg.Compute != nil {
		session, err := r.cfg.Compute.Open(ctx, Graph{
			Name: spec.Name, Data: data, Output: out.name, Batch: inputs[0].batch, Threads: threads,
		})
		if err != nil {
			return nil, err
		}
		maxBatch := cmp.Or(opts.maxBatch, RemoteMaxBatch)
		return newModel(&remote{session}, inputs, args, out, maxBatch, session.Concurrency()), nil
	}
	if _, _, err := r.Library(); err != nil {
		return nil, err
	}
	session, err := newSession(data, inputs, out.name, threads)
	if err != nil {
		return nil, sessionError(spec.Name, f, err)
	}
	return newModel(&local{session, r.cfg.Pool}, inputs, args, out, cmp.Or(opts.maxBatch, DefaultMaxBatch), r.cfg.Sessions), nil
}

// read reads the model's file.
func (r *Runtime) read(spec udf.Spec) ([]byte, error) {
	if spec.Artifact == "" {
		return nil, &udf.Error{
			Code:    "42601",
			Message: fmt.Sprintf("model %q has no file", spec.Name),
			Hint:    "Name it: CREATE MODEL … FROM 'path/to/model.onnx' USING onnx.",
		}
	}
	info, err := os.Stat(spec.Artifact)
	if err == nil && info.Size() > r.cfg.MaxModelBytes {
		return nil, &udf.Error{
			Code:    "54000",
			Message: fmt.Sprintf("model %q is too large: %d bytes, the limit is %d", spec.Name, info.Size(), r.cfg.MaxModelBytes),
		}
	}
	data, err := os.ReadFile(spec.Artifact)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &udf.Error{Code: "58P01", Message: fmt.Sprintf("the file of model %q does not exist", spec.Name)}
	}
	if err != nil {
		// The path is the server's own; what went wrong with it is not.
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, &udf.Error{Code: "58030", Message: fmt.Sprintf("the file of model %q cannot be read: %v", spec.Name, err)}
	}
	return data, nil
}

// newSession hands the model to ONNX Runtime.
func newSession(data []byte, inputs []input, output string, threads int) (*ort.DynamicAdvancedSession, error) {
	opts, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer opts.Destroy()
	err = errors.Join(
		opts.SetIntraOpNumThreads(threads),
		opts.SetInterOpNumThreads(1),
		opts.SetLogSeverityLevel(ort.LoggingLevelFatal),
	)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(inputs))
	for i := range inputs {
		names[i] = inputs[i].name
	}
	return ort.NewDynamicAdvancedSessionWithONNXData(data, names, []string{output}, opts)
}

// fileError says why the bytes are no model.
func fileError(name string, data []byte, err error) error {
	e := &udf.Error{Code: "22023", Message: fmt.Sprintf("model %q cannot be loaded: %v", name, err)}
	if errors.Is(err, errNotONNX) {
		e.Detail = looksLike(data)
	}
	if errors.Is(err, errTruncated) {
		e.Detail = fmt.Sprintf("The file has %d bytes.", len(data))
		e.Hint = "Fetch or export the model again."
	}
	return e
}

// sessionError says why ONNX Runtime refused the model.
func sessionError(name string, f *file, err error) error {
	version := environmentVersion()
	detail := strings.TrimPrefix(err.Error(), "Error creating C session: ")
	lower := strings.ToLower(detail)
	switch {
	case strings.Contains(lower, "opset"):
		return &udf.Error{
			Code: "0A000",
			Message: fmt.Sprintf("model %q needs ONNX opset %s, which ONNX Runtime %s does not support",
				name, f.opsetList(), version),
			Detail: detail,
			Hint:   "Export the model with an older target_opset, or install a newer ONNX Runtime.",
		}
	case strings.Contains(lower, "ir version"):
		return &udf.Error{
			Code: "0A000",
			Message: fmt.Sprintf("model %q has ONNX IR version %d (opset %s), which ONNX Runtime %s does not support",
				name, f.irVersion, f.opsetList(), version),
			Detail: detail,
			Hint:   "Export the model with an older version of onnx, or install a newer ONNX Runtime.",
		}
	}
	return &udf.Error{
		Code:    "22023",
		Message: fmt.Sprintf("ONNX Runtime %s cannot load model %q", version, name),
		Detail:  detail,
	}
}

// environmentVersion is the version of the loaded library.
func environmentVersion() string {
	environment.Lock()
	defer environment.Unlock()
	return environment.version
}
