package upkeep

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Restore brings a backup into the stores: after the whole file was checked the artifacts, then the metadata. Metadata
// that are there already are refused, unless replace says to remove them. layout is the newest layout of records that
// this program knows. A crash leaves a store that nobody opens until Restore was run again.
func (s Stores) Restore(ctx context.Context, name string, replace bool, layout int) (Contents, error) {
	f, err := os.Open(name)
	if err != nil {
		return Contents{}, fileFailed("read", name, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	done, err := check(ctx, f, layout)
	if err != nil {
		return Contents{}, fileFailed("read", name, err)
	}
	if err := s.refuseFull(ctx, replace); err != nil {
		return Contents{}, err
	}
	if err := eachMember(f, func(member string, r io.Reader) error { return s.putMember(ctx, member, r) }); err != nil {
		return Contents{}, fileFailed("read", name, err)
	}
	err = eachMember(f, func(member string, r io.Reader) error {
		if member != recordsName {
			return nil
		}
		_, err := keyvalue.Import(ctx, s.Metadata, lines(r))
		return err
	})
	if err != nil {
		return Contents{}, fileFailed("read", name, err)
	}
	return done, nil
}

// refuseFull is the error for metadata that are there, unless they are to be replaced.
func (s Stores) refuseFull(ctx context.Context, replace bool) error {
	if replace {
		return nil
	}
	empty, err := keyvalue.Empty(ctx, s.Metadata)
	if err != nil || empty {
		return err
	}
	return &datalayer.Error{
		Code:    "55000",
		Message: "the metadata store is not empty",
		Detail:  "What is there would be lost.",
		Hint:    "Name an empty store, or say --replace.",
	}
}

// putMember puts the artifact that a member has, if it has one.
func (s Stores) putMember(ctx context.Context, member string, r io.Reader) error {
	digest, ok := strings.CutPrefix(member, artifactsDir)
	if !ok {
		return nil
	}
	d, size, err := s.Artifacts.Put(ctx, r)
	if err == nil && d.String() != digest {
		return damagedFile(fmt.Sprintf("The artifact %s has %d bytes with another digest.", digest, size))
	}
	return err
}

// damagedFile is the error for a backup that is not what Backup writes.
func damagedFile(detail string) error {
	return &datalayer.Error{Code: "XX001", Message: "the file is no whole backup", Detail: detail, Hint: "Use another backup. Nothing was restored."}
}

// eachMember calls each for the members of a tar file, from its beginning.
func eachMember(f *os.File, each func(member string, r io.Reader) error) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := tar.NewReader(bufio.NewReader(f))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return damagedFile(fmt.Sprintf("It cannot be read: %v.", err))
		}
		if err := each(h.Name, r); err != nil {
			return err
		}
	}
}

// maxMember bounds the members that are read as a whole.
const maxMember = 1 << 20

// checker looks whether a file is a whole backup.
type checker struct {
	layout   int
	manifest *manifest
	end      *end
	found    Contents
	sum      string
}

// check reads a whole file and says what it has.
func check(ctx context.Context, f *os.File, layout int) (Contents, error) {
	c := &checker{layout: layout}
	err := eachMember(f, func(member string, r io.Reader) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return c.member(member, r)
	})
	switch {
	case err != nil:
		return Contents{}, err
	case c.manifest == nil || c.end == nil:
		return Contents{}, damagedFile("Its end is missing.")
	case c.end.Records != c.found.Records || c.end.Artifacts != c.found.Artifacts || c.end.SHA256 != c.sum:
		return Contents{}, damagedFile("It does not have what its end says.")
	}
	return c.found, nil
}

// member looks at one member.
func (c *checker) member(member string, r io.Reader) error {
	hash := sha256.New()
	switch digest, isArtifact := strings.CutPrefix(member, artifactsDir); {
	case member == manifestName:
		c.manifest = &manifest{}
		if err := readJSON(r, c.manifest); err != nil {
			return err
		}
		if c.manifest.Format > backupVersion || c.manifest.Layout > c.layout {
			return &datalayer.Error{Code: "55000", Message: "the backup was written by a newer version of this program", Hint: "Restore it with that version."}
		}
	case c.manifest == nil:
		return damagedFile("It does not begin as a backup does.")
	case member == recordsName:
		for record, err := range lines(io.TeeReader(r, hash)) {
			if err != nil {
				return err
			}
			if err := keyvalue.Check(record.Space, record.Key, len(record.Value)); err != nil {
				return damagedFile(fmt.Sprintf("Record %d cannot be kept: %v.", c.found.Records+1, err))
			}
			c.found.Records++
		}
		c.sum = hex.EncodeToString(hash.Sum(nil))
	case isArtifact:
		n, err := io.Copy(hash, r)
		if err != nil {
			return damagedFile(fmt.Sprintf("The artifact %s cannot be read: %v.", digest, err))
		}
		if got := artifacts.Digest(hash.Sum(nil)); got.String() != digest {
			return damagedFile(fmt.Sprintf("The artifact %s has another digest.", digest))
		}
		c.found.Artifacts, c.found.Bytes = c.found.Artifacts+1, c.found.Bytes+n
	case member == endName:
		c.end = &end{}
		return readJSON(r, c.end)
	default:
		return damagedFile(fmt.Sprintf("It has a member %q.", member))
	}
	return nil
}

// readJSON reads a small member.
func readJSON(r io.Reader, to any) error {
	text, err := io.ReadAll(io.LimitReader(r, maxMember))
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		return damagedFile(fmt.Sprintf("A member cannot be read: %v.", err))
	}
	return nil
}

// maxLine bounds a record's line: its key and value may have grown by what JSON writes in other ways.
const maxLine = 2*keyvalue.MaxValueBytes + 8*keyvalue.MaxKeyBytes

// lines reads the records of a member.
func lines(r io.Reader) iter.Seq2[keyvalue.Record, error] {
	return func(yield func(keyvalue.Record, error) bool) {
		scanner := bufio.NewScanner(r)
		scanner.Buffer(make([]byte, 0, 64<<10), maxLine)
		for n := 1; scanner.Scan(); n++ {
			var l line
			if err := json.Unmarshal(scanner.Bytes(), &l); err != nil || len(l.Value) == 0 {
				yield(keyvalue.Record{}, damagedFile(fmt.Sprintf("Record %d cannot be read: %v.", n, err)))
				return
			}
			if !yield(keyvalue.Record{Space: l.Space, Key: l.Key, Value: bytes.Clone(l.Value)}, nil) {
				return
			}
		}
		if err := scanner.Err(); err != nil {
			yield(keyvalue.Record{}, damagedFile(fmt.Sprintf("The records cannot be read: %v.", err)))
		}
	}
}

// Copy brings everything into other stores, of which either may be the same: the artifacts, then the metadata. It
// refuses and replaces as Restore does. No proxy may change the metadata meanwhile; what it changed after Copy began is
// not there.
func (s Stores) Copy(ctx context.Context, to Stores, replace bool) (done Contents, err error) {
	if to.Metadata != s.Metadata {
		if err := to.refuseFull(ctx, replace); err != nil {
			return done, err
		}
	}
	if to.Artifacts != s.Artifacts {
		if err := s.copyArtifacts(ctx, to, &done); err != nil {
			return done, err
		}
	}
	if to.Metadata == s.Metadata {
		return done, nil
	}
	stop := errors.New("stopped")
	done.Records, err = keyvalue.Import(ctx, to.Metadata, func(yield func(keyvalue.Record, error) bool) {
		err := keyvalue.Export(ctx, s.Metadata, func(r keyvalue.Record) error {
			if !yield(r, nil) {
				return stop
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(keyvalue.Record{}, err)
		}
	})
	return done, err
}

// copyArtifacts puts the artifacts into another store.
func (s Stores) copyArtifacts(ctx context.Context, to Stores, done *Contents) error {
	known, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	digests := map[string]bool{}
	for digest := range known.recorded {
		digests[digest] = true
	}
	for digest := range known.users {
		digests[digest] = true
	}
	for _, digest := range sorted(digests) {
		d, err := artifacts.ParseDigest(digest)
		if err != nil {
			return err
		}
		rc, _, err := s.Artifacts.Open(ctx, d)
		if errors.Is(err, artifacts.ErrNotFound) && len(known.users[digest]) == 0 {
			continue
		}
		if err != nil {
			return err
		}
		_, n, err := to.Artifacts.Put(ctx, rc)
		if err = errors.Join(err, rc.Close()); err != nil {
			return err
		}
		done.Artifacts, done.Bytes = done.Artifacts+1, done.Bytes+n
	}
	return nil
}
