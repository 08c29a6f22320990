package mongodb

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// kind is how values of a type lie in documents.
type kind uint8

// The kinds.
const (
	// integers are int, long, and double and decimal without a fraction.
	integers kind = iota
	// floats are double, and int and long that a double holds exactly.
	floats
	// decimals are decimal, int and long.
	decimals
	// mixedDecimals are decimals and double: they are read, but MongoDB compares 0.1 and its double otherwise.
	mixedDecimals
	booleans
	texts
	// objectIDs are ObjectIds, 24 hexadecimal digits to clients.
	objectIDs
	// dates are MongoDB's dates, of milliseconds.
	dates
	// uuids are binary of the subtype 4, binaries of the subtype 0.
	uuids
	binaries
	// jsons are values of any kind in relaxed extended JSON.
	jsons
	// spelled are texts that PostgreSQL's own type spells, for types that MongoDB lacks, and for numeric of more digits than
	// its decimals have.
	spelled
	arrays
)

// bsonNames are the names by which $type and $jsonSchema know the stored types of a kind; none: any.
var bsonNames = map[kind][]string{
	integers: {"int", "long", "double", "decimal"}, floats: {"double", "int", "long"}, decimals: {"decimal", "int", "long"},
	mixedDecimals: {"double", "int", "long", "decimal"}, booleans: {"bool"}, texts: {"string"}, objectIDs: {"objectId"}, dates: {"date"},
	uuids: {"binData"}, binaries: {"binData"}, spelled: {"string"}, arrays: {"array"},
}

// pgType is a column's type on both sides.
type pgType struct {
	dialect.Type
	kind kind
	// elem is an array's.
	elem *pgType
	// precision and scale are of numeric(p,s); -1: none, or not known.
	precision, scale int
	// verbatim says of jsons that they are PostgreSQL's own: what CREATE TABLE has made holds no value that JSON lacks, so
	// numbers come back as they were written, and objects whose names begin with a dollar mean nothing more.
	verbatim bool
}

// kinds are the ways in which the values of PostgreSQL's types lie, but for arrays.
var kinds = map[uint32]kind{
	pgtype.Int2OID: integers, pgtype.Int4OID: integers, pgtype.Int8OID: integers, pgtype.Float4OID: floats, pgtype.Float8OID: floats,
	pgtype.NumericOID: decimals, pgtype.BoolOID: booleans, pgtype.TextOID: texts, pgtype.VarcharOID: texts, pgtype.BPCharOID: texts,
	pgtype.UUIDOID: uuids, pgtype.ByteaOID: binaries, pgtype.DateOID: dates, pgtype.TimestampOID: dates, pgtype.TimestamptzOID: dates,
	pgtype.JSONOID: jsons, pgtype.JSONBOID: jsons, pgtype.TimeOID: spelled, pgtype.TimetzOID: spelled, pgtype.IntervalOID: spelled,
	pgtype.NameOID: spelled, pgtype.InetOID: spelled, pgtype.CIDROID: spelled, pgtype.MacaddrOID: spelled, pgtype.Macaddr8OID: spelled,
	pgtype.XMLOID: spelled, pgtype.BitOID: spelled, pgtype.VarbitOID: spelled, pgtype.TSVectorOID: spelled, pgtype.JSONPathOID: spelled,
	pgtype.Int4rangeOID: spelled, pgtype.Int8rangeOID: spelled, pgtype.NumrangeOID: spelled, pgtype.DaterangeOID: spelled,
	pgtype.TsrangeOID: spelled, pgtype.TstzrangeOID: spelled, pgtype.PointOID: spelled,
}

// objectIDName is the type of ObjectIds in the user's schema.
const objectIDName = "objectid"

// parseType reads a type as DDL and the user's schema say it. "objectid" is text of an ObjectId. Timestamps have at most
// the milliseconds that MongoDB keeps.
func parseType(text string) (*pgType, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	base, array := strings.CutSuffix(text, "[]")
	if base == objectIDName {
		t := &pgType{Type: dialect.Type{OID: pgtype.TextOID, Mod: -1}, kind: objectIDs, precision: -1, scale: -1}
		if array {
			return arrayOf(t)
		}
		return t, nil
	}
	declared, err := dialect.ParseType(text)
	if err != nil {
		return nil, err
	}
	t, err := typeOf(kept(declared))
	if err != nil {
		return nil, fmt.Errorf("%q is no type that MongoDB's columns can have", text)
	}
	return t, nil
}

// kept is a type with the precision that MongoDB keeps.
func kept(t dialect.Type) dialect.Type {
	elem := t.Elem()
	if elem.OID == 0 {
		elem = t
	}
	if (elem.OID == pgtype.TimestampOID || elem.OID == pgtype.TimestamptzOID) && (t.Mod < 0 || t.Mod > 3) {
		t.Mod = 3
	}
	return t
}

// typeOf is the type of a column, a constant, a parameter or a result.
func typeOf(of dialect.Type) (*pgType, error) {
	t := &pgType{Type: of, precision: -1, scale: -1}
	if precision, scale, ok := of.Numeric(); ok {
		t.precision, t.scale = precision, scale
	}
	k, ok := kinds[of.OID]
	if t.kind = k; ok {
		if t.precision > maxDigits {
			t.kind = spelled
		}
		return t, nil
	}
	elem := of.Elem()
	if k, ok = kinds[elem.OID]; !ok {
		return nil, unproven("values of the type %s", of)
	}
	t.kind, t.elem = arrays, &pgType{Type: dialect.Type{OID: elem.OID, Mod: of.Mod}, kind: k, precision: -1, scale: -1}
	return t, nil
}

// arrayOf is the type of arrays of a type; of jsonb it is jsonb itself.
func arrayOf(elem *pgType) (*pgType, error) {
	if elem.kind == jsons {
		return elem, nil
	}
	known, err := dialect.ParseType(elem.ddl() + "[]")
	if err != nil || known.OID == 0 {
		return nil, fmt.Errorf("arrays of %s are not supported", elem.ddl())
	}
	return &pgType{Type: known, kind: arrays, elem: elem, precision: -1, scale: -1}, nil
}

// plainType is a type without modifiers.
func plainType(oid uint32, k kind) *pgType {
	return &pgType{Type: dialect.Type{OID: oid, Mod: -1}, kind: k, precision: -1, scale: -1}
}

// ddl is the type as PostgreSQL's DDL says it.
func (t *pgType) ddl() string { return t.String() }

// bytewise says whether MongoDB orders the values as PostgreSQL does its texts under C.UTF-8.
func (t *pgType) bytewise() bool {
	return t.kind == texts && t.OID != pgtype.BPCharOID || t.kind == objectIDs
}

// textOID says whether a type is one of PostgreSQL's texts.
func textOID(oid uint32) bool { return oid == pgtype.TextOID || oid == pgtype.VarcharOID }
