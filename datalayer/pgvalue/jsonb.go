package pgvalue

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrJSON says that a text is no JSON that PostgreSQL's jsonb can hold.
var ErrJSON = errors.New("a text is no JSON that jsonb can hold")

// jsonDepth is how deep arrays and objects may lie in each other.
const jsonDepth = 5000

// numericDigits and numericScale are how many digits a numeric may have before and behind its point (numeric.c:
// NUMERIC_WEIGHT_MAX, NUMERIC_DSCALE_MAX).
const (
	numericDigits = 131072
	numericScale  = 16383
)

// AppendJSONB appends the text that PostgreSQL shows of a JSON text as jsonb: members by the length of their names and
// then by bytes, the last of several of one name, numbers as numeric shows them (jsonb.c, jsonb_util.c, json.c). What
// jsonb cannot hold is ErrJSON.
func AppendJSONB(dst, text []byte) ([]byte, error) {
	p := jsonParser{rest: text}
	dst, err := p.value(dst, 0)
	if err != nil {
		return dst, err
	}
	if p.space(); len(p.rest) > 0 {
		return dst, ErrJSON
	}
	return dst, nil
}

// jsonParser reads a JSON text from its beginning to its end (RFC 8259).
type jsonParser struct{ rest []byte }

// space passes over white space.
func (p *jsonParser) space() { p.rest = bytes.TrimLeft(p.rest, " \t\r\n") }

// next passes over white space and c, where that comes.
func (p *jsonParser) next(c byte) bool {
	if p.space(); len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// value appends one value.
func (p *jsonParser) value(dst []byte, depth int) ([]byte, error) {
	p.space()
	if len(p.rest) == 0 || depth > jsonDepth {
		return dst, ErrJSON
	}
	switch c := p.rest[0]; c {
	case '{':
		p.rest = p.rest[1:]
		return p.object(dst, depth)
	case '[':
		p.rest = p.rest[1:]
		return p.array(dst, depth)
	case '"':
		return p.text(dst)
	case 't', 'f', 'n':
		for _, word := range []string{"true", "false", "null"} {
			if rest, ok := bytes.CutPrefix(p.rest, []byte(word)); ok {
				p.rest = rest
				return append(dst, word...), nil
			}
		}
		return dst, ErrJSON
	}
	return p.number(dst)
}

// array appends what comes behind [.
func (p *jsonParser) array(dst []byte, depth int) ([]byte, error) {
	dst = append(dst, '[')
	if p.next(']') {
		return append(dst, ']'), nil
	}
	for {
		var err error
		if dst, err = p.value(dst, depth+1); err != nil {
			return dst, err
		}
		if p.next(']') {
			return append(dst, ']'), nil
		}
		if !p.next(',') {
			return dst, ErrJSON
		}
		dst = append(dst, ", "...)
	}
}

// member is one member of an object: the bytes of its name, and both parts as they are shown.
type member struct{ name, shown, value []byte }

// object appends what comes behind {.
func (p *jsonParser) object(dst []byte, depth int) ([]byte, error) {
	var members []member
	for more := !p.next('}'); more; {
		var m member
		var err error
		p.space()
		before := p.rest
		if m.shown, err = p.text(nil); err != nil {
			return dst, err
		}
		if m.name, err = unquoted(before[:len(before)-len(p.rest)]); err != nil || !p.next(':') {
			return dst, ErrJSON
		}
		if m.value, err = p.value(nil, depth+1); err != nil {
			return dst, err
		}
		members = append(members, m)
		if more = p.next(','); !more && !p.next('}') {
			return dst, ErrJSON
		}
	}
	slices.SortStableFunc(members, func(a, b member) int {
		return cmp.Or(cmp.Compare(len(a.name), len(b.name)), bytes.Compare(a.name, b.name))
	})
	dst = append(dst, '{')
	first := true
	for i, m := range members {
		if i+1 < len(members) && bytes.Equal(m.name, members[i+1].name) {
			continue
		}
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		dst = append(append(append(dst, m.shown...), ": "...), m.value...)
	}
	return append(dst, '}'), nil
}

// text appends a string as jsonb shows it.
func (p *jsonParser) text(dst []byte) ([]byte, error) {
	end := 1
	for ; end < len(p.rest) && p.rest[end] != '"'; end++ {
		if p.rest[end] == '\\' {
			end++
		}
	}
	if len(p.rest) == 0 || p.rest[0] != '"' || end >= len(p.rest) {
		return dst, ErrJSON
	}
	raw, err := unquoted(p.rest[:end+1])
	if err != nil {
		return dst, err
	}
	p.rest = p.rest[end+1:]
	return AppendJSONString(dst, raw), nil
}

// AppendJSONString appends a text as a JSON string, as PostgreSQL's escape_json writes it.
func AppendJSONString(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ':
			dst = append(dst, `\u00`...)
			dst = append(dst, '0'+c>>4, "0123456789abcdef"[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// unquoted gives the bytes that a JSON string stands for. Zero bytes and halves of surrogate pairs are none of jsonb's.
func unquoted(quoted []byte) ([]byte, error) {
	in := quoted[1 : len(quoted)-1]
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); i++ {
		if in[i] < ' ' {
			return nil, ErrJSON
		}
		if in[i] != '\\' {
			out = append(out, in[i])
			continue
		}
		if i++; i >= len(in) {
			return nil, ErrJSON
		}
		switch in[i] {
		case '"', '\\', '/':
			out = append(out, in[i])
		case 'b', 'f', 'n', 'r', 't':
			out = append(out, "\b\f\n\r\t"[bytes.IndexByte([]byte("bfnrt"), in[i])])
		case 'u':
			r, size := codeUnits(in[i+1:])
			if r <= 0 {
				return nil, ErrJSON
			}
			out = utf8.AppendRune(out, r)
			i += size
		default:
			return nil, ErrJSON
		}
	}
	if !utf8.Valid(out) {
		return nil, ErrJSON
	}
	return out, nil
}

// codeUnits reads the four hexadecimal digits behind \u, and, for the first half of a pair, the second escape too. size
// is the number of bytes read; r is negative for what is no character.
func codeUnits(in []byte) (r rune, size int) {
	unit := func(at int) rune {
		if len(in) < at+4 {
			return -1
		}
		n, err := strconv.ParseUint(string(in[at:at+4]), 16, 16)
		if err != nil {
			return -1
		}
		return rune(n)
	}
	first := unit(0)
	if !utf16.IsSurrogate(first) {
		return first, 4
	}
	if len(in) < 6 || in[4] != '\\' || in[5] != 'u' {
		return -1, 0
	}
	if r = utf16.DecodeRune(first, unit(6)); r == utf8.RuneError {
		return -1, 0
	}
	return r, 10
}

// number appends a number as numeric shows it: no exponent, and as many digits behind the point as were written.
func (p *jsonParser) number(dst []byte) ([]byte, error) {
	end := 0
	for end < len(p.rest) && bytes.IndexByte([]byte("+-0123456789.eE"), p.rest[end]) >= 0 {
		end++
	}
	text := p.rest[:end]
	if !jsonNumber(text) {
		return dst, ErrJSON
	}
	p.rest = p.rest[end:]
	return appendDecimal(dst, text)
}

// jsonNumber reports whether a text is a number by RFC 8259.
func jsonNumber(text []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(text) && text[n] >= '0' && text[n] <= '9' {
			n++
		}
		text = text[n:]
		return n > 0
	}
	text = bytes.TrimPrefix(text, []byte("-"))
	if len(text) > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9' {
		return false
	}
	if !digits() {
		return false
	}
	if rest, ok := bytes.CutPrefix(text, []byte(".")); ok {
		if text = rest; !digits() {
			return false
		}
	}
	if len(text) > 0 && (text[0] == 'e' || text[0] == 'E') {
		if text = text[1:]; len(text) > 0 && (text[0] == '+' || text[0] == '-') {
			text = text[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(text) == 0
}

// appendDecimal appends a number that may have an exponent without one (numeric.c, numeric_in and numeric_out).
func appendDecimal(dst, text []byte) ([]byte, error) {
	body, negative := bytes.CutPrefix(text, []byte("-"))
	mantissa, exponent := body, 0
	if at := bytes.IndexAny(body, "eE"); at >= 0 {
		var err error
		mantissa = body[:at]
		if exponent, err = strconv.Atoi(string(body[at+1:])); err != nil || exponent > numericDigits || exponent < -numericDigits {
			return dst, ErrJSON
		}
	}
	whole, behind, _ := bytes.Cut(mantissa, []byte("."))
	digits := slices.Concat(whole, behind)
	scale := max(len(behind)-exponent, 0)
	point := len(whole) + exponent
	if point < 0 {
		digits = append(bytes.Repeat([]byte("0"), -point), digits...)
		point = 0
	}
	for len(digits) < point {
		digits = append(digits, '0')
	}
	front := bytes.TrimLeft(digits[:point], "0")
	if len(front) > numericDigits || scale > numericScale {
		return dst, ErrJSON
	}
	if negative && len(bytes.TrimLeft(digits, "0")) > 0 {
		dst = append(dst, '-')
	}
	if len(front) > 0 {
		dst = append(dst, front...)
	} else {
		dst = append(dst, '0')
	}
	if scale > 0 {
		dst = append(append(dst, '.'), digits[point:point+scale]...)
	}
	return dst, nil
}
