package metadata

import "time"

// Model is a named model with its versions.
type Model struct {
	Name string
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
}

// Arg is one argument of a model.
type Arg struct {
	// Name is "" for an argument without one.
	Name string `json:"name,omitempty"`
	// Type is the type's name, as PostgreSQL's format_type prints it.
	Type string `json:"type"`
}

// Artifact is an artifact that the artifact store has.
type Artifact struct {
	// Digest is the SHA-256 in hex.
	Digest string `json:"digest"`
	// Size is in bytes.
	Size      int64     `json:"size"`
	CreatedAt time.Time `json:"created_at"`
	// Refs is the number of model versions that refer to it.
	Refs int `json:"refs"`
}
