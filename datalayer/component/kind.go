package component

import (
	"context"
	"encoding/json"
	"io"
)

// Kind is what the package of a kind of component gives to the Datalayer. It is safe for concurrent use. Its errors have
// an SQLSTATE (*datalayer.Error or the like), a DETAIL and a HINT where they help.
type Kind interface {
	// Name is the kind's: KindListener, say.
	Name() string
	// KeepsVersions says whether old versions stay (a model's do: m@1 beside m@2), or a new version takes the place of
	// the one before (a listener's). Numbers are counted, and never given twice, in either case.
	KeepsVersions() bool
	// Check completes a definition: it looks whether what it names exists and fits together (tables at home, columns,
	// models in the catalog), fills in defaults, and says what the component uses. It changes nothing that outlives a
	// crash but artifacts. It runs outside the metadata transaction and may take its time; what Uses names is looked
	// for again within the transaction.
	Check(ctx context.Context, in Proposal) (*Checked, error)
	// Plan says what a change of the component means, without doing anything. It is called for EXPLAIN CREATE, and, in
	// the transaction that makes the change, for the jobs to enqueue; so it is quick and reads nothing.
	Plan(change Change) (Plan, error)
}

// Finisher is a Kind that does at once, when a change has been made, what the change's jobs make sure of, so that who made
// the change finds it done: the table of a listener's outputs, say.
type Finisher interface {
	Kind
	// Finish is called once after the change was made, and not at all after a crash. Its error is only logged: the jobs try
	// again.
	Finish(ctx context.Context, change Change) error
}

// Proposal is a component that somebody asks to add.
type Proposal struct {
	Name string
	// Definition is the JSON that the statement, or pinnacle.add, gave.
	Definition json.RawMessage
	// Role is the role on home on whose behalf it is added, and whose rights count: current_user.
	Role string
	// Catalog is what there is now.
	Catalog Catalog
	// Home answers questions about tables and types with the rights of the session that asks, nil where there is none.
	Home Home
	// Artifacts is where Check puts artifacts; in a dry run they are only hashed.
	Artifacts ArtifactWriter
	// DryRun says that nothing is to be kept, artifacts neither.
	DryRun bool
}

// Home is the PostgreSQL behind, asked in the session that runs the statement: within its rights, settings and search_path.
type Home interface {
	// Query runs one statement that reads, with parameters of type text, and gives each column's value as text, nil for NULL.
	Query(ctx context.Context, sql string, args ...string) (rows [][]*string, err error)
}

// ArtifactWriter stores artifacts.
type ArtifactWriter interface {
	// Put reads r to its end and stores the bytes. They are kept, though nothing refers to them yet, until release is
	// called. Memory does not depend on the size.
	Put(ctx context.Context, r io.Reader) (a Artifact, release func(), err error)
}

// Catalog is what components there are at one moment. It is immutable.
type Catalog interface {
	// Component finds a component by kind and name; nil if there is none.
	Component(kind, name string) *Component
	// Components gives all of a kind, ordered by name; all kinds, ordered by kind and name, for "".
	Components(kind string) []*Component
	// Users are the versions that use a component: any version of it where ref has version 0, else that one, or, where
	// that is the default one, the bare name. They are ordered by kind, name and version.
	Users(ref Ref) []*Record
}

// Checked is a definition that can be added.
type Checked struct {
	// Definition is complete. Its JSON, with keys in order, is what Record.Hash is made of, unless Identity is set.
	Definition any
	// Identity is what changes behaviour, where that is less than the definition: two definitions with equal JSON of it
	// are one version, and only their other settings are updated in place.
	Identity any
	Uses     []Ref
	// Artifacts are in the artifact store; of each, digest and size.
	Artifacts []Artifact
	// Release lets go what Check holds until the change is made or given up (artifacts, say); nil for nothing.
	Release func()
}

// Change is a component's way from one definition to another.
type Change struct {
	// Before is nil for a component that is new, After for one that is removed.
	Before, After *Record
	// KeepOutputs says that what the component has made (a listener's table) stays when it is removed.
	KeepOutputs bool
}

// Plan is what a change means.
type Plan struct {
	// Jobs are to be enqueued in the transaction that makes the change, in this order.
	Jobs []Job
	// Breaks are sentences, without a full stop, each naming something that stops working or is done anew: "the outputs
	// in table \"late_outputs\" are recomputed".
	Breaks []string
}

// Job is work that a change starts.
type Job struct {
	// Kind is the name that its handler is registered by: "listener_backfill", say.
	Kind string
	// Args is marshalled to JSON.
	Args any
	// MaxAttempts is 0 for the queue's default.
	MaxAttempts int
}

// Follower is a Kind whose components have work to do when another version of what they use becomes the default one.
type Follower interface {
	Kind
	// Follow says what that means for one of them, which uses the bare name: as Plan does, without doing anything. It is
	// not called where what is used is removed, since then so is user.
	Follow(user *Record, used Change) (Plan, error)
}

// JobValidate is the kind of the job that measures a model which carries its validation; its arguments are ValidateArgs.
const JobValidate = "validate_model"

// ValidateArgs are the arguments of JobValidate.
type ValidateArgs struct {
	Model      string               `json:"model"`
	Version    int                  `json:"version"`
	Validation ValidationDefinition `json:"validation"`
}
