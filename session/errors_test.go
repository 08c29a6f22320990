package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

func TestWireError(t *testing.T) {
	t.Parallel()
	s, _ := newTestSession()
	fromHome := &homeError{pgproto3.ErrorResponse{Code: "22012", Message: "division by zero", Position: 7}}
	text := "SELECT 'żółć', predict('m')"
	for name, c := range map[string]struct {
		err  error
		want wire.Error
	}{
		"its own": {coded("55000", "a", "b", "c"), wire.Error{Response: pgproto3.ErrorResponse{Code: "55000", Message: "a", Detail: "b", Hint: "c"}}},
		"home's":  {fmt.Errorf("wrapped: %w", fromHome), wire.Error{Response: fromHome.response, FromHome: true}},
		"the parser's": {&sqlparse.Error{Code: "0A000", Message: "a", Detail: "b", Hint: "c", Position: strings.Index(text, "predict")},
			wire.Error{Response: pgproto3.ErrorResponse{Code: "0A000", Message: "a", Detail: "b", Hint: "c", Position: 16}}},
		"the parser's without a place": {&sqlparse.Error{Code: "0A000", Message: "a", Position: -1}, wire.Error{Response: pgproto3.ErrorResponse{Code: "0A000", Message: "a"}}},
		"the parser's of another text": {&sqlparse.Error{Code: "0A000", Message: "a", Position: 1000}, wire.Error{Response: pgproto3.ErrorResponse{Code: "0A000", Message: "a"}}},
		"the Datalayer's": {&datalayer.Error{Code: "42704", Message: "a", Detail: "b", Hint: "c", Err: errors.New("secret")},
			wire.Error{Response: pgproto3.ErrorResponse{Code: "42704", Message: "a", Detail: "b", Hint: "c"}}},
		"a model's": {&udf.Error{Code: "22003", Message: "a", Detail: "b", Hint: "c"}, wire.Error{Response: pgproto3.ErrorResponse{Code: "22003", Message: "a", Detail: "b", Hint: "c"}}},
		"a model's in the Datalayer's": {&datalayer.Error{Code: "38000", Message: "outer", Err: &udf.Error{Code: "22003", Message: "inner"}},
			wire.Error{Response: pgproto3.ErrorResponse{Code: "38000", Message: "outer"}}},
	} {
		var got *wire.Error
		if err := s.wireError(t.Context(), c.err, text); !errors.As(err, &got) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if fmt.Sprintf("%+v", got.Response) != fmt.Sprintf("%+v", c.want.Response) || got.FromHome != c.want.FromHome {
			t.Errorf("%s\n got %+v\nwant %+v", name, *got, c.want)
		}
	}
	if err := s.wireError(t.Context(), nil, ""); err != nil {
		t.Error(err)
	}
	if err := s.wireError(t.Context(), io.ErrUnexpectedEOF, ""); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a broken connection became %v", err)
	}
}

// TestWireErrorAfterTheEnd gives the context's end in place of what it made of the statement.
func TestWireErrorAfterTheEnd(t *testing.T) {
	t.Parallel()
	s, _ := newTestSession()
	gone := errors.New("the client is gone")
	for _, c := range []struct{ cause, want error }{{wire.ErrCanceled, nil}, {gone, gone}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(c.cause)
		err := s.wireError(ctx, &datalayer.Error{Code: "38000", Message: "broken off"}, "")
		var wired *wire.Error
		switch {
		case c.want != nil && !errors.Is(err, c.want):
			t.Errorf("%v became %v", c.cause, err)
		case c.want == nil && (!errors.As(err, &wired) || wired.Response.Code != "57014"):
			t.Errorf("a cancel became %v", err)
		}
		cancel(nil)
	}
}

func TestPositionsInMultiByteText(t *testing.T) {
	t.Parallel()
	const client = "PREPARE \"ż\" AS SELECT 'ółć', nosuch FROM \"中\""
	const home = "SELECT 'ółć', NULL AS \"ąę\", nosuch FROM \"中\""
	head := strings.Index(client, "SELECT")
	origin := func(at int) int { // as a plan's: what stands before the insertion, and behind it
		const inserted = " NULL AS \"ąę\","
		if cut := strings.Index(home, inserted); at >= cut {
			at -= len(inserted)
		}
		return head + at
	}
	raised := func(position int) error {
		return fmt.Errorf("x: %w", &homeError{pgproto3.ErrorResponse{Code: "42703", Position: int32(position)}})
	}
	position := func(err error) int32 {
		var e *homeError
		if !errors.As(err, &e) {
			return -1
		}
		return e.response.Position
	}
	at := sqlparse.CharPosition(home, strings.Index(home, "nosuch"))
	want := int32(sqlparse.CharPosition(client, strings.Index(client, "nosuch")))
	before := raised(at)
	if got := position(repositioned(before, home, client, origin)); got != want {
		t.Errorf("character %d of home's text became %d of the client's, not %d", at, got, want)
	}
	if position(before) != int32(at) {
		t.Error("the error that was mapped was changed")
	}
	if got := position(repositioned(raised(0), home, client, origin)); got != 0 {
		t.Errorf("no position became %d", got)
	}
	if got := position(unpositioned(before)); got != 0 {
		t.Errorf("a position of %d is left", got)
	}
	if got := position(shifted(raised(int(want)), client, head)); got != want-int32(sqlparse.CharPosition(client, head))+1 {
		t.Errorf("without its head, position %d became %d", want, got)
	}
	if got := position(shifted(raised(2), client, head)); got != 1 {
		t.Errorf("a position in the head became %d", got)
	}
	other := errors.New("other")
	for _, err := range []error{repositioned(other, home, client, origin), unpositioned(other), shifted(other, client, head)} {
		if !errors.Is(err, other) {
			t.Errorf("%v", err)
		}
	}
}

func TestCharPosition(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		at   int
		want int32
	}{{"abc", 0, 1}, {"abc", 3, 4}, {"żab", 2, 2}, {"😀x", 4, 2}, {"abc", -1, 0}, {"abc", 4, 0}, {"", 0, 1}} {
		if got := charPosition(c.text, c.at); got != c.want {
			t.Errorf("byte %d of %q is character %d, not %d", c.at, c.text, got, c.want)
		}
	}
}
