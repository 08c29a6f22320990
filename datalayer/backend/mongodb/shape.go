package mongodb

import (
	"sort"

	"github.com/jackc/pgx/v5/pgtype"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// shape is what has been seen of a collection's documents. It only grows, so that a column's type widens and does not
// waver between one sample and the next.
type shape struct {
	names  []string
	fields map[string]*seen
}

// seen are the values that a field was seen with.
type seen struct {
	count int
	// types are all but null.
	types map[bson.Type]bool
	// big says that a long was beyond what doubles hold exactly, fraction that a subtype of binary was another.
	big, oddBinary bool
	subtype        byte
	// elements are those of arrays, nil before the first.
	elements *seen
}

// add takes a document into account.
func (s *shape) add(document bson.Raw) error {
	elements, err := document.Elements()
	if err != nil {
		return err
	}
	for _, element := range elements {
		name := element.Key()
		field := s.fields[name]
		if field == nil {
			field = &seen{types: map[bson.Type]bool{}}
			s.fields[name] = field
			s.names = append(s.names, name)
		}
		field.add(element.Value())
	}
	return nil
}

// add takes a value into account.
func (s *seen) add(v bson.RawValue) {
	s.count++
	if absent(v) {
		return
	}
	switch v.Type {
	case bson.TypeInt64:
		n := v.Int64()
		s.big = s.big || n > exactInteger || n < -exactInteger
	case bson.TypeBinary:
		subtype, data := v.Binary()
		s.oddBinary = s.oddBinary || s.types[bson.TypeBinary] && subtype != s.subtype || subtype != subtypeGeneric && subtype != subtypeUUID || subtype == subtypeUUID && len(data) != 16
		s.subtype = subtype
	case bson.TypeArray:
		if s.elements == nil {
			s.elements = &seen{types: map[bson.Type]bool{}}
		}
		values, err := v.Array().Values()
		for _, value := range values {
			s.elements.add(value)
		}
		if err != nil {
			s.elements.oddBinary = true
		}
	}
	s.types[v.Type] = true
}

// only says whether a field was seen with no types but these, and with one of them.
func (s *seen) only(types ...bson.Type) bool {
	n := 0
	for _, t := range types {
		if s.types[t] {
			n++
		}
	}
	return n > 0 && n == len(s.types)
}

// pgType is the narrowest type that holds what was seen; jsonb where values are of several kinds, or none but NULL.
func (s *seen) pgType() *pgType {
	switch {
	case s.only(bson.TypeInt32):
		return plainType(pgtype.Int4OID, integers)
	case s.only(bson.TypeInt32, bson.TypeInt64):
		return plainType(pgtype.Int8OID, integers)
	case s.only(bson.TypeDouble, bson.TypeInt32), s.only(bson.TypeDouble, bson.TypeInt32, bson.TypeInt64) && !s.big:
		return plainType(pgtype.Float8OID, floats)
	case s.only(bson.TypeDecimal128, bson.TypeInt32, bson.TypeInt64):
		return plainType(pgtype.NumericOID, decimals)
	case s.only(bson.TypeDecimal128, bson.TypeInt32, bson.TypeInt64, bson.TypeDouble):
		return plainType(pgtype.NumericOID, mixedDecimals)
	case s.only(bson.TypeBoolean):
		return plainType(pgtype.BoolOID, booleans)
	case s.only(bson.TypeString):
		return plainType(pgtype.TextOID, texts)
	case s.only(bson.TypeObjectID):
		return plainType(pgtype.TextOID, objectIDs)
	case s.only(bson.TypeDateTime):
		return &pgType{Type: dialect.Type{OID: pgtype.TimestamptzOID, Mod: 3}, kind: dates, precision: -1, scale: -1}
	case s.only(bson.TypeBinary) && !s.oddBinary && s.subtype == subtypeUUID:
		return plainType(pgtype.UUIDOID, uuids)
	case s.only(bson.TypeBinary) && !s.oddBinary:
		return plainType(pgtype.ByteaOID, binaries)
	case s.only(bson.TypeArray):
		return s.elements.listType()
	}
	return plainType(pgtype.JSONBOID, jsons)
}

// listType is the type of arrays of what was seen: PostgreSQL's for scalars of one kind, otherwise jsonb.
func (s *seen) listType() *pgType {
	elem := s.pgType()
	if elem.kind == arrays {
		return plainType(pgtype.JSONBOID, jsons)
	}
	list, err := arrayOf(elem)
	if err != nil {
		return plainType(pgtype.JSONBOID, jsons)
	}
	return list
}

// frequent are the names of the fields that were seen most often, at most n, in the order in which they came.
func (s *shape) frequent(n int) []string {
	if len(s.names) <= n {
		return s.names
	}
	at := map[string]int{}
	names := append([]string(nil), s.names...)
	for i, name := range names {
		at[name] = i
	}
	sort.SliceStable(names, func(i, j int) bool { return s.fields[names[i]].count > s.fields[names[j]].count })
	names = names[:n]
	sort.Slice(names, func(i, j int) bool { return at[names[i]] < at[names[j]] })
	return names
}
