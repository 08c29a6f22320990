package datalayer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// maxNameBytes is the length of the longest model name: PostgreSQL's for identifiers (NAMEDATALEN - 1).
const maxNameBytes = 63

// The values of AddOutcome.Change.
const (
	changeNew        = "new"
	changeSame       = "same"
	changeExists     = "exists"
	changeUpdate     = "update"
	changeNewVersion = "new version"
)

var (
	// errDryRun ends the transaction of a dry run, so that it leaves nothing.
	errDryRun = errors.New("dry run")
	// errBaseChanged says that a change was made from a version that is not the default one any more.
	errBaseChanged = errors.New("the model was changed meanwhile")
)

// Add implements Components: the artifact first, then the model is loaded to see that it can be, then the metadata in one
// transaction. A crash leaves the model whole or absent, and at most an artifact that is collected later.
func (d *Datalayer) Add(ctx context.Context, def ModelDefinition, mode AddMode, user string) (*AddOutcome, error) {
	return d.AddModel(ctx, def, mode, Requester{User: user, Role: user})
}

// AddModel is Add on behalf of a role, whose rights count and to whom a new model belongs.
func (d *Datalayer) AddModel(ctx context.Context, def ModelDefinition, mode AddMode, by Requester) (*AddOutcome, error) {
	_, outcome, err := d.add(ctx, addition{def: def, mode: mode, by: by})
	return outcome, err
}

// PlanAdd implements Components: Add without storing the artifact and without committing.
func (d *Datalayer) PlanAdd(ctx context.Context, def ModelDefinition, mode AddMode) (*AddOutcome, error) {
	_, outcome, err := d.add(ctx, addition{def: def, mode: mode, dryRun: true})
	return outcome, err
}

// addition is one call of Add, PlanAdd or SetOptions.
type addition struct {
	def    ModelDefinition
	mode   AddMode
	by     Requester
	dryRun bool
	// base is the default version that def was made from, 0 for none. If it is not the default one any more when
	// the metadata is changed, nothing is changed, and the error is errBaseChanged.
	base int
}

// add does what Add says. The outcome is told in both of its forms.
func (d *Datalayer) add(ctx context.Context, req addition) (*Outcome, *AddOutcome, error) {
	def := req.def
	if err := d.checkDefinition(def); err != nil {
		return nil, nil, err
	}
	if err := d.mayAdd(ctx, req.by, component.Ref{Kind: component.KindModel, Name: def.Name}, req.mode); err != nil {
		return nil, nil, err
	}
	if req.mode == AddIfNotExists {
		if m := d.catalog.Load().models[def.Name]; m != nil {
			return &Outcome{Change: changeExists, Record: m.of.Default(), Default: m.byDefault.Version},
				&AddOutcome{Change: changeExists, Model: m.byDefault, Default: m.byDefault.Version}, nil
		}
	}
	record, done, err := d.examine(ctx, def, req.dryRun)
	if err != nil {
		return nil, nil, ErrorOf(err)
	}
	defer done()
	if err := d.mayUse(ctx, req.by, record.Uses); err != nil {
		return nil, nil, err
	}
	record.CreatedBy, record.Owner, record.Validation = req.by.User, req.by.Role, def.Validation
	return d.commit(ctx, req, record)
}

// examine makes the record of a definition. done is called when the model is added, or was not.
func (d *Datalayer) examine(ctx context.Context, def ModelDefinition, dryRun bool) (v *metadata.Version, done func(), err error) {
	if def.Models != nil {
		v, err := d.inspectSequence(def)
		return v, func() {}, err
	}
	a, err := d.resolveArtifact(ctx, def.Artifact, dryRun)
	if err != nil {
		return nil, nil, err
	}
	if v, err = d.inspect(ctx, def, a); err != nil {
		a.done()
		return nil, nil, err
	}
	return v, a.done, nil
}

// checkDefinition refuses a definition for what can be seen without reading anything.
func (d *Datalayer) checkDefinition(def ModelDefinition) error {
	if err := checkName(component.KindModel, def.Name); err != nil {
		return err
	}
	if def.Models == nil {
		if _, err := d.runtime(def.Runtime); err != nil {
			return err
		}
	}
	if len(def.Source) > d.config.MaxSourceBytes {
		return &Error{
			Code:    "54000",
			Message: fmt.Sprintf("the source of model %q is too long", def.Name),
			Detail:  fmt.Sprintf("It has %d bytes; at most %d are taken.", len(def.Source), d.config.MaxSourceBytes),
			Hint:    "Raise model_max_source_bytes.",
		}
	}
	texts := []string{def.Source}
	for key, value := range def.Options {
		texts = append(texts, key, value)
	}
	for _, a := range def.Args {
		texts = append(texts, a.Name)
	}
	if i := slices.IndexFunc(texts, func(s string) bool { return !utf8.ValidString(s) }); i >= 0 {
		return &Error{Code: "22021", Message: fmt.Sprintf("the definition of model %q is not valid UTF-8", def.Name)}
	}
	_, err := parseOwnOptions(def.Options)
	return err
}

// checkName refuses a name that no component can have. An @ would be taken for the beginning of a version.
func checkName(kind, name string) error {
	e := &Error{Code: "42602"}
	what := component.Words(kind)
	switch {
	case name == "":
		e.Message = "a " + what + "'s name must not be empty"
	case len(name) > maxNameBytes:
		e.Code = "42622"
		e.Message = fmt.Sprintf("%s name %q is too long", what, strings.ToValidUTF8(name[:maxNameBytes], "")+"…")
		e.Detail = fmt.Sprintf("It has %d bytes; at most %d are allowed.", len(name), maxNameBytes)
	case !utf8.ValidString(name):
		e.Message = fmt.Sprintf("%s name %q is not valid UTF-8", what, name)
	case strings.ContainsAny(name, "@\x00"):
		e.Message = fmt.Sprintf("%s name %q holds a character that is not allowed", what, name)
		e.Hint = "A name holds no @: 'name@2' means version 2 of it."
	default:
		return nil
	}
	return e
}

// runtime finds a runtime by the word after USING; one that is not there is 42704.
func (d *Datalayer) runtime(name string) (udf.Runtime, error) {
	if r, ok := d.runtimes[name]; ok {
		return r, nil
	}
	return nil, &Error{
		Code:    "42704",
		Message: fmt.Sprintf("model runtime %q does not exist", name),
		Hint:    "Runtimes that exist: " + strings.Join(slices.Sorted(maps.Keys(d.runtimes)), ", ") + ".",
	}
}

// inspect loads a model to see that it can be, closes it, and makes the record of what it is.
func (d *Datalayer) inspect(ctx context.Context, def ModelDefinition, a artifact) (*metadata.Version, error) {
	own, err := parseOwnOptions(def.Options)
	if err != nil {
		return nil, err
	}
	runtime, err := d.runtime(def.Runtime)
	if err != nil {
		return nil, err
	}
	options, err := d.withSecrets(runtimeOptions(def.Options))
	if err != nil {
		return nil, err
	}
	spec := udf.Spec{Name: def.Name, Source: def.Source, Artifact: a.path, Returns: def.Returns, Options: options}
	if def.HasArgs {
		spec.Args = append([]udf.Arg{}, def.Args...) // not nil, also where it is empty
	}
	about := &ModelVersion{Name: def.Name, Runtime: def.Runtime}
	m, err := guarded(d.config.Logger, about, func() (udf.Model, error) { return runtime.Load(ctx, spec) })
	if err != nil {
		return nil, err
	}
	signature, deterministic := m.Signature(), m.Deterministic()
	if err := m.Close(); err != nil {
		return nil, fmt.Errorf("close model %q: %w", def.Name, err)
	}
	if own.deterministic != nil {
		deterministic = *own.deterministic
	}
	v := &metadata.Version{
		Runtime: def.Runtime, Args: make([]metadata.Arg, len(signature.Args)), Returns: signature.Returns.String(),
		Artifact: a.digest, ArtifactBytes: a.size, Source: def.Source, Options: maps.Clone(def.Options),
		Deterministic: deterministic, NullOnNull: own.nullOnNull,
		CreatedAt: time.Now().UTC().Truncate(time.Microsecond), // as exact as timestamptz
		Uses:      usedSecrets(def.Options),
	}
	for i, arg := range signature.Args {
		v.Args[i] = metadata.Arg{Name: arg.Name, Type: arg.Type.String()}
	}
	v.Hash, err = hash(v)
	return v, err
}

// commit records a version as the mode says, and tells what that did.
func (d *Datalayer) commit(ctx context.Context, req addition, v *metadata.Version) (*Outcome, *AddOutcome, error) {
	var (
		out     *Outcome
		outcome *AddOutcome
	)
	name := req.def.Name
	err := d.change(ctx, nil, func(tx metadata.Tx) error {
		before, err := tx.Model(name)
		if err != nil && !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
		if req.base != 0 && (before == nil || before.DefaultVersion().Version != req.base) {
			return errBaseChanged
		}
		out = &Outcome{}
		if out.Change, err = decide(name, before, v, req.mode); err != nil {
			return err
		}
		was, err := componentOf(tx, name, before)
		if err != nil {
			return err
		}
		version, err := apply(tx, name, before, v, out.Change)
		if err != nil {
			return err
		}
		if err := d.tellOutcome(tx, out, was, component.KindModel, name, version); err != nil {
			return err
		}
		if outcome, err = outcomeOf(tx, name, out); err != nil {
			return err
		}
		if req.dryRun {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return nil, nil, d.missing(err)
	}
	if req.dryRun {
		return out, outcome, nil
	}
	d.wake(len(out.Jobs))
	if made, err := d.catalog.Load().find(name, outcome.Model.Version); err == nil {
		outcome.Model = made
	}
	return out, outcome, nil
}

// componentOf reads the component of a model that there is; nil for none.
func componentOf(tx metadata.Tx, name string, before *metadata.Model) (*component.Component, error) {
	if before == nil {
		return nil, nil
	}
	return tx.Components().Component(component.KindModel, name)
}

// decide says what adding a version to a model is; before is nil where there is no model of that name.
func decide(name string, before *metadata.Model, v *metadata.Version, mode AddMode) (string, error) {
	switch {
	case before == nil:
		return changeNew, nil
	case mode == AddIfNotExists:
		return changeExists, nil
	case before.DefaultVersion().Hash == v.Hash && (mode != AddOrReplace || sameSettings(before.DefaultVersion(), v)):
		return changeSame, nil
	case before.DefaultVersion().Hash == v.Hash:
		return changeUpdate, nil
	case mode == AddOrReplace:
		return changeNewVersion, nil
	}
	return "", alreadyExists(component.KindModel, name)
}

// sameSettings compares what two versions have that does not change behaviour.
func sameSettings(a, b *metadata.Version) bool {
	return maps.Equal(a.Options, b.Options) && reflect.DeepEqual(a.Validation, b.Validation)
}

// alreadyExists is the error for a name that another component of the kind has.
func alreadyExists(kind, name string) *Error {
	return &Error{
		Code:    "42710",
		Message: component.Ref{Kind: kind, Name: name}.String() + " already exists",
		Hint:    "CREATE OR REPLACE " + strings.ToUpper(component.Words(kind)) + " makes a new version of it.",
	}
}

// apply makes the change that decide decided on, and gives the version that it is about; 0 for none.
func apply(tx metadata.Tx, name string, before *metadata.Model, v *metadata.Version, change string) (int, error) {
	switch change {
	case changeNew, changeNewVersion:
		if v.Artifact != "" {
			a := &metadata.Artifact{Digest: v.Artifact, Size: v.ArtifactBytes, CreatedAt: v.CreatedAt}
			if err := tx.PutArtifact(a); err != nil {
				return 0, err
			}
		}
		return tx.AddVersion(name, v)
	case changeUpdate:
		changed := *v
		changed.Version = before.DefaultVersion().Version
		r, err := changed.Record(name)
		if err != nil {
			return 0, err
		}
		return changed.Version, tx.Components().Replace(r)
	}
	return 0, nil
}

// outcomeOf reads, within the transaction, what a change led to.
func outcomeOf(tx metadata.Tx, name string, out *Outcome) (*AddOutcome, error) {
	r, err := tx.Model(name)
	if err != nil {
		return nil, err
	}
	m, err := newModel(r, nil)
	if err != nil {
		return nil, err
	}
	return &AddOutcome{Change: out.Change, Model: m.version(out.Record.Version), Default: out.Default, Replaces: out.Replaces, Jobs: out.Jobs, Breaks: out.Breaks}, nil
}

// modelPlan says what a change of a model means.
func modelPlan(change component.Change) (component.Plan, error) {
	var plan component.Plan
	if change.After == nil {
		return plan, nil
	}
	var def component.ModelDefinition
	if err := json.Unmarshal(change.After.Definition, &def); err != nil {
		return plan, err
	}
	if def.Validation != nil {
		plan.Jobs = append(plan.Jobs, component.Job{Kind: component.JobValidate,
			Args: component.ValidateArgs{Model: change.After.Name, Version: change.After.Version, Validation: *def.Validation}})
	}
	if before := change.Before; before != nil && before.Version != change.After.Version {
		var was component.ModelDefinition
		if err := json.Unmarshal(before.Definition, &was); err != nil {
			return plan, err
		}
		if was.Returns != def.Returns {
			plan.Breaks = append(plan.Breaks, fmt.Sprintf("calls of %q give %s in place of %s", change.After.Name, def.Returns, was.Returns))
		}
		if from, to := typesText(was.Arguments), typesText(def.Arguments); from != to {
			plan.Breaks = append(plan.Breaks, fmt.Sprintf("calls of %q take (%s) in place of (%s)", change.After.Name, to, from))
		}
	}
	return plan, nil
}

// typesText lists the types of arguments.
func typesText(args []component.Argument) string {
	types := make([]string, len(args))
	for i, a := range args {
		types[i] = a.Type
	}
	return strings.Join(types, ", ")
}
