package session

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metric"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// wireError makes of any error what the client is told. Errors of a connection stay as they are: they end the session.
func (s *session) wireError(ctx context.Context, err error, text string) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, wire.ErrCanceled) {
			return coded("57014", wire.ErrCanceled.Error(), "", "")
		}
		return cause
	}
	var (
		wired *wire.Error
		home  *homeError
		parse *sqlparse.Error
		data  *datalayer.Error
		model *udf.Error
		work  *job.Error
		value *metric.Error
		store *keyvalue.Error
	)
	switch {
	case errors.As(err, &wired):
		return wired
	case errors.As(err, &home):
		return &wire.Error{Response: home.response, FromHome: true}
	case errors.As(err, &parse):
		e := coded(parse.Code, parse.Message, parse.Detail, parse.Hint)
		e.Response.Position = charPosition(text, parse.Position)
		return e
	case errors.As(err, &data):
		return coded(data.Code, data.Message, data.Detail, data.Hint)
	case errors.As(err, &model):
		return coded(model.Code, model.Message, model.Detail, model.Hint)
	case errors.As(err, &value):
		return coded(value.Code, value.Message, value.Detail, value.Hint)
	case errors.As(err, &store):
		return coded(store.Code, store.Message, store.Detail, store.Hint)
	case errors.As(err, &work):
		return coded(work.Code, work.Message, work.Detail, work.Hint)
	}
	return err
}

func coded(code, message, detail, hint string) *wire.Error {
	return &wire.Error{Response: pgproto3.ErrorResponse{Code: code, Message: message, Detail: detail, Hint: hint}}
}

// errAborted is PostgreSQL's own answer in a transaction that has failed.
func errAborted() error {
	return coded("25P02", "current transaction is aborted, commands ignored until end of transaction block", "", "")
}

// charPosition is the position of a byte offset as ErrorResponse counts; 0 for none.
func charPosition(text string, at int) int32 {
	if at < 0 || at > len(text) {
		return 0
	}
	return int32(sqlparse.CharPosition(text, at))
}

// repositioned maps the position in an error that home raised about a rewritten text to the client's own.
func repositioned(err error, rewritten, text string, origin func(int) int) error {
	var home *homeError
	if !errors.As(err, &home) {
		return err
	}
	e := *home
	if p := e.response.Position; p > 0 {
		e.response.Position = charPosition(text, origin(sqlparse.ByteOffset(rewritten, int(p))))
	}
	return &e
}

// unpositioned takes the position from an error that home raised about a text of the proxy's own.
func unpositioned(err error) error {
	var home *homeError
	if !errors.As(err, &home) {
		return err
	}
	e := *home
	e.response.Position = 0
	return &e
}

// shifted takes a head of so many bytes off the position in an error that home raised about text.
func shifted(err error, text string, head int) error {
	var home *homeError
	if !errors.As(err, &home) || home.response.Position == 0 {
		return err
	}
	e := *home
	at := sqlparse.ByteOffset(text, int(e.response.Position)) - head
	e.response.Position = charPosition(text[head:], max(0, at))
	return &e
}
