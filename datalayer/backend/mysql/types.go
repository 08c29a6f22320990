package mysql

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// kind is how values of a column are read and written.
type kind uint8

// The kinds of values.
const (
	asText    kind = iota // text, as it stands
	asBoolean             // tinyint(1)
	asInteger
	asNumeric
	asFloat4
	asFloat8
	asChar  // char(n): padded with blanks, as PostgreSQL shows it
	asBytes // bytea
	asBit
	asDate
	asTimestamp
	asTimestamptz
	asTime
	asInterval
	asJSON
)

// facts are what the engine knows of a column.
type facts struct {
	kind kind
	// length of char, binary and bit.
	length int
	// charset and collation of a text; "" for what is none.
	charset, collation string
	// fixed: binary(n), which MySQL fills up with zero bytes.
	fixed bool
	// words are the values of an enum, or the members of a set.
	words []string
	set   bool
	// raw: the column's own comparison is wanted, for once.
	raw bool
	// wrapped: to compare the text by its bytes it has to be converted first.
	wrapped bool
	// onUpdate: the engine sets it at each change of the row.
	onUpdate bool
}

// described is what information_schema says of a column's type.
type described struct {
	dataType, columnType, charset, collation string
	precision, scale, length, fraction       int
	json                                     bool
}

// integerOIDs are PostgreSQL's types for MySQL's whole numbers, signed and unsigned.
func integerOIDs(dataType string) (oids [2]uint32, ok bool) {
	switch dataType {
	case "tinyint", "year":
		return [2]uint32{pgtype.Int2OID, pgtype.Int2OID}, true
	case "smallint":
		return [2]uint32{pgtype.Int2OID, pgtype.Int4OID}, true
	case "mediumint":
		return [2]uint32{pgtype.Int4OID, pgtype.Int4OID}, true
	case "int":
		return [2]uint32{pgtype.Int4OID, pgtype.Int8OID}, true
	case "bigint":
		return [2]uint32{pgtype.Int8OID, pgtype.NumericOID}, true
	}
	return oids, false
}

// typeOf maps a type of MySQL to PostgreSQL's nearest that loses nothing. comparable is false where the engine's
// comparisons of the type are not PostgreSQL's.
func typeOf(d described, how reading, binary string) (t dialect.Type, f facts, comparable bool) {
	plain := func(oid uint32, k kind) (dialect.Type, facts, bool) {
		return dialect.Type{OID: oid, Mod: -1}, facts{kind: k}, true
	}
	if oids, ok := integerOIDs(d.dataType); ok {
		return integerType(d, oids, how)
	}
	switch d.dataType {
	case "decimal":
		return dialect.Type{OID: pgtype.NumericOID, Mod: int32(d.precision<<16|d.scale) + 4}, facts{kind: asNumeric}, true
	case "float":
		return plain(pgtype.Float4OID, asFloat4)
	case "double":
		return plain(pgtype.Float8OID, asFloat8)
	case "bit":
		return dialect.Type{OID: pgtype.BitOID, Mod: int32(d.precision)}, facts{kind: asBit, length: d.precision}, false
	case "date":
		return plain(pgtype.DateOID, asDate)
	case "datetime":
		return dialect.Type{OID: pgtype.TimestampOID, Mod: int32(d.fraction)}, facts{kind: asTimestamp}, true
	case "timestamp":
		return dialect.Type{OID: pgtype.TimestamptzOID, Mod: int32(d.fraction)}, facts{kind: asTimestamptz}, true
	case "time":
		if how.timesAsIntervals {
			return plain(pgtype.IntervalOID, asInterval)
		}
		return dialect.Type{OID: pgtype.TimeOID, Mod: int32(d.fraction)}, facts{kind: asTime}, true
	case "json":
		t, f, _ = plain(pgtype.JSONBOID, asJSON)
		return t, f, false
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		return dialect.Type{OID: pgtype.ByteaOID, Mod: -1}, facts{kind: asBytes, length: d.length, fixed: d.dataType == "binary"}, true
	case "uuid":
		t, f, _ = plain(pgtype.UUIDOID, asText)
		return t, f, false // MariaDB orders them by their parts
	case "inet4", "inet6":
		t, f, _ = plain(pgtype.InetOID, asText)
		return t, f, false
	}
	return textType(d, binary)
}

// integerType maps whole numbers.
func integerType(d described, oids [2]uint32, how reading) (dialect.Type, facts, bool) {
	unsigned := strings.Contains(d.columnType, "unsigned")
	if strings.HasPrefix(d.columnType, "tinyint(1)") && !unsigned && !how.tinyintNumbers {
		return dialect.Type{OID: pgtype.BoolOID, Mod: -1}, facts{kind: asBoolean}, true
	}
	oid := oids[0]
	if unsigned {
		oid = oids[1]
	}
	if oid == pgtype.NumericOID {
		return dialect.Type{OID: oid, Mod: 20<<16 + 4}, facts{kind: asNumeric}, true
	}
	return dialect.Type{OID: oid, Mod: -1}, facts{kind: asInteger}, true
}

// textType maps texts, and what has no other type: spatial values and those of later versions, by their bytes.
func textType(d described, binary string) (dialect.Type, facts, bool) {
	f := facts{kind: asText, charset: d.charset, collation: d.collation, wrapped: d.collation != binary}
	switch d.dataType {
	case "varchar":
		return dialect.Type{OID: pgtype.VarcharOID, Mod: int32(d.length) + 4}, f, true
	case "char":
		if d.length == 0 {
			return dialect.Type{OID: pgtype.TextOID, Mod: -1}, f, true
		}
		f.kind, f.length = asChar, d.length
		return dialect.Type{OID: pgtype.BPCharOID, Mod: int32(d.length) + 4}, f, true
	case "tinytext", "text", "mediumtext", "longtext":
		return dialect.Type{OID: pgtype.TextOID, Mod: -1}, f, true
	case "enum", "set":
		f.words, f.set, f.wrapped = words(d.columnType), d.dataType == "set", true
		return dialect.Type{OID: pgtype.TextOID, Mod: -1}, f, true
	}
	return dialect.Type{OID: pgtype.ByteaOID, Mod: -1}, facts{kind: asBytes}, false
}

// words reads the values of "enum('a','it”s')".
func words(columnType string) []string {
	var all []string
	open := strings.IndexByte(columnType, '(')
	rest := strings.TrimSuffix(columnType[open+1:], ")")
	for len(rest) > 0 && rest[0] == '\'' {
		var word strings.Builder
		i := 1
		for ; i < len(rest); i++ {
			if rest[i] == '\'' {
				if i+1 >= len(rest) || rest[i+1] != '\'' {
					break
				}
				i++
			}
			word.WriteByte(rest[i])
		}
		all = append(all, word.String())
		rest = strings.TrimPrefix(rest[min(i+1, len(rest)):], ",")
	}
	return all
}

// typeName is a type as DDL says it (PostgreSQL's format_type).
func typeName(t dialect.Type) string {
	length := func(name string, n int32) string { return name + "(" + strconv.Itoa(int(n)) + ")" }
	switch t.OID {
	case pgtype.BoolOID:
		return "boolean"
	case pgtype.Int2OID:
		return "smallint"
	case pgtype.Int4OID:
		return "integer"
	case pgtype.Int8OID:
		return "bigint"
	case pgtype.NumericOID:
		return fmt.Sprintf("numeric(%d,%d)", (t.Mod-4)>>16, (t.Mod-4)&0xffff)
	case pgtype.Float4OID:
		return "real"
	case pgtype.Float8OID:
		return "double precision"
	case pgtype.BitOID:
		return length("bit", t.Mod)
	case pgtype.VarcharOID:
		return length("character varying", t.Mod-4)
	case pgtype.BPCharOID:
		return length("character", t.Mod-4)
	case pgtype.TextOID:
		return "text"
	case pgtype.ByteaOID:
		return "bytea"
	case pgtype.DateOID:
		return "date"
	case pgtype.TimestampOID:
		return length("timestamp", t.Mod) + " without time zone"
	case pgtype.TimestamptzOID:
		return length("timestamp", t.Mod) + " with time zone"
	case pgtype.TimeOID:
		return length("time", t.Mod) + " without time zone"
	case pgtype.IntervalOID:
		return "interval"
	case pgtype.JSONBOID:
		return "jsonb"
	case pgtype.UUIDOID:
		return "uuid"
	}
	return "inet"
}
