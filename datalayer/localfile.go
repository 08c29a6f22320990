package datalayer

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
)

// copyPattern names the private copies in CacheDir, as os.CreateTemp takes it.
const copyPattern = "artifact-*"

// openCacheDir makes CacheDir, and removes the copies that a crash left in it.
func (d *Datalayer) openCacheDir() error {
	if d.config.CacheDir == "" {
		dir, err := os.MkdirTemp("", "pinnacle-cache-*") // mode 0700
		if err != nil {
			return ErrorOf(artifacts.Failed("make a cache directory", "a temporary directory", err))
		}
		d.config.CacheDir, d.ownCacheDir = dir, true
		return nil
	}
	if err := os.MkdirAll(d.config.CacheDir, 0o700); err != nil {
		return ErrorOf(artifacts.Failed("make the cache directory", d.config.CacheDir, err))
	}
	entries, err := os.ReadDir(d.config.CacheDir)
	if err != nil {
		return ErrorOf(artifacts.Failed("read the cache directory", d.config.CacheDir, err))
	}
	for _, e := range entries {
		if ok, err := filepath.Match(copyPattern, e.Name()); err != nil || !ok {
			continue
		}
		if err := os.Remove(filepath.Join(d.config.CacheDir, e.Name())); err != nil {
			return ErrorOf(artifacts.Failed("clean the cache directory", d.config.CacheDir, err))
		}
	}
	return nil
}

// localFile gives the name of a file with an artifact's verified bytes: the store's own, where it has files, or else a
// copy. done is called when it is not needed any more.
func (d *Datalayer) localFile(ctx context.Context, digest artifacts.Digest) (path string, done func(), err error) {
	if local, ok := d.config.Artifacts.(artifacts.Local); ok {
		path, err := local.Path(ctx, digest)
		return path, func() {}, err
	}
	rc, _, err := d.config.Artifacts.Open(ctx, digest)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = rc.Close() }() // it was only read
	return d.privateCopy(ctx, rc)
}

// privateCopy writes r to a file of CacheDir that nobody else writes to. done removes it. An error of r is returned as it
// is.
func (d *Datalayer) privateCopy(ctx context.Context, r io.Reader) (path string, done func(), err error) {
	f, err := os.CreateTemp(d.config.CacheDir, copyPattern) // mode 0600
	if err != nil {
		return "", nil, artifacts.Failed("copy the artifact", "the cache directory "+d.config.CacheDir, err)
	}
	done = func() {
		if err := os.Remove(f.Name()); err != nil {
			d.config.Logger.Warn("a copy of an artifact could not be removed", "error", err)
		}
	}
	source := &errorKeeper{ctx: ctx, r: r}
	_, err = io.Copy(f, source)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err == nil:
		return f.Name(), done, nil
	case source.err != nil:
		err = source.err
	default:
		err = artifacts.Failed("copy the artifact", "the cache directory "+d.config.CacheDir, err)
	}
	done()
	return "", nil, err
}

// errorKeeper is a reader that ends with a context, and keeps the error by which it ended, so that it can be told from a
// writer's.
type errorKeeper struct {
	ctx context.Context
	r   io.Reader
	// err is nil at the proper end.
	err error
}

// Read implements io.Reader.
func (k *errorKeeper) Read(p []byte) (int, error) {
	if k.err = k.ctx.Err(); k.err != nil {
		return 0, k.err
	}
	n, err := k.r.Read(p)
	if err != nil && err != io.EOF {
		k.err = err
	}
	return n, err
}

// limited is a reader that fails where more than a number of bytes come.
type limited struct {
	r io.Reader
	// left is what may still come, max what might at first.
	left, max int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, artifactTooLarge(l.max)
	}
	return n, err
}

// artifactTooLarge is the error for an artifact of more than limit bytes.
func artifactTooLarge(limit int64) *Error {
	return &Error{
		Code:    "54000",
		Message: "the artifact is too large",
		Detail:  fmt.Sprintf("More than %d bytes are not taken.", limit),
		Hint:    "Raise artifact_max_bytes.",
	}
}
