package planner

import (
	"slices"
	"sort"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// splicer collects changes of a text, which may lie in each other where the outer one only moves what is in it.
type splicer struct {
	text   string
	pieces []splice
	sorted bool
}

// splice is one change: either with takes the place of span, or the ranges parts of it change places.
type splice struct {
	span sqlparse.Span
	with *fragment
	// parts are ranges of span in the order of the text, and order[i] is the part that goes into the place of parts[i].
	parts []sqlparse.Span
	order []int
}

// replace puts own text in place of a span; an empty span inserts.
func (s *splicer) replace(span sqlparse.Span, with string) {
	s.pieces, s.sorted = append(s.pieces, splice{span: span, with: (&fragment{}).addAt(with, span.Start)}), false
}

// move lets the ranges parts change places: order[i] is the one that goes into the place of parts[i].
func (s *splicer) move(parts []sqlparse.Span, order []int) {
	span := sqlparse.Span{Start: parts[0].Start, End: parts[len(parts)-1].End}
	s.pieces, s.sorted = append(s.pieces, splice{span: span, parts: parts, order: order}), false
}

// wrap puts own text before and behind a span, with all changes in it so far, and none that come later.
func (s *splicer) wrap(span sqlparse.Span, before, behind string) {
	s.own(span, (&fragment{}).addAt(before, span.Start).append(s.emit(span)).addAt(behind, span.End))
}

// put is replace for a span that has changes in it, which it takes the place of.
func (s *splicer) put(span sqlparse.Span, with string) {
	s.own(span, (&fragment{}).addAt(with, span.Start))
}

// own puts a fragment in place of a span and of all changes in it.
func (s *splicer) own(span sqlparse.Span, with *fragment) {
	s.pieces = slices.DeleteFunc(slices.Clone(s.pieces), func(p splice) bool { return span.Contains(p.span) })
	s.pieces, s.sorted = append(s.pieces, splice{span: span, with: with}), false
}

// emit gives the changed text of a span, into which no change may reach from outside.
func (s *splicer) emit(span sqlparse.Span) *fragment {
	if !s.sorted {
		sort.SliceStable(s.pieces, func(i, j int) bool {
			a, b := s.pieces[i].span, s.pieces[j].span
			return a.Start < b.Start || a.Start == b.Start && a.End > b.End && a.End > a.Start && b.End > b.Start ||
				a.Start == b.Start && a.End == a.Start && b.End > b.Start
		})
		s.sorted = true
	}
	return s.emitFrom(span, -1)
}

// emitFrom is emit with the changes up to the index skip left out: those that enclose span.
func (s *splicer) emitFrom(span sqlparse.Span, skip int) *fragment {
	f := &fragment{}
	at := span.Start
	first := sort.Search(len(s.pieces), func(i int) bool { return s.pieces[i].span.Start >= span.Start })
	for i := max(first, skip+1); i < len(s.pieces) && s.pieces[i].span.Start <= span.End; i++ {
		p := s.pieces[i]
		if p.span.Start < at || p.span.End > span.End {
			continue
		}
		f.join((&fragment{}).copy(s.text, sqlparse.Span{Start: at, End: p.span.Start}))
		if p.with != nil {
			f.join(p.with)
		}
		for k, part := range p.parts {
			if k > 0 {
				f.join((&fragment{}).copy(s.text, sqlparse.Span{Start: p.parts[k-1].End, End: part.Start}))
			}
			f.join(s.emitFrom(p.parts[p.order[k]], i))
		}
		at = p.span.End
	}
	f.join((&fragment{}).copy(s.text, sqlparse.Span{Start: at, End: span.End}))
	return f
}

// render gives a fragment's text, and the map from byte offsets in it to byte offsets in the client's text, whose range
// whole it is made of.
func (f *fragment) render(whole sqlparse.Span) (string, func(int) int) {
	var b strings.Builder
	starts := make([]int, len(f.pieces))
	for i, p := range f.pieces {
		starts[i] = b.Len()
		b.WriteString(p.text)
	}
	length := b.Len()
	return b.String(), func(pos int) int {
		i := sort.Search(len(starts), func(i int) bool { return starts[i] > pos }) - 1
		switch {
		case i < 0:
			return whole.Start
		case pos >= length:
			return whole.End
		case f.pieces[i].from >= 0:
			return f.pieces[i].from + pos - starts[i]
		}
		return f.pieces[i].anchor
	}
}
