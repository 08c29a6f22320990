package session

import (
	"errors"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

func TestWithFormats(t *testing.T) {
	t.Parallel()
	three := []pgproto3.FieldDescription{{Name: []byte("a")}, {Name: []byte("b")}, {Name: []byte("c")}}
	for _, c := range []struct {
		fields      []pgproto3.FieldDescription
		codes, want []int16
		refused     bool
	}{
		{three, nil, []int16{0, 0, 0}, false}, {three, []int16{1}, []int16{1, 1, 1}, false}, {three, []int16{0, 1, 0}, []int16{0, 1, 0}, false},
		{three, []int16{0, 1}, nil, true}, {three, []int16{0, 1, 0, 1}, nil, true}, {three[:0], []int16{1}, []int16{}, false},
		{three[:0], []int16{1, 1}, nil, true}, {nil, nil, nil, false}, {nil, []int16{1}, nil, false}, {three[:1], []int16{1}, []int16{1}, false},
	} {
		fields, formats, err := withFormats(c.fields, c.codes)
		if (err != nil) != c.refused || !slices.Equal(formats, c.want) || len(fields) != len(c.want) || (c.fields == nil) != (fields == nil) && !c.refused {
			t.Errorf("%d fields with %v: %v, %v", len(c.fields), c.codes, formats, err)
		}
		for i, f := range fields {
			if f.Format != c.want[i] || c.fields[i].Format != 0 {
				t.Errorf("%d fields with %v: field %d has format %d, and had %d", len(c.fields), c.codes, i, f.Format, c.fields[i].Format)
			}
		}
		var wired *wire.Error
		if c.refused && (!errors.As(err, &wired) || wired.Response.Code != "08P01") {
			t.Errorf("%v", err)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value, text string
		readable, plain   bool
	}{
		{"client_encoding", "", "", true, true}, {"client_encoding", "UTF8", "", true, true}, {"client_encoding", "SQL_ASCII", "", true, true},
		{"client_encoding", "LATIN1", "", false, true}, {"client_encoding", "SJIS", "", false, true},
		{"standard_conforming_strings", "on", `SELECT 'a\'`, true, true}, {"standard_conforming_strings", "off", "SELECT 'a'", true, true},
		{"standard_conforming_strings", "off", `SELECT 'a\'`, true, false}, {"standard_conforming_strings", "", `SELECT 'a\'`, true, true},
	} {
		parameter := func(name string) string {
			if name == c.name {
				return c.value
			}
			return ""
		}
		for what, got := range map[string]struct {
			err  error
			want bool
		}{"readable": {readable(parameter), c.readable}, "plain": {plainStrings(parameter, c.text), c.plain}} {
			var wired *wire.Error
			if (got.err == nil) != got.want || got.err != nil && (!errors.As(got.err, &wired) || wired.Response.Code != "0A000" || wired.Response.Hint == "") {
				t.Errorf("%s with %s = %s: %v", what, c.name, c.value, got.err)
			}
		}
	}
}

// statementOfText parses a text of one statement.
func statementOfText(t *testing.T, text string) *sqlparse.Statement {
	t.Helper()
	script, err := sqlparse.Parse(text, sqlparse.DefaultLimits())
	if err != nil || len(script.Statements) != 1 {
		t.Fatal(text, err)
	}
	return script.Statements[0]
}

func TestKeepsAndMaxParam(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		keeps  string
		params int
	}{
		"SELECT $2 FROM pinnacle.models WHERE a = $1":                    {"", 2},
		"SELECT 1 WHERE EXISTS (SELECT $7)":                              {"", 7},
		"INSERT INTO t SELECT * FROM pinnacle.models":                    {"", 0},
		"CREATE TABLE t AS SELECT * FROM pinnacle.models":                {"", 0},
		"CREATE VIEW v AS SELECT * FROM pinnacle.models":                 {"CREATE VIEW", 0},
		"CREATE MATERIALIZED VIEW v AS SELECT 1":                         {"CREATE MATERIALIZED VIEW", 0},
		"CREATE RULE r AS ON INSERT TO t DO ALSO SELECT 1":               {"CREATE RULE", 0},
		"DECLARE c CURSOR FOR SELECT 1":                                  {"DECLARE CURSOR", 0},
		"PREPARE p AS SELECT $3":                                         {"PREPARE", 3},
		"COPY (SELECT 1) TO STDOUT":                                      {"COPY", 0},
		"EXPLAIN CREATE MATERIALIZED VIEW v AS SELECT 1":                 {"CREATE MATERIALIZED VIEW", 0},
		"EXPLAIN SELECT 1":                                               {"", 0},
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN (SELECT 1)": {"CREATE FUNCTION", 0},
	} {
		st := statementOfText(t, text)
		if got := keeps(st.Node); got != want.keeps {
			t.Errorf("%s keeps by %q, not %q", text, got, want.keeps)
		}
		if got := maxParam(st.Node); got != want.params {
			t.Errorf("%s has %d parameters, not %d", text, got, want.params)
		}
	}
}

func TestSimpleQueryHasNoParameters(t *testing.T) {
	t.Parallel()
	for text, position := range map[string]int{
		"SELECT predict('m', 1)": -1, "SELECT 'ż', predict('m', $2), $1": 26, "PREPARE p AS SELECT predict('m', $1)": -1, "SHOW MODELS": -1,
	} {
		err := noParameters(statementOfText(t, text))
		var e *sqlparse.Error
		switch {
		case position < 0 && err != nil:
			t.Errorf("%s: %v", text, err)
		case position >= 0 && (!errors.As(err, &e) || e.Code != "42P02" || e.Message != "there is no parameter $2" || e.Position != position):
			t.Errorf("%s: %+v", text, err)
		}
	}
}

func TestNeededCasts(t *testing.T) {
	t.Parallel()
	call := &planner.Call{Model: &datalayer.ModelVersion{Name: "m", Args: []udf.Arg{{Name: "x", Type: udf.Float4}}, Returns: udf.Text}, Text: "predict('m', a)"}
	for _, c := range []struct {
		name   string
		hidden planner.Hidden
		oid    uint32
		casts  int
		code   string
	}{
		{"the type itself", planner.Hidden{Kind: planner.ArgColumn, Type: udf.Float4}, udf.Float4.OID(), 0, ""},
		{"read without a cast", planner.Hidden{Kind: planner.ArgColumn, Type: udf.Float4}, udf.Int2.OID(), 0, ""},
		{"cast", planner.Hidden{Kind: planner.ArgColumn, Type: udf.Float4}, udf.Numeric.OID(), 1, ""},
		{"cast already", planner.Hidden{Kind: planner.ArgColumn, Type: udf.Float4, Cast: true}, udf.Text.OID(), 0, ""},
		{"refused", planner.Hidden{Kind: planner.ArgColumn, Type: udf.Float4, Position: 12}, udf.Text.OID(), 0, "42883"},
		{"refused, of a type that is not known here", planner.Hidden{Kind: planner.ArgColumn, Type: udf.Float4, Position: 12}, 99999, 0, "42883"},
		{"computed later", planner.Hidden{Kind: planner.CheckColumn, Type: udf.Float4}, udf.Numeric.OID(), 0, ""},
		{"computed later, refused", planner.Hidden{Kind: planner.CheckColumn, Type: udf.Float4, Position: 12}, udf.Bool.OID(), 0, "42883"},
		{"a condition", planner.Hidden{Kind: planner.CheckColumn}, udf.Bool.OID(), 0, ""},
		{"a piece", planner.Hidden{Kind: planner.LeafColumn}, udf.Text.OID(), 0, ""},
	} {
		plan := &planner.Stream{Calls: []*planner.Call{call}, Hidden: []planner.Hidden{c.hidden}}
		casts, err := neededCasts(plan, &described{fields: []pgproto3.FieldDescription{{DataTypeOID: 25}, {DataTypeOID: c.oid}}})
		var e *sqlparse.Error
		if len(casts) != c.casts || (err == nil) != (c.code == "") || err != nil && (!errors.As(err, &e) || e.Code != c.code || e.Position != 12 || e.Hint == "") {
			t.Errorf("%s: %v, %v", c.name, casts, err)
		}
	}
	if _, err := neededCasts(&planner.Stream{Hidden: make([]planner.Hidden, 2)}, &described{}); err == nil {
		t.Error("home describes too few columns: no error")
	}
}

func TestSameResult(t *testing.T) {
	t.Parallel()
	a := []pgproto3.FieldDescription{{Name: []byte("a"), DataTypeOID: 23}}
	for _, c := range []struct {
		after []pgproto3.FieldDescription
		same  bool
	}{
		{[]pgproto3.FieldDescription{{Name: []byte("a"), DataTypeOID: 23}}, true}, {[]pgproto3.FieldDescription{{Name: []byte("a"), DataTypeOID: 25}}, false},
		{[]pgproto3.FieldDescription{{Name: []byte("b"), DataTypeOID: 23}}, false}, {nil, false}, {append(a[:1:1], a[0]), false},
	} {
		if err := sameResult(a, c.after); (err == nil) != c.same {
			t.Errorf("%+v: %v", c.after, err)
		}
	}
}

// TestServersBytesAreReadWhereTheyAreUTF8 has SQL_ASCII, by which the client gets the server's own bytes.
func TestServersBytesAreReadWhereTheyAreUTF8(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]bool{"UTF8": true, "SQL_ASCII": true, "LATIN1": false, "EUC_JP": false} {
		err := readable(func(name string) string {
			return map[string]string{"client_encoding": "SQL_ASCII", "server_encoding": server}[name]
		})
		if (err == nil) != want {
			t.Errorf("before a server of %s: %v", server, err)
		}
	}
}
