package upkeep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts/filesystem"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/badgerstore"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/sqlstore"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/records"
)

// fixture is a pair of stores in a directory.
type fixture struct {
	Stores
	dir string
}

// onBadger has Badger and files; onSQLite has SQLite and files. Only the first is brought up to date.
func onBadger(t *testing.T) *fixture {
	t.Helper()
	dir := t.TempDir()
	kv, err := badgerstore.Open(context.Background(), badgerstore.Config{Dir: filepath.Join(dir, "metadata")})
	if err == nil {
		_, err = records.Open(context.Background(), kv)
	}
	return newFixture(t, dir, kv, err)
}

func onSQLite(t *testing.T) *fixture {
	t.Helper()
	dir := t.TempDir()
	kv, err := sqlstore.Open(context.Background(), sqlstore.Config{URI: "sqlite://" + filepath.Join(dir, "meta.db")})
	return newFixture(t, dir, kv, err)
}

// newFixture opens the artifacts beside kv.
func newFixture(t *testing.T, dir string, kv keyvalue.Store, err error) *fixture {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kv.Close(); err != nil {
			t.Error(err)
		}
	})
	files, err := filesystem.Open(filepath.Join(dir, "artifacts"))
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{Stores{kv, files}, dir}
}

// put stores bytes as an artifact and records it.
func (f *fixture) put(t *testing.T, content string) string {
	t.Helper()
	ctx := context.Background()
	d, size, err := f.Artifacts.Put(ctx, strings.NewReader(content))
	if err == nil {
		err = f.Metadata.Update(ctx, func(tx keyvalue.Tx) error {
			return component.In(tx).PutArtifact(&component.Artifact{Digest: d.String(), Size: size})
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// add records a model with an artifact.
func (f *fixture) add(t *testing.T, name, digest string) {
	t.Helper()
	err := f.Metadata.Update(context.Background(), func(tx keyvalue.Tx) error {
		_, err := component.In(tx).Add(&component.Record{Kind: component.KindModel, Name: name, Definition: []byte(`{"a":"<ä>"}`), Artifacts: []string{digest}}, true)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// age makes an artifact look as if it had been put two days ago.
func (f *fixture) age(t *testing.T, digest string) {
	t.Helper()
	at := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(f.file(digest), at, at); err != nil {
		t.Fatal(err)
	}
}

// file is the file of an artifact.
func (f *fixture) file(digest string) string {
	return filepath.Join(f.dir, "artifacts", digest[:2], digest[2:4], digest)
}

// list are the artifacts that are there.
func (f *fixture) list(t *testing.T) (digests []string) {
	t.Helper()
	for info, err := range f.Artifacts.List(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, info.Digest.String())
	}
	slices.Sort(digests)
	return digests
}

// records are all records of the metadata, as text.
func (f *fixture) records(t *testing.T) (all []string) {
	t.Helper()
	err := keyvalue.Export(context.Background(), f.Metadata, func(r keyvalue.Record) error {
		all = append(all, fmt.Sprintf("%s %q %s", r.Space, r.Key, bytes.ReplaceAll(r.Value, []byte("<"), []byte(`\u003c`))))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantCode fails the test unless err is a *datalayer.Error of that code.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if err == nil || datalayer.ErrorOf(err).Code != code {
		t.Errorf("error %v, want %s", err, code)
	}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	f := onBadger(t)
	used, unused, fresh := f.put(t, "used"), f.put(t, "unused"), f.put(t, "fresh")
	f.add(t, "m", used)
	f.age(t, used)
	f.age(t, unused)
	for _, dryRun := range []bool{true, false} {
		done, err := f.Collect(context.Background(), 0, dryRun)
		if err != nil || done != (Collected{1, 6}) {
			t.Fatalf("Collect: %+v, %v, want one of 6 bytes", done, err)
		}
		if n := len(f.list(t)); dryRun != (n == 3) {
			t.Fatalf("dry run %v: %d artifacts are left", dryRun, n)
		}
	}
	want := []string{used, fresh}
	slices.Sort(want)
	if got := f.list(t); !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
	known, err := f.snapshot(context.Background())
	if err != nil || known.recorded[unused] != nil || known.recorded[used] == nil || known.recorded[fresh] == nil {
		t.Errorf("the records are %v, %v", known.recorded, err)
	}
}

// touching has something happen to an artifact between the collection's look at it and its removal.
type touching struct {
	artifacts.Store
	between func()
}

func (s touching) Stat(ctx context.Context, d artifacts.Digest) (artifacts.Info, error) {
	info, err := s.Store.Stat(ctx, d)
	s.between()
	return info, err
}

// TestCollectBesideAdd has another proxy look at, or add, what is about to be collected.
func TestCollectBesideAdd(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := onBadger(t)
	looked, added := f.put(t, "looked at"), f.put(t, "added")
	f.age(t, looked)
	f.age(t, added)
	d, err := artifacts.ParseDigest(looked)
	if err != nil {
		t.Fatal(err)
	}
	once := false
	beside := Stores{f.Metadata, touching{f.Artifacts, func() {
		if once {
			return
		}
		once = true
		f.add(t, "m", added)
		if _, err := f.Artifacts.Touch(ctx, d); err != nil {
			t.Error(err)
		}
	}}}
	done, err := beside.Collect(ctx, time.Hour, false)
	if err != nil || done.Artifacts != 0 || len(f.list(t)) != 2 {
		t.Errorf("Collect: %+v, %v; left are %q", done, err, f.list(t))
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := onBadger(t)
	good, corrupt, missing, short, lonely := f.put(t, "good"), f.put(t, "corrupt"), f.put(t, "missing"), f.put(t, "short"), f.put(t, "lonely")
	for name, digest := range map[string]string{"good": good, "corrupt": corrupt, "missing": missing, "short": short} {
		f.add(t, name, digest)
	}
	f.add(t, "corrupt too", corrupt)
	write := func(digest, content string) {
		if err := os.WriteFile(f.file(digest), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(corrupt, "c0rrupt")
	write(short, "sho")
	write(lonely, "l0nely")
	if err := os.Remove(f.file(missing)); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	done, err := f.Verify(ctx, func(d Damage) { found[d.Digest] = d.String() })
	if err != nil || done.Artifacts != 5 {
		t.Fatalf("Verify: %+v, %v", done, err)
	}
	for digest, words := range map[string][]string{
		corrupt: {"corrupt", `model "corrupt" version 1`, `model "corrupt too" version 1`},
		missing: {"missing", `model "missing" version 1`}, short: {"corrupt", `model "short"`}, lonely: {"corrupt", "nothing uses it"},
	} {
		for _, word := range words {
			if !strings.Contains(found[digest], word) {
				t.Errorf("%q lacks %q", found[digest], word)
			}
		}
		delete(found, digest)
	}
	if len(found) != 0 {
		t.Errorf("also named are %v", found)
	}
}

func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := onBadger(t)
	used, shared := f.put(t, strings.Repeat("weights", 1<<17)), f.put(t, "shared")
	f.put(t, "of nobody")
	f.add(t, "m", used)
	f.add(t, "m", shared)
	f.add(t, "n", shared)
	err := f.Metadata.Update(ctx, func(tx keyvalue.Tx) error {
		for i := range 700 { // more than one Update of Import
			if err := tx.Put("jobs", keyvalue.Key(fmt.Sprint(i), "ä/\x01"), []byte(`{"state":"done"}`)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(f.dir, "backup.tar")
	done, err := f.Backup(ctx, file)
	if err != nil || done.Artifacts != 3 || done.Records < 700 {
		t.Fatalf("Backup: %+v, %v", done, err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", st, err)
	}
	_, err = f.Backup(ctx, file)
	wantCode(t, err, "58P02")
	to := onSQLite(t)
	restored, err := to.Restore(ctx, file, false, records.Layout())
	if err != nil || restored != done {
		t.Fatalf("Restore: %+v, %v, want %+v", restored, err, done)
	}
	if got, want := to.records(t), f.records(t); !slices.Equal(got, want) {
		t.Errorf("restored are %d records, want %d: %.300q", len(got), len(want), got)
	}
	if verified, err := to.Verify(ctx, func(d Damage) { t.Error(d) }); err != nil || verified.Artifacts < 2 {
		t.Errorf("Verify: %+v, %v", verified, err)
	}
	_, err = to.Restore(ctx, file, false, records.Layout())
	wantCode(t, err, "55000")
	to.add(t, "later", shared)
	if _, err := to.Restore(ctx, file, true, records.Layout()); err != nil || !slices.Equal(to.records(t), f.records(t)) {
		t.Errorf("Restore over others: %v, %d records", err, len(to.records(t)))
	}
	_, err = onSQLite(t).Restore(ctx, file, false, records.Layout()-1)
	wantCode(t, err, "55000")
	leftovers, err := filepath.Glob(filepath.Join(f.dir, ".backup-*"))
	if err != nil || len(leftovers) != 0 {
		t.Errorf("left over are %q, %v", leftovers, err)
	}
}

// TestDamagedBackup restores files that are cut off or changed: nothing of them comes into the stores.
func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := onBadger(t)
	f.add(t, "m", f.put(t, "weights"))
	file := filepath.Join(f.dir, "backup.tar")
	if _, err := f.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(from, to string) []byte {
		if !bytes.Contains(whole, []byte(from)) {
			t.Fatalf("the backup has no %q", from)
		}
		return bytes.Replace(bytes.Clone(whole), []byte(from), []byte(to), 1)
	}
	to := onSQLite(t)
	for name, content := range map[string][]byte{
		"empty": {}, "cut off": whole[:len(whole)/2], "without an end": whole[:bytes.Index(whole, []byte("end.json"))&^511],
		"artifact changed": changed("weights", "we1ghts"), "record changed": changed(`"refs":1`, `"refs":2`), "no tar": bytes.Repeat([]byte("x"), 4096),
	} {
		damaged := filepath.Join(f.dir, "damaged")
		if err := os.WriteFile(damaged, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := to.Restore(ctx, damaged, false, records.Layout())
		if err == nil || datalayer.ErrorOf(err).Code != "XX001" {
			t.Errorf("%s: %v, want XX001", name, err)
		}
		if got := to.records(t); len(got) != 0 || len(to.list(t)) != 0 {
			t.Errorf("%s: restored are %q and %q", name, got, to.list(t))
		}
	}
	if _, err := to.Restore(ctx, file+"-none", false, records.Layout()); err == nil {
		t.Error("a file that is not there is restored")
	}
}

// TestImportCutOff leaves a restore in its middle: nobody works on what is there until it was run again.
func TestImportCutOff(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := onSQLite(t)
	broken := errors.New("the connection is gone")
	_, err := keyvalue.Import(ctx, f.Metadata, func(yield func(keyvalue.Record, error) bool) {
		_ = yield(keyvalue.Record{Space: "things", Key: "a", Value: []byte("1")}, nil) && yield(keyvalue.Record{}, broken)
	})
	if !errors.Is(err, broken) {
		t.Fatalf("Import: %v", err)
	}
	_, err = records.Open(ctx, f.Metadata)
	wantCode(t, err, "55000")
	n, err := keyvalue.Import(ctx, f.Metadata, func(yield func(keyvalue.Record, error) bool) {
		yield(keyvalue.Record{Space: "things", Key: "b", Value: []byte("1")}, nil)
	})
	if got := f.records(t); err != nil || n != 1 || len(got) != 1 {
		t.Fatalf("Import again: %d, %v, %q", n, err, got)
	}
	if _, err := records.Open(ctx, f.Metadata); err != nil {
		t.Errorf("after it was run again: %v", err)
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := onBadger(t)
	f.add(t, "m", f.put(t, "weights"))
	to := onSQLite(t)
	done, err := f.Copy(ctx, to.Stores, false)
	if err != nil || done.Artifacts != 1 || done.Records == 0 || !slices.Equal(to.records(t), f.records(t)) || !slices.Equal(to.list(t), f.list(t)) {
		t.Fatalf("Copy: %+v, %v; %q", done, err, to.records(t))
	}
	_, err = f.Copy(ctx, to.Stores, false)
	wantCode(t, err, "55000")
	other := onSQLite(t)
	if done, err := f.Copy(ctx, Stores{f.Metadata, other.Artifacts}, false); err != nil || done != (Contents{Artifacts: 1, Bytes: 7}) {
		t.Errorf("Copy of the artifacts alone: %+v, %v", done, err)
	}
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"space":"things","key":"a","value":1}` + "\n"))
	f.Add([]byte("{}\n\n{"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for record, err := range lines(bytes.NewReader(content)) {
			if err == nil && len(record.Value) == 0 {
				t.Fatal("a record without a value")
			}
		}
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		if _, err := check(context.Background(), opened, 99); err == nil {
			t.Fatal("what is no backup is taken for one")
		} else if errors.Is(err, io.ErrUnexpectedEOF) && datalayer.ErrorOf(err).Code == "XX000" {
			t.Fatalf("an error without a meaning: %v", err)
		}
	})
}
