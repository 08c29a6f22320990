package mongodb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// jsonReader reads JSON as it is to be stored; verbatim is the type's.
type jsonReader struct {
	*json.Decoder
	text     []byte
	verbatim bool
}

// parseJSON reads JSON as it is to be stored: objects that extended JSON gives a meaning ({"$oid": …}) mean that unless it
// is verbatim; numbers are int, long, double or decimal, whichever holds them exactly.
func parseJSON(text []byte, verbatim bool) (any, error) {
	d := jsonReader{Decoder: json.NewDecoder(bytes.NewReader(text)), text: text, verbatim: verbatim}
	d.UseNumber()
	v, err := d.value()
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, &backend.Error{Code: "22P02", Message: "invalid input syntax for type json"}
	}
	return v, nil
}

// value reads the next value.
func (d jsonReader) value() (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, &backend.Error{Code: "22P02", Message: "invalid input syntax for type json", Err: err}
	}
	start := d.InputOffset() - 1
	switch token := token.(type) {
	case json.Number:
		return jsonNumber(token.String(), d.verbatim)
	case json.Delim:
		if token == '[' {
			return d.list()
		}
		document, err := d.object()
		if err != nil || d.verbatim || len(document) == 0 || !strings.HasPrefix(document[0].Key, "$") {
			return document, err
		}
		return extended(document, d.text[start:d.InputOffset()]), nil
	}
	return token, nil // a string, a bool or nil
}

// list reads an array behind its bracket.
func (d jsonReader) list() (any, error) {
	list := bson.A{}
	for d.More() {
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, d.end()
}

// object reads an object behind its brace.
func (d jsonReader) object() (bson.D, error) {
	document := bson.D{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, &backend.Error{Code: "22P02", Message: "invalid input syntax for type json", Err: err}
		}
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		key, _ := name.(string)
		document = append(document, bson.E{Key: key, Value: v})
	}
	return document, d.end()
}

// end takes the closing bracket.
func (d jsonReader) end() error {
	if _, err := d.Token(); err != nil {
		return &backend.Error{Code: "22P02", Message: "invalid input syntax for type json", Err: err}
	}
	return nil
}

// extended is what extended JSON says of an object, or the object as it stands.
func extended(document bson.D, text []byte) any {
	var wrapped bson.D
	if err := bson.UnmarshalExtJSON(fmt.Appendf(nil, `{"v": %s}`, text), false, &wrapped); err != nil || len(wrapped) != 1 {
		return document
	}
	if _, same := wrapped[0].Value.(bson.D); same {
		return document
	}
	return wrapped[0].Value
}

// jsonNumber gives the narrowest type that holds a number exactly. Verbatim it is one that is shown with the same digits.
func jsonNumber(s string, verbatim bool) (any, error) {
	if !strings.ContainsAny(s, ".eE") {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && int64(int32(n)) == n {
			return int32(n), nil
		} else if err == nil {
			return n, nil
		}
	}
	d, err := strconv.ParseFloat(s, 64)
	if err == nil && verbatim && string(appendJSONDouble(nil, d)) == s {
		return d, nil
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(s), "e")
	if err == nil && !verbatim && (d != 0 || strings.Trim(mantissa, "-0.") == "") {
		want, ok := new(big.Rat).SetString(s)
		got, _ := new(big.Rat).SetString(strconv.FormatFloat(d, 'g', -1, 64))
		if ok && want.Cmp(got) == 0 {
			return d, nil
		}
	}
	return parseDecimal(s)
}
