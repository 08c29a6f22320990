// Package gridfs keeps artifacts in GridFS, MongoDB's store of large files (specification "GridFS" of the MongoDB
// drivers). Several proxies may share one.
//
// Beside GridFS's own collections, <bucket>.files and <bucket>.chunks, there are two: <bucket>.artifacts has for each
// digest the file with its bytes, in one document, so that an artifact comes and goes in one step; <bucket>.leases has
// the files that no artifact has, or has yet: those that are being put, and those that were deleted while somebody may
// read them. A file whose lease has run out, and that no artifact has, is removed.
package gridfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
)

// DefaultBucket is the bucket of a store whose configuration names none.
const DefaultBucket = "pinnacle_artifacts"

const (
	// selectTimeout is how long a server is looked for, unless the URI says.
	selectTimeout = 10 * time.Second
	// lease is how long a file is kept from its last sign of life on: that of a Put, which gives one each third of
	// it, or its deletion, after which readers get this long. The clocks of proxies that share a store must agree
	// better than that.
	lease = 10 * time.Minute
)

// Config says where a store is.
type Config struct {
	// URI is mongodb:// or mongodb+srv:// with hosts and the database's name. Its password is in no error.
	URI string
	// Bucket is the GridFS bucket; "" stands for DefaultBucket.
	Bucket string
}

// Store is the store in one bucket. It implements artifacts.Store. Close ends it.
type Store struct {
	client *mongo.Client
	// files, chunks, entries and leases are the collections.
	files, chunks, entries, leases *mongo.Collection
	where                          string
}

var _ artifacts.Store = (*Store)(nil)

// entry is an artifact: a document of <bucket>.artifacts.
type entry struct {
	// Digest is in hex.
	Digest string        `bson:"_id"`
	File   bson.ObjectID `bson:"file"`
	Size   int64         `bson:"size"`
	// LastPut is in milliseconds, as BSON has it.
	LastPut time.Time `bson:"last_put"`
}

// Open connects to the database, and removes what is left over from puts that were cut off long enough ago.
func Open(ctx context.Context, config Config) (*Store, error) {
	if config.Bucket == "" {
		config.Bucket = DefaultBucket
	}
	place, err := connstring.ParseAndValidate(config.URI)
	if err != nil || place.Database == "" {
		return nil, &artifacts.Error{Code: "22023", Message: "the URI of the artifact store is not right: it has to be mongodb://user@host:port/database?bucket=name"}
	}
	journal := true
	client, err := mongo.Connect(options.Client().SetServerSelectionTimeout(selectTimeout).SetAppName("pinnacle-proxy").ApplyURI(config.URI).
		SetReadPreference(readpref.Primary()).SetReadConcern(readconcern.Majority()).SetWriteConcern(&writeconcern.WriteConcern{W: "majority", Journal: &journal}))
	s := &Store{client: client, where: fmt.Sprintf("the GridFS bucket %q of the MongoDB database %q on %v", config.Bucket, place.Database, place.Hosts)}
	if err != nil {
		return nil, s.failed("connect to the artifact store", err)
	}
	database := client.Database(place.Database)
	s.files, s.chunks = database.Collection(config.Bucket+".files"), database.Collection(config.Bucket+".chunks")
	s.entries, s.leases = database.Collection(config.Bucket+".artifacts"), database.Collection(config.Bucket+".leases")
	err = s.index(ctx)
	if err == nil {
		err = s.sweep(ctx, time.Now())
	}
	if err != nil {
		return nil, errors.Join(s.failed("clean the artifact store", err), s.Close())
	}
	return s, nil
}

// Close lets the store go, once no method runs and no reader is open.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), selectTimeout)
	defer cancel()
	if err := s.client.Disconnect(ctx); err != nil {
		return s.failed("close the artifact store", err)
	}
	return nil
}

// Open implements artifacts.Store.
func (s *Store) Open(ctx context.Context, d artifacts.Digest) (io.ReadCloser, int64, error) {
	e, err := s.entry(ctx, d)
	if err != nil {
		return nil, 0, err
	}
	stream, err := s.openFile(ctx, e.File)
	if err != nil {
		return nil, 0, s.failedIn(ctx, "open the artifact", err)
	}
	return artifacts.Verify(&download{stream, d, s}, d, e.Size), e.Size, nil
}

// download is a reader that tells damage from other errors.
type download struct {
	*fileReader
	digest artifacts.Digest
	store  *Store
}

// Read implements io.Reader.
func (r *download) Read(p []byte) (int, error) {
	n, err := r.fileReader.Read(p)
	switch {
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return n, err
	case errors.Is(err, errChunks):
		return n, artifacts.Corrupt(r.digest, "In GridFS "+err.Error()+".")
	}
	return n, r.store.failed("read the artifact", err)
}

// entry reads what is known of an artifact.
func (s *Store) entry(ctx context.Context, d artifacts.Digest) (*entry, error) {
	var e entry
	err := s.entries.FindOne(ctx, bson.D{{Key: "_id", Value: d.String()}}).Decode(&e)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, artifacts.NotFound(d)
	}
	if err != nil {
		return nil, s.failedIn(ctx, "look for the artifact", err)
	}
	return &e, nil
}

// Stat implements artifacts.Store.
func (s *Store) Stat(ctx context.Context, d artifacts.Digest) (artifacts.Info, error) {
	e, err := s.entry(ctx, d)
	if err != nil {
		return artifacts.Info{}, err
	}
	return artifacts.Info{Digest: d, Size: e.Size, LastPut: e.LastPut}, nil
}

// Touch implements artifacts.Store.
func (s *Store) Touch(ctx context.Context, d artifacts.Digest) (artifacts.Info, error) {
	set := bson.D{{Key: "$set", Value: bson.D{{Key: "last_put", Value: time.Now().UTC()}}}}
	result, err := s.entries.UpdateOne(ctx, bson.D{{Key: "_id", Value: d.String()}}, set)
	if err != nil {
		return artifacts.Info{}, s.failedIn(ctx, "look for the artifact", err)
	}
	if result.MatchedCount == 0 {
		return artifacts.Info{}, artifacts.NotFound(d)
	}
	return s.Stat(ctx, d)
}

// Delete implements artifacts.Store. The bytes stay for the readers until their lease runs out.
func (s *Store) Delete(ctx context.Context, d artifacts.Digest, before time.Time) (bool, error) {
	e, err := s.entry(ctx, d)
	if errors.Is(err, artifacts.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !before.IsZero() && !e.LastPut.Before(before) {
		return false, nil
	}
	if err := s.leave(ctx, e.File); err != nil {
		return false, s.failedIn(ctx, "delete the artifact", err)
	}
	result, err := s.entries.DeleteOne(ctx, bson.D{{Key: "_id", Value: e.Digest}, {Key: "file", Value: e.File}, {Key: "last_put", Value: e.LastPut}})
	if err == nil {
		err = s.sweep(ctx, time.Now())
	}
	if err != nil {
		return false, s.failedIn(ctx, "delete the artifact", err)
	}
	return result.DeletedCount > 0, nil
}

// List implements artifacts.Store.
func (s *Store) List(ctx context.Context) iter.Seq2[artifacts.Info, error] {
	return func(yield func(artifacts.Info, error) bool) {
		cursor, err := s.entries.Find(ctx, bson.D{})
		if err != nil {
			yield(artifacts.Info{}, s.failedIn(ctx, "list the artifacts", err))
			return
		}
		defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }() // it was only read
		for cursor.Next(ctx) {
			var e entry
			err := cursor.Decode(&e)
			d, parseErr := artifacts.ParseDigest(e.Digest)
			if err = errors.Join(err, parseErr); err != nil {
				yield(artifacts.Info{}, s.failedIn(ctx, "list the artifacts", err))
				return
			}
			if !yield(artifacts.Info{Digest: d, Size: e.Size, LastPut: e.LastPut}, nil) {
				return
			}
		}
		if err := errors.Join(cursor.Err(), ctx.Err()); err != nil {
			yield(artifacts.Info{}, s.failedIn(ctx, "list the artifacts", err))
		}
	}
}

// failedIn is failed, or ctx's error if that has ended.
func (s *Store) failedIn(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.failed(doing, err)
}

// MongoDB's codes for what a user can act on (error_codes.yml of its sources).
const (
	unauthorized   = 13
	authFailed     = 18
	outOfDiskSpace = 14031
	duplicateKey   = 11000
)

// failed is the error for something that the database refused. doing completes "could not …".
func (s *Store) failed(doing string, err error) error {
	e := artifacts.Failed(doing, s.where, err)
	switch {
	case hasCode(err, unauthorized):
		e.Code, e.Hint = "42501", "Grant the role readWrite on the database to the user of --artifact-store."
	case hasCode(err, authFailed):
		e.Code = "28000"
	case hasCode(err, outOfDiskSpace):
		e.Code, e.Hint = "53100", "Free space there, or drop models and artifacts that are not needed."
	case mongo.IsNetworkError(err) || mongo.IsTimeout(err):
		e.Code, e.Hint = "08006", "Look whether the server runs and can be reached."
	}
	return e
}

// hasCode says whether an error is the server's with a code.
func hasCode(err error, code int) bool {
	var server mongo.ServerError
	return errors.As(err, &server) && server.HasErrorCode(code)
}
