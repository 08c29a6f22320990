package datalayer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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
	return d.add(ctx, addition{def: def, mode: mode, user: user})
}

// PlanAdd implements Components: Add without storing the artifact and without committing.
func (d *Datalayer) PlanAdd(ctx context.Context, def ModelDefinition, mode AddMode) (*AddOutcome, error) {
	return d.add(ctx, addition{def: def, mode: mode, dryRun: true})
}

// addition is one call of Add, PlanAdd or SetOptions.
type addition struct {
	def    ModelDefinition
	mode   AddMode
	user   string
	dryRun bool
	// base is the default version that def was made from, 0 for none. If it is not the default one any more when
	// the metadata is changed, nothing is changed, and the error is errBaseChanged.
	base int
}

// add does what Add says.
func (d *Datalayer) add(ctx context.Context, req addition) (*AddOutcome, error) {
	def := req.def
	if err := d.checkDefinition(def); err != nil {
		return nil, err
	}
	if req.mode == AddIfNotExists {
		if m := d.catalog.Load().models[def.Name]; m != nil {
			return &AddOutcome{Change: changeExists, Model: m.byDefault, Default: m.byDefault.Version}, nil
		}
	}
	a, err := d.resolveArtifact(ctx, def.Artifact, req.dryRun)
	if err != nil {
		return nil, ErrorOf(err)
	}
	defer a.done()
	record, err := d.inspect(ctx, def, a)
	if err != nil {
		return nil, ErrorOf(err)
	}
	record.CreatedBy = req.user
	outcome, err := d.commit(ctx, req, record)
	if err != nil {
		return nil, err
	}
	return outcome, nil
}

// checkDefinition refuses a definition for what can be seen without reading anything.
func (d *Datalayer) checkDefinition(def ModelDefinition) error {
	if err := checkName(def.Name); err != nil {
		return err
	}
	if _, err := d.runtime(def.Runtime); err != nil {
		return err
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

// checkName refuses a name that no model can have. An @ would be taken for the beginning of a version.
func checkName(name string) error {
	e := &Error{Code: "42602"}
	switch {
	case name == "":
		e.Message = "a model's name must not be empty"
	case len(name) > maxNameBytes:
		e.Code = "42622"
		e.Message = fmt.Sprintf("model name %q is too long", strings.ToValidUTF8(name[:maxNameBytes], "")+"…")
		e.Detail = fmt.Sprintf("It has %d bytes; at most %d are allowed.", len(name), maxNameBytes)
	case !utf8.ValidString(name):
		e.Message = fmt.Sprintf("model name %q is not valid UTF-8", name)
	case strings.ContainsAny(name, "@\x00"):
		e.Message = fmt.Sprintf("model name %q holds a character that is not allowed", name)
		e.Hint = "A name holds no @: 'name@2' means version 2 of the model."
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
	spec := udf.Spec{
		Name: def.Name, Source: def.Source, Artifact: a.path, Returns: def.Returns, Options: runtimeOptions(def.Options),
	}
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
	}
	for i, arg := range signature.Args {
		v.Args[i] = metadata.Arg{Name: arg.Name, Type: arg.Type.String()}
	}
	v.Hash, err = hash(v)
	return v, err
}

// commit records a version as the mode says, and tells what that did.
func (d *Datalayer) commit(ctx context.Context, req addition, v *metadata.Version) (*AddOutcome, error) {
	var outcome *AddOutcome
	name, mode := req.def.Name, req.mode
	err := d.change(ctx, name, name, func(tx metadata.Tx) error {
		before, err := tx.Model(name)
		if err != nil && !errors.Is(err, metadata.ErrNotFound) {
			return err
		}
		if req.base != 0 && (before == nil || before.DefaultVersion().Version != req.base) {
			return errBaseChanged
		}
		change, err := decide(name, before, v, mode)
		if err != nil {
			return err
		}
		if err := apply(tx, name, before, v, change, mode); err != nil {
			return err
		}
		if outcome, err = outcomeOf(tx, name, before, change); err != nil {
			return err
		}
		if req.dryRun {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return nil, err
	}
	if req.dryRun {
		return outcome, nil
	}
	if made, err := d.catalog.Load().find(name, outcome.Model.Version); err == nil {
		outcome.Model = made
	}
	return outcome, nil
}

// decide says what adding a version to a model is; before is nil where there is no model of that name.
func decide(name string, before *metadata.Model, v *metadata.Version, mode AddMode) (string, error) {
	switch {
	case before == nil:
		return changeNew, nil
	case mode == AddIfNotExists:
		return changeExists, nil
	case before.DefaultVersion().Hash == v.Hash:
		return changeSame, nil
	case mode == AddOrReplace:
		return changeNewVersion, nil
	}
	return "", alreadyExists(name)
}

// alreadyExists is the error for a name that another model has.
func alreadyExists(name string) *Error {
	return &Error{
		Code:    "42710",
		Message: fmt.Sprintf("model %q already exists", name),
		Hint:    "CREATE OR REPLACE MODEL makes a new version of it.",
	}
}

// apply makes the change that decide decided on.
func apply(tx metadata.Tx, name string, before *metadata.Model, v *metadata.Version, change string, mode AddMode) error {
	switch change {
	case changeNew, changeNewVersion:
		if v.Artifact != "" {
			a := &metadata.Artifact{Digest: v.Artifact, Size: v.ArtifactBytes, CreatedAt: v.CreatedAt}
			if err := tx.PutArtifact(a); err != nil {
				return err
			}
		}
		_, err := tx.AddVersion(name, v)
		return err
	case changeSame:
		was := before.DefaultVersion()
		if mode == AddOrReplace && !maps.Equal(was.Options, v.Options) {
			return tx.SetOptions(name, was.Version, v.Options)
		}
	}
	return nil
}

// outcomeOf reads, within the transaction, what a change led to.
func outcomeOf(tx metadata.Tx, name string, before *metadata.Model, change string) (*AddOutcome, error) {
	r, err := tx.Model(name)
	if err != nil {
		return nil, err
	}
	m, err := newModel(r, nil)
	if err != nil {
		return nil, err
	}
	o := &AddOutcome{Change: change, Model: m.byDefault, Default: m.byDefault.Version}
	if change == changeNewVersion {
		o.Model = m.versions[len(m.versions)-1]
		if o.Model.Default {
			o.Replaces = before.DefaultVersion().Version
		}
	}
	return o, nil
}
