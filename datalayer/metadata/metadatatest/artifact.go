package metadatatest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
)

func artifactRecords(t *testing.T, f Fixture) {
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	put := func(d string, at time.Time) {
		t.Helper()
		update(t, f.Store, func(tx metadata.Tx) error {
			return tx.PutArtifact(&metadata.Artifact{Digest: d, Size: 7, CreatedAt: at, Refs: 5})
		})
	}
	put(digest("b"), first)
	put(digest("a"), first)
	put(digest("b"), first.Add(time.Hour))
	found, err := f.Store.Artifacts(context.Background())
	if err != nil || len(found) != 2 || found[0].Digest != digest("a") || found[1].Digest != digest("b") {
		t.Fatalf("Artifacts: %v, %v, want a and b", found, err)
	}
	if want := (metadata.Artifact{Digest: digest("b"), Size: 7, CreatedAt: first}); *found[1] != want {
		t.Errorf("put twice: %+v, want %+v", *found[1], want)
	}
	for range 2 { // the second time there is none
		update(t, f.Store, func(tx metadata.Tx) error { return tx.RemoveArtifact(digest("a")) })
	}
	if found, err := f.Store.Artifacts(context.Background()); err != nil || len(found) != 1 {
		t.Errorf("Artifacts after the removal: %v, %v", found, err)
	}
}

func references(t *testing.T, f Fixture) {
	s := f.Store
	want := func(refs int) {
		t.Helper()
		found, err := s.Artifacts(context.Background())
		if err != nil || len(found) != 1 || found[0].Refs != refs {
			t.Fatalf("Artifacts: %+v, %v, want one with %d references", found, err, refs)
		}
	}
	with := metadata.Version{Artifact: digest("a")}
	err := s.Update(context.Background(), func(tx metadata.Tx) error {
		_, err := tx.AddVersion("m", &with)
		return err
	})
	if !errors.Is(err, metadata.ErrNotFound) {
		t.Fatalf("AddVersion with an artifact that is not recorded: %v, want ErrNotFound", err)
	}
	wantNoModel(t, s, "m")
	update(t, s, func(tx metadata.Tx) error { return tx.PutArtifact(&metadata.Artifact{Digest: digest("a")}) })
	want(0)
	add(t, s, "m", with)
	add(t, s, "m", with)
	add(t, s, "n", with)
	add(t, s, "n", metadata.Version{})
	want(3)
	err = s.Update(context.Background(), func(tx metadata.Tx) error { return tx.RemoveArtifact(digest("a")) })
	if !errors.Is(err, metadata.ErrReferenced) {
		t.Fatalf("RemoveArtifact of one in use: %v, want ErrReferenced", err)
	}
	update(t, s, func(tx metadata.Tx) error { return tx.RemoveVersion("m", 1) })
	want(2)
	update(t, s, func(tx metadata.Tx) error { return tx.RemoveVersion("m", 2) })
	want(1)
	update(t, s, func(tx metadata.Tx) error { return tx.RemoveModel("n") })
	want(0)
	update(t, s, func(tx metadata.Tx) error { return tx.RemoveArtifact(digest("a")) })
}
