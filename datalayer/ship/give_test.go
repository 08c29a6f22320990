package ship_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// values are some of each type, as PostgreSQL reads them.
var values = map[udf.Type][]string{
	udf.Bool: {"true", "false"}, udf.Int2: {"-32768", "0", "7"}, udf.Int4: {"-2147483648", "0", "2147483647"}, udf.Int8: {"-9223372036854775808", "1"},
	udf.Float4: {"0", "-0", "1.5", "NaN", "Infinity", "-Infinity", "1e-45"}, udf.Float8: {"0", "-0", "0.1", "NaN", "Infinity", "-Infinity", "5e-324"},
	udf.Numeric: {"0", "-1.50", "1e40", "NaN", "123456789012345678901234567890.000001", "1.0", "1.00"},
	udf.Text:    {"", "a", "é ☃", `back\slash, "quoted" 'and' {braces}`, "NULL", " "}, udf.Bytea: {"", `\x00ff5c`, "abc"},
	udf.Date: {"2024-02-29", "0044-03-15 BC", "infinity"}, udf.Time: {"23:59:59.999999", "00:00"}, udf.Timestamp: {"2024-02-29 12:34:56.789", "-infinity"},
	udf.Timestamptz: {"2024-02-29 12:34:56.789+02", "infinity"}, udf.Interval: {"1 year 2 mons -3 days 04:05:06.7", "0", "-1 day"},
	udf.UUID: {"00000000-0000-0000-0000-000000000000", "f47ac10b-58cc-4372-a567-0e02b2c3d479"},
	udf.JSON: {`{"b": 1, "a": [1, 2.50, null]}`, "null", `"é"`}, udf.JSONB: {`{"a": [1, 2.50, null], "b": {}}`, "null", "1e2"},
	udf.BoolArray: {"{}", "{t,f}"}, udf.Int4Array: {"{}", "{1,-2,3}"}, udf.Int8Array: {"{9223372036854775807}"}, udf.Float4Array: {"{1.5,NaN}"},
	udf.Float8Array: {"{0.1,-0,Infinity}", "{}"}, udf.TextArray: {"{}", `{"",a,"NULL","with \"quotes\" and \\","{}"}`},
}

// TestEveryTypeGoesBothWays has a function of each type ask for values and be answered with these same values, and with
// NULL: the value comes back as PostgreSQL has it.
func TestEveryTypeGoesBothWays(t *testing.T) {
	t.Parallel()
	for typ := udf.Bool; typ <= udf.TextArray; typ++ {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			h := connect(t)
			if len(values[typ]) == 0 {
				t.Fatal("no values")
			}
			f := function(strings.NewReplacer("[]", "s", " ", "_").Replace(typ.String()), typ, typ)
			h.create(f)
			var list []string
			for _, v := range values[typ] {
				list = append(list, fmt.Sprintf("('%s'::%s)", strings.ReplaceAll(v, "'", "''"), typ))
			}
			from := " FROM (VALUES " + strings.Join(list, ", ") + ") AS v(x)"
			h.do("BEGIN")
			asked := h.round("SELECT pg_temp."+f.Name+"(x)"+from, &ship.Known{}, f)
			if len(asked) != 1 || len(asked[0].Keys) != len(list) {
				t.Fatalf("asked for %+v of %d", asked, len(list))
			}
			h.give(f, asked[0].Keys, &asked[0].Args[0])
			want := h.do("SELECT x::text" + from)
			if got := h.do("SELECT pg_temp." + f.Name + "(x)::text" + from); !slices.Equal(got, want) {
				t.Errorf("%q came back as %q", want, got)
			}
			h.do("ROLLBACK", "BEGIN")
			asked = h.round("SELECT pg_temp."+f.Name+"(x)"+from, &ship.Known{}, f)
			nulls := udf.NewColumn(typ, len(list))
			for i := range list {
				nulls.SetNull(i)
			}
			h.give(f, asked[0].Keys, &nulls)
			h.do(ship.Noting(-1, 0))
			if got := h.do("SELECT count(*), count(pg_temp." + f.Name + "(x))" + from); got[0] != fmt.Sprintf("%d|0", len(list)) {
				t.Errorf("NULL came back as %q", got)
			}
			h.details(t, typ, list, from)
		})
	}
}

// details is the same for predict_details: the value is spelt as to_jsonb does.
func (h *home) details(t *testing.T, typ udf.Type, list []string, from string) {
	t.Helper()
	f := function("details", typ, typ)
	f.Kind = "predict_details"
	h.do("ROLLBACK")
	h.create(f)
	h.do("BEGIN")
	asked := h.round("SELECT pg_temp."+f.Name+"(x)"+from, &ship.Known{}, f)[0]
	queries, err := ship.GiveDetails(f, asked.Keys, &asked.Args[0], make([]answer.Detail, len(asked.Keys)))
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queries {
		h.query(q)
	}
	want := h.do("SELECT to_jsonb(x)" + from)
	if got := h.do("SELECT pg_temp." + f.Name + "(x)->'value'" + from); !slices.Equal(got, want) || len(got) != len(list) {
		t.Errorf("%q came back as %q", want, got)
	}
}

// TestDetails tells of rows that were answered, found in the cache, and failed.
func TestDetails(t *testing.T) {
	t.Parallel()
	h := connect(t)
	f := function("said", udf.Float8, udf.Int4)
	f.Kind = "predict_details"
	h.create(f)
	h.do("BEGIN")
	call := "SELECT pg_temp." + f.Name + "(i) FROM generate_series(1, 3) AS i"
	asked := h.round(call, &ship.Known{}, f)[0]
	answers := udf.Column{Type: udf.Float8, Floats: []float64{0.5, 0, 2}}
	answers.SetNull(1)
	queries, err := ship.GiveDetails(f, asked.Keys, &answers, []answer.Detail{{Busy: 1234567 * time.Nanosecond}, {Err: errors.New("no such word")}, {Cached: true}})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queries {
		h.query(q)
	}
	want := []string{
		`{"error": null, "model": "said", "value": 0.5, "cached": false, "tokens": null, "version": 2, "milliseconds": 1.235}`,
		`{"error": "model \"said\" version 2 failed: no such word", "model": "said", "value": null, "cached": false, "tokens": null, "version": 2, "milliseconds": 0}`,
		`{"error": null, "model": "said", "value": 2, "cached": true, "tokens": null, "version": 2, "milliseconds": 0}`,
	}
	if got := h.do(call); !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	if _, err := ship.GiveDetails(f, asked.Keys, &answers, nil); err == nil {
		t.Error("details are missing")
	}
}

// TestManyAnswers gives more answers than one query holds; each reaches its own key.
func TestManyAnswers(t *testing.T) {
	t.Parallel()
	h := connect(t)
	f := function("many", udf.Int8, udf.Int4)
	h.create(f)
	h.do("BEGIN")
	const rows = 25_000
	asked := h.round(fmt.Sprintf("SELECT pg_temp.%s(i) FROM generate_series(1, %d) AS i", f.Name, rows), &ship.Known{}, f)[0]
	answers := udf.NewColumn(udf.Int8, rows)
	for i, v := range asked.Args[0].Ints {
		if answers.Ints[i] = 3 * v; v%100 == 0 {
			answers.SetNull(i)
		}
	}
	h.give(f, asked.Keys, &answers)
	h.do(ship.Noting(-1, 0))
	got := h.do(fmt.Sprintf("SELECT count(*), count(p), bool_and(p = 3 * i) FROM (SELECT i, pg_temp.%s(i) AS p FROM generate_series(1, %d) AS i) AS s", f.Name, rows))
	if got[0] != fmt.Sprintf("%d|%d|t", rows, rows-rows/100) {
		t.Errorf("%q", got)
	}
}

// TestBadAnswers refuses answers that PostgreSQL could not hold, before it is asked.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []udf.Column{
		{Type: udf.Text, Texts: []string{"a\x00b"}}, {Type: udf.Text, Texts: []string{"\xff"}}, {Type: udf.Int2, Ints: []int64{1 << 20}},
		{Type: udf.TextArray, TextLists: [][]string{{"\xff"}}},
	} {
		f := function("bad", c.Type, udf.Int4)
		if _, err := ship.Give(f, [][]byte{{1}}, &c); err == nil {
			t.Errorf("%+v was given", c)
		}
		if _, err := ship.GiveDetails(f, [][]byte{{1}}, &c, make([]answer.Detail, 1)); err == nil {
			t.Errorf("%+v was given with details", c)
		}
		if _, err := pgvalue.Append(nil, &c, 0, pgvalue.TextFormat); err == nil && c.Type != udf.Int2 {
			t.Errorf("%+v can be printed", c)
		}
	}
}
