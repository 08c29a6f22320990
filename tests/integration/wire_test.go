package integration

import (
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// frames is a run of messages that a client sends in one piece.
type frames = []pgproto3.FrontendMessage

// Short names for the messages of the extended protocol.

func parse(name, sql string, oids ...uint32) pgproto3.FrontendMessage {
	return &pgproto3.Parse{Name: name, Query: sql, ParameterOIDs: oids}
}

// bind binds text values ("NULL" for NULL) and asks for text.
func bind(portal, statement string, values ...string) *pgproto3.Bind {
	b := &pgproto3.Bind{DestinationPortal: portal, PreparedStatement: statement}
	for _, v := range values {
		if v == "NULL" {
			b.Parameters = append(b.Parameters, nil)
		} else {
			b.Parameters = append(b.Parameters, []byte(v))
		}
	}
	return b
}

// asking is bind with result formats.
func asking(b *pgproto3.Bind, formats ...int16) pgproto3.FrontendMessage {
	b.ResultFormatCodes = formats
	return b
}

func describe(kind byte, name string) pgproto3.FrontendMessage {
	return &pgproto3.Describe{ObjectType: kind, Name: name}
}

func execute(portal string, rows uint32) pgproto3.FrontendMessage {
	return &pgproto3.Execute{Portal: portal, MaxRows: rows}
}

func closing(kind byte, name string) pgproto3.FrontendMessage {
	return &pgproto3.Close{ObjectType: kind, Name: name}
}

func query(sql string) pgproto3.FrontendMessage { return &pgproto3.Query{String: sql} }

var (
	syncing  pgproto3.FrontendMessage = &pgproto3.Sync{}
	flushing pgproto3.FrontendMessage = &pgproto3.Flush{}
)

// doubled is the statement that most exchanges use.
const doubled = "SELECT id, predict('double', k) FROM item WHERE id <= $1 ORDER BY id"

// wireCases are exchanges of the extended protocol. Each step is sent in one piece, then read up to as many ReadyForQuery as
// it has Sync and Query messages.
var wireCases = []struct {
	name  string
	steps []frames
}{
	{"the four messages", []frames{{parse("", doubled), bind("", "", "3"), describe('P', ""), execute("", 0), syncing}}},
	{"describe before bind", []frames{{parse("s", doubled), describe('S', "s"), syncing}, {bind("", "s", "3"), execute("", 0), syncing}}},
	{"a statement again and again", []frames{{parse("s", doubled), syncing}, {bind("", "s", "1"), execute("", 0), bind("", "s", "2"), execute("", 0), syncing},
		{bind("", "s", "NULL"), execute("", 0), syncing}, {bind("", "s", "4"), describe('P', ""), execute("", 0), syncing}}},
	{"declared types", []frames{{parse("", "SELECT predict('double', $1), $2, predict('half', $3)", 23, 25, 701), describe('S', ""), bind("", "", "4", "x", "1.5"), execute("", 0), syncing}}},
	{"some declared types", []frames{{parse("", "SELECT predict('double', $1), $2::text, $3::date", 0, 0, 1082), describe('S', ""), bind("", "", "4", "x", "2020-01-01"), execute("", 0), syncing}}},
	{"fewer declared types than parameters", []frames{{parse("", "SELECT predict('double', $1), predict('shout', $2)", 21), describe('S', ""), bind("", "", "4", "x"), execute("", 0), syncing}}},
	{"row limits", []frames{{parse("", doubled), bind("", "", "10"), execute("", 4), execute("", 4), execute("", 4), syncing}}},
	{"a row limit that is just reached", []frames{{parse("", doubled), bind("", "", "4"), execute("", 4), execute("", 4), syncing}}},
	{"a row limit over a filter", []frames{{parse("", "SELECT id FROM item WHERE predict('double', k) = $1 ORDER BY id"), bind("", "", "6"), execute("", 2), execute("", 3), execute("", 0), syncing}}},
	{"a portal that is finished", []frames{{parse("", doubled), bind("", "", "2"), execute("", 0), execute("", 0), syncing}}},
	{"row limits over exchanges in a transaction", []frames{{query("BEGIN")}, {parse("", doubled), bind("p", "", "10"), execute("p", 3), syncing}, {execute("p", 3), syncing},
		{query("SELECT predict('double', 77)")}, {execute("p", 3), syncing}, {execute("p", 3), syncing}, {closing('P', "p"), syncing}, {execute("p", 3), syncing}, {query("ROLLBACK")}}},
	{"two portals by turns", []frames{{query("BEGIN")}, {parse("a", doubled), parse("b", "SELECT name FROM item WHERE id <= $1 ORDER BY id"), bind("pa", "a", "6"), bind("pb", "b", "6"), syncing},
		{execute("pa", 2), execute("pb", 2), execute("pa", 2), execute("pb", 3), syncing}, {execute("pb", 0), execute("pa", 0), syncing}, {query("COMMIT")}, {execute("pa", 1), syncing}}},
	{"two portals with predict by turns", []frames{{query("BEGIN")}, {parse("a", doubled), bind("p1", "a", "6"), bind("p2", "a", "5"), syncing},
		{execute("p1", 2), execute("p2", 2), execute("p1", 3), syncing}, {execute("p2", 0), execute("p1", 0), syncing}, {query("COMMIT")}}},
	{"a portal does not outlive its transaction", []frames{{parse("", doubled), bind("p", "", "10"), execute("p", 3), syncing}, {execute("p", 3), syncing}, {query("SELECT 1")}}},
	{"a suspended portal that is closed", []frames{{parse("", doubled), bind("p", "", "10"), execute("p", 3), closing('P', "p"), execute("p", 3), syncing}, {query("SELECT predict('double', 1)")}}},
	{"a suspended portal that is bound anew", []frames{{parse("", doubled), bind("", "", "10"), execute("", 3), bind("", "", "2"), execute("", 0), syncing}}},
	{"a named portal cannot be bound twice", []frames{{query("BEGIN")}, {parse("", doubled), bind("p", "", "10"), bind("p", "", "2"), syncing}, {query("ROLLBACK")}}},
	{"formats for each column", []frames{{parse("", "SELECT predict('double', k), id, predict('half', f), predict('bucket', k), name FROM item WHERE id < 4 ORDER BY id"),
		asking(bind("", ""), 1, 0, 1, 0, 1), describe('P', ""), execute("", 0), syncing}}},
	{"one format for all", []frames{{parse("", "SELECT predict('double', k), id, predict('bucket', k) FROM item WHERE id < 4 ORDER BY id"), asking(bind("", ""), 1), describe('P', ""), execute("", 0), syncing}}},
	{"formats too few", []frames{{parse("", "SELECT predict('double', k), id, name FROM item"), asking(bind("", ""), 1, 0), execute("", 0), syncing}, {query("SELECT 1")}}},
	{"binary parameters", []frames{{parse("", "SELECT predict('double', $1), predict('shout', $2)"), describe('S', ""),
		&pgproto3.Bind{ParameterFormatCodes: []int16{1, 0}, Parameters: [][]byte{{0, 0, 0, 21}, []byte("x")}}, execute("", 0), syncing}}},
	{"binary parameters outside of calls", []frames{{parse("", "SELECT id FROM item WHERE predict('double', k) = $1 AND id < $2 ORDER BY id"),
		&pgproto3.Bind{ParameterFormatCodes: []int16{1}, Parameters: [][]byte{{0, 0, 0, 6}, {0, 0, 0, 40}}}, execute("", 0), syncing}}},
	{"a binary parameter of a wrong length", []frames{{parse("", "SELECT predict('double', $1)"), &pgproto3.Bind{ParameterFormatCodes: []int16{1}, Parameters: [][]byte{{0, 21}}}, execute("", 0), syncing}, {query("SELECT 1")}}},
	{"parameters too few", []frames{{parse("", "SELECT predict('double', $1), predict('double', $2)"), bind("", "", "1"), execute("", 0), syncing}, {query("SELECT 1")}}},
	{"parameters too many", []frames{{parse("", "SELECT predict('double', $1)"), bind("", "", "1", "2"), execute("", 0), syncing}, {query("SELECT 1")}}},
	{"a name that is taken", []frames{{parse("s", doubled), syncing}, {parse("s", "SELECT predict('double', 1)"), syncing}, {bind("", "s", "1"), execute("", 0), syncing}}},
	{"a name that is taken by a plain statement", []frames{{parse("s", "SELECT 1"), syncing}, {parse("s", doubled), syncing}, {bind("", "s"), execute("", 0), syncing}}},
	{"a plain statement cannot take the name", []frames{{parse("s", doubled), syncing}, {parse("s", "SELECT 1"), syncing}, {bind("", "s", "1"), execute("", 0), syncing}}},
	{"closed and made anew", []frames{{parse("s", doubled), closing('S', "s"), parse("s", "SELECT 'plain'"), bind("", "s"), execute("", 0), closing('S', "s"), parse("s", "SELECT predict('double', 4)"), bind("", "s"), execute("", 0), syncing}}},
	{"closed and used", []frames{{parse("s", doubled), closing('S', "s"), syncing}, {bind("", "s", "1"), execute("", 0), syncing}, {describe('S', "s"), syncing}}},
	{"closing what is not there", []frames{{closing('S', "nothing"), closing('P', "nothing"), parse("", "SELECT predict('double', 1)"), closing('S', "nothing"), bind("", ""), execute("", 0), syncing}}},
	{"the unnamed statement is replaced", []frames{{parse("", doubled), syncing}, {parse("", "SELECT 'plain'"), bind("", ""), execute("", 0), syncing}, {parse("", doubled), bind("", "", "1"), execute("", 0), syncing}}},
	{"a Query forgets the unnamed statement", []frames{{parse("", doubled), syncing}, {query("SELECT 1")}, {bind("", "", "1"), syncing}}},
	{"a Query with predict forgets the unnamed statement", []frames{{parse("", "SELECT 1"), syncing}, {query("SELECT predict('double', 1)")}, {bind("", ""), syncing}}},
	{"no such statement", []frames{{bind("", "nothing"), describe('P', ""), execute("", 0), syncing}, {parse("", "SELECT predict('double', 1)"), bind("", ""), execute("", 0), syncing}}},
	{"no such portal", []frames{{parse("", "SELECT predict('double', 1)"), bind("", ""), execute("nothing", 0), execute("", 0), syncing}, {describe('P', "nothing"), syncing}}},
	{"after an error everything is discarded up to Sync", []frames{{parse("", "SELECT predict('double', nocolumn) FROM item"), bind("", ""), describe('P', ""), execute("", 0), parse("t", "SELECT predict('double', 1)"), bind("", "t"), execute("", 0), syncing},
		{bind("", "t"), execute("", 0), syncing}, {parse("", "SELECT predict('double', 1)"), bind("", ""), execute("", 0), syncing}}},
	{"an error while rows come", []frames{{parse("", "SELECT predict('double', 100 / (k - 5)) FROM item ORDER BY id"), bind("", ""), execute("", 0), parse("", "SELECT 1"), bind("", ""), execute("", 0), syncing}, {parse("", "SELECT predict('double', 1)"), bind("", ""), execute("", 0), syncing}}},
	{"an error of a plain statement discards a call", []frames{{parse("", "SELECT 1/0"), bind("", ""), execute("", 0), parse("", "SELECT predict('double', 1)"), bind("", ""), execute("", 0), syncing}, {parse("", "SELECT predict('double', 1)"), bind("", ""), execute("", 0), syncing}}},
	{"a batch is one transaction", []frames{{query("CREATE TEMP TABLE w (id int)")}, {parse("", "INSERT INTO w VALUES (1)"), bind("", ""), execute("", 0), parse("", "SELECT predict('double', id) FROM w"), bind("", ""), execute("", 0), parse("", "SELECT 1/0"), bind("", ""), execute("", 0), syncing},
		{query("SELECT count(*) FROM w")}}},
	{"an error of a call undoes its batch", []frames{{query("CREATE TEMP TABLE w (id int)")}, {parse("", "INSERT INTO w VALUES (1)"), bind("", ""), execute("", 0), parse("", "SELECT predict('double', 1/0)"), bind("", ""), execute("", 0), syncing}, {query("SELECT count(*) FROM w")}}},
	{"a batch that succeeds", []frames{{query("CREATE TEMP TABLE w (id int)")}, {parse("", "INSERT INTO w VALUES (1)"), bind("", ""), execute("", 0), parse("", "SELECT predict('double', id) FROM w"), bind("", ""), execute("", 0), parse("", "INSERT INTO w VALUES (2)"), bind("", ""), execute("", 0), syncing}, {query("SELECT count(*) FROM w")}}},
	{"a pipeline", []frames{{parse("", "SELECT 1"), bind("", ""), execute("", 0), syncing, parse("", "SELECT predict('double', 1)"), bind("", ""), execute("", 0), syncing, parse("", "SELECT 2"), bind("", ""), execute("", 0), syncing,
		parse("", doubled), bind("", "", "3"), execute("", 2), syncing, parse("", "SELECT 3"), bind("", ""), execute("", 0), syncing}}},
	{"a pipeline with errors", []frames{{parse("", "SELECT predict('double', 1)"), bind("", ""), execute("", 0), syncing, parse("", "SELECT predict('double', 1/0)"), bind("", ""), execute("", 0), syncing, parse("", "SELECT 2"), bind("", ""), execute("", 0), syncing,
		parse("", "SELECT 1/0"), bind("", ""), execute("", 0), parse("", "SELECT predict('double', 2)"), bind("", ""), execute("", 0), syncing, parse("", "SELECT predict('double', 3)"), bind("", ""), execute("", 0), syncing}}},
	{"a pipeline of Query messages", []frames{{query("SELECT 1"), query("SELECT predict('double', 1)"), query("SELECT 1/0"), query("SELECT predict('double', 2); SELECT 3"), query(""), query("SELECT predict('bucket', 2)")}}},
	{"Query and extended in one pipeline", []frames{{query("BEGIN"), parse("s", doubled), bind("", "s", "2"), execute("", 0), syncing, query("SELECT predict('double', 4)"), bind("", "s", "1"), execute("", 0), syncing, query("COMMIT")}}},
	{"a Query inside a batch", []frames{{parse("", "SELECT predict('double', 1)"), bind("", ""), execute("", 0), query("SELECT predict('double', 2)"), parse("", "SELECT predict('double', 3)"), bind("", ""), execute("", 0), syncing}}},
	{"an empty text", []frames{{parse("", ""), bind("", ""), describe('P', ""), execute("", 0), parse("", "/* predict('double', 1) */"), bind("", ""), execute("", 0), syncing}}},
	{"a failed transaction", []frames{{query("BEGIN")}, {parse("s", "SELECT predict('double', $1)"), syncing}, {query("SELECT 1/0")}, {parse("", "SELECT predict('double', 1)"), bind("", ""), execute("", 0), syncing}, {bind("", "s", "1"), execute("", 0), syncing},
		{describe('S', "s"), syncing}, {query("SELECT predict('double', 1)")}, {parse("", "ROLLBACK"), bind("", ""), execute("", 0), syncing}, {bind("", "s", "1"), execute("", 0), syncing}}},
	{"savepoints", []frames{{query("BEGIN; SAVEPOINT a")}, {parse("s", "SELECT predict('double', 1 / $1::int)"), bind("", "s", "0"), execute("", 0), syncing}, {query("ROLLBACK TO a")}, {bind("", "s", "1"), execute("", 0), syncing}, {query("COMMIT")}}},
	{"BEGIN and COMMIT by messages", []frames{{parse("", "BEGIN"), bind("", ""), execute("", 0), parse("", "SELECT predict('double', 1)"), bind("", ""), execute("", 0), syncing}, {parse("", "COMMIT"), bind("", ""), execute("", 0), parse("", "SELECT predict('double', 2)"), bind("", ""), execute("", 0), syncing}}},
	{"SET LOCAL and a setting that is reported", []frames{{parse("", "SET TimeZone = 'Asia/Tokyo'"), bind("", ""), execute("", 0), parse("", "SELECT predict('id_timestamptz', '2024-01-01 00:00+00')"), bind("", ""), execute("", 0), syncing}, {query("SELECT predict('id_timestamptz', '2024-01-01 00:00+00')")}}},
	{"DISCARD ALL", []frames{{parse("s", doubled), syncing}, {query("DISCARD ALL")}, {bind("", "s", "1"), execute("", 0), syncing}, {parse("s", doubled), bind("", "s", "1"), execute("", 0), syncing}}},
	{"DEALLOCATE of a parsed statement", []frames{{parse("s", doubled), syncing}, {query("DEALLOCATE s")}, {bind("", "s", "1"), execute("", 0), syncing}, {parse("s", doubled), bind("", "s", "1"), execute("", 0), syncing}}},
	{"EXECUTE of a parsed statement", []frames{{parse("s", doubled), syncing}, {query("EXECUTE s (2)")}}},
	{"PREPARE then Bind", []frames{{query("PREPARE s (int) AS SELECT predict('double', $1)")}, {bind("", "s", "21"), describe('P', ""), execute("", 0), syncing}, {describe('S', "s"), syncing}}},
	{"a statement whose table changes", []frames{{query("CREATE TEMP TABLE w AS SELECT 1 AS id, 'x'::text AS name")}, {parse("s", "SELECT *, predict('double', id) FROM w"), bind("", "s"), execute("", 0), syncing}, {query("ALTER TABLE w ADD extra int")}, {bind("", "s"), execute("", 0), syncing}, {query("SELECT predict('double', 1)")}}},
	{"a statement whose table is gone", []frames{{query("CREATE TEMP TABLE w AS SELECT 1 AS id")}, {parse("s", "WITH x AS (SELECT id FROM w) SELECT predict('double', id) FROM x"), syncing}, {query("DROP TABLE w")}, {bind("", "s"), execute("", 0), syncing}, {query("SELECT predict('double', 1)")}}},
	{"row limits over a large result", []frames{{parse("", "SELECT i, predict('double', i) FROM generate_series(1, 20000) i"), bind("", ""), execute("", 9999), execute("", 9999), execute("", 9999), syncing}}},
	{"Sync alone, often", []frames{{syncing, syncing, syncing}, {query("SELECT predict('double', 1)")}}},
	{"a statement without rows", []frames{{parse("", "SELECT predict('double', k) FROM empty"), bind("", ""), describe('P', ""), execute("", 0), syncing}, {parse("", "SELECT predict('double', k) FROM empty"), bind("", ""), execute("", 1), syncing}}},
	{"LIMIT as a parameter over a filter", []frames{{parse("s", "SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT $1 OFFSET $2"), describe('S', "s"), bind("", "s", "2", "1"), execute("", 0), bind("", "s", "NULL", "97"), execute("", 0), syncing}, {bind("", "s", "-1", "0"), execute("", 0), syncing}, {bind("", "s", "1", "-1"), execute("", 0), syncing}}},
}

// TestExtendedProtocol plays each exchange to the proxy and to PostgreSQL and compares every message.
func TestExtendedProtocol(t *testing.T) {
	eachTarget(t, func(t *testing.T, on *target) {
		for _, c := range wireCases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				same(t, c.name, play(t, on, c.steps), play(t, world.direct, c.steps))
			})
		}
	})
}

// play sends the steps on a session of its own and gives the transcript, with the rows of a failing statement left out.
func play(t *testing.T, on *target, steps []frames) []string {
	t.Helper()
	s := on.open(t)
	var got []string
	for _, step := range steps {
		n := 0
		for _, m := range step {
			switch m.(type) {
			case *pgproto3.Sync, *pgproto3.Query:
				n++
			}
		}
		got = append(got, s.exchange(t, n, step...)...)
	}
	return testCase{}.settle(got, true)
}
