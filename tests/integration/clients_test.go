package integration

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// clientLimit is how long a client program may take.
const clientLimit = 3 * time.Minute

// clientProgram is a program under tests/clients that prints the same through the proxy and on plain PostgreSQL.
type clientProgram struct {
	name string
	// needs is what install.sh brings for it, "" for nothing.
	needs string
	// command gives the program and its arguments; dirs are tests/clients and .cache/clients.
	command func(clients, cache string) []string
	// env is added to libpq's environment.
	env func(cache string) []string
}

// clientPrograms are the clients of other languages. pgx has tests in Go.
func clientPrograms() []clientProgram {
	none := func(string) []string { return nil }
	return []clientProgram{
		{"psycopg", "python", func(d, c string) []string {
			return []string{filepath.Join(c, "python/bin/python"), filepath.Join(d, "psycopg/main.py")}
		}, none},
		{"sqlalchemy", "python", func(d, c string) []string {
			return []string{filepath.Join(c, "python/bin/python"), filepath.Join(d, "sqlalchemy/main.py")}
		}, none},
		{"node-pg", "node", func(d, c string) []string {
			return []string{"node", filepath.Join(d, "node-pg/main.js")}
		}, func(c string) []string { return []string{"NODE_PATH=" + filepath.Join(c, "node/node_modules")} }},
		{"pgjdbc", "java", func(d, c string) []string {
			return []string{"java", "-cp", filepath.Join(c, "java/postgresql.jar"), filepath.Join(d, "pgjdbc/Main.java")}
		}, none},
	}
}

// TestClients runs each client program on both sides and compares what it prints.
func TestClients(t *testing.T) {
	t.Parallel()
	clients, err := filepath.Abs("../clients")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := filepath.Abs("../../.cache/clients")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range clientPrograms() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			if out, err := exec.Command(filepath.Join(clients, "install.sh"), p.needs).CombinedOutput(); err != nil {
				t.Skipf("%s cannot be installed: %v\n%s", p.name, err, out)
			}
			argv := p.command(clients, cache)
			want := runClient(t, world.direct, p.env(cache), argv...)
			for _, on := range world.targets {
				t.Run(on.name, func(t *testing.T) {
					on.showLogOnFailure(t)
					sameOutput(t, runClient(t, on, p.env(cache), argv...), want)
				})
			}
		})
	}
}

// runClient runs a client program against a target and gives its standard output.
func runClient(t *testing.T, on *target, env []string, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientLimit)
	defer cancel()
	out, errs, err := clientCommand(ctx, on, env, "", argv...)
	if err != nil {
		t.Errorf("%s on %s: %v\n%s", strings.Join(argv, " "), on.name, err, errs)
	}
	return out
}

// clientCommand is runClient that gives standard error too and leaves judging the exit status to the caller.
func clientCommand(ctx context.Context, on *target, env []string, stdin string, argv ...string) (stdout, stderr string, err error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	host, port, err := net.SplitHostPort(on.addr)
	if err != nil {
		return "", "", err
	}
	cmd.Env = append(os.Environ(), "PGHOST="+host, "PGPORT="+port, "PGUSER="+on.user, "PGPASSWORD="+on.password,
		"PGDATABASE="+on.database, "PGSSLMODE=disable", "PGTZ=UTC", "TZ=UTC", "LC_ALL=C.UTF-8", "PSQLRC=/dev/null")
	cmd.Env = append(cmd.Env, env...)
	if on.functions {
		cmd.Env = append(cmd.Env, "MODEL_SCHEMAS=1")
	}
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// sameOutput fails the test at the first line that differs.
func sameOutput(t *testing.T, got, want string) {
	t.Helper()
	same(t, "the output differs", strings.Split(got, "\n"), strings.Split(want, "\n"))
}

// psqlText is a script as psql on a target takes it.
func psqlText(on *target, script string) string {
	if on.functions {
		return oracleText(script).text
	}
	return script
}

// psqlNoise is what differs between two servers of one version, and what to print in its place: lines of PostgreSQL's source,
// the schemas of the oracle's functions, the column of the mark under a statement, owners and the width of their column.
var psqlNoise = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?m)^LOCATION: .*\n`), ""},
	{regexp.MustCompile(`m_[a-z0-9_]+\.`), ""},
	{regexp.MustCompile(`(?m)^ *\^$`), "^"},
	{regexp.MustCompile(`\| (app|pinnacle)\b`), "| owner"},
	{regexp.MustCompile(`  +`), " "},
	{regexp.MustCompile(`---+`), "--"},
}

// TestPsql runs a script that uses psql's own commands, and compares what psql prints.
func TestPsql(t *testing.T) {
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("psql is not on this machine")
	}
	script, err := os.ReadFile("../clients/psql/tour.sql")
	if err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, on *target, argv ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), clientLimit)
		defer cancel()
		var stdin string
		for i := range argv {
			argv[i] = psqlText(on, argv[i])
		}
		if len(argv) == 0 {
			stdin = psqlText(on, string(script))
		}
		out, errs, err := clientCommand(ctx, on, nil, stdin, append([]string{"psql", "-X", "-w"}, argv...)...)
		out += errs
		for _, n := range psqlNoise {
			out = n.pattern.ReplaceAllString(out, n.instead)
		}
		if err != nil {
			out += "\n" + err.Error()
		}
		return out
	}
	eachTargetAlone(t, func(t *testing.T, on *target) {
		for name, argv := range map[string][]string{
			"script":                 nil,
			"several statements":     {"-c", "SELECT 1; SELECT predict('double', 4); SELECT 2"},
			"several commands":       {"-c", "SELECT 1", "-c", "SELECT predict('double', 4)", "-c", "\\dt item"},
			"undone by an error":     {"-c", "CREATE TABLE psql_one (i int); SELECT predict('double', 1/0)", "-c", "\\d psql_one"},
			"one transaction":        {"-1", "-v", "ON_ERROR_STOP=1", "-c", "CREATE TABLE psql_two (i int)", "-c", "SELECT predict('double', 4)", "-c", "SELECT 1/0"},
			"after that transaction": {"-c", "\\d psql_two"},
			"unaligned":              {"-A", "-t", "-F", "|", "-c", "SELECT id, predict('double', k), name FROM item ORDER BY id LIMIT 5"},
			"csv":                    {"--csv", "-c", "SELECT id, predict('shout', name) FROM item ORDER BY id LIMIT 5"},
			"echo":                   {"-e", "-c", "SELECT predict('maybe', k) FROM tag ORDER BY label"},
			"described":              {"-c", "\\d+ item"},
		} {
			t.Run(name, func(t *testing.T) {
				sameOutput(t, run(t, on, append([]string(nil), argv...)...), run(t, world.direct, append([]string(nil), argv...)...))
			})
		}
	})
}
