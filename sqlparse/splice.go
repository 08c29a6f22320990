package sqlparse

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Edit puts Text in place of the bytes of Span. An empty span inserts.
type Edit struct {
	Span Span
	Text string
}

// Spliced is a text after edits, which knows where its bytes came from.
type Spliced struct {
	Text     string
	original string
	pieces   []splicedPiece
}

// splicedPiece says where a run of bytes of the new text came from; an edit's piece has kept unset.
type splicedPiece struct {
	start int // in the new text
	old   int // in the original
	kept  bool
}

// Splice applies edits, in any order, to text. It fails if two of them overlap or one lies outside the text. Several
// insertions at one place keep their order.
func Splice(text string, edits []Edit) (*Spliced, error) {
	edits = slices.Clone(edits)
	sort.SliceStable(edits, func(i, j int) bool {
		a, b := edits[i].Span, edits[j].Span
		return a.Start < b.Start || a.Start == b.Start && a.End == a.Start && b.End > b.Start
	})
	s := &Spliced{original: text}
	var b strings.Builder
	at := 0
	for _, e := range edits {
		if e.Span.Start < at || e.Span.End < e.Span.Start || e.Span.End > len(text) {
			return nil, fmt.Errorf("edit of bytes %d to %d overlaps another or leaves the text of %d bytes", e.Span.Start, e.Span.End, len(text))
		}
		s.add(&b, text[at:e.Span.Start], at, true)
		s.add(&b, e.Text, e.Span.Start, false)
		at = e.Span.End
	}
	s.add(&b, text[at:], at, true)
	s.Text = b.String()
	return s, nil
}

func (s *Spliced) add(b *strings.Builder, bytes string, old int, kept bool) {
	if bytes == "" {
		return
	}
	s.pieces = append(s.pieces, splicedPiece{start: b.Len(), old: old, kept: kept})
	b.WriteString(bytes)
}

// Original maps a byte offset into Text to one into the original text. Within an edit it is the edit's start; at or
// behind the end it is the original's length.
func (s *Spliced) Original(pos int) int {
	if pos >= len(s.Text) {
		return len(s.original)
	}
	i := sort.Search(len(s.pieces), func(i int) bool { return s.pieces[i].start > pos }) - 1
	if i < 0 {
		return 0
	}
	p := s.pieces[i]
	if !p.kept {
		return p.old
	}
	return p.old + pos - p.start
}

// OriginalCharPosition maps the position of a message about Text (characters, counted from 1) to the position in the
// original text that a client is to be told.
func (s *Spliced) OriginalCharPosition(position int) int {
	return CharPosition(s.original, s.Original(ByteOffset(s.Text, position)))
}
