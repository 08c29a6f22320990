package badgerstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
)

// artifacts reads every artifact's record.
func (t *tx) artifacts(ctx context.Context) ([]*metadata.Artifact, error) {
	var found []*metadata.Artifact
	err := t.scan([]byte(artifactPrefix), func(_, value []byte) error {
		a := &metadata.Artifact{}
		found = append(found, a)
		return errors.Join(ctx.Err(), json.Unmarshal(value, a))
	})
	return found, err
}

// PutArtifact implements metadata.Tx.
func (t *tx) PutArtifact(a *metadata.Artifact) error {
	_, err := t.artifact(a.Digest)
	if !errors.Is(err, metadata.ErrNotFound) {
		return err
	}
	added := *a
	added.Refs = 0
	return t.setRecord([]byte(artifactPrefix+a.Digest), &added)
}

// RemoveArtifact implements metadata.Tx.
func (t *tx) RemoveArtifact(digest string) error {
	a, err := t.artifact(digest)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if a.Refs > 0 {
		return fmt.Errorf("artifact %s: %w", digest, metadata.ErrReferenced)
	}
	return t.delete([]byte(artifactPrefix + digest))
}

// refer changes the number of references to an artifact; "" is none.
func (t *tx) refer(digest string, by int) error {
	if digest == "" {
		return nil
	}
	a, err := t.artifact(digest)
	if err != nil {
		return err
	}
	a.Refs += by
	return t.setRecord([]byte(artifactPrefix+digest), a)
}

// artifact reads an artifact's record.
func (t *tx) artifact(digest string) (*metadata.Artifact, error) {
	var a metadata.Artifact
	if err := t.record([]byte(artifactPrefix+digest), &a); err != nil {
		return nil, fmt.Errorf("artifact %s: %w", digest, err)
	}
	return &a, nil
}
