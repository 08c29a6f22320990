package duckdb

import (
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// form is what is known of a column of DuckDB's, or of a result.
type form struct {
	typ      dialect.Type
	typeName string
	// native is the type in DuckDB's words.
	native string
	// wide is the DuckDB type that computes as PostgreSQL's type does, where that is not native: an expression casts to it.
	// "" where the column itself is right, "?" where no type is.
	wide string
	// json says that the value is shown as a JSON document: lists of lists, structs, maps, unions.
	json bool
	// words says that the value is read as DuckDB's own text of it.
	words bool
	// table and column are for messages, "" for a computed value.
	table, column string
	// readOnly says that values cannot be written.
	readOnly bool
}

// scalars are DuckDB's types without arguments (https://duckdb.org/docs/current/sql/data_types/overview).
var scalars = map[string]form{
	"BOOLEAN":                  {typ: plain(pgtype.BoolOID), typeName: "boolean"},
	"TINYINT":                  {typ: plain(pgtype.Int2OID), typeName: "smallint", wide: "SMALLINT"},
	"SMALLINT":                 {typ: plain(pgtype.Int2OID), typeName: "smallint"},
	"INTEGER":                  {typ: plain(pgtype.Int4OID), typeName: "integer"},
	"BIGINT":                   {typ: plain(pgtype.Int8OID), typeName: "bigint"},
	"UTINYINT":                 {typ: plain(pgtype.Int2OID), typeName: "smallint", wide: "SMALLINT"},
	"USMALLINT":                {typ: plain(pgtype.Int4OID), typeName: "integer", wide: "INTEGER"},
	"UINTEGER":                 {typ: plain(pgtype.Int8OID), typeName: "bigint", wide: "BIGINT"},
	"UBIGINT":                  {typ: number(20, 0), typeName: "numeric(20,0)", wide: "DECIMAL(20,0)"},
	"HUGEINT":                  {typ: number(39, 0), typeName: "numeric(39,0)", wide: "?"},
	"UHUGEINT":                 {typ: number(39, 0), typeName: "numeric(39,0)", wide: "?"},
	"BIGNUM":                   {typ: plain(pgtype.NumericOID), typeName: "numeric", wide: "?", words: true},
	"FLOAT":                    {typ: plain(pgtype.Float4OID), typeName: "real"},
	"DOUBLE":                   {typ: plain(pgtype.Float8OID), typeName: "double precision"},
	"VARCHAR":                  {typ: plain(pgtype.TextOID), typeName: "text"},
	"BLOB":                     {typ: plain(pgtype.ByteaOID), typeName: "bytea"},
	"BIT":                      {typ: plain(pgtype.VarbitOID), typeName: "bit varying", wide: "?"},
	"DATE":                     {typ: plain(pgtype.DateOID), typeName: "date"},
	"TIME":                     {typ: plain(pgtype.TimeOID), typeName: "time without time zone"},
	"TIME_NS":                  {typ: plain(pgtype.TimeOID), typeName: "time without time zone", wide: "?"},
	"TIME WITH TIME ZONE":      {typ: plain(pgtype.TimetzOID), typeName: "time with time zone", wide: "?"},
	"TIMESTAMP":                {typ: plain(pgtype.TimestampOID), typeName: "timestamp without time zone"},
	"TIMESTAMP_S":              {typ: dialect.Type{OID: pgtype.TimestampOID, Mod: 0}, typeName: "timestamp(0) without time zone", wide: "TIMESTAMP"},
	"TIMESTAMP_MS":             {typ: dialect.Type{OID: pgtype.TimestampOID, Mod: 3}, typeName: "timestamp(3) without time zone", wide: "TIMESTAMP"},
	"TIMESTAMP_NS":             {typ: plain(pgtype.TimestampOID), typeName: "timestamp without time zone", wide: "?"},
	"TIMESTAMP WITH TIME ZONE": {typ: plain(pgtype.TimestamptzOID), typeName: "timestamp with time zone"},
	"INTERVAL":                 {typ: plain(pgtype.IntervalOID), typeName: "interval"},
	"UUID":                     {typ: plain(pgtype.UUIDOID), typeName: "uuid"},
	"JSON":                     {typ: plain(pgtype.JSONOID), typeName: "json", wide: "?"},
}

// arrays are PostgreSQL's array types of the scalars that DuckDB has lists of.
var arrays = map[uint32]uint32{
	pgtype.BoolOID: pgtype.BoolArrayOID, pgtype.Int2OID: pgtype.Int2ArrayOID, pgtype.Int4OID: pgtype.Int4ArrayOID, pgtype.Int8OID: pgtype.Int8ArrayOID,
	pgtype.NumericOID: pgtype.NumericArrayOID, pgtype.Float4OID: pgtype.Float4ArrayOID, pgtype.Float8OID: pgtype.Float8ArrayOID,
	pgtype.TextOID: pgtype.TextArrayOID, pgtype.ByteaOID: pgtype.ByteaArrayOID, pgtype.DateOID: pgtype.DateArrayOID, pgtype.TimeOID: pgtype.TimeArrayOID,
	pgtype.TimestampOID: pgtype.TimestampArrayOID, pgtype.TimestamptzOID: pgtype.TimestamptzArrayOID, pgtype.IntervalOID: pgtype.IntervalArrayOID,
	pgtype.UUIDOID: pgtype.UUIDArrayOID,
}

func plain(oid uint32) dialect.Type { return dialect.Type{OID: oid, Mod: -1} }

// number is numeric(precision,scale).
func number(precision, scale int) dialect.Type {
	return dialect.Type{OID: pgtype.NumericOID, Mod: int32(precision)<<16 | int32(scale) + 4}
}

// typed maps a type in DuckDB's words to PostgreSQL's.
func (s settings) typed(native string) form {
	f := s.shown(native)
	f.native = native
	return f
}

func (s settings) shown(native string) form {
	if f, ok := scalars[native]; ok {
		if native == "TIMESTAMP_NS" && s.nanosAsText {
			return form{typ: plain(pgtype.TextOID), typeName: "text", words: true, wide: "?"}
		}
		return f
	}
	if inside, ok := strings.CutPrefix(native, "DECIMAL("); ok {
		p, q, _ := strings.Cut(strings.TrimSuffix(inside, ")"), ",")
		precision, errP := strconv.Atoi(p)
		scale, errS := strconv.Atoi(q)
		if errP == nil && errS == nil {
			return form{typ: number(precision, scale), typeName: "numeric(" + p + "," + q + ")"}
		}
	}
	document := form{typ: plain(pgtype.JSONBOID), typeName: "jsonb", json: true, wide: "?"}
	switch {
	case strings.HasSuffix(native, "]"):
		inner := s.shown(native[:strings.LastIndexByte(native, '[')])
		oid, ok := arrays[inner.typ.OID]
		if !ok || inner.words || inner.json {
			return document
		}
		name := inner.typeName
		if inner.typ.Mod >= 0 && inner.typ.OID == pgtype.TimestampOID {
			name = "timestamp without time zone"
			inner.typ.Mod = -1
		}
		return form{typ: dialect.Type{OID: oid, Mod: inner.typ.Mod}, typeName: name + "[]", wide: "?"}
	case strings.HasPrefix(native, "STRUCT("), strings.HasPrefix(native, "MAP("):
		return document
	case strings.HasPrefix(native, "UNION("):
		document.readOnly = true
		return document
	case strings.HasPrefix(native, "ENUM("):
		return form{typ: plain(pgtype.TextOID), typeName: "text", wide: "VARCHAR"}
	}
	return form{typ: plain(pgtype.TextOID), typeName: "text", words: true, wide: "?", readOnly: true}
}
