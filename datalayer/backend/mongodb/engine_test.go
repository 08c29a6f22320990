package mongodb

import (
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/backendtest"
)

// edges are values at the edges of the types, with what comes back.
var edges = []backendtest.Edge{
	{Column: "i2", In: "-32768"}, {Column: "i4", In: "2147483647"}, {Column: "i8", In: "-9223372036854775808"}, {Column: "i8", In: "9223372036854775807"},
	{Column: "f4", In: "0.1"}, {Column: "f4", In: "-Infinity"}, {Column: "f8", In: "1e+300"}, {Column: "f8", In: "NaN"}, {Column: "f8", In: "-0"},
	{Column: "n", In: "1234567890123456789012345678901234"}, {Column: "n", In: "0.0000000000000000000000000000000001"}, {Column: "n", In: "NaN"},
	{Column: "n", In: "Infinity"}, {Column: "n", In: "1.500"}, {Column: "n", In: "0.00"}, {Column: "n", In: "12345678901234567890123456789012345", Code: "22003"},
	{Column: "b", In: "t"}, {Column: "b", In: "f"}, {Column: "t", In: ""}, {Column: "t", In: "zwölf 🦊 $x"}, {Column: "v", In: "$a.b"},
	{Column: "bin", In: `\x`}, {Column: "bin", In: `\x00ff10`}, {Column: "u", In: "c5d1e7b0-8a41-4b6f-9d27-031847031847"},
	{Column: "d", In: "2024-02-29"}, {Column: "d", In: "0001-01-01"}, {Column: "d", In: "infinity", Code: "22008"},
	{Column: "ts", In: "1969-12-31 23:59:59.999"}, {Column: "ts", In: "9999-12-31 23:59:59.001"}, {Column: "ts", In: "2024-01-01 00:00:00.0001", Code: "22008"},
	{Column: "tz", In: "2024-01-01 12:30:00+05:30", Out: "2024-01-01 07:00:00+00"}, {Column: "tz", In: "-infinity", Code: "22008"},
	{Column: "tz", In: "0001-01-01 00:00:00+00"}, {Column: "ti", In: "23:59:59.999999"}, {Column: "iv", In: "1 mon -2 days +03:00:00"},
	{Column: "j", In: `{"a": [1, 2.5, "x", null, true], "$odd": {"b": {}}}`}, {Column: "j", In: `[]`}, {Column: "j", In: `null`}, {Column: "j", In: `[12345678901234567890, 3.50, 0.1, -2.0, 9007199254740993, {"$numberLong": "5"}]`},
	{Column: "j", In: `{"at": {"$date": "2024-01-01T00:00:00Z"}, "id": {"$oid": "0123456789abcdef01234567"}}`},
	{Column: "ai", In: "{1,NULL,-3}"}, {Column: "ai", In: "{}"}, {Column: "ai", In: "{{1},{2}}", Code: "0A000"},
	{Column: "at", In: `{a,"b c","NULL","",NULL,"\"q\\"}`}, {Column: "atz", In: `{"2024-01-01 00:00:00+00"}`},
}

func TestContract(t *testing.T) {
	t.Parallel()
	e, _ := openEngine(t, newURI(t), Options{})
	newTable(t, e, "items", []string{"id"}, [2]string{"id", "bigint"}, [2]string{"name", "text!"}, [2]string{"qty", "integer"},
		[2]string{"price", "numeric(10,2)"}, [2]string{"ratio", "double precision"})
	newTable(t, e, "types", []string{"id"}, [2]string{"id", "bigint"}, [2]string{"i2", "smallint"}, [2]string{"i4", "integer"}, [2]string{"i8", "bigint"},
		[2]string{"f4", "real"}, [2]string{"f8", "double precision"}, [2]string{"n", "numeric"}, [2]string{"b", "boolean"}, [2]string{"t", "text"},
		[2]string{"v", "varchar(20)"}, [2]string{"bin", "bytea"}, [2]string{"u", "uuid"}, [2]string{"d", "date"}, [2]string{"ts", "timestamp"},
		[2]string{"tz", "timestamptz"}, [2]string{"ti", "time"}, [2]string{"iv", "interval"}, [2]string{"j", "jsonb"}, [2]string{"ai", "int[]"},
		[2]string{"at", "text[]"}, [2]string{"atz", "timestamptz[]"})
	backendtest.Run(t, backendtest.Subject{Engine: e, Schema: schemaName, Edges: edges})
}
