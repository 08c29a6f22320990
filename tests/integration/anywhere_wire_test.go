package integration

import "testing"

// The statements of anywhereWireCases: one that groups, and one that writes.
const (
	grouped = "SELECT predict('f', k), count(*) FROM item WHERE id <= $1 GROUP BY 1 ORDER BY 1"
	writing = "INSERT INTO w SELECT id, predict('g', k) FROM item WHERE id <= $1"
	makeW   = "CREATE TEMP TABLE w (id int, p int)"
	sumW    = "SELECT count(*), sum(p) FROM w"
)

// anywhereWireCases are exchanges of the extended protocol with calls that cannot be streamed; see wireCases.
var anywhereWireCases = []struct {
	name  string
	steps []frames
}{
	{"the four messages", []frames{{parse("", grouped), bind("", "", "30"), describe('P', ""), execute("", 0), syncing}}},
	{"describe before bind", []frames{{parse("s", grouped), describe('S', "s"), syncing}, {bind("", "s", "30"), execute("", 0), syncing}}},
	{"a statement again and again", []frames{{parse("s", grouped), syncing}, {bind("", "s", "1"), execute("", 0), bind("", "s", "20"), execute("", 0), syncing},
		{bind("", "s", "NULL"), execute("", 0), syncing}, {bind("", "s", "4"), describe('P', ""), execute("", 0), syncing}}},
	{"declared types", []frames{{parse("", "SELECT max(predict('plus', $1, k)), max($2) FROM item WHERE predict('even', k)", 23, 25), describe('S', ""), bind("", "", "4", "x"), execute("", 0), syncing}}},
	{"formats for each column", []frames{{parse("", "SELECT predict('f', k), count(*), predict('shout', k::text) FROM item GROUP BY k ORDER BY predict('f', k)"),
		asking(bind("", ""), 1, 0, 1), describe('P', ""), execute("", 0), syncing}}},
	{"row limits", []frames{{parse("", grouped), bind("", "", "30"), execute("", 4), execute("", 4), execute("", 4), syncing}}},
	{"a row limit that is just reached", []frames{{parse("", grouped), bind("", "", "4"), execute("", 4), execute("", 4), syncing}}},
	{"row limits over exchanges in a transaction", []frames{{query("BEGIN")}, {parse("", grouped), bind("p", "", "30"), execute("p", 3), syncing}, {execute("p", 3), syncing},
		{query("SELECT max(predict('f', k)) FROM item")}, {execute("p", 3), syncing}, {execute("p", 3), syncing}, {closing('P', "p"), syncing}, {execute("p", 3), syncing}, {query("ROLLBACK")}}},
	{"two portals by turns", []frames{{query("BEGIN")}, {parse("a", grouped), bind("p1", "a", "30"), bind("p2", "a", "25"), syncing},
		{execute("p1", 2), execute("p2", 2), execute("p1", 3), syncing}, {execute("p2", 0), execute("p1", 0), syncing}, {query("COMMIT")}}},
	{"a portal does not see later writes", []frames{{query("CREATE TEMP TABLE w AS SELECT id, k FROM item WHERE id < 10")}, {query("BEGIN")}, {parse("", "SELECT id, k FROM w ORDER BY predict('f', k), id"), bind("p", ""), execute("p", 3), syncing},
		{query("UPDATE w SET k = k + 100")}, {execute("p", 0), syncing}, {query("COMMIT")}}},
	{"a portal that is closed while it is suspended", []frames{{parse("", grouped), bind("p", "", "30"), execute("p", 3), closing('P', "p"), execute("p", 3), syncing}, {query("SELECT max(predict('f', k)) FROM item")}}},
	{"a write", []frames{{query(makeW)}, {parse("s", writing), describe('S', "s"), bind("", "s", "12"), describe('P', ""), execute("", 0), syncing}, {bind("", "s", "3"), execute("", 0), syncing}, {query(sumW)}}},
	{"a write with RETURNING and a row limit", []frames{{query(makeW)}, {parse("", writing+" RETURNING id, predict('f', p)"), bind("", "", "7"), execute("", 3), execute("", 0), syncing}, {query(sumW)}}},
	{"a write whose rest is not fetched", []frames{{query(makeW)}, {parse("", writing+" RETURNING id"), bind("", "", "7"), execute("", 3), syncing}, {query(sumW)}}},
	{"a batch is one transaction", []frames{{query(makeW)}, {parse("", writing), bind("", "", "12"), execute("", 0), parse("", "SELECT sum(predict('f', p)) FROM w"), bind("", ""), execute("", 0),
		parse("", "SELECT 1/0"), bind("", ""), execute("", 0), syncing}, {query(sumW)}}},
	{"a batch that succeeds", []frames{{query(makeW)}, {parse("s", writing), bind("", "s", "12"), execute("", 0), bind("", "s", "2"), execute("", 0), parse("", "UPDATE w SET p = predict('f', p) + 1"), bind("", ""), execute("", 0),
		parse("", "SELECT sum(predict('f', p)) FROM w"), bind("", ""), execute("", 0), syncing}, {query(sumW)}}},
	{"an error of a call undoes its batch", []frames{{query(makeW)}, {parse("", "INSERT INTO w VALUES (1, 1)"), bind("", ""), execute("", 0), parse("", "INSERT INTO w SELECT 1 / id, predict('f', id) FROM w UNION ALL SELECT 1 / (id - 1), predict('f', id) FROM w"), bind("", ""), execute("", 0), syncing}, {query(sumW)}}},
	{"after an error everything is discarded up to Sync", []frames{{parse("", "SELECT max(predict('f', nocolumn)) FROM item"), bind("", ""), describe('P', ""), execute("", 0), parse("t", grouped), bind("", "t", "3"), execute("", 0), syncing},
		{bind("", "t", "3"), execute("", 0), syncing}, {parse("", grouped), bind("", "", "3"), execute("", 0), syncing}}},
	{"a pipeline", []frames{{query(makeW), parse("", writing), bind("", "", "3"), execute("", 0), syncing, parse("", sumW), bind("", ""), execute("", 0), syncing, parse("", "DELETE FROM w WHERE predict('even', p) AND id > 1"), bind("", ""), execute("", 0), syncing,
		parse("", grouped), bind("", "", "30"), execute("", 2), syncing, query(sumW)}}},
	{"a pipeline with errors", []frames{{query(makeW), parse("", writing), bind("", "", "3"), execute("", 0), syncing, parse("", "UPDATE w SET p = 1 / (predict('f', p) - 2)"), bind("", ""), execute("", 0), syncing, query(sumW),
		parse("", "SELECT 1/0"), bind("", ""), execute("", 0), parse("", writing), bind("", "", "9"), execute("", 0), syncing, query(sumW)}}},
	{"Query and extended in one pipeline", []frames{{query("BEGIN"), parse("s", grouped), bind("", "s", "12"), execute("", 0), syncing, query("SELECT max(predict('f', k)) FROM item"), bind("", "s", "1"), execute("", 0), syncing, query("COMMIT")}}},
	{"a failed transaction", []frames{{query("BEGIN")}, {parse("s", grouped), syncing}, {query("SELECT 1/0")}, {parse("", grouped), bind("", "", "1"), execute("", 0), syncing}, {bind("", "s", "1"), execute("", 0), syncing},
		{query("SELECT max(predict('f', k)) FROM item")}, {query("ROLLBACK")}, {bind("", "s", "1"), execute("", 0), syncing}}},
	{"savepoints", []frames{{query("BEGIN; SAVEPOINT a")}, {parse("s", "SELECT sum(10 / (predict('f', k) - $1::int)) FROM item"), bind("", "s", "5"), execute("", 0), syncing}, {query("ROLLBACK TO a")}, {bind("", "s", "11"), execute("", 0), syncing}, {query("COMMIT")}}},
	{"BEGIN and COMMIT by messages", []frames{{query(makeW)}, {parse("", "BEGIN"), bind("", ""), execute("", 0), parse("", writing), bind("", "", "5"), execute("", 0), syncing}, {parse("", "COMMIT"), bind("", ""), execute("", 0), parse("", "SELECT sum(predict('f', p)) FROM w"), bind("", ""), execute("", 0), syncing}}},
	{"DISCARD ALL", []frames{{parse("s", grouped), bind("", "s", "1"), execute("", 0), syncing}, {query("DISCARD ALL")}, {bind("", "s", "1"), execute("", 0), syncing}, {parse("s", grouped), bind("", "s", "1"), execute("", 0), syncing}}},
	{"EXECUTE of a parsed statement", []frames{{parse("s", grouped), syncing}, {query("EXECUTE s (12)")}}},
	{"PREPARE then Bind", []frames{{query("PREPARE s (int) AS " + grouped)}, {bind("", "s", "21"), describe('P', ""), execute("", 0), syncing}, {describe('S', "s"), syncing}}},
	{"a statement whose table changes", []frames{{query("CREATE TEMP TABLE w AS SELECT 1 AS id, 'x'::text AS name")}, {parse("s", "SELECT * FROM w ORDER BY predict('f', id)"), bind("", "s"), execute("", 0), syncing}, {query("ALTER TABLE w ADD extra int")}, {bind("", "s"), execute("", 0), syncing}, {query("SELECT 1")}}},
	{"a cursor by messages", []frames{{query("BEGIN")}, {parse("", "DECLARE c CURSOR FOR SELECT id, predict('f', k) FROM item ORDER BY predict('even', k), id"), bind("", ""), execute("", 0), syncing}, {parse("", "FETCH 3 FROM c"), describe('S', ""), bind("", ""), execute("", 0), syncing},
		{parse("", "MOVE 2 IN c"), bind("", ""), execute("", 0), syncing}, {parse("", "FETCH 5 FROM c"), bind("", ""), execute("", 2), execute("", 0), syncing}, {query("COMMIT")}}},
	{"a statement without rows", []frames{{parse("", "SELECT predict('f', k) FROM empty ORDER BY predict('g', k)"), bind("", ""), describe('P', ""), execute("", 0), syncing}, {parse("", "SELECT predict('f', k) FROM empty ORDER BY predict('g', k)"), bind("", ""), execute("", 1), syncing}}},
}

// TestAnywhereExtendedProtocol plays each exchange to the proxy and to PostgreSQL and compares every message.
func TestAnywhereExtendedProtocol(t *testing.T) {
	eachTagged(t, func(t *testing.T, on *target) {
		for _, c := range anywhereWireCases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				same(t, c.name, play(t, on, c.steps), play(t, taggedLab(t).oracle, c.steps))
			})
		}
	})
}
