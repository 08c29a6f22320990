package mongodb

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// jsonWriter writes values as JSON; verbatim is the type's.
type jsonWriter struct{ verbatim bool }

// value appends a value as relaxed extended JSON (specification "Extended JSON v2"): numbers are JSON's, a double
// with a point, so that it is read as a double again; what JSON lacks is an object whose name begins with a dollar. The
// text is as PostgreSQL shows it as jsonb.
func (w jsonWriter) value(dst []byte, v bson.RawValue) ([]byte, error) {
	switch v.Type {
	case bson.TypeEmbeddedDocument:
		return w.object(dst, v.Document())
	case bson.TypeArray:
		return w.list(dst, v.Array())
	case bson.TypeString:
		return appendJSONString(dst, v.StringValue())
	case bson.TypeInt32, bson.TypeInt64:
		return strconv.AppendInt(dst, v.AsInt64(), 10), nil
	case bson.TypeDouble:
		return appendJSONDouble(dst, v.Double()), nil
	case bson.TypeBoolean:
		return strconv.AppendBool(dst, v.Boolean()), nil
	case bson.TypeNull:
		return append(dst, "null"...), nil
	case bson.TypeDateTime:
		return appendJSONDate(dst, v.DateTime()), nil
	case bson.TypeObjectID:
		id := v.ObjectID()
		return append(hex.AppendEncode(append(dst, `{"$oid": "`...), id[:]), `"}`...), nil
	case bson.TypeDecimal128:
		if w.verbatim {
			return plainType(pgtype.NumericOID, decimals).appendDecimal(dst, v)
		}
		return append(append(append(dst, `{"$numberDecimal": "`...), v.Decimal128().String()...), `"}`...), nil
	case bson.TypeBinary:
		subtype, data := v.Binary()
		dst = base64.StdEncoding.AppendEncode(append(dst, `{"$binary": {"base64": "`...), data)
		return append(hex.AppendEncode(append(dst, `", "subType": "`...), []byte{subtype}), `"}}`...), nil
	}
	return appendRare(dst, v)
}

// appendRare appends a value of a type that is rarely stored, in the driver's words.
func appendRare(dst []byte, v bson.RawValue) ([]byte, error) {
	text, err := bson.MarshalExtJSON(bson.D{{Key: "v", Value: v}}, false, false)
	if err != nil {
		return nil, errMisfit
	}
	var wrapped struct {
		V json.RawMessage `json:"v"`
	}
	if err := json.Unmarshal(text, &wrapped); err != nil {
		return nil, errMisfit
	}
	return pgvalue.AppendJSONB(dst, wrapped.V)
}

// object appends a document in the order in which jsonb keeps objects: by the length of the names, then by their
// bytes; of several elements of one name the last counts (compareJsonbPair in jsonb_util.c).
func (w jsonWriter) object(dst []byte, document bson.Raw) ([]byte, error) {
	elements, err := document.Elements()
	if err != nil {
		return nil, errMisfit
	}
	slices.SortStableFunc(elements, func(a, b bson.RawElement) int {
		return cmp.Or(cmp.Compare(len(a.Key()), len(b.Key())), cmp.Compare(a.Key(), b.Key()))
	})
	dst = append(dst, '{')
	first := true
	for i, element := range elements {
		if i+1 < len(elements) && elements[i+1].Key() == element.Key() {
			continue
		}
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		if dst, err = appendJSONString(dst, element.Key()); err != nil {
			return nil, err
		}
		if dst, err = w.value(append(dst, ": "...), element.Value()); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// list appends an array.
func (w jsonWriter) list(dst []byte, array bson.RawArray) ([]byte, error) {
	values, err := array.Values()
	if err != nil {
		return nil, errMisfit
	}
	dst = append(dst, '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if dst, err = w.value(dst, v); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// appendJSONDouble keeps a double apart from an integer.
func appendJSONDouble(dst []byte, d float64) []byte {
	if math.IsNaN(d) || math.IsInf(d, 0) || d == 0 && math.Signbit(d) {
		text, _ := appendDouble(nil, d)
		if d == 0 {
			text = []byte("-0.0")
		}
		return append(append(append(dst, `{"$numberDouble": "`...), text...), `"}`...)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, d, 'f', -1, 64)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendJSONDate spells the years 1970 to 9999, as the specification says.
func appendJSONDate(dst []byte, ms int64) []byte {
	at := time.UnixMilli(ms).UTC()
	if ms < 0 || at.Year() > 9999 {
		return append(strconv.AppendInt(append(dst, `{"$date": {"$numberLong": "`...), ms, 10), `"}}`...)
	}
	return append(at.AppendFormat(append(dst, `{"$date": "`...), "2006-01-02T15:04:05.999Z"), `"}`...)
}

// appendJSONString quotes a string. jsonb cannot hold U+0000.
func appendJSONString(dst []byte, s string) ([]byte, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return nil, errNUL
	}
	if !utf8.ValidString(s) {
		return nil, errMisfit
	}
	return pgvalue.AppendJSONString(dst, []byte(s)), nil
}
