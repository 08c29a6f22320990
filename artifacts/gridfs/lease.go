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
}

// renew gives a file a lease from now on.
func (s *Store) renew(ctx context.Context, file bson.ObjectID) error {
	_, err := s.leases.UpdateOne(ctx, bson.D{{Key: "_id", Value: file}}, bson.D{{Key: "$set", Value: bson.D{{Key: "until", Value: time.Now().Add(lease)}}}},
		options.UpdateOne().SetUpsert(true))
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
