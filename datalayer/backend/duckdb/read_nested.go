package duckdb

import (
	"bytes"
	"math"

	lib "github.com/duckdb/duckdb-go-bindings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// span gives the rows of the child that a list or an array of a row has.
func (n *node) span(row int) (from, to int) {
	if n.id == lib.TypeArray {
		return row * n.length, (row + 1) * n.length
	}
	entry := at[[2]uint64](n, row) // duckdb_list_entry: offset, length
	return int(entry[0]), int(entry[0] + entry[1])
}

// appendArray appends an array of PostgreSQL's (its array_out).
func (n *node) appendArray(dst []byte, row int) ([]byte, error) {
	child := n.children[0]
	dst = append(dst, '{')
	from, to := n.span(row)
	var item []byte
	var err error
	for i := from; i < to; i++ {
		if i > from {
			dst = append(dst, ',')
		}
		if child.null(i) {
			dst = append(dst, "NULL"...)
			continue
		}
		if item, err = child.appendText(item[:0], i); err != nil {
			return dst, err
		}
		dst = appendElement(dst, item)
	}
	return append(dst, '}'), nil
}

// appendElement appends an array's element, in quotes where array_out puts them.
func appendElement(dst, item []byte) []byte {
	if len(item) > 0 && !bytes.ContainsAny(item, "{}\",\\ \t\n\r\v\f") && !bytes.EqualFold(item, []byte("null")) {
		return append(dst, item...)
	}
	dst = append(dst, '"')
	for _, c := range item {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// appendJSON appends a value as JSON: numbers with all their digits, what JSON lacks as texts, maps as objects with
// their keys as texts, unions as objects of the one member that they hold.
func (n *node) appendJSON(dst []byte, row int) ([]byte, error) {
	if n.null(row) {
		return append(dst, "null"...), nil
	}
	switch n.id {
	case lib.TypeBoolean:
		if at[bool](n, row) {
			return append(dst, "true"...), nil
		}
		return append(dst, "false"...), nil
	case lib.TypeTinyInt, lib.TypeSmallInt, lib.TypeInteger, lib.TypeBigInt, lib.TypeUTinyInt, lib.TypeUSmallInt, lib.TypeUInteger,
		lib.TypeUBigInt, lib.TypeHugeInt, lib.TypeUHugeInt, lib.TypeDecimal:
		return n.appendText(dst, row)
	case lib.TypeFloat, lib.TypeDouble:
		if n.finite(row) {
			return n.appendText(dst, row)
		}
	case lib.TypeList, lib.TypeArray:
		from, to := n.span(row)
		return n.appendItems(dst, '[', ']', to-from, func(dst []byte, i int) ([]byte, error) {
			return n.children[0].appendJSON(dst, from+i)
		})
	case lib.TypeStruct:
		return n.appendItems(dst, '{', '}', len(n.children), func(dst []byte, i int) ([]byte, error) {
			dst = append(pgvalue.AppendJSONString(dst, []byte(n.words[i])), ':')
			return n.children[i].appendJSON(dst, row)
		})
	case lib.TypeMap:
		entry := at[[2]uint64](n, row)
		return n.appendItems(dst, '{', '}', int(entry[1]), func(dst []byte, i int) ([]byte, error) {
			key, err := n.children[0].appendText(nil, int(entry[0])+i)
			if err != nil {
				return dst, err
			}
			dst = append(pgvalue.AppendJSONString(dst, key), ':')
			return n.children[1].appendJSON(dst, int(entry[0])+i)
		})
	case lib.TypeUnion:
		tag := at[uint8](n, row)
		return n.appendItems(dst, '{', '}', 1, func(dst []byte, _ int) ([]byte, error) {
			dst = append(pgvalue.AppendJSONString(dst, []byte(n.words[tag])), ':')
			return n.children[tag].appendJSON(dst, row)
		})
	}
	text, err := n.appendText(nil, row)
	if err != nil {
		return dst, err
	}
	return pgvalue.AppendJSONString(dst, text), nil
}

func (n *node) finite(row int) bool {
	v := float64(0)
	if n.id == lib.TypeFloat {
		v = float64(at[float32](n, row))
	} else {
		v = at[float64](n, row)
	}
	return !math.IsNaN(v) && !math.IsInf(v, 0)
}

// appendItems appends count items between brackets.
func (n *node) appendItems(dst []byte, open, end byte, count int, item func(dst []byte, i int) ([]byte, error)) ([]byte, error) {
	dst = append(dst, open)
	for i := range count {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = item(dst, i); err != nil {
			return dst, err
		}
	}
	return append(dst, end), nil
}
