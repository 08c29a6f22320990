package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// bound binds a prepared statement with one parameter as text, runs it, and gives the transcript. No Sync follows where the
// statement is to stay suspended: that is what a row limit is for.
func (s *session) bound(t *testing.T, statement, arg string) string {
	t.Helper()
	return strings.Join(s.exchange(t, 1, &pgproto3.Bind{PreparedStatement: statement, Parameters: [][]byte{[]byte(arg)}},
		&pgproto3.Execute{}, &pgproto3.Sync{}), "; ")
}

// answered is the transcript of a statement that gives one row of one column.
func answered(value string, tx rune) string {
	return fmt.Sprintf("BindComplete; DataRow %q; CommandComplete SELECT 1; ReadyForQuery %c", value, tx)
}

// TestReplacedWhilePrepared replaces a model behind the back of a session that has statements with it prepared.
func TestReplacedWhilePrepared(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		other := on.open(t)
		other.wantTag(t, timesModel("MODEL", "swap", 2), "CREATE MODEL")
		s := on.open(t)
		prepared := s.exchange(t, 1, &pgproto3.Parse{Name: "newest", Query: "SELECT predict('swap', $1)"},
			&pgproto3.Parse{Name: "first", Query: "SELECT predict('swap@1', $1)"}, &pgproto3.Sync{})
		if got := strings.Join(prepared, "; "); got != "ParseComplete; ParseComplete; ReadyForQuery I" {
			t.Fatal(got)
		}
		s.mustQuery(t, "PREPARE sql(int4) AS SELECT predict('swap', $1)")
		want := func(when, newest string, tx rune) {
			t.Helper()
			if got := s.bound(t, "newest", "4"); got != answered(newest, tx) {
				t.Errorf("%s the newest version gives %s, want %s", when, got, newest)
			}
			if got := s.bound(t, "first", "4"); got != answered("8", tx) {
				t.Errorf("%s version 1 gives %s", when, got)
			}
			s.wantRow(t, "EXECUTE sql(4)", newest)
		}
		want("before,", "8", 'I')
		other.wantTag(t, timesModel("OR REPLACE MODEL", "swap", 3), "CREATE MODEL")
		want("after a replacement", "12", 'I')
		s.mustQuery(t, "BEGIN ISOLATION LEVEL REPEATABLE READ")
		want("in a transaction", "12", 'T')
		other.wantTag(t, timesModel("OR REPLACE MODEL", "swap", 4), "CREATE MODEL")
		want("after a replacement beside the transaction", "16", 'T')
		other.wantTag(t, "ALTER MODEL swap SET DEFAULT VERSION 1", "ALTER MODEL")
		want("after version 1 was made the default", "8", 'T')
		s.mustQuery(t, "COMMIT")
		want("after the transaction", "8", 'I')
		other.wantTag(t, "DROP MODEL swap", "DROP MODEL")
		if got := s.bound(t, "newest", "4"); !strings.HasPrefix(got, "Error ERROR 42704") {
			t.Errorf("after DROP MODEL the statement gives %s", got)
		}
	})
}

// TestReplacedWhileSuspended replaces a model between two Executes of one portal, whose rows are one model's to the end.
func TestReplacedWhileSuspended(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		other := on.open(t)
		other.wantTag(t, timesModel("MODEL", "halfway", 2), "CREATE MODEL")
		s := on.open(t)
		got := s.exchange(t, 1, &pgproto3.Query{String: "BEGIN"})
		got = append(got, s.exchange(t, 1, &pgproto3.Parse{Query: "SELECT predict('halfway', x) FROM generate_series(1, 3) x"},
			&pgproto3.Bind{DestinationPortal: "c"}, &pgproto3.Execute{Portal: "c", MaxRows: 1}, &pgproto3.Sync{})...)
		other.wantTag(t, timesModel("OR REPLACE MODEL", "halfway", 100), "CREATE MODEL")
		other.wantTag(t, "DROP MODEL halfway@1", "DROP MODEL")
		got = append(got, s.exchange(t, 1, &pgproto3.Execute{Portal: "c"}, &pgproto3.Sync{})...)
		want := []string{"CommandComplete BEGIN", "ReadyForQuery T", "ParseComplete", "BindComplete", `DataRow "2"`, "PortalSuspended",
			"ReadyForQuery T", `DataRow "4"`, `DataRow "6"`, "CommandComplete SELECT 2", "ReadyForQuery T"}
		same(t, "a portal across a replacement", got, want)
	})
}

// TestReplacedByAnotherType replaces a model by one that answers in another type: a prepared statement whose result was
// described is refused until it is prepared again, as PostgreSQL does where a table's column changes.
func TestReplacedByAnotherType(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		const refused = `Error ERROR 0A000 "cached plan must not change result type"`
		asText := "CREATE OR REPLACE MODEL retyped(x int4) RETURNS text USING starlark AS $$\ndef predict(x):\n    return 'n' + str(x)\n$$"
		other := on.open(t)
		other.wantTag(t, timesModel("MODEL", "retyped", 2), "CREATE MODEL")
		s := on.open(t)
		s.exchange(t, 1, &pgproto3.Parse{Name: "p", Query: "SELECT predict('retyped', $1)"}, &pgproto3.Sync{})
		if got := s.bound(t, "p", "4"); got != answered("8", 'I') {
			t.Fatal(got)
		}
		s.mustQuery(t, "PREPARE sql(int4) AS SELECT predict('retyped', $1)")
		other.wantTag(t, asText, "CREATE MODEL")
		for range 2 { // it stays refused
			if got := s.bound(t, "p", "4"); !strings.HasPrefix(got, refused) || !strings.HasSuffix(got, "; ReadyForQuery I") {
				t.Errorf("after the type changed: %s", got)
			}
			s.wantError(t, "EXECUTE sql(4)", "0A000", "cached plan must not change result type")
		}
		s.mustQuery(t, "BEGIN")
		if got := s.bound(t, "p", "4"); !strings.HasPrefix(got, refused) || !strings.HasSuffix(got, "; ReadyForQuery E") {
			t.Errorf("in a transaction: %s", got)
		}
		s.mustQuery(t, "ROLLBACK")
		s.exchange(t, 1, &pgproto3.Parse{Name: "again", Query: "SELECT predict('retyped', $1)"}, &pgproto3.Sync{})
		if got := s.bound(t, "again", "4"); got != answered("n4", 'I') {
			t.Errorf("prepared again: %s", got)
		}
		other.wantTag(t, "ALTER MODEL retyped SET DEFAULT VERSION 1", "ALTER MODEL")
		if got := s.bound(t, "p", "4"); got != answered("8", 'I') {
			t.Errorf("after the old version is the default again: %s", got)
		}
		s.wantRow(t, "EXECUTE sql(4)", "8")
	})
}

// TestPinnedDefaultIsTold replaces a model whose default version was set: the notice says that it stays.
func TestPinnedDefaultIsTold(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.wantTag(t, timesModel("MODEL", `"Pinned"`, 2), "CREATE MODEL")
		newVersion := strings.Join(s.mustQuery(t, timesModel("OR REPLACE MODEL", `"Pinned"`, 3)), "; ")
		if !strings.Contains(newVersion, `has a new version 2"`) {
			t.Errorf("a new default version: %s", newVersion)
		}
		s.wantTag(t, `ALTER MODEL "Pinned" SET DEFAULT VERSION 1`, "ALTER MODEL")
		notice := strings.Join(s.mustQuery(t, timesModel("OR REPLACE MODEL", `"Pinned"`, 4)), "; ")
		for _, says := range []string{"has a new version 3", "the default stays version 1", `ALTER MODEL \"Pinned\" SET DEFAULT VERSION 3`} {
			if !strings.Contains(notice, says) {
				t.Errorf("the notice does not say %q: %s", says, notice)
			}
		}
		s.wantRow(t, "SELECT predict('Pinned', 4)", "8")
		s.wantTag(t, `ALTER MODEL "Pinned" SET DEFAULT VERSION 3`, "ALTER MODEL")
		s.wantRow(t, "SELECT predict('Pinned', 4)", "16")
	})
}

// TestFailureNamesTheModelOnce lets a model fail for a row.
func TestFailureNamesTheModelOnce(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.wantTag(t, "CREATE MODEL once(x int4) RETURNS int4 USING starlark AS $$\ndef predict(x):\n    if x == 500:\n        fail('five hundred')\n    return x\n$$", "CREATE MODEL")
		s.wantError(t, "SELECT predict('once', x) FROM generate_series(1, 1000) x", "38000",
			`"model \"once\" version 1 failed: fail: five hundred"`, "x = 500", "Line 4")
	})
}

// TestReplacedByAnotherSignature replaces a model by one that a prepared statement cannot call, and puts it back.
func TestReplacedByAnotherSignature(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		other := on.open(t)
		other.wantTag(t, timesModel("MODEL", "wider", 2), "CREATE MODEL")
		s := on.open(t)
		s.exchange(t, 1, &pgproto3.Parse{Name: "p", Query: "SELECT predict('wider', $1)"}, &pgproto3.Sync{})
		other.wantTag(t, "CREATE OR REPLACE MODEL wider(x int4, y int4) RETURNS int4 USING starlark AS $$\ndef predict(x, y):\n    return x * y\n$$", "CREATE MODEL")
		for range 2 {
			if got := s.bound(t, "p", "4"); !strings.HasPrefix(got, "Error ERROR 42883") || !strings.HasSuffix(got, "; ReadyForQuery I") {
				t.Errorf("with too few arguments: %s", got)
			}
		}
		other.wantTag(t, "ALTER MODEL wider SET DEFAULT VERSION 1", "ALTER MODEL")
		if got := s.bound(t, "p", "4"); got != answered("8", 'I') {
			t.Errorf("with the old version again: %s", got)
		}
	})
}
