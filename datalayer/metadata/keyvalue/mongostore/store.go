// Package mongostore is a keyvalue.Store in a MongoDB database, of a replica set or sharded cluster, since it needs
// transactions of several documents. Several proxies may share one.
//
// MongoDB's transactions have snapshot isolation, which lets two that read what the other writes both commit. So there is
// a guard document for each space, and a transaction that changes something counts up the guards of all spaces that it
// has used: two that share a space then write the same document, and one of them is run again.
package mongostore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Config says where a store is.
type Config struct {
	// URI is mongodb:// or mongodb+srv:// with hosts and the database's name. Its password is in no error.
	URI string
}

const (
	recordCollection = "pinnacle_metadata"
	guardCollection  = "pinnacle_metadata_guards"
	// layout is the version of the collections' layout, which the document layoutID of the guards notes.
	layout   = 1
	layoutID = "#layout"
	// selectTimeout is how long a server is looked for, unless the URI says.
	selectTimeout = 10 * time.Second
)

// Store is the store in one database. It implements keyvalue.Store. Close ends it.
type Store struct {
	client          *mongo.Client
	records, guards *mongo.Collection
	// where names the database for messages, without a password.
	where string
	// mu is held for reading while a method uses client, for writing while Close closes it.
	mu     sync.RWMutex
	closed bool
}

var _ keyvalue.Store = (*Store)(nil)

// Open connects to the database and makes the collections if need be.
func Open(ctx context.Context, config Config) (*Store, error) {
	place, err := connstring.ParseAndValidate(config.URI)
	if err != nil || place.Database == "" {
		return nil, &keyvalue.Error{Code: "22023", Message: "the URI of the metadata store is not right: it has to be mongodb://user@host:port/database"}
	}
	client, err := mongo.Connect(options.Client().SetServerSelectionTimeout(selectTimeout).SetAppName("pinnacle-proxy").ApplyURI(config.URI).
		SetReadPreference(readpref.Primary()))
	s := &Store{client: client, where: fmt.Sprintf("the MongoDB database %q on %v", place.Database, place.Hosts)}
	if err != nil {
		return nil, s.failed(ctx, "connect to the metadata store", err)
	}
	journal := true
	concerns := options.Collection().SetReadConcern(readconcern.Majority()).SetWriteConcern(&writeconcern.WriteConcern{W: "majority", Journal: &journal})
	s.records = client.Database(place.Database).Collection(recordCollection, concerns)
	s.guards = client.Database(place.Database).Collection(guardCollection, concerns)
	if err := s.init(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// init looks at the server and makes the collections, which a transaction cannot everywhere.
func (s *Store) init(ctx context.Context) error {
	var hello struct {
		SetName string `bson:"setName"`
		Message string `bson:"msg"`
	}
	database := s.records.Database()
	if err := database.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return s.failed(ctx, "connect to the metadata store", err)
	}
	if hello.SetName == "" && hello.Message != "isdbgrid" {
		return &keyvalue.Error{
			Code: "0A000", Message: "the metadata store's MongoDB is a single server, which has no transactions",
			Detail: fmt.Sprintf("The metadata store is %s.", s.where),
			Hint:   "Make it a replica set, of one if need be (rs.initiate()).",
		}
	}
	for _, c := range []*mongo.Collection{s.records, s.guards} {
		err := database.CreateCollection(ctx, c.Name())
		if err != nil && !hasCode(err, namespaceExists) {
			return s.failed(ctx, "make the collections of the metadata store", err)
		}
	}
	return s.checkLayout(ctx)
}

// checkLayout notes the version of the layout, and refuses one of a newer program.
func (s *Store) checkLayout(ctx context.Context) error {
	var found struct {
		Version int `bson:"version"`
	}
	err := s.guards.FindOneAndUpdate(ctx, bson.D{{Key: "_id", Value: layoutID}}, bson.D{{Key: "$max", Value: bson.D{{Key: "version", Value: layout}}}},
		options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Decode(&found)
	if hasCode(err, duplicateKey) {
		return nil // another process has just noted it
	}
	if err != nil {
		return s.failed(ctx, "note the layout of the metadata store", err)
	}
	if found.Version > layout {
		return keyvalue.Newer("the collections of "+s.where, found.Version, layout)
	}
	return nil
}

// View implements keyvalue.Store.
func (s *Store) View(ctx context.Context, read func(r keyvalue.Reader) error) error {
	return s.transaction(ctx, func(t *tx) error { return read(t) })
}

// transaction runs f in a transaction, which is aborted unless f has committed it.
func (s *Store) transaction(ctx context.Context, f func(t *tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return keyvalue.Closed()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	session, err := s.client.StartSession()
	if err != nil {
		return s.failed(ctx, "begin a transaction of the metadata store", err)
	}
	defer session.EndSession(context.WithoutCancel(ctx)) // it aborts what was not committed
	journal := true
	concerns := options.Transaction().SetReadConcern(readconcern.Snapshot()).SetReadPreference(readpref.Primary()).
		SetWriteConcern(&writeconcern.WriteConcern{W: "majority", Journal: &journal})
	if err := session.StartTransaction(concerns); err != nil {
		return s.failed(ctx, "begin a transaction of the metadata store", err)
	}
	return f(&tx{ctx: mongo.NewSessionContext(ctx, session), store: s, session: session, guarded: map[keyvalue.Space]bool{}})
}

// Update implements keyvalue.Store.
func (s *Store) Update(ctx context.Context, change func(tx keyvalue.Tx) error) error {
	return keyvalue.Retry(ctx, func() (again keyvalue.Outcome, err error) {
		err = s.transaction(ctx, func(t *tx) (err error) {
			again, err = t.run(change)
			return err
		})
		return again, err
	})
}

// Close implements keyvalue.Store. It waits for methods that run.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), selectTimeout)
	defer cancel()
	if err := s.client.Disconnect(ctx); err != nil {
		return s.failed(ctx, "close the metadata store", err)
	}
	return nil
}
