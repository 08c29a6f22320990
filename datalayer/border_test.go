package datalayer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

func TestErrorOf(t *testing.T) {
	t.Parallel()
	if e := datalayer.ErrorOf(nil); e != nil {
		t.Errorf("no error became %v", e)
	}
	own := &datalayer.Error{Code: "42704", Message: "own"}
	cases := []struct {
		name string
		err  error
		want datalayer.Error
	}{
		{"own", fmt.Errorf("wrapped: %w", own), *own},
		{"runtime", &udf.Error{Code: "22012", Message: "m", Detail: "d", Hint: "h"},
			datalayer.Error{Code: "22012", Message: "m", Detail: "d", Hint: "h"}},
		{"row", &udf.RowError{Row: 3, Err: &udf.Error{Code: "22012", Message: "m"}}, datalayer.Error{Code: "22012", Message: "m"}},
		{"artifact", &artifacts.Error{Code: "53100", Message: "m", Detail: "d", Hint: "h"},
			datalayer.Error{Code: "53100", Message: "m", Detail: "d", Hint: "h"}},
		{"metadata store", fmt.Errorf("x: %w", &keyvalue.Error{Code: "53100", Message: "m", Detail: "d", Hint: "h"}),
			datalayer.Error{Code: "53100", Message: "m", Detail: "d", Hint: "h"}},
		{"cancel", context.Canceled, datalayer.Error{Code: "57014", Message: "canceling statement due to user request"}},
		{"timeout", fmt.Errorf("x: %w", context.DeadlineExceeded),
			datalayer.Error{Code: "57014", Message: "canceling statement due to statement timeout"}},
		{"other", errors.New("odd"), datalayer.Error{Code: "XX000", Message: "odd"}},
	}
	for _, c := range cases {
		got := datalayer.ErrorOf(c.err)
		if got.Code != c.want.Code || got.Message != c.want.Message || got.Detail != c.want.Detail || got.Hint != c.want.Hint {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		if got.SQLState() != c.want.Code || got.Error() != c.want.Message {
			t.Errorf("%s: SQLState %q, Error %q", c.name, got.SQLState(), got.Error())
		}
		if got != own && !errors.Is(got, c.err) {
			t.Errorf("%s: the cause is lost", c.name)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	config := f.config
	config.Runtimes = []udf.Runtime{&fakeRuntime{}, &fakeRuntime{}}
	if _, err := datalayer.Open(context.Background(), config); err == nil {
		t.Errorf("two runtimes of one name give no error")
	}
}

func TestAddIsCancelled(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.runtime.gate = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { _, err := f.Add(ctx, define("m", "scale"), datalayer.AddNew, ""); done <- err }()
	eventually(t, "the load", func() bool { n, _ := f.runtime.count(); return n == 1 })
	cancel()
	err := <-done
	wantCode(t, err, "57014")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not context.Canceled", err)
	}
	if got := f.shown(t, nil); len(got) != 0 {
		t.Errorf("models afterwards: %v", got)
	}
}

// secretRuntime panics with a value that must not be logged.
type secretRuntime struct{ fakeRuntime }

func (r *secretRuntime) Load(context.Context, udf.Spec) (udf.Model, error) { panic("row value 4711") }

func TestPanicIsLoggedWithoutValues(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := open(t, func(c *datalayer.Config) {
		c.Runtimes = []udf.Runtime{&secretRuntime{}}
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	_, err := f.Add(context.Background(), define("m", "scale"), datalayer.AddNew, "")
	e := wantCode(t, err, "XX000")
	wantText(t, "the log", log.String(), "a model runtime panicked")
	wantText(t, "the log", log.String(), "secretRuntime")
	if strings.Contains(log.String()+e.Message+e.Detail, "row value") {
		t.Errorf("the value was told:\n%s\n%s", e.Message, log.String())
	}
}
