package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/upkeep"
)

// newVerify makes the subcommand verify.
func newVerify() *cobra.Command {
	return overStores("verify", "Read every artifact and name what is damaged",
		"Reads every artifact and compares it with its SHA-256 and with what the metadata say. Each that is not right is a line\n"+
			"that names the components that use it. It changes nothing. Exit code 1 if something is damaged. "+besideProxies,
		true,
		func(ctx context.Context, cmd *cobra.Command, _ *config.Config, s upkeep.Stores) error {
			damaged := 0
			done, err := s.Verify(ctx, func(d upkeep.Damage) {
				damaged++
				fmt.Fprintln(cmd.OutOrStdout(), d)
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "read %d artifacts, %d bytes; %d are damaged\n", done.Artifacts, done.Bytes, damaged)
			if damaged > 0 {
				return errors.New("there are damaged artifacts: put their bytes again, or restore a backup")
			}
			return nil
		})
}
