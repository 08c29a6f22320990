package datalayer

import (
	"slices"
	"testing"
)

func TestEditDistance(t *testing.T) {
	t.Parallel()
	cases := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"late", "lat", 1}, {"late", "later", 1},
		{"late", "lake", 1}, {"late", "alte", 1}, {"late", "tale", 2}, {"kitten", "sitting", 3}, {"ca", "abc", 3},
		{"über", "uber", 1},
	}
	for _, c := range cases {
		if got := editDistance([]rune(c.a), []rune(c.b)); got != c.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestNear(t *testing.T) {
	t.Parallel()
	c := &catalog{models: map[string]*model{}}
	for _, name := range []string{"a", "m1", "m2", "m3", "m4", "penguins", "breast_cancer"} {
		c.models[name] = &model{name: name}
	}
	cases := []struct {
		name string
		want []string
	}{
		{"b", nil},
		{"m", []string{`"m1"`, `"m2"`, `"m3"`}},
		{"penguin", []string{`"penguins"`}},
		{"Penguins", []string{`"penguins"`}},
		{"brest_cancr", []string{`"breast_cancer"`}},
		{"xyz", nil},
		{"", nil},
	}
	for _, k := range cases {
		if got := near(k.name, c.names()); !slices.Equal(got, k.want) {
			t.Errorf("near %q is %v, want %v", k.name, got, k.want)
		}
	}
}

func FuzzEditDistance(f *testing.F) {
	f.Add("late", "alte")
	f.Add("", "ü")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > 100 || len(b) > 100 {
			return
		}
		x, y := []rune(a), []rune(b)
		d := editDistance(x, y)
		if back := editDistance(y, x); back != d {
			t.Fatalf("%q to %q is %d, back %d", a, b, d, back)
		}
		if d < max(len(x)-len(y), len(y)-len(x)) || d > max(len(x), len(y)) || (d == 0) != slices.Equal(x, y) {
			t.Fatalf("%q to %q is %d", a, b, d)
		}
	})
}
