// Package datalayer is the Datalayer: it keeps components (models, for now) with their versions and artifacts, loads
// them into runtimes, and answers predictions. It knows neither the wire protocol nor SQL text.
package datalayer

import (
	"context"
	"io"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// ModelDefinition is what CREATE MODEL declares.
type ModelDefinition struct {
	Name string
	// Runtime is the word after USING.
	Runtime string
	// Args and Returns are nil and udf.Invalid where the model itself says them. HasArgs tells an empty list from none.
	Args    []udf.Arg
	HasArgs bool
	Returns udf.Type
	// Models make it a sequence of models, each named with or without @version: Runtime, Args, Returns, Artifact and
	// Source are not given then.
	Models []string
	// Artifact names the model's bytes: a path (under a directory that the setting artifact_import_dirs allows),
	// "sha256:<hex>" or "<hex>" of one that is in the store already, or the name given to COPY pinnacle.artifacts;
	// "" for none.
	Artifact  string
	Source    string
	HasSource bool
	// Options are the WITH (…) keys, in lower case. deterministic and null_on_null (booleans) and max_batch are the
	// Datalayer's own; the rest goes to the runtime.
	Options map[string]string
	// Validation is how it is measured when it is added; nil for not at all.
	Validation *component.ValidationDefinition
}

// AddMode says what Add does about a name that is taken.
type AddMode uint8

// The modes of Add.
const (
	// AddNew fails with 42710 where the name is taken by a model of another content; the same content is no change.
	AddNew AddMode = iota
	// AddIfNotExists leaves a model that exists as it is.
	AddIfNotExists
	// AddOrReplace makes a new version, unless the content is the default version's.
	AddOrReplace
)

// AddOutcome tells what Add did, or, in a dry run, would do.
type AddOutcome struct {
	// Change is "new", "same", "exists", "update" or "new version". Options that do not change behaviour (max_batch) are
	// changed in place, which is "update".
	Change string
	// Model is the version that was made, or that was there already. Its Default says whether the bare name means
	// it: a new version becomes the default one, unless SetDefault chose an older one.
	Model *ModelVersion
	// Default is the version that the bare name means now.
	Default int
	// Replaces is the version that was the default before, where another one became it; 0 for none.
	Replaces int
	// Jobs are the kinds of the jobs that were started, and Breaks sentences that say what stops working, or is done anew.
	Jobs, Breaks []string
}

// ModelVersion is one version of a model as the metadata store has it. It is immutable once returned.
type ModelVersion struct {
	Name    string
	Version int
	// Default says that the bare name means this version.
	Default bool
	Runtime string
	Args    []udf.Arg
	Returns udf.Type
	// Hash is the SHA-256, in hex, of what changes behaviour.
	Hash string
	// ArtifactDigest and ArtifactBytes are "" and 0 where there is no artifact.
	ArtifactDigest string
	ArtifactBytes  int64
	Source         string
	// Models are those of a sequence, each with its version; none for any other model.
	Models        []string
	Options       map[string]string
	Deterministic bool
	// NullOnNull says that a NULL argument gives NULL without a call.
	NullOnNull bool
	CreatedAt  time.Time
	CreatedBy  string
	// Owner is the role that it belongs to, "" for none.
	Owner string
	// Validation is how it is measured when it is added; nil for not at all.
	Validation *component.ValidationDefinition

	// maxBatch is the option max_batch, 0 where it is not set.
	maxBatch int
	// counters are what predict_stats has of this version; nil for one that is not in the catalog.
	counters *counters
}

// Components is the part of the Datalayer that component statements use. *Datalayer implements it.
type Components interface {
	Add(ctx context.Context, def ModelDefinition, mode AddMode, user string) (*AddOutcome, error)
	// PlanAdd is the dry run of Add.
	PlanAdd(ctx context.Context, def ModelDefinition, mode AddMode) (*AddOutcome, error)
	// Show lists the default version of every model, by name; like is an SQL LIKE pattern, nil for all.
	Show(ctx context.Context, like *string) ([]*ModelVersion, error)
	// Describe gives one version; version 0 is the default one.
	Describe(ctx context.Context, name string, version int) (*ModelVersion, error)
	// Remove drops a version, or with version 0 the model with all its versions. It reports whether anything was there
	// (false only with ifExists). Where the default version is dropped, the newest becomes it.
	Remove(ctx context.Context, name string, version int, ifExists bool) (bool, error)
	Rename(ctx context.Context, name, to string) error
	// SetDefault makes a version the default one, also after newer ones are added; the newest version stands for
	// whichever is the newest.
	SetDefault(ctx context.Context, name string, version int) error
	// SetOptions changes options; one that changes behaviour makes a new version.
	SetOptions(ctx context.Context, name string, options map[string]string, user string) (*AddOutcome, error)
	// PutArtifact stores bytes under their digest and gives digest and size.
	PutArtifact(ctx context.Context, r io.Reader) (digest string, size int64, err error)
}

// Registry is the part of the Datalayer that statements about components of any kind use. *Datalayer implements it.
type Registry interface {
	AddComponent(ctx context.Context, req Request) (*Outcome, error)
	PlanComponent(ctx context.Context, req Request) (*Outcome, error)
	RemoveComponent(ctx context.Context, r Removal) ([]component.Ref, error)
	// MayRemove refuses to remove what is not there (42704), or not the role's (42501). Users are not looked at.
	MayRemove(ctx context.Context, r Removal) error
	RenameComponent(ctx context.Context, by Requester, kind, name, to string) error
	SetOwner(ctx context.Context, by Requester, kind, name, owner string) error
	SetDefaultVersion(ctx context.Context, by Requester, ref component.Ref) error
	ChangeDefinition(ctx context.Context, by Requester, kind, name string, keys map[string]any, options map[string]string) (*Outcome, error)
	Grant(ctx context.Context, g Grant) error
	// Component finds one version of a component; 0 stands for the default one. One that is not there is 42704.
	Component(ref component.Ref) (*component.Record, error)
	// Components is what components there are now.
	Components() component.Catalog
	MayCreate(ctx context.Context, by Requester, what string) error
	MayExecute(ctx context.Context, by Requester, name string) error
	Restricted(name string) bool
	// Call runs a function of the schema pinnacle that Config.Functions has.
	Call(ctx context.Context, by Requester, name string, args []*string) (any, error)
}

// Function is a function of the schema pinnacle, SELECT pinnacle.name(argument, …): it is given its arguments as text, nil
// for NULL, and its answer is written as JSON.
type Function func(ctx context.Context, by Requester, args []*string) (any, error)

// Predictor is the part of the Datalayer that statements with predict use. *Datalayer implements it.
type Predictor interface {
	// Acquire finds a model version (0: the default), loads it if need be, and holds it until Release. An unknown name
	// is an *Error with 42704 (undefined_object) and a HINT that names near ones.
	Acquire(ctx context.Context, name string, version int) (*Lease, error)
	// Record adds what one statement did with one model to predict_stats and the metrics.
	Record(model *ModelVersion, s CallStats)
}

// CallStats is what one statement did with one model. Calls counts the argument tuples handed to the model, Batches the
// times it was called.
type CallStats struct {
	Rows, Distinct, NullSkipped, Cached, Shared, Calls, Batches, Errors int64
	// Busy is the time spent in the model.
	Busy time.Duration
}

// Table is the content of a table of the schema pinnacle, read at one moment.
type Table struct {
	Name    string
	Columns []TableColumn
	// Rows hold JSON-able values: nil, bool, int64, float64, string, time.Time, []string, map[string]string.
	Rows [][]any
}

// TableColumn is a column of a Table, with its PostgreSQL type's name.
type TableColumn struct{ Name, Type string }

// Tables gives the tables of the schema pinnacle. *Datalayer implements it.
type Tables interface {
	// Table reads one table; an unknown name is an *Error with 42P01.
	Table(ctx context.Context, name string) (*Table, error)
	// TableColumns gives a table's columns without reading it.
	TableColumns(name string) ([]TableColumn, error)
}

// Error is an error that a user can act on. Code is an SQLSTATE.
type Error struct {
	Code    string
	Message string
	Detail  string
	Hint    string
	// Err is the cause, nil for none.
	Err error
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// SQLState is the error's five-character code.
func (e *Error) SQLState() string { return e.Code }
