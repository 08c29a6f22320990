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
