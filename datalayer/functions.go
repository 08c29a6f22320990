package datalayer

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// Call implements Registry.
func (d *Datalayer) Call(ctx context.Context, by Requester, name string, args []*string) (any, error) {
	var f Function
	switch name {
	case "add":
		f = d.addFunction
	case "remove":
		f = d.removeFunction
	case "show":
		f = d.showFunction
	default:
		f = d.config.Functions[name]
	}
	if f == nil {
		return nil, &Error{Code: "42883", Message: fmt.Sprintf("function pinnacle.%s does not exist", name)}
	}
	answer, err := f(ctx, by, args)
	if err != nil {
		return nil, ErrorOf(err)
	}
	return answer, nil
}

// wrongArguments is the error for a function of the schema pinnacle that was called in another way than usage says.
func wrongArguments(name, usage string) *Error {
	return &Error{Code: "42883", Message: fmt.Sprintf("pinnacle.%s was not given the arguments that it takes", name), Hint: "Write " + usage + "."}
}

// head is what the JSON of pinnacle.add and pinnacle.remove has beside a definition.
type head struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Replace and IfNotExists are what CREATE OR REPLACE and IF NOT EXISTS say.
	Replace     bool `json:"or_replace"`
	IfNotExists bool `json:"if_not_exists"`
	// DryRun only says what would be done.
	DryRun bool `json:"dry_run"`
	// Version, IfExists, Cascade and KeepOutputs are what DROP says.
	Version     int  `json:"version"`
	IfExists    bool `json:"if_exists"`
	Cascade     bool `json:"cascade"`
	KeepOutputs bool `json:"keep_outputs"`
}

// headKeys are the keys of head that pinnacle.add knows.
var headKeys = []string{"kind", "name", "or_replace", "if_not_exists", "dry_run"}

// ParseRequest reads the JSON of pinnacle.add: kind, name, or_replace, if_not_exists and dry_run, and beside them the keys
// of the kind's definition.
func ParseRequest(text string) (req Request, dryRun bool, err error) {
	var (
		h    head
		keys map[string]json.RawMessage
	)
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		return req, false, &Error{Code: "22P02", Message: "invalid component: " + err.Error(), Hint: `Write a JSON object: {"kind": "model", "name": "m", …}.`, Err: err}
	}
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return req, false, &Error{Code: "22023", Message: "invalid component: " + err.Error(), Err: err}
	}
	if h.Kind == "" || h.Name == "" {
		return req, false, &Error{Code: "22023", Message: "a component needs kind and name", Hint: `Write a JSON object: {"kind": "model", "name": "m", …}.`}
	}
	for _, key := range headKeys {
		delete(keys, key)
	}
	req = Request{Kind: h.Kind, Name: h.Name}
	switch {
	case h.Replace && h.IfNotExists:
		return req, false, &Error{Code: "22023", Message: "or_replace and if_not_exists exclude each other"}
	case h.Replace:
		req.Mode = AddOrReplace
	case h.IfNotExists:
		req.Mode = AddIfNotExists
	}
	req.Definition, err = json.Marshal(keys)
	return req, h.DryRun, err
}

// addFunction is pinnacle.add(json).
func (d *Datalayer) addFunction(ctx context.Context, by Requester, args []*string) (any, error) {
	if len(args) != 1 || args[0] == nil {
		return nil, wrongArguments("add", `SELECT pinnacle.add('{"kind": …, "name": …, …}')`)
	}
	req, dryRun, err := ParseRequest(*args[0])
	if err != nil {
		return nil, err
	}
	req.By = by
	out, err := d.addComponent(ctx, req, dryRun)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"change": out.Change, "kind": out.Record.Kind, "name": out.Record.Name, "version": out.Record.Version, "default": out.Default}
	if len(out.Jobs) > 0 {
		answer["jobs"] = out.Jobs
	}
	if len(out.Breaks) > 0 {
		answer["breaks"] = out.Breaks
	}
	return answer, nil
}

// removeFunction is pinnacle.remove(kind, name) and pinnacle.remove(json).
func (d *Datalayer) removeFunction(ctx context.Context, by Requester, args []*string) (any, error) {
	var h head
	switch {
	case len(args) > 1 && args[0] != nil && args[1] != nil:
		h.Kind, h.Name = *args[0], *args[1]
	case len(args) > 0 && args[0] != nil:
		if err := component.Decode(json.RawMessage(*args[0]), &h); err != nil {
			return nil, &Error{Code: "22P02", Message: "invalid component: " + err.Error(), Err: err}
		}
	default:
		return nil, wrongArguments("remove", `SELECT pinnacle.remove('model', 'm') or pinnacle.remove('{"kind": "model", "name": "m", "cascade": true}')`)
	}
	gone, err := d.RemoveComponent(ctx, Removal{Ref: component.Ref{Kind: h.Kind, Name: h.Name, Version: h.Version}, IfExists: h.IfExists, Cascade: h.Cascade, KeepOutputs: h.KeepOutputs, By: by})
	if err != nil {
		return nil, err
	}
	if gone == nil {
		gone = []component.Ref{}
	}
	return gone, nil
}

// showFunction is pinnacle.show([kind [, name]]): the default versions of components.
func (d *Datalayer) showFunction(_ context.Context, _ Requester, args []*string) (any, error) {
	var words [2]string
	if len(args) > 2 {
		return nil, wrongArguments("show", "SELECT pinnacle.show(), pinnacle.show('model') or pinnacle.show('model', 'm')")
	}
	for i, arg := range args {
		if arg != nil {
			words[i] = *arg
		}
	}
	kind, name := strings.ToLower(words[0]), words[1]
	if name != "" {
		return d.Component(component.Ref{Kind: kind, Name: name})
	}
	if kind != "" && kind != component.KindModel {
		if _, err := d.kind(kind); err != nil {
			return nil, err
		}
	}
	list := []*component.Record{}
	for _, c := range d.Components().Components(kind) {
		list = append(list, c.Default())
	}
	return list, nil
}
