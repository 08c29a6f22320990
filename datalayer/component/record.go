// Package component says what a component of any kind is: a named, versioned, owned record with dependencies and
// artifacts, whose content (its definition) belongs to its kind. It knows neither SQL texts nor runtimes.
package component

import (
	"encoding/json"
	"fmt"
	"time"
)

// The kinds of components. The words are those of SQL with an underscore for a blank.
const (
	KindModel       = "model"
	KindListener    = "listener"
	KindVectorIndex = "vector_index"
	KindDataset     = "dataset"
	KindMetric      = "metric"
	KindSecret      = "secret"
)

// Ref names a component of some version.
type Ref struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Version is 0 for whichever is the default one.
	Version int `json:"version,omitempty"`
}

// String writes a reference as messages name components: model "late" version 2.
func (r Ref) String() string {
	text := fmt.Sprintf("%s %q", Words(r.Kind), r.Name)
	if r.Version != 0 {
		text += fmt.Sprintf(" version %d", r.Version)
	}
	return text
}

// Words is a kind as SQL writes it, in lower case: "vector index" for vector_index.
func Words(kind string) string {
	if kind == KindVectorIndex {
		return "vector index"
	}
	return kind
}

// Record is one version of a component as the metadata store has it. What a store returned is not changed.
type Record struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Version int    `json:"version"`
	// Owner is a role of home; "" for a component that was made by the program itself, which then nobody owns but
	// superusers.
	Owner string `json:"owner,omitempty"`
	// Hash is the SHA-256, in hex, of what changes behaviour, and of nothing else.
	Hash string `json:"hash"`
	// Definition is the JSON of the kind's own definition: ModelDefinition, ListenerDefinition, …
	Definition json.RawMessage `json:"definition"`
	// Uses are the components that this one cannot be without.
	Uses []Ref `json:"uses,omitempty"`
	// Artifacts are SHA-256 digests in hex.
	Artifacts []string  `json:"artifacts,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	// CreatedBy is the user that the session logged in as.
	CreatedBy string `json:"created_by,omitempty"`
}

// Ref is the reference to exactly this version.
func (r *Record) Ref() Ref { return Ref{r.Kind, r.Name, r.Version} }

// Component is a named component with its versions.
type Component struct {
	Kind  string
	Name  string
	Owner string
	// Execute are the roles of home, with "public" for all, that may call it beside its owner; nil where no right was
	// ever granted or revoked, which means all.
	Execute []string
	// Chosen is the version that was set to be the default one; 0 if none was, which means the newest.
	Chosen int
	// Versions are ordered by number; there is at least one. A kind that keeps no old versions has exactly one.
	Versions []*Record
}

// Default is the version that the bare name means.
func (c *Component) Default() *Record {
	if r := c.Version(c.Chosen); r != nil {
		return r
	}
	return c.Newest()
}

// Newest is the version with the highest number.
func (c *Component) Newest() *Record { return c.Versions[len(c.Versions)-1] }

// Version is the version with a number, nil if there is none.
func (c *Component) Version(number int) *Record {
	for _, r := range c.Versions {
		if r.Version == number {
			return r
		}
	}
	return nil
}
