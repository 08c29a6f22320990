package mongostore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue/keyvaluetest"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// server is the MongoDB of these tests; databases counts theirs.
var (
	server    = lab.NewShared("secantusdb")
	databases atomic.Int64
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// newURI names a database that is not there yet, or skips the test with the reason why there is no server.
func newURI(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("mongodb://127.0.0.1:%d/meta%d", server.Start(t).Port, databases.Add(1))
}

// openURI opens a store that the test closes at its end.
func openURI(t *testing.T, uri string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Config{URI: uri})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	keyvaluetest.Run(t, func(t *testing.T) keyvaluetest.Fixture {
		uri := newURI(t)
		again := func(t *testing.T) keyvalue.Store { return openURI(t, uri) }
		return keyvaluetest.Fixture{Store: again(t), Reopen: again, Second: again}
	})
}

// refusedWith fails the test unless a URI is refused with a code. No part of the error may have the password.
func refusedWith(t *testing.T, uri, code string) {
	t.Helper()
	s, err := Open(context.Background(), Config{URI: uri})
	if err == nil {
		t.Fatal(errors.New("it is not refused"), s.Close())
	}
	var e *keyvalue.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("error %#v, want %s", err, code)
	}
	if e != nil && strings.Contains(e.Message+e.Detail+e.Hint+err.Error(), "s3cret") {
		t.Errorf("the error shows the password: %+v", *e)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for uri, code := range map[string]string{
		"mongodb://u:s3cret@127.0.0.1:1/": "22023", "mongodb://u:s3cret@h/d?w=-1": "22023", "mongodb:": "22023",
		"mongodb://u:s3cret@127.0.0.1:1/d?serverSelectionTimeoutMS=200": "08006",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			refusedWith(t, uri, code)
		})
	}
}

func TestNewerLayout(t *testing.T) {
	t.Parallel()
	uri := newURI(t)
	s := openURI(t, uri)
	_, err := s.guards.UpdateOne(context.Background(), bson.D{{Key: "_id", Value: layoutID}}, bson.D{{Key: "$set", Value: bson.D{{Key: "version", Value: 99}}}})
	if err != nil {
		t.Fatal(err)
	}
	refusedWith(t, uri, "55000")
}
