package metadata

import "errors"

var (
	// ErrNotFound says that there is no record of that name, version or digest.
	ErrNotFound = errors.New("no such record")
	// ErrExists says that a name is taken.
	ErrExists = errors.New("the name is taken")
	// ErrReferenced says that an artifact cannot go because a version refers to it.
	ErrReferenced = errors.New("the artifact is referred to")
)
