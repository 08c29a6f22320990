package gridfs

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// leased is a document of <bucket>.leases.
type leased struct {
	File  bson.ObjectID `bson:"_id"`
	Until time.Time     `bson:"until"`
	// Leaving says that an artifact is about to give the file up: who put it there no longer ends the lease.
	Leaving bool `bson:"leaving,omitempty"`
}

// renew gives a file that is being put a lease from now on.
func (s *Store) renew(ctx context.Context, file bson.ObjectID) error {
	return s.setLease(ctx, file, bson.D{{Key: "until", Value: time.Now().Add(lease)}})
}

// leave gives a file that its artifact is about to give up a lease from now on.
func (s *Store) leave(ctx context.Context, file bson.ObjectID) error {
	return s.setLease(ctx, file, bson.D{{Key: "until", Value: time.Now().Add(lease)}, {Key: "leaving", Value: true}})
}

// setLease writes fields of a lease, which it makes where there is none.
func (s *Store) setLease(ctx context.Context, file bson.ObjectID, fields bson.D) error {
	_, err := s.leases.UpdateOne(ctx, bson.D{{Key: "_id", Value: file}}, bson.D{{Key: "$set", Value: fields}}, options.UpdateOne().SetUpsert(true))
	return err
}

// settle ends the lease of a file that has become an artifact's, unless the artifact is about to give it up again.
func (s *Store) settle(ctx context.Context, file bson.ObjectID) error {
	_, err := s.leases.DeleteOne(ctx, bson.D{{Key: "_id", Value: file}, {Key: "leaving", Value: bson.D{{Key: "$ne", Value: true}}}})
	return err
}

// claim renews a lease that has not run out; errLost where it has: the file may be on its way out.
func (s *Store) claim(ctx context.Context, file bson.ObjectID) error {
	now := time.Now()
	result, err := s.leases.UpdateOne(ctx, bson.D{{Key: "_id", Value: file}, {Key: "until", Value: bson.D{{Key: "$gt", Value: now}}}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "until", Value: now.Add(lease)}}}})
	if err == nil && result.MatchedCount == 0 {
		err = errLost
	}
	return err
}

// sweep removes the files whose lease had run out at a moment, unless an artifact has them. One that cannot be removed
// keeps its lease for the next sweep.
func (s *Store) sweep(ctx context.Context, now time.Time) error {
	cursor, err := s.leases.Find(ctx, bson.D{{Key: "until", Value: bson.D{{Key: "$lt", Value: now}}}})
	if err != nil {
		return err
	}
	var found []leased
	if err := cursor.All(ctx, &found); err != nil {
		return err
	}
	for _, l := range found {
		used, err := s.used(ctx, l.File)
		if err != nil {
			return err
		}
		if !used {
			if err := s.deleteFile(ctx, l.File); err != nil {
				return err
			}
		}
		_, err = s.leases.DeleteOne(ctx, bson.D{{Key: "_id", Value: l.File}, {Key: "until", Value: l.Until}})
		if err != nil {
			return err
		}
	}
	return nil
}
