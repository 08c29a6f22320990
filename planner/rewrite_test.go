package planner

import (
	"math/rand/v2"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// TestRewriteMapsCopiesBack makes random edits of a text with fragments of own text and copies, and maps each byte back.
func TestRewriteMapsCopiesBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		text := make([]byte, 30+r.IntN(50))
		for i := range text {
			text[i] = byte('a' + i%26)
		}
		whole := sqlparse.Span{Start: r.IntN(5), End: len(text) - r.IntN(5)}
		var edits []edit
		for at := whole.Start; at < whole.End; {
			start := at + r.IntN(6)
			end := start + r.IntN(8)
			if end > whole.End {
				break
			}
			edits = append(edits, edit{sqlparse.Span{Start: start, End: end}, randomFragment(r, string(text))})
			at = end + 1
		}
		r.Shuffle(len(edits), func(i, j int) { edits[i], edits[j] = edits[j], edits[i] })
		out, origin := rewrite(string(text), whole, edits)
		for i := range len(out) {
			from := origin(i)
			if out[i] == '#' || out[i] == ' ' { // own text is anchored at its edit
				if !isEdit(edits, from) && from != whole.End {
					t.Fatalf("own byte %d of %s comes from %d of %s", i, out, from, text)
				}
				continue
			}
			if from < 0 || from >= len(text) || text[from] != out[i] {
				t.Fatalf("byte %d (%c) of %s comes from %d of %s", i, out[i], out, from, text)
			}
		}
		if from := origin(-1); from != whole.Start {
			t.Errorf("a position before the start comes from %d, not %d", from, whole.Start)
		}
	}
}

// randomFragment mixes own text, of # alone, and copies.
func randomFragment(r *rand.Rand, text string) *fragment {
	f := &fragment{}
	for range r.IntN(4) {
		if r.IntN(2) == 0 {
			f.add("###"[:r.IntN(4)])
			continue
		}
		start := r.IntN(len(text))
		f.append((&fragment{}).copy(text, sqlparse.Span{Start: start, End: start + r.IntN(len(text)-start)}))
	}
	return f
}

func isEdit(edits []edit, at int) bool {
	for _, e := range edits {
		if e.span.Start == at {
			return true
		}
	}
	return false
}

func TestMixedFragment(t *testing.T) {
	t.Parallel()
	text := "x + f(a) * y - f(b)"
	m := &sqlparse.Mixed{Span: sqlparse.Span{Start: 0, End: len(text)}, Parts: []sqlparse.Part{
		{Span: sqlparse.Span{Start: 0, End: 1}}, {Span: sqlparse.Span{Start: 4, End: 8}, Call: &sqlparse.Call{}},
		{Span: sqlparse.Span{Start: 11, End: 12}}, {Span: sqlparse.Span{Start: 15, End: 19}, Call: &sqlparse.Call{}},
	}}
	f := (&fragment{}).mixed(text, m, func(*sqlparse.Call) string { return "NULL" })
	out, origin := rewrite(text, sqlparse.Span{Start: 0, End: len(text)}, []edit{{m.Span, f}})
	if out != "x + NULL * y - NULL" || origin(0) != 0 || origin(11) != 11 || origin(4) != 0 {
		t.Errorf("%s, %d, %d, %d", out, origin(0), origin(11), origin(4))
	}
}
