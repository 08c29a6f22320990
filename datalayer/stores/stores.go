// Package stores opens the metadata and the artifact store that a URI names.
package stores

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts/filesystem"
	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts/gridfs"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/badgerstore"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/mongostore"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/sqlstore"
)

// Options are what stores are opened with.
type Options struct {
	// MinFree is the room that the file system of a Badger store needs for a change; see badgerstore.Config.
	MinFree int64
	// Logger gets what an operator should know; nil stands for none.
	Logger *slog.Logger
}

// Shared says whether several processes may have the metadata store of a URI open at once.
func Shared(uri string) bool { return scheme(uri) != "badger" }

// scheme is the part of a URI before the colon.
func scheme(uri string) string {
	name, _, _ := strings.Cut(uri, ":")
	return name
}

// OpenMetadata opens a metadata store: badger:, postgres:, mysql:, sqlite:, mssql: or mongodb:. Errors are
// *datalayer.Error; 55006 is a Badger directory that another process has.
func OpenMetadata(ctx context.Context, uri string, o Options) (keyvalue.Store, error) {
	store, err := openMetadata(ctx, uri, o)
	if err != nil {
		return nil, opening(err)
	}
	return store, nil
}

// opening is the error of an opening; ctx's, and those that a configuration is to blame for, stay what they are.
func opening(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return datalayer.ErrorOf(err)
}

// openMetadata is OpenMetadata with the stores' own errors.
func openMetadata(ctx context.Context, uri string, o Options) (keyvalue.Store, error) {
	switch scheme(uri) {
	case "badger":
		return badgerstore.Open(ctx, badgerstore.Config{Dir: Path(uri), MinFree: o.MinFree, Logger: o.Logger})
	case "mongodb", "mongodb+srv":
		uri, err := WithPassword(uri)
		if err != nil {
			return nil, err
		}
		return mongostore.Open(ctx, mongostore.Config{URI: uri})
	default:
		uri, err := WithPassword(uri)
		if err != nil {
			return nil, err
		}
		return sqlstore.Open(ctx, sqlstore.Config{URI: uri})
	}
}

// Artifacts is an open artifact store.
type Artifacts struct {
	artifacts.Store
	// Close lets it go, once no method runs and no reader is open.
	Close func() error
}

// OpenArtifacts opens an artifact store: file:directory, or mongodb: with the parameter bucket. Errors are
// *datalayer.Error.
func OpenArtifacts(ctx context.Context, uri string) (*Artifacts, error) {
	switch scheme(uri) {
	case "file":
		store, err := filesystem.Open(Path(uri))
		if err != nil {
			return nil, opening(err)
		}
		return &Artifacts{Store: store, Close: func() error { return nil }}, nil
	default:
		uri, bucket, err := takeParameter(uri, "bucket")
		if err == nil {
			uri, err = WithPassword(uri)
		}
		if err != nil {
			return nil, opening(err)
		}
		store, err := gridfs.Open(ctx, gridfs.Config{URI: uri, Bucket: bucket})
		if err != nil {
			return nil, opening(err)
		}
		return &Artifacts{Store: store, Close: store.Close}, nil
	}
}

// Path is the path in scheme:path or scheme:///path.
func Path(uri string) string {
	_, path, _ := strings.Cut(uri, ":")
	return strings.TrimPrefix(path, "//")
}

// passwordParameter names a file with the password, so that this is neither in the command line nor in the environment.
const passwordParameter = "passwordfile"

// WithPassword puts the password of the file that the parameter passwordfile names into a URI of a server.
func WithPassword(uri string) (string, error) {
	uri, file, err := takeParameter(uri, passwordParameter)
	if err != nil || file == "" {
		return uri, err
	}
	word, err := os.ReadFile(file)
	if err != nil {
		return "", &datalayer.Error{Code: "58030", Message: fmt.Sprintf("the file of a store's password cannot be read: %v", err), Err: err}
	}
	head, rest, ok := strings.Cut(uri, "://")
	user, place, named := strings.Cut(rest, "@")
	if !ok || !named || strings.ContainsAny(user, "/:") {
		return "", &datalayer.Error{Code: "22023", Message: "a store's URI with passwordfile has to name a user, and no password beside it"}
	}
	return head + "://" + user + url.UserPassword("", strings.TrimRight(string(word), "\r\n")).String() + "@" + place, nil
}

// takeParameter takes a parameter out of a URI. The rest stays as it is: not every URI here is one that net/url reads.
func takeParameter(uri, name string) (rest, value string, err error) {
	head, query, ok := strings.Cut(uri, "?")
	if !ok {
		return uri, "", nil
	}
	var kept []string
	for _, pair := range strings.Split(query, "&") {
		if key, text, _ := strings.Cut(pair, "="); key != name {
			kept = append(kept, pair)
		} else if value, err = url.QueryUnescape(text); err != nil {
			return "", "", &datalayer.Error{Code: "22023", Message: fmt.Sprintf("the parameter %s of a store's URI cannot be read", name)}
		}
	}
	if len(kept) == 0 {
		return head, value, nil
	}
	return head + "?" + strings.Join(kept, "&"), value, nil
}
