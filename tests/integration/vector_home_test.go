package integration

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	shared "github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// circle makes a table of points on a circle: which ones are the nearest is sure.
const circle = "INSERT INTO point SELECT i, ARRAY[cos(i * 0.0005), sin(i * 0.0005)]::real[] FROM generate_series(%d, %d) i"

// around asks for the points nearest to one, which has the number at.
func (t *target) around(tb testing.TB, index string, at, n int, want string) {
	tb.Helper()
	query := t.value(tb, fmt.Sprintf("SELECT ARRAY[cos(%d.2 * 0.0005), sin(%[1]d.2 * 0.0005)]::real[]::text", at))
	t.eventually(tb, fmt.Sprintf("SELECT string_agg(id::text, ' ' ORDER BY score DESC) FROM nearest('%s', '%s', %d)", index, query, n), "[["+want+"]]")
}

// TestVectorIndexAtHome: on a PostgreSQL with pgvector the index lies there. Two proxies share it, and when the one that keeps
// it is killed the other goes on.
func TestVectorIndexAtHome(t *testing.T) {
	t.Parallel()
	if world.bin == "" {
		t.Skip("no proxy to test in this run")
	}
	dir, err := os.MkdirTemp("", "pinnacle-pgvector-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the server's user is another
		t.Fatal(err)
	}
	server, err := shared.StartScript(t.Context(), "postgres", dir, "VERSION=18")
	if err != nil {
		t.Skipf("no PostgreSQL with pgvector can be had: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	home := &target{name: "pgvector", addr: "127.0.0.1:" + strconv.Itoa(server.Port), user: "postgres", password: superPassword, database: "postgres"}
	args := []string{"--metadata-store", "databackend"}
	first, one := spare(t, proxyOptions{name: "first", databackend: home, args: args})
	_, two := spare(t, proxyOptions{name: "second", databackend: home, args: args})

	one.exec(t, "CREATE TABLE point (id int PRIMARY KEY, v real[])")
	one.exec(t, fmt.Sprintf(circle, 1, 5000))
	one.exec(t, "CREATE VECTOR INDEX points ON point (v)")
	for _, on := range []*target{one, two} {
		on.eventually(t, "SELECT state, place, captured, vectors FROM pinnacle.vector_index_stats WHERE name = 'points'", "[[ready home t 5000]]")
		on.around(t, "points", 3000, 4, "3000 3001 2999 3002")
	}
	plan := fmt.Sprint(one.rows(t, "EXPLAIN SELECT p.* FROM nearest('points', '{1,0}'::real[], 5) AS n JOIN point AS p USING (id)"))
	if !strings.Contains(plan, "Vector Index: points (in pinnacle_vectors.") || !strings.Contains(plan, "_hnsw") {
		t.Errorf("home's index is not in the plan:\n%s", strings.ReplaceAll(plan, "] [", "\n"))
	}
	// More rows than the beam is wide; a row's key; a row of another table each.
	if n := one.value(t, "SELECT count(*) FROM nearest('points', '{1,0}'::real[], 1500)"); n != "1500" {
		t.Errorf("%s rows, want 1500", n)
	}
	if ids := one.value(t, "SELECT string_agg(n.id::text, ' ' ORDER BY p.id, n.score DESC, n.id) FROM point AS p, nearest('points', key => p.id, n => 1) AS n WHERE p.id IN (7, 900)"); ids != "7 900" {
		t.Errorf("the rows nearest to two of them: %s", ids)
	}
	if ids := fmt.Sprint(one.rows(t, "SELECT id FROM point AS p WHERE id % 1000 = 1 ORDER BY similarity('points', p, '{1,0}'::real[]) DESC LIMIT 3")); ids != "[[1] [1001] [2001]]" {
		t.Errorf("under a condition that leaves few: %s", ids)
	}
	if ids := fmt.Sprint(two.rows(t, "SELECT id FROM point AS p WHERE id % 2 = 1 ORDER BY similarity('points', p, '{1,0}'::real[]) DESC LIMIT 3")); ids != "[[1] [3] [5]]" {
		t.Errorf("under a condition that leaves many: %s", ids)
	}
	// Changes, by whatever way, and in a transaction that commits late.
	two.exec(t, "DELETE FROM point WHERE id = 3001")
	home.exec(t, "UPDATE point SET v = '{0,0}' WHERE id = 2999")
	one.around(t, "points", 3000, 3, "3000 3002 2998")
	two.around(t, "points", 3000, 3, "3000 3002 2998")
	if err := first.kill(); err != nil {
		t.Fatal(err)
	}
	two.exec(t, "DELETE FROM point WHERE id = 3000")
	two.around(t, "points", 3000, 3, "3002 2998 3003")
	if err := first.start(); err != nil {
		t.Fatal(err)
	}
	one.eventually(t, "SELECT state FROM pinnacle.vector_index_stats WHERE name = 'points'", "[[ready]]")
	one.around(t, "points", 3000, 3, "3002 2998 3003")
	one.exec(t, "DROP VECTOR INDEX points")
	withoutExtension(t, server)
	home.eventually(t, "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'pinnacle_vectors'::regnamespace AND relname ~ '_1$|_hnsw'), (SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'pinnacle%')", "[[0 0]]")
}

// withoutExtension: on a PostgreSQL that has pgvector installed, but does not let the proxy's role CREATE EXTENSION, an index
// lies in the proxy, and one that is to lie at home says why it does not, until somebody has made the extension.
func withoutExtension(t *testing.T, server *shared.Script) {
	t.Helper()
	super := &target{name: "modest", addr: "127.0.0.1:" + strconv.Itoa(server.Port), user: "postgres", password: superPassword, database: "postgres"}
	super.exec(t, "CREATE ROLE modest LOGIN PASSWORD '"+superPassword+"'")
	super.exec(t, "CREATE DATABASE modest")
	super.database = "modest"
	super.exec(t, "CREATE SCHEMA pinnacle_vectors AUTHORIZATION modest; CREATE SCHEMA own AUTHORIZATION modest")
	super.exec(t, "CREATE TABLE own.point (id int PRIMARY KEY, v real[]); ALTER TABLE own.point OWNER TO modest; INSERT INTO own.point VALUES (1, '{1,0}'), (2, '{0,1}')")
	role := *super
	role.user = "modest"
	_, on := spare(t, proxyOptions{name: "modest", databackend: &role})
	client := *on // what the proxy does itself, it does as modest; components are made by a role that may
	client.user = "postgres"
	client.exec(t, "CREATE VECTOR INDEX anywhere ON own.point (v)")
	client.eventually(t, "SELECT state, place, captured, vectors FROM pinnacle.vector_index_stats WHERE name = 'anywhere'", "[[ready proxy t 2]]")
	client.exec(t, "CREATE VECTOR INDEX inside ON own.point (v) WITH (place = 'home')")
	client.eventually(t, "SELECT state, error LIKE '%permission denied to create extension \"vector\"%' FROM pinnacle.vector_index_stats WHERE name = 'inside'", "[[failing t]]")
	client.open(t).wantError(t, "SELECT * FROM nearest('inside', '{1,0}'::real[])", "55000", "inside")
	super.exec(t, "CREATE EXTENSION vector")
	client.eventually(t, "SELECT state, place, vectors FROM pinnacle.vector_index_stats WHERE name = 'inside'", "[[ready home 2]]")
	client.around(t, "inside", 1, 1, "1")
	client.around(t, "anywhere", 1, 1, "1")
}

// TestVectorIndexWithoutPgvector: where there is no pgvector an index lies in the proxy, and says so where it is to lie at home.
func TestVectorIndexWithoutPgvector(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		if on.value(t, "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'") != "0" {
			t.Skip("this PostgreSQL has pgvector")
		}
		on.exec(t, "CREATE TABLE lonely (id int PRIMARY KEY, v real[])")
		on.exec(t, "INSERT INTO lonely VALUES (1, '{1,0}'), (2, '{0,1}')")
		on.exec(t, "CREATE VECTOR INDEX lonely_auto ON lonely (v)")
		on.exec(t, "CREATE VECTOR INDEX lonely_home ON lonely (v) WITH (place = 'home')")
		on.eventually(t, "SELECT state, place, vectors FROM pinnacle.vector_index_stats WHERE name = 'lonely_auto'", "[[ready proxy 2]]")
		on.eventually(t, "SELECT state, error LIKE '%no extension vector%' FROM pinnacle.vector_index_stats WHERE name = 'lonely_home'", "[[failing t]]")
		on.open(t).wantError(t, "SELECT * FROM nearest('lonely_home', '{1,0}'::real[])", "55000", "lonely_home")
		on.around(t, "lonely_auto", 1, 1, "1")
		for _, sql := range []string{"DROP VECTOR INDEX lonely_home", "DROP VECTOR INDEX lonely_auto", "DROP TABLE lonely"} {
			on.exec(t, sql)
		}
	})
}

// TestVectorIndexKilled kills the proxy while it builds an index and while it adds to it.
func TestVectorIndexKilled(t *testing.T) {
	t.Parallel()
	p, on := spare(t, proxyOptions{})
	on.exec(t, "CREATE TABLE point (id int PRIMARY KEY, v real[])")
	on.exec(t, fmt.Sprintf(circle, 1, 4000))
	on.exec(t, "CREATE VECTOR INDEX points ON point (v)")
	again := func() {
		t.Helper()
		if err := p.kill(); err != nil {
			t.Fatal(err)
		}
		if err := p.start(); err != nil {
			t.Fatal(err)
		}
	}
	again()
	on.eventually(t, "SELECT state, vectors FROM pinnacle.vector_index_stats WHERE name = 'points'", "[[ready 4000]]")
	on.around(t, "points", 2000, 3, "2000 2001 1999")
	for i := range 3 {
		low := 4001 + 400*i
		on.exec(t, fmt.Sprintf(circle, low, low+399))
		on.exec(t, fmt.Sprintf("DELETE FROM point WHERE id = %d", 2000-i))
		again()
		on.eventually(t, "SELECT vectors FROM pinnacle.vector_index_stats WHERE name = 'points'", fmt.Sprintf("[[%d]]", low+399-i-1))
		on.around(t, "points", low+100, 2, fmt.Sprintf("%d %d", low+100, low+101))
		on.around(t, "points", 2000, 2, fmt.Sprintf("%d %d", 2001, map[int]int{0: 1999, 1: 2002, 2: 2002}[i]))
	}
}
