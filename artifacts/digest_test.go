package artifacts

import (
	"strings"
	"testing"
)

func TestParseDigest(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("0123456789abcdef", 4)
	cases := []struct {
		name, in string
		ok       bool
	}{
		{"digits", digits, true},
		{"prefix", "sha256:" + digits, true},
		{"upper case", strings.ToUpper(digits), true},
		{"empty", "", false},
		{"prefix only", "sha256:", false},
		{"short", digits[:62], false},
		{"odd", digits[:63], false},
		{"long", digits + "00", false},
		{"no digit", "g" + digits[1:], false},
		{"other algorithm", "sha512:" + digits, false},
		{"path", "../../" + digits[6:], false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, err := ParseDigest(c.in)
			if (err == nil) != c.ok {
				t.Fatalf("ParseDigest(%q): error %v, want ok %v", c.in, err, c.ok)
			}
			if c.ok && d.String() != digits {
				t.Fatalf("String() = %q, want %q", d.String(), digits)
			}
		})
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add("sha256:" + strings.Repeat("a0", 32))
	f.Add("")
	f.Add("sha256:sha256:")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDigest(s)
		if err != nil {
			return
		}
		again, err := ParseDigest(d.String())
		if err != nil || again != d {
			t.Fatalf("%q: %v does not come back: %v, %v", s, d, again, err)
		}
	})
}
