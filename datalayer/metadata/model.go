package metadata

import (
	"encoding/json"
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// ModelOf reads a component as the model that it is.
func ModelOf(c *component.Component) (*Model, error) {
	m := &Model{Name: c.Name, Owner: c.Owner, Default: c.Chosen}
	for _, r := range c.Versions {
		v, err := versionOf(r)
		if err != nil {
			return nil, err
		}
		m.Versions = append(m.Versions, v)
	}
	return m, nil
}

// versionOf reads a record as a version of a model.
func versionOf(r *component.Record) (*Version, error) {
	var d component.ModelDefinition
	if err := json.Unmarshal(r.Definition, &d); err != nil {
		return nil, &keyvalue.Error{Code: "XX001", Message: fmt.Sprintf("could not read the metadata of %s: %v", r.Ref(), err),
			Hint: "Restore a backup of the metadata store.", Err: err}
	}
	return &Version{
		Version: r.Version, Runtime: d.Runtime, Args: d.Arguments, Returns: d.Returns, Hash: r.Hash, Artifact: d.Artifact,
		ArtifactBytes: d.ArtifactBytes, Source: d.Source, Options: d.Options, Deterministic: d.Deterministic, NullOnNull: d.NullOnNull,
		CreatedAt: r.CreatedAt, CreatedBy: r.CreatedBy, Models: d.Models, Validation: d.Validation, Uses: r.Uses, Owner: r.Owner,
	}, nil
}

// Record writes a version as the component that it is.
func (v *Version) Record(name string) (*component.Record, error) {
	definition, err := json.Marshal(component.ModelDefinition{
		Runtime: v.Runtime, Models: v.Models, Arguments: v.Args, Returns: v.Returns, Artifact: v.Artifact, ArtifactBytes: v.ArtifactBytes,
		Source: v.Source, Options: v.Options, Deterministic: v.Deterministic, NullOnNull: v.NullOnNull, Validation: v.Validation,
	})
	if err != nil {
		return nil, err
	}
	r := &component.Record{
		Kind: component.KindModel, Name: name, Version: v.Version, Owner: v.Owner, Hash: v.Hash, Definition: definition, Uses: v.Uses,
		CreatedAt: v.CreatedAt, CreatedBy: v.CreatedBy,
	}
	if v.Artifact != "" {
		r.Artifacts = []string{v.Artifact}
	}
	return r, nil
}
