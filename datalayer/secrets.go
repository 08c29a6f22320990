package datalayer

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// Secrets reads secrets.
type Secrets interface {
	// Of gives the secret that a record stands for, as it is now. Its errors do not hold the secret.
	Of(r *component.Record) (string, error)
}

// usedSecrets lists the secrets that options name.
func usedSecrets(options map[string]string) []component.Ref {
	var uses []component.Ref
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if name, ok := component.SecretNamed(options[key]); ok {
			if ref := (component.Ref{Kind: component.KindSecret, Name: name}); !slices.Contains(uses, ref) {
				uses = append(uses, ref)
			}
		}
	}
	return uses
}

// withSecrets gives options with the secrets in place of their names. They are for a runtime alone: they are not recorded,
// shown or logged.
func (d *Datalayer) withSecrets(options map[string]string) (map[string]string, error) {
	if len(usedSecrets(options)) == 0 {
		return options, nil
	}
	if d.config.Secrets == nil {
		return nil, &Error{Code: "0A000", Message: "options cannot name secrets here", Hint: "Set Config.Secrets."}
	}
	filled := maps.Clone(options)
	for key, value := range options {
		name, ok := component.SecretNamed(value)
		if !ok {
			continue
		}
		r, err := d.Component(component.Ref{Kind: component.KindSecret, Name: name})
		if err != nil {
			return nil, err
		}
		if filled[key], err = d.config.Secrets.Of(r); err != nil {
			return nil, fmt.Errorf("option %q: %w", key, err)
		}
	}
	return filled, nil
}

// outdated lists the versions of models whose secrets another catalog has in another place.
func (c *catalog) outdated(after *catalog) []*ModelVersion {
	var list []*ModelVersion
	for _, m := range c.models {
		for _, v := range m.versions {
			for _, used := range usedSecrets(v.Options) {
				if c.components.Component(used.Kind, used.Name) != after.components.Component(used.Kind, used.Name) {
					list = append(list, v)
				}
			}
		}
	}
	return list
}
