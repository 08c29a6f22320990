package metric_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// reference starts testdata/reference.py in the Python that tests/clients/install.sh makes, and gives what asks it.
func reference(t *testing.T) func(testCase) map[string]any {
	t.Helper()
	python := os.Getenv("PINNACLE_SKLEARN_PYTHON")
	if python == "" {
		python, _ = filepath.Abs("../../.cache/clients/sklearn/bin/python")
	}
	if _, err := os.Stat(python); err != nil {
		t.Skipf("no Python with scikit-learn (%v); tests/clients/install.sh sklearn makes one, PINNACLE_SKLEARN_PYTHON names another", err)
	}
	cmd := exec.Command(python, "testdata/reference.py")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("reference.py: %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	return func(c testCase) map[string]any {
		t.Helper()
		question, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write(append(question, '\n')); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() {
			t.Fatalf("reference.py has ended: %v", lines.Err())
		}
		var answer map[string]any
		if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}
}

// TestScikitLearn compares random cases with the real scikit-learn.
func TestScikitLearn(t *testing.T) {
	t.Parallel()
	ask := reference(t)
	r := rand.New(rand.NewPCG(7, 11))
	left := map[string]bool{}
	for _, name := range []string{"accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "mae", "rmse", "r2", "confusion_matrix"} {
		left[name] = true
	}
	defer func() {
		if len(left) > 0 && !t.Failed() {
			t.Errorf("metrics that no case has: %v", left)
		}
	}()
	for i := range 300 {
		c := randomCase(r)
		for _, name := range c.Metrics {
			base, _, averaged := strings.Cut(name, "_")
			if delete(left, name); averaged {
				delete(left, base)
			}
		}
		c.Name = fmt.Sprintf("case %d", i)
		compare(t, c, outcomes(t, c), ask(c))
		if t.Failed() {
			return
		}
	}
}

var (
	averages = []string{"macro", "micro", "weighted"}
	numbers  = []string{"mae", "rmse", "r2"}
)

// labelMetrics are the metrics of labels; binary ones too where they are of two.
func labelMetrics(binary bool) []string {
	names := []string{"accuracy", "confusion_matrix"}
	for _, base := range []string{"precision", "recall", "f1"} {
		for _, a := range averages {
			names = append(names, base+"_"+a)
		}
		if binary {
			names = append(names, base+"_binary")
		}
	}
	return names
}

// randomCase makes a case of a random kind, of 1 to 200 rows.
func randomCase(r *rand.Rand) testCase {
	n := 1 + r.IntN(200)
	if r.IntN(4) == 0 {
		n = 1 + r.IntN(4)
	}
	switch r.IntN(6) {
	case 0:
		return labelCase(r, n, "text", func(k int) any { return string(rune('a'+k)) + "é" }, nil)
	case 1:
		return labelCase(r, n, "bigint", func(k int) any { return float64(k*3 - 4) }, nil)
	case 2:
		c := labelCase(r, n, "bigint", func(k int) any { return float64(k % 2) }, 1.0)
		c.Metrics = labelMetrics(true)
		if r.IntN(2) == 0 {
			c.Target, c.Positive = "boolean", nil
			for i, v := range c.Targets {
				c.Targets[i] = v == 1.0
			}
		}
		return c
	case 3:
		return scoreCase(r, n)
	case 4:
		return probabilityCase(r, n)
	}
	return numberCase(r, n)
}

// labelCase makes targets and answers of a few labels.
func labelCase(r *rand.Rand, n int, typ string, label func(int) any, positive any) testCase {
	c := testCase{Target: typ, Answer: typ, Metrics: labelMetrics(false), Positive: positive}
	k := 1 + r.IntN(8)
	for range n {
		target := r.IntN(k)
		answer := target
		if r.IntN(3) == 0 {
			answer = r.IntN(k + 1)
		}
		c.Targets, c.Answers = append(c.Targets, label(target)), append(c.Answers, label(answer))
	}
	return c
}

// scoreCase makes scores of two labels, with ties.
func scoreCase(r *rand.Rand, n int) testCase {
	c := testCase{Target: "boolean", Answer: "double precision", Metrics: []string{"roc_auc", "log_loss"}}
	steps := float64(1 + r.IntN(50))
	labels := [2]any{false, true}
	switch r.IntN(3) {
	case 0:
		c.Target, labels = "text", [2]any{"ham", "spam"}
	case 1:
		c.Target, labels = "integer", [2]any{-1.0, 1.0}
	}
	for range n {
		p := r.Float64()
		if r.IntN(2) == 0 {
			p = math.Round(p*steps) / steps
		}
		k := 0
		if r.Float64() < 0.3+p/2 {
			k = 1
		}
		c.Targets, c.Answers = append(c.Targets, labels[k]), append(c.Answers, p)
	}
	return c
}

// probabilityCase makes probabilities of several labels.
func probabilityCase(r *rand.Rand, n int) testCase {
	k := 2 + r.IntN(4)
	c := testCase{Target: "integer", Answer: "double precision[]", Metrics: []string{"log_loss"}}
	if k == 2 {
		c.Metrics = append(c.Metrics, "roc_auc")
	}
	for range n {
		p := make([]any, k)
		total := 0.0
		for i := range p {
			x := r.Float64()
			if r.IntN(6) == 0 {
				x = 0
			}
			p[i], total = x, total+x
		}
		for i := range p {
			if total == 0 {
				p[i] = 1 / float64(k)
			} else {
				p[i] = p[i].(float64) / total
			}
		}
		c.Targets, c.Answers = append(c.Targets, float64(10*r.IntN(k))), append(c.Answers, any(p))
	}
	return c
}

// numberCase makes numbers, some far from zero beside how far they are from each other.
func numberCase(r *rand.Rand, n int) testCase {
	c := testCase{Target: "double precision", Answer: "double precision", Metrics: numbers}
	scale, at := math.Pow(10, float64(r.IntN(9)-4)), 0.0
	if r.IntN(3) == 0 {
		at = 1e4 * scale
	}
	if r.IntN(3) == 0 {
		c.Target = "numeric"
	}
	if r.IntN(8) == 0 {
		n, scale = max(n, 2), 0 // all equal
		at = float64(r.IntN(1000))
	}
	for range n {
		x := at + scale*r.NormFloat64()
		c.Targets, c.Answers = append(c.Targets, x), append(c.Answers, x+scale*r.NormFloat64()/4)
	}
	return c
}
