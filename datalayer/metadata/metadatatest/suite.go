// Package metadatatest is the contract of metadata.Store as tests, to be run on every store.
package metadatatest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
)

// Fixture is a store to test, empty.
type Fixture struct {
	Store metadata.Store
	// Reopen closes the store and opens it again.
	Reopen func(t *testing.T) metadata.Store
}

// Run runs the suite; open makes a new empty store for each of its tests.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	cases := []struct {
		name string
		test func(t *testing.T, f Fixture)
	}{
		{"empty", empty},
		{"every field", everyField},
		{"numbers", numbers},
		{"numbers after drop", numbersAfterDrop},
		{"default", defaults},
		{"remove version", removeVersion},
		{"remove model", removeModel},
		{"rename", rename},
		{"options", options},
		{"artifacts", artifactRecords},
		{"references", references},
		{"absent", absent},
		{"all or nothing", allOrNothing},
		{"own changes", ownChanges},
		{"names", names},
		{"large source", largeSource},
		{"concurrent adds of one model", concurrentAdds},
		{"concurrent new models", concurrentModels},
		{"ended context", endedContext},
		{"closed", closed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

// digest is a made-up digest.
func digest(c string) string { return strings.Repeat(c, 64) }

// update runs a change that has to work.
func update(t *testing.T, s metadata.Store, change func(tx metadata.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), change); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

// add records a version and gives its number.
func add(t *testing.T, s metadata.Store, name string, v metadata.Version) (number int) {
	t.Helper()
	update(t, s, func(tx metadata.Tx) (err error) {
		number, err = tx.AddVersion(name, &v)
		return err
	})
	return number
}

// model reads a model that has to be there.
func model(t *testing.T, s metadata.Store, name string) *metadata.Model {
	t.Helper()
	m, err := s.Model(context.Background(), name)
	if err != nil {
		t.Fatalf("Model(%q): %v", name, err)
	}
	return m
}

// versions lists the numbers of a model's versions.
func versions(m *metadata.Model) []int {
	var ns []int
	for _, v := range m.Versions {
		ns = append(ns, v.Version)
	}
	return ns
}

// wantNoModel fails the test if there is a model of that name.
func wantNoModel(t *testing.T, s metadata.Store, name string) {
	t.Helper()
	if m, err := s.Model(context.Background(), name); !errors.Is(err, metadata.ErrNotFound) {
		t.Fatalf("Model(%q): %v, %v, want ErrNotFound", name, m, err)
	}
}

func empty(t *testing.T, f Fixture) {
	models, err := f.Store.Models(context.Background())
	if err != nil || len(models) != 0 {
		t.Errorf("Models: %v, %v", models, err)
	}
	found, err := f.Store.Artifacts(context.Background())
	if err != nil || len(found) != 0 {
		t.Errorf("Artifacts: %v, %v", found, err)
	}
}

func everyField(t *testing.T, f Fixture) {
	created := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	v := metadata.Version{
		Runtime: "onnx", Args: []metadata.Arg{{Name: "délai", Type: "double precision"}, {Type: "text"}},
		Returns: "bigint", Hash: digest("1"), Artifact: digest("a"), ArtifactBytes: 1 << 40,
		Source: "def predict(x):\n\treturn '<&>'\n", Options: map[string]string{"a": "", "b": "ü"},
		Deterministic: true, NullOnNull: true, CreatedAt: created, CreatedBy: "ada",
	}
	update(t, f.Store, func(tx metadata.Tx) error {
		return tx.PutArtifact(&metadata.Artifact{Digest: digest("a"), Size: 1 << 40, CreatedAt: created})
	})
	number := add(t, f.Store, "late", v)
	v.Version = number
	s := f.Reopen(t)
	got := model(t, s, "late")
	if want := (&metadata.Model{Name: "late", Versions: []*metadata.Version{&v}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v %+v\nwant %+v %+v", got, got.Versions[0], want, v)
	}
	found, err := s.Artifacts(context.Background())
	want := metadata.Artifact{Digest: digest("a"), Size: 1 << 40, CreatedAt: created, Refs: 1}
	if err != nil || len(found) != 1 || *found[0] != want {
		t.Errorf("Artifacts: %+v, %v, want %+v", found, err, want)
	}
}

func numbers(t *testing.T, f Fixture) {
	for want := 1; want <= 12; want++ {
		if got := add(t, f.Store, "m", metadata.Version{Version: 99}); got != want {
			t.Fatalf("version %d was given the number %d", want, got)
		}
	}
	if got := versions(model(t, f.Store, "m")); !slices.IsSorted(got) || len(got) != 12 {
		t.Fatalf("versions %v", got)
	}
	if got := add(t, f.Store, "other", metadata.Version{}); got != 1 {
		t.Fatalf("another model's first version has the number %d", got)
	}
}

func numbersAfterDrop(t *testing.T, f Fixture) {
	add(t, f.Store, "m", metadata.Version{})
	add(t, f.Store, "m", metadata.Version{})
	update(t, f.Store, func(tx metadata.Tx) error { return tx.RemoveVersion("m", 2) })
	s := f.Reopen(t)
	if got := add(t, s, "m", metadata.Version{}); got != 3 {
		t.Fatalf("after version 2 was removed, the next has the number %d, want 3", got)
	}
	update(t, s, func(tx metadata.Tx) error { return tx.RemoveModel("m") })
	if got := add(t, s, "m", metadata.Version{}); got != 4 {
		t.Fatalf("after the model was removed, the next version has the number %d, want 4", got)
	}
}

func defaults(t *testing.T, f Fixture) {
	s := f.Store
	want := func(version, set int) {
		t.Helper()
		if m := model(t, s, "m"); m.DefaultVersion().Version != version || m.Default != set {
			t.Fatalf("the default is version %d (set: %d), want %d (set: %d)", m.DefaultVersion().Version, m.Default, version, set)
		}
	}
	add(t, s, "m", metadata.Version{})
	add(t, s, "m", metadata.Version{})
	want(2, 0)
	update(t, s, func(tx metadata.Tx) error { return tx.SetDefault("m", 1) })
	want(1, 1)
	add(t, s, "m", metadata.Version{})
	want(1, 1)
	update(t, s, func(tx metadata.Tx) error { return tx.SetDefault("m", 0) })
	want(3, 0)
	update(t, s, func(tx metadata.Tx) error { return tx.SetDefault("m", 1) })
	update(t, s, func(tx metadata.Tx) error { return tx.RemoveVersion("m", 1) })
	want(3, 0)
}

func removeVersion(t *testing.T, f Fixture) {
	for range 3 {
		add(t, f.Store, "m", metadata.Version{})
	}
	update(t, f.Store, func(tx metadata.Tx) error { return tx.RemoveVersion("m", 2) })
	if got := versions(model(t, f.Store, "m")); !slices.Equal(got, []int{1, 3}) {
		t.Fatalf("versions %v, want 1 and 3", got)
	}
	update(t, f.Store, func(tx metadata.Tx) error { return tx.RemoveVersion("m", 3) })
	update(t, f.Store, func(tx metadata.Tx) error { return tx.RemoveVersion("m", 1) })
	wantNoModel(t, f.Store, "m")
}

func removeModel(t *testing.T, f Fixture) {
	for range 3 {
		add(t, f.Store, "m", metadata.Version{})
	}
	add(t, f.Store, "m2", metadata.Version{})
	update(t, f.Store, func(tx metadata.Tx) error { return tx.RemoveModel("m") })
	s := f.Reopen(t)
	wantNoModel(t, s, "m")
	if got := versions(model(t, s, "m2")); !slices.Equal(got, []int{1}) {
		t.Fatalf("the other model has versions %v", got)
	}
	add(t, s, "m", metadata.Version{})
	if got := versions(model(t, s, "m")); !slices.Equal(got, []int{4}) {
		t.Fatalf("the model that was made again has versions %v, want 4 alone", got)
	}
}

func rename(t *testing.T, f Fixture) {
	s := f.Store
	for range 3 {
		add(t, s, "old", metadata.Version{Runtime: "r"})
	}
	add(t, s, "taken", metadata.Version{})
	update(t, s, func(tx metadata.Tx) error { return tx.SetDefault("old", 2) })
	for _, to := range []string{"taken", "old"} {
		err := s.Update(context.Background(), func(tx metadata.Tx) error { return tx.Rename("old", to) })
		if !errors.Is(err, metadata.ErrExists) {
			t.Fatalf("Rename to %q: %v, want ErrExists", to, err)
		}
	}
	update(t, s, func(tx metadata.Tx) error { return tx.Rename("old", "new") })
	wantNoModel(t, s, "old")
	m := model(t, s, "new")
	if m.Name != "new" || m.Default != 2 || !slices.Equal(versions(m), []int{1, 2, 3}) || m.Versions[0].Runtime != "r" {
		t.Fatalf("the renamed model is %+v", m)
	}
	if got := add(t, s, "new", metadata.Version{}); got != 4 {
		t.Errorf("the next version under the new name has the number %d, want 4", got)
	}
	if got := add(t, s, "old", metadata.Version{}); got != 4 {
		t.Errorf("the next version under the old name has the number %d, want 4", got)
	}
	update(t, s, func(tx metadata.Tx) error { return tx.RemoveModel("new") })
	update(t, s, func(tx metadata.Tx) error { return tx.Rename("taken", "new") })
	if got := add(t, s, "new", metadata.Version{}); got != 5 {
		t.Errorf("the next version of a name that had four is %d, want 5", got)
	}
}

func options(t *testing.T, f Fixture) {
	add(t, f.Store, "m", metadata.Version{Options: map[string]string{"a": "1"}, Source: "s"})
	update(t, f.Store, func(tx metadata.Tx) error { return tx.SetOptions("m", 1, map[string]string{"b": "2"}) })
	v := model(t, f.Reopen(t), "m").Versions[0]
	if !reflect.DeepEqual(v.Options, map[string]string{"b": "2"}) || v.Source != "s" {
		t.Fatalf("the version is %+v", v)
	}
}

func absent(t *testing.T, f Fixture) {
	add(t, f.Store, "m", metadata.Version{})
	wantNoModel(t, f.Store, "M")
	for name, change := range map[string]func(tx metadata.Tx) error{
		"Model":                 func(tx metadata.Tx) error { _, err := tx.Model("x"); return err },
		"SetOptions":            func(tx metadata.Tx) error { return tx.SetOptions("x", 1, nil) },
		"SetOptions version":    func(tx metadata.Tx) error { return tx.SetOptions("m", 2, nil) },
		"SetDefault":            func(tx metadata.Tx) error { return tx.SetDefault("x", 0) },
		"SetDefault version":    func(tx metadata.Tx) error { return tx.SetDefault("m", 2) },
		"SetDefault negative":   func(tx metadata.Tx) error { return tx.SetDefault("m", -1) },
		"RemoveVersion":         func(tx metadata.Tx) error { return tx.RemoveVersion("x", 1) },
		"RemoveVersion version": func(tx metadata.Tx) error { return tx.RemoveVersion("m", 2) },
		"RemoveVersion zero":    func(tx metadata.Tx) error { return tx.RemoveVersion("m", 0) },
		"RemoveVersion wrapped": func(tx metadata.Tx) error { return tx.RemoveVersion("m", 1+1<<32) },
		"RemoveModel":           func(tx metadata.Tx) error { return tx.RemoveModel("x") },
		"Rename":                func(tx metadata.Tx) error { return tx.Rename("x", "y") },
	} {
		if err := f.Store.Update(context.Background(), change); !errors.Is(err, metadata.ErrNotFound) {
			t.Errorf("%s of what is not there: %v, want ErrNotFound", name, err)
		}
	}
	if got := versions(model(t, f.Store, "m")); !slices.Equal(got, []int{1}) {
		t.Errorf("the model has versions %v afterwards", got)
	}
}

func allOrNothing(t *testing.T, f Fixture) {
	add(t, f.Store, "stays", metadata.Version{})
	broken := errors.New("changed my mind")
	err := f.Store.Update(context.Background(), func(tx metadata.Tx) error {
		if err := tx.PutArtifact(&metadata.Artifact{Digest: digest("a")}); err != nil {
			return err
		}
		if _, err := tx.AddVersion("new", &metadata.Version{Artifact: digest("a")}); err != nil {
			return err
		}
		if err := tx.RemoveModel("stays"); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("Update: %v, want the change's own error", err)
	}
	s := f.Reopen(t)
	wantNoModel(t, s, "new")
	model(t, s, "stays")
	if found, err := s.Artifacts(context.Background()); err != nil || len(found) != 0 {
		t.Fatalf("Artifacts: %v, %v, want none", found, err)
	}
	if got := add(t, s, "new", metadata.Version{}); got != 1 {
		t.Fatalf("a number was given away by a change that was not made: the next is %d", got)
	}
}

func ownChanges(t *testing.T, f Fixture) {
	update(t, f.Store, func(tx metadata.Tx) error {
		for want := 1; want <= 2; want++ {
			if got, err := tx.AddVersion("m", &metadata.Version{}); err != nil || got != want {
				t.Errorf("AddVersion: %d, %v, want %d", got, err, want)
			}
		}
		if err := tx.SetDefault("m", 1); err != nil {
			return err
		}
		m, err := tx.Model("m")
		if err == nil && (len(m.Versions) != 2 || m.DefaultVersion().Version != 1) {
			t.Errorf("within the transaction the model is %+v", m)
		}
		return err
	})
}

func names(t *testing.T, f Fixture) {
	want := []string{"A", "a", "a/b", "m/x", "v/", "ä", "数据"}
	for _, name := range slices.Backward(want) {
		add(t, f.Store, name, metadata.Version{Runtime: name})
	}
	models, err := f.Store.Models(context.Background())
	if err != nil {
		t.Fatalf("Models: %v", err)
	}
	var got []string
	for _, m := range models {
		got = append(got, m.Name)
		if len(m.Versions) != 1 || m.Versions[0].Runtime != m.Name {
			t.Errorf("model %q has %+v", m.Name, m.Versions)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("Models gave %q, want %q", got, want)
	}
}

func largeSource(t *testing.T, f Fixture) {
	source := strings.Repeat("# a long model\n", 4<<20/15)
	add(t, f.Store, "m", metadata.Version{Source: source})
	if got := model(t, f.Reopen(t), "m").Versions[0].Source; got != source {
		t.Fatalf("a source of %d bytes came back with %d", len(source), len(got))
	}
}

func concurrentAdds(t *testing.T, f Fixture) {
	const n = 50
	given := make([]int, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			err := f.Store.Update(context.Background(), func(tx metadata.Tx) (err error) {
				given[i], err = tx.AddVersion("m", &metadata.Version{})
				return err
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
		})
	}
	wg.Wait()
	slices.Sort(given)
	for i, number := range given {
		if number != i+1 {
			t.Fatalf("the numbers given are %v, want 1 to %d", given, n)
		}
	}
	if got := versions(model(t, f.Reopen(t), "m")); !slices.Equal(got, given) {
		t.Fatalf("recorded are %v", got)
	}
}

func concurrentModels(t *testing.T, f Fixture) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			name := strings.Repeat("m", i/2+1) // each name twice
			err := f.Store.Update(context.Background(), func(tx metadata.Tx) error {
				_, err := tx.AddVersion(name, &metadata.Version{})
				return err
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
		})
	}
	wg.Wait()
	models, err := f.Store.Models(context.Background())
	if err != nil || len(models) != 8 {
		t.Fatalf("%d models, %v, want 8", len(models), err)
	}
	for _, m := range models {
		if got := versions(m); !slices.Equal(got, []int{1, 2}) {
			t.Errorf("model %q has versions %v", m.Name, got)
		}
	}
}

func endedContext(t *testing.T, f Fixture) {
	add(t, f.Store, "m", metadata.Version{})
	ctx, cancel := context.WithCancel(context.Background())
	err := f.Store.Update(ctx, func(tx metadata.Tx) error {
		cancel() // the statement is cancelled while the change is made
		return tx.RemoveModel("m")
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update: %v, want context.Canceled", err)
	}
	model(t, f.Store, "m")
	if _, err := f.Store.Models(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Models: %v, want context.Canceled", err)
	}
	if _, err := f.Store.Artifacts(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Artifacts: %v, want context.Canceled", err)
	}
}

func closed(t *testing.T, f Fixture) {
	if err := f.Store.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := f.Store.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if _, err := f.Store.Models(context.Background()); err == nil {
		t.Errorf("Models of a closed store gives no error")
	}
	if err := f.Store.Update(context.Background(), func(metadata.Tx) error { return nil }); err == nil {
		t.Errorf("Update of a closed store gives no error")
	}
}
