package session

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// dryRun is EXPLAIN CREATE.
func (s *session) dryRun(ctx context.Context, h *homeSide, text string, c sqlparse.Create) ([][2]string, error) {
	req, err := request(text, c)
	if err != nil {
		return nil, err
	}
	if req.By, err = s.requester(ctx, h); err != nil {
		return nil, err
	}
	out, err := s.cfg.Datalayer.PlanComponent(ctx, req)
	if err != nil {
		return nil, err
	}
	list := [][2]string{{"change", out.Change}}
	if out.Replaces != 0 {
		list = append(list, [2]string{"replaces version", fmt.Sprint(out.Replaces)})
	}
	for _, job := range out.Jobs {
		list = append(list, [2]string{"starts job", job})
	}
	for _, b := range out.Breaks {
		list = append(list, [2]string{"breaks", b})
	}
	return s.properties(list, out.Record, out.Record.Version == out.Default)
}

// describeComponent is DESCRIBE.
func (s *session) describeComponent(c *sqlparse.Describe) ([][2]string, error) {
	ref := component.Ref{Kind: c.Kind, Name: c.Name.Name, Version: c.Name.Version}
	r, err := s.cfg.Datalayer.Component(ref)
	if err != nil {
		return nil, err
	}
	byDefault, err := s.cfg.Datalayer.Component(component.Ref{Kind: c.Kind, Name: c.Name.Name})
	if err != nil {
		return nil, err
	}
	return s.properties(nil, r, r.Version == byDefault.Version)
}

// properties adds those of a component version to a list.
func (s *session) properties(list [][2]string, r *component.Record, byDefault bool) ([][2]string, error) {
	list = append(list, [2]string{"name", r.Name}, [2]string{"version", fmt.Sprint(r.Version)}, [2]string{"default", fmt.Sprint(byDefault)})
	var err error
	if r.Kind == component.KindModel {
		list, err = modelProperties(list, r)
	} else {
		list, err = definitionProperties(list, r.Definition)
	}
	if err != nil {
		return nil, err
	}
	for _, used := range r.Uses {
		list = append(list, [2]string{"uses", used.String()})
	}
	for _, user := range s.cfg.Datalayer.Components().Users(r.Ref()) {
		list = append(list, [2]string{"used by", user.Ref().String()})
	}
	if c := s.cfg.Datalayer.Components().Component(r.Kind, r.Name); c != nil && c.Execute != nil {
		list = append(list, [2]string{"may execute", strings.Join(c.Execute, ", ")})
	}
	if r.Owner != "" {
		list = append(list, [2]string{"owner", r.Owner})
	}
	return append(list, [2]string{"hash", r.Hash}, [2]string{"created at", r.CreatedAt.UTC().Format("2006-01-02 15:04:05.999999Z07")}, [2]string{"created by", r.CreatedBy}), nil
}

// modelProperties adds what a model's definition says.
func modelProperties(list [][2]string, r *component.Record) ([][2]string, error) {
	var d component.ModelDefinition
	if err := json.Unmarshal(r.Definition, &d); err != nil {
		return nil, err
	}
	list = append(list, [2]string{"runtime", d.Runtime})
	for _, m := range d.Models {
		list = append(list, [2]string{"model", m})
	}
	var args []string
	for _, a := range d.Arguments {
		args = append(args, strings.TrimPrefix(sqlparse.QuoteIdentifier(a.Name)+" "+a.Type, `"" `))
	}
	list = append(list, [2]string{"signature", fmt.Sprintf("%s(%s) returns %s", sqlparse.QuoteIdentifier(r.Name), strings.Join(args, ", "), d.Returns)},
		[2]string{"deterministic", fmt.Sprint(d.Deterministic)}, [2]string{"null on null input", fmt.Sprint(d.NullOnNull)})
	if d.Artifact != "" {
		list = append(list, [2]string{"artifact", "sha256:" + strings.TrimPrefix(d.Artifact, "sha256:")}, [2]string{"artifact bytes", fmt.Sprint(d.ArtifactBytes)})
	}
	for _, k := range sortedKeys(d.Options) {
		list = append(list, [2]string{"option " + k, d.Options[k]})
	}
	if d.Source != "" {
		list = append(list, [2]string{"source", d.Source})
	}
	if v := d.Validation; v != nil {
		on := "dataset " + v.Dataset
		if v.Query != "" {
			on = "(" + v.Query + ")"
		}
		list = append(list, [2]string{"validation", fmt.Sprintf("on %s target %s metrics (%s)", on, v.Target, strings.Join(v.Metrics, ", "))})
	}
	return list, nil
}

// definitionProperties adds the keys of a definition, in its order, with options one by one.
func definitionProperties(list [][2]string, definition json.RawMessage) ([][2]string, error) {
	d := json.NewDecoder(bytes.NewReader(definition))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		var options map[string]string
		if key == "options" && json.Unmarshal(value, &options) == nil {
			for _, k := range sortedKeys(options) {
				list = append(list, [2]string{"option " + k, options[k]})
			}
			continue
		}
		text := string(value)
		var plain string
		if json.Unmarshal(value, &plain) == nil {
			text = plain
		}
		list = append(list, [2]string{strings.ReplaceAll(fmt.Sprint(key), "_", " "), text})
	}
	return list, nil
}
