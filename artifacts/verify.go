package artifacts

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Verify wraps the bytes of an artifact as a store has them, so that they are checked while they are read: the end of
// bytes that are not size many or not of digest d is Corrupt instead of io.EOF. Closing it closes rc.
func Verify(rc io.ReadCloser, d Digest, size int64) io.ReadCloser {
	return &verifier{rc: rc, digest: d, left: size, hash: sha256.New()}
}

// verifier is the reader that Verify makes.
type verifier struct {
	rc     io.ReadCloser
	digest Digest
	left   int64
	hash   hash.Hash
	// err is what every further Read returns, once the end or an error was reached.
	err error
}

// Read implements io.Reader.
func (v *verifier) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err := v.rc.Read(p)
	v.hash.Write(p[:n])
	v.left -= int64(n)
	switch {
	case v.left < 0:
		v.err = Corrupt(v.digest, "It has more bytes than when it was put.")
		return 0, v.err
	case errors.Is(err, io.EOF):
		v.err = v.end()
	case err != nil:
		v.err = err
	}
	return n, v.err
}

// end says what the end of the bytes means.
func (v *verifier) end() error {
	if v.left > 0 {
		return Corrupt(v.digest, fmt.Sprintf("The last %d bytes are missing.", v.left))
	}
	if found := Digest(v.hash.Sum(nil)); found != v.digest {
		return Corrupt(v.digest, fmt.Sprintf("Its bytes have the SHA-256 %s.", found))
	}
	return io.EOF
}

// Close implements io.Closer.
func (v *verifier) Close() error { return v.rc.Close() }
