package gridfs

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
)

// copyBytes is what is read at a time.
const copyBytes = 256 << 10

// Put implements artifacts.Store. The bytes become a new file, which then takes the place of the one that the artifact
// had: that renews the time, and mends a corrupt copy without reading it.
func (s *Store) Put(ctx context.Context, r io.Reader) (artifacts.Digest, int64, error) {
	if err := ctx.Err(); err != nil {
		return artifacts.Digest{}, 0, err
	}
	file := bson.NewObjectID()
	if err := s.renew(ctx, file); err != nil {
		return artifacts.Digest{}, 0, s.failedIn(ctx, "store the artifact", err)
	}
	d, size, err := s.upload(ctx, file, r)
	if err == nil {
		err = s.place(ctx, &entry{Digest: d.String(), File: file, Size: size, LastPut: time.Now().UTC()})
	}
	if err != nil {
		s.discard(context.WithoutCancel(ctx), file)
		return artifacts.Digest{}, 0, err
	}
	return d, size, nil
}

// upload writes r into a new file, whose lease it renews meanwhile.
func (s *Store) upload(ctx context.Context, file bson.ObjectID, r io.Reader) (artifacts.Digest, int64, error) {
	defer s.keep(ctx, file)()
	hash := sha256.New()
	w := s.newFileWriter(ctx, file)
	size, err := s.copyAll(ctx, io.MultiWriter(w, hash), r)
	if err != nil {
		return artifacts.Digest{}, 0, err
	}
	if err := w.finish(); err != nil {
		return artifacts.Digest{}, 0, s.failedIn(ctx, "store the artifact", err)
	}
	return artifacts.Digest(hash.Sum(nil)), size, nil
}

// copyAll writes all of r to w and looks at ctx before each read.
func (s *Store) copyAll(ctx context.Context, w io.Writer, r io.Reader) (size int64, err error) {
	buffer := make([]byte, copyBytes)
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, readErr := r.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return 0, s.failedIn(ctx, "store the artifact", err)
			}
			size += int64(n)
		}
		if errors.Is(readErr, io.EOF) {
			return size, nil
		}
		if readErr != nil {
			return 0, readErr
		}
	}
}

// keep renews a file's lease until the function that it returns is called, which waits for the end of that.
func (s *Store) keep(ctx context.Context, file bson.ObjectID) (done func()) {
	ctx, cancel := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() {
		tick := time.NewTicker(lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = s.claim(ctx, file) // place finds out if it was lost
			}
		}
	})
	return func() {
		cancel()
		keeping.Wait()
	}
}

// errLost says that a lease ran out while its file was being put.
var errLost = errors.New("the upload stood still for too long")

// place makes a file the bytes of its artifact. The file before it, if there is one, gets a lease first, so that there is
// no moment at which nobody would remove it.
func (s *Store) place(ctx context.Context, e *entry) error {
	if err := s.claim(ctx, e.File); err != nil {
		return s.failedIn(ctx, "store the artifact", err)
	}
	for {
		placed, err := s.replace(ctx, e)
		if err != nil {
			return s.failedIn(ctx, "store the artifact", err)
		}
		if placed {
			break
		}
	}
	// The artifact is there; a lease that stays is removed by the sweep.
	_ = s.settle(ctx, e.File)
	return nil
}

// replace puts an artifact's document in the place of the one that is there; false: another came between.
func (s *Store) replace(ctx context.Context, e *entry) (bool, error) {
	var before entry
	err := s.entries.FindOne(ctx, bson.D{{Key: "_id", Value: e.Digest}}).Decode(&before)
	if errors.Is(err, mongo.ErrNoDocuments) {
		_, err := s.entries.InsertOne(ctx, e)
		if hasCode(err, duplicateKey) {
			return false, nil
		}
		return err == nil, err
	}
	if err == nil {
		err = s.leave(ctx, before.File)
	}
	if err != nil {
		return false, err
	}
	result, err := s.entries.ReplaceOne(ctx, bson.D{{Key: "_id", Value: e.Digest}, {Key: "file", Value: before.File}}, e)
	if err != nil {
		return false, err
	}
	return result.MatchedCount > 0, nil
}

// discard removes a file that is no artifact's, and its lease. What cannot be removed now the sweep removes later.
func (s *Store) discard(ctx context.Context, file bson.ObjectID) {
	ctx, cancel := context.WithTimeout(ctx, selectTimeout)
	defer cancel()
	if used, err := s.used(ctx, file); used || err != nil {
		return
	}
	if err := s.deleteFile(ctx, file); err == nil {
		_, _ = s.leases.DeleteOne(ctx, bson.D{{Key: "_id", Value: file}}) // or the sweep
	}
}

// used says whether an artifact has a file.
func (s *Store) used(ctx context.Context, file bson.ObjectID) (bool, error) {
	err := s.entries.FindOne(ctx, bson.D{{Key: "file", Value: file}}, options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, err
}
