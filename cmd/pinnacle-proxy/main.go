// Command pinnacle-proxy is the proxy and the tools around it; see docs/configuration.md.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
)

// The exit codes, as docs/configuration.md has them.
const (
	exitFailure   = 1
	exitUsage     = 2
	exitInUse     = 3
	exitHome      = 4
	exitAddress   = 5
	exitImpatient = 6
)

// exit is an error with the exit code that it leads to.
type exit struct {
	code int
	err  error
}

// Error implements error.
func (e *exit) Error() string { return e.err.Error() }

// Unwrap gives the error itself.
func (e *exit) Unwrap() error { return e.err }

func main() {
	root := newRoot()
	if err := root.Execute(); err != nil {
		report(root.ErrOrStderr(), err)
		os.Exit(codeOf(err))
	}
}

// newRoot makes the command with its subcommands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "pinnacle-proxy",
		Short:         "Stands between PostgreSQL clients and a database, and answers predict() with models",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noArguments(cmd, args)
			}
			return cmd.Help()
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &exit{exitUsage, &config.Error{Message: err.Error(), Hint: cmd.CommandPath() + " --help lists the flags."}}
	})
	root.AddCommand(newGC(), newVerify(), newBackup(), newRestore(), newMigrate())
	root.AddCommand(newServe(), newJobs(), newApply(), newDiff(), newExport(), newCheckConfig(), newDoctor(), newVersion())
	return root
}

// withSettings makes a subcommand that reads the settings and hands them to run.
func withSettings(use, short, long string, run func(*cobra.Command, *config.Loaded) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Args: noArguments}
	config.AddFlags(cmd.Flags())
	cmd.Flags().SortFlags = false
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		loaded, err := config.Load(cmd.Flags(), os.Environ())
		if err != nil {
			return &exit{exitUsage, err}
		}
		return run(cmd, loaded)
	}
	return cmd
}

// noArguments refuses words that are no flags.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &exit{exitUsage, &config.Error{Message: fmt.Sprintf("%q is not understood", args[0]), Hint: cmd.CommandPath() + " --help lists the flags."}}
}

// codeOf is the exit code for an error.
func codeOf(err error) int {
	var e *exit
	if errors.As(err, &e) {
		return e.code
	}
	return exitFailure
}

// report prints an error with its detail and hint, as psql prints a server's.
func report(w io.Writer, err error) {
	fmt.Fprintf(w, "pinnacle-proxy: %v\n", err)
	detail, hint := explain(err)
	if detail != "" {
		fmt.Fprintf(w, "DETAIL:  %s\n", detail)
	}
	if hint != "" {
		fmt.Fprintf(w, "HINT:  %s\n", hint)
	}
}

// explain finds the detail and the hint of an error.
func explain(err error) (detail, hint string) {
	var fromConfig *config.Error
	var fromHome *home.Error
	var fromDatalayer *datalayer.Error
	switch {
	case errors.As(err, &fromConfig):
		return "", fromConfig.Hint
	case errors.As(err, &fromHome):
		return fromHome.Detail, fromHome.Hint
	case errors.As(err, &fromDatalayer):
		return fromDatalayer.Detail, fromDatalayer.Hint
	}
	return "", ""
}
