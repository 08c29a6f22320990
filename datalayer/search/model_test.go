package search

import (
	"slices"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

func TestParseVector(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]float32{
		"{1,2.5,-3e-2}": {1, 2.5, -0.03}, "[1, 2]": {1, 2}, " {7} ": {7},
		"": nil, "{}": nil, "{a}": nil, "{1,NULL}": nil, "[1,2}": nil, "some text": nil, "{1,,2}": nil, "[": nil,
	} {
		got, ok := parseVector(text)
		if ok != (want != nil) || ok && !slices.Equal(got, want) {
			t.Errorf("%q is %v %v, want %v", text, got, ok, want)
		}
	}
}

func FuzzParseVector(f *testing.F) {
	for _, s := range []string{"{1,2}", "[1e400]", "{NaN}", "[", "{,}", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if v, ok := parseVector(text); ok && len(v) == 0 {
			t.Fatalf("%q is a vector without components", text)
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method string
		with   map[string]string
		ok     bool
	}{
		{"", nil, true}, {"hnsw", map[string]string{"measure": "L2", "recall": "0.9", "dimension": "3", "model": "m"}, true}, {"FLAT", nil, true},
		{"ivf", nil, false}, {"", map[string]string{"measure": "x"}, false}, {"", map[string]string{"recall": "2"}, false},
		{"", map[string]string{"recall": "NaN"}, false}, {"", map[string]string{"dimension": "0"}, false}, {"", map[string]string{"lists": "1"}, false},
	} {
		if _, _, err := options(component.VectorIndexDefinition{Method: c.method, Options: c.with}); (err == nil) != c.ok {
			t.Errorf("%s %v: %v", c.method, c.with, err)
		}
	}
}
