package pinnacle

import (
	"context"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
)

// jobTables are pinnacle.jobs and pinnacle.job_logs.
func jobTables(q *job.Queue) []datalayer.SystemTable {
	return []datalayer.SystemTable{
		{Name: "jobs", Columns: jobColumns(), Rows: func(ctx context.Context) ([][]any, error) {
			var rows [][]any
			err := q.Jobs(ctx, func(j *job.Job) error {
				rows = append(rows, jobRow(j))
				return nil
			})
			return rows, err
		}},
		{Name: "job_logs", Columns: jobLogColumns(), Rows: func(ctx context.Context) ([][]any, error) {
			var rows [][]any
			err := q.Lines(ctx, 0, func(l job.Line) error {
				rows = append(rows, []any{l.Job, l.Number, l.At, int64(l.Attempt), string(l.Level), l.Text})
				return nil
			})
			return rows, err
		}},
	}
}

// jobColumns are the columns of pinnacle.jobs.
func jobColumns() []datalayer.TableColumn {
	return tableColumns(
		"id int8", "kind text", "component_kind text", "component text", "version int4", "state text", "rows_done int8",
		"rows_total int8", "percent float8", "rows_per_second float8", "seconds_left float8", "attempt int4", "failures int4",
		"max_attempts int4", "depends_on int8[]", "cancelling bool", "created_at timestamptz", "not_before timestamptz",
		"started_at timestamptz", "finished_at timestamptz", "sqlstate text", "error text", "hint text", "owner text",
		"worker text",
	)
}

// jobLogColumns are the columns of pinnacle.job_logs.
func jobLogColumns() []datalayer.TableColumn {
	return tableColumns(
		"job int8", "line int8", "at timestamptz", "attempt int4", "level text", "message text",
	)
}

// jobRow is a job as a row; what is not known is NULL.
func jobRow(j *job.Job) []any {
	var version, total, percent, rate, left, code, message, hint any
	if j.Component.Version != 0 {
		version = int64(j.Component.Version)
	}
	if j.Progress.Of > 0 {
		total = j.Progress.Of
	}
	if p, known := j.Progress.Percent(); known {
		percent = p
	}
	if j.Progress.Rate > 0 {
		rate = j.Progress.Rate
	}
	if l, known := j.Progress.Left(); known && j.State == job.Running {
		left = l.Seconds()
	}
	if f := j.Failure; f != nil {
		code, message, hint = f.Code, f.Message, textOrNull(f.Hint)
	}
	var notBefore any
	if j.State == job.Pending {
		notBefore = timeOrNull(j.NotBefore)
	}
	return []any{
		j.ID, j.Kind, textOrNull(j.Component.Kind), textOrNull(j.Component.Name), version, string(j.State),
		j.Progress.Done, total, percent, rate, left,
		int64(j.Attempt), int64(j.Failures), int64(j.MaxAttempts), j.DependsOn, j.CancelBy != "" && !j.State.Final(),
		j.CreatedAt, notBefore, timeOrNull(j.StartedAt), timeOrNull(j.FinishedAt),
		code, message, hint, textOrNull(j.Owner), textOrNull(j.Worker),
	}
}

// textOrNull is NULL for no text.
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// timeOrNull is NULL for no time.
func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// tableColumns makes columns of names with their types behind a blank.
func tableColumns(texts ...string) []datalayer.TableColumn {
	columns := make([]datalayer.TableColumn, len(texts))
	for i, text := range texts {
		columns[i].Name, columns[i].Type, _ = strings.Cut(text, " ")
	}
	return columns
}
