package sqlparse

import "strings"

// Names finds names of relations in texts, without parsing and without allocating. It never misses a name that a text
// spells, in any case and with or without quotes, other than by U&"…", which Gate.Concerns finds. It has false positives.
// It is immutable and safe for concurrent use.
type Names struct {
	// runs holds the first run of identifier bytes of each name, in lower case; bits has a bit for the hash of each.
	runs map[string]struct{}
	bits [nameBits / 64]uint64
	// all says that one of the names has no such run: every text may hold it.
	all  bool
	list map[string]struct{}
}

const (
	nameBits = 1 << 13
	// longName is the length in bytes from which a text may spell a name longer than PostgreSQL keeps it, which can be cut
	// within a character. A text with such a word is taken to hold it.
	longName = maxNameBytes - 3
)

// NewNames makes Names of names as catalogs have them.
func NewNames(names []string) *Names {
	n := &Names{runs: map[string]struct{}{}, list: map[string]struct{}{}}
	for _, name := range names {
		n.list[name] = struct{}{}
		run := firstRun(name)
		n.all = n.all || run == ""
		n.runs[run] = struct{}{}
		h := runHash([]byte(run))
		n.bits[h/64] |= 1 << (h % 64)
	}
	return n
}

// firstRun is the first run of bytes of a name that may stand in an unquoted identifier, in lower case.
func firstRun(name string) string {
	start := strings.IndexFunc(name, func(r rune) bool { return r >= 0x80 || identByte(byte(r)) })
	if start < 0 {
		return ""
	}
	end := start
	for end < len(name) && identByte(name[end]) {
		end++
	}
	return lowerASCII(name[start:end])
}

// runHash is the hash of a run, whatever the case of its ASCII letters.
func runHash(run []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range run {
		h = (h ^ uint32(c|0x20)) * 16777619
	}
	return (h ^ h>>15) % nameBits
}

// Has reports whether a name is one of the names.
func (n *Names) Has(name string) bool {
	if n == nil {
		return false
	}
	_, ok := n.list[name]
	return ok
}

// List gives the names, in no order.
func (n *Names) List() []string {
	if n == nil {
		return nil
	}
	names := make([]string, 0, len(n.list))
	for name := range n.list {
		names = append(names, name)
	}
	return names
}

// In reports whether a text may hold one of the names.
func (n *Names) In(sql []byte) bool {
	if n == nil || len(n.list) == 0 {
		return false
	}
	if n.all {
		return true
	}
	for at := 0; at < len(sql); {
		if !identByte(sql[at]) {
			at++
			continue
		}
		start, h := at, uint32(2166136261)
		for at < len(sql) && identByte(sql[at]) {
			h = (h ^ uint32(sql[at]|0x20)) * 16777619
			at++
		}
		h = (h ^ h>>15) % nameBits
		if at-start >= longName || n.bits[h/64]>>(h%64)&1 != 0 && n.holds(sql[start:at]) {
			return true
		}
	}
	return false
}

// holds looks a run up.
func (n *Names) holds(run []byte) bool {
	var folded [maxNameBytes]byte
	for i, c := range run {
		folded[i] = foldByte(c)
	}
	_, ok := n.runs[string(folded[:len(run)])]
	return ok
}
