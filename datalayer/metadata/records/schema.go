package records

import (
	"context"
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// The records; the parts of a key are put together by keyvalue.Key.
//
//	models/(name)             header of a model
//	versions/(id, number)     a version of the model with that id
//	model_numbers/(name)      the last version number of a name whose model is gone
//	counters/model_id         the last model id
//	artifacts/digest          an artifact
//
// Versions hang on an id and not on the name, so that to rename a model is one small change whatever it has.
const (
	modelSpace    keyvalue.Space = "models"
	versionSpace  keyvalue.Space = "versions"
	numberSpace   keyvalue.Space = "model_numbers"
	counterSpace  keyvalue.Space = "counters"
	artifactSpace keyvalue.Space = "artifacts"

	lastIDKey = "model_id"
)

// header is what is kept of a model.
type header struct {
	ID uint64 `json:"id"`
	// Default is the version that was set to be the default one, 0 for none.
	Default int `json:"default,omitempty"`
	// Last is the last version number that was given.
	Last int `json:"last"`
}

// versionsKey is the prefix of the keys of a model's versions.
func versionsKey(id uint64) string { return keyvalue.Key(keyvalue.Number(id)) }

// versionKey is the key of one version.
func versionKey(id uint64, version int) string {
	return keyvalue.Key(keyvalue.Number(id), keyvalue.Number(uint64(version)))
}

// migrations bring the records from one version of the layout to the next.
func migrations() []keyvalue.Migration {
	return []keyvalue.Migration{
		func(context.Context, keyvalue.Store) error { return nil }, // 1: the layout above
	}
}

// corrupt is the error for a record that is not what it should be.
func corrupt(space keyvalue.Space, key string, err error) error {
	return &keyvalue.Error{
		Code:    "XX001",
		Message: fmt.Sprintf("could not read the metadata record %q of %s: %v", key, space, err),
		Hint:    "Restore a backup of the metadata store.",
		Err:     err,
	}
}
