package component

import (
	"errors"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// spaceGrants has the roles that may make components, under keyCreate.
const (
	spaceGrants keyvalue.Space = "grants"
	keyCreate                  = "create_component"
)

// Creators are the roles of home, with "public" for all, that were granted to make components.
func Creators(r keyvalue.Reader) ([]string, error) {
	var roles []string
	err := get(r, spaceGrants, keyCreate, &roles)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return roles, err
}

// SetCreators says which roles may make components.
func (t *Tx) SetCreators(roles []string) error { return t.put(spaceGrants, keyCreate, roles) }
