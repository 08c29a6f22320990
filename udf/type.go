package udf

import (
	"fmt"
	"strings"
)

// Type is the PostgreSQL type of a model's argument or answer.
type Type uint8

// The types that models take and give. Invalid is the zero value: no type was declared.
const (
	Invalid Type = iota
	Bool
	Int2
	Int4
	Int8
	Float4
	Float8
	Numeric
	Text
	Bytea
	Date
	Time
	Timestamp
	Timestamptz
	Interval
	UUID
	JSON
	JSONB
	BoolArray
	Int4Array
	Int8Array
	Float4Array
	Float8Array
	TextArray
)

// Storage says which slice of a Column holds the values of a type.
type Storage uint8

// The storages, named after the Column fields.
const (
	StoreNone Storage = iota
	StoreBools
	StoreInts
	StoreFloats
	StoreTexts
	StoreBytes
	StoreBoolLists
	StoreIntLists
	StoreFloatLists
	StoreTextLists
)

type typeInfo struct {
	name     string // as format_type prints it
	short    string // as pg_type.typname has it
	oid      uint32
	arrayOID uint32
	size     int16 // pg_type.typlen
	storage  Storage
}

var types = [...]typeInfo{
	Invalid:     {"invalid", "invalid", 0, 0, 0, StoreNone},
	Bool:        {"boolean", "bool", 16, 1000, 1, StoreBools},
	Int2:        {"smallint", "int2", 21, 1005, 2, StoreInts},
	Int4:        {"integer", "int4", 23, 1007, 4, StoreInts},
	Int8:        {"bigint", "int8", 20, 1016, 8, StoreInts},
	Float4:      {"real", "float4", 700, 1021, 4, StoreFloats},
	Float8:      {"double precision", "float8", 701, 1022, 8, StoreFloats},
	Numeric:     {"numeric", "numeric", 1700, 1231, -1, StoreTexts},
	Text:        {"text", "text", 25, 1009, -1, StoreTexts},
	Bytea:       {"bytea", "bytea", 17, 1001, -1, StoreBytes},
	Date:        {"date", "date", 1082, 1182, 4, StoreTexts},
	Time:        {"time without time zone", "time", 1083, 1183, 8, StoreTexts},
	Timestamp:   {"timestamp without time zone", "timestamp", 1114, 1115, 8, StoreTexts},
	Timestamptz: {"timestamp with time zone", "timestamptz", 1184, 1185, 8, StoreTexts},
	Interval:    {"interval", "interval", 1186, 1187, 16, StoreTexts},
	UUID:        {"uuid", "uuid", 2950, 2951, 16, StoreTexts},
	JSON:        {"json", "json", 114, 199, -1, StoreTexts},
	JSONB:       {"jsonb", "jsonb", 3802, 3807, -1, StoreTexts},
	BoolArray:   {"boolean[]", "_bool", 1000, 0, -1, StoreBoolLists},
	Int4Array:   {"integer[]", "_int4", 1007, 0, -1, StoreIntLists},
	Int8Array:   {"bigint[]", "_int8", 1016, 0, -1, StoreIntLists},
	Float4Array: {"real[]", "_float4", 1021, 0, -1, StoreFloatLists},
	Float8Array: {"double precision[]", "_float8", 1022, 0, -1, StoreFloatLists},
	TextArray:   {"text[]", "_text", 1009, 0, -1, StoreTextLists},
}

var aliases = map[string]Type{
	"int": Int4, "decimal": Numeric, "varchar": Text, "character varying": Text, "string": Text,
	"time": Time, "timestamp": Timestamp, "timestamptz": Timestamptz, "float": Float8,
	"bool[]": BoolArray, "int[]": Int4Array, "int4[]": Int4Array, "int8[]": Int8Array,
	"float4[]": Float4Array, "float8[]": Float8Array, "float[]": Float8Array,
}

// ParseType reads a type name as SQL spells it: its usual names and PostgreSQL's short ones, in any case.
func ParseType(name string) (Type, error) {
	n := strings.Join(strings.Fields(strings.ToLower(name)), " ")
	if t, ok := aliases[n]; ok {
		return t, nil
	}
	for t := Bool; int(t) < len(types); t++ {
		if n == types[t].name || n == types[t].short {
			return t, nil
		}
	}
	return Invalid, fmt.Errorf("type %q is not one that a model can take or give", name)
}

// TypeOfOID finds the type with a pg_type OID; Invalid if there is none among these.
func TypeOfOID(oid uint32) Type {
	for t := Bool; int(t) < len(types); t++ {
		if types[t].oid == oid {
			return t
		}
	}
	return Invalid
}

// String is the type's name as PostgreSQL's format_type prints it.
func (t Type) String() string { return types[t].name }

// OID is the type's pg_type OID.
func (t Type) OID() uint32 { return types[t].oid }

// ArrayOID is the pg_type OID of the type's array, 0 for a type that is an array already.
func (t Type) ArrayOID() uint32 { return types[t].arrayOID }

// Size is the type's length in bytes as RowDescription gives it, -1 where it varies.
func (t Type) Size() int16 { return types[t].size }

// Storage says which slice of a Column holds values of the type.
func (t Type) Storage() Storage { return types[t].storage }
