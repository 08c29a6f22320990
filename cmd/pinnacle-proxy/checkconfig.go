package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	pinnacle "github.com/pinnacle-proxy/pinnacle-proxy"
	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
)

// newCheckConfig makes the subcommand check-config.
func newCheckConfig() *cobra.Command {
	return withSettings("check-config", "Print the settings in force and where they come from",
		"Prints the settings in force as a configuration file, each with the place it comes from; passwords are hidden.\n"+
			"The files that they name (certificates) are read, and no server is asked.",
		func(cmd *cobra.Command, l *config.Loaded) error {
			for _, v := range l.Values {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s # %s\n", v.Setting.Key(), yamlText(v), v.Source)
			}
			for _, w := range l.Config.Warnings() {
				fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", w)
			}
			return checkFiles(&l.Config)
		})
}

// yamlText writes a value as YAML has it.
func yamlText(v config.Value) string {
	switch v.Setting.Kind() {
	case "text", "duration", "size":
		return quoteYAML(v.Text)
	case "list":
		var parts []string
		if v.Text != "" {
			for part := range strings.SplitSeq(v.Text, ",") {
				parts = append(parts, quoteYAML(part))
			}
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v.Text
}

// quoteYAML is a single-quoted scalar.
func quoteYAML(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// checkFiles looks at what can be known of the settings without a server.
func checkFiles(c *config.Config) error {
	if _, err := c.TLS(); err != nil {
		return &exit{exitUsage, err}
	}
	if c.Foreign() {
		if err := pinnacle.CheckEngine(c); err != nil {
			return &exit{exitUsage, err}
		}
	}
	if c.Local() {
		return nil
	}
	if _, err := home.ParseURI(c.Databackend); err != nil {
		return &exit{exitUsage, err}
	}
	return nil
}
