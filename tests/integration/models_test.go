package integration

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// model is a deterministic function twice: as Starlark for the proxy and as SQL for the oracle.
type model struct {
	name    string
	args    []modelArg
	returns string
	// starlark is the body of predict, after four blanks of indent.
	starlark string
	// sql is an expression over the arguments' names.
	sql string
	// options is the text of WITH (…), "" for none.
	options string
	// onNull says that the model is called when an argument is NULL.
	onNull bool
}

// modelArg is one declared argument.
type modelArg struct{ name, typ string }

// one is an argument list of a single x.
func one(typ string) []modelArg { return []modelArg{{"x", typ}} }

// models are in every target. Their names hold letters, digits and _ only, as oracleText wants it.
func models() []model {
	list := []model{
		{name: "double", args: one("int4"), returns: "int4", starlark: "return x * 2", sql: "x * 2"},
		{name: "half", args: one("float8"), returns: "float8", starlark: "return x / 2.0", sql: "x / 2"},
		{name: "bucket", args: one("int4"), returns: "text", starlark: "return 'even' if x % 2 == 0 else 'odd'",
			sql: "CASE WHEN x % 2 = 0 THEN 'even' ELSE 'odd' END"},
		{name: "high", args: one("int4"), returns: "bool", starlark: "return x > 5", sql: "x > 5"},
		{name: "maybe", args: one("int4"), returns: "int4", starlark: "return None if x % 3 == 0 else x",
			sql: "CASE WHEN x % 3 <> 0 THEN x END"},
		{name: "unsure", args: one("int4"), returns: "bool", starlark: "return None if x == 4 else x > 4",
			sql: "CASE WHEN x <> 4 THEN x > 4 END"},
		{name: "add", args: []modelArg{{"a", "int4"}, {"b", "int4"}}, returns: "int4", starlark: "return a + b", sql: "a + b"},
		{name: "weigh", args: []modelArg{{"a", "float8"}, {"b", "text"}, {"c", "bool"}}, returns: "float8",
			starlark: "return a + len(b) if c else -a", sql: "CASE WHEN c THEN a + octet_length(b) ELSE -a END"},
		{name: "shout", args: one("text"), returns: "text", starlark: "return x + '!'", sql: "x || '!'"},
		{name: "size", args: one("text"), returns: "int4", starlark: "return len(x)", sql: "octet_length(x)"},
		{name: "answer", returns: "int4", starlark: "return 42", sql: "42"},
		{name: "total", args: one("float8[]"), returns: "float8",
			starlark: "s = 0.0\n    for v in x:\n        s += v\n    return s", sql: "(SELECT coalesce(sum(v), 0) FROM unnest(x) v)"},
		{name: "pair", args: one("int4"), returns: "int4[]", starlark: "return [x, x + 1]", sql: "ARRAY[x, x + 1]"},
		{name: "zero", args: one("int4"), returns: "int4", starlark: "return -1 if x == None else x", sql: "coalesce(x, -1)",
			options: "null_on_null = false", onNull: true},
		{name: "wide", args: one("int8"), returns: "int8", starlark: "return x - 1", sql: "x - 1"},
	}
	for _, t := range scalarTypes {
		name := "id_" + strings.TrimSuffix(t, "[]")
		if strings.HasSuffix(t, "[]") {
			name += "s"
		}
		sql := "x"
		switch t {
		case "numeric":
			sql = "trim_scale(x)" // Starlark has floats, which know no scale
		case "json":
			sql = "x::jsonb::json" // and dicts, which know no blanks
		}
		list = append(list, model{name: name, args: one(t), returns: t, starlark: "return x", sql: sql})
	}
	return list
}

// scalarTypes are the types that have an identity model id_<type>, or id_<type>s for an array.
var scalarTypes = []string{"bool", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "bytea", "date", "time",
	"timestamp", "timestamptz", "interval", "uuid", "json", "jsonb", "bool[]", "int4[]", "int8[]", "float4[]", "float8[]", "text[]"}

// create is the statement that makes the model behind a proxy.
func (m model) create() string {
	args := make([]string, len(m.args))
	names := make([]string, len(m.args))
	for i, a := range m.args {
		args[i], names[i] = a.name+" "+a.typ, a.name
	}
	with := ""
	if m.options != "" {
		with = " WITH (" + m.options + ")"
	}
	return fmt.Sprintf("CREATE MODEL %s(%s) RETURNS %s USING starlark AS $$\ndef predict(%s):\n    %s\n$$%s", m.name,
		strings.Join(args, ", "), m.returns, strings.Join(names, ", "), m.starlark, with)
}

// modelDDL makes all models. Each statement has a Query of its own, since component statements cannot run in a transaction
// block, the implicit one of several statements included.
func modelDDL() []string {
	var list []string
	for _, m := range models() {
		list = append(list, m.create())
	}
	return list
}

// modelFunctions makes the SQL functions of the same meaning: each is named predict, takes the model's name before the
// arguments, and stands in a schema of its own, so that neither two models of one signature nor PostgreSQL's rules for
// overloads come into it.
func modelFunctions() string {
	var b strings.Builder
	for _, m := range models() {
		args := []string{"model text"}
		for _, a := range m.args {
			args = append(args, a.name+" "+a.typ)
		}
		strict := "STRICT"
		if m.onNull {
			strict = "CALLED ON NULL INPUT"
		}
		fmt.Fprintf(&b, "CREATE SCHEMA m_%[1]s; CREATE FUNCTION m_%[1]s.predict(%[2]s) RETURNS %[3]s LANGUAGE sql IMMUTABLE %[4]s AS $$ SELECT %[5]s $$;\n",
			m.name, strings.Join(args, ", "), m.returns, strict, m.sql)
	}
	return b.String()
}

// callPattern matches the start of a call of a model that is named by a plain string.
var callPattern = regexp.MustCompile(`(?i)(?:\bpredict|"predict")\s*\(\s*'([a-z0-9_]+)(?:@\d+)?'`)

// rewritten is a statement's text for the oracle, and where schema names were put in.
type rewritten struct {
	text    string
	inserts []insert
}

// insert is a run of characters that the oracle's text has and the client's has not. at counts characters of the
// oracle's text from 0.
type insert struct{ at, length int }

// oracleText qualifies each predict('name', …) by the schema of the model's SQL function. What looks like a call inside
// a comment or a string is changed too: a test that has such gives the oracle's text itself.
func oracleText(sql string) rewritten {
	var r rewritten
	var b strings.Builder
	from := 0
	for _, m := range callPattern.FindAllStringSubmatchIndex(sql, -1) {
		b.WriteString(sql[from:m[0]])
		schema := "m_" + strings.ToLower(sql[m[2]:m[3]]) + "."
		r.inserts = append(r.inserts, insert{at: utf8.RuneCountInString(b.String()), length: len(schema)})
		b.WriteString(schema)
		from = m[0]
	}
	b.WriteString(sql[from:])
	r.text = b.String()
	return r
}

// position maps an error position in the oracle's text (characters from 1, 0 for none) to the client's text.
func (r rewritten) position(p int) int {
	shift := 0
	for _, in := range r.inserts {
		if p-1 >= in.at {
			shift += min(in.length, p-1-in.at)
		}
	}
	return p - shift
}
