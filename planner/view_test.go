package planner_test

import (
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// viewRequest is the request for the one statement of a text.
func viewRequest(t *testing.T, text string) planner.Request {
	t.Helper()
	script, err := sqlparse.Parse(text, sqlparse.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	st := script.Statements[0]
	return planner.Request{Text: text, Span: st.Span, Node: st.Node, Calls: st.Calls}
}

// shown writes what stubs have around their arguments in fewer words.
func shown(home string) string {
	for _, kind := range []string{"predict", "try_predict", "predict_details"} {
		for model := range models {
			for _, version := range []string{"", "@1"} {
				home = strings.ReplaceAll(home, sqlparse.StubHead(kind, model+version), "<"+kind+" "+model+version)
			}
		}
	}
	for _, typ := range []string{"double precision", "integer", "text", "jsonb"} {
		home = strings.ReplaceAll(home, sqlparse.StubTail(typ), " "+typ+">")
	}
	return home
}

func TestPlanView(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"CREATE VIEW v AS SELECT predict('half', x) FROM t":                                      "CREATE VIEW v AS SELECT <predict half, x double precision> AS predict FROM t",
		"CREATE VIEW v AS SELECT predict('half@1', x)::int + 1 AS y FROM t":                      "CREATE VIEW v AS SELECT <predict half@1, x double precision>::int + 1 AS y FROM t",
		"CREATE VIEW v AS SELECT predict('add', b => y, a => NULL), 1 FROM t":                    "CREATE VIEW v AS SELECT <predict add, (NULL)::integer, y integer> AS predict, 1 FROM t",
		"CREATE VIEW v AS SELECT predict('add', 1, b => (2)) AS s":                               "CREATE VIEW v AS SELECT <predict add, 1, (2) integer> AS s",
		"CREATE VIEW v AS SELECT predict('add', t) FROM t":                                       "CREATE VIEW v AS SELECT <predict add, (t).a, (t).b integer> AS predict FROM t",
		"CREATE VIEW v AS SELECT predict('add', t.*) FROM t":                                     "CREATE VIEW v AS SELECT <predict add, (t).a, (t).b integer> AS predict FROM t",
		"CREATE VIEW v AS SELECT predict('shout', 'it''s') AS a":                                 "CREATE VIEW v AS SELECT <predict shout, ('it''s')::text text> AS a",
		"CREATE VIEW v AS SELECT predict('answer') AS a":                                         "CREATE VIEW v AS SELECT <predict answer integer> AS a",
		"CREATE VIEW v AS SELECT try_predict('half', predict('half', x)) FROM t":                 "CREATE VIEW v AS SELECT <try_predict half, <predict half, x double precision> double precision> AS try_predict FROM t",
		"CREATE VIEW v AS SELECT predict_details('half', x)->'value' FROM t":                     "CREATE VIEW v AS SELECT <predict_details half, x jsonb>->'value' FROM t",
		"CREATE VIEW v AS SELECT (SELECT predict('half', x)) FROM t GROUP BY predict('half', x)": "CREATE VIEW v AS SELECT (SELECT <predict half, x double precision> AS predict) FROM t GROUP BY <predict half, x double precision>",
	} {
		v, err := planner.PlanView(viewRequest(t, text), catalog{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := shown(v.Home); got != want {
			t.Errorf("%s became\n%s, want\n%s", text, got, want)
		}
		script, err := sqlparse.Parse(v.Home, sqlparse.DefaultLimits())
		if err != nil || script.Opaque || script.Concerns() {
			t.Errorf("home is given %s: %v", v.Home, err)
		}
		if v.Origin(0) != 0 || v.Origin(len(v.Home)) != len(text) {
			t.Errorf("%s: positions %d and %d", text, v.Origin(0), v.Origin(len(v.Home)))
		}
	}
}

func TestPlanViewRefuses(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]string{
		"CREATE VIEW v AS SELECT predict('roll', 1)":                "0A000", // not deterministic
		"CREATE VIEW v AS SELECT predict('half', random())":         "0A000",
		"CREATE VIEW v AS SELECT * FROM predict('half', 1) AS p":    "0A000",
		"CREATE VIEW v AS SELECT predict('add', 1)":                 "42883",
		"CREATE VIEW v AS SELECT predict('add', a => 1, nope => 2)": "42883",
		"CREATE VIEW v AS SELECT predict('unknown', 1)":             "42704",
	} {
		_, err := planner.PlanView(viewRequest(t, text), catalog{})
		state, ok := err.(interface{ SQLState() string })
		if !ok || state.SQLState() != code {
			t.Errorf("%s: %v, want %s", text, err, code)
		}
	}
}

func TestPlanMaterialized(t *testing.T) {
	t.Parallel()
	text := "CREATE MATERIALIZED VIEW v AS SELECT predict('add', b => y, a => 1) FROM t"
	v, err := planner.PlanMaterialized(viewRequest(t, text), catalog{})
	if err != nil {
		t.Fatal(err)
	}
	want := "CREATE MATERIALIZED VIEW v AS SELECT " + sqlparse.LiveStubHead("predict", "add", []string{"integer", "integer"}) + ", 1, y" +
		sqlparse.LiveStubTail("integer") + " AS predict FROM t"
	if v.Home != want {
		t.Errorf("home is given\n%s, want\n%s", v.Home, want)
	}
}
