package lookup

import (
	"encoding/hex"
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// fewAnswers is the number of distinct answers up to which an array of text is read from its start. Reading a jsonb
// array costs as much as some twenty elements of it.
const fewAnswers = 8

// holding is how the answers are held.
type holding uint8

const (
	// filled: an array of answers at the arguments' own subscripts.
	filled holding = iota
	// listed: an array of answers, at numbers that an array at the arguments' subscripts holds, 0 where there is none.
	listed
	// printed: the same with answers as text.
	printed
	// collected: the same with answers as text in a jsonb array.
	collected
	// named: the object of a keyed axis holds the answers' text itself.
	named
)

// answerable reports whether answers of a type can be held. Lists cannot: an array of arrays is read from its start.
func answerable(t udf.Type) bool {
	switch t.Storage() {
	case udf.StoreBools, udf.StoreInts, udf.StoreFloats, udf.StoreTexts, udf.StoreBytes:
		return true
	}
	return false
}

// fixed reports whether an array of a type can be read at a subscript at once, and its values are made here.
func fixed(t udf.Type) bool { return t.Size() > 0 && pgvalue.Encodable(t, pgvalue.BinaryFormat) }

// severalTexts reports whether there are more than fewAnswers different answers.
func severalTexts(given *udf.Column, rows []int) bool {
	known := map[string]struct{}{}
	for _, r := range rows {
		if known[textOf(given, r)] = struct{}{}; len(known) > fewAnswers {
			return true
		}
	}
	return false
}

// hold adds the parameters that hold the answers of rows, which stand in the cells of an array with the dimensions.
func (l *Lookup) hold(given *udf.Column, rows []int, cells []int64, dims []dimension) error {
	if l.first = len(l.params); fixed(given.Type) {
		return l.holdFixed(given, rows, cells, dims)
	}
	texts, numbers := distinctTexts(given, rows)
	switch {
	case len(texts) <= fewAnswers:
		l.held = printed
		array, err := pgvalue.AppendArray(nil, &udf.Column{Type: udf.Text, Texts: texts}, udf.Text.OID())
		l.add(places(numbers, cells, dims), Param{udf.Text.ArrayOID(), array})
		return err
	case len(l.axes) == 1 && l.axes[0].way == keyed:
		return l.holdNamed(texts, numbers, cells)
	}
	l.held = collected
	w := newJSON('[')
	w.null() // jsonb arrays count from 0, and place 0 is for what is not held
	for _, t := range texts {
		if err := w.text(t); err != nil {
			return err
		}
	}
	l.add(places(numbers, cells, dims), w.param(']'))
	return nil
}

// holdFixed is hold for a type whose arrays have no head to be walked over.
func (l *Lookup) holdFixed(given *udf.Column, rows []int, cells []int64, dims []dimension) error {
	size := int64(1)
	for _, d := range dims {
		size *= d.size
	}
	order, numbers := rows, make([]int32, len(rows))
	for i := range numbers {
		numbers[i] = int32(i) + 1
	}
	l.held = listed
	if at := inverse(cells, size); at != nil {
		l.held, order = filled, make([]int, size)
		for c, i := range at {
			order[c] = rows[i]
		}
	} else {
		l.add(places(numbers, cells, dims))
		dims = []dimension{{1, int64(len(rows))}}
	}
	const head = 4 // an element's length
	array := slices.Grow(header(given.Type.OID(), dims), len(order)*(head+int(given.Type.Size())))
	for _, r := range order {
		var err error
		if array, err = pgvalue.AppendSized(array, given, r, pgvalue.BinaryFormat); err != nil {
			return err
		}
	}
	l.add(Param{given.Type.ArrayOID(), array})
	return nil
}

// inverse gives the row of each cell, nil if there are cells without one.
func inverse(cells []int64, size int64) []int {
	if size > int64(len(cells)) {
		return nil
	}
	at, found := make([]int, size), int64(0)
	for i := range at {
		at[i] = -1
	}
	for i, c := range cells {
		if at[c] < 0 {
			found++
		}
		at[c] = i
	}
	if found < size {
		return nil
	}
	return at
}

// holdNamed replaces the numbers in a keyed axis' object by the answers' texts.
func (l *Lookup) holdNamed(texts []string, numbers []int32, cells []int64) error {
	l.held = named
	w := newJSON('{')
	done := make([]bool, len(cells))
	for i, c := range cells {
		if done[c] {
			continue
		}
		done[c] = true
		if err := w.text(l.axes[0].keys[c]); err != nil {
			return err
		}
		if err := w.text(texts[numbers[i]-1]); err != nil {
			return err
		}
	}
	l.params[l.axes[0].first] = w.param('}')
	return nil
}

// distinctTexts lists the different texts of answers, and each row's number among them, from 1.
func distinctTexts(given *udf.Column, rows []int) (texts []string, numbers []int32) {
	known := map[string]int32{}
	for _, r := range rows {
		text := textOf(given, r)
		n, again := known[text]
		if !again {
			texts = append(texts, text)
			n = int32(len(texts))
			known[text] = n
		}
		numbers = append(numbers, n)
	}
	return texts, numbers
}

// textOf is an answer's text: of a bytea its hex digits alone.
func textOf(c *udf.Column, row int) string {
	if c.Type == udf.Bytea {
		return hex.EncodeToString(c.Bytes[row])
	}
	return c.Texts[row]
}

// places is the array that holds a number in each cell.
func places(numbers []int32, cells []int64, dims []dimension) Param {
	size := int64(1)
	for _, d := range dims {
		size *= d.size
	}
	values := make([]int32, size)
	for i, c := range cells {
		values[c] = numbers[i]
	}
	array := header(udf.Int4.OID(), dims)
	for _, v := range values {
		array = appendInt(array, int64(v), 4)
	}
	return Param{udf.Int4.ArrayOID(), array}
}

// value is the expression for the answer at subscripts; arg is the first argument.
func (l *Lookup) value(subscripts, arg string, number func(int) string) string {
	typ := typeName(l.returns)
	if l.held == filled {
		return "(" + number(l.first) + "::" + typ + "[])" + subscripts
	}
	if l.held == named {
		return l.read("(" + l.axes[0].held(arg, number) + ")")
	}
	place := "(" + number(l.first) + "::pg_catalog.int4[])" + subscripts
	switch l.held {
	case listed:
		return "(" + number(l.first+1) + "::" + typ + "[])[" + place + "]"
	case printed:
		return l.read("(" + number(l.first+1) + "::pg_catalog.text[])[" + place + "]")
	}
	return l.read("(" + number(l.first+1) + "::pg_catalog.jsonb OPERATOR(pg_catalog.->>) " + place + ")")
}

// read is the expression for the answer that a text stands for.
func (l *Lookup) read(text string) string {
	switch l.returns {
	case udf.Text:
		return text
	case udf.Bytea:
		return "pg_catalog.decode(" + text + ", 'hex')"
	}
	return "(" + text + ")::" + typeName(l.returns)
}
