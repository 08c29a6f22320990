// Package sentence is the runtime of models that turn a text into a vector: a BERT-like transformer as an ONNX file with
// the vocabulary of its word pieces, in one zip file. The vectors of a text's pieces are averaged and brought to the
// length 1, as the models of sentence-transformers do it.
//
// The artifact has model.onnx, vocab.txt and, where its settings are not those of all-MiniLM-L6-v2, sentence.json. The
// options of WITH (…) are max_batch and threads.
package sentence

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
)

// DefaultMaxBatch is the most texts in one Predict unless the option max_batch says otherwise.
const DefaultMaxBatch = 256

// runTexts is the number of texts that are run together: those of like length, so that little is padding.
const runTexts = 16

// maxModelBytes is the largest model.onnx.
const maxModelBytes = 1 << 30

// Runtime loads models that turn texts into vectors. It is safe for concurrent use.
type Runtime struct{ onnx *onnx.Runtime }

// New makes a runtime over one that has ONNX Runtime.
func New(r *onnx.Runtime) *Runtime { return &Runtime{onnx: r} }

// Name implements udf.Runtime.
func (*Runtime) Name() string { return "sentence" }

// Load implements udf.Runtime.
func (r *Runtime) Load(ctx context.Context, spec udf.Spec) (udf.Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sig, err := signature(spec)
	if err != nil {
		return nil, err
	}
	m := &model{sig: sig, maxBatch: DefaultMaxBatch}
	threads := 0
	for key, val := range spec.Options {
		n, err := strconv.Atoi(val)
		switch {
		case key != "max_batch" && key != "threads":
			return nil, &udf.Error{Code: "22023", Message: fmt.Sprintf("unknown option %q of a sentence model", key), Hint: "The options are: max_batch, threads."}
		case err != nil || n < 1 || n > 10_000:
			return nil, &udf.Error{Code: "22023", Message: fmt.Sprintf("option %q must be a number from 1 to 10000, not %q", key, val)}
		case key == "max_batch":
			m.maxBatch = n
		default:
			threads = n
		}
	}
	if spec.Artifact == "" {
		return nil, &udf.Error{Code: "42601", Message: fmt.Sprintf("model %q has no file", spec.Name), Hint: "Name it: CREATE MODEL … FROM 'path/to/model.zip' USING sentence."}
	}
	a, err := readArtifact(spec.Name, spec.Artifact, maxModelBytes)
	if err != nil {
		return nil, err
	}
	m.settings = a.settings
	if m.tokens, err = newTokenizer(a.vocabulary, a.settings.Lower); err != nil {
		return nil, &udf.Error{Code: "22023", Message: fmt.Sprintf("model %q cannot be loaded: %v", spec.Name, err)}
	}
	if m.encoder, err = r.onnx.OpenEncoder(spec.Name, a.model, threads); err != nil {
		return nil, err
	}
	return m, nil
}

// signature is (text) returning real[], which a statement may declare, with float8[] in place of it.
func signature(spec udf.Spec) (udf.Signature, error) {
	sig := udf.Signature{Args: []udf.Arg{{Name: "text", Type: udf.Text}}, Returns: udf.Float4Array}
	if spec.Args != nil {
		if len(spec.Args) != 1 || spec.Args[0].Type != udf.Text {
			return sig, &udf.Error{Code: "42804", Message: fmt.Sprintf("model %q takes one argument, of type text", spec.Name)}
		}
		if spec.Args[0].Name != "" {
			sig.Args[0].Name = spec.Args[0].Name
		}
	}
	switch spec.Returns {
	case udf.Invalid, udf.Float4Array:
	case udf.Float8Array:
		sig.Returns = udf.Float8Array
	default:
		return sig, &udf.Error{Code: "42804", Message: fmt.Sprintf("model %q returns real[], not %s", spec.Name, spec.Returns)}
	}
	return sig, nil
}

// model is a loaded one.
type model struct {
	sig      udf.Signature
	maxBatch int
	settings settings
	tokens   *tokenizer
	encoder  *onnx.Encoder
}

// Signature implements udf.Model.
func (m *model) Signature() udf.Signature { return m.sig }

// Deterministic implements udf.Model. Which texts a text is run with moves its vector by less than float32 can tell.
func (m *model) Deterministic() bool { return true }

// MaxBatch implements udf.Model.
func (m *model) MaxBatch() int { return m.maxBatch }

// Concurrency implements udf.Concurrent.
func (m *model) Concurrency() int { return m.encoder.Concurrency() }

// Close implements udf.Model.
func (m *model) Close() error { return m.encoder.Close() }

// Predict implements udf.Model. Texts of like length are run together.
func (m *model) Predict(ctx context.Context, args []udf.Column) (udf.Column, error) {
	rows, err := udf.CheckArgs(m.sig, args)
	if err != nil {
		return udf.Column{}, err
	}
	answer := udf.NewColumn(m.sig.Returns, rows)
	ids := make([][]int64, rows)
	var order []int
	for i := range rows {
		if args[0].Null(i) {
			answer.SetNull(i)
			continue
		}
		ids[i] = m.tokens.ids(args[0].Texts[i], m.settings.MaxTokens)
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(ids[a]) - len(ids[b]) })
	for chunk := range slices.Chunk(order, runTexts) {
		batch := make([][]int64, len(chunk))
		for k, i := range chunk {
			batch[k] = ids[i]
		}
		vectors, length, width, err := m.encoder.Encode(ctx, batch)
		if err != nil {
			return udf.Column{}, err
		}
		for k, i := range chunk {
			at := k * length * width
			answer.FloatLists[i] = m.pool(vectors[at:at+len(batch[k])*width], width)
		}
	}
	return answer, ctx.Err()
}

// pool makes one vector of those of a text's pieces. Its components are float32s.
func (m *model) pool(vectors []float32, width int) []float64 {
	pooled := make([]float64, width)
	pieces := len(vectors) / width
	if m.settings.Pooling == "cls" {
		pieces = 1
	}
	for p := range pieces {
		for k, x := range vectors[p*width : (p+1)*width] {
			pooled[k] += float64(x)
		}
	}
	length := float64(pieces)
	if m.settings.Normalize {
		square := 0.0
		for _, x := range pooled {
			square += x * x
		}
		length = max(math.Sqrt(square), 1e-12)
	}
	for k := range pooled {
		pooled[k] = float64(float32(pooled[k] / length))
	}
	return pooled
}
