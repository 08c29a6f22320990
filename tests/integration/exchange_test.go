package integration

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestFlush wants the answers of messages that a Flush, not a Sync, stands behind.
func TestFlush(t *testing.T) {
	run := func(t *testing.T, on *target) []string {
		s := on.open(t)
		var got []string
		s.send(t, parse("", doubled), describe('S', ""), flushing)
		got = append(got, s.upTo(&pgproto3.RowDescription{})...)
		s.send(t, bind("", "", "5"), execute("", 2), flushing)
		got = append(got, s.upTo(&pgproto3.PortalSuspended{})...)
		s.send(t, execute("", 0), flushing)
		got = append(got, s.upTo(&pgproto3.CommandComplete{})...)
		s.send(t, parse("", "SELECT 1"), bind("", ""), execute("", 0), flushing)
		got = append(got, s.upTo(&pgproto3.CommandComplete{})...)
		s.send(t, parse("", "SELECT predict('double', nocolumn) FROM item"), flushing)
		got = append(got, s.upTo(&pgproto3.ErrorResponse{})...)
		s.send(t, parse("", "SELECT predict('double', 1)"), flushing, syncing)
		return append(got, s.ready(1)...)
	}
	eachTarget(t, func(t *testing.T, on *target) {
		same(t, "flush", run(t, on), run(t, world.direct))
	})
}

// TestCopyBesidePredict mixes COPY both ways with calls on one session, in one Query message and by the extended protocol.
func TestCopyBesidePredict(t *testing.T) {
	run := func(t *testing.T, on *target) []string {
		s := on.open(t)
		got := s.query(t, "CREATE TEMP TABLE w (id int)")
		s.send(t, query("SELECT predict('double', 1); COPY w FROM STDIN; SELECT id, predict('double', id) FROM w ORDER BY id; COPY w TO STDOUT; SELECT 2"))
		got = append(got, s.upTo(&pgproto3.CopyInResponse{})...)
		s.send(t, &pgproto3.CopyData{Data: []byte("7\n")}, &pgproto3.CopyData{Data: []byte("8\n")}, &pgproto3.CopyDone{})
		got = append(got, s.ready(1)...)
		s.send(t, parse("", "COPY w FROM STDIN"), bind("", ""), execute("", 0))
		s.send(t, &pgproto3.CopyData{Data: []byte("9\n")}, &pgproto3.CopyDone{}, syncing)
		got = append(got, s.ready(1)...)
		s.send(t, query("COPY w FROM STDIN; SELECT predict('double', 1)"))
		got = append(got, s.upTo(&pgproto3.CopyInResponse{})...)
		s.send(t, &pgproto3.CopyFail{Message: "no more"})
		got = append(got, s.ready(1)...)
		return append(got, s.query(t, "SELECT predict('double', id) FROM w ORDER BY id")...)
	}
	eachTarget(t, func(t *testing.T, on *target) {
		same(t, "copy", run(t, on), run(t, world.direct))
	})
}

// TestFunctionCall sends a FunctionCall message (protocol section "Function Call") between statements with predict.
func TestFunctionCall(t *testing.T) {
	run := func(t *testing.T, on *target) []string {
		var oid uint32
		for _, c := range on.value(t, "SELECT 'abs(int4)'::regprocedure::oid") {
			oid = oid*10 + uint32(c-'0')
		}
		s := on.open(t)
		got := s.query(t, "SELECT predict('double', 1)")
		arg := binary.BigEndian.AppendUint32(nil, uint32(0xfffffff9))
		got = append(got, s.exchange(t, 1, &pgproto3.FunctionCall{Function: oid, ArgFormatCodes: []uint16{1}, Arguments: [][]byte{arg}, ResultFormatCode: 1})...)
		return append(got, s.query(t, "SELECT predict('double', 2)")...)
	}
	eachTarget(t, func(t *testing.T, on *target) {
		same(t, "function call", run(t, on), run(t, world.direct))
	})
}

// TestAsynchronous wants notifications and changes of settings to reach a client that uses predict.
func TestAsynchronous(t *testing.T) {
	run := func(t *testing.T, on *target) []string {
		s, other := on.open(t), on.open(t)
		got := s.query(t, "LISTEN asynchronous")
		other.mustQuery(t, "NOTIFY asynchronous, 'one'")
		got = append(got, s.upTo(&pgproto3.NotificationResponse{})...)
		other.mustQuery(t, "NOTIFY asynchronous, 'two'")
		// PostgreSQL delivers what waits when a statement has ended; the place of the message among others is its own.
		answer := s.query(t, "SELECT predict('double', 1)")
		heard := strings.Contains(strings.Join(answer, "\n"), "Notification asynchronous two")
		got = append(got, without(answer, "Notification")...)
		if !heard {
			got = append(got, s.upTo(&pgproto3.NotificationResponse{})...)
		} else {
			got = append(got, "Notification asynchronous two")
		}
		got = append(got, s.query(t, "SELECT predict('double', 1); SET application_name = 'changed'; SELECT predict('double', 2)")...)
		return append(got, s.query(t, "DO $$ BEGIN RAISE NOTICE 'noted'; END $$; SELECT predict('double', 2)")...)
	}
	eachTarget(t, func(t *testing.T, on *target) {
		same(t, "asynchronous", run(t, on), run(t, world.direct))
	})
}

// slowModel is created by tests that need a call that lasts: a row of it takes some ten milliseconds and stays below the
// step limit.
const slowModel = "CREATE MODEL IF NOT EXISTS slow(x int4) RETURNS int4 USING starlark AS $$\ndef predict(x):\n    n = 0\n    for i in range(500000):\n        n += 1\n    return x\n$$"

// TestCancel stops a model in the middle of its rows, in both protocols, and wants the session to go on.
func TestCancel(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		on.exec(t, slowModel)
		const statement = "SELECT predict('slow', i) FROM generate_series(1, 100000) i"
		for name, msgs := range map[string]frames{
			"simple":   {query(statement)},
			"extended": {parse("", statement), bind("", ""), execute("", 0), syncing},
			"filter":   {query("SELECT i FROM generate_series(1, 100000) i WHERE predict('slow', i) = -1")},
		} {
			t.Run(name, func(t *testing.T) {
				s := on.open(t)
				s.send(t, msgs...)
				done := make(chan []string, 1)
				go func() { done <- s.ready(1) }()
				got := cancelUntil(t, s, done)
				if code, line := firstError(got); code != "57014" {
					t.Errorf("canceled with %q: %s", code, line)
				}
				if got := s.query(t, "SELECT predict('double', 4)"); got[1] != `DataRow "8"` {
					t.Errorf("after the cancel: %v", got)
				}
			})
		}
	})
}

// TestCancelOfPlain stops a statement that the proxy relays, and an idle session takes no harm from a cancel.
func TestCancelOfPlain(t *testing.T) {
	eachTarget(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.send(t, query("SELECT pg_sleep(60)"))
		done := make(chan []string, 1)
		go func() { done <- s.ready(1) }()
		if code, line := firstError(cancelUntil(t, s, done)); code != "57014" {
			t.Errorf("canceled with %q: %s", code, line)
		}
		s.cancel(t)
		wrong := &session{on: on, pid: s.pid, key: append([]byte(nil), s.key...)}
		wrong.key[0] ^= 0xff
		s.send(t, query("SELECT count(*) FROM generate_series(1, 1000000)"))
		wrong.cancel(t)
		if code, line := firstError(s.ready(1)); code != "" {
			t.Errorf("a cancel with a wrong key did something: %s", line)
		}
	})
}

// cancelUntil asks for a cancel again and again, since one that comes before the statement runs is lost, until the answer is
// there.
func cancelUntil(t *testing.T, s *session, done <-chan []string) []string {
	t.Helper()
	deadline := time.After(exchangeLimit)
	for {
		s.cancel(t)
		select {
		case got := <-done:
			return got
		case <-deadline:
			t.Fatal("the statement does not end")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// TestClientGone closes the client's connection in the middle of a call, and wants the home session to end and the model to
// stop.
func TestClientGone(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		on.exec(t, slowModel)
		s := on.open(t, "application_name", "gone-"+on.name)
		s.send(t, query("SELECT predict('slow', i), repeat('x', 1000) FROM generate_series(1, 100000) i"))
		waitFor(t, on, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gone-"+on.name+"'", "1")
		if err := s.conn.Close(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, on, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gone-"+on.name+"'", "0")
	})
}

// waitFor runs a statement until it gives the value.
func waitFor(t *testing.T, on *target, sql, want string) {
	t.Helper()
	conn := on.connect(t)
	deadline := time.Now().Add(exchangeLimit)
	for {
		rows, err := simpleRows(t.Context(), conn.PgConn(), sql)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 1 && rows[0][0] == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: still %v, not %s", sql, rows, want)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
