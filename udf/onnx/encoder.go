package onnx

import (
	"context"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Encoder is a transformer that reads token ids (inputs input_ids, attention_mask and, where it has it, token_type_ids, of
// 64-bit integers and of the shape batch × sequence) and gives a vector for each (its first output, of 32-bit floats and
// of the shape batch × sequence × width). It is safe for concurrent use.
type Encoder struct {
	session *ort.DynamicAdvancedSession
	inputs  []string
	// slots bounds the runs that go on at once, and pool those of all models.
	slots chan struct{}
	pool  *udf.Pool
}

// OpenEncoder loads an encoder from the bytes of an ONNX model, which are not used any more when it returns. threads is 0
// for the runtime's own number. The errors are *udf.Error.
func (r *Runtime) OpenEncoder(name string, data []byte, threads int) (*Encoder, error) {
	f, err := parseFile(data)
	if err != nil {
		return nil, fileError(name, data, err)
	}
	var inputs []input
	e := &Encoder{slots: make(chan struct{}, r.cfg.Sessions), pool: r.cfg.Pool}
	for _, v := range f.inputs {
		if v.is != isTensor || v.elem != elemInt64 || !slices.Contains([]string{"input_ids", "attention_mask", "token_type_ids"}, v.name) {
			return nil, unsupported(name, fmt.Sprintf("its input %q is none of input_ids, attention_mask and token_type_ids, of 64-bit integers", v.name), "")
		}
		e.inputs = append(e.inputs, v.name)
		inputs = append(inputs, input{name: v.name})
	}
	if !slices.Contains(e.inputs, "input_ids") || len(f.outputs) == 0 || f.outputs[0].is != isTensor || f.outputs[0].elem != elemFloat {
		return nil, unsupported(name, "it does not make vectors of 32-bit floats of token ids (input_ids)", "Export the transformer with last_hidden_state as its first output.")
	}
	if _, _, err := r.Library(); err != nil {
		return nil, err
	}
	if threads < 1 {
		threads = r.cfg.IntraOpThreads
	}
	if e.session, err = newSession(data, inputs, f.outputs[0].name, threads); err != nil {
		return nil, sessionError(name, f, err)
	}
	return e, nil
}

// Concurrency is the number of runs that go on at once.
func (e *Encoder) Concurrency() int { return cap(e.slots) }

// Close frees the session, once no Encode runs.
func (e *Encoder) Close() error { return e.session.Destroy() }

// Encode gives the vectors of all tokens of texts, of which each has at least one: those of text i and token j begin at
// (i*length+j)*width, where length is that of the longest text. When ctx ends, ONNX Runtime is told to stop.
func (e *Encoder) Encode(ctx context.Context, ids [][]int64) (vectors []float32, length, width int, err error) {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return nil, 0, 0, ctx.Err()
	}
	opts, err := ort.NewRunOptions()
	if err != nil {
		return nil, 0, 0, failure(err)
	}
	defer opts.Destroy()
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		opts.Terminate()
	})
	defer func() {
		if !stop() {
			<-told
		}
	}()
	for _, text := range ids {
		length = max(length, len(text))
	}
	values := make([]ort.Value, 0, len(e.inputs))
	defer func() {
		for _, v := range values {
			v.Destroy()
		}
	}()
	for _, name := range e.inputs {
		cells := make([]int64, len(ids)*length)
		for i, text := range ids {
			for j, id := range text {
				switch name {
				case "input_ids":
					cells[i*length+j] = id
				case "attention_mask":
					cells[i*length+j] = 1
				}
			}
		}
		v, err := ort.NewTensor(ort.NewShape(int64(len(ids)), int64(length)), cells)
		if err != nil {
			return nil, 0, 0, failure(err)
		}
		values = append(values, v)
	}
	if err := e.pool.Acquire(ctx); err != nil {
		return nil, 0, 0, err
	}
	defer e.pool.Release()
	outs := make([]ort.Value, 1)
	if err := e.session.RunWithOptions(values, outs, opts); err != nil {
		if ctx.Err() != nil {
			return nil, 0, 0, ctx.Err()
		}
		return nil, 0, 0, failure(err)
	}
	defer outs[0].Destroy()
	out, ok := outs[0].(*ort.Tensor[float32])
	shape := outs[0].GetShape()
	if !ok || len(shape) != 3 || shape[0] != int64(len(ids)) || shape[1] != int64(length) || shape[2] < 1 {
		return nil, 0, 0, &udf.Error{Code: "22023", Message: fmt.Sprintf("the transformer answered with the shape %v, not %d × %d × its width", shape, len(ids), length)}
	}
	return slices.Clone(out.GetData()), length, int(shape[2]), nil
}
