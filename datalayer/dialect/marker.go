package dialect

import "github.com/jackc/pgx/v5/pgtype"

// Marker is a value that stands for DEFAULT in what postgres_fdw inserts. postgres_fdw always sends every column, with
// the default of the foreign table where the client gave none; where the engine is to give the value (Identity,
// EngineDefault), that default is the marker, and the server side turns it back into Default. A client that writes just
// this value gets the default. ok is false for types that have none: their columns cannot leave a value to the engine.
func Marker(oid uint32) (text string, ok bool) {
	switch oid {
	case pgtype.Int2OID:
		return "-31847", true
	case pgtype.Int4OID:
		return "-2147031847", true
	case pgtype.Int8OID, pgtype.NumericOID:
		return "-9223372036854031847", true
	case pgtype.TextOID, pgtype.VarcharOID:
		return "\x01default\x02", true
	case pgtype.TimestampOID:
		return "294275-07-13 03:18:47", true
	case pgtype.TimestamptzOID:
		return "294275-07-13 03:18:47+00", true
	case pgtype.DateOID:
		return "5874896-07-13", true
	case pgtype.UUIDOID:
		return "c5d1e7b0-8a41-4b6f-9d27-031847031847", true
	}
	return "", false
}
