//go:build testruntime

package testruntime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// maxBatch is the largest number of rows that a model takes at once.
const maxBatch = 4096

// gatePoll is how often it is looked whether the file of the option gate is there.
const gatePoll = 2 * time.Millisecond

// model is a loaded test model.
type model struct {
	sig    udf.Signature
	answer answerer
	// changing says that equal arguments have different answers.
	changing bool
	log      *os.File
	batches  atomic.Int64
	fail     []string
	failCode string
	whole    bool
	delay    time.Duration
	gate     string
}

// Signature implements udf.Model.
func (m *model) Signature() udf.Signature { return m.sig }

// Deterministic implements udf.Model.
func (m *model) Deterministic() bool { return !m.changing }

// MaxBatch implements udf.Model.
func (m *model) MaxBatch() int { return maxBatch }

// Close implements udf.Model.
func (m *model) Close() error {
	if m.log == nil {
		return nil
	}
	return m.log.Close()
}

// Predict implements udf.Model.
func (m *model) Predict(ctx context.Context, args []udf.Column) (udf.Column, error) {
	rows, err := udf.CheckArgs(m.sig, args)
	if err != nil {
		return udf.Column{}, err
	}
	if err := ctx.Err(); err != nil {
		return udf.Column{}, err
	}
	if err := m.note(args, rows); err != nil {
		return udf.Column{}, err
	}
	if err := m.wait(ctx); err != nil {
		return udf.Column{}, err
	}
	out := udf.NewColumn(m.sig.Returns, rows)
	for i := range rows {
		if err := m.row(args, i, &out); err != nil {
			if m.whole {
				return udf.Column{}, err
			}
			return udf.Column{}, &udf.RowError{Row: i, Err: err}
		}
	}
	return out, ctx.Err()
}

// note writes a batch into the log, in one piece: batches that run side by side do not mix.
func (m *model) note(args []udf.Column, rows int) error {
	batch := strconv.FormatInt(m.batches.Add(1), 10)
	if m.log == nil {
		return nil
	}
	var b strings.Builder
	for i := range rows {
		tuple := make([]*string, len(args))
		for a := range args {
			if text, ok := cellText(&args[a], i); ok {
				tuple[a] = &text
			}
		}
		line, err := json.Marshal(tuple)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s\t%s\n", batch, line)
	}
	if _, err := m.log.WriteString(b.String()); err != nil {
		return &udf.Error{Code: "58030", Message: fmt.Sprintf("the log of a test model cannot be written: %v", err)}
	}
	return nil
}

// wait holds a batch for as long as the options delay and gate say.
func (m *model) wait(ctx context.Context) error {
	if m.delay > 0 {
		if err := sleep(ctx, m.delay); err != nil {
			return err
		}
	}
	for m.gate != "" {
		_, err := os.Stat(m.gate)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := sleep(ctx, gatePoll); err != nil {
			return err
		}
	}
	return nil
}

// sleep waits for d or for the end of ctx, whose error it then gives.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// row answers one row, or fails on it as the option fail says.
func (m *model) row(args []udf.Column, i int, out *udf.Column) error {
	for a := range args {
		if text, ok := cellText(&args[a], i); ok && slices.Contains(m.fail, text) {
			return &udf.Error{Code: m.failCode, Message: "the test model fails on this argument"}
		}
	}
	return m.answer(args, i, out)
}

// cellText is a value as text, for the log and for the option fail; false for NULL.
func cellText(c *udf.Column, i int) (string, bool) {
	if c.Null(i) {
		return "", false
	}
	switch c.Type.Storage() {
	case udf.StoreBools:
		return strconv.FormatBool(c.Bools[i]), true
	case udf.StoreInts:
		return strconv.FormatInt(c.Ints[i], 10), true
	case udf.StoreFloats:
		return strconv.FormatFloat(c.Floats[i], 'g', -1, 64), true
	case udf.StoreTexts:
		return c.Texts[i], true
	case udf.StoreBytes:
		return fmt.Sprintf("%x", c.Bytes[i]), true
	case udf.StoreBoolLists:
		return fmt.Sprint(c.BoolLists[i]), true
	case udf.StoreIntLists:
		return fmt.Sprint(c.IntLists[i]), true
	case udf.StoreFloatLists:
		return fmt.Sprint(c.FloatLists[i]), true
	}
	return fmt.Sprintf("%q", c.TextLists[i]), true
}
