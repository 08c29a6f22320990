package pgvalue_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// jsonSeeds are JSON texts, and texts that are none.
func jsonSeeds() []string {
	return []string{
		`{}`, ` [ ] `, `null`, `true`, `"x"`, `{"b":1,"a":[1,2.50,null],"a":2,"aa":{"z":1,"y":[]}}`, `{"\u0062":1,"b":2,"ä":3,"zz":4}`,
		`[0,-0,-0.0,0.10,1e5,1E-3,1.50e1,1.50e3,1.5e-2,-1.5E+2,100000000000000000000000,0e0,0.0e3,0.00e1,123.456e2]`, `1e131073`, `1e131071`, `1e-16383`, `1e-16384`, `-1e-16383`,
		`"\"\\\/\b\f\n\r\t\u0001\u001f\u007f\u00e9\ud83d\ude00😀"`, `"\ud800"`, `"\ude00\ud83d"`, `"\u0000"`, `"\x"`, `"\u12"`, "\"a\nb\"", `"`, `"\`, `'a'`,
		`[1,]`, `[,1]`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1,}`, `01`, `-`, `+1`, `1.`, `.5`, `1e`, `1e+`, `nul`, `truex`, ``, ` `, `1 2`, `[1 2]`, `{"a":1 "b":2}`, `[[[[1]]]]`, `NaN`, "\xff", "\"\xff\"",
	}
}

// TestJSONBAsPostgreSQL compares with PostgreSQL what jsonb shows of texts, and which it refuses.
func TestJSONBAsPostgreSQL(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	texts := jsonSeeds()
	r := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		texts = append(texts, randomJSON(r, 4))
	}
	for _, text := range texts {
		if strings.Contains(text, "\xff") {
			if _, err := pgvalue.AppendJSONB(nil, []byte(text)); err == nil {
				t.Errorf("%q was taken", text)
			}
			continue // PostgreSQL refuses the statement
		}
		result := conn.ExecParams(t.Context(), "SELECT $1::jsonb", [][]byte{[]byte(text)}, nil, nil, nil).Read()
		own, err := pgvalue.AppendJSONB(nil, []byte(text))
		if (err == nil) != (result.Err == nil) {
			t.Errorf("%.200q: %v, PostgreSQL says %v", text, err, result.Err)
			continue
		}
		if err == nil && string(own) != string(result.Rows[0][0]) {
			t.Errorf("%.200q: %.200q, PostgreSQL says %.200q", text, own, result.Rows[0][0])
		}
	}
}

// randomJSON makes a JSON text.
func randomJSON(r *rand.Rand, depth int) string {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	if depth == 0 || r.IntN(4) == 0 {
		return pick("null", "true", `"x\ny"`, "-0", pick("1", "-12", "0")+pick("", ".5", ".50", ".003")+pick("", "e2", "E-3", "e+1"))
	}
	var parts []string
	if r.IntN(2) == 0 {
		for range r.IntN(4) {
			parts = append(parts, randomJSON(r, depth-1))
		}
		return "[" + strings.Join(parts, pick(",", " , ")) + "]"
	}
	for range r.IntN(5) {
		parts = append(parts, pick(`"a"`, `"b"`, `"aa"`, `"ä"`, `"\u0061"`, `""`)+pick(":", " :\t")+randomJSON(r, depth-1))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// FuzzAppendJSONB looks for texts that break the parser, and for an answer that it does not take itself.
func FuzzAppendJSONB(f *testing.F) {
	for _, s := range jsonSeeds() {
		f.Add([]byte(s))
	}
	f.Add([]byte(strings.Repeat("[", 100000)))
	f.Fuzz(func(t *testing.T, text []byte) {
		once, err := pgvalue.AppendJSONB(nil, text)
		if err != nil {
			return
		}
		twice, err := pgvalue.AppendJSONB(nil, once)
		if err != nil || string(twice) != string(once) {
			t.Fatalf("%q became %q, and that %q, %v", text, once, twice, err)
		}
	})
}
