package upkeep

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// A backup is a tar file (POSIX.1-2001) of these members, in this order: manifestName, then recordsName, a JSON object a
// line for each record, then artifactsDir/<digest> for each artifact, then endName, which says that it is whole.
const (
	manifestName  = "manifest.json"
	recordsName   = "metadata.jsonl"
	artifactsDir  = "artifacts/"
	endName       = "end.json"
	backupVersion = 1
)

// manifest is the first member.
type manifest struct {
	Format int `json:"format"`
	// Layout is the version of the records' layout.
	Layout  int       `json:"layout"`
	Created time.Time `json:"created"`
}

// end is the last member.
type end struct {
	Records   int `json:"records"`
	Artifacts int `json:"artifacts"`
	// SHA256 is that of recordsName, in hex. Artifacts have theirs as names.
	SHA256 string `json:"sha256"`
}

// line is a record in recordsName.
type line struct {
	Space keyvalue.Space  `json:"space"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// Contents is what a backup has, or what was copied.
type Contents struct {
	Records, Artifacts int
	// Bytes are those of the artifacts.
	Bytes int64
}

// Backup writes everything to a new file with mode 0600: the metadata as they are at one moment, and the artifacts, each
// verified. The file has its name only when it is whole and synced. An artifact that is corrupt,
// or missing while a component refers to it, ends it: Verify says which are.
func (s Stores) Backup(ctx context.Context, name string) (Contents, error) {
	if _, err := os.Lstat(name); err == nil {
		return Contents{}, &datalayer.Error{Code: "58P02", Message: fmt.Sprintf("the file %q exists already", name), Hint: "Name another file."}
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".backup-*") // mode 0600
	if err != nil {
		return Contents{}, fileFailed("make", name, err)
	}
	done, err := s.writeBackup(ctx, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Link(f.Name(), name) // unlike a renaming it replaces nothing
	}
	if removing := os.Remove(f.Name()); err == nil {
		err = removing
	}
	if err != nil {
		return Contents{}, fileFailed("write", name, err)
	}
	return done, nil
}

// fileFailed is the error for a backup file; one that can be acted on already stays as it is.
func fileFailed(doing, name string, err error) error {
	var known interface{ SQLState() string }
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return artifacts.Failed(doing+" the backup", "the file "+name, err)
}

// writeBackup writes the members.
func (s Stores) writeBackup(ctx context.Context, f *os.File) (done Contents, err error) {
	layout, err := keyvalue.SchemaVersion(ctx, s.Metadata)
	if err != nil {
		return done, err
	}
	w := tar.NewWriter(f)
	if err := addJSON(w, manifestName, manifest{Format: backupVersion, Layout: layout, Created: time.Now().UTC()}); err != nil {
		return done, err
	}
	sum, digests, records, err := s.addRecords(ctx, w, filepath.Dir(f.Name()))
	if err != nil {
		return done, err
	}
	done.Records = records
	for _, digest := range sorted(digests) {
		n, err := s.addArtifact(ctx, w, digest)
		if errors.Is(err, artifacts.ErrNotFound) && !digests[digest] {
			continue
		}
		if err != nil {
			return done, err
		}
		done.Artifacts, done.Bytes = done.Artifacts+1, done.Bytes+n
	}
	if err := addJSON(w, endName, end{Records: done.Records, Artifacts: done.Artifacts, SHA256: sum}); err != nil {
		return done, err
	}
	return done, w.Close()
}

// addRecords writes the records, by way of a temporary file in dir, since tar wants their size first. It gives their
// SHA-256, the recorded artifacts, true where a component refers to them, and their number.
func (s Stores) addRecords(ctx context.Context, w *tar.Writer, dir string) (sum string, digests map[string]bool, n int, err error) {
	tmp, err := os.CreateTemp(dir, ".backup-*")
	if err != nil {
		return "", nil, 0, err
	}
	defer func() { err = errors.Join(err, tmp.Close(), os.Remove(tmp.Name())) }()
	hash, size := sha256.New(), int64(0)
	out := bufio.NewWriter(io.MultiWriter(tmp, hash))
	digests = map[string]bool{}
	err = keyvalue.Export(ctx, s.Metadata, func(r keyvalue.Record) error {
		if err := references(r, digests); err != nil {
			return err
		}
		text, err := json.Marshal(line{Space: r.Space, Key: r.Key, Value: r.Value})
		if err != nil {
			return &keyvalue.Error{Code: "XX001", Message: fmt.Sprintf("the metadata record %q of %s is no JSON", r.Key, r.Space), Err: err}
		}
		n, size = n+1, size+int64(len(text))+1
		_, err = out.Write(append(text, '\n'))
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		_, err = tmp.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = w.WriteHeader(header(recordsName, size))
	}
	if err == nil {
		_, err = io.Copy(w, tmp)
	}
	return hex.EncodeToString(hash.Sum(nil)), digests, n, err
}

// references notes the artifact that a record is about, and whether a component refers to it.
func references(r keyvalue.Record, digests map[string]bool) error {
	if r.Space != "artifacts" {
		return nil
	}
	var a struct {
		Digest string `json:"digest"`
		Refs   int    `json:"refs"`
	}
	if err := json.Unmarshal(r.Value, &a); err != nil {
		return &keyvalue.Error{Code: "XX001", Message: fmt.Sprintf("the metadata record %q of %s cannot be read: %v", r.Key, r.Space, err), Err: err}
	}
	digests[a.Digest] = a.Refs > 0
	return nil
}

// addArtifact writes an artifact.
func (s Stores) addArtifact(ctx context.Context, w *tar.Writer, digest string) (int64, error) {
	d, err := artifacts.ParseDigest(digest)
	if err != nil {
		return 0, err
	}
	rc, size, err := s.Artifacts.Open(ctx, d)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rc.Close() }() // it was only read
	if err := w.WriteHeader(header(artifactsDir+digest, size)); err != nil {
		return 0, err
	}
	return io.Copy(w, rc)
}

// addJSON writes a member.
func addJSON(w *tar.Writer, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := w.WriteHeader(header(name, int64(len(text)))); err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// header is that of a member. PAX has no limit of size.
func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, Format: tar.FormatPAX}
}
