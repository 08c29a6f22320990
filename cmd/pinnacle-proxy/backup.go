package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/records"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/upkeep"
)

// fileFlag adds the flag --file, which has to be given, and its cobra error is one of usage.
func fileFlag(cmd *cobra.Command, file *string, what string) *cobra.Command {
	cmd.Flags().StringVar(file, "file", "", what)
	return cmd
}

// needFile refuses a command without --file.
func needFile(file string) error {
	if file == "" {
		return &exit{exitUsage, &config.Error{Message: "--file is missing", Hint: "Name the file of the backup."}}
	}
	return nil
}

// printContents says what was copied.
func printContents(w io.Writer, done upkeep.Contents) {
	fmt.Fprintf(w, "%d records, %d artifacts, %d bytes\n", done.Records, done.Artifacts, done.Bytes)
}

// newBackup makes the subcommand backup.
func newBackup() *cobra.Command {
	var file string
	return fileFlag(overStores("backup", "Write metadata and artifacts to a file",
		"Writes the metadata, as they are at one moment, and the artifacts, each verified, to a new tar file.\n"+
			"It does not have the data of tables: back the database up with its own tools. "+besideProxies,
		true,
		func(ctx context.Context, cmd *cobra.Command, _ *config.Config, s upkeep.Stores) error {
			if err := needFile(file); err != nil {
				return err
			}
			done, err := s.Backup(ctx, file)
			if err != nil {
				return err
			}
			printContents(cmd.OutOrStdout(), done)
			return nil
		}), &file, "the file to write, which must not exist")
}

// newRestore makes the subcommand restore.
func newRestore() *cobra.Command {
	var file string
	var replace bool
	cmd := fileFlag(overStores("restore", "Bring a backup back",
		"Checks the whole file, then brings its artifacts and metadata into the stores of the settings, of any kind. No proxy\n"+
			"may run on them. If it is cut off, no proxy starts on the metadata until restore --replace was run to its end.",
		false,
		func(ctx context.Context, cmd *cobra.Command, _ *config.Config, s upkeep.Stores) error {
			if err := needFile(file); err != nil {
				return err
			}
			done, err := s.Restore(ctx, file, replace, records.Layout())
			if err != nil {
				return err
			}
			if _, err := records.Open(ctx, s.Metadata); err != nil {
				return err
			}
			printContents(cmd.OutOrStdout(), done)
			return nil
		}), &file, "the file that backup wrote")
	cmd.Flags().BoolVar(&replace, "replace", false, "remove the metadata that are there")
	return cmd
}
