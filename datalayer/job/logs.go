package job

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Level is how much a log line matters.
type Level string

// The levels.
const (
	Info Level = "info"
	Warn Level = "warning"
)

// Line is a line of a job's log. It holds no values of rows.
type Line struct {
	Job     int64     `json:"-"`
	Number  int64     `json:"-"`
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt"`
	Level   Level     `json:"level"`
	Text    string    `json:"text"`
}

// The length of the longest line, in bytes, and the number of lines that one transaction writes at most.
const (
	longestLine = 1000
	linesAtOnce = 100
)

// writeLines appends lines to a job's log and removes those that are too many. after is the record that is put afterwards.
func (q *Queue) writeLines(tx keyvalue.Tx, after *Job, lines []Line) error {
	for _, line := range lines {
		line.Attempt = after.Attempt
		line.Text = cut(line.Text)
		if err := tx.Put(spaceLogs, keyvalue.Key(number(after.ID), number(after.Lines)), encode(line)); err != nil {
			return err
		}
		if old := after.Lines - int64(q.LogLines); old >= 0 {
			if err := tx.Delete(spaceLogs, keyvalue.Key(number(after.ID), number(old))); err != nil {
				return err
			}
		}
		after.Lines++
	}
	return nil
}

// cut makes a text one line of bounded length, in valid UTF-8.
func cut(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(strings.TrimSpace(text), "\n", " "), "\uFFFD")
	if len(text) <= longestLine {
		return text
	}
	end := longestLine
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// Lines gives the log lines of one job, or of all for 0, to each, ordered by job and number.
func (q *Queue) Lines(ctx context.Context, id int64, each func(Line) error) error {
	from, to := "", ""
	if id != 0 {
		from = keyvalue.Key(number(id))
		to = keyvalue.PrefixEnd(from)
	}
	return q.Store.View(ctx, func(r keyvalue.Reader) error {
		return r.Scan(spaceLogs, from, to, 0, func(key string, value []byte) error {
			var line Line
			if err := json.Unmarshal(value, &line); err != nil {
				return damaged(key)
			}
			var err error
			if line.Job, err = numberAt(key, 0); err != nil {
				return err
			}
			if line.Number, err = numberAt(key, 1); err != nil {
				return err
			}
			return each(line)
		})
	})
}
