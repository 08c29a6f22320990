package datalayer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
)

// artifact is the artifact of a model that is being added.
type artifact struct {
	// digest and size are "" and 0 where there is none.
	digest string
	size   int64
	// path is a file with its verified bytes, "" where there is none.
	path string
	// done is called when the model is added, or was not.
	done func()
}

// PutArtifact implements Components.
func (d *Datalayer) PutArtifact(ctx context.Context, r io.Reader) (string, int64, error) {
	digest, size, unpin, err := d.put(ctx, r)
	if err != nil {
		return "", 0, ErrorOf(err)
	}
	defer unpin()
	record := &metadata.Artifact{Digest: digest.String(), Size: size, CreatedAt: time.Now().UTC().Truncate(time.Microsecond)}
	err = d.config.Metadata.Update(ctx, func(tx metadata.Tx) error { return tx.PutArtifact(record) })
	if err != nil {
		return "", 0, ErrorOf(err)
	}
	return digest.String(), size, nil
}

// put stores bytes and holds them until unpin is called.
func (d *Datalayer) put(ctx context.Context, r io.Reader) (digest artifacts.Digest, size int64, unpin func(), err error) {
	defer d.pins.putting()()
	limit := d.config.MaxArtifactBytes
	digest, size, err = d.config.Artifacts.Put(ctx, &limited{r: r, left: limit, max: limit})
	if err != nil {
		return artifacts.Digest{}, 0, nil, err
	}
	return digest, size, d.pins.pin(digest), nil
}

// artifactWriter implements component.ArtifactWriter.
type artifactWriter struct {
	d      *Datalayer
	dryRun bool
}

// Put implements component.ArtifactWriter.
func (w artifactWriter) Put(ctx context.Context, r io.Reader) (component.Artifact, func(), error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	if w.dryRun {
		hash := sha256.New()
		limit := w.d.config.MaxArtifactBytes
		size, err := io.Copy(hash, &limited{r: r, left: limit, max: limit})
		return component.Artifact{Digest: hex.EncodeToString(hash.Sum(nil)), Size: size, CreatedAt: now}, func() {}, err
	}
	digest, size, unpin, err := w.d.put(ctx, r)
	if err != nil {
		return component.Artifact{}, nil, err
	}
	return component.Artifact{Digest: digest.String(), Size: size, CreatedAt: now}, unpin, nil
}

// resolveArtifact finds what FROM names. A file of the server is put into the store, or in a dry run only copied.
func (d *Datalayer) resolveArtifact(ctx context.Context, from string, dryRun bool) (artifact, error) {
	if from == "" {
		return artifact{done: func() {}}, nil
	}
	digest, err := artifacts.ParseDigest(from)
	if err == nil {
		return d.storedArtifact(ctx, digest)
	}
	if strings.HasPrefix(from, "sha256:") {
		return artifact{}, &Error{Code: "22023", Message: "invalid artifact: " + err.Error()}
	}
	if scheme, _, ok := strings.Cut(from, "://"); ok && scheme != "file" {
		return artifact{}, &Error{
			Code:    "0A000",
			Message: fmt.Sprintf("artifacts cannot be read from %q addresses", scheme),
			Hint:    "Name a file of the server, or the SHA-256 of an artifact that is in the store.",
		}
	}
	return d.importArtifact(ctx, from, dryRun)
}

// storedArtifact is an artifact that is in the store already.
func (d *Datalayer) storedArtifact(ctx context.Context, digest artifacts.Digest) (artifact, error) {
	unpin := d.pins.pin(digest)
	info, err := d.config.Artifacts.Touch(ctx, digest) // another process may be about to collect it
	if errors.Is(err, artifacts.ErrNotFound) {
		err = &Error{
			Code:    "58P01",
			Message: fmt.Sprintf("artifact %s does not exist", digest),
			Hint:    "COPY pinnacle.artifacts FROM STDIN puts one; SHOW ARTIFACTS lists them.",
			Err:     err,
		}
	}
	if err != nil {
		unpin()
		return artifact{}, err
	}
	path, remove, err := d.localFile(ctx, digest)
	if err != nil {
		unpin()
		return artifact{}, err
	}
	return artifact{digest: digest.String(), size: info.Size, path: path, done: func() { remove(); unpin() }}, nil
}

// importArtifact reads a file of the server.
func (d *Datalayer) importArtifact(ctx context.Context, path string, dryRun bool) (artifact, error) {
	f, size, err := d.openImport(path)
	if err != nil {
		return artifact{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	if limit := d.config.MaxArtifactBytes; size > limit {
		return artifact{}, artifactTooLarge(limit)
	}
	if dryRun {
		return d.copyArtifact(ctx, f)
	}
	digest, _, unpin, err := d.put(ctx, f)
	if err != nil {
		return artifact{}, err
	}
	defer unpin()
	return d.storedArtifact(ctx, digest)
}

// copyArtifact is bytes that are not to be stored.
func (d *Datalayer) copyArtifact(ctx context.Context, r io.Reader) (artifact, error) {
	hash := sha256.New()
	limit := d.config.MaxArtifactBytes
	counted := &limited{r: io.TeeReader(r, hash), left: limit, max: limit}
	path, done, err := d.privateCopy(ctx, counted)
	if err != nil {
		return artifact{}, err
	}
	return artifact{digest: hex.EncodeToString(hash.Sum(nil)), size: limit - counted.left, path: path, done: done}, nil
}
