package keyvalue

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The bytes that Key writes beside those of its parts. Both are below every byte that it leaves as it is, so that keys
// are ordered as their parts are.
const (
	// partEnd ends a part.
	partEnd = 0x01
	// partEscape stands before a byte up to partEscape of a part, to which escapeShift is added.
	partEscape  = 0x02
	escapeShift = 0x30
)

// Key makes one key of several parts, any UTF-8. Keys are ordered by the first part, byte by byte, then by the second, and
// so on; the key of some parts is a prefix of the keys that have these and more, and of no other's. Parts reads it.
func Key(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		for i := range len(part) {
			c := part[i]
			if c <= partEscape {
				b.WriteByte(partEscape)
				c += escapeShift
			}
			b.WriteByte(c)
		}
		b.WriteByte(partEnd)
	}
	return b.String()
}

// Parts gives the parts that Key has made a key of. false: it is no such key.
func Parts(key string) (parts []string, ok bool) {
	var part []byte
	for i := 0; i < len(key); i++ {
		switch c := key[i]; {
		case c == partEnd:
			parts, part = append(parts, string(part)), nil
		case c == partEscape:
			i++
			if i == len(key) || key[i] < escapeShift || key[i] > escapeShift+partEscape {
				return nil, false
			}
			part = append(part, key[i]-escapeShift)
		case c < partEnd:
			return nil, false
		default:
			part = append(part, c)
		}
	}
	return parts, part == nil
}

// Number writes a number as a part or key, so that numbers are ordered: 20 decimal digits.
func Number(n uint64) string { return fmt.Sprintf("%020d", n) }

// PrefixEnd is the first key after all keys that begin with prefix: Scan(space, prefix, PrefixEnd(prefix), …) gives
// those. "", which Scan takes for no end, where there is no such key.
func PrefixEnd(prefix string) string {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		next := last + 1
		if next == 0xD800 { // the surrogates are no characters
			next = 0xE000
		}
		if next <= utf8.MaxRune {
			return prefix + string(next)
		}
	}
	return ""
}

// Check says whether a space and a key may be used, and a value of that size put: for the stores, before they try. A key
// of "" is refused.
func Check(space Space, key string, size int) error {
	switch {
	case !space.valid():
		return &Error{Code: "22023", Message: fmt.Sprintf("%q is no space of the metadata store", string(space))}
	case key == "" || strings.IndexByte(key, 0) >= 0 || !utf8.ValidString(key):
		return &Error{Code: "22023", Message: fmt.Sprintf("%q is no key of the metadata store", key)}
	case len(key) > MaxKeyBytes:
		return &Error{
			Code:    "54000",
			Message: fmt.Sprintf("a name of %d bytes is too long for the metadata store", len(key)),
			Detail:  fmt.Sprintf("Keys have at most %d bytes.", MaxKeyBytes),
		}
	case size > MaxValueBytes:
		return &Error{
			Code:    "54000",
			Message: fmt.Sprintf("a record of %d bytes is too big for the metadata store", size),
			Detail:  fmt.Sprintf("Records have at most %d bytes.", MaxValueBytes),
			Hint:    "Keep what is big as an artifact.",
		}
	}
	return nil
}

// maxSpace is the longest name of a space, in bytes.
const maxSpace = 32

// valid says whether s is a space.
func (s Space) valid() bool {
	if s == "" || len(s) > maxSpace || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// CheckRange is Check for the bounds of a scan, which may be "".
func CheckRange(space Space, from, to string) error {
	for _, bound := range []string{from, to} {
		if bound == "" {
			bound = "-"
		}
		if err := Check(space, bound, 0); err != nil {
			return err
		}
	}
	return nil
}
