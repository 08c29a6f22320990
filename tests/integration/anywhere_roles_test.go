package integration

import (
	"slices"
	"strings"
	"testing"
)

// readerPassword is the password of the role reader, which owns nothing.
const readerPassword = "77ab-reader-word"

// secretsSQL makes a table of which reader may see its own rows and not the column hidden, and views over it.
const secretsSQL = `
CREATE TABLE secrets (id int PRIMARY KEY, owner text NOT NULL, k int NOT NULL, hidden int NOT NULL);
INSERT INTO secrets SELECT i, CASE WHEN i % 4 = 0 THEN 'reader' ELSE 'other' END, i, i + 1000 FROM generate_series(1, 20) i;
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secrets USING (owner = current_user);
GRANT SELECT (id, owner, k), INSERT, UPDATE (k), DELETE ON secrets TO reader;
CREATE TABLE facts AS SELECT id, owner, k FROM secrets;
CREATE VIEW own_facts WITH (security_barrier) AS SELECT id, k FROM facts WHERE owner = 'reader';
GRANT SELECT ON own_facts TO reader;
GRANT SELECT ON item TO reader;
`

// roleStatements are run by reader, each in a transaction that is rolled back.
var roleStatements = []string{
	"SELECT predict('even', k), count(*) FROM secrets GROUP BY 1 ORDER BY 1",
	"SELECT id FROM secrets WHERE predict('f', k) > 3 ORDER BY predict('g', k) DESC",
	"SELECT id, (SELECT max(predict('f', s.k)) FROM secrets s WHERE s.k <= t.k) FROM secrets t ORDER BY id",
	"SELECT sum(predict('f', hidden)) FROM secrets",
	"SELECT id FROM secrets ORDER BY predict('f', hidden)",
	"SELECT id FROM secrets GROUP BY id HAVING predict('f', max(hidden)) > 0",
	"SELECT predict('f', k) FROM facts ORDER BY predict('f', k)",
	"SELECT id FROM own_facts WHERE predict('even', k) ORDER BY predict('f', k), id",
	"UPDATE secrets SET k = predict('g', k) WHERE predict('even', k) RETURNING id, k",
	"UPDATE secrets SET hidden = predict('f', k)",
	"DELETE FROM secrets WHERE predict('low', k) RETURNING id",
	"INSERT INTO secrets SELECT 21, 'reader', predict('f', 5), 0",
	"INSERT INTO secrets SELECT 21, 'other', predict('f', 5), 0",
	"SELECT max(predict('f', k)), current_user, session_user = current_user FROM item",
	"CREATE TEMP TABLE w AS SELECT id, predict('f', k) AS p FROM secrets",
}

// readersTarget is a target as the role reader logs in to it.
func readersTarget(on *target) *target {
	as := *on
	as.user, as.password = "reader", readerPassword
	return &as
}

// makeReader makes the role reader on the server of the tests, and its tables and rights in the database of each target, which
// have to be there.
func makeReader(t *testing.T, databases ...*target) {
	t.Helper()
	super := &target{name: "super", addr: world.oracle.addr(), user: "postgres", password: superPassword, database: "postgres"}
	super.exec(t, "CREATE ROLE reader LOGIN PASSWORD '"+readerPassword+"'; GRANT reader TO app")
	for _, on := range databases {
		on.exec(t, secretsSQL)
		if on.functions {
			on.exec(t, "GRANT USAGE ON SCHEMA m_f, m_g, m_even, m_low TO reader")
		}
	}
}

// TestRolesAnywhere runs statements as a role that may see some rows and some columns, logged in as that role and by SET ROLE,
// and wants the model to see no row that the role must not. The proxy's own PostgreSQL has a single role.
func TestRolesAnywhere(t *testing.T) {
	t.Parallel()
	l := taggedLab(t)
	i := slices.IndexFunc(l.targets, func(on *target) bool { return on.proxy != nil && on.proxy.opts.databackend != nil })
	if i < 0 {
		t.Skip("no proxy before a server with roles in this run")
	}
	on := l.targets[i]
	on.showLogOnFailure(t)
	makeReader(t, l.oracle, on)
	for _, how := range []string{"login", "SET ROLE"} {
		t.Run(how, func(t *testing.T) { same(t, how, asReader(t, on, how), asReader(t, l.oracle, how)) })
	}
	t.Run("rows that are not seen", func(t *testing.T) {
		m := count(t, on, "f", "seen", "")
		s := readersTarget(on).open(t)
		s.mustQuery(t, "SELECT id FROM secrets WHERE predict('seen', k) > 0 ORDER BY predict('seen', k)")
		s.mustQuery(t, "SELECT id FROM own_facts WHERE predict('seen', k) > 0 ORDER BY predict('seen', k)")
		s.query(t, "SELECT predict('seen', k) FROM facts ORDER BY 1")
		s.query(t, "SELECT sum(predict('seen', hidden)) FROM secrets")
		seen := map[string]bool{}
		rows := s.mustQuery(t, "SELECT ARRAY[k::text] FROM secrets UNION SELECT ARRAY[k::text] FROM own_facts")
		for _, line := range rows {
			seen[strings.NewReplacer("DataRow ", "", `"{`, `["`, `}"`, `"]`).Replace(line)] = true
		}
		asked := m.asked(t).tuples
		for _, tuple := range asked {
			if !seen[tuple] {
				t.Errorf("the model was asked %s, which reader must not see", tuple)
			}
		}
		if len(asked) == 0 {
			t.Error("the model was asked nothing")
		}
	})
}

// asReader runs roleStatements as reader, each in a transaction and alone, and gives the transcript.
func asReader(t *testing.T, on *target, how string) []string {
	t.Helper()
	s := readersTarget(on).open(t)
	if how == "SET ROLE" {
		s = on.open(t)
		s.mustQuery(t, "SELECT max(predict('f', k)) FROM item")
		s.mustQuery(t, "SET ROLE reader")
	}
	var got []string
	for _, sql := range roleStatements {
		for _, one := range []string{"BEGIN", sql, "ROLLBACK", sql} {
			got = append(got, testCase{}.settle(s.query(t, one), false)...)
		}
	}
	if how == "SET ROLE" {
		s.mustQuery(t, "RESET ROLE")
		got = append(got, s.query(t, "SELECT count(*), max(predict('g', k)) FROM item")...)
	}
	return got
}
