package foreign_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign"
)

// FuzzSession sends bytes after a start-up packet: a session may refuse them, and must neither fail nor hang.
func FuzzSession(f *testing.F) {
	message := func(all ...pgproto3.FrontendMessage) []byte {
		var out []byte
		for _, m := range all {
			var err error
			if out, err = m.Encode(out); err != nil {
				f.Fatal(err)
			}
		}
		return out
	}
	query := func(text string) pgproto3.FrontendMessage { return &pgproto3.Query{String: text} }
	f.Add(message(query("START TRANSACTION ISOLATION LEVEL REPEATABLE READ"), query("DECLARE c1 CURSOR FOR\nSELECT id, name FROM public.big WHERE ((id = 7))"),
		query("FETCH 2 FROM c1"), query("MOVE BACKWARD ALL IN c1"), query("FETCH ALL FROM c1"), query("CLOSE c1"), query("COMMIT TRANSACTION")))
	f.Add(message(query("SAVEPOINT s2"), query("ROLLBACK TO SAVEPOINT s2; RELEASE SAVEPOINT s2"), query("SET search_path = pg_catalog"), query(""), query("EXPLAIN SELECT 1")))
	f.Add(message(&pgproto3.Parse{Name: "p", Query: "UPDATE public.big SET name = $2 WHERE ctid = $1"},
		&pgproto3.Bind{PreparedStatement: "p", Parameters: [][]byte{[]byte("(0,1)"), nil}}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, &pgproto3.Sync{},
		&pgproto3.Describe{ObjectType: 'S', Name: "p"}, &pgproto3.Close{ObjectType: 'S', Name: "p"}, &pgproto3.Sync{}, query("DEALLOCATE ALL")))
	f.Add(message(query("START TRANSACTION"), query("DECLARE c2 CURSOR FOR SELECT id, ctid FROM public.big FOR UPDATE"), query("FETCH 3 FROM c2"), query("ABORT TRANSACTION")))
	f.Add([]byte("Q\x00\x00\x00\x04"))
	f.Add([]byte("B\xff\xff\xff\xff"))
	catalog := steadyCatalog()
	var log bytes.Buffer
	server := foreign.NewServer(foreign.Config{Engine: &steady{rows: 3}, Catalog: func() *dialect.Catalog { return catalog }, PeerUID: -1,
		MaxMessage: 1 << 16, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	path := filepath.Join(f.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		f.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), listener) }()
	f.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			f.Error(err)
		}
		<-served
		if strings.Contains(log.String(), "panic") {
			f.Error(log.String())
		}
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		startup, err := (&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "x"}}).Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		read := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, conn)
			read <- err
		}()
		_, _ = conn.Write(append(startup, data...)) // the session may end before it has read all
		_ = conn.(*net.UnixConn).CloseWrite()
		if err := <-read; err != nil && strings.Contains(err.Error(), "timeout") {
			t.Fatal("the session hangs")
		}
	})
}
