package duckdb

import (
	"context"
	"fmt"
	"sync"
	"time"

	lib "github.com/duckdb/duckdb-go-bindings"
)

// database is one open database of DuckDB's C interface (https://duckdb.org/docs/current/clients/c/api). It is used in
// place of the database/sql driver, which holds the whole of a result before it gives the first row.
type database struct{ db lib.Database }

// failure is what the library reports.
type failure struct {
	kind    lib.ErrorType
	message string
}

// Error implements error.
func (f *failure) Error() string { return f.message }

// openDatabase opens a file, or ":memory:".
func openDatabase(path string, options map[string]string) (*database, error) {
	var config lib.Config
	if lib.CreateConfig(&config) != lib.StateSuccess {
		return nil, &failure{kind: lib.ErrorTypeOutOfMemory, message: "no configuration"}
	}
	defer lib.DestroyConfig(&config)
	for name, value := range options {
		if lib.SetConfig(config, name, value) != lib.StateSuccess {
			return nil, &failure{kind: lib.ErrorTypeInvalidInput, message: fmt.Sprintf("DuckDB does not take %s for its setting %s", value, name)}
		}
	}
	d := &database{}
	var words string
	if lib.OpenExt(path, &d.db, config, &words) != lib.StateSuccess {
		return nil, &failure{kind: lib.ErrorTypeErrorIO, message: words}
	}
	return d, nil
}

func (d *database) close() { lib.Close(&d.db) }

// connection is one connection. It is used by one goroutine at a time, except interrupt.
type connection struct {
	c lib.Connection
	// ending guards c against an interrupt from elsewhere.
	ending sync.Mutex
	ended  bool
}

func (d *database) connect() (*connection, error) {
	c := &connection{}
	if lib.Connect(d.db, &c.c) != lib.StateSuccess {
		return nil, &failure{kind: lib.ErrorTypeConnection, message: "no connection"}
	}
	return c, nil
}

func (c *connection) close() {
	c.ending.Lock()
	defer c.ending.Unlock()
	if !c.ended {
		c.ended = true
		lib.Disconnect(&c.c)
	}
}

// watch interrupts the connection when ctx ends, again and again, since an interrupt that comes before the statement
// runs is forgotten. The function that it gives back ends the watch.
func (c *connection) watch(ctx context.Context) func() {
	if ctx.Done() == nil {
		return func() {}
	}
	enough, over := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(over)
		for {
			c.ending.Lock()
			if !c.ended {
				lib.Interrupt(c.c)
			}
			c.ending.Unlock()
			select {
			case <-enough:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return func() {
		close(enough)
		if !stop() {
			<-over
		}
	}
}

// run runs a statement without parameters to its end and gives the number of rows that it changed.
func (c *connection) run(sql string) (int64, error) {
	var result lib.Result
	defer lib.DestroyResult(&result)
	if lib.Query(c.c, sql, &result) != lib.StateSuccess {
		return 0, resultFailure(&result)
	}
	return int64(lib.RowsChanged(&result)), nil
}

func resultFailure(result *lib.Result) error {
	return &failure{kind: lib.ResultErrorType(result), message: lib.ResultError(result)}
}

// statement is one prepared statement.
type statement struct {
	p lib.PreparedStatement
}

func (c *connection) prepare(sql string) (*statement, error) {
	s := &statement{}
	if lib.Prepare(c.c, sql, &s.p) != lib.StateSuccess {
		defer s.close()
		return nil, &failure{kind: lib.ErrorTypeInvalid, message: lib.PrepareError(s.p)}
	}
	return s, nil
}

func (s *statement) close() { lib.DestroyPrepare(&s.p) }

// bind gives parameter i, from 1, a value: nil, bool, int64, float64, string, []byte, lib.Date, lib.Timestamp,
// instant or lib.Interval.
func (s *statement) bind(i int, value any) error {
	at := lib.IdxT(i)
	state := lib.StateError
	switch v := value.(type) {
	case nil:
		state = lib.BindNull(s.p, at)
	case bool:
		state = lib.BindBoolean(s.p, at, v)
	case int64:
		state = lib.BindInt64(s.p, at, v)
	case float64:
		state = lib.BindDouble(s.p, at, v)
	case string:
		state = lib.BindVarcharLength(s.p, at, v, lib.IdxT(len(v)))
	case []byte:
		state = lib.BindBlob(s.p, at, v)
	case lib.Date:
		state = lib.BindDate(s.p, at, v)
	case lib.Timestamp:
		state = lib.BindTimestamp(s.p, at, v)
	case instant:
		state = lib.BindTimestampTZ(s.p, at, lib.NewTimestamp(int64(v)))
	case lib.Interval:
		state = lib.BindInterval(s.p, at, v)
	}
	if state != lib.StateSuccess {
		return &failure{kind: lib.ErrorTypeInvalidInput, message: lib.PrepareError(s.p)}
	}
	return nil
}

// instant is a timestamp with time zone: microseconds from 1970.
type instant int64

// execute runs a statement to its end and gives the number of rows that it changed.
func (s *statement) execute() (int64, error) {
	var result lib.Result
	defer lib.DestroyResult(&result)
	if lib.ExecutePrepared(s.p, &result) != lib.StateSuccess {
		return 0, resultFailure(&result)
	}
	return int64(lib.RowsChanged(&result)), nil
}

// stream is a result whose chunks are made as they are fetched.
type stream struct {
	result  lib.Result
	chunk   lib.DataChunk
	columns []*node
}

// stream begins a statement. DuckDB goes on with it only as far as a small buffer lets it.
func (s *statement) stream() (*stream, error) {
	var pending lib.PendingResult
	defer lib.DestroyPending(&pending)
	if lib.PendingPreparedStreaming(s.p, &pending) != lib.StateSuccess {
		return nil, &failure{kind: lib.ErrorTypeInvalid, message: lib.PendingError(pending)}
	}
	out := &stream{}
	if lib.ExecutePending(pending, &out.result) != lib.StateSuccess {
		defer out.close()
		return nil, resultFailure(&out.result)
	}
	for i := range lib.ColumnCount(&out.result) {
		t := lib.ColumnLogicalType(&out.result, i)
		out.columns = append(out.columns, describe(t))
		lib.DestroyLogicalType(&t)
	}
	return out, nil
}

// next fetches the next chunk and gives the number of its rows; 0 after the last.
func (s *stream) next() (int, error) {
	lib.DestroyDataChunk(&s.chunk)
	s.chunk = lib.FetchChunk(s.result)
	if s.chunk.Ptr == nil {
		if words := lib.ResultError(&s.result); words != "" {
			return 0, &failure{kind: lib.ResultErrorType(&s.result), message: words}
		}
		return 0, nil
	}
	n := int(lib.DataChunkGetSize(s.chunk))
	for i, c := range s.columns {
		c.load(lib.DataChunkGetVector(s.chunk, lib.IdxT(i)))
	}
	return n, nil
}

func (s *stream) close() {
	lib.DestroyDataChunk(&s.chunk)
	lib.DestroyResult(&s.result)
}
