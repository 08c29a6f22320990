package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// application is a file that declares components, one step a component.
type application struct{ steps []step }

// step is one component of an application.
type step struct {
	// what names it for people.
	what string
	// apply and plan are statements: one adds it, the other says what that would do. args are the parameters of both.
	apply, plan string
	args        []any
}

// declared is a component as YAML declares it: the keys of its definition beside kind and name.
type declared struct {
	Kind string         `yaml:"kind"`
	Name string         `yaml:"name"`
	Keys map[string]any `yaml:",inline"`
}

// document is a YAML file.
type document struct {
	Components []declared `yaml:"components"`
}

// parseApplication reads a file: YAML, unless its name ends in .sql.
func parseApplication(name string, text []byte) (*application, error) {
	if strings.EqualFold(filepath.Ext(name), ".sql") {
		return parseSQL(string(text))
	}
	return parseYAML(text)
}

// rank is the order of kinds in which each finds what it mostly uses.
func (d declared) rank() int {
	order := []string{component.KindSecret, component.KindMetric, component.KindDataset, component.KindModel, "sequence", component.KindListener, component.KindVectorIndex}
	kind := d.Kind
	if _, ok := d.Keys["models"]; ok && kind == component.KindModel {
		kind = "sequence"
	}
	return slices.Index(order, kind)
}

// parseYAML reads components: a list of objects with kind, name and the keys that pinnacle.add knows. They are ordered by
// what they may use.
func parseYAML(text []byte) (*application, error) {
	var doc document
	d := yaml.NewDecoder(strings.NewReader(string(text)))
	d.KnownFields(true)
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("the file is not a list of components: %w", err)
	}
	if len(doc.Components) == 0 {
		return nil, fmt.Errorf("the file declares no components; it begins with components: and a list")
	}
	slices.SortStableFunc(doc.Components, func(a, b declared) int { return cmp.Compare(a.rank(), b.rank()) })
	app := &application{}
	for _, c := range doc.Components {
		keys := maps.Clone(c.Keys)
		if keys == nil {
			keys = map[string]any{}
		}
		keys["kind"], keys["name"], keys["or_replace"] = c.Kind, c.Name, true
		if options, ok := keys["options"].(map[string]any); ok {
			texts := map[string]string{}
			for key, value := range options {
				texts[key] = fmt.Sprint(value)
			}
			keys["options"] = texts
		}
		one := step{what: component.Ref{Kind: c.Kind, Name: c.Name}.String(), apply: "SELECT pinnacle.add($1)", plan: "SELECT pinnacle.add($1)"}
		add, err := json.Marshal(keys)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.what, err)
		}
		keys["dry_run"] = true
		plan, err := json.Marshal(keys)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.what, err)
		}
		one.args = []any{string(add), string(plan)}
		app.steps = append(app.steps, one)
	}
	return app, nil
}

// parseSQL reads CREATE statements of components, in the order of the file. Each means CREATE OR REPLACE, unless it says
// IF NOT EXISTS.
func parseSQL(text string) (*application, error) {
	script, err := sqlparse.Parse(text, sqlparse.DefaultLimits())
	if err != nil {
		return nil, err
	}
	app := &application{}
	for _, st := range script.Statements {
		c, ok := st.Component.(sqlparse.Create)
		if !ok {
			return nil, fmt.Errorf("%q does not create a component; the file may hold nothing else", firstLine(st.Span.Of(text)))
		}
		create := st.Span.Of(text)
		if head := c.Head(); !head.OrReplace && !head.IfNotExists {
			create = create[:len("CREATE")] + " OR REPLACE" + create[len("CREATE"):]
		}
		app.steps = append(app.steps, step{what: component.Ref{Kind: c.Kind(), Name: c.Head().Name.Name}.String(), apply: create, plan: "EXPLAIN " + create})
	}
	if len(app.steps) == 0 {
		return nil, fmt.Errorf("the file creates no components")
	}
	return app, nil
}

// firstLine is the beginning of a statement.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// exported writes components as the YAML that apply reads: their default versions, without what was found when they were
// added.
func exported(records []component.Record) ([]byte, error) {
	defaults := map[string]int{}
	for _, r := range records {
		if r.Kind == component.KindModel {
			defaults[r.Name] = r.Version
		}
	}
	var doc document
	for _, r := range records {
		keys := map[string]any{}
		if err := json.Unmarshal(r.Definition, &keys); err != nil {
			return nil, err
		}
		found := []string{"artifact_bytes", "deterministic", "null_on_null"}
		if r.Kind == component.KindDataset {
			found = []string{"columns", "rows", "artifact"}
		}
		if models, ok := keys["models"].([]any); ok {
			found = append(found, "runtime", "arguments", "returns")
			for i, m := range models {
				if name, version, _ := strings.Cut(fmt.Sprint(m), "@"); fmt.Sprint(defaults[name]) == version {
					models[i] = name
				}
			}
		}
		for _, key := range found {
			delete(keys, key)
		}
		for key, value := range keys {
			// A block whose first line is blank or indented is not read back by every reader of YAML.
			if text, ok := value.(string); ok && strings.TrimLeft(text, "\n ") != text {
				keys[key] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Style: yaml.DoubleQuotedStyle}
			}
		}
		doc.Components = append(doc.Components, declared{r.Kind, r.Name, keys})
	}
	slices.SortStableFunc(doc.Components, func(a, b declared) int { return cmp.Compare(a.rank(), b.rank()) })
	return yaml.Marshal(doc)
}
