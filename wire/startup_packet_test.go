package wire

import (
	"encoding/binary"
	"errors"
	"testing"
)

// startupBytes makes a start-up packet of a version and a body.
func startupBytes(version uint32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	b = binary.BigEndian.AppendUint32(b, version)
	return append(b, body...)
}

// TestParseStartup checks which packets are taken.
func TestParseStartup(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		version uint32
		body    string
		code    string
	}{
		{"3.0", 3 << 16, "user\x00a\x00\x00", ""},
		{"3.2", 3<<16 | 2, "user\x00a\x00_pq_.x\x00y\x00\x00", ""},
		{"3.9999", 3<<16 | 9999, "user\x00a\x00\x00", ""},
		{"empty value", 3 << 16, "user\x00a\x00options\x00\x00\x00", ""},
		{"2.0", 2 << 16, "", "0A000"},
		{"4.0", 4 << 16, "user\x00a\x00\x00", "0A000"},
		{"no terminator", 3 << 16, "user\x00a\x00", "08P01"},
		{"half a pair", 3 << 16, "user\x00a", "08P01"},
		{"no body", 3 << 16, "", "08P01"},
		{"bytes behind the terminator", 3 << 16, "user\x00a\x00\x00x", "08P01"},
		{"NUL in a name", 3 << 16, "user\x00a\x00\x00b\x00c\x00\x00", "08P01"},
		{"odd number of strings", 3 << 16, "user\x00a\x00database\x00\x00", "08P01"},
		{"no user", 3 << 16, "database\x00a\x00\x00", "28000"},
		{"empty user", 3 << 16, "user\x00\x00\x00", "28000"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := parseStartup(startupBytes(test.version, test.body))
			var f *fatal
			if errors.As(err, &f); (err == nil) != (test.code == "") || err != nil && f.code != test.code {
				t.Errorf("error %v, want %q", err, test.code)
			}
		})
	}
}

// FuzzParseStartup checks that what is taken is exactly what its parameters make when put together again.
func FuzzParseStartup(f *testing.F) {
	f.Add(startupBytes(3<<16, "user\x00a\x00database\x00b\x00\x00"))
	f.Add(startupBytes(3<<16|9999, "user\x00a\x00_pq_.b\x00\x00\x00"))
	f.Add(startupBytes(codeTLS, ""))
	f.Add(startupBytes(codeCancel, "12345678"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) < 8 {
			return
		}
		_, _ = cancelKey(raw)
		p, err := parseStartup(raw)
		if err != nil {
			return
		}
		again := ""
		for _, q := range p.parameters {
			again += q.name + "\x00" + q.value + "\x00"
		}
		if again+"\x00" != string(raw[8:]) || p.get("user") == "" {
			t.Errorf("%q was read as %q", raw[8:], again)
		}
		_ = p.replication()
	})
}
