// Package metadata says how components, their versions and their artifacts are recorded. It knows records, and neither
// runtimes nor SQL. The stores are in packages of their own.
package metadata

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Store records components. It is safe for concurrent use. What Update has changed survives a crash of the machine.
//
// Errors are ErrNotFound, ErrExists and ErrReferenced (to be tested with errors.Is), the context's, and for what goes
// wrong in the store itself errors that have a method SQLState.
type Store interface {
	// Models gives every model with all its versions, ordered by name (byte by byte).
	Models(ctx context.Context) ([]*Model, error)
	// Model gives one model with all its versions; ErrNotFound if there is none of that name.
	Model(ctx context.Context, name string) (*Model, error)
	// Artifacts gives every recorded artifact, ordered by digest.
	Artifacts(ctx context.Context) ([]*Artifact, error)
	// Update runs change in one transaction: it is done whole if Update returns nil, and not at all if change
	// returns an error, which Update then returns as it is. Transactions that collide are run again, so change may be
	// called several times, and only its last call counts. A Tx is not used after change has returned.
	Update(ctx context.Context, change func(tx Tx) error) error
	// KeyValue is what the records are in, for those of other kinds. It is closed by Close.
	KeyValue() keyvalue.Store
	// Close lets the store go, once no method runs. Every later call fails.
	Close() error
}

// Tx reads and changes records within one transaction, and reads its own changes. It is not for concurrent use. The
// records that it is given and that it gives belong to the caller.
type Tx interface {
	// Components reads and changes components of any kind, models among them, in the same transaction.
	Components() *component.Tx
	// KeyValue is the transaction itself, for records of other kinds.
	KeyValue() keyvalue.Tx
	// Model gives one model with all its versions; ErrNotFound if there is none of that name.
	Model(name string) (*Model, error)
	// AddVersion records a version and gives it the next number of that name, which it returns; v.Version is not
	// read. The model is made if need be. Numbers count from 1 and are not given again, neither after the version
	// nor after the model was removed. An artifact that v names has to be recorded (ErrNotFound otherwise), and then
	// counts one reference more.
	AddVersion(name string, v *Version) (int, error)
	// SetOptions replaces the options of a version.
	SetOptions(name string, version int, options map[string]string) error
	// SetDefault makes a version the default one; 0 stands for the newest, whichever that is.
	SetDefault(name string, version int) error
	// RemoveVersion removes a version, and with the last one the model. A default that was set to it is the newest
	// again. Its artifact counts one reference less.
	RemoveVersion(name string, version int) error
	// RemoveModel removes a model with all versions.
	RemoveModel(name string) error
	// Rename gives a model another name, which its versions follow with their numbers; ErrExists if that is taken.
	Rename(name, to string) error
	// PutArtifact records an artifact without references, unless it is recorded already. a.Refs is not read.
	PutArtifact(a *Artifact) error
	// RemoveArtifact removes an artifact's record; ErrReferenced if a version refers to it. That there is none is no
	// error.
	RemoveArtifact(digest string) error
}
