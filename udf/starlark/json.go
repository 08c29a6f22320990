package starlark

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	starjson "go.starlark.net/lib/json"
	star "go.starlark.net/starlark"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// jsonDecode is the interpreter's own decoder.
var jsonDecode = starjson.Module.Members["decode"]

// maxDepth is how deep JSON, and values that are printed, may be nested.
const maxDepth = 500

// maxDigits is how many digits an integer may have where one is read; maxBits is the same for one that is computed.
const (
	maxDigits = 1200
	maxBits   = 4096
)

// checkJSON refuses a text that would cost the decoder more than its length: deep nesting and very long integers.
func checkJSON(s string) error {
	depth, digits := 0, 0
	inString := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if inString {
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
			}
			continue
		}
		if c >= '0' && c <= '9' {
			if digits++; digits > maxDigits {
				return fmt.Errorf("is JSON with a number of more than %d digits", maxDigits)
			}
			continue
		}
		digits = 0
		switch c {
		case '"':
			inString = true
		case '[', '{':
			if depth++; depth > maxDepth {
				return fmt.Errorf("is JSON nested more than %d deep", maxDepth)
			}
		case ']', '}':
			depth--
		}
	}
	return nil
}

// json prints an answer as JSON; for jsonb in the order and with the spaces that PostgreSQL prints.
func (w *writer) json(v star.Value) (string, error) {
	w.buf = w.buf[:0]
	if err := w.appendJSON(v, 0); err != nil {
		return "", err
	}
	return string(w.buf), nil
}

// appendJSON appends a value to the buffer.
func (w *writer) appendJSON(v star.Value, depth int) error {
	if depth > maxDepth {
		return &udf.Error{Code: "54000", Message: fmt.Sprintf("answered a value nested more than %d deep", maxDepth)}
	}
	if len(w.buf) > w.most {
		return w.fits(len(w.buf))
	}
	switch v := v.(type) {
	case star.NoneType:
		w.buf = append(w.buf, "null"...)
	case star.Bool:
		w.buf = strconv.AppendBool(w.buf, bool(v))
	case star.Int:
		w.buf = append(w.buf, v.String()...)
	case star.Float:
		return w.appendFloat(float64(v))
	case star.String:
		if err := w.valid(string(v)); err != nil {
			return err
		}
		w.buf = udf.AppendJSONString(w.buf, string(v))
	case *star.Dict:
		return w.appendObject(v, depth)
	case *star.List, star.Tuple, *star.Set:
		return w.appendArray(v.(star.Iterable), depth)
	default:
		return &udf.Error{Code: "42804", Message: fmt.Sprintf("answered %s, which JSON does not have", article(v.Type()))}
	}
	return w.fits(len(w.buf))
}

// appendFloat appends a number; like Python's, a whole one keeps its ".0".
func (w *writer) appendFloat(x float64) error {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return &udf.Error{Code: "22023", Message: fmt.Sprintf("answered %s, which JSON does not have", formatFloat(x))}
	}
	start := len(w.buf)
	w.buf = strconv.AppendFloat(w.buf, x, 'f', -1, 64)
	if !slices.Contains(w.buf[start:], '.') {
		w.buf = append(w.buf, ".0"...)
	}
	return nil
}

// appendArray appends the elements of a list, a tuple or a set.
func (w *writer) appendArray(v star.Iterable, depth int) error {
	w.buf = append(w.buf, '[')
	iter := v.Iterate()
	defer iter.Done()
	var elem star.Value
	for i := 0; iter.Next(&elem); i++ {
		if i > 0 {
			w.buf = append(w.buf, ", "...)
		}
		if err := w.appendJSON(elem, depth+1); err != nil {
			return err
		}
	}
	w.buf = append(w.buf, ']')
	return nil
}

// appendObject appends the items of a dict, whose keys must be strings.
func (w *writer) appendObject(d *star.Dict, depth int) error {
	items := d.Items()
	for _, item := range items {
		if _, ok := item[0].(star.String); !ok {
			return &udf.Error{
				Code:    "42804",
				Message: fmt.Sprintf("answered a dict with %s as a key, which JSON does not have", article(item[0].Type())),
				Hint:    "Use str(key).",
			}
		}
	}
	if w.answer.Type == udf.JSONB {
		slices.SortFunc(items, func(a, b star.Tuple) int {
			return udf.CompareJSONBKeys(string(a[0].(star.String)), string(b[0].(star.String)))
		})
	}
	w.buf = append(w.buf, '{')
	for i, item := range items {
		if i > 0 {
			w.buf = append(w.buf, ", "...)
		}
		if err := w.appendJSON(item[0], depth+1); err != nil {
			return err
		}
		w.buf = append(w.buf, ": "...)
		if err := w.appendJSON(item[1], depth+1); err != nil {
			return err
		}
	}
	w.buf = append(w.buf, '}')
	return nil
}

// guardedDecode is json.decode within the limits.
func guardedDecode(thread *star.Thread, b *star.Builtin, args star.Tuple, kwargs []star.Tuple) (star.Value, error) {
	if len(args) > 0 {
		if s, ok := star.AsString(args[0]); ok {
			if err := checkJSON(s); err != nil {
				return nil, errors.New(strings.Replace(err.Error(), "is JSON", "json.decode: text is JSON", 1))
			}
			if err := charge(thread, len(s), decodedByte); err != nil {
				return nil, err
			}
		}
	}
	return star.Call(thread, jsonDecode, args, kwargs)
}

// guardedEncode is json.encode within the limits.
func guardedEncode(thread *star.Thread, b *star.Builtin, args star.Tuple, kwargs []star.Tuple) (star.Value, error) {
	for _, a := range args {
		if err := chargeText(thread, a); err != nil {
			return nil, err
		}
	}
	return star.Call(thread, starjson.Module.Members["encode"], args, kwargs)
}
