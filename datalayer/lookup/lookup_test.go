package lookup_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/lookup"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// query runs a statement with parameters, all in binary form, and gives its rows in the given formats.
func query(t testing.TB, conn *pgconn.PgConn, sql string, params []lookup.Param, formats []int16) [][][]byte {
	t.Helper()
	var values [][]byte
	var oids []uint32
	var binary []int16
	for _, p := range params {
		values, oids, binary = append(values, p.Value), append(oids, p.OID), append(binary, pgvalue.BinaryFormat)
	}
	r := conn.ExecParams(t.Context(), sql, values, oids, binary, formats).Read()
	if r.Err != nil {
		t.Fatalf("%s: %v", sql, r.Err)
	}
	return r.Rows
}

// columns reads a query's columns as models take them.
func columns(t testing.TB, conn *pgconn.PgConn, sql string, params []lookup.Param, types ...udf.Type) []udf.Column {
	t.Helper()
	formats := make([]int16, len(types))
	for i, typ := range types {
		formats[i] = pgvalue.ArgFormat(typ.OID())
	}
	cols := make([]udf.Column, len(types))
	rows := query(t, conn, sql, params, formats)
	for i, typ := range types {
		d, err := pgvalue.NewDecoder(typ.OID(), typ)
		if err != nil {
			t.Fatal(err)
		}
		cols[i].Type = typ
		for _, row := range rows {
			if err := d.Append(&cols[i], row[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return cols
}

// texts is a parameter of texts.
func texts(t testing.TB, values []string) lookup.Param {
	t.Helper()
	b, err := pgvalue.AppendArray(nil, &udf.Column{Type: udf.Text, Texts: values}, udf.Text.OID())
	if err != nil {
		t.Fatal(err)
	}
	return lookup.Param{OID: udf.Text.ArrayOID(), Value: b}
}

// identity tells values apart as models do; "" is what a lookup leaves to the function.
func identity(c *udf.Column, row int) string {
	switch {
	case c.Null(row):
		return ""
	case c.Type.Storage() == udf.StoreFloats:
		if math.IsNaN(c.Floats[row]) {
			return ""
		}
		return strconv.FormatUint(math.Float64bits(c.Floats[row]), 16)
	case c.Type.Storage() == udf.StoreBools:
		return fmt.Sprint(c.Bools[row])
	case c.Type.Storage() == udf.StoreInts:
		return fmt.Sprint(c.Ints[row])
	case c.Type.Storage() == udf.StoreBytes:
		return fmt.Sprintf("x%x", c.Bytes[row])
	}
	return "t" + c.Texts[row]
}

// pick gives some rows of columns.
func pick(t testing.TB, cols []udf.Column, rows []int) []udf.Column {
	t.Helper()
	out := make([]udf.Column, len(cols))
	for i := range cols {
		out[i].Type = cols[i].Type
		for _, r := range rows {
			if err := pgvalue.Copy(&out[i], &cols[i], r); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// check gives a lookup some rows of the relation's arguments and compares what its expression says of all rows with
// the set. The relation has columns a1, a2, …; from is a FROM item with one parameter for each of params. It reports
// whether there was a lookup.
func check(t *testing.T, conn *pgconn.PgConn, from string, params []lookup.Param, types []udf.Type, all []udf.Column, given []int) bool {
	t.Helper()
	key := func(cols []udf.Column, row int) string {
		var parts []string
		for i := range cols {
			id := identity(&cols[i], row)
			if id == "" {
				return ""
			}
			parts = append(parts, id)
		}
		return strings.Join(parts, "\x00")
	}
	answers := udf.Column{Type: udf.Int4}
	want := map[string]int64{}
	for i, r := range given {
		answers.Ints = append(answers.Ints, int64(1000+i))
		if k := key(all, r); k != "" {
			want[k] = int64(1000 + i)
		}
	}
	l, err := lookup.New(pick(t, all, given), &answers, 0)
	if err != nil {
		t.Fatal(err)
	}
	if l == nil {
		if len(want) > 0 {
			t.Errorf("no lookup for %d arguments of %v", len(want), types)
		}
		return false
	}
	var args []string
	for i := range types {
		args = append(args, fmt.Sprintf("a%d", i+1))
	}
	e := l.Expr(args, len(params)+1, "-1")
	got := columns(t, conn, "SELECT "+e+" FROM "+from, append(append([]lookup.Param{}, params...), l.Params()...), udf.Int4)[0]
	for r := range got.Ints {
		expect, held := want[key(all, r)]
		if !held || key(all, r) == "" {
			expect = -1
		}
		if got.Ints[r] != expect {
			t.Errorf("%v, arguments %q of set %v: %d in place of %d by %s", types, key(all, r), given, got.Ints[r], expect, e)
		}
	}
	return true
}

// relation is a FROM item of all combinations of the edge values, and NULL, of types.
func relation(t *testing.T, types []udf.Type) (from string, params []lookup.Param) {
	t.Helper()
	var cols, items []string
	for i, typ := range types {
		cols = append(cols, fmt.Sprintf("v%d::%s AS a%d", i+1, typ, i+1))
		items = append(items, fmt.Sprintf("(SELECT v FROM unnest($%d::text[]) v UNION ALL SELECT NULL) AS r%d(v%d)", i+1, i+1, i+1))
		params = append(params, texts(t, edges[typ]))
	}
	return "(SELECT " + strings.Join(cols, ", ") + " FROM " + strings.Join(items, ", ") + " ORDER BY " + order(len(types)) + ") AS t", params
}

func order(n int) string {
	var by []string
	for i := range n {
		by = append(by, fmt.Sprintf("v%d COLLATE \"C\"", i+1))
	}
	return strings.Join(by, ", ")
}

// subsets draws rows: all, each alone up to a number, and random ones.
func subsets(rng *rand.Rand, n int) [][]int {
	all := rng.Perm(n)
	sets := [][]int{all}
	for i := range min(n, 20) {
		sets = append(sets, all[i:i+1])
	}
	for range 15 {
		perm := rng.Perm(n)
		sets = append(sets, perm[:1+rng.IntN(n)])
	}
	return sets
}

func TestEdges(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for typ := udf.Bool; typ <= udf.TextArray; typ++ {
		if (edges[typ] != nil) != lookup.Supports([]udf.Type{typ}, udf.Int4) {
			t.Errorf("%s: are there lookups or not?", typ)
		}
		if edges[typ] == nil {
			continue
		}
		conn := connect(t)
		from, params := relation(t, []udf.Type{typ})
		all := columns(t, conn, "SELECT a1 FROM "+from, params, typ)
		for _, set := range subsets(rng, all[0].Len()) {
			check(t, conn, from, params, []udf.Type{typ}, all, set)
		}
	}
}

func TestSeveralArguments(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	conn := connect(t)
	for _, types := range [][]udf.Type{
		{udf.Int4, udf.Int4}, {udf.Float8, udf.Float8}, {udf.Text, udf.Int8}, {udf.Bool, udf.Bool, udf.Bool}, {udf.Float4, udf.Date, udf.Bool},
		{udf.Int2, udf.Numeric}, {udf.Timestamptz, udf.Int8}, {udf.Bytea, udf.JSONB}, {udf.Int8, udf.Int8}, {udf.Bool, udf.Bool, udf.Bool, udf.Bool, udf.Bool, udf.Int2},
	} {
		from, params := relation(t, types)
		var names []string
		for i := range types {
			names = append(names, fmt.Sprintf("a%d", i+1))
		}
		all := columns(t, conn, "SELECT "+strings.Join(names, ", ")+" FROM "+from, params, types...)
		for _, set := range subsets(rng, all[0].Len()) {
			check(t, conn, from, params, types, all, set)
		}
	}
}

// TestShortTexts has texts beside those that are cut to the same name, under a collation that is not the bytes' order.
func TestShortTexts(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	rng := rand.New(rand.NewPCG(5, 6))
	long := strings.Repeat("x", 59)
	all := []string{"", "\x01", "\x01\x01", "a", "a\x01", "a\x01\x01", "a\x02", "A", "aa", "b", "B", "é", "~", long, long + "\x01", long + "x", long + "y",
		long + "é", long + "xé", long + "xxé", long + "xxxé", long + "𝄞", long + "xxx", long + "xxxx", long + "xxxxx", long[:58], long[:58] + "é", long[:58] + "\x01"}
	from := `(SELECT v COLLATE "und-x-icu" AS a1 FROM unnest($1::text[]) AS v) AS t`
	params := []lookup.Param{texts(t, all)}
	col := columns(t, conn, "SELECT a1 FROM "+from, params, udf.Text)
	for range 60 {
		var set []int
		for _, i := range rng.Perm(len(all))[:1+rng.IntN(len(all))] {
			if v := all[i]; !strings.HasSuffix(v, "é") && !strings.HasSuffix(v, "𝄞") {
				set = append(set, i)
			}
		}
		if len(set) > 0 {
			check(t, conn, from, params, []udf.Type{udf.Text}, col, set)
		}
	}
}

// TestDigits has arguments that lie outside of those given, by as much as one more of the argument before makes up for.
func TestDigits(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	from := "(SELECT a1, a2 FROM generate_series(3, 7) AS a1, generate_series(-700, 700) AS a2 UNION ALL VALUES (0, 0), (299, 299)) AS t"
	types := []udf.Type{udf.Int4, udf.Int4}
	all := columns(t, conn, "SELECT a1, a2 FROM "+from, nil, types...)
	var set []int
	for r, a := range all[0].Ints {
		if b := all[1].Ints[r]; a == 5 && b == 10 || a == b && (a == 0 || a == 299) {
			set = append(set, r)
		}
	}
	if len(set) != 3 {
		t.Fatal(set)
	}
	check(t, conn, from, nil, types, all, set)
}

// TestRandomIntegers draws sets of other densities, so that each way of integers is met, alone and combined.
func TestRandomIntegers(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 40 {
		n := 1 + rng.IntN(400)
		types := []udf.Type{udf.Int4, udf.Int8, udf.Int4}[:1+rng.IntN(3)]
		all := make([]udf.Column, len(types))
		var from []string
		var params []lookup.Param
		for i, typ := range types {
			all[i].Type = typ
			span := int64(1) << (1 + rng.IntN(30))
			for range n {
				all[i].Ints = append(all[i].Ints, rng.Int64N(2*span)-span)
			}
			b, err := pgvalue.AppendArray(nil, &all[i], typ.OID())
			if err != nil {
				t.Fatal(err)
			}
			params = append(params, lookup.Param{OID: typ.ArrayOID(), Value: b})
			from = append(from, fmt.Sprintf("unnest($%d)", i+1))
		}
		var names []string
		for i := range types {
			names = append(names, fmt.Sprintf("a%d", i+1))
		}
		item := "ROWS FROM (" + strings.Join(from, ", ") + ") AS t(" + strings.Join(names, ", ") + ")"
		perm := rng.Perm(n)
		given, seen := []int(nil), map[string]bool{}
		for _, r := range perm[:1+rng.IntN(n)] {
			id := ""
			for i := range all {
				id += identity(&all[i], r) + " "
			}
			if !seen[id] {
				seen[id] = true
				given = append(given, r)
			}
		}
		check(t, conn, item, params, types, all, given)
	}
}

// TestAnswers compares answers of each type, few and many, with what they were made of, in binary form.
func TestAnswers(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	for typ := udf.Bool; typ <= udf.TextArray; typ++ {
		values := append(append([]string{}, edges[typ]...), answerEdges[typ]...)
		if (len(values) > 0) != lookup.Supports([]udf.Type{udf.Int4}, typ) {
			t.Errorf("%s: are there lookups or not?", typ)
		}
		for _, copies := range []int{1, 5} {
			for _, key := range []string{"k::int4", "k::int8 * 1000003", "'key ' || k", "k::float8 / 7", "nullif(k, 3)::int4"} {
				answersOf(t, conn, typ, values, key, copies)
			}
		}
	}
}

func answersOf(t *testing.T, conn *pgconn.PgConn, typ udf.Type, values []string, key string, copies int) {
	t.Helper()
	if len(values) == 0 {
		return
	}
	var all []string
	for i := range copies {
		for _, v := range values {
			if typ == udf.Text {
				v += strings.Repeat("+", i) // more of them than are listed
			}
			all = append(all, v)
		}
	}
	keyType := udf.Int4
	switch {
	case strings.Contains(key, "int8"):
		keyType = udf.Int8
	case strings.Contains(key, "'"):
		keyType = udf.Text
	case strings.Contains(key, "float8"):
		keyType = udf.Float8
	}
	from := fmt.Sprintf("(SELECT %s AS a1, v::%s AS answer FROM (SELECT v, k FROM unnest($1::text[]) WITH ORDINALITY AS u(v, k) UNION ALL SELECT NULL, 0) u) AS t", key, typ)
	params := []lookup.Param{texts(t, all)}
	cols := columns(t, conn, "SELECT a1, answer FROM "+from, params, keyType, typ)
	l, err := lookup.New(cols[:1], &cols[1], 0)
	if err != nil || l == nil {
		t.Fatalf("answers of %s: %v", typ, err)
	}
	e := l.Expr([]string{"a1"}, 2, "CASE WHEN a1 IS NULL OR answer IS NULL THEN NULL ELSE 1 / (a1 IS NULL)::int END::text::"+typ.String())
	rows := query(t, conn, "SELECT record_send(ROW("+e+")) = record_send(ROW(CASE WHEN a1 IS NOT NULL THEN answer END)), answer::text FROM "+from,
		append(params, l.Params()...), []int16{0, 0})
	for _, row := range rows {
		if string(row[0]) != "t" {
			t.Errorf("%s by %s: another answer than %s", typ, key, row[1])
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	ints := func(v ...int64) udf.Column { return udf.Column{Type: udf.Int4, Ints: v} }
	wide := make([]udf.Column, 7)
	for i := range wide {
		wide[i] = ints(1)
	}
	for name, c := range map[string]struct {
		args    []udf.Column
		answers udf.Column
		limit   int
		wrong   bool
	}{
		"no arguments":      {nil, ints(1), 0, false},
		"seven":             {wide, ints(1), 0, false},
		"intervals":         {[]udf.Column{{Type: udf.Interval, Texts: []string{"1 day"}}}, ints(1), 0, false},
		"lists":             {[]udf.Column{ints(1)}, udf.Column{Type: udf.Float8Array, FloatLists: [][]float64{{1}}}, 0, false},
		"no rows":           {[]udf.Column{ints()}, ints(), 0, false},
		"only NULL":         {[]udf.Column{{Type: udf.Int4, Ints: []int64{0}, Nulls: []bool{true}}}, ints(1), 0, false},
		"only NULL answers": {[]udf.Column{ints(1)}, udf.Column{Type: udf.Int4, Ints: []int64{0}, Nulls: []bool{true}}, 0, false},
		"too long":          {[]udf.Column{ints(1, 2, 3, 4)}, ints(1, 2, 3, 4), 40, false},
		"too long a text":   {[]udf.Column{{Type: udf.Text, Texts: []string{strings.Repeat("x", 100)}}}, ints(1), 100, false},
		"another length":    {[]udf.Column{ints(1, 2)}, ints(1), 0, true},
		"out of range":      {[]udf.Column{ints(1 << 40)}, ints(1), 0, true},
		"answer too large":  {[]udf.Column{ints(1)}, ints(1 << 40), 0, true},
		"no date":           {[]udf.Column{{Type: udf.Date, Texts: []string{"yesterday"}}}, ints(1), 0, true},
		"no text":           {[]udf.Column{{Type: udf.Text, Texts: []string{"\xff"}}}, ints(1), 0, true},
		"NUL in an answer":  {[]udf.Column{ints(1)}, udf.Column{Type: udf.Text, Texts: []string{"\x00"}}, 0, true},
	} {
		l, err := lookup.New(c.args, &c.answers, c.limit)
		if l != nil || (err != nil) != c.wrong {
			t.Errorf("%s: a lookup: %v, error %v", name, l != nil, err)
		}
	}
}

// TestPositions puts an expression where a call can stand and PostgreSQL compares expressions with one another.
func TestPositions(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	l, err := lookup.New([]udf.Column{{Type: udf.Text, Texts: []string{"1", "2", "3"}}}, &udf.Column{Type: udf.Int4, Ints: []int64{10, 20, 10}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"SELECT f, count(*) FROM t GROUP BY f HAVING f > 0 ORDER BY f",
		"SELECT DISTINCT ON (f) f, k FROM t ORDER BY f, k",
		"SELECT f, sum(k::int) OVER (PARTITION BY f ORDER BY f), 1 FROM t GROUP BY f, k ORDER BY 1, 2",
		"SELECT f, count(*) FROM t GROUP BY GROUPING SETS ((f), ()) ORDER BY 1",
		"SELECT x FROM t, f AS x ORDER BY x",
		"SELECT -f::int8, f IS NULL FROM t WHERE f = ANY (ARRAY[10, 20]) ORDER BY 1",
	} {
		params := l.Params()
		with := "WITH t(k) AS (VALUES ('1'), ('2'), ('3'), ('4'), (NULL)) "
		got := query(t, conn, with+replaceCall(sql, l.Expr([]string{"k"}, 1, "NULL::int4")), params, []int16{0})
		want := query(t, conn, with+replaceCall(sql, "COALESCE(CASE k WHEN '1' THEN 10 WHEN '2' THEN 20 WHEN '3' THEN 10 END, NULL::int4)"), nil, []int16{0})
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %q in place of %q", sql, got, want)
		}
	}
}

// replaceCall puts an expression in the place of each word f.
func replaceCall(sql, expr string) string {
	var out []string
	for _, word := range strings.Split(sql, " ") {
		core := strings.Trim(word, "(),-")
		if strings.TrimSuffix(core, "::int8") == "f" {
			word = strings.Replace(word, "f", expr, 1)
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}
