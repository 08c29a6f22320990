package gridfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts/artifactstest"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// server is the MongoDB of these tests; databases counts theirs.
var (
	server    = lab.NewShared("secantusdb")
	databases atomic.Int64
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// openNew opens a store in a database that is not there yet, or skips the test with the reason why there is no server.
func openNew(t *testing.T) *Store {
	t.Helper()
	uri := fmt.Sprintf("mongodb://127.0.0.1:%d/artifacts%d?bucket=weights", server.Start(t).Port, databases.Add(1))
	s, err := Open(context.Background(), Config{URI: uri, Bucket: "weights"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// overwrite changes the bytes of an artifact's file: its chunks, and not what GridFS has noted of their length.
func overwrite(t *testing.T, s *Store, d artifacts.Digest, content []byte) {
	t.Helper()
	ctx := context.Background()
	e, err := s.entry(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	chunks := s.chunks
	if _, err := chunks.DeleteMany(ctx, bson.D{{Key: "files_id", Value: e.File}}); err != nil {
		t.Fatal(err)
	}
	const size = chunkBytes
	for n := 0; n == 0 || n*size < len(content); n++ {
		part := content[n*size : min((n+1)*size, len(content))]
		_, err := chunks.InsertOne(ctx, bson.D{{Key: "files_id", Value: e.File}, {Key: "n", Value: int32(n)}, {Key: "data", Value: part}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// residue counts the files that neither an artifact has nor a lease: those that nobody would remove; and, of those with a
// lease, the ones that were not whole.
func residue(t *testing.T, s *Store) int {
	t.Helper()
	ctx := context.Background()
	var files []bson.ObjectID
	if err := s.chunks.Distinct(ctx, "files_id", bson.D{}).Decode(&files); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		used, err := s.used(ctx, file)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := s.files.CountDocuments(ctx, bson.D{{Key: "_id", Value: file}})
		if err != nil {
			t.Fatal(err)
		}
		leases, err := s.leases.CountDocuments(ctx, bson.D{{Key: "_id", Value: file}})
		if err != nil {
			t.Fatal(err)
		}
		if !used && (leases == 0 || whole == 0) {
			n++
		}
	}
	return n
}

func TestContract(t *testing.T) {
	t.Parallel()
	artifactstest.Run(t, func(t *testing.T) artifactstest.Fixture {
		s := openNew(t)
		return artifactstest.Fixture{
			Store:     s,
			Overwrite: func(t *testing.T, d artifacts.Digest, content []byte) { overwrite(t, s, d, content) },
			Age: func(t *testing.T, d artifacts.Digest, at time.Time) {
				_, err := s.entries.UpdateOne(context.Background(), bson.D{{Key: "_id", Value: d.String()}}, bson.D{{Key: "$set", Value: bson.D{{Key: "last_put", Value: at}}}})
				if err != nil {
					t.Fatal(err)
				}
			},
			Residue: func(t *testing.T) int { return residue(t, s) },
		}
	})
}

// TestSweep has a put that was cut off by a crash, an artifact that was deleted, and one that is there: once the leases
// have run out only that is left.
func TestSweep(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openNew(t)
	stays, _, err := s.Put(ctx, strings.NewReader("stays"))
	if err != nil {
		t.Fatal(err)
	}
	goes, _, err := s.Put(ctx, strings.NewReader("goes"))
	if err != nil {
		t.Fatal(err)
	}
	if did, err := s.Delete(ctx, goes, time.Time{}); !did || err != nil {
		t.Fatalf("Delete: %v, %v", did, err)
	}
	cutOff := bson.NewObjectID()
	if err := s.renew(ctx, cutOff); err != nil {
		t.Fatal(err)
	}
	if _, err := s.chunks.InsertOne(ctx, bson.D{{Key: "files_id", Value: cutOff}, {Key: "n", Value: 0}, {Key: "data", Value: []byte("half")}}); err != nil {
		t.Fatal(err)
	}
	if err := s.sweep(ctx, time.Now()); err != nil {
		t.Fatal(err)
	}
	all := bson.D{}
	chunks, err := s.chunks.CountDocuments(ctx, all)
	if err != nil || chunks != 3 {
		t.Fatalf("%d chunks, %v before the leases have run out, want 3", chunks, err)
	}
	if err := s.sweep(ctx, time.Now().Add(2*lease)); err != nil {
		t.Fatal(err)
	}
	chunks, err = s.chunks.CountDocuments(ctx, all)
	leases, leaseErr := s.leases.CountDocuments(ctx, all)
	if err != nil || leaseErr != nil || chunks != 1 || leases != 0 {
		t.Fatalf("%d chunks and %d leases are left, %v, %v, want 1 and 0", chunks, leases, err, leaseErr)
	}
	if rc, _, err := s.Open(ctx, stays); err != nil {
		t.Errorf("the artifact that stays: %v", err)
	} else if got, err := io.ReadAll(rc); err != nil || string(got) != "stays" {
		t.Errorf("the artifact that stays is %q, %v", got, err)
	}
	if err := s.claim(ctx, cutOff); !errors.Is(err, errLost) {
		t.Errorf("a put whose lease was swept goes on: %v", err)
	}
}

// TestLeaving has a put that ends its lease after another put has begun to replace it: the file keeps the other's lease, or
// nobody would remove it.
func TestLeaving(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openNew(t)
	leases := func(file bson.ObjectID) int64 {
		n, err := s.leases.CountDocuments(ctx, bson.D{{Key: "_id", Value: file}})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	replaced, alone := bson.NewObjectID(), bson.NewObjectID()
	if err := errors.Join(s.renew(ctx, replaced), s.leave(ctx, replaced), s.settle(ctx, replaced), s.renew(ctx, alone), s.settle(ctx, alone)); err != nil {
		t.Fatal(err)
	}
	if leases(replaced) != 1 || leases(alone) != 0 {
		t.Errorf("the file that leaves has %d leases, the one that stays %d", leases(replaced), leases(alone))
	}
}

// TestMemory puts and reads an artifact that is much larger than what that may take; PINNACLE_TEST_ARTIFACT_BYTES has its size.
func TestMemory(t *testing.T) {
	const allowed = 64 << 20
	size := int64(200 << 20)
	if text := os.Getenv("PINNACLE_TEST_ARTIFACT_BYTES"); text != "" {
		var err error
		if size, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	s := openNew(t)
	ctx := context.Background()
	var most atomic.Uint64
	watch := func() {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		if stats.HeapInuse > most.Load() {
			most.Store(stats.HeapInuse)
		}
	}
	runtime.GC()
	d, n, err := s.Put(ctx, io.LimitReader(&watched{watch: watch}, size))
	if err != nil || n != size {
		t.Fatalf("Put: %d, %v", n, err)
	}
	rc, _, err := s.Open(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if n, err := io.CopyBuffer(&watched{watch: watch}, struct{ io.Reader }{rc}, make([]byte, 1<<20)); err != nil || n != size {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	t.Logf("at most %d MiB of heap were in use", most.Load()>>20)
	if most.Load() > allowed {
		t.Errorf("%d bytes of heap were in use, want at most %d", most.Load(), allowed)
	}
}

// watched gives and takes any bytes, and calls watch each some of them.
type watched struct {
	watch func()
	done  int
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) { return w.Write(p) }

// Write implements io.Writer.
func (w *watched) Write(p []byte) (int, error) {
	if w.done += len(p); w.done > 4<<20 {
		w.done = 0
		w.watch()
	}
	return len(p), nil
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for uri, code := range map[string]string{"mongodb://u:s3cret@127.0.0.1:1/": "22023", "mongodb://u:s3cret@127.0.0.1:1/d?serverSelectionTimeoutMS=200": "08006"} {
		_, err := Open(context.Background(), Config{URI: uri})
		var e *artifacts.Error
		if !errors.As(err, &e) || e.Code != code || bytes.Contains([]byte(fmt.Sprint(err, e.Detail, e.Hint)), []byte("s3cret")) {
			t.Errorf("error %v, want %s and no password", err, code)
		}
	}
}
