package metadata

import "github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"

var (
	// ErrNotFound says that there is no record of that name, version or digest.
	ErrNotFound = component.ErrNotFound
	// ErrExists says that a name is taken.
	ErrExists = component.ErrExists
	// ErrReferenced says that an artifact cannot go because a version refers to it.
	ErrReferenced = component.ErrReferenced
)
