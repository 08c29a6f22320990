package planner_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

var (
	roundsSeed       = flag.Uint64("seed", 1, "the random statements of TestDemandRounds")
	roundsStatements = flag.Int("statements", 150, "how many of them")
)

// roundsCatalog is a planner.Catalog of the models f and g, of one argument, and h, of two; g answers NULL too.
type roundsCatalog struct{ catalog }

// Model implements planner.Catalog.
func (roundsCatalog) Model(name string, _ int) (*datalayer.ModelVersion, error) {
	m := &datalayer.ModelVersion{Name: name, Version: 1, Returns: udf.Int4, Deterministic: true, NullOnNull: name != "g",
		Hash: strings.Repeat(fmt.Sprintf("%x", name), 32), Args: []udf.Arg{{Name: "x", Type: udf.Int4}}}
	if name == "h" {
		m.Args = append(m.Args, udf.Arg{Name: "y", Type: udf.Int4})
	}
	return m, nil
}

// roundsSetup makes the tables and, as SQL functions, what the models answer.
const roundsSetup = `
CREATE TEMP TABLE t AS SELECT i AS id, nullif((i * 7) % 11, 3) AS k, i % 3 AS c FROM generate_series(1, 12) i;
CREATE TEMP TABLE u AS SELECT i AS a, nullif((i * 5) % 7, 2) AS b FROM generate_series(0, 7) i;
CREATE TEMP TABLE x AS TABLE t;
ANALYZE t; ANALYZE u; ANALYZE x;
CREATE TEMP TABLE answers (asked text PRIMARY KEY, answer int);
CREATE FUNCTION pg_temp.f(x int) RETURNS int IMMUTABLE STRICT LANGUAGE sql AS
	'SELECT CASE WHEN x % 7 = 5 THEN NULL ELSE (abs(x) * 7 + 3) % 5 END';
CREATE FUNCTION pg_temp.g(x int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT coalesce(abs(x) % 4, 2)';
CREATE FUNCTION pg_temp.h(x int, y int) RETURNS int IMMUTABLE STRICT LANGUAGE sql AS 'SELECT (abs(x) * 3 + abs(y)) % 5';
CREATE FUNCTION public.predict(m text, x int) RETURNS int IMMUTABLE LANGUAGE sql AS
	'SELECT CASE m WHEN ''f'' THEN CASE WHEN x % 7 = 5 THEN NULL ELSE (abs(x) * 7 + 3) % 5 END ELSE coalesce(abs(x) % 4, 2) END';
CREATE FUNCTION public.predict(m text, x int, y int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT (abs(x) * 3 + abs(y)) % 5';
SET statement_timeout = '3s'`

// rounds runs plans by demand rounds on a PostgreSQL, with functions that tell in notices what they are asked.
type rounds struct {
	t     *testing.T
	conn  *pgx.Conn
	asked []ask // of the current statement
}

// ask is one call of a temporary function: what of which model.
type ask struct{ function, what string }

// TestDemandRounds holds rewritten statements and their ranks against PostgreSQL: a random statement with SQL functions in
// place of the models gives the same columns and rows as its plan run in rounds, and the rounds ask for little that a run
// with all answers at hand does not. What they ask too much comes from orders of evaluation that only the server's plan
// tells; statements that may end early are left out of that.
func TestDemandRounds(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} { // the server has another user
		if err := os.Chmod(d, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	server, err := lab.StartPostgres(ctx, filepath.Join(dir, "postgres"), "fsync=off", "jit=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	r := &rounds{t: t}
	r.connect(ctx, server.URL("postgres"))
	g := &texts{r: rand.New(rand.NewPCG(*roundsSeed, 0))}
	needed, extra, checked := 0, 0, 0
	for i := range *roundsStatements {
		text := g.statement()
		if i%4 == 3 {
			text = g.writing()
		}
		if !strings.Contains(text, "predict") || len(text) > 2000 {
			continue
		}
		n, over, ok := r.check(ctx, text)
		if ok {
			needed, extra, checked = needed+n, extra+over, checked+1
		}
	}
	t.Logf("%d statements, %d arguments needed, %d asked too much", checked, needed, extra)
	if checked < *roundsStatements/2 || extra*20 > needed {
		t.Errorf("of %d statements %d were right; of %d arguments needed, %d more were asked", *roundsStatements, checked, needed, extra)
	}
}

func (r *rounds) connect(ctx context.Context, url string) {
	r.t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		r.t.Fatal(err)
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if function, what, ok := strings.Cut(n.Message, "|"); ok {
			r.asked = append(r.asked, ask{function, what})
		}
	}
	if r.conn, err = pgx.ConnectConfig(ctx, cfg); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { r.conn.Close(context.WithoutCancel(ctx)) })
	r.exec(ctx, roundsSetup)
}

func (r *rounds) exec(ctx context.Context, text string) {
	r.t.Helper()
	if _, err := r.conn.Exec(ctx, text); err != nil {
		r.t.Fatalf("%s: %v", text, err)
	}
}

// run runs a statement in a transaction that is rolled back, and gives the columns' names and the rows, in one order; of a
// statement that writes, what is in x then.
func (r *rounds) run(ctx context.Context, text string, writes bool) (names, rows []string, err error) {
	r.asked = nil
	r.exec(ctx, "BEGIN")
	defer r.exec(ctx, "ROLLBACK")
	if names, rows, err = r.read(ctx, text); err == nil && writes {
		var after []string
		_, after, err = r.read(ctx, "SELECT * FROM x")
		rows = append(rows, after...)
	}
	slices.Sort(rows)
	return names, rows, err
}

func (r *rounds) read(ctx context.Context, text string) (names, rows []string, err error) {
	res, err := r.conn.Query(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	defer res.Close()
	for _, f := range res.FieldDescriptions() {
		names = append(names, f.Name)
	}
	for res.Next() {
		v, err := res.Values()
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, fmt.Sprint(v...))
	}
	return names, rows, res.Err()
}

// check plans a statement and runs it. It gives the number of arguments that it needs, how many were asked beyond them,
// and whether it could be run.
func (r *rounds) check(ctx context.Context, text string) (needed, extra int, ok bool) {
	script, err := sqlparse.Parse(text, sqlparse.DefaultLimits())
	if err != nil || script.Opaque {
		r.t.Fatalf("%s: %v", text, err)
	}
	st := script.Statements[0]
	req := planner.Request{Text: text, Span: st.Span, Node: st.Node, Calls: st.Calls}
	names, rows, err := r.run(ctx, text, st.Node.GetSelectStmt() == nil)
	if err != nil { // generated with a fault, or too slow
		return 0, 0, false
	}
	plan, asked := r.plan(ctx, req)
	if plan == nil {
		return 0, 0, false
	}
	answered, gotNames, gotRows := r.demand(ctx, text, plan)
	if fmt.Sprint(gotNames) != fmt.Sprint(names) {
		r.t.Errorf("%s\nhas the columns %q, not %q\n%s", text, gotNames, names, plan.Home)
	}
	if limited := strings.Contains(text, "LIMIT"); fmt.Sprint(gotRows) != fmt.Sprint(rows) && (!limited || len(gotRows) != len(rows)) {
		r.t.Errorf("%s\ngives %q, not %q\n%s", text, gotRows, rows, plan.Home)
	}
	if plan.Small {
		return 0, 0, true
	}
	for what := range answered {
		if !asked[what] {
			extra++
		}
	}
	if extra > 0 {
		r.t.Logf("%d arguments more than the %d needed: %s\n%s", extra, len(asked), text, describeShip(plan))
	}
	return len(asked), extra, true
}

// plan plans a statement and gives what it asks for when all answers are there; nil where home is too slow.
func (r *rounds) plan(ctx context.Context, req planner.Request) (*planner.Ship, map[string]bool) {
	for {
		plan, err := planner.PlanShip(req, roundsCatalog{})
		if err != nil {
			r.t.Fatalf("%s: %v", req.Text, err)
		}
		r.define(ctx, plan, "PERFORM pg_temp.tell('%[1]s', %[2]s); RETURN pg_temp.%[3]s(%[4]s);")
		_, _, err = r.run(ctx, plan.Home, false)
		switch {
		case err == nil:
			asked := map[string]bool{}
			for _, a := range r.asked {
				asked[a.what] = true
			}
			return plan, asked
		case strings.Contains(err.Error(), "42803") && !req.Shared:
			req.Shared = true
		case strings.Contains(err.Error(), "57014"):
			return nil, nil
		default:
			r.t.Errorf("%s\nonly the plan fails: %v\n%s", req.Text, err, plan.Home)
			return nil, nil
		}
	}
}

// define makes a plan's functions. body is formatted with the function's name, an expression of what is asked, the model
// and the arguments.
func (r *rounds) define(ctx context.Context, plan *planner.Ship, body string) {
	texts := []string{"CREATE OR REPLACE FUNCTION pg_temp.tell(f text, what text) RETURNS void STABLE LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE '%|%', f, what; END$$"}
	for _, f := range plan.Functions {
		declared, args := "x int", "x"
		if len(f.Model.Args) > 1 {
			declared, args = "x int, y int", "x, y"
		}
		strict := ""
		if f.Model.NullOnNull {
			strict = "STRICT"
		}
		what := fmt.Sprintf("format('pg_temp.%s(%s)', %s)", f.Model.Name, strings.Repeat(", %L::int", len(f.Model.Args))[2:], args)
		texts = append(texts, fmt.Sprintf("CREATE OR REPLACE FUNCTION pg_temp.%s(%s) RETURNS int STABLE %s COST 10000 LANGUAGE plpgsql AS $$DECLARE known record; BEGIN %s END$$",
			f.Name, declared, strict, fmt.Sprintf(body, f.Name, what, f.Model.Name, args)))
	}
	r.exec(ctx, strings.Join(texts, ";"))
}

// demand runs a plan in rounds: its demand statement, then the statement itself. It gives what was asked.
func (r *rounds) demand(ctx context.Context, text string, plan *planner.Ship) (answered map[string]bool, names, rows []string) {
	r.exec(ctx, "TRUNCATE answers")
	r.define(ctx, plan, "SELECT * INTO known FROM answers WHERE asked = %[2]s; IF NOT FOUND THEN PERFORM pg_temp.tell('%[1]s', %[2]s); RETURN NULL; END IF; RETURN known.answer;")
	answered = map[string]bool{}
	if plan.Demand != "" {
		if _, _, err := r.until(ctx, text, plan, plan.Demand, answered, false); err != nil {
			r.t.Errorf("%s\nthe demand statement fails: %v\n%s", text, err, plan.Demand)
		}
		before := len(answered)
		names, rows, err := r.until(ctx, text, plan, plan.Home, answered, plan.Writes)
		if err != nil || len(answered) > before {
			r.t.Errorf("%s\n%d arguments were not asked by the demand statement (%v)\n%s", text, len(answered)-before, err, plan.Demand)
		}
		return answered, names, rows
	}
	names, rows, err := r.until(ctx, text, plan, plan.Home, answered, plan.Writes)
	if err != nil {
		r.t.Errorf("%s\nfails in the last round: %v", text, err)
	}
	return answered, names, rows
}

// until runs a statement until it asks for nothing.
func (r *rounds) until(ctx context.Context, text string, plan *planner.Ship, statement string, answered map[string]bool, writes bool) (names, rows []string, err error) {
	rank := map[string]int{}
	for _, f := range plan.Functions {
		rank[f.Name] = f.Rank
	}
	for range 500 {
		if names, rows, err = r.run(ctx, statement, writes); len(r.asked) == 0 {
			return names, rows, err
		}
		lowest := rank[slices.MinFunc(r.asked, func(a, b ask) int { return rank[a.function] - rank[b.function] }).function]
		var answers []string
		for _, a := range r.asked {
			if rank[a.function] == lowest && !answered[a.what] {
				answered[a.what] = true
				answers = append(answers, fmt.Sprintf("('%s', %s)", strings.ReplaceAll(a.what, "'", "''"), a.what))
			}
		}
		if len(answers) == 0 {
			break
		}
		r.exec(ctx, "INSERT INTO answers VALUES "+strings.Join(answers, ", "))
	}
	r.t.Fatalf("%s\nasks for what was answered", text)
	return nil, nil, nil
}
