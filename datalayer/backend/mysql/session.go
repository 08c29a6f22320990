package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	driverpkg "github.com/go-sql-driver/mysql"
)

// killPatience is how long a session waits for its server to end a statement before it cuts the connection.
const killPatience = 10 * time.Second

// preparedMost is how many prepared statements a session keeps.
const preparedMost = 64

// session is one connection. Statements run with a context of their own (the driver would cut the connection at the end
// of a context and leave the statement running), and are ended by KILL QUERY.
type session struct {
	engine *Engine
	conn   driver.Conn
	socket net.Conn
	id     int64
	// lost says that it cannot be used any more.
	lost     bool
	prepared map[string]driver.Stmt
	// order are the keys of prepared, the one that was used longest ago first.
	order []string
}

// modes are the SQL modes of our sessions: an error where MySQL would change a value (STRICT_ALL_TABLES), PostgreSQL's
// way with zero in identity columns, division and ||, and texts that hold backslashes as they are.
const modes = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_VALUE_ON_ZERO,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION"

// dial makes a connection. params are more settings of the session.
func (e *Engine) dial(ctx context.Context, params map[string]string) (*session, error) {
	s := &session{engine: e, prepared: map[string]driver.Stmt{}}
	config := e.place.config.Clone()
	config.Logger = logger{e.options.Log}
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, address)
		s.socket = c
		return c, err
	}
	mode := modes
	if e.server.mariaDB {
		mode += ",SIMULTANEOUS_ASSIGNMENT,TIME_ROUND_FRACTIONAL"
	}
	config.Params = map[string]string{"sql_mode": "'" + mode + "'", "time_zone": "'+00:00'", "group_concat_max_len": "4294967295"}
	if e.server.binary != "" {
		config.Params["collation_connection"] = e.server.binary
	}
	for k, v := range params {
		config.Params[k] = v
	}
	connector, err := driverpkg.NewConnector(config)
	if err != nil {
		return nil, err
	}
	if s.conn, err = connector.Connect(ctx); err != nil {
		return nil, err
	}
	rows, err := s.ask("SELECT CONNECTION_ID()")
	if err == nil {
		s.id, err = strconv.ParseInt(rows[0][0], 10, 64)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close ends the connection.
func (s *session) close() {
	s.lost = true
	_ = s.conn.Close() // the server sees it end, said or not
}

// failed notes whether an error has cost the connection, and gives it on.
func (s *session) failed(err error) error {
	var server *driverpkg.MySQLError
	if err != nil && err != io.EOF && !errors.As(err, &server) {
		s.lost = true
	}
	return err
}

// ask runs a short query and gives its rows as texts, "" for NULL.
func (s *session) ask(query string, args ...string) ([][]string, error) {
	values := make([]driver.Value, len(args))
	for i, a := range args {
		values[i] = a
	}
	stmt, err := s.conn.Prepare(query)
	if err != nil {
		return nil, s.failed(err)
	}
	defer func() { _ = stmt.Close() }() // it is forgotten with the connection at the latest
	rows, err := stmt.Query(values)     //nolint:staticcheck // with a context the driver would cut the connection
	if err != nil {
		return nil, s.failed(err)
	}
	return s.texts(rows)
}

// texts reads rows to their end, as texts.
func (s *session) texts(rows driver.Rows) ([][]string, error) {
	defer func() { _ = rows.Close() }() // it is at its end, or the error is already known
	var all [][]string
	dest := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(dest); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, s.failed(err)
		}
		row := make([]string, len(dest))
		for i, v := range dest {
			switch v := v.(type) {
			case nil:
			case []byte:
				row[i] = string(v)
			default:
				row[i] = fmt.Sprint(v)
			}
		}
		all = append(all, row)
	}
}

// run runs one statement without rows and without parameters, under ctx.
func (s *session) run(ctx context.Context, statement string) error {
	_, err := s.exec(ctx, statement, nil, false)
	return err
}

// exec runs a statement under ctx, prepared where it is kept for later or has parameters.
func (s *session) exec(ctx context.Context, statement string, args []driver.Value, keep bool) (driver.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := s.watch(ctx)
	result, err := s.execute(statement, args, keep)
	return result, w.end(s.failed(err))
}

// execute is exec without a watch.
func (s *session) execute(statement string, args []driver.Value, keep bool) (driver.Result, error) {
	if len(args) == 0 && !keep {
		return s.conn.(driver.Execer).Exec(statement, nil) //nolint:staticcheck // with a context the driver would cut the connection
	}
	stmt, done, err := s.prepare(statement, keep)
	if err != nil {
		return nil, err
	}
	defer done()
	return stmt.Exec(args) //nolint:staticcheck // as above
}

// prepare gives a prepared statement, kept under its text or closed by done.
func (s *session) prepare(statement string, keep bool) (stmt driver.Stmt, done func(), err error) {
	if stmt, ok := s.prepared[statement]; ok {
		return stmt, func() {}, nil
	}
	if stmt, err = s.conn.Prepare(statement); err != nil {
		return nil, nil, err
	}
	if !keep {
		return stmt, func() { _ = stmt.Close() }, nil // one that cannot be closed is forgotten with the connection
	}
	if len(s.order) >= preparedMost {
		_ = s.prepared[s.order[0]].Close() // as above
		delete(s.prepared, s.order[0])
		s.order = s.order[1:]
	}
	s.prepared[statement] = stmt
	s.order = append(s.order, statement)
	return stmt, func() {}, nil
}

// watch sees to it that a statement ends at the server when ctx ends. Its end must be called.
func (s *session) watch(ctx context.Context) *watch {
	w := &watch{session: s, ctx: ctx, killed: make(chan struct{})}
	w.stop = context.AfterFunc(ctx, w.kill)
	return w
}

// watch is over one running statement.
type watch struct {
	session *session
	ctx     context.Context
	stop    func() bool
	killed  chan struct{}
}

// kill ends the statement by KILL QUERY on another connection; where that does not work it cuts ours.
func (w *watch) kill() {
	defer close(w.killed)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), killPatience)
	defer cancel()
	s, err := w.session.engine.dial(ctx, nil)
	if err == nil {
		defer s.close()
		stop := context.AfterFunc(ctx, func() { _ = s.socket.Close() }) // a server that does not answer
		defer stop()
		_, err = s.execute("KILL QUERY "+strconv.FormatInt(w.session.id, 10), nil, false)
	}
	if err != nil {
		w.session.engine.options.Log.Warn("could not end a statement at the databackend; its connection is cut", "error", err)
		_ = w.session.socket.Close() // the statement's reader sees it
	}
}

// end stops watching, once the statement has ended, and waits for a kill under way. err is how the statement ended; where
// it was killed the context's error comes first.
func (w *watch) end(err error) error {
	if w.stop() {
		return err
	}
	<-w.killed
	w.session.absorb(err)
	if err == nil {
		return nil
	}
	return errors.Join(w.ctx.Err(), err)
}

// cut ends a statement whose rows are not wanted any more; the rows have to be read to their end then.
func (w *watch) cut() {
	if w.stop() {
		w.kill()
	}
}

// absorb takes up a KILL QUERY that came after its statement had ended, and would end the next one.
func (s *session) absorb(err error) {
	if s.lost || numberOf(err) == errInterrupted {
		return
	}
	if _, err := s.execute("DO 0", nil, false); err != nil && numberOf(err) != errInterrupted {
		s.lost = true
	}
}
