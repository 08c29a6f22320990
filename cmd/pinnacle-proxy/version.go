package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is the release; scripts/build.sh sets it at link time.
var version = "0.1.0"

// newVersion makes the subcommand version.
func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArguments,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "pinnacle-proxy %s\n%s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			if c := commit(); c != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "commit %s\n", c)
			}
		},
	}
}

// commit is the revision that the binary was built from, with "+changes" for a tree that had some; "" where it is not
// known.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, changes := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				changes = "+changes"
			}
		}
	}
	if revision == "" {
		return ""
	}
	return revision + changes
}
