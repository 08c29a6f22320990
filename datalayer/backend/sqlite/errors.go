package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	lib "modernc.org/sqlite/lib"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// misfitMark begins the words of an error that a compiled statement raises itself for a stored value that is not of its
// column's declared type. The column follows, as table.column.
const misfitMark = "pinnacle misfit "

// asError turns an error of the library into one that a client understands (https://sqlite.org/rescode.html). table is
// the one that a change is about, nil for none.
func asError(ctx context.Context, err error, table *dialect.Table) error {
	var known *backend.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var f *failure
	if !errors.As(err, &f) {
		if ctx.Err() != nil {
			return &backend.Error{Code: "57014", Message: "canceling statement due to user request", Err: context.Cause(ctx)}
		}
		return &backend.Error{Code: "HV000", Message: "SQLite failed", Detail: err.Error(), Err: err}
	}
	e := &backend.Error{Detail: "SQLite: " + f.message, Err: err}
	switch primary := f.code & 0xff; primary {
	case lib.SQLITE_CONSTRAINT:
		return constraintError(e, f, table)
	case lib.SQLITE_INTERRUPT:
		e.Code, e.Message, e.Detail = "57014", "canceling statement due to user request", ""
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		if f.code == lib.SQLITE_BUSY_SNAPSHOT {
			e.Code, e.Message = "40001", "could not serialize access due to concurrent update"
			e.Hint = "Run the transaction again."
			break
		}
		e.Code, e.Message = "55P03", "the SQLite database is locked by another writer"
		e.Hint = "busy_timeout in the databackend's URI says how long to wait."
	case lib.SQLITE_READONLY:
		e.Code, e.Message = "25006", "cannot write: the SQLite database is open for reading only"
	case lib.SQLITE_FULL:
		e.Code, e.Message = "53100", "no space is left for the SQLite database"
	case lib.SQLITE_NOMEM:
		e.Code, e.Message = "53200", "out of memory in SQLite"
	case lib.SQLITE_IOERR, lib.SQLITE_PROTOCOL:
		e.Code, e.Message = "58030", "the file of the SQLite database cannot be read or written"
	case lib.SQLITE_CANTOPEN, lib.SQLITE_PERM:
		e.Code, e.Message = "08001", "the SQLite database cannot be opened"
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		e.Code, e.Message = "XX001", "the file is damaged, or no SQLite database"
	case lib.SQLITE_TOOBIG:
		e.Code, e.Message = "54000", "a value is longer than SQLite allows"
	case lib.SQLITE_MISMATCH:
		e.Code, e.Message = "22P02", "a value is not of the type that SQLite wants"
	case lib.SQLITE_SCHEMA:
		e.Code, e.Message = "0A000", "the SQLite database's schema changed"
	default:
		genericError(e, f)
	}
	return e
}

// genericError is about SQLITE_ERROR, which says what it means in words alone.
func genericError(e *backend.Error, f *failure) {
	if _, column, ok := strings.Cut(f.message, misfitMark); ok {
		table, name, _ := strings.Cut(strings.Trim(column, "'"), ".")
		m := misfit(table, name, "the declared type")
		*e = *m.(*backend.Error)
		return
	}
	switch {
	case strings.HasPrefix(f.message, "no such table"):
		e.Code, e.Message = "42P01", "a table is no longer in the SQLite database"
		e.Hint = "SELECT pinnacle.refresh() reads the schema again."
	case strings.HasPrefix(f.message, "no such column"), strings.Contains(f.message, "has no column named"):
		e.Code, e.Message = "42703", "a column is no longer in the SQLite database"
		e.Hint = "SELECT pinnacle.refresh() reads the schema again."
	case strings.HasPrefix(f.message, "integer overflow"):
		e.Code, e.Message = "22003", "bigint out of range"
	default:
		e.Code, e.Message = "HV000", "SQLite refused the statement"
	}
}

// constraintError words a violated constraint as PostgreSQL does (its ri_triggers.c, execMain.c, nbtinsert.c).
func constraintError(e *backend.Error, f *failure, table *dialect.Table) error {
	_, what, _ := strings.Cut(f.message, "constraint failed: ")
	e.Code, e.Message = "23000", "a constraint of the SQLite database is violated"
	if table != nil {
		e.Schema, e.Table = table.Schema, table.Name
	}
	switch f.code {
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY, lib.SQLITE_CONSTRAINT_ROWID:
		e.Code, e.Constraint = "23505", uniqueName(what, table)
		e.Message = fmt.Sprintf("duplicate key value violates unique constraint %q", e.Constraint)
	case lib.SQLITE_CONSTRAINT_NOTNULL:
		of, column, _ := strings.Cut(what, ".")
		e.Code, e.Column = "23502", column
		e.Message = fmt.Sprintf("null value in column %q of relation %q violates not-null constraint", column, of)
	case lib.SQLITE_CONSTRAINT_FOREIGNKEY, lib.SQLITE_CONSTRAINT_TRIGGER:
		if f.code == lib.SQLITE_CONSTRAINT_TRIGGER && !strings.HasPrefix(f.message, "FOREIGN KEY") {
			e.Code, e.Message, e.Detail = "P0001", f.message, ""
			break
		}
		e.Code, e.Message = "23503", "a foreign key constraint of the SQLite database is violated"
		if table != nil {
			e.Message = fmt.Sprintf("the change of table %q violates a foreign key constraint", table.Name)
		}
	case lib.SQLITE_CONSTRAINT_CHECK:
		e.Code, e.Constraint = "23514", what
		e.Message = fmt.Sprintf("new row violates check constraint %q", what)
		if table != nil {
			e.Message = fmt.Sprintf("new row for relation %q violates check constraint %q", table.Name, what)
		}
	case lib.SQLITE_CONSTRAINT_DATATYPE:
		e.Code, e.Message = "22P02", "a value is not of its column's type"
	}
	return e
}

// uniqueName finds the name of a key by SQLite's words "t.a, t.b" or "index 'name'".
func uniqueName(what string, table *dialect.Table) string {
	if name, ok := strings.CutPrefix(what, "index '"); ok {
		return strings.TrimSuffix(name, "'")
	}
	var of string
	var columns []string
	for _, part := range strings.Split(what, ", ") {
		of, part, _ = strings.Cut(part, ".")
		columns = append(columns, part)
	}
	if table != nil && table.Native[len(table.Native)-1] == of {
		for _, k := range table.Uniques {
			if sameNames(k.Columns, columns) {
				return k.Name
			}
		}
		if sameNames(table.PrimaryKey, columns) {
			return table.Name + "_pkey"
		}
	}
	return of + "_" + strings.Join(columns, "_") + "_key"
}

func sameNames(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// misfit says that a stored value is not one of its column's type. It does not say the value.
func misfit(table, column, typ string) error {
	return &backend.Error{
		Code:    "22P02",
		Message: fmt.Sprintf("column %q of table %q holds a value that is not of %s", column, table, typ),
		Detail:  "SQLite stores values of any class in a column that is not of a STRICT table.",
		Hint:    fmt.Sprintf("Find the rows in SQLite by typeof(%s), and store a value of the type or NULL.", quote(column)),
		Table:   table, Column: column,
	}
}
