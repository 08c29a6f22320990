package datalayer

import (
	"context"
	"errors"
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Acquire implements Predictor.
func (d *Datalayer) Acquire(ctx context.Context, name string, version int) (*Lease, error) {
	if v, m, err := d.virtual(name); err != nil || v != nil {
		if err != nil {
			return nil, ErrorOf(err)
		}
		return &Lease{version: v, model: m, maxBatch: m.MaxBatch(), release: func() {}}, nil
	}
	v, err := d.catalog.Load().find(name, version)
	if err != nil {
		return nil, err
	}
	m, err := d.loads.acquire(ctx, v)
	if err != nil {
		return nil, ErrorOf(err)
	}
	maxBatch := max(1, m.model.MaxBatch())
	if v.maxBatch > 0 {
		maxBatch = min(maxBatch, v.maxBatch)
	}
	return &Lease{version: v, model: m.model, maxBatch: maxBatch, release: func() { d.loads.release(m) }}, nil
}

// loadVersion loads a version of the catalog.
func (d *Datalayer) loadVersion(ctx context.Context, v *ModelVersion) (udf.Model, error) {
	if v.Models != nil {
		return d.loadSequence(ctx, v)
	}
	path, done, err := d.artifactFile(ctx, v)
	if err != nil {
		return nil, err
	}
	defer done()
	runtime, err := d.runtime(v.Runtime)
	if err != nil {
		return nil, err
	}
	options, err := d.withSecrets(runtimeOptions(v.Options))
	if err != nil {
		return nil, err
	}
	model, err := runtime.Load(ctx, udf.Spec{
		Name: v.Name, Version: v.Version, Source: v.Source, Artifact: path,
		Args: v.Args, Returns: v.Returns, Options: options,
	})
	if err != nil {
		return nil, err
	}
	if err := checkSignature(v, model.Signature()); err != nil {
		return nil, errors.Join(err, model.Close())
	}
	return model, nil
}

// checkSignature makes sure that a model that was loaded again takes and gives what it did when it was added.
func checkSignature(v *ModelVersion, s udf.Signature) error {
	same := len(s.Args) == len(v.Args) && s.Returns == v.Returns
	for i := 0; same && i < len(s.Args); i++ {
		same = s.Args[i].Type == v.Args[i].Type
	}
	if same {
		return nil
	}
	return &Error{
		Code:    "55000",
		Message: fmt.Sprintf("model %q version %d is not what it was when it was made", v.Name, v.Version),
		Detail: fmt.Sprintf("It was (%s) returning %s; its runtime now says (%s) returning %s.",
			argumentsText(v.Args), v.Returns, argumentsText(s.Args), s.Returns),
		Hint: "Make it again with CREATE OR REPLACE MODEL.",
	}
}

// artifactFile gives the name of a file with the verified bytes of a version's artifact, "" where it has none. done is
// called when the file is not needed any more.
func (d *Datalayer) artifactFile(ctx context.Context, v *ModelVersion) (path string, done func(), err error) {
	if v.ArtifactDigest == "" {
		return "", func() {}, nil
	}
	digest, err := artifacts.ParseDigest(v.ArtifactDigest)
	if err != nil {
		return "", nil, err
	}
	unpin := d.pins.pin(digest)
	path, remove, err := d.localFile(ctx, digest)
	if err != nil {
		unpin()
		return "", nil, artifactError(v, err)
	}
	return path, func() { remove(); unpin() }, nil
}

// artifactError says of which model an artifact is corrupt or missing.
func artifactError(v *ModelVersion, err error) error {
	is := "is missing"
	switch {
	case errors.Is(err, artifacts.ErrCorrupt):
		is = "is corrupt"
	case !errors.Is(err, artifacts.ErrNotFound):
		return err
	}
	e := ErrorOf(err)
	return &Error{
		Code:    e.Code,
		Message: fmt.Sprintf("the artifact of model %q version %d %s: %s", v.Name, v.Version, is, v.ArtifactDigest),
		Detail:  e.Detail,
		Hint:    "Put the same bytes again with COPY pinnacle.artifacts FROM STDIN; that mends it.",
		Err:     err,
	}
}
