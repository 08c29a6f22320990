package differential

import (
	"fmt"
	"strings"
)

// model is a deterministic function twice: as Starlark for the proxy and as SQL for the oracle.
type model struct {
	name    string
	args    []modelArg
	returns typ
	// starlark is the body of predict, after four blanks of indent.
	starlark string
	// sql is an expression over the arguments' names.
	sql string
	// onNull says that the model is called when an argument is NULL.
	onNull bool
	// fails says that some arguments make the model fail, failing which: it is called behind a guard, or by try_predict.
	fails   bool
	failing string
}

// modelArg is one declared argument.
type modelArg struct {
	name string
	typ  typ
}

// taking are arguments x, y, z of some types.
func taking(types ...typ) []modelArg {
	var args []modelArg
	for i, t := range types {
		args = append(args, modelArg{string(rune('x' + i)), t})
	}
	return args
}

// models are what every round calls. Integers stay small whatever they are given, so that no sum of them overflows.
var models = []model{
	{name: "add", args: taking(tInt4, tInt4), returns: tInt4, starlark: "return (x + y) % 1000", sql: "(((x::int8 + y) % 1000 + 1000) % 1000)::int4"},
	{name: "tens", args: taking(tInt4), returns: tInt4, starlark: "return x % 10", sql: "((x % 10) + 10) % 10"},
	{name: "maybe", args: taking(tInt4), returns: tInt4, starlark: "return None if x % 3 == 0 else x % 100",
		sql: "CASE WHEN x % 3 <> 0 THEN ((x % 100) + 100) % 100 END"},
	{name: "nothing", args: taking(tInt4), returns: tInt4, starlark: "return None", sql: "NULL::int4"},
	{name: "answer", returns: tInt4, starlark: "return 42", sql: "42"},
	{name: "zero", args: taking(tInt4), returns: tInt4, starlark: "return -1 if x == None else x % 7",
		sql: "CASE WHEN x IS NULL THEN -1 ELSE ((x % 7) + 7) % 7 END", onNull: true},
	{name: "size", args: taking(tText), returns: tInt4, starlark: "return len(x)", sql: "octet_length(x)"},
	{name: "month", args: taking(tDate), returns: tInt4, starlark: "return int(x[5:7])", sql: "extract(month FROM x)::int4"},
	{name: "keys", args: taking(tJSONB), returns: tInt4, starlark: `return len(x) if type(x) in ("dict", "list") else -1`,
		sql: "CASE jsonb_typeof(x) WHEN 'object' THEN (SELECT count(*) FROM jsonb_object_keys(x))::int4 WHEN 'array' THEN jsonb_array_length(x) ELSE -1 END"},
	{name: "total", args: taking(tInt4s), returns: tInt4, starlark: "s = 0\n    for v in x:\n        if v != None:\n            s += v\n    return s % 1000",
		sql: "(SELECT ((coalesce(sum(v), 0) % 1000 + 1000) % 1000)::int4 FROM unnest(x) v)"},
	{name: "weight", args: taking(tBytea), returns: tInt4, starlark: "return len(x)", sql: "octet_length(x)"},
	{name: "high", args: taking(tInt4), returns: tBool, starlark: "return x > 3", sql: "x > 3"},
	{name: "unsure", args: taking(tInt4), returns: tBool, starlark: "return None if x == 4 else x > 2", sql: "CASE WHEN x <> 4 THEN x > 2 END"},
	{name: "early", args: taking(tText), returns: tBool, starlark: `return x < "b"`, sql: `x COLLATE "C" < 'b'`},
	{name: "flip", args: taking(tBool), returns: tBool, starlark: "return not x", sql: "NOT x"},
	{name: "rich", args: taking(tBool, tNumeric), returns: tBool, starlark: "return x and y > 1", sql: "x AND y > 1"},
	{name: "few", args: taking(tInt4), returns: tInt2, starlark: "return x % 5", sql: "(((x % 5) + 5) % 5)::int2"},
	{name: "wide", args: taking(tInt8), returns: tInt8, starlark: "return x % 1000 + 5000000000", sql: "((x % 1000) + 1000) % 1000 + 5000000000"},
	{name: "half", args: taking(tFloat8), returns: tFloat8, starlark: "return x / 2.0", sql: "x / 2"},
	{name: "single", args: taking(tFloat4), returns: tFloat4, starlark: "return x", sql: "x"},
	{name: "weigh", args: taking(tFloat8, tText, tBool), returns: tFloat8, starlark: "return x + len(y) if z else x",
		sql: "CASE WHEN z THEN x + octet_length(y) ELSE x END"},
	{name: "price", args: taking(tInt4), returns: tNumeric, starlark: `return str(x % 100) + ".50"`, sql: "((((x % 100) + 100) % 100)::text || '.50')::numeric"},
	{name: "twice", args: taking(tNumeric), returns: tNumeric, starlark: "return x * 2", sql: "trim_scale(x * 2)"},
	{name: "bucket", args: taking(tInt4), returns: tText, starlark: `return "even" if x % 2 == 0 else "odd"`, sql: "CASE WHEN x % 2 = 0 THEN 'even' ELSE 'odd' END"},
	{name: "shout", args: taking(tText), returns: tText, starlark: `return x + "!"`, sql: "x || '!'"},
	{name: "mix", args: taking(tInt4, tText, tBool), returns: tText, starlark: `return y + str(x % 10) if z else y`,
		sql: "CASE WHEN z THEN y || (((x % 10) + 10) % 10) ELSE y END"},
	{name: "known", args: taking(tText, tInt4), returns: tText, starlark: `return ("none" if x == None else x) + ("?" if y == None else str(y % 3))`,
		sql: "coalesce(x, 'none') || coalesce((((y % 3) + 3) % 3)::text, '?')", onNull: true},
	{name: "year", args: taking(tDate), returns: tText, starlark: "return x[0:4]", sql: "to_char(x, 'YYYY')"},
	{name: "glue", args: taking(tTexts), returns: tText, starlark: `return "-".join([v for v in x if v != None])`, sql: "array_to_string(x, '-')"},
	{name: "nick", args: taking(tUUID), returns: tText, starlark: "return x[0:8]", sql: "left(x::text, 8)"},
	{name: "clock", args: taking(tTimestamp), returns: tText, starlark: "return x[0:10]", sql: "to_char(x, 'YYYY-MM-DD')"},
	{name: "head", args: taking(tBytea), returns: tBytea, starlark: "return x[0:2]", sql: "substring(x FROM 1 FOR 2)"},
	{name: "day", args: taking(tInt4), returns: tDate, starlark: "d = x % 28 + 1\n    return \"2024-01-\" + (\"0\" if d < 10 else \"\") + str(d)",
		sql: "date '2024-01-01' + ((x % 28) + 28) % 28"},
	{name: "noon", args: taking(tDate), returns: tTimestamp, starlark: `return x + " 12:00:00"`, sql: "x + time '12:00'"},
	{name: "moment", args: taking(tTimestamptz), returns: tTimestamptz, starlark: "return x", sql: "x"},
	{name: "wait", args: taking(tInt4), returns: tInterval, starlark: `return str(x % 24) + " hours"`, sql: "make_interval(hours => ((x % 24) + 24) % 24)"},
	{name: "span", args: taking(tInterval), returns: tInterval, starlark: "return x", sql: "x"},
	{name: "hour", args: taking(tTime), returns: tTime, starlark: `return x[0:2] + ":00:00"`, sql: "date_trunc('hour', x)::time"},
	{name: "ident", args: taking(tInt4), returns: tUUID, starlark: "s = str(x % 1000)\n    return \"00000000-0000-4000-8000-\" + \"0\" * (12 - len(s)) + s",
		sql: "('00000000-0000-4000-8000-' || lpad((((x % 1000) + 1000) % 1000)::text, 12, '0'))::uuid"},
	{name: "wrap", args: taking(tInt4), returns: tJSONB, starlark: `return {"v": x % 10, "even": x % 2 == 0}`,
		sql: "jsonb_build_object('v', ((x % 10) + 10) % 10, 'even', x % 2 = 0)"},
	{name: "inside", args: taking(tJSONB, tText), returns: tJSONB, starlark: `return {"in": x, "k": [y, None]}`,
		sql: "jsonb_build_object('in', x, 'k', jsonb_build_array(y, NULL))"},
	{name: "next", args: taking(tInt4), returns: tInt4s, starlark: "return [x % 10, x % 10 + 1]", sql: "ARRAY[((x % 10) + 10) % 10, ((x % 10) + 10) % 10 + 1]"},
	{name: "longs", args: taking(tInt8s), returns: tInt8s, starlark: "return x + [7]", sql: "x || 7::int8"},
	{name: "odds", args: taking(tFloat8), returns: tFloat8s, starlark: "return [x, x / 2.0]", sql: "ARRAY[x, x / 2]"},
	{name: "words", args: taking(tText), returns: tTexts, starlark: `return [x, x + "?", "NULL", ""]`, sql: "ARRAY[x, x || '?', 'NULL', '']"},
	{name: "bits", args: taking(tInt4), returns: tBools, starlark: "return [x % 2 == 0, x > 3]", sql: "ARRAY[x % 2 = 0, x > 3]"},
	{name: "parts", args: taking(tJSON), returns: tInt4, starlark: `return len(x) if type(x) in ("dict", "list") else -1`,
		sql: "CASE json_typeof(x) WHEN 'object' THEN (SELECT count(*) FROM json_object_keys(x))::int4 WHEN 'array' THEN json_array_length(x) ELSE -1 END"},
	{name: "brittle", args: taking(tInt4), returns: tInt4, starlark: "if x % 5 == 3:\n        fail(\"brittle\")\n    return x % 100", fails: true,
		failing: "((x % 5) + 5) % 5 = 3", sql: "((x % 100) + 100) % 100"},
}

// create is the statement that makes the model behind a proxy.
func (m model) create() string {
	var args, names []string
	for _, a := range m.args {
		args, names = append(args, a.name+" "+string(a.typ)), append(names, a.name)
	}
	with := ""
	if m.onNull {
		with = " WITH (null_on_null = false)"
	}
	return fmt.Sprintf("CREATE MODEL %s(%s) RETURNS %s USING starlark AS $$\ndef predict(%s):\n    %s\n$$%s", m.name,
		strings.Join(args, ", "), m.returns, strings.Join(names, ", "), m.starlark, with)
}

// function is the SQL functions of the same meaning: they are named predict, try_predict and predict_details (with those of its keys
// that are determined), take the model's name before the arguments, and
// stand in a schema of their own, so that neither two models of one signature nor PostgreSQL's rules for overloads come
// into it. PostgreSQL cannot look into them. They are STABLE, as docs/predict.md says of predict, or IMMUTABLE, of which
// PostgreSQL computes calls of constants ahead. A dear one has PostgreSQL choose other plans.
func (m model) function(dear bool, volatility string) string {
	args := []string{"model text"}
	for _, a := range m.args {
		args = append(args, a.name+" "+string(a.typ))
	}
	how := "LANGUAGE plpgsql " + volatility
	if dear {
		how += " COST 10000 PARALLEL UNSAFE"
	}
	if !m.onNull {
		how += " STRICT"
	}
	body, try, fault := "RETURN "+m.sql+";", "RETURN "+m.sql+";", "NULL"
	if m.fails {
		body = "IF " + m.failing + " THEN RAISE EXCEPTION 'failed' USING ERRCODE = '38000'; END IF; " + body
		try = "RETURN CASE WHEN NOT (" + m.failing + ") THEN " + m.sql + " END;"
		fault = "CASE WHEN " + m.failing + " THEN 'failed' END"
	}
	details := fmt.Sprintf("RETURN jsonb_build_object('value', (%s), 'error', %s, 'model', '%s', 'version', 1);", m.sql, fault, m.name)
	s := fmt.Sprintf("CREATE SCHEMA m_%s;\n", m.name)
	for _, f := range []struct{ name, body, returns string }{{"predict", body, string(m.returns)}, {"try_predict", try, string(m.returns)}, {"predict_details", details, "jsonb"}} {
		s += fmt.Sprintf("CREATE FUNCTION m_%s.%s(%s) RETURNS %s %s AS $$ BEGIN %s END $$;\n", m.name, f.name, strings.Join(args, ", "), f.returns, how, f.body)
	}
	return s
}
