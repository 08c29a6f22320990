package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// message is one message of a server.
func message(kind byte, body string) string {
	return string(binary.BigEndian.AppendUint32([]byte{kind}, uint32(4+len(body)))) + body
}

// answer gives what query makes of a server that answers with these bytes.
func answer(t *testing.T, bytes string) (outcome, error) {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close()
		_, _ = io.ReadFull(server, make([]byte, len(message('Q', "SELECT 1\x00"))))
		_, _ = io.WriteString(server, bytes)
	}()
	t.Cleanup(func() { <-done })
	c := &rawConn{Conn: client, in: bufio.NewReaderSize(client, 64)}
	return c.query("SELECT 1", nil)
}

func TestQueryCountsRows(t *testing.T) {
	t.Parallel()
	row := message('D', strings.Repeat("x", 1000)) // longer than the reader's buffer
	o, err := answer(t, message('T', "")+row+row+row+message('C', "SELECT 3\x00")+message('Z', "I"))
	if err != nil || o.rows != 3 {
		t.Fatalf("%d rows, %v; want 3", o.rows, err)
	}
	if o.first <= 0 || o.whole < o.first {
		t.Errorf("first row after %v, end after %v", o.first, o.whole)
	}
}

func TestQueryGivesServerError(t *testing.T) {
	t.Parallel()
	o, err := answer(t, message('D', "")+message('E', "SERROR\x00C57014\x00Mcanceled\x00\x00")+message('Z', "I"))
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "57014" || pg.Message != "canceled" || o.rows != 1 {
		t.Fatalf("%d rows, error %v; want 1 and 57014", o.rows, err)
	}
}

func TestQueryNoticesLostServer(t *testing.T) {
	t.Parallel()
	if _, err := answer(t, message('D', "")); !errors.Is(err, io.EOF) {
		t.Fatalf("error %v, want EOF", err)
	}
}
