package lookup

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

const (
	// shortText is the length in bytes up to which a text is searched for as a name, PostgreSQL's one type of text that
	// has a fixed width. A longer text is cut to a name of 60 bytes at least (63, less the rest of a character), so that
	// none of these is taken for it.
	shortText = 59
	// fewTexts is the number of texts up to which names are searched: each takes 64 bytes, and so does the one behind it.
	// Above, the search is no faster than that of a jsonb object's keys.
	fewTexts = 100_000
)

// pg_type OIDs of name and of its array.
const (
	oidName      = 19
	oidNameArray = 1003
)

// shortTexts gives the texts of rows if they can be searched for as names: they are ASCII, which every encoding of a
// server sorts alike. It is nil if they cannot.
func shortTexts(c *udf.Column, rows []int) []string {
	if c.Type != udf.Text || len(rows) > fewTexts {
		return nil
	}
	texts := make([]string, len(rows))
	for i, r := range rows {
		text := c.Texts[r]
		if len(text) > shortText {
			return nil
		}
		for k := range len(text) {
			if text[k] == 0 || text[k] > math.MaxInt8 {
				return nil
			}
		}
		texts[i] = text
	}
	return texts
}

// letters makes the axis of short texts. Behind each stands the next text, which has one more character, the least one.
func (a axis) letters(texts []string) (axis, []int64, error) {
	sorted := slices.Clone(texts)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	var bounds []string
	for i, text := range sorted {
		bounds = append(bounds, text)
		if next := text + "\x01"; i+1 == len(sorted) || sorted[i+1] != next {
			bounds = append(bounds, next)
		}
	}
	at := make([]int64, len(texts))
	for i, text := range texts {
		n, _ := slices.BinarySearch(bounds, text)
		at[i] = int64(n) + 1
	}
	array := header(oidName, []dimension{{1, int64(len(bounds))}})
	for _, b := range bounds {
		array = binary.BigEndian.AppendUint32(array, uint32(len(b)))
		array = append(array, b...)
	}
	a.way = lettered
	a.dimension = dimension{0, int64(len(bounds)) + 1}
	a.params = []Param{{oidNameArray, array}}
	return a, at, nil
}
