package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
)

// watchEvery is the time between two pictures of --watch.
const watchEvery = 500 * time.Millisecond

// jobsOptions are the flags of the subcommand jobs beside the settings.
type jobsOptions struct {
	watch, all bool
	connect    string
	// cancel and retry are numbers of jobs to change; 0 for none.
	cancel, retry int64
}

// newJobs makes the subcommand jobs.
func newJobs() *cobra.Command {
	var o jobsOptions
	cmd := withSettings("jobs", "Show the jobs of a running proxy, with their progress",
		"Shows the jobs that have not ended and the last ten that have, as pinnacle.jobs has them. It connects to the proxy as any\n"+
			"client does: with the same settings as serve it finds the address, and for the proxy's own PostgreSQL user and password.\n"+
			"With --watch it draws them anew until Ctrl-C. With --cancel or --retry it changes one.",
		func(cmd *cobra.Command, l *config.Loaded) error {
			_, ended, stop := signals(cmd.Context())
			defer stop()
			if o.cancel != 0 || o.retry != 0 {
				return changeJob(ended, cmd.OutOrStdout(), &l.Config, o)
			}
			err := showJobs(ended, cmd.OutOrStdout(), &l.Config, o)
			if errors.Is(context.Cause(ended), errSignal) {
				return nil
			}
			return err
		})
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "draw the jobs anew until Ctrl-C")
	cmd.Flags().BoolVar(&o.all, "all", false, "show all jobs that have ended, too")
	cmd.Flags().Int64Var(&o.cancel, "cancel", 0, "cancel the job of this number")
	cmd.Flags().Int64Var(&o.retry, "retry", 0, "have the job of this number tried again, which has failed or was cancelled")
	cmd.MarkFlagsMutuallyExclusive("watch", "all", "cancel")
	cmd.MarkFlagsMutuallyExclusive("watch", "all", "retry")
	cmd.MarkFlagsMutuallyExclusive("cancel", "retry")
	cmd.Flags().StringVar(&o.connect, "connect", "", "URI or connection string of the proxy, in place of the settings'")
	return cmd
}

// changeJob cancels a job, or has it tried again, and says what its state is then.
func changeJob(ctx context.Context, w io.Writer, c *config.Config, o jobsOptions) error {
	conn, err := connectProxy(ctx, c, o.connect)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	function, id := "cancel_job", o.cancel
	if id == 0 {
		function, id = "retry_job", o.retry
	}
	var state string
	if err := conn.QueryRow(ctx, "SELECT pinnacle."+function+"($1)", id).Scan(&state); err != nil {
		return clientError(err)
	}
	_, err = fmt.Fprintf(w, "job %d is %s\n", id, state)
	return err
}

// showJobs connects, and shows the jobs once or until ctx ends.
func showJobs(ctx context.Context, w io.Writer, c *config.Config, o jobsOptions) error {
	conn, err := connectProxy(ctx, c, o.connect)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	terminal := isTerminal(w)
	last := ""
	for {
		jobs, err := readJobs(ctx, conn, o.all)
		if err != nil {
			return clientError(err)
		}
		picture := drawJobs(jobs)
		switch {
		case o.watch && terminal: // from the top left corner; what was below is cleared
			fmt.Fprint(w, "\x1b[H\x1b[J"+picture)
		case picture != last:
			fmt.Fprint(w, picture)
		}
		last = picture
		if !o.watch {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
	}
}

// connectProxy connects to the proxy that runs with the settings, or to the one that is named.
func connectProxy(ctx context.Context, c *config.Config, named string) (*pgx.Conn, error) {
	target, err := pgx.ParseConfig(named)
	if err == nil && named == "" {
		target, err = proxyTarget(c)
	}
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	target.DefaultQueryExecMode = pgx.QueryExecModeExec
	target.RuntimeParams["application_name"] = "pinnacle-proxy jobs"
	conn, err := pgx.ConnectConfig(ctx, target)
	if err != nil {
		return nil, clientError(err)
	}
	return conn, nil
}

// proxyTarget says how to connect to the proxy that runs with the settings.
func proxyTarget(c *config.Config) (*pgx.ConnConfig, error) {
	host, text, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return nil, &config.Error{Message: "the address of the proxy is not known: listen is " + c.Listen, Hint: "Name it with --connect host=… port=…"}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	databackend := c.Databackend // user, password and database are those of the databackend
	if c.Local() {
		databackend = ""
	}
	target, err := pgx.ParseConfig(databackend)
	if err != nil {
		return nil, err
	}
	if c.Local() {
		target.User, target.Database = home.User, home.User
		if target.Password, err = home.Password(c.DataDir); err != nil {
			return nil, err
		}
	}
	target.Host, target.Port, target.Fallbacks, target.ChannelBinding = host, uint16(port), nil, "disable"
	target.TLSConfig = nil
	if c.TLSCert != "" {
		here, err := pgx.ParseConfig("sslmode=require host=" + host)
		if err != nil {
			return nil, err
		}
		target.TLSConfig = here.TLSConfig
	}
	return target, nil
}

// clientError is a server's or a connection's error as this program reports it.
func clientError(err error) error {
	var raised *pgconn.PgError
	if errors.As(err, &raised) {
		return &config.Error{Message: raised.Message, Hint: raised.Hint}
	}
	var failed *pgconn.ConnectError
	if errors.As(err, &failed) {
		return &config.Error{Message: fmt.Sprintf("the proxy cannot be reached: %v", errors.Unwrap(err)), Hint: "Is it running? --listen, --data-dir and --connect say where."}
	}
	return err
}

// isTerminal reports whether what is written to w is seen at once, by somebody.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// jobLine is what is shown of a job.
type jobLine struct {
	ID                    int64
	Kind, Component       string
	State                 string
	Done                  int64
	Total                 *int64
	Percent, Rate, Left   *float64
	Attempt, MaxAttempts  int32
	Error                 string
	StartedAt, FinishedAt *time.Time
}

// readJobs reads the jobs that have not ended and the last of those that have, ordered by number.
func readJobs(ctx context.Context, conn *pgx.Conn, all bool) ([]jobLine, error) {
	const columns = "id, kind, coalesce(component, ''), state, rows_done, rows_total, percent, rows_per_second, seconds_left, attempt, max_attempts, coalesce(error, ''), started_at, finished_at"
	ended := " ORDER BY id DESC LIMIT 10"
	if all {
		ended = ""
	}
	rows, err := conn.Query(ctx, "SELECT * FROM (SELECT "+columns+" FROM pinnacle.jobs WHERE finished_at IS NULL) AS live"+
		" UNION ALL SELECT * FROM (SELECT "+columns+" FROM pinnacle.jobs WHERE finished_at IS NOT NULL"+ended+") AS ended ORDER BY 1")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[jobLine])
}

// drawJobs draws the jobs, a line each.
func drawJobs(jobs []jobLine) string {
	if len(jobs) == 0 {
		return "no jobs\n"
	}
	var b strings.Builder
	for _, j := range jobs {
		fmt.Fprintf(&b, "%6d  %-9s  %-18s  %-20s  %s\n", j.ID, j.State, plain(j.Kind), plain(j.Component), j.outcome())
	}
	return b.String()
}

// barWidth is the width of a progress bar, in characters.
const barWidth = 20

// outcome is how far a job is, or how it ended.
func (j *jobLine) outcome() string {
	var parts []string
	if j.State == "running" || j.State == "pending" && j.Done > 0 {
		if j.Percent != nil {
			full := min(barWidth, int(*j.Percent*barWidth/100))
			parts = append(parts, fmt.Sprintf("[%s%s] %5.1f %%", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), *j.Percent))
		}
	}
	if j.Done > 0 {
		rows := strconv.FormatInt(j.Done, 10)
		if j.Total != nil && j.State == "running" {
			rows += "/" + strconv.FormatInt(*j.Total, 10)
		}
		parts = append(parts, rows+" rows")
	}
	if j.State == "running" {
		if j.Rate != nil {
			parts = append(parts, fmt.Sprintf("%.0f/s", *j.Rate))
		}
		if j.Left != nil {
			parts = append(parts, (time.Duration(*j.Left)*time.Second).String()+" left")
		}
	}
	if j.StartedAt != nil && j.FinishedAt != nil {
		parts = append(parts, "in "+j.FinishedAt.Sub(*j.StartedAt).Round(time.Millisecond).String())
	}
	if j.Attempt > 1 {
		parts = append(parts, fmt.Sprintf("attempt %d", j.Attempt))
	}
	if j.Error != "" {
		parts = append(parts, plain(j.Error))
	}
	return strings.Join(parts, "  ")
}

// longestText is the length at which a text is cut, in characters.
const longestText = 100

// plain is a text without what a terminal would obey, and not too long.
func plain(text string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text))
	if len(runes) > longestText {
		return string(runes[:longestText-1]) + "…"
	}
	return string(runes)
}
