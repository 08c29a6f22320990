// Package upkeep looks after the metadata and the artifact store together: it collects artifacts that nothing refers to,
// verifies that what is referred to is there and whole, and copies everything to a backup and to other stores.
package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Stores are the two stores that belong together.
type Stores struct {
	Metadata  keyvalue.Store
	Artifacts artifacts.Store
}

// snapshot is what the metadata says of artifacts at one moment.
type snapshot struct {
	// recorded are the artifacts by digest.
	recorded map[string]*component.Artifact
	// users are the components that refer to an artifact.
	users map[string][]component.Ref
}

// snapshot reads it.
func (s Stores) snapshot(ctx context.Context) (*snapshot, error) {
	var found *snapshot
	err := s.Metadata.View(ctx, func(r keyvalue.Reader) error {
		found = &snapshot{recorded: map[string]*component.Artifact{}, users: map[string][]component.Ref{}}
		recorded, err := component.Artifacts(r)
		if err != nil {
			return err
		}
		for _, a := range recorded {
			found.recorded[a.Digest] = a
		}
		all, err := component.ReadAll(r)
		if err != nil {
			return err
		}
		for _, c := range all {
			for _, v := range c.Versions {
				for _, digest := range v.Artifacts {
					found.users[digest] = append(found.users[digest], v.Ref())
				}
			}
		}
		return nil
	})
	return found, err
}

// Collected is what Collect has removed, or would.
type Collected struct {
	Artifacts int
	// Bytes are their sizes together.
	Bytes int64
}

// MinGrace is the shortest grace of Collect: an add on another proxy has this long from its look at an artifact on.
const MinGrace = time.Minute

// Collect removes the artifacts that no component refers to and that were last put longer than grace ago, at least
// MinGrace. It is safe beside proxies that add components: an artifact goes only if the metadata has no reference at that
// moment and it was not put, or looked at by an add, since. In a dry run it removes nothing.
func (s Stores) Collect(ctx context.Context, grace time.Duration, dryRun bool) (Collected, error) {
	latest := time.Now().Add(-max(grace, MinGrace))
	var done Collected
	known, err := s.snapshot(ctx)
	if err != nil {
		return done, err
	}
	for info, err := range s.Artifacts.List(ctx) {
		if err != nil {
			return done, err
		}
		if len(known.users[info.Digest.String()]) > 0 || !info.LastPut.Before(latest) {
			continue
		}
		did := dryRun
		if !dryRun {
			if did, err = s.collectOne(ctx, info.Digest, latest); err != nil {
				return done, err
			}
		}
		if did {
			done.Artifacts++
			done.Bytes += info.Size
		}
	}
	return done, nil
}

// collectOne removes an artifact, record first, so that a crash between the two leaves bytes that the next collection
// finds.
func (s Stores) collectOne(ctx context.Context, d artifacts.Digest, before time.Time) (bool, error) {
	info, err := s.Artifacts.Stat(ctx, d)
	if errors.Is(err, artifacts.ErrNotFound) || err == nil && !info.LastPut.Before(before) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = s.Metadata.Update(ctx, func(tx keyvalue.Tx) error { return component.In(tx).RemoveArtifact(d.String()) })
	if errors.Is(err, component.ErrReferenced) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return s.Artifacts.Delete(ctx, d, before)
}

// Damage is an artifact that is not what it should be.
type Damage struct {
	Digest string
	// Problem says what is wrong, in words.
	Problem string
	// Users are the components that refer to it.
	Users []component.Ref
}

// String says it in one line.
func (d Damage) String() string {
	if len(d.Users) == 0 {
		return fmt.Sprintf("artifact %s: %s; nothing uses it", d.Digest, d.Problem)
	}
	var users []string
	for _, u := range d.Users {
		users = append(users, u.String())
	}
	return fmt.Sprintf("artifact %s: %s; used by %s", d.Digest, d.Problem, strings.Join(users, ", "))
}

// Verified is what Verify has read.
type Verified struct {
	Artifacts int
	Bytes     int64
}

// Verify reads every artifact and compares it with its digest and with what the metadata says, and calls damaged for
// each that is not right: corrupt, missing, of another size, or referred to without a record or another number of times
// than is recorded. It changes nothing.
func (s Stores) Verify(ctx context.Context, damaged func(Damage)) (Verified, error) {
	var done Verified
	known, err := s.snapshot(ctx)
	if err != nil {
		return done, err
	}
	digests := map[string]bool{}
	for digest := range known.recorded {
		digests[digest] = true
	}
	for digest := range known.users {
		digests[digest] = true
	}
	for info, err := range s.Artifacts.List(ctx) {
		if err != nil {
			return done, err
		}
		digests[info.Digest.String()] = true
	}
	for _, digest := range sorted(digests) {
		n, problem, err := s.examine(ctx, known, digest)
		if errors.Is(err, artifacts.ErrNotFound) {
			continue // a put or a collection that was cut off: the record goes when nothing refers to it
		}
		if err != nil {
			return done, err
		}
		done.Artifacts, done.Bytes = done.Artifacts+1, done.Bytes+n
		if problem != "" {
			damaged(Damage{Digest: digest, Problem: problem, Users: known.users[digest]})
		}
	}
	return done, nil
}

// sorted are the keys of a map.
func sorted(set map[string]bool) []string {
	var keys []string
	for key := range set {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// examine reads one artifact and says what is wrong with it, "" for nothing. ErrNotFound: it is not there, and nothing
// refers to it.
func (s Stores) examine(ctx context.Context, known *snapshot, digest string) (size int64, problem string, err error) {
	d, err := artifacts.ParseDigest(digest)
	if err != nil {
		return 0, "its name is no SHA-256", nil //nolint:nilerr // that is the finding
	}
	size, err = s.copyTo(ctx, io.Discard, d)
	record, users := known.recorded[digest], known.users[digest]
	switch {
	case errors.Is(err, artifacts.ErrNotFound) && len(users) == 0:
		return 0, "", err
	case errors.Is(err, artifacts.ErrNotFound):
		return 0, "it is missing", nil
	case errors.Is(err, artifacts.ErrCorrupt):
		var e *artifacts.Error
		errors.As(err, &e)
		return size, "it is corrupt: " + e.Detail, nil
	case err != nil:
		return size, "", err
	case record == nil && len(users) > 0:
		return size, "it is referred to, and has no record", nil
	case record != nil && record.Size != size:
		return size, fmt.Sprintf("it has %d bytes, and %d are recorded", size, record.Size), nil
	case record != nil && record.Refs != len(users):
		return size, fmt.Sprintf("it is referred to %d times, and %d are recorded", len(users), record.Refs), nil
	}
	return size, "", nil
}

// copyTo writes the verified bytes of an artifact.
func (s Stores) copyTo(ctx context.Context, w io.Writer, d artifacts.Digest) (int64, error) {
	rc, _, err := s.Artifacts.Open(ctx, d)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rc.Close() }() // it was only read
	return io.Copy(w, rc)
}
