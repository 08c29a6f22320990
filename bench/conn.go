package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// dsn is the connection string of the server at a port.
func (s *settings) dsn(port int) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=%s sslmode=disable", port, s.user, s.database)
}

// rawConn is a client that counts rows and looks at nothing in them, so that it costs next to nothing beside the server.
type rawConn struct {
	net.Conn
	in *bufio.Reader
	// pid and secret are the keys of a CancelRequest.
	pid    uint32
	secret []byte
}

// dialRaw connects and authenticates with pgconn, and takes the socket from it.
func dialRaw(ctx context.Context, s *settings, port int) (*rawConn, error) {
	pg, err := pgconn.Connect(ctx, s.dsn(port))
	if err != nil {
		return nil, err
	}
	h, err := pg.Hijack()
	if err != nil {
		return nil, errors.Join(err, pg.Close(ctx))
	}
	return &rawConn{Conn: h.Conn, in: bufio.NewReaderSize(h.Conn, 256<<10), pid: h.PID, secret: h.SecretKey}, nil
}

// outcome is what one statement gave.
type outcome struct {
	rows, bytes int64
	// first and whole are the times from sending the statement to its first row (0 without one) and to its end.
	first, whole time.Duration
}

// query sends one statement in the simple protocol and reads its answer to the end. onFirst, if not nil, is called when
// the first row has come. A statement that fails gives what it gave and the server's error.
func (c *rawConn) query(sql string, onFirst func() error) (outcome, error) {
	var o outcome
	message := binary.BigEndian.AppendUint32([]byte{'Q'}, uint32(len(sql)+5))
	message = append(append(message, sql...), 0)
	started := time.Now()
	if _, err := c.Write(message); err != nil {
		return o, err
	}
	var failed error
	for {
		header, err := c.in.Peek(5)
		if err != nil {
			return o, err
		}
		kind, length := header[0], int(binary.BigEndian.Uint32(header[1:]))
		o.bytes += int64(1 + length)
		switch kind {
		case 'D':
			if o.rows++; o.rows == 1 {
				o.first = time.Since(started)
				if onFirst != nil {
					if err := onFirst(); err != nil {
						return o, err
					}
				}
			}
		case 'E':
			body, err := c.in.Peek(min(1+length, c.in.Size()))
			if err != nil {
				return o, err
			}
			failed = serverError(body[5:])
		}
		if _, err := c.in.Discard(1 + length); err != nil {
			return o, err
		}
		if kind == 'Z' {
			o.whole = time.Since(started)
			return o, failed
		}
	}
}

// serverError reads an ErrorResponse's body: fields of a type byte and a text.
func serverError(body []byte) error {
	e := &pgconn.PgError{}
	for len(body) > 1 {
		text, rest, _ := bytes.Cut(body[1:], []byte{0})
		switch body[0] {
		case 'C':
			e.Code = string(text)
		case 'M':
			e.Message = string(text)
		case 'S':
			e.Severity = string(text)
		}
		body = rest
	}
	return e
}

// cancel asks the server, on a connection of its own, to cancel what c runs, and waits until it has been told.
func (c *rawConn) cancel() error {
	conn, err := net.Dial("tcp", c.RemoteAddr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	message := binary.BigEndian.AppendUint32(nil, uint32(12+len(c.secret)))
	message = binary.BigEndian.AppendUint32(message, 80877102)
	message = binary.BigEndian.AppendUint32(message, c.pid)
	if _, err := conn.Write(append(message, c.secret...)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1)) // the server closes: that is its whole answer
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("a cancel request was not answered by closing: %w", err)
	}
	return nil
}
