// Package keyvaluetest is the contract of keyvalue.Store as tests, to be run on every store.
package keyvaluetest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Fixture is a store to test, empty. The tests close what they were given.
type Fixture struct {
	Store keyvalue.Store
	// Reopen opens what the store is in again, after the test has closed Store.
	Reopen func(t *testing.T) keyvalue.Store
	// Second opens it another time beside Store, as a second proxy does; nil where one process has it to itself.
	Second func(t *testing.T) keyvalue.Store
}

// Run runs the suite; open makes a new empty store for each of its tests.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	cases := []struct {
		name string
		test func(t *testing.T, f Fixture)
	}{
		{"empty", empty},
		{"put, get and delete", putGetDelete},
		{"values come back", values},
		{"spaces are apart", spaces},
		{"order", order},
		{"ranges and limits", ranges},
		{"long scan", longScan},
		{"scan with changes", scanWithChanges},
		{"own changes", ownChanges},
		{"all or nothing", allOrNothing},
		{"many changes", manyChanges},
		{"refused keys and values", refused},
		{"ended context", endedContext},
		{"closed", closed},
		{"snapshot", snapshot},
		{"counter", counter},
		{"write skew", writeSkew},
		{"phantoms", phantoms},
		{"deleted under a reader", deletedUnderReader},
		{"a conflict that change reports", reportedConflict},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

// space is where most tests keep their keys.
const space keyvalue.Space = "things"

// both gives the store and, where there may be two, a second one of the same records, else the same again.
func (f Fixture) both(t *testing.T) (a, b keyvalue.Store) {
	t.Helper()
	if f.Second == nil {
		return f.Store, f.Store
	}
	return f.Store, f.Second(t)
}

// update runs a change that has to work.
func update(t *testing.T, s keyvalue.Store, change func(tx keyvalue.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), change); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

// put sets keys, each to its own name in quotes.
func put(t *testing.T, s keyvalue.Store, keys ...string) {
	t.Helper()
	update(t, s, func(tx keyvalue.Tx) error {
		for _, key := range keys {
			if err := tx.Put(space, key, quoted(key)); err != nil {
				return err
			}
		}
		return nil
	})
}

// quoted is the value that put sets.
func quoted(key string) []byte {
	value, err := json.Marshal("of " + key)
	if err != nil {
		panic(err) // a string always can be written
	}
	return value
}

// view reads, which has to work.
func view(t *testing.T, s keyvalue.Store, read func(r keyvalue.Reader) error) {
	t.Helper()
	if err := s.View(context.Background(), read); err != nil {
		t.Fatalf("View: %v", err)
	}
}

// keys lists the keys of a range.
func keys(r keyvalue.Reader, from, to string, limit int) (found []string, err error) {
	err = r.Scan(space, from, to, limit, func(key string, _ []byte) error {
		found = append(found, key)
		return nil
	})
	return found, err
}

// wantKeys fails the test unless these are the store's keys.
func wantKeys(t *testing.T, s keyvalue.Store, want ...string) {
	t.Helper()
	var got []string
	view(t, s, func(r keyvalue.Reader) (err error) {
		got, err = keys(r, "", "", 0)
		return err
	})
	if !slices.Equal(got, want) {
		t.Fatalf("the store has the keys %q, want %q", got, want)
	}
}

// wantAbsent fails the test unless err is ErrNotFound.
func wantAbsent(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, keyvalue.ErrNotFound) {
		t.Errorf("Get: %v, want ErrNotFound", err)
	}
}

// wantCode fails the test unless err is a *keyvalue.Error with that code.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var e *keyvalue.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("error %#v, want %s", err, code)
	}
}
