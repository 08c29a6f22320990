package planner_test

import "testing"

// TestTyped wants the statement that is only described to have the client's columns and conditions, without calls.
func TestTyped(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SELECT coalesce(predict('half', x), y) AS a, z FROM t WHERE predict('half', x) > 1 AND z": "SELECT coalesce(((SELECT NULL::double precision)::double precision), y) AS a, z FROM t WHERE true AND z",
		"SELECT predict('half', x) FROM t LIMIT $1":                                                "SELECT ((SELECT NULL::double precision)::double precision) FROM t LIMIT $1",
		"SELECT a::numeric, b::int4 FROM t WHERE predict('half', x) > 1 ORDER BY c":                "SELECT a::numeric, b::int4 FROM t WHERE true ORDER BY c",
	} {
		p, err := plan(text)
		if err != nil {
			t.Fatal(text, err)
		}
		if p.Typed != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, p.Typed, want)
		}
	}
}

// TestInherits wants home to be asked for the modifier of what it cannot see in a place holder.
func TestInherits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`SELECT predict('half', x)::char(6) FROM t`:                          false,
		`SELECT predict('half', x)::char(6) COLLATE "C" FROM t`:              true,
		`SELECT predict('half', x)::text COLLATE "C" FROM t`:                 true, // a type of the user's might be a domain
		`SELECT coalesce(predict('half', x)::char(6), y) COLLATE "C" FROM t`: true,
		`SELECT y::numeric(14,2) FROM t WHERE predict('half', x) > 1`:        true, // it may be the column itself
		`SELECT predict('half', x) + 1 FROM t`:                               false,
	} {
		p, err := plan(text)
		if err != nil {
			t.Fatal(text, err)
		}
		if got := p.Outputs[0].Inherits; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}
