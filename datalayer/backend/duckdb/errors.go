package duckdb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// canceled is PostgreSQL's error for a statement that was ended.
func canceled(ctx context.Context) error {
	return &backend.Error{Code: "57014", Message: "canceling statement due to user request", Err: context.Cause(ctx)}
}

// asksPostgres is what a template of the table throws for a value that PostgreSQL treats otherwise.
const asksPostgres = "unproven"

// asError turns an error of DuckDB's into one that a client understands. DuckDB has classes of errors, not codes; their
// words tell the rest. What DuckDB says of values in the rows is left out.
func asError(ctx context.Context, err error, table *dialect.Table) error {
	var known *backend.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var f *failure
	if !errors.As(err, &f) {
		return &backend.Error{Code: "HV000", Message: "DuckDB failed", Detail: err.Error(), Err: err}
	}
	class, words, _ := strings.Cut(f.message, ": ")
	if words == asksPostgres || class == "Out of Range Error" && strings.Contains(words, "DECIMAL(") {
		return &dialect.Unproven{What: "a value for which DuckDB's answer is another, or none"}
	}
	e := &backend.Error{Detail: "DuckDB: " + firstLine(f.message), Err: errors.New(class)}
	if table != nil {
		e.Schema, e.Table = table.Schema, table.Name
	}
	if strings.Contains(words, "onflict on ") || strings.Contains(words, "write-write conflict") || strings.Contains(words, "Conflict:") {
		e.Code, e.Message, e.Hint = "40001", "could not serialize access due to concurrent update", "Run the transaction again."
		return e
	}
	if class == "Conversion Error" && strings.Contains(words, "out of range for the destination type") {
		class = "Out of Range Error"
	}
	switch strings.TrimSuffix(class, " Error") {
	case "INTERRUPT":
		return canceled(ctx)
	case "Constraint":
		constraintError(e, words, table)
	case "TransactionContext":
		transactionError(e, words, table)
	case "Conversion", "Invalid Input", "Mismatch Type":
		e.Code, e.Message, e.Detail = "22P02", "DuckDB cannot turn a value into the type that is wanted", ""
	case "Out of Range":
		e.Code, e.Message, e.Detail = "22003", "a value is out of range", ""
	case "Divide by Zero":
		e.Code, e.Message = "22012", "division by zero"
	case "Catalog":
		e.Code, e.Message = "42P01", "a table is no longer in the DuckDB database"
		e.Hint = "SELECT pinnacle.refresh() reads the schema again."
	case "Binder":
		e.Code, e.Message = "42703", "DuckDB does not know a name of the statement"
		e.Hint = "SELECT pinnacle.refresh() reads the schema again."
	case "Out of Memory":
		e.Code, e.Message = "53200", "DuckDB is out of memory"
		e.Hint = "memory_limit in the databackend's URI says how much it takes."
	case "IO", "HTTP", "Network":
		ioError(e, words)
	case "Permission":
		e.Code, e.Message = "42501", "DuckDB may not do this"
	case "Not implemented":
		e.Code, e.Message = "0A000", "DuckDB cannot do this"
	case "FATAL", "INTERNAL":
		e.Code, e.Message, e.Lost = "XX000", "DuckDB failed inside", true
	default:
		e.Code, e.Message = "HV000", "DuckDB refused the statement"
	}
	return e
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func ioError(e *backend.Error, words string) {
	switch {
	case strings.Contains(words, "Could not set lock"):
		e.Code, e.Message = "55006", "another process has the DuckDB database open"
		e.Hint = "DuckDB lets one process write; with mode=ro several can read."
	case strings.Contains(words, "No space left"):
		e.Code, e.Message = "53100", "no space is left for the DuckDB database"
	default:
		e.Code, e.Message = "58030", "a file of the DuckDB database cannot be read or written"
	}
}

func transactionError(e *backend.Error, words string, table *dialect.Table) {
	switch {
	case strings.Contains(words, "read-only"):
		e.Code, e.Message = "25006", "cannot execute a change in a read-only transaction"
	case strings.Contains(words, "is aborted"):
		e.Code, e.Message, e.Detail = "25P02", "current transaction is aborted, commands ignored until end of transaction block", ""
	case strings.Contains(words, "violated") || strings.Contains(words, "constraint violat"):
		constraintError(e, words, table)
		if e.Code == "23505" { // seen at COMMIT: another transaction was faster
			e.Code, e.Message = "40001", "could not serialize access due to a key that a concurrent transaction wrote"
		}
	default:
		e.Code, e.Message = "40001", "DuckDB could not end the transaction"
	}
}

// DuckDB's words about violated constraints.
var (
	duplicateKey = regexp.MustCompile(`(?s)Duplicate key "(.*)" violates (primary key|unique) constraint`)
	notNull      = regexp.MustCompile(`NOT NULL constraint failed: (.+)\.([^.\s]+)`)
	checkFailed  = regexp.MustCompile(`CHECK constraint failed on table (\S+)`)
)

// constraintError words a violated constraint as PostgreSQL does.
func constraintError(e *backend.Error, words string, table *dialect.Table) {
	e.Code, e.Message, e.Detail = "23000", "a constraint of the DuckDB database is violated", ""
	name := "a table"
	if table != nil {
		name = table.Name
	}
	switch {
	case duplicateKey.MatchString(words) || strings.Contains(words, "PRIMARY KEY or UNIQUE"):
		e.Code, e.Constraint = "23505", uniqueName(words, table)
		e.Message = fmt.Sprintf("duplicate key value violates unique constraint %q", e.Constraint)
	case notNull.MatchString(words):
		m := notNull.FindStringSubmatch(words)
		e.Code, e.Column = "23502", m[2]
		e.Message = fmt.Sprintf("null value in column %q of relation %q violates not-null constraint", m[2], name)
	case checkFailed.MatchString(words):
		e.Code, e.Message = "23514", fmt.Sprintf("new row for relation %q violates a check constraint", name)
	case strings.Contains(strings.ToLower(words), "foreign key"):
		e.Code, e.Message = "23503", fmt.Sprintf("the change of table %q violates a foreign key constraint", name)
	}
}

// uniqueName finds the key that has the columns of "a: 1, b: 2".
func uniqueName(words string, table *dialect.Table) string {
	if table == nil {
		return "unique"
	}
	var columns []string
	if m := duplicateKey.FindStringSubmatch(words); m != nil {
		for _, k := range table.Uniques {
			if keyWords(m[1], k.Columns) {
				return k.Name
			}
		}
		if first, _, ok := strings.Cut(m[1], ": "); ok {
			columns = append(columns, first)
		}
	}
	if len(table.PrimaryKey) > 0 {
		return table.Name + "_pkey"
	}
	return table.Name + "_" + strings.Join(columns, "_") + "_key"
}

// keyWords reports that DuckDB's "a: 1, b: 2" names just these columns.
func keyWords(words string, columns []string) bool {
	for i, c := range columns {
		if i > 0 {
			_, rest, ok := strings.Cut(words, ", "+c+": ")
			if !ok {
				return false
			}
			words = rest
			continue
		}
		rest, ok := strings.CutPrefix(words, c+": ")
		if !ok {
			return false
		}
		words = rest
	}
	return true
}
