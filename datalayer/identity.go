package datalayer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
)

// identity is what decides whether two versions behave alike. Its JSON (fields in this order, keys of maps sorted, no
// blanks) is what ModelVersion.Hash is made of, so a change here makes every model differ from what is recorded.
type identity struct {
	// Format counts the changes of this structure.
	Format        int               `json:"format"`
	Runtime       string            `json:"runtime"`
	Args          []metadata.Arg    `json:"args"`
	Returns       string            `json:"returns"`
	Source        string            `json:"source"`
	Artifact      string            `json:"artifact"`
	Options       map[string]string `json:"options"`
	Deterministic bool              `json:"deterministic"`
	NullOnNull    bool              `json:"null_on_null"`
	// Models is left out where there are none, so that it changes no hash of another model.
	Models []string `json:"models,omitempty"`
}

// hash gives the SHA-256, in hex, of what changes a version's behaviour: neither its name nor its number, nor max_batch.
func hash(v *metadata.Version) (string, error) {
	options := runtimeOptions(v.Options)
	if len(options) == 0 {
		options = nil
	}
	text, err := json.Marshal(identity{
		Format: 1, Runtime: v.Runtime, Args: v.Args, Returns: v.Returns, Source: v.Source, Artifact: v.Artifact,
		Options: options, Deterministic: v.Deterministic, NullOnNull: v.NullOnNull, Models: v.Models,
	})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
