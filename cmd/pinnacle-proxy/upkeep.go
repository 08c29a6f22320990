package main

import (
	"context"
	"errors"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/records"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stores"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/upkeep"
)

// besideProxies is what the help of the commands on the stores says of proxies that run.
const besideProxies = "Proxies on a shared metadata store may run meanwhile. A Badger directory has one process at a time: stop its proxy first."

// openStores opens the stores of the settings; the records are brought up to date if that is asked for. close is called
// when they are not needed any more, also after an error of what they were needed for, which it gives back.
func openStores(ctx context.Context, c *config.Config, migrated bool) (s upkeep.Stores, close func(error) error, err error) {
	return openPair(ctx, c, c.MetadataURI(), c.ArtifactURI(), migrated)
}

// openPair is openStores with the stores' URIs.
func openPair(ctx context.Context, c *config.Config, metadata, bytes string, migrated bool) (upkeep.Stores, func(error) error, error) {
	kv, err := openRecords(ctx, c, metadata, migrated)
	if err != nil {
		return upkeep.Stores{}, nil, &exit{codeOfLock(err), err}
	}
	files, err := stores.OpenArtifacts(ctx, bytes)
	if err != nil {
		return upkeep.Stores{}, nil, &exit{codeOfLock(err), errors.Join(err, kv.Close())}
	}
	return upkeep.Stores{Metadata: kv, Artifacts: files.Store}, func(err error) error {
		if err != nil {
			err = told(err)
		}
		return errors.Join(err, files.Close(), kv.Close())
	}, nil
}

// told is an error in the form that report prints with its detail and hint.
func told(err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	return datalayer.ErrorOf(err)
}

// openRecords opens a metadata store, and brings its records up to date if that is asked for.
func openRecords(ctx context.Context, c *config.Config, uri string, migrated bool) (keyvalue.Store, error) {
	kv, err := stores.OpenMetadata(ctx, uri, stores.Options{MinFree: int64(c.MetadataMinFree)})
	if err != nil || !migrated {
		return kv, err
	}
	if _, err := records.Open(ctx, kv); err != nil {
		return nil, errors.Join(datalayer.ErrorOf(err), kv.Close())
	}
	return kv, nil
}

// overStores makes a subcommand that opens the stores of the settings, runs, and can be interrupted.
func overStores(use, short, long string, migrated bool, run func(ctx context.Context, cmd *cobra.Command, c *config.Config, s upkeep.Stores) error) *cobra.Command {
	return withSettings(use, short, long, func(cmd *cobra.Command, l *config.Loaded) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		s, close, err := openStores(ctx, &l.Config, migrated)
		if err != nil {
			return err
		}
		return close(run(ctx, cmd, &l.Config, s))
	})
}
