package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stores"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/upkeep"
)

// newMigrate makes the subcommand migrate.
func newMigrate() *cobra.Command {
	var metadata, bytes string
	var replace bool
	cmd := overStores("migrate", "Copy metadata and artifacts to other stores",
		"Copies what the stores of the settings have to the ones that --to-metadata-store and --to-artifact-store name, of any\n"+
			"kind. What is copied stays where it was. Stop the proxies first, and name the new stores in their settings then.",
		true,
		func(ctx context.Context, cmd *cobra.Command, c *config.Config, s upkeep.Stores) error {
			if metadata == "" && bytes == "" {
				return &exit{exitUsage, &config.Error{Message: "no store to copy to is named", Hint: "Use --to-metadata-store, --to-artifact-store, or both."}}
			}
			to, done, err := openTargets(ctx, c, s, metadata, bytes)
			if err != nil {
				return err
			}
			contents, err := s.Copy(ctx, to, replace)
			if err := done(err); err != nil {
				return err
			}
			printContents(cmd.OutOrStdout(), contents)
			return nil
		})
	cmd.Flags().StringVar(&metadata, "to-metadata-store", "", "URI of the metadata store to copy to")
	cmd.Flags().StringVar(&bytes, "to-artifact-store", "", "URI of the artifact store to copy to")
	cmd.Flags().BoolVar(&replace, "replace", false, "remove the metadata that are there")
	return cmd
}

// openTargets opens the stores that are named, and takes those of s for the others. done closes them and gives back the
// error that it is given.
func openTargets(ctx context.Context, c *config.Config, s upkeep.Stores, metadata, bytes string) (to upkeep.Stores, done func(error) error, err error) {
	to = s
	var closers []func() error
	done = func(err error) error {
		for _, f := range closers {
			err = errors.Join(err, f())
		}
		return err
	}
	if metadata != "" {
		target := *c
		target.MetadataStore = metadata
		if to.Metadata, err = openRecords(ctx, c, target.MetadataURI(), false); err != nil {
			return to, nil, err
		}
		closers = append(closers, to.Metadata.Close)
	}
	if bytes != "" {
		files, err := stores.OpenArtifacts(ctx, bytes)
		if err != nil {
			return to, nil, done(err)
		}
		to.Artifacts = files.Store
		closers = append(closers, files.Close)
	}
	return to, done, nil
}
