package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

func TestApplicationOrder(t *testing.T) {
	t.Parallel()
	app, err := parseApplication("app.yaml", []byte(`
components:
- {kind: listener, name: l, table: t, model: m, arguments: [x]}
- {kind: model, name: s, models: [m]}
- kind: model
  name: m
  runtime: starlark
  options: {max_batch: 3, deterministic: true}
- {kind: secret, name: k, env: KEY}
`))
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, s := range app.steps {
		order = append(order, s.what)
	}
	if got := strings.Join(order, ", "); got != `secret "k", model "m", model "s", listener "l"` {
		t.Errorf("the order is %s", got)
	}
	if got := app.steps[1].args[0]; got != `{"kind":"model","name":"m","options":{"deterministic":"true","max_batch":"3"},"or_replace":true,"runtime":"starlark"}` {
		t.Errorf("the model is %s", got)
	}
}

func TestApplicationSQL(t *testing.T) {
	t.Parallel()
	app, err := parseApplication("app.SQL", []byte("create model m(x int) returns int using starlark as $$a;b$$;\nCREATE METRIC IF NOT EXISTS f USING f1; CREATE OR REPLACE SECRET k FROM ENV 'K'"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"create OR REPLACE model m(x int) returns int using starlark as $$a;b$$", "CREATE METRIC IF NOT EXISTS f USING f1", "CREATE OR REPLACE SECRET k FROM ENV 'K'"}
	for i, s := range app.steps {
		if s.apply != want[i] || s.plan != "EXPLAIN "+want[i] {
			t.Errorf("step %d is %q", i, s.apply)
		}
	}
}

func TestApplicationErrors(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a.yaml": "components: []", "b.yaml": "component: []", "c.yaml": "{", "a.sql": "SELECT 1", "b.sql": "CREATE MODEL", "c.sql": "-- nothing",
		"d.sql": "DROP MODEL m", "e.sql": "CREATE TABLE t (a int)",
	} {
		if app, err := parseApplication(name, []byte(text)); err == nil {
			t.Errorf("%s: %q was read as %+v", name, text, app)
		}
	}
}

func TestExported(t *testing.T) {
	t.Parallel()
	records := []component.Record{
		{Kind: "model", Name: "chain", Version: 1, Definition: json.RawMessage(`{"runtime":"sequence","models":["m@2","n@1"],"arguments":[],"returns":"text"}`)},
		{Kind: "model", Name: "m", Version: 2, Definition: json.RawMessage(`{"runtime":"starlark","arguments":[{"name":"x","type":"integer"}],"returns":"text","source":"\n  a\nb\n","deterministic":true}`)},
		{Kind: "model", Name: "n", Version: 3, Definition: json.RawMessage(`{"runtime":"starlark","arguments":null}`)},
		{Kind: "dataset", Name: "d", Version: 1, Definition: json.RawMessage(`{"query":"SELECT 1","pin":true,"rows":1,"artifact":"ab","columns":[]}`)},
	}
	text, err := exported(records)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for _, want := range []string{"- m\n", "- n@1\n", "source: \"\\n  a\\nb\\n\"", "query: SELECT 1"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	for _, not := range []string{"sequence", "deterministic", "rows:", "artifact:"} {
		if strings.Contains(got, not) {
			t.Errorf("%q is in\n%s", not, got)
		}
	}
	if _, err := parseApplication("x.yaml", text); err != nil {
		t.Errorf("it cannot be read back: %v\n%s", err, got)
	}
}
