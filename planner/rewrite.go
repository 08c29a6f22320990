package planner

import (
	"sort"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// fragment is new text that is partly copied from the client's, so that positions in it can be mapped back.
type fragment struct {
	pieces []piece
}

// piece is either own text or a copy of a span of the client's.
type piece struct {
	text string
	from int // start of the copied span in the client's text, -1 for own text
	// anchor is the place in the client's text that own text belongs to, where it has one of its own.
	anchor int
}

func (f *fragment) add(text string) *fragment {
	return f.addAt(text, 0)
}

// addAt is add with the place in the client's text that messages about the new text are to name.
func (f *fragment) addAt(text string, anchor int) *fragment {
	f.pieces = append(f.pieces, piece{text, -1, anchor})
	return f
}

func (f *fragment) copy(text string, s sqlparse.Span) *fragment {
	f.pieces = append(f.pieces, piece{s.Of(text), s.Start, s.Start})
	return f
}

func (f *fragment) append(o *fragment) *fragment {
	f.pieces = append(f.pieces, o.pieces...)
	return f
}

// join appends o, with a blank between where two words would become one.
func (f *fragment) join(o *fragment) {
	if a, b := f.lastByte(), o.firstByte(); wordByte(a) && wordByte(b) {
		f.add(" ")
	}
	f.append(o)
}

func (f *fragment) firstByte() byte {
	for _, p := range f.pieces {
		if p.text != "" {
			return p.text[0]
		}
	}
	return 0
}

func (f *fragment) lastByte() byte {
	for i := len(f.pieces) - 1; i >= 0; i-- {
		if t := f.pieces[i].text; t != "" {
			return t[len(t)-1]
		}
	}
	return 0
}

// wordByte reports whether a byte may stand in a name, keyword or number.
func wordByte(b byte) bool {
	return b >= 0x80 || b == '_' || b == '$' || '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z'
}

// mixed copies an expression with its calls replaced.
func (f *fragment) mixed(text string, m *sqlparse.Mixed, with func(*sqlparse.Call) string) *fragment {
	at := m.Span.Start
	for _, p := range m.Parts {
		if p.Call == nil {
			continue
		}
		f.copy(text, sqlparse.Span{Start: at, End: p.Span.Start})
		f.add(with(p.Call))
		at = p.Span.End
	}
	return f.copy(text, sqlparse.Span{Start: at, End: m.Span.End})
}

// edit puts a fragment in place of a span of the client's text.
type edit struct {
	span sqlparse.Span
	with *fragment
}

// rewrite applies edits, which must not overlap, to the range whole of text. It gives the new text and the map from
// byte offsets in it to byte offsets in the old.
func rewrite(text string, whole sqlparse.Span, edits []edit) (string, func(int) int) {
	sort.SliceStable(edits, func(i, j int) bool { return edits[i].span.Start < edits[j].span.Start })
	all := &fragment{}
	at := whole.Start
	anchors := []int{} // where own text is anchored in the old one, by piece
	note := func(anchor int) {
		for len(anchors) < len(all.pieces) {
			anchors = append(anchors, anchor)
		}
	}
	for _, e := range edits {
		all.join((&fragment{}).copy(text, sqlparse.Span{Start: at, End: e.span.Start}))
		all.join(e.with)
		note(e.span.Start)
		at = e.span.End
	}
	all.join((&fragment{}).copy(text, sqlparse.Span{Start: at, End: whole.End}))
	note(whole.End)
	var b strings.Builder
	starts := make([]int, len(all.pieces))
	for i, p := range all.pieces {
		starts[i] = b.Len()
		b.WriteString(p.text)
	}
	return b.String(), func(pos int) int {
		i := sort.Search(len(starts), func(i int) bool { return starts[i] > pos }) - 1
		if i < 0 {
			return whole.Start
		}
		if p := all.pieces[i]; p.from >= 0 {
			return p.from + pos - starts[i]
		}
		return anchors[i]
	}
}
