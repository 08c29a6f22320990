package sqlite

import (
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// kind is how values of a column are stored and read.
type kind uint8

const (
	untyped kind = iota // any class but blobs, as text
	integer
	real
	decimal
	boolean
	text
	blob
	date
	clock
	timestamp
	timestamptz
	uuid
	json
	verbatim // PostgreSQL's own text of the type
)

// form is what is known of the values of a column, or of a result.
type form struct {
	kind kind
	typ  dialect.Type
	// typeName is the type for messages and DDL.
	typeName string
	// table and column are for messages, "" for a computed value.
	table, column string
	// notNull makes a NULL an error: PostgreSQL believes a primary key to have none.
	notNull bool
	// fallback is the column's DEFAULT as SQLite says it, "" for none.
	fallback string
	// textual says that the declared type has TEXT affinity: numbers are kept as they are written.
	textual bool
	// loose says that a stored value may be of another class: the column is not of a STRICT table, nor the rowid.
	loose bool
}

// named are declared types by their first word, as people write them. What is not here follows SQLite's affinities
// (https://sqlite.org/datatype3.html#determination_of_column_affinity).
var named = map[string]struct {
	kind kind
	oid  uint32
	name string
}{
	"SMALLINT": {integer, pgtype.Int2OID, "smallint"},
	"INT2":     {integer, pgtype.Int2OID, "smallint"},
	"TINYINT":  {integer, pgtype.Int2OID, "smallint"},
	"INT4":     {integer, pgtype.Int4OID, "integer"},
	"FLOAT4":   {real, pgtype.Float4OID, "real"},
	"BOOLEAN":  {boolean, pgtype.BoolOID, "boolean"},
	"BOOL":     {boolean, pgtype.BoolOID, "boolean"},
	"DATE":     {date, pgtype.DateOID, "date"},
	"TIME":     {clock, pgtype.TimeOID, "time without time zone"},
	"DATETIME": {timestamp, pgtype.TimestampOID, "timestamp without time zone"},
	"TIMESTAMP": {timestamp, pgtype.TimestampOID,
		"timestamp without time zone"},
	"TIMESTAMPTZ": {timestamptz, pgtype.TimestamptzOID, "timestamp with time zone"},
	"UUID":        {uuid, pgtype.UUIDOID, "uuid"},
	"GUID":        {uuid, pgtype.UUIDOID, "uuid"},
	"JSON":        {json, pgtype.JSONOID, "json"},
	"JSONB":       {json, pgtype.JSONBOID, "jsonb"},
	"INTERVAL":    {verbatim, pgtype.IntervalOID, "interval"},
	"BYTEA":       {blob, pgtype.ByteaOID, "bytea"},
	"VARBINARY":   {blob, pgtype.ByteaOID, "bytea"},
	"BINARY":      {blob, pgtype.ByteaOID, "bytea"},
	"ANY":         {untyped, pgtype.TextOID, "text"},
	"STRING":      {text, pgtype.TextOID, "text"},
}

// typed maps a declared type to PostgreSQL's.
func typed(declared string) form {
	words := strings.ToUpper(strings.TrimSpace(declared))
	base, args := words, []int(nil)
	if open := strings.IndexByte(words, '('); open >= 0 {
		inside, rest, _ := strings.Cut(words[open+1:], ")")
		base = strings.TrimSpace(words[:open]) + " " + strings.TrimSpace(rest)
		for _, a := range strings.Split(inside, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(a))
			if err != nil {
				args = nil
				break
			}
			args = append(args, n)
		}
	}
	base = strings.TrimSpace(base)
	first, rest, _ := strings.Cut(base, " ")
	if n, ok := named[first]; ok {
		f := form{kind: n.kind, typ: dialect.Type{OID: n.oid, Mod: -1}, typeName: n.name}
		if first == "TIMESTAMP" && strings.HasPrefix(rest, "WITH TIME ZONE") {
			f = form{kind: timestamptz, typ: dialect.Type{OID: pgtype.TimestamptzOID, Mod: -1}, typeName: "timestamp with time zone"}
		}
		if (f.kind == timestamp || f.kind == timestamptz) && len(args) == 1 && args[0] >= 0 && args[0] <= 6 {
			f.typ.Mod = int32(args[0])
			f.typeName = strings.Replace(f.typeName, "timestamp", "timestamp("+strconv.Itoa(args[0])+")", 1)
		}
		return f
	}
	return byAffinity(base, args)
}

// byAffinity maps the declared types that only SQLite's rules tell, in their order.
func byAffinity(base string, args []int) form {
	plain := func(k kind, oid uint32, name string) form {
		return form{kind: k, typ: dialect.Type{OID: oid, Mod: -1}, typeName: name}
	}
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(base, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("INT"):
		return plain(integer, pgtype.Int8OID, "bigint")
	case has("DECIMAL TEXT", "NUMERIC TEXT"):
		f := decimalForm(args)
		f.textual = true
		return f
	case strings.HasPrefix(base, "BPCHAR") && len(args) == 1 && args[0] > 0 && args[0] <= 10485760:
		f := plain(text, pgtype.BPCharOID, "character("+strconv.Itoa(args[0])+")")
		f.typ.Mod = int32(args[0]) + 4
		return f
	case has("CHAR") && len(args) == 1 && args[0] > 0 && args[0] <= 10485760:
		f := plain(text, pgtype.VarcharOID, "character varying("+strconv.Itoa(args[0])+")")
		f.typ.Mod = int32(args[0]) + 4
		return f
	case has("CHAR"):
		return plain(text, pgtype.VarcharOID, "character varying")
	case has("CLOB", "TEXT"):
		return plain(text, pgtype.TextOID, "text")
	case base == "":
		return plain(untyped, pgtype.TextOID, "text")
	case has("BLOB"):
		return plain(blob, pgtype.ByteaOID, "bytea")
	case has("REAL", "FLOA", "DOUB"):
		return plain(real, pgtype.Float8OID, "double precision")
	case has("NUMERIC", "DEC", "NUMBER", "MONEY"):
		return decimalForm(args)
	}
	return plain(untyped, pgtype.TextOID, "text")
}

// decimalForm is NUMERIC(p,s). A negative or too large scale leaves the type without one.
func decimalForm(args []int) form {
	f := form{kind: decimal, typ: dialect.Type{OID: pgtype.NumericOID, Mod: -1}, typeName: "numeric"}
	scale := 0
	switch len(args) {
	case 2:
		scale = args[1]
	case 1:
	default:
		return f
	}
	if args[0] < 1 || args[0] > 1000 || scale < 0 || scale > args[0] {
		return f
	}
	f.typ.Mod = int32(args[0])<<16 | int32(scale) + 4
	f.typeName = "numeric(" + strconv.Itoa(args[0]) + "," + strconv.Itoa(scale) + ")"
	return f
}

// resultForm is how a computed value of a type of PostgreSQL's is read.
func resultForm(t dialect.Type) (form, bool) {
	f := form{typ: t, typeName: "its type"}
	switch t.OID {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		f.kind = integer
	case pgtype.Float4OID, pgtype.Float8OID:
		f.kind = real
	case pgtype.NumericOID:
		f.kind = decimal
	case pgtype.BoolOID:
		f.kind = boolean
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.NameOID:
		f.kind = text
	case pgtype.ByteaOID:
		f.kind = blob
	case pgtype.DateOID:
		f.kind = date
	case pgtype.TimeOID:
		f.kind = clock
	case pgtype.TimestampOID:
		f.kind = timestamp
	case pgtype.TimestamptzOID:
		f.kind = timestamptz
	case pgtype.UUIDOID:
		f.kind = uuid
	case pgtype.JSONOID, pgtype.JSONBOID:
		f.kind = json
	default:
		return f, false
	}
	return f, true
}

// integerBits is the width of an integer type.
func integerBits(oid uint32) int {
	switch oid {
	case pgtype.Int2OID:
		return 16
	case pgtype.Int4OID:
		return 32
	}
	return 64
}
