package sentence_test

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/sentence"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/udftest"
)

// modelVariable names the artifact that scripts/sentence_model.py makes of all-MiniLM-L6-v2.
const modelVariable = "PINNACLE_TEST_SENTENCE_MODEL"

// artifact is the real model's, or the test is skipped: it has 90 MB and is not in the tree.
func artifact(t testing.TB) string {
	t.Helper()
	path := os.Getenv(modelVariable)
	if path == "" {
		path = "../../.cache/minilm.zip"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no sentence model: %v; scripts/sentence_model.py makes one, and %s names it", err, modelVariable)
	}
	if _, _, err := runtime().Library(); err != nil {
		t.Skip(err)
	}
	return path
}

func runtime() *onnx.Runtime {
	dirs, _ := filepath.Glob("../../.cache/onnxruntime*") // the pattern is right
	return onnx.New(onnx.Config{SearchDirs: dirs})
}

// The vectors are those of sentence-transformers, as scripts/sentence_model.py --golden has written them down.
func TestEqualsSentenceTransformers(t *testing.T) {
	t.Parallel()
	path := artifact(t)
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden []struct {
		Text   string
		Vector []float64
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	c := udftest.Case{
		Spec:  udf.Spec{Name: "minilm", Version: 1, Artifact: path},
		Args:  []udf.Column{udf.NewColumn(udf.Text, 0)},
		Want:  udf.NewColumn(udf.Float4Array, 0),
		Close: 1e-4,
	}
	m, err := sentence.New(runtime()).Load(t.Context(), c.Spec)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, g := range golden {
		c.Args[0].Texts = append(c.Args[0].Texts, g.Text)
	}
	got, err := m.Predict(t.Context(), c.Args)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range golden {
		if len(got.FloatLists[i]) != len(g.Vector) {
			t.Fatalf("%q has %d components, want %d", g.Text, len(got.FloatLists[i]), len(g.Vector))
		}
		most := 0.0
		for k, x := range g.Vector {
			most = max(most, math.Abs(x-got.FloatLists[i][k]))
		}
		if most > 1e-4 {
			t.Errorf("%.40q is %g away", g.Text, most)
		}
	}
	if t.Failed() {
		return
	}
	// The contract, on a few of them: what it does with splits, contexts and wrong arguments.
	for _, g := range golden[:4] {
		c.Want.FloatLists = append(c.Want.FloatLists, g.Vector)
	}
	c.Args[0].Texts = c.Args[0].Texts[:4]
	udftest.Run(t, sentence.New(runtime()), c)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive := func(name string, files map[string]string) string {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		for file, text := range files {
			w, err := z.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(z.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		return f.Name()
	}
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("no zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		spec udf.Spec
		code string
		says string
	}{
		{udf.Spec{}, "42601", "has no file"},
		{udf.Spec{Artifact: plain}, "22023", "no zip file"},
		{udf.Spec{Artifact: archive("a", map[string]string{"vocab.txt": "[UNK]"})}, "22023", "has no model.onnx"},
		{udf.Spec{Artifact: archive("b", map[string]string{"model.onnx": "x"})}, "22023", "has no vocab.txt"},
		{udf.Spec{Artifact: archive("c", map[string]string{"model.onnx": "x", "vocab.txt": "[UNK]\n[CLS]\n"})}, "22023", "has no [SEP]"},
		{udf.Spec{Artifact: archive("d", map[string]string{"model.onnx": "x", "m/vocab.txt": "[UNK]\n[CLS]\n[SEP]\n"})}, "22023", "not an ONNX model"},
		{udf.Spec{Artifact: archive("e", map[string]string{"model.onnx": "x", "vocab.txt": "x", "sentence.json": `{"pooling": "max"}`})}, "22023", "neither mean nor cls"},
		{udf.Spec{Artifact: plain, Returns: udf.Text}, "42804", "returns real[]"},
		{udf.Spec{Artifact: plain, Args: []udf.Arg{{Type: udf.Int4}}}, "42804", "takes one argument"},
		{udf.Spec{Artifact: plain, Options: map[string]string{"output": "x"}}, "22023", "unknown option"},
		{udf.Spec{Artifact: plain, Options: map[string]string{"threads": "0"}}, "22023", "must be a number"},
	} {
		c.spec.Name = "m"
		_, err := sentence.New(runtime()).Load(t.Context(), c.spec)
		var e *udf.Error
		if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.says) && !strings.Contains(e.Hint, c.says) {
			t.Errorf("%+v: %v, want %s %s", c.spec, err, c.code, c.says)
		}
	}
}

func BenchmarkPredict(b *testing.B) {
	m, err := sentence.New(runtime()).Load(b.Context(), udf.Spec{Name: "minilm", Artifact: artifact(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	texts := udf.NewColumn(udf.Text, 64)
	for i := range texts.Texts {
		texts.Texts[i] = strings.Repeat("vector search finds like sentences ", 1+i%3)
	}
	for b.Loop() {
		if _, err := m.Predict(b.Context(), []udf.Column{texts}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(64*float64(b.N)/b.Elapsed().Seconds(), "texts/s")
}
