package wire

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzBackendScan checks that a stream cut into chunks anywhere is walked as the whole stream is, and that the messages
// found are those that a plain reading of the headers finds.
func FuzzBackendScan(f *testing.F) {
	f.Add([]byte("Z\x00\x00\x00\x05ID\x00\x00\x00\x04S\x00\x00\x00\x08a\x00b\x00"), uint8(3))
	f.Add([]byte("D\x00\x00\x00\x08abcdZ\x00\x00\x00\x05T"), uint8(1))
	f.Add([]byte("E\x00\x00\x00\x03"), uint8(9))
	f.Add([]byte("S\xff\xff\xff\xff"), uint8(2))
	f.Fuzz(func(t *testing.T, stream []byte, step uint8) {
		want, wantErr := plainWalk(stream)
		got, err := chunkedWalk(stream, int(step)+1)
		if (err != nil) != wantErr {
			t.Fatalf("error %v, want one: %v", err, wantErr)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatalf("walked %q, want %q", got, want)
		}
	})
}

// plainWalk returns the types of the whole messages in stream, with the bodies of those that are looked into.
func plainWalk(stream []byte) (seen []byte, malformed bool) {
	for len(stream) >= headerLen {
		typ, length := stream[0], int64(binary.BigEndian.Uint32(stream[1:]))
		if typ == 0 || length < 4 || length > 1<<31-1 {
			return seen, true
		}
		if length+1 > int64(len(stream)) {
			return seen, lookedInto(typ) && length > maxLookedInto
		}
		seen = append(seen, typ)
		if lookedInto(typ) {
			seen = append(seen, stream[headerLen:length+1]...)
		}
		stream = stream[length+1:]
	}
	return seen, false
}

// chunkedWalk does the same with a backendScan over chunks of the given size.
func chunkedWalk(stream []byte, size int) (seen []byte, err error) {
	var scan backendScan
	for len(stream) > 0 {
		chunk := stream[:min(size, len(stream))]
		stream = stream[len(chunk):]
		for off := 0; ; {
			typ, body, end, err := scan.next(chunk, off)
			if err != nil {
				return nil, err
			}
			if typ == 0 && end == len(chunk) {
				break
			}
			off = end
			seen = append(seen, typ)
			if lookedInto(typ) {
				seen = append(seen, body...)
			}
		}
	}
	return seen, nil
}

// TestFrontendHeader checks the bounds of a client's headers.
func TestFrontendHeader(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		header string
		size   int
		ok     bool
	}{
		{"empty query", "Q\x00\x00\x00\x04", 5, true},
		{"length 3", "Q\x00\x00\x00\x03", 0, false},
		{"length 0", "Q\x00\x00\x00\x00", 0, false},
		{"two GiB", "Q\x7f\xff\xff\xff", 0, false},
		{"four GiB", "d\xff\xff\xff\xff", 0, false},
		{"at the limit", "Q\x00\x00\x10\x00", 4097, true},
		{"above the limit", "Q\x00\x00\x10\x01", 0, false},
		{"unknown type", "x\x00\x00\x00\x04", 0, false},
		{"password out of place", "p\x00\x00\x00\x04", 0, false},
		{"HTTP", "GET /", 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, size, err := frontendHeader([]byte(test.header), 4096)
			if (err == nil) != test.ok || size != test.size {
				t.Errorf("size %d, error %v", size, err)
			}
		})
	}
}

// TestFrontendTypes checks that the set and its list for users are the same.
func TestFrontendTypes(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		if frontendType(byte(c)) != bytes.ContainsRune([]byte(frontendTypes), rune(c)) {
			t.Errorf("type %q", rune(c))
		}
	}
}
