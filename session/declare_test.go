package session_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestCursors reads cursors whose rows are answered when they are fetched.
func TestCursors(t *testing.T) {
	t.Parallel()
	p := newProxy(t, defaults)
	c := p.connect(t)
	c.must("CREATE TABLE cursor_t AS SELECT i AS id, 'n' || i AS name FROM generate_series(1, 200) AS i")
	const declare = "DECLARE c SCROLL CURSOR FOR SELECT id, predict('picky', id) AS p, name || predict('picky', id + 10) FROM cursor_t ORDER BY id"
	c.must("BEGIN")
	expect(t, "DECLARE", c.must(declare), "DECLARE CURSOR", "T")
	if n := p.models.times("picky"); n != 0 {
		t.Errorf("DECLARE has asked for %d rows", n)
	}
	expect(t, "FETCH", c.must("FETCH 2 FROM c"), "1,2,n122", "2,4,n224", "FETCH 2", "T")
	expect(t, "backward", c.must("FETCH BACKWARD 1 FROM c"), "1,2,n122", "FETCH 1", "T")
	expect(t, "MOVE", c.must("MOVE FORWARD 8 IN c"), "MOVE 8", "T") // over 5, which fails
	expect(t, "extended", c.extended("FETCH c"), "10,20,n1040", "FETCH 1", "T")
	expect(t, "nothing", c.must("FETCH 0 FROM c"), "10,20,n1040", "FETCH 1", "T")
	if n := p.models.times("picky"); n != 6 {
		t.Errorf("three rows have asked %d times", n)
	}
	c.must("SAVEPOINT s")
	expect(t, "a row that fails", c.query("FETCH ABSOLUTE 5 FROM c"), "error 38000", "E")
	c.must("ROLLBACK TO s")
	expect(t, "a function", c.query("DO $$ DECLARE r record; c refcursor := 'c'; BEGIN FETCH c INTO r; END $$"), "error 42704", "E")
	c.must("ROLLBACK TO s")
	c.send(&pgproto3.Describe{ObjectType: 'P', Name: "c"}, &pgproto3.Sync{})
	expect(t, "Describe of the portal", c.ready(), "T")
	c.must("CLOSE c")
	expect(t, "closed", c.query("FETCH c"), "error 34000", "E")
	c.must("ROLLBACK")
	expect(t, "no block", c.query(declare), "error 25P01", "I")

	// Another cursor of the name, in place of the first.
	c.must("BEGIN; SAVEPOINT s")
	c.must(declare)
	c.send(&pgproto3.Parse{Name: "fetching", Query: "FETCH NEXT FROM c"}, &pgproto3.Bind{PreparedStatement: "fetching"}, &pgproto3.Execute{}, &pgproto3.Sync{})
	expect(t, "prepared", c.ready(), "1,2,n122", "FETCH 1", "T")
	c.must("ROLLBACK TO s")
	c.must("DECLARE c CURSOR FOR SELECT 7, 8, 9, 10, 11")
	expect(t, "a plain one", c.must("FETCH c"), "7,8,9,10,11", "FETCH 1", "T")
	c.must("CLOSE ALL")
	c.must("DECLARE c CURSOR FOR SELECT predict('double', id) FROM cursor_t WHERE id = 21 FOR UPDATE")
	c.send(&pgproto3.Bind{PreparedStatement: "fetching"}, &pgproto3.Execute{}, &pgproto3.Sync{})
	expect(t, "prepared before", c.ready(), "42", "FETCH 1", "T")
	expect(t, "the current row", c.must("UPDATE cursor_t SET name = 'current' WHERE CURRENT OF c RETURNING id"), "21", "UPDATE 1", "T")
	c.must("COMMIT")

	// A FETCH that home has prepared before there was a cursor with predict.
	d := p.connect(t)
	d.must("BEGIN; DECLARE e CURSOR FOR SELECT 1")
	d.send(&pgproto3.Parse{Name: "early", Query: "FETCH NEXT FROM e"}, &pgproto3.Sync{})
	expect(t, "early", d.ready(), "T")
	d.must("CLOSE e")
	d.must("DECLARE e CURSOR FOR SELECT predict('double', 4)")
	d.send(&pgproto3.Bind{PreparedStatement: "early"}, &pgproto3.Execute{}, &pgproto3.Sync{})
	expect(t, "early", d.ready(), "error 42704", "E")
}

// TestUnreadStatements wants the error of home about a call in syntax that the proxy does not know to say so: SYSTEM_USER is a
// name up to PostgreSQL 15, and a keyword in the proxy's grammar.
func TestUnreadStatements(t *testing.T) {
	t.Parallel()
	c := newProxy(t, defaults).connect(t)
	if v := direct(t, "SELECT current_setting('server_version_num')::int / 10000"); v != "15" {
		t.Skip("PostgreSQL", v, "reads what the proxy reads")
	}
	const odd = " FROM (VALUES (1)) AS t(system_user)"
	for _, extended := range []bool{false, true} {
		if extended {
			c.send(&pgproto3.Parse{Query: "SELECT predict('double', 1)" + odd}, &pgproto3.Sync{})
		} else {
			c.send(&pgproto3.Query{String: "SELECT predict('double', 1)" + odd})
		}
		m, err := c.front.Receive()
		must(t, err)
		if e, is := m.(*pgproto3.ErrorResponse); !is || e.Code != "42883" || e.Detail == "" || e.Hint == "" || e.Position != 8 {
			t.Errorf("%+v", m)
		}
		c.ready()
	}
	expect(t, "without a call", c.query("SELECT system_user"+odd), "1", "SELECT 1", "I")
	c.must("CREATE FUNCTION pg_temp.predict_details(x text) RETURNS text LANGUAGE sql AS 'SELECT x'")
	expect(t, "a function of the client's", c.query("SELECT pg_temp.predict_details('x')"+odd), "x", "SELECT 1", "I")
	expect(t, "in the extended protocol", c.extended("SELECT pg_temp.predict_details('x')"+odd), "x", "SELECT 1", "I")
	expect(t, "another error", c.query("SELECT predict_details(nosuch)"+odd), "error 42703", "I")
}
