package mongodb

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
)

// Options are an engine's settings. The zero value has the defaults. The URI may set them too, as options named
// pinnacle_sample, pinnacle_columns, pinnacle_batch and pinnacle_schema.
type Options struct {
	// Sample is how many documents of a collection are read to find its columns, half of them the first and half the
	// last by _id (500). A negative number: none.
	Sample int
	// MaxColumns is how many fields of a collection become columns, the most frequent (400); the rest is in _document.
	MaxColumns int
	// Batch is how many documents the server sends at once (2,000).
	Batch int
	// Schema is a file, YAML or JSON, that declares columns: see Declared.
	Schema string
	// Spool bounds what open results are read ahead to when something is written.
	Spool spool.Limits
}

// The options of the URI that are the engine's.
const (
	sampleOption  = "pinnacle_sample"
	columnsOption = "pinnacle_columns"
	batchOption   = "pinnacle_batch"
	schemaOption  = "pinnacle_schema"
)

// selectTimeout is how long a server is looked for, unless the URI says.
const selectTimeout = 10 * time.Second

// engine is one database. It implements backend.Engine and backend.Definer.
type engine struct {
	client   *mongo.Client
	db       *mongo.Database
	options  Options
	declared declarations
	hosts    string
	version  string
	// transactions says that the server is a replica set or a sharded cluster.
	transactions bool

	// mu guards shapes: what has been seen of each collection's documents so far.
	mu     sync.Mutex
	shapes map[string]*shape
}

var (
	_ backend.Engine  = (*engine)(nil)
	_ backend.Definer = (*engine)(nil)
)

// Open connects to the database that a URI names (mongodb:// or mongodb+srv://). Errors hold no password.
func Open(ctx context.Context, uri string, opts Options) (backend.Engine, error) {
	uri, err := opts.fromURI(uri)
	if err != nil {
		return nil, err
	}
	place, err := connstring.ParseAndValidate(uri)
	if err != nil || place.Database == "" {
		return nil, &backend.Error{Code: "22023", Message: "the URI of the databackend is not right: it has to be mongodb://user@host:port/database"}
	}
	declared, err := readDeclarations(opts.Schema)
	if err != nil {
		return nil, err
	}
	client, err := mongo.Connect(options.Client().SetServerSelectionTimeout(selectTimeout).SetAppName("pinnacle-proxy").ApplyURI(uri).
		SetReadPreference(readpref.Primary()))
	if err != nil {
		return nil, &backend.Error{Code: "08001", Message: "the client of MongoDB refuses the URI of the databackend"}
	}
	e := &engine{client: client, db: client.Database(place.Database), options: opts, declared: declared, hosts: strings.Join(place.Hosts, ","), shapes: map[string]*shape{}}
	if err := e.greet(ctx); err != nil {
		_ = e.Close()
		return nil, err
	}
	return e, nil
}

// fromURI takes the engine's own options from a URI, and sets the defaults.
func (o *Options) fromURI(uri string) (string, error) {
	before, query, _ := strings.Cut(uri, "?")
	var kept []string
	for _, option := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(option, "=")
		value, err := url.QueryUnescape(value)
		if err != nil {
			return "", &backend.Error{Code: "22023", Message: "the URI of the databackend is not right: an option is not escaped as URIs are"}
		}
		var number *int
		switch name {
		case sampleOption:
			number = &o.Sample
		case columnsOption:
			number = &o.MaxColumns
		case batchOption:
			number = &o.Batch
		case schemaOption:
			o.Schema = value
			continue
		case "":
			continue
		default:
			kept = append(kept, option)
			continue
		}
		if *number, err = strconv.Atoi(value); err != nil {
			return "", &backend.Error{Code: "22023", Message: fmt.Sprintf("the option %s of the databackend's URI has to be a number", name)}
		}
	}
	for _, setting := range []struct {
		to    *int
		usual int
	}{{&o.Sample, 500}, {&o.MaxColumns, 400}, {&o.Batch, 2000}} {
		if *setting.to == 0 {
			*setting.to = setting.usual
		}
	}
	if len(kept) > 0 {
		before += "?" + strings.Join(kept, "&")
	}
	return before, nil
}

// greet asks the server what it is.
func (e *engine) greet(ctx context.Context) error {
	var hello struct {
		SetName string `bson:"setName"`
		Message string `bson:"msg"`
	}
	var build struct {
		Version string `bson:"version"`
	}
	if err := e.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		if err := e.db.RunCommand(ctx, bson.D{{Key: "isMaster", Value: 1}}).Decode(&hello); err != nil {
			return e.failed(ctx, nil, err)
		}
	}
	if err := e.db.RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&build); err != nil {
		return e.failed(ctx, nil, err)
	}
	e.version, e.transactions = build.Version, hello.SetName != "" || hello.Message == "isdbgrid"
	return nil
}

// Describe implements backend.Engine.
func (e *engine) Describe() string {
	return fmt.Sprintf("MongoDB %s, database %s at %s", e.version, e.db.Name(), e.hosts)
}

// Traits implements backend.Engine. There are no savepoints: rolling back to one is refused where something was written
// behind it.
func (e *engine) Traits() backend.Traits {
	return backend.Traits{Transactions: e.transactions, ManyResults: true}
}

// Ping implements backend.Engine.
func (e *engine) Ping(ctx context.Context) error {
	if err := e.client.Ping(ctx, readpref.Primary()); err != nil {
		return e.failed(ctx, nil, err)
	}
	return nil
}

// Close implements backend.Engine.
func (e *engine) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), selectTimeout)
	defer cancel()
	return e.client.Disconnect(ctx)
}
