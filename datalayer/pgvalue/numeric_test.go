package pgvalue

import (
	"encoding/binary"
	"testing"
)

func numeric(words ...uint16) []byte {
	var v []byte
	for _, w := range words {
		v = binary.BigEndian.AppendUint16(v, w)
	}
	return v
}

func TestAppendNumeric(t *testing.T) {
	t.Parallel()
	for want, v := range map[string][]byte{
		"0":            numeric(0, 0, 0, 0),
		"0.00":         numeric(0, 0, 0, 2),
		"1":            numeric(1, 0, 0, 0, 1),
		"1.00":         numeric(1, 0, 0, 2, 1),
		"-12345.67":    numeric(3, 1, 0x4000, 2, 1, 2345, 6700),
		"0.0001":       numeric(1, 0xffff, 0, 4, 1),
		"0.00001":      numeric(1, 0xfffe, 0, 5, 1000),
		"10000":        numeric(1, 1, 0, 0, 1),
		"100000000.5":  numeric(4, 2, 0, 1, 1, 0, 0, 5000),
		"NaN":          numeric(0, 0, 0xC000, 0),
		"Infinity":     numeric(0, 0, 0xD000, 0),
		"-Infinity":    numeric(0, 0, 0xF000, 0),
		"0.1000000000": numeric(1, 0xffff, 0, 10, 1000),
	} {
		got, err := AppendNumeric(nil, v)
		if err != nil || string(got) != want {
			t.Errorf("%x: %q, %v; want %q", v, got, err, want)
		}
	}
	for _, bad := range [][]byte{nil, numeric(1, 0, 0, 0), numeric(0, 0, 1, 0), numeric(1, 0, 0, 0, 10000), numeric(0, 0, 0, 20000)} {
		if got, err := AppendNumeric(nil, bad); err == nil {
			t.Errorf("%x: %.80q, and no error", bad, got)
		}
	}
}

func FuzzAppendNumeric(f *testing.F) {
	f.Add(numeric(3, 1, 0x4000, 2, 1, 2345, 6700))
	f.Fuzz(func(t *testing.T, v []byte) {
		if got, err := AppendNumeric(nil, v); err == nil && len(got) > 4*maxNumericWeight+maxNumericScale+8 {
			t.Errorf("%d bytes of text", len(got))
		}
	})
}
