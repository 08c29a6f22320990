package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// connectLong says how the subcommands that talk to a running proxy find it.
const connectLong = "\nIt connects to a running proxy as any client does, and has the rights of that client; with the same settings as serve it finds\n" +
	"the address, and for the proxy's own PostgreSQL user and password."

// onProxy makes a subcommand with arguments that talks to a running proxy.
func onProxy(use, short, long string, args cobra.PositionalArgs, run func(ctx context.Context, w io.Writer, conn *pgx.Conn, args []string) error) *cobra.Command {
	var (
		connect string
		given   []string
	)
	cmd := withSettings(use, short, long+connectLong, func(cmd *cobra.Command, l *config.Loaded) error {
		_, ended, stop := signals(cmd.Context())
		defer stop()
		conn, err := connectProxy(ended, &l.Config, connect)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ended)) }() // it was asked all that it had to be
		if err := run(ended, cmd.OutOrStdout(), conn, given); err != nil {
			return clientError(err)
		}
		return nil
	})
	cmd.Args = func(cmd *cobra.Command, list []string) error {
		given = list
		return args(cmd, list)
	}
	cmd.Flags().StringVar(&connect, "connect", "", "URI or connection string of the proxy, in place of the settings'")
	return cmd
}

// newApply makes the subcommand apply.
func newApply() *cobra.Command {
	return onProxy("apply file", "Add or change the components that a YAML or SQL file declares",
		"Adds the components of a file, each with a new version where it is another than the one that there is. Components that are the\n"+
			"same stay as they are, so that applying a file twice does nothing. Nothing is dropped.", cobra.ExactArgs(1),
		func(ctx context.Context, w io.Writer, conn *pgx.Conn, args []string) error {
			return walk(ctx, w, conn, args[0], false)
		})
}

// newDiff makes the subcommand diff.
func newDiff() *cobra.Command {
	return onProxy("diff file", "Say what apply would do", "Says of each component of a file what apply would do, without doing it.", cobra.ExactArgs(1),
		func(ctx context.Context, w io.Writer, conn *pgx.Conn, args []string) error {
			return walk(ctx, w, conn, args[0], true)
		})
}

// newExport makes the subcommand export.
func newExport() *cobra.Command {
	return onProxy("export", "Write the components as the YAML that apply reads", "Writes the default version of every component.", cobra.NoArgs,
		func(ctx context.Context, w io.Writer, conn *pgx.Conn, _ []string) error {
			var text string
			if err := conn.QueryRow(ctx, "SELECT pinnacle.show()").Scan(&text); err != nil {
				return err
			}
			var records []component.Record
			if err := json.Unmarshal([]byte(text), &records); err != nil {
				return err
			}
			yaml, err := exported(records)
			if err != nil {
				return err
			}
			_, err = w.Write(yaml)
			return err
		})
}

// walk applies a file, or says what that would do. What fails because something is not there is tried again when the rest
// is done, as long as that makes anything possible.
func walk(ctx context.Context, w io.Writer, conn *pgx.Conn, name string, dryRun bool) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	app, err := parseApplication(name, text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	left := app.steps
	for len(left) > 0 {
		var waiting []step
		var missing error
		for _, s := range left {
			outcome, err := s.run(ctx, conn, dryRun)
			switch {
			case isMissing(err) && dryRun:
				outcome = "new, after what it uses"
			case isMissing(err):
				waiting, missing = append(waiting, s), s.failed(err)
				continue
			case err != nil:
				return s.failed(err)
			}
			if _, err := fmt.Fprintf(w, "%s: %s\n", s.what, outcome); err != nil {
				return err
			}
		}
		if len(waiting) == len(left) {
			return missing
		}
		left = waiting
	}
	return nil
}

// failed is an error of a step, with its name.
func (s step) failed(err error) error {
	var raised *pgconn.PgError
	if errors.As(err, &raised) {
		return &config.Error{Message: s.what + ": " + raised.Message, Hint: raised.Hint}
	}
	return fmt.Errorf("%s: %w", s.what, err)
}

// isMissing reports whether a component could not be added because something that it uses is not there.
func isMissing(err error) bool {
	var raised *pgconn.PgError
	return errors.As(err, &raised) && (raised.Code == "42704" || raised.Code == "42P01")
}

// run adds a component, or says what that would do, and gives the outcome in words.
func (s step) run(ctx context.Context, conn *pgx.Conn, dryRun bool) (string, error) {
	if len(s.args) == 2 {
		arg := s.args[0]
		if dryRun {
			arg = s.args[1]
		}
		return s.add(ctx, conn, arg)
	}
	plan, err := s.explain(ctx, conn)
	if err != nil || dryRun {
		return plan, err
	}
	_, err = conn.Exec(ctx, s.apply)
	return plan, err
}

// add runs pinnacle.add.
func (s step) add(ctx context.Context, conn *pgx.Conn, arg any) (string, error) {
	var text string
	if err := conn.QueryRow(ctx, s.apply, arg).Scan(&text); err != nil {
		return "", err
	}
	var answer struct {
		Change       string
		Version      int
		Jobs, Breaks []string
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return "", err
	}
	return outcomeText(answer.Change, fmt.Sprint(answer.Version), answer.Jobs, answer.Breaks), nil
}

// explain runs EXPLAIN CREATE.
func (s step) explain(ctx context.Context, conn *pgx.Conn) (string, error) {
	rows, err := conn.Query(ctx, s.plan)
	if err != nil {
		return "", err
	}
	var change, version string
	var jobs, breaks []string
	var property, value string
	_, err = pgx.ForEachRow(rows, []any{&property, &value}, func() error {
		switch property {
		case "change":
			change = value
		case "version":
			version = value
		case "starts job":
			jobs = append(jobs, value)
		case "breaks":
			breaks = append(breaks, value)
		}
		return nil
	})
	return outcomeText(change, version, jobs, breaks), err
}

// outcomeText says what adding a component did, or would do.
func outcomeText(change, version string, jobs, breaks []string) string {
	text := change
	if change == "new version" {
		text += " " + version
	}
	if len(jobs) > 0 {
		text += "; starts " + strings.Join(jobs, ", ")
	}
	for _, b := range breaks {
		text += "; " + b
	}
	return text
}
