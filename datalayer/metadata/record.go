package metadata

import (
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// Model is a named model with its versions.
type Model struct {
	Name string
	// Owner is a role of home; "" for none.
	Owner string
	// Default is the version that was set to be the default one; 0 if none was, which means the newest.
	Default int
	// Versions are ordered by number; there is at least one.
	Versions []*Version
}

// DefaultVersion is the version that the bare name means.
func (m *Model) DefaultVersion() *Version {
	if m.Default != 0 {
		if v := m.Version(m.Default); v != nil {
			return v
		}
	}
	return m.Versions[len(m.Versions)-1]
}

// Version is the version with a number, nil if there is none.
func (m *Model) Version(number int) *Version {
	for _, v := range m.Versions {
		if v.Version == number {
			return v
		}
	}
	return nil
}

// Version is one version of a model. Its texts are valid UTF-8.
type Version struct {
	Version int    `json:"version"`
	Runtime string `json:"runtime"`
	Args    []Arg  `json:"args"`
	// Returns is a type's name, as PostgreSQL's format_type prints it.
	Returns string `json:"returns"`
	// Hash is the SHA-256, in hex, of what changes behaviour.
	Hash string `json:"hash"`
	// Artifact and ArtifactBytes are the digest in hex and the size; "" and 0 where there is no artifact.
	Artifact      string            `json:"artifact,omitempty"`
	ArtifactBytes int64             `json:"artifact_bytes,omitempty"`
	Source        string            `json:"source,omitempty"`
	Options       map[string]string `json:"options,omitempty"`
	Deterministic bool              `json:"deterministic"`
	NullOnNull    bool              `json:"null_on_null"`
	CreatedAt     time.Time         `json:"created_at"`
	CreatedBy     string            `json:"created_by,omitempty"`
	// Models are those of a sequence; none for any other model.
	Models []string `json:"models,omitempty"`
	// Validation is how it is measured when it is added; nil for not at all.
	Validation *component.ValidationDefinition `json:"validation,omitempty"`
	// Uses are the components that it cannot be without.
	Uses []component.Ref `json:"uses,omitempty"`
	// Owner is whom a model that is new belongs to; it is not read otherwise.
	Owner string `json:"-"`
}

// Arg is one argument of a model.
type Arg = component.Argument

// Artifact is an artifact that the artifact store has.
type Artifact = component.Artifact
