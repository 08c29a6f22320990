package datalayer

import (
	"context"
	"errors"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
)

// CollectArtifacts removes the artifacts to which no model refers and that were last put longer than grace ago, and gives
// their number. Those that are in the middle of being put or added stay in any case.
func (d *Datalayer) CollectArtifacts(ctx context.Context, grace time.Duration) (int, error) {
	latest := time.Now().Add(-grace)
	refs := d.catalog.Load().references()
	removed := 0
	for info, err := range d.config.Artifacts.List(ctx) {
		if err != nil {
			return removed, ErrorOf(err)
		}
		if refs[info.Digest.String()] > 0 || !info.LastPut.Before(latest) {
			continue
		}
		did, err := d.collectOne(ctx, info.Digest, latest)
		if err != nil {
			return removed, ErrorOf(err)
		}
		if did {
			removed++
		}
	}
	return removed, nil
}

// collectOne removes an artifact, record first, so that a crash between the two leaves bytes that the next collection
// finds. Whatever refers to it by now, or is about to, keeps it.
func (d *Datalayer) collectOne(ctx context.Context, digest artifacts.Digest, latest time.Time) (did bool, err error) {
	err = d.pins.unlessHeld(digest, latest, func(before time.Time) error {
		info, err := d.config.Artifacts.Stat(ctx, digest)
		if errors.Is(err, artifacts.ErrNotFound) || err == nil && !info.LastPut.Before(before) {
			return nil
		}
		if err != nil {
			return err
		}
		err = d.config.Metadata.Update(ctx, func(tx metadata.Tx) error { return tx.RemoveArtifact(digest.String()) })
		if errors.Is(err, metadata.ErrReferenced) {
			return nil
		}
		if err != nil {
			return err
		}
		did, err = d.config.Artifacts.Delete(ctx, digest, before)
		return err
	})
	return did, err
}

// collect removes artifacts from time to time, until ctx ends.
func (d *Datalayer) collect(ctx context.Context) {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	for {
		removed, err := d.CollectArtifacts(ctx, d.config.ArtifactGrace)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			d.config.Logger.Warn("artifacts could not be collected", "error", err)
		case removed > 0:
			d.config.Logger.Info("artifacts that no model refers to were removed", "artifacts", removed)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
