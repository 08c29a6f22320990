package foreign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// explainColumns are EXPLAIN's.
var explainColumns = []dialect.Type{{OID: 25, Mod: -1}}

// query answers a Query message: what it holds runs until a part fails.
func (s *session) query(text string) {
	for _, c := range splitCommands(text) {
		st, err := s.understand(c)
		if err == nil {
			err = s.execute(c, st, nil, true)
		}
		if err != nil {
			s.fail(err)
			return
		}
	}
}

// understand compiles what a command holds; nil for commands that hold no statement.
func (s *session) understand(c command) (*Statement, error) {
	switch c.verb {
	case verbStatement, verbDeclare, verbExplain:
		if s.link.tx.failed {
			return nil, failedTransaction()
		}
		st, err := s.server.Compile(c.text)
		if c.verb == verbExplain && impossible(err) {
			return nil, nil
		}
		return st, err
	}
	return nil, nil
}

// impossible reports whether a text cannot be run by anybody. PostgreSQL 17 and 18 ask for the price of semi-joins whose rows they
// would still have to filter by a column of the inner side, which is not there any more; an error would end the client's
// statement, though it has other plans.
func impossible(err error) bool {
	var e *dialect.ParseError
	return errors.As(err, &e) && e.Hidden
}

// columns are those of the rows that a command gives; nil for none.
func (s *session) columns(c command, st *Statement) ([]dialect.Type, error) {
	switch c.verb {
	case verbStatement:
		return st.Columns, nil
	case verbExplain:
		return explainColumns, nil
	case verbFetch:
		cur := s.cursors[c.name]
		if cur == nil {
			return nil, noCursor(c.name)
		}
		return cur.columns, nil
	}
	return nil, nil
}

// execute runs a command and sends its rows and its tag; describe says that the columns are sent before.
func (s *session) execute(c command, st *Statement, params [][]byte, describe bool) error {
	if s.link.tx.failed && c.verb != verbRollback && c.verb != verbRollbackTo && c.verb != verbCommit && c.verb != verbEmpty {
		return failedTransaction()
	}
	columns, err := s.columns(c, st)
	if err != nil {
		return err
	}
	if describe && columns != nil {
		s.out.describe(columns)
	}
	tag := c.tag
	switch c.verb {
	case verbEmpty:
		s.out.send(&pgproto3.EmptyQueryResponse{})
		return nil
	case verbStatement:
		tag, err = s.statement(st, params)
	case verbExplain:
		err = s.explain(st)
	case verbDeclare:
		err = s.declare(c, st, params)
	case verbFetch:
		var n int64
		n, err = s.fetch(c)
		tag = "FETCH " + strconv.FormatInt(n, 10)
	case verbMove:
		err = s.move(c)
		tag = "MOVE 0"
	case verbClose:
		err = s.closeCursor(c.name)
	case verbDeallocate:
		err = s.deallocate(c.name)
	case verbSet:
		err = set(c)
	default:
		err = s.control(c)
	}
	if err == nil {
		err = s.out.err
	}
	if err == nil {
		s.out.send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
	}
	return err
}

// control runs a command about the transaction.
func (s *session) control(c command) error {
	l := &s.link
	switch c.verb {
	case verbBegin:
		if l.tx.open {
			return nil // a warning in PostgreSQL
		}
		l.tx = transaction{open: true, mode: backend.TxMode{Serializable: c.serializable, ReadOnly: c.readOnly}}
		return nil
	case verbCommit:
		s.closeCursors(0)
		return l.commit(s.ctx)
	case verbRollback:
		s.closeCursors(0)
		l.rollback()
		return nil
	}
	if !l.tx.open {
		return &backend.Error{Code: codeNoTransaction, Message: "savepoints can only be used in transaction blocks"}
	}
	ctx, leave := s.statementContext()
	defer leave()
	switch c.verb {
	case verbSavepoint:
		l.savepoint(c.name)
		return nil
	case verbRelease:
		err := l.releaseSavepoint(ctx, c.name)
		for _, cur := range s.cursors {
			cur.level = min(cur.level, len(l.tx.savepoints))
		}
		return err
	}
	if i, err := l.findSavepoint(c.name); err == nil {
		s.closeCursors(i + 1)
	}
	return l.rollbackTo(ctx, c.name)
}

// set takes the settings of a session that postgres_fdw asks for, where the values are those that values are given in here.
func set(c command) error {
	value := strings.ToLower(strings.Trim(c.text, "'"))
	switch c.name {
	case "search_path", "extra_float_digits", "application_name", "client_encoding", "statement_timeout", "lock_timeout", "time zone":
		return nil
	case "timezone":
		if value == "gmt" || value == "utc" {
			return nil
		}
	case "datestyle":
		if strings.HasPrefix(value, "iso") {
			return nil
		}
	case "intervalstyle":
		if value == "postgres" {
			return nil
		}
	}
	return refuse("the setting %s cannot have that value in a session of the databackend", c.name)
}

// explain sends the estimate; st is nil for what must not be chosen.
func (s *session) explain(st *Statement) error {
	if st == nil {
		s.out.row([][]byte{[]byte(neverPlan)})
		return nil
	}
	ctx, leave := s.statementContext()
	defer leave()
	line, err := s.link.explain(ctx, st)
	if err != nil {
		return failure(ctx, err)
	}
	s.out.row([][]byte{[]byte(line)})
	return nil
}

// statement runs a statement to its end, and gives its tag.
func (s *session) statement(st *Statement, params [][]byte) (string, error) {
	ctx, leave := s.statementContext()
	defer leave()
	if st.Reads() {
		rows, err := s.link.run(ctx, st, params)
		if err != nil {
			return "", failure(ctx, err)
		}
		n, err := s.sendAll(ctx, rows)
		return "SELECT " + strconv.FormatInt(n, 10), err
	}
	out, err := s.link.change(ctx, st, params)
	if err != nil {
		return "", failure(ctx, err)
	}
	if out.rows != nil {
		if out.n, err = s.sendAll(ctx, out.rows); err != nil {
			return "", err
		}
	}
	switch st.tree.(type) {
	case *dialect.Insert:
		return "INSERT 0 " + strconv.FormatInt(out.n, 10), nil
	case *dialect.Update:
		return "UPDATE " + strconv.FormatInt(out.n, 10), nil
	case *dialect.Delete:
		return "DELETE " + strconv.FormatInt(out.n, 10), nil
	}
	return "TRUNCATE TABLE", nil
}

// sendAll sends rows to their end.
func (s *session) sendAll(ctx context.Context, rows backend.Rows) (n int64, err error) {
	defer func() {
		if closing := rows.Close(); err == nil && closing != nil {
			err = failure(ctx, closing)
		}
	}()
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, failure(ctx, err)
		}
		s.out.row(row)
		if s.out.err != nil {
			return n, s.out.err
		}
		n++
	}
}

// deallocate forgets a prepared statement, or all where the name is empty.
func (s *session) deallocate(name string) error {
	if name == "" {
		clear(s.prepared)
		return nil
	}
	if s.prepared[name] == nil {
		return &backend.Error{Code: codeInvalidStatement, Message: fmt.Sprintf("prepared statement %q does not exist", name)}
	}
	delete(s.prepared, name)
	return nil
}
