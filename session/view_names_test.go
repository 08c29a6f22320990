package session

import (
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

func TestViewNames(t *testing.T) {
	t.Parallel()
	f := NewFactory(Config{})
	v := f.viewsOf("db")
	if v != f.viewsOf("db") || v == f.viewsOf("other") {
		t.Error("the names are not by database")
	}
	if !v.due.Load() || v.names.Load() != nil {
		t.Error("what was never read is not due")
	}
	v.set([]string{"a", "b"})
	v.add("c")
	v.add("c")
	v.set([]string{"b"}) // the transaction that makes c may be open
	for name, want := range map[string]bool{"a": false, "b": true, "c": true} {
		if got := v.names.Load().Has(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	v.recent["c"] = time.Now().Add(-2 * viewNameKept)
	v.set([]string{"b"})
	if v.names.Load().Has("c") || len(v.recent) > 0 {
		t.Error("a name is kept for ever")
	}
}

// TestWantsViews has texts that name views, make them and refresh them.
func TestWantsViews(t *testing.T) {
	t.Parallel()
	s := NewFactory(Config{}).New(wire.Session{ID: 1, Database: "db"}).(*session)
	if !s.Wants('Q', []byte("SELECT 1\x00")) || !s.reading || s.parsed != nil {
		t.Error("the names are not read before the first statement")
	}
	s.views.set([]string{"Graded", "my view"})
	s.views.due.Store(false)
	for _, c := range []struct {
		text string
		want bool
	}{
		{"SELECT 1", false},
		{`SELECT * FROM "Graded"`, true},
		{"SELECT * FROM graded", false}, // another name; it costs a parse
		{`WITH "Graded" AS (SELECT 1) SELECT * FROM "Graded"`, false},
		{`SELECT * FROM s."my view" AS x`, true},
		{`COPY "Graded" TO STDOUT`, false},
		{`DROP VIEW "Graded"`, false},
		{`REFRESH MATERIALIZED VIEW m`, false},
		{`CREATE VIEW above AS SELECT * FROM "Graded"`, false},
		{`SELECT * FROM above`, true},
		{`ALTER VIEW above RENAME TO renamed; SELECT * FROM RENAMED`, true},
		{`CREATE VIEW with_call AS SELECT predict('m', 1)`, true},
		{`TABLE with_call`, true},
	} {
		for _, typ := range []byte{'Q', 'P'} {
			body := c.text + "\x00"
			if typ == 'P' {
				body = "\x00" + body + "\x00\x00"
			}
			if got := s.Wants(typ, []byte(body)); got != c.want || s.reading {
				t.Errorf("%c %s: %v, want %v", typ, c.text, got, c.want)
			}
		}
	}
	if len(s.made) == 0 {
		t.Error("nothing is noted of views that were made")
	}
	s.Ready('T')
	if len(s.made) == 0 {
		t.Error("views are forgotten in their transaction")
	}
	s.Ready('I')
	if len(s.made) > 0 || !s.views.names.Load().Has("above") {
		t.Error("views are not kept after their transaction")
	}
	s.views.materialized.Store(true)
	if !s.Wants('Q', []byte("REFRESH MATERIALIZED VIEW m\x00")) || s.Wants('Q', []byte("CREATE MATERIALIZED VIEW m AS SELECT 1\x00")) {
		t.Error("REFRESH is not told apart")
	}
	s.views.due.Store(true)
	s.Ready('T')
	if s.Wants('Q', []byte("SELECT 1\x00")) {
		t.Error("the names are read in a transaction")
	}
}

// TestExpansionPositions maps errors about a text with a view's query in it to the client's.
func TestExpansionPositions(t *testing.T) {
	t.Parallel()
	client := "SELECT é, x FROM v WHERE y"
	spliced, err := sqlparse.Splice(client, []sqlparse.Edit{{Span: sqlparse.Span{Start: 18, End: 19}, Text: "(SELECT 1) AS v"}})
	if err != nil {
		t.Fatal(err)
	}
	e := &expansion{client: client, text: spliced.Text, origin: spliced.Original}
	home := &homeError{}
	home.response.Position = int32(sqlparse.CharPosition(e.text, len(e.text)-1))
	if got := e.position(home).(*homeError).response.Position; int(got) != sqlparse.CharPosition(client, len(client)-1) {
		t.Errorf("an error of home at %d", got)
	}
	if got := e.position(&sqlparse.Error{Position: len(e.text) - 1}).(*sqlparse.Error).Position; got != len(client)-1 {
		t.Errorf("an error of the proxy at %d", got)
	}
	var none *expansion
	if none.position(home) != error(home) || e.position(nil) != nil {
		t.Error("errors are changed")
	}
}
