package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/upkeep"
)

// newGC makes the subcommand gc.
func newGC() *cobra.Command {
	var grace time.Duration
	var dryRun bool
	cmd := overStores("gc", "Remove artifacts that no component refers to",
		"Removes the artifacts that no component refers to and that were put longer ago than the grace period, at least 1m.\n"+
			"A running proxy does so by itself from time to time. "+besideProxies,
		true,
		func(ctx context.Context, cmd *cobra.Command, c *config.Config, s upkeep.Stores) error {
			if !cmd.Flags().Changed("grace") {
				grace = c.ArtifactGrace
			}
			done, err := s.Collect(ctx, grace, dryRun)
			if err != nil {
				return err
			}
			word := "removed"
			if dryRun {
				word = "would remove"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s %d artifacts, %d bytes\n", word, done.Artifacts, done.Bytes)
			return nil
		})
	cmd.Flags().DurationVar(&grace, "grace", 0, "keep what was put within this time (default: the setting artifact_grace)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be removed")
	return cmd
}
