package sqlite

import (
	"errors"
	"strings"
	"sync"
	"unsafe"

	"modernc.org/libc"
	_ "modernc.org/sqlite" // sets the library up
	lib "modernc.org/sqlite/lib"
)

// handle is one connection of SQLite's C interface (https://sqlite.org/c3ref/intro.html). It is used in place of the
// database/sql driver because that one cannot stop a statement between two rows, turns declared dates into other
// values than those stored, and allocates for every value. It is used by one goroutine at a time, except interrupt.
type handle struct {
	tls *libc.TLS
	db  uintptr
	// closing guards db against an interrupt from elsewhere.
	closing sync.Mutex
}

// failure is what the library reports: its extended result code and its words.
type failure struct {
	code    int32
	message string
}

// Error implements error.
func (f *failure) Error() string { return f.message }

// memory is the library's own memory, which the garbage collector does not know, at an address.
func memory(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// openHandle opens a file. flags are SQLite's SQLITE_OPEN_… ones.
func openHandle(path string, flags int32) (*handle, error) {
	h := &handle{tls: libc.NewTLS()}
	name, err := libc.CString(path)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(h.tls, name)
	at := libc.Xcalloc(h.tls, 1, 8)
	defer libc.Xfree(h.tls, at)
	rc := lib.Xsqlite3_open_v2(h.tls, name, at, flags|lib.SQLITE_OPEN_FULLMUTEX|lib.SQLITE_OPEN_EXRESCODE, 0)
	h.db = *(*uintptr)(memory(at))
	if rc != lib.SQLITE_OK {
		err := h.failure(rc)
		_ = h.close()
		return nil, err
	}
	return h, nil
}

// failure tells what a result code is about.
func (h *handle) failure(rc int32) error {
	text := libc.GoString(lib.Xsqlite3_errstr(h.tls, rc))
	if h.db != 0 && lib.Xsqlite3_extended_errcode(h.tls, h.db)&0xff == rc&0xff {
		text = libc.GoString(lib.Xsqlite3_errmsg(h.tls, h.db))
	}
	return &failure{code: rc, message: text}
}

// close ends the connection, and with it an open transaction.
func (h *handle) close() error {
	h.closing.Lock()
	defer h.closing.Unlock()
	if h.tls == nil {
		return nil
	}
	rc := lib.Xsqlite3_close_v2(h.tls, h.db)
	h.tls.Close()
	h.tls, h.db = nil, 0
	if rc != lib.SQLITE_OK {
		return &failure{code: rc, message: "the connection does not close"}
	}
	return nil
}

// interrupt ends what runs on the connection now. It may be called from any goroutine.
func (h *handle) interrupt() {
	h.closing.Lock()
	defer h.closing.Unlock()
	if h.db == 0 {
		return
	}
	tls := libc.NewTLS()
	defer tls.Close()
	lib.Xsqlite3_interrupt(tls, h.db)
}

// autocommit reports that no transaction is open.
func (h *handle) autocommit() bool { return lib.Xsqlite3_get_autocommit(h.tls, h.db) != 0 }

// changes is the number of rows that the last INSERT, UPDATE or DELETE changed, without those of triggers.
func (h *handle) changes() int64 { return lib.Xsqlite3_changes64(h.tls, h.db) }

// busyTimeout sets how long a statement waits for a lock, in milliseconds.
func (h *handle) busyTimeout(ms int32) { lib.Xsqlite3_busy_timeout(h.tls, h.db, ms) }

// run runs statements without parameters or results.
func (h *handle) run(sql string) error {
	text, err := libc.CString(sql)
	if err != nil {
		return err
	}
	defer libc.Xfree(h.tls, text)
	if rc := lib.Xsqlite3_exec(h.tls, h.db, text, 0, 0, 0); rc != lib.SQLITE_OK {
		return h.failure(rc)
	}
	return nil
}

// columnCollation gives the collating sequence that a column declares.
func (h *handle) columnCollation(table, column string) string {
	names, err := libc.CString(table)
	if err != nil {
		return ""
	}
	defer libc.Xfree(h.tls, names)
	name, err := libc.CString(column)
	if err != nil {
		return ""
	}
	defer libc.Xfree(h.tls, name)
	out := libc.Xcalloc(h.tls, 2, 8)
	defer libc.Xfree(h.tls, out)
	if lib.Xsqlite3_table_column_metadata(h.tls, h.db, 0, names, name, 0, out, 0, 0, 0) != lib.SQLITE_OK {
		return ""
	}
	return strings.ToUpper(libc.GoString(*(*uintptr)(memory(out))))
}

// statement is one prepared statement.
type statement struct {
	h *handle
	p uintptr
	// bound is memory that parameters point to, until the statement is reset.
	bound []uintptr
	busy  bool
}

// prepare compiles one statement.
func (h *handle) prepare(sql string) (*statement, error) {
	if strings.IndexByte(sql, 0) >= 0 {
		return nil, errors.New("a statement with a zero byte")
	}
	text, err := libc.CString(sql)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(h.tls, text)
	at := libc.Xcalloc(h.tls, 1, 8)
	defer libc.Xfree(h.tls, at)
	if rc := lib.Xsqlite3_prepare_v2(h.tls, h.db, text, int32(len(sql))+1, at, 0); rc != lib.SQLITE_OK {
		return nil, h.failure(rc)
	}
	return &statement{h: h, p: *(*uintptr)(memory(at))}, nil
}

// bind gives parameter i, from 1, a value: nil, int64, float64, string or []byte.
func (s *statement) bind(i int, value any) error {
	rc := int32(lib.SQLITE_OK)
	switch v := value.(type) {
	case nil:
		rc = lib.Xsqlite3_bind_null(s.h.tls, s.p, int32(i))
	case int64:
		rc = lib.Xsqlite3_bind_int64(s.h.tls, s.p, int32(i), v)
	case float64:
		rc = lib.Xsqlite3_bind_double(s.h.tls, s.p, int32(i), v)
	case string:
		rc = lib.Xsqlite3_bind_text(s.h.tls, s.p, int32(i), s.hold([]byte(v)), int32(len(v)), 0)
	case []byte:
		rc = lib.Xsqlite3_bind_blob(s.h.tls, s.p, int32(i), s.hold(v), int32(len(v)), 0)
	}
	if rc != lib.SQLITE_OK {
		return s.h.failure(rc)
	}
	return nil
}

// hold copies bytes to memory that lives until reset.
func (s *statement) hold(v []byte) uintptr {
	p := libc.Xmalloc(s.h.tls, libc.Tsize_t(len(v)+1))
	copy((*libc.RawMem)(memory(p))[:len(v):len(v)], v)
	s.bound = append(s.bound, p)
	return p
}

// step goes to the next row; false after the last.
func (s *statement) step() (bool, error) {
	switch rc := lib.Xsqlite3_step(s.h.tls, s.p); rc {
	case lib.SQLITE_ROW:
		return true, nil
	case lib.SQLITE_DONE:
		return false, nil
	default:
		return false, s.h.failure(rc)
	}
}

// reset ends a run of the statement, so that it can run again.
func (s *statement) reset() {
	lib.Xsqlite3_reset(s.h.tls, s.p)
	lib.Xsqlite3_clear_bindings(s.h.tls, s.p)
	for _, p := range s.bound {
		libc.Xfree(s.h.tls, p)
	}
	s.bound, s.busy = s.bound[:0], false
}

// finalize ends the statement.
func (s *statement) finalize() {
	s.reset()
	lib.Xsqlite3_finalize(s.h.tls, s.p)
}

// columns is the number of columns of a row.
func (s *statement) columns() int { return int(lib.Xsqlite3_column_count(s.h.tls, s.p)) }

// class is the storage class of a value, SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_BLOB or SQLITE_NULL.
func (s *statement) class(i int) int32 { return lib.Xsqlite3_column_type(s.h.tls, s.p, int32(i)) }

func (s *statement) int(i int) int64 { return lib.Xsqlite3_column_int64(s.h.tls, s.p, int32(i)) }

func (s *statement) float(i int) float64 { return lib.Xsqlite3_column_double(s.h.tls, s.p, int32(i)) }

// bytes gives a text's or blob's bytes, which are valid until the next step.
func (s *statement) bytes(i int) []byte {
	p := lib.Xsqlite3_column_blob(s.h.tls, s.p, int32(i))
	n := int(lib.Xsqlite3_column_bytes(s.h.tls, s.p, int32(i)))
	if p == 0 || n == 0 {
		return nil
	}
	return (*libc.RawMem)(memory(p))[:n:n]
}

// text gives a text's bytes in UTF-8, which are valid until the next step.
func (s *statement) text(i int) []byte {
	p := lib.Xsqlite3_column_text(s.h.tls, s.p, int32(i))
	n := int(lib.Xsqlite3_column_bytes(s.h.tls, s.p, int32(i)))
	if p == 0 || n == 0 {
		return nil
	}
	return (*libc.RawMem)(memory(p))[:n:n]
}
