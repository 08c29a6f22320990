package session

import (
	"bytes"
	"testing"
)

// plainSeeds are numbers in PostgreSQL's form and in others.
var plainSeeds = []struct {
	text  string
	scale int
	plain bool
}{
	{"0", unscaled, true}, {"0", 0, true}, {"0.00", 2, true}, {"-0.00", 2, false}, {"-0", 0, false}, {"-0.01", 2, true}, {"12.5", 2, false}, {"12.50", 2, true},
	{"12345678.9012", 4, true}, {"10000", 0, true}, {"100000000.00010000", 8, true}, {"0.00001", unscaled, true}, {"0.0000", 4, true}, {"007", 0, false}, {".5", 1, false}, {"5.", 0, false},
	{"1e3", unscaled, false}, {"", unscaled, false}, {"-", unscaled, false}, {"1.2.3", unscaled, false}, {"NaN", unscaled, false}, {"-Infinity", 2, false}, {"99999999999999999999999999999999999999.9999999999", 10, true},
	{"-1234567890123456789.5", 1, true}, {"+5", 0, false},
}

// TestPlain has numbers that need no arithmetic give what those with arithmetic do.
func TestPlain(t *testing.T) {
	t.Parallel()
	for _, c := range plainSeeds {
		if got := isPlain([]byte(c.text), c.scale); got != c.plain {
			t.Errorf("%q with %d digits: plain %t", c.text, c.scale, got)
		}
		samePlain(t, []byte(c.text), c.scale)
	}
}

// samePlain compares both ways.
func samePlain(t *testing.T, text []byte, scale int) {
	t.Helper()
	if !isPlain(text, scale) {
		return
	}
	d, ok := readDecimal(string(text))
	if !ok {
		t.Fatalf("%q is plain, and no number", text)
	}
	d.round(scale)
	if d.String() != string(text) {
		t.Errorf("%q is plain, and printed as %q", text, d.String())
	}
	if got, want := appendPlain([]byte("before"), text), d.binary([]byte("before")); !bytes.Equal(got, want) {
		t.Errorf("%q: %x, want %x", text, got, want)
	}
}

// FuzzPlain does the same for any text.
func FuzzPlain(f *testing.F) {
	for _, c := range plainSeeds {
		f.Add([]byte(c.text), c.scale)
	}
	f.Fuzz(func(t *testing.T, text []byte, scale int) {
		if len(text) < 1000 && (scale == unscaled || scale >= 0 && scale < 1000) {
			samePlain(t, text, scale)
		}
	})
}

// BenchmarkNumeric prints what a column numeric(15,2) mostly holds.
func BenchmarkNumeric(b *testing.B) {
	value := numericValue(15<<16 | 2 + 4)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = value.text(dst[:0], []byte("24386.67")); err != nil {
			b.Fatal(err)
		}
	}
}
