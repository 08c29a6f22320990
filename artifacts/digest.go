package artifacts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Digest is the SHA-256 (FIPS 180-4) of an artifact's bytes: its name.
type Digest [sha256.Size]byte

// digestPrefix may stand before the hexadecimal digits of a digest, as container images write it.
const digestPrefix = "sha256:"

// ParseDigest reads 64 hexadecimal digits of either case, with or without "sha256:" before them.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	digits := strings.TrimPrefix(s, digestPrefix)
	if len(digits) != hex.EncodedLen(len(d)) {
		return Digest{}, fmt.Errorf("%q is not a SHA-256: it has to have %d hexadecimal digits", s, hex.EncodedLen(len(d)))
	}
	if _, err := hex.Decode(d[:], []byte(digits)); err != nil {
		return Digest{}, fmt.Errorf("%q is not a SHA-256: %w", s, err)
	}
	return d, nil
}

// String is the digest in 64 lower-case hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }
