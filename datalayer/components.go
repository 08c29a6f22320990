package datalayer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Show implements Components.
func (d *Datalayer) Show(_ context.Context, pattern *string) ([]*ModelVersion, error) {
	c := d.catalog.Load()
	var shown []*ModelVersion
	for _, name := range c.names() {
		if pattern != nil {
			ok, err := like(*pattern, name)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
		}
		shown = append(shown, c.models[name].byDefault)
	}
	return shown, nil
}

// Describe implements Components.
func (d *Datalayer) Describe(_ context.Context, name string, version int) (*ModelVersion, error) {
	if v, _, err := d.virtual(name); err != nil || v != nil {
		return v, err
	}
	return d.catalog.Load().find(name, version)
}

// Remove implements Components. The artifact goes when it is collected.
func (d *Datalayer) Remove(ctx context.Context, name string, version int, ifExists bool) (bool, error) {
	ref := component.Ref{Kind: component.KindModel, Name: name, Version: version}
	gone, err := d.RemoveComponent(ctx, Removal{Ref: ref, IfExists: ifExists})
	return len(gone) > 0, err
}

// Rename implements Components. Leases that are held go on under the old name.
func (d *Datalayer) Rename(ctx context.Context, name, to string) error {
	return d.RenameComponent(ctx, Requester{}, component.KindModel, name, to)
}

// SetDefault implements Components.
func (d *Datalayer) SetDefault(ctx context.Context, name string, version int) error {
	return d.SetDefaultVersion(ctx, Requester{}, component.Ref{Kind: component.KindModel, Name: name, Version: version})
}

// SetOptions implements Components. The version that is changed is the default one; where another becomes it meanwhile,
// that one is changed.
func (d *Datalayer) SetOptions(ctx context.Context, name string, options map[string]string, user string) (*AddOutcome, error) {
	out, err := d.ChangeDefinition(ctx, Requester{User: user, Role: user}, component.KindModel, name, nil, options)
	if err != nil {
		return nil, err
	}
	o := &AddOutcome{Change: out.Change, Default: out.Default, Replaces: out.Replaces, Jobs: out.Jobs, Breaks: out.Breaks}
	o.Model, err = d.catalog.Load().find(name, out.Record.Version)
	return o, err
}

// explain makes of ErrNotFound of a component or version what a user is told; other errors stay as they are.
func (d *Datalayer) explain(err error, ref component.Ref) error {
	if !errors.Is(err, component.ErrNotFound) {
		return err
	}
	return d.catalog.Load().unknown(ref)
}

// addModelRequest adds a model that is given as JSON.
func (d *Datalayer) addModelRequest(ctx context.Context, req Request, dryRun bool) (*Outcome, error) {
	def, err := modelDefinition(req.Name, req.Definition)
	if err != nil {
		return nil, err
	}
	out, _, err := d.add(ctx, addition{def: def, mode: req.Mode, by: req.By, dryRun: dryRun, base: req.base})
	return out, err
}

// modelDefinition reads a model's definition.
func modelDefinition(name string, text json.RawMessage) (ModelDefinition, error) {
	var given component.ModelDefinition
	if err := component.Decode(text, &given); err != nil {
		return ModelDefinition{}, &Error{Code: "22023", Message: fmt.Sprintf("invalid definition of model %q: %v", name, err), Err: err}
	}
	def := ModelDefinition{Name: name, Runtime: given.Runtime, HasArgs: given.Arguments != nil, Models: given.Models, Artifact: given.Artifact,
		Source: given.Source, HasSource: given.Source != "", Options: given.Options, Validation: given.Validation}
	if given.Models != nil { // of a sequence that is recorded, these are what was found
		def.Runtime, def.HasArgs = "", false
		return def, nil
	}
	for _, a := range given.Arguments {
		t, err := udf.ParseType(a.Type)
		if err != nil {
			return def, unknownType(a.Type)
		}
		def.Args = append(def.Args, udf.Arg{Name: a.Name, Type: t})
	}
	if given.Returns != "" {
		t, err := udf.ParseType(given.Returns)
		if err != nil {
			return def, unknownType(given.Returns)
		}
		def.Returns = t
	}
	return def, nil
}

// unknownType is the error for a type that no model takes or gives.
func unknownType(name string) *Error {
	return &Error{Code: "42704", Message: fmt.Sprintf("type %q is not one that a model can take or give", name),
		Hint: "Models take and give boolean, smallint, integer, bigint, real, double precision, numeric, text, bytea, date, time, timestamp, timestamptz, interval, uuid, json, jsonb, and arrays of boolean, integer, bigint, real, double precision and text."}
}

// argumentsText lists arguments as a declaration does: names, where there are any, and types.
func argumentsText(args []udf.Arg) string {
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = a.Type.String()
		if a.Name != "" {
			texts[i] = quoteIdentifier(a.Name) + " " + texts[i]
		}
	}
	return strings.Join(texts, ", ")
}

// quoteIdentifier writes a name as SQL has it: as it is if PostgreSQL would read it so, apart from key words, in double
// quotes otherwise.
func quoteIdentifier(name string) string {
	plain := name != ""
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z'
		digit := r == '$' || r >= '0' && r <= '9'
		plain = plain && (letter || digit && i > 0)
	}
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
