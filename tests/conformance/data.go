package conformance

import (
	"fmt"
	"strings"
	"time"
)

// kind is what a column holds, in PostgreSQL's words; each engine has a type of its own for it.
type kind string

// The kinds. foldedText is text that the engine compares as it does by default, where that is another way than by bytes.
const (
	boolKind        kind = "boolean"
	int2Kind        kind = "smallint"
	int4Kind        kind = "integer"
	int8Kind        kind = "bigint"
	float8Kind      kind = "double precision"
	moneyKind       kind = "numeric(12,2)"
	longKind        kind = "numeric(38,10)"
	textKind        kind = "text"
	foldedText      kind = "folded text"
	shortKind       kind = "character varying(20)"
	dateKind        kind = "date"
	timeKind        kind = "time without time zone"
	timestampKind   kind = "timestamp without time zone"
	timestamptzKind kind = "timestamp with time zone"
	intervalKind    kind = "interval"
	uuidKind        kind = "uuid"
	byteaKind       kind = "bytea"
	jsonbKind       kind = "jsonb"
	int4sKind       kind = "integer[]"
	textsKind       kind = "text[]"
)

// postgres is the kind as PostgreSQL's DDL says it.
func (k kind) postgres() string {
	if k == foldedText {
		return "text"
	}
	return string(k)
}

// column is one column of a common table.
type column struct {
	name    string
	kind    kind
	notNull bool
}

// table is one of the common tables, which every engine holds. Its rows have PostgreSQL's text of each value, or nil.
type table struct {
	name    string
	columns []column
	// key is the primary key, unique another one of one column, refers the table that a column of the same name as its
	// key refers to; "" for none.
	key            []string
	unique, refers string
	// indexed are columns with an index on the oracle and in MariaDB. Other engines have none: without statistics SQLite takes them into
	// plans of minutes.
	indexed []string
	rows    [][]any
	// file is a file of CSV that holds the same rows, "" for none.
	file string
}

// names are the names of the columns, with a comma between them.
func (t table) names() string {
	var names []string
	for _, c := range t.columns {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// pick is the element of a list with a number that may be larger than the list.
func pick[T any](n int, list ...T) T { return list[n%len(list)] }

// unless is a value, or NULL where a condition holds.
func unless(null bool, v any) any {
	if null {
		return nil
	}
	return fmt.Sprint(v)
}

// cents is a number of hundredths as numeric(12,2) prints it.
func cents(n int) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}

// parse makes columns of "name kind" texts; a kind with ! behind it is NOT NULL.
func parse(defs ...string) []column {
	var columns []column
	for _, def := range defs {
		name, of, _ := strings.Cut(def, " ")
		of, notNull := strings.CutSuffix(of, "!")
		columns = append(columns, column{name, kind(of), notNull})
	}
	return columns
}

// tables are the common tables.
func tables() []table {
	list := []table{groups(), items(), sales(), texts("texts", textKind), texts("folded", foldedText), numbers(), moments(), things(), pairs()}
	list = append(list, table{name: "nothing", columns: parse("k integer!", "v text"), key: []string{"k"}})
	return append(list, written()...)
}

// groups is a small tree.
func groups() table {
	t := table{name: "groups", columns: parse("gid integer!", "label text!", "parent integer"), key: []string{"gid"}}
	for i, g := range []struct {
		label  string
		parent any
	}{{"root", nil}, {"tools", "1"}, {"toys", "1"}, {"hand tools", "2"}, {"power tools", "2"}, {"games", "3"}, {"puzzles", "3"},
		{"Éclairs", "1"}, {"empty", "2"}, {"orphans", nil}} {
		t.rows = append(t.rows, []any{fmt.Sprint(i + 1), g.label, g.parent})
	}
	return t
}

// items has a column of each of the usual types, and NULLs in most.
func items() table {
	t := table{name: "items", key: []string{"id"}, columns: parse("id integer!", "name text!", "grp integer", "qty bigint", "price numeric(12,2)",
		"ratio double precision", "flag boolean", "day date", "at timestamp without time zone", "note text")}
	day := time.Date(2023, 12, 20, 0, 0, 0, 0, time.UTC)
	for i := 1; i <= 40; i++ {
		t.rows = append(t.rows, []any{fmt.Sprint(i),
			fmt.Sprintf("%s %02d", pick(i, "apple", "Apple", "bolt", "Çelik", "drum", "élan", "fig"), i),
			unless(i%7 == 0, 4+i%5), unless(i%11 == 0, i*i%50-10), unless(i%13 == 0, cents(i*i*37%10000-500)),
			unless(i%9 == 0, float64(i*i%64-20)/8), unless(i%5 == 0, pick(i, "true", "false", "true")),
			unless(i%8 == 0, day.AddDate(0, 0, i*11).Format(time.DateOnly)),
			unless(i%10 == 0, day.Add(time.Duration(i)*97*time.Hour+time.Duration(i*i)*time.Second+time.Duration(i%4)*250*time.Millisecond).Format("2006-01-02 15:04:05.999999")),
			unless(i%3 == 0, pick(i, "", "x", "100%", "under_score", "it's", `back\slash`, "two words", "ÄÖÜ"))})
	}
	return t
}

// sales refers to items, and to some that are not there.
func sales() table {
	t := table{name: "sales", key: []string{"oid"}, columns: parse("oid integer!", "item integer", "who text!", "amount numeric(12,2)!", "placed timestamp without time zone!")}
	placed := time.Date(2024, 2, 27, 22, 0, 0, 0, time.UTC)
	for i := 1; i <= 120; i++ {
		t.rows = append(t.rows, []any{fmt.Sprint(i), unless(i%17 == 0, i*7%45+1), pick(i*i/3, "ann", "Bob", "carl", "Dörte", "李", "eve"),
			cents(i * i * 13 % 7777), placed.Add(time.Duration(i*i) * time.Minute).Format("2006-01-02 15:04:05.999999")})
	}
	return t
}

// texts has texts that engines compare, measure and fold in different ways.
func texts(name string, of kind) table {
	t := table{name: name, columns: []column{{"k", int4Kind, true}, {"s", of, false}}, key: []string{"k"}}
	for i, s := range []any{"", " ", "a", "A", "b", "B", "ab", "aB", "a ", " a", "a b", "z", "Z", "ä", "Ä", "a\u0308", "ß", "ss", "é", "e", "É", "ı", "i", "I", "İ",
		"日本", "日本語", "😀", "😀a", "\uffff", "%", "_", "a%b", "a_b", `\`, `a\b`, "'", `"`, "0", "00", "1", "10", "2", "1.0", "null", "NULL", nil, "a\tb", "a\nb", "~", "~~",
		strings.Repeat("long ", 60), "true", "2024-02-29", "ǆ", "Ω", "ω", "σ", "ς", "Σ"} {
		t.rows = append(t.rows, []any{fmt.Sprint(i + 1), s})
	}
	return t
}

// numbers are the edges of the types of numbers.
func numbers() table {
	t := table{name: "numbers", key: []string{"k"}, columns: parse("k integer!", "i2 smallint", "i4 integer", "i8 bigint", "f8 double precision", "n numeric(12,2)", "long numeric(38,10)")}
	for i, row := range [][]any{
		{"0", "0", "0", "0", "0.00", "0.0000000000"},
		{"1", "1", "1", "1", "1.00", "1.0000000000"},
		{"-1", "-1", "-1", "-1", "-1.00", "-1.0000000000"},
		{"32767", "2147483647", "9223372036854775807", "1.7976931348623157e+308", "9999999999.99", "9999999999999999999999999999.9999999999"},
		{"-32768", "-2147483648", "-9223372036854775808", "-1.7976931348623157e+308", "-9999999999.99", "-9999999999999999999999999999.9999999999"},
		{nil, nil, nil, nil, nil, nil},
		{"7", "7", "9007199254740993", "0.1", "0.10", "0.1000000000"},
		{"-7", "-7", "-9007199254740993", "-0.5", "-0.50", "0.0000000001"},
		{"2", "16777217", "4294967296", "2.5", "2.50", "2.5000000000"},
		{"3", "65536", "1000000000000", "1e-300", "0.01", "12345678901234567890.1234567890"},
		{"3", "3", "3", "3.5", "3.50", "3.5000000000"},
		{"100", "1000000", "1000000000000000000", "1000000000000000000", "1000000.00", "1000000000000000000.0000000000"},
	} {
		t.rows = append(t.rows, append([]any{fmt.Sprint(i + 1)}, row...))
	}
	return t
}

// moments are the edges of the types of dates and times; tz keeps to the years that all engines have.
func moments() table {
	t := table{name: "moments", key: []string{"k"}, columns: parse("k integer!", "d date", "t time without time zone", "ts timestamp without time zone",
		"tz timestamp with time zone", "iv interval")}
	for i, row := range [][]any{
		{"2024-02-29", "00:00:00", "2024-02-29 00:00:00", "2024-02-29 00:00:00+00", "1 day"},
		{"2024-12-31", "23:59:59.999999", "2024-12-31 23:59:59.999999", "2024-12-31 23:59:59.999999+00", "-1 days"},
		{"1970-01-01", "12:00:00", "1970-01-01 00:00:00", "1970-01-02 00:00:00+00", "00:00:00"},
		{"1969-12-31", "11:59:59.5", "1969-12-31 23:59:59.5", "1972-12-31 23:59:59.5+00", "1 year 2 mons 3 days 04:05:06.789"},
		{"2000-01-01", "06:07:08.09", "2000-01-01 06:07:08.09", "2000-01-01 06:07:08.09+00", "24:00:00"},
		{nil, nil, nil, nil, nil},
		{"1900-03-01", "01:02:03", "1901-01-01 01:02:03", "1981-01-01 01:02:03+00", "1 mon"},
		{"2199-12-31", "18:30:00.000001", "2199-12-31 18:30:00.000001", "2037-12-31 18:30:00.000001+00", "30 days"},
		{"2024-03-31", "02:30:00", "2024-03-31 02:30:00", "2024-03-31 01:30:00+00", "-00:00:00.000001"},
		{"2024-10-27", "02:30:00", "2024-10-27 02:30:00", "2024-10-27 00:30:00+00", "100 years"},
	} {
		t.rows = append(t.rows, append([]any{fmt.Sprint(i + 1)}, row...))
	}
	return t
}

// things are values of the other types.
func things() table {
	t := table{name: "things", key: []string{"k"}, columns: parse("k integer!", "b boolean", "u uuid", "y bytea", "j jsonb", "a integer[]", "ta text[]")}
	for i, row := range [][]any{
		{"true", "00000000-0000-0000-0000-000000000000", `\x`, `{}`, "{}", "{}"},
		{"false", "ffffffff-ffff-ffff-ffff-ffffffffffff", `\x00`, `{"a": 1}`, "{1}", "{a}"},
		{nil, nil, nil, nil, nil, nil},
		{"true", "0b9c7e5a-1f4d-4c3b-8a2e-6d5f4e3c2b1a", `\xdeadbeef`, `{"a": {"b": [1, 2, {"c": "d"}]}, "x": null}`, "{1,2,3}", "{a,b,c}"},
		{"false", "12345678-1234-1234-1234-123456789abc", `\x00ff00`, `[1, "two", 3.50, null, true]`, "{3,1,2}", `{"two words","quo\"te","comma,"}`},
		{"true", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", `\x61626300`, `"text"`, "{-1}", `{ä,"",NULL}`},
		{nil, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12", `\x0a0d`, `12.5`, "{2147483647}", `{日本}`},
		{"false", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a13", `\x80`, `{"k": "Ünïcode", "n": 9007199254740993}`, "{0,0}", `{null}`},
	} {
		t.rows = append(t.rows, append([]any{fmt.Sprint(i + 1)}, row...))
	}
	return t
}

// pairs has a key of two columns.
func pairs() table {
	t := table{name: "pairs", columns: parse("a integer!", "b character varying(20)!", "v numeric(12,2)"), key: []string{"a", "b"}}
	for i := range 12 {
		t.rows = append(t.rows, []any{fmt.Sprint(i/4 + 1), pick(i, "x", "y", "ÿ", "Z"), unless(i == 7, cents(i*125-300))})
	}
	return t
}

// written are the tables that are written to: each has one beside it, named …_seed, from which it is filled again.
func written() []table {
	w := table{name: "w", key: []string{"id"}, columns: parse("id integer!", "name text", "qty bigint", "price numeric(12,2)", "ratio double precision",
		"flag boolean", "day date", "at timestamp without time zone")}
	for i := 1; i <= 8; i++ {
		w.rows = append(w.rows, []any{fmt.Sprint(i), unless(i == 4, pick(i, "zero", "one", "two", "three")), unless(i == 5, i*10), unless(i == 6, cents(i*111)),
			unless(i == 3, float64(i)/4), unless(i == 2, pick(i, "true", "false")), unless(i == 7, fmt.Sprintf("2024-0%d-15", i)), unless(i == 8, fmt.Sprintf("2024-01-0%d 10:20:30.5", i))})
	}
	u := table{name: "u", key: []string{"id"}, unique: "code", columns: parse("id integer!", "code character varying(20)!", "n integer")}
	for i := 1; i <= 5; i++ {
		u.rows = append(u.rows, []any{fmt.Sprint(i), fmt.Sprintf("c%d", i), unless(i == 3, i*i)})
	}
	v := table{name: "v", columns: parse("a integer!", "b character varying(20)!", "n integer"), key: []string{"a", "b"}}
	for i := range 6 {
		v.rows = append(v.rows, []any{fmt.Sprint(i/2 + 1), pick(i, "p", "q"), unless(i == 1, i)})
	}
	var list []table
	for _, t := range []table{w, u, v} {
		seed := t
		seed.name += "_seed"
		list = append(list, t, seed)
	}
	return append(list, table{name: "parents", columns: parse("pid integer!", "label text"), key: []string{"pid"}, rows: [][]any{{"1", "one"}, {"2", "two"}, {"3", "three"}}},
		table{name: "kids", columns: parse("kid integer!", "pid integer"), key: []string{"kid"}, refers: "parents", rows: [][]any{{"1", "1"}, {"2", "1"}, {"3", "2"}, {"4", nil}}},
		table{name: "kinds", columns: parse("k integer!", "b boolean", "i2 smallint", "i4 integer", "i8 bigint", "f8 double precision", "n numeric(12,2)", "long numeric(38,10)", "s text",
			"d date", "t time without time zone", "ts timestamp without time zone", "tz timestamp with time zone", "iv interval", "u uuid", "y bytea", "j jsonb", "a integer[]"), key: []string{"k"}})
}
