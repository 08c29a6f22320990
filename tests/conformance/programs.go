package conformance

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// program is a client of tests/clients/databackends, which prints the same before a databackend and on PostgreSQL.
type program struct {
	name string
	// needs is what tests/clients/install.sh brings for it, "" for nothing.
	needs string
	// command gives the program and its arguments; dirs are that of the programs and .cache/clients.
	command func(programs, cache string) []string
	// input is the file that it reads, "" for none.
	input string
	// masked are left out of what it prints.
	masked []*regexp.Regexp
}

// programs are a live psql, SQLAlchemy, Django and pgjdbc. psql shows of a mirrored table the trigger and the
// foreign child, too, and other owners, which make columns wider.
func programs() []program {
	return []program{
		{name: "psql", input: "tour.sql", command: func(string, string) []string { return []string{"psql", "-X", "-w", "-q"} },
			masked: []*regexp.Regexp{regexp.MustCompile(`(?m)^(Triggers:\n(    .*\n)+|Number of child tables: .*\n|Child tables: .*\n(  +.*\n)*)`),
				regexp.MustCompile(`(?m)^    "\w+_fkey" btree \(.*\)\n`), // MariaDB has an index for each foreign key
				regexp.MustCompile(`\b(pinnacle|postgres)\b`), regexp.MustCompile(`[ -]+`)}},
		{name: "sqlalchemy", needs: "python", command: func(p, c string) []string {
			return []string{filepath.Join(c, "python/bin/python"), filepath.Join(p, "sqlalchemy_orm.py")}
		}},
		{name: "django", needs: "django", command: func(p, c string) []string {
			return []string{filepath.Join(c, "django/bin/python"), filepath.Join(p, "django_orm.py")}
		}},
		{name: "pgjdbc", needs: "java", command: func(p, c string) []string {
			return []string{"java", "-cp", filepath.Join(c, "java/postgresql.jar"), filepath.Join(p, "Metadata.java")}
		}},
	}
}

// programLimit is how long a program may take.
const programLimit = 3 * time.Minute

// programs runs the clients on both sides at once, and compares what they print.
func (w *world) programs(t *testing.T) {
	if w.engine.like != "" {
		t.Skip("run before " + w.engine.like)
	}
	p, err := w.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for _, of := range programs() {
		t.Run(of.name, func(t *testing.T) {
			w.program(t, of)
			if w.engine.lacks["writes"] != "" {
				return
			}
			if err := p.refill([]string{"u"}); err != nil {
				t.Error(err)
			}
		})
	}
}

// program runs one client on both sides.
func (w *world) program(t *testing.T, of program) {
	clients, err := filepath.Abs("../clients")
	if err != nil {
		t.Fatal(err)
	}
	if of.needs == "" {
		_, err = exec.LookPath("psql")
	} else {
		var out []byte
		if out, err = exec.Command(filepath.Join(clients, "install.sh"), of.needs).CombinedOutput(); err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
	}
	if err != nil {
		t.Skipf("%s cannot be installed here: %v", of.name, err)
	}
	type output struct {
		text string
		err  error
	}
	reference := make(chan output, 1)
	go func() {
		text, err := w.printed(t.Context(), of, clients, w.oracle)
		reference <- output{text, err}
	}()
	got, err := w.printed(t.Context(), of, clients, w.proxy)
	want := <-reference
	if want.err != nil {
		t.Fatalf("on PostgreSQL: %v", want.err)
	}
	if err != nil {
		t.Errorf("%v", err)
	}
	g, r := strings.Split(got, "\n"), strings.Split(want.text, "\n")
	for i := range max(len(g), len(r)) {
		if i >= len(g) || i >= len(r) || g[i] != r[i] {
			t.Errorf("line %d differs\nPostgreSQL: %s\nproxy:      %s", i+1, strings.Join(r[min(i, len(r)):min(i+3, len(r))], "\n            "), strings.Join(g[min(i, len(g)):min(i+3, len(g))], "\n            "))
			return
		}
	}
}

// printed is what a client prints on one side.
func (w *world) printed(ctx context.Context, of program, clients, side string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, programLimit)
	defer cancel()
	u, err := url.Parse(side)
	if err != nil {
		return "", err
	}
	word, _ := u.User.Password()
	cache, err := filepath.Abs("../../.cache/clients")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(clients, "databackends")
	argv := of.command(dir, cache)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PG") }), "PGHOST="+u.Hostname(), "PGPORT="+u.Port(), "PGUSER="+u.User.Username(),
		"PGPASSWORD="+word, "PGDATABASE="+strings.TrimPrefix(u.Path, "/"), "PGSSLMODE=disable", "PGTZ=UTC", "TZ=UTC", "LC_ALL=C.UTF-8")
	if w.engine.lacks["writes"] != "" {
		cmd.Env = append(cmd.Env, "WRITES=0")
	}
	if w.engine.lacks["upserts"] != "" {
		cmd.Env = append(cmd.Env, "KEYS=0")
	}
	if of.input != "" {
		file, err := os.Open(filepath.Join(dir, of.input))
		if err != nil {
			return "", err
		}
		defer file.Close()
		cmd.Stdin = file
	}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err = cmd.Run()
	text := out.String()
	for _, m := range of.masked {
		text = m.ReplaceAllString(text, "")
	}
	if err != nil {
		return text, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, problems.String())
	}
	return text, nil
}
