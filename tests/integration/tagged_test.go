package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// envTagged names a binary that was built with the tag testruntime; without it one is built when a test needs it.
const envTagged = "PINNACLE_TEST_TAGGED_BIN"

// tagged is a second lab, whose proxies have the runtime "test": models that count, fail, wait and change.
type tagged struct {
	once sync.Once
	err  error
	bin  string
	// oracle is a database of its own, where the models are SQL functions.
	oracle  *target
	targets []*target
}

// taggedModel is a model of the runtime "test" and its twin on the oracle.
type taggedModel struct {
	name, args, returns string
	// options are those of the runtime.
	options string
	// function is the twin: its language, properties and body, behind RETURNS type.
	function string
}

// taggedModels are the models that cases of the tagged lab may call. Those that fail do so with 38000.
var taggedModels = []taggedModel{
	{"f", "x int4", "int4", "compute = 'identity'", sqlBody("x")},
	{"g", "x int4", "int4", "compute = 'multiply', by = 2", sqlBody("x * 2")},
	{"low", "x int4", "bool", "compute = 'less', by = 5", sqlBody("x < 5")},
	{"even", "x int4", "bool", "compute = 'even'", sqlBody("x % 2 = 0")},
	{"maybe", "x int4", "int4", "compute = 'maybe', by = 3", sqlBody("CASE WHEN x % 3 <> 0 THEN x END")},
	{"plus", "a int4, b int4", "int4", "compute = 'sum'", sqlBody("a + b")},
	{"shout", "x text", "text", "compute = 'concat', by = '!'", sqlBody("x || '!'")},
	{"size", "x text", "int4", "compute = 'length'", sqlBody("length(x)")},
	{"seven", "", "int4", "compute = 'constant', by = 7", sqlBody("7")},
	{"nuls", "a int4, b int4", "int4", "compute = 'nulls', null_on_null = false",
		"LANGUAGE sql IMMUTABLE AS $$ SELECT num_nulls(a, b) $$"},
	{"wide", "x int8", "int8", "compute = 'identity'", sqlBody("x")},
	{"same_numeric", "x numeric", "numeric", "compute = 'identity'", sqlBody("x")},
	{"same_text", "x text", "text", "compute = 'identity'", sqlBody("x")},
	{"same_jsonb", "x jsonb", "jsonb", "compute = 'identity'", sqlBody("x")},
	{"same_ints", "x int4[]", "int4[]", "compute = 'identity'", sqlBody("x")},
	{"same_date", "x date", "date", "compute = 'identity'", sqlBody("x")},
	{"same_tz", "x timestamptz", "timestamptz", "compute = 'identity'", sqlBody("x")},
	{"same_float", "x float8", "float8", "compute = 'identity'", sqlBody("x")},
	{"same_bytea", "x bytea", "bytea", "compute = 'identity'", sqlBody("x")},
	{"same_time", "x time", "time", "compute = 'identity'", sqlBody("x")},
	{"same_interval", "x interval", "interval", "compute = 'identity'", sqlBody("x")},
	{"same_uuid", "x uuid", "uuid", "compute = 'identity'", sqlBody("x")},
	{"boom", "x int4", "int4", "compute = 'identity', fail = '13'",
		`LANGUAGE plpgsql IMMUTABLE STRICT AS $$ BEGIN IF x = 13 THEN RAISE 'boom' USING ERRCODE = '38000'; END IF; RETURN x; END $$`},
	{"inverse", "x int4", "int4", "compute = 'divide', by = 100, fail = '0'",
		`LANGUAGE plpgsql IMMUTABLE STRICT AS $$ BEGIN IF x = 0 THEN RAISE 'inverse' USING ERRCODE = '38000'; END IF; RETURN 100 / x; END $$`},
	{"draw", "x int4", "int4", "compute = 'count'", "LANGUAGE sql VOLATILE STRICT AS $$ SELECT (random() * 1000000)::int4 $$"},
}

// sqlBody is a strict, immutable SQL function of one expression.
func sqlBody(expression string) string {
	return "LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT " + expression + " $$"
}

// create is the statement that makes the model, under a name that may be another. more are further options.
func (m taggedModel) create(name, more string) string {
	return fmt.Sprintf("CREATE MODEL %s(%s) RETURNS %s USING test WITH (%s%s)", name, m.args, m.returns, m.options, more)
}

// twin is the SQL function that the model is on the oracle; see modelFunctions.
func (m taggedModel) twin() string {
	args := "model text"
	if m.args != "" {
		args += ", " + m.args
	}
	return fmt.Sprintf("CREATE SCHEMA m_%[1]s; CREATE FUNCTION m_%[1]s.predict(%[2]s) RETURNS %[3]s %[4]s;", m.name, args, m.returns, m.function)
}

// taggedLab starts the tagged lab when the first test wants it.
func taggedLab(t *testing.T) *tagged {
	t.Helper()
	l := &world.tagged
	l.once.Do(func() { l.err = l.start() })
	if l.err != nil {
		t.Fatalf("the proxies with the runtime for tests: %v", l.err)
	}
	return l
}

// start builds the binary and starts a proxy of each kind that the run is about. The proxies are stopped with the others.
func (l *tagged) start() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var err error
	if l.oracle, err = world.oracle.newTarget("tagged_direct", false); err != nil {
		return err
	}
	l.oracle.functions = true
	if err := l.oracle.load(ctx, taggedTables); err != nil {
		return err
	}
	for _, m := range taggedModels {
		if err := l.oracle.load(ctx, m.twin()); err != nil {
			return err
		}
	}
	if l.bin, err = taggedBinary(); err != nil {
		return err
	}
	for _, like := range world.targets {
		on, err := l.newTarget(ctx, like)
		if err != nil {
			return fmt.Errorf("%s: %w", like.name, err)
		}
		l.targets = append(l.targets, on)
	}
	return nil
}

// newTarget makes the twin of a target of the lab.
func (l *tagged) newTarget(ctx context.Context, like *target) (*target, error) {
	if like.proxy == nil {
		return l.oracle, nil
	}
	o := proxyOptions{name: like.name + "-tagged"}
	if like.proxy.opts.databackend != nil {
		var err error
		if o.databackend, err = world.oracle.newTarget("tagged_home", false); err != nil {
			return nil, err
		}
	}
	p, err := startProxy(l.bin, filepath.Join(world.dir, o.name), o)
	if p != nil {
		world.proxies = append(world.proxies, p)
	}
	if err != nil {
		return nil, err
	}
	on, err := p.target()
	if err != nil {
		return nil, err
	}
	if o.databackend == nil {
		if err := on.load(ctx, tablesSQL); err != nil {
			return nil, err
		}
	}
	if err := on.load(ctx, taggedTables); err != nil {
		return nil, err
	}
	for _, m := range taggedModels {
		if err := on.load(ctx, m.create(m.name, "")); err != nil {
			return nil, err
		}
	}
	return on, nil
}

// taggedBinary is the proxy with the runtime for tests: the one that is named, or one built now.
func taggedBinary() (string, error) {
	if bin := os.Getenv(envTagged); bin != "" {
		return filepath.Abs(bin)
	}
	bin := filepath.Join(world.dir, "pinnacle-proxy-tagged")
	args := []string{"build", "-tags", "testruntime", "-o", bin}
	if os.Getenv(envRace) == "1" {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/pinnacle-proxy")...)
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
}

// eachTagged runs a test against every target of the tagged lab.
func eachTagged(t *testing.T, f func(t *testing.T, on *target)) {
	t.Helper()
	t.Parallel()
	for _, on := range taggedLab(t).targets {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			on.showLogOnFailure(t)
			f(t, on)
		})
	}
}

// eachTaggedProxy is eachTagged for tests of what plain PostgreSQL does not have.
func eachTaggedProxy(t *testing.T, f func(t *testing.T, on *target)) {
	t.Helper()
	eachTagged(t, func(t *testing.T, on *target) {
		if on.proxy == nil {
			t.Skip("no proxy in this target")
		}
		f(t, on)
	})
}

// TestReleasedBinaryHasNoTestRuntime wants the runtime for tests, which writes files, to be unknown to a build without its
// tag.
func TestReleasedBinaryHasNoTestRuntime(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		code, line := firstError(on.open(t).query(t, "CREATE MODEL t(x int4) RETURNS int4 USING test WITH (compute = 'identity')"))
		if code != "42704" || !strings.Contains(line, "Runtimes that exist: onnx, sentence, starlark.") {
			t.Errorf("CREATE MODEL … USING test: %q, want 42704", line)
		}
	})
}

// counted is a model of one test, and the file where it says what it was asked.
type counted struct {
	name, log string
}

// count makes a counted model like one of taggedModels; more are further options, each behind a comma.
func count(t *testing.T, on *target, like, name, more string) counted {
	t.Helper()
	c := counted{name: name, log: filepath.Join(t.TempDir(), "asked")}
	i := slices.IndexFunc(taggedModels, func(m taggedModel) bool { return m.name == like })
	if i < 0 {
		t.Fatalf("no model %q", like)
	}
	on.exec(t, taggedModels[i].create(name, fmt.Sprintf(", log = '%s'%s", c.log, more)))
	return c
}

// asked is what a model was asked: the argument tuples in order, each as the JSON of its texts and nulls, and the number of
// batches that they came in.
type asked struct {
	tuples  []string
	batches int
}

// asked reads what the model was asked so far.
func (c counted) asked(t *testing.T) asked {
	t.Helper()
	raw, err := os.ReadFile(c.log)
	if err != nil {
		t.Fatal(err)
	}
	var a asked
	last := ""
	for _, line := range lines(string(raw)) {
		batch, tuple, found := strings.Cut(line, "\t")
		if _, err := strconv.Atoi(batch); err != nil || !found || !json.Valid([]byte(tuple)) {
			t.Fatalf("the log of %s has the line %q", c.name, line)
		}
		if batch != last {
			a.batches, last = a.batches+1, batch
		}
		a.tuples = append(a.tuples, tuple)
	}
	return a
}

// modelWord matches the name of the model in a call.
var modelWord = regexp.MustCompile(`(?i)(\b(?:predict|try_predict|predict_details)\s*\(\s*')([a-z0-9_]+)(')`)

// renamed puts other models into the calls of a text: names gives the new name of each.
func renamed(sql string, names map[string]string) string {
	return modelWord.ReplaceAllStringFunc(sql, func(call string) string {
		m := modelWord.FindStringSubmatch(call)
		if name, ok := names[m[2]]; ok {
			return m[1] + name + m[3]
		}
		return call
	})
}

// modelsOf lists the models that a text calls, each once, in order.
func modelsOf(sql string) []string {
	var names []string
	for _, m := range modelWord.FindAllStringSubmatch(sql, -1) {
		if !slices.Contains(names, m[2]) {
			names = append(names, m[2])
		}
	}
	return names
}

// taggedTables are the tables of the tagged lab. t is the table of the design: 1,000 rows, 10 distinct k, of which cheap is a
// copy. s has skew: of its 2,000 rows 1,400 have v = 1, 400 share the eight v from 2 to 9, and 200 have a v of their own from
// 1000 to 1199, so that there are 209; n is v with NULLs, part has 100 values of 20 rows each. u and d are small: u joins 5
// rows of t, and the v of d are five values, four of which are in s, and NULL.
const taggedTables = `
SET client_min_messages = warning;
CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL, cheap int NOT NULL);
INSERT INTO t SELECT i, i % 10, i % 10 FROM generate_series(1, 1000) i;
CREATE TABLE u (id int PRIMARY KEY);
INSERT INTO u VALUES (101), (202), (303), (404), (505);
CREATE TABLE s (id int PRIMARY KEY, v int NOT NULL, n int, grp int NOT NULL, part int NOT NULL, name text NOT NULL);
INSERT INTO s SELECT i, v, CASE WHEN i % 3 <> 0 THEN v END, i % 4, i % 100, 'name ' || v
FROM generate_series(1, 2000) i,
	LATERAL (SELECT CASE WHEN i % 10 = 9 THEN 1000 + i / 10 WHEN i % 10 >= 7 THEN 2 + (i / 10) % 8 ELSE 1 END AS v) l;
CREATE INDEX ON s (v);
CREATE TABLE d (v int, label text NOT NULL);
INSERT INTO d VALUES (1, 'one'), (2, 'two'), (1003, 'many'), (1004, 'more'), (99999, 'never'), (NULL, 'null');
ANALYZE t; ANALYZE u; ANALYZE s; ANALYZE d;
`
