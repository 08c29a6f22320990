package sqlstore

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// rewrite makes TestTexts write the files that it compares with.
var rewrite = flag.Bool("rewrite", false, "write testdata anew")

// statements are all statements of an engine, one a line, ordered.
func statements(t *testing.T, e *engine) string {
	t.Helper()
	w, err := newTexts(e)
	if err != nil {
		t.Fatal(err)
	}
	all := w.all()
	slices.Sort(all)
	head := []string{w.createLayout, w.createRecords, w.readLayout, w.addLayout}
	if e.createSchema != "" {
		head = slices.Insert(head, 0, e.createSchema)
	}
	return strings.Join(append(head, all...), ";\n") + ";\n"
}

// TestTexts compares the statements with those of testdata: a change of theirs is one of the layout, or has to be looked
// at.
func TestTexts(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]*engine{"postgres": postgresEngine(), "mysql": mysqlEngine(), "sqlite": sqliteEngine(), "mssql": mssqlEngine()} {
		file := filepath.Join("testdata", name+".sql")
		got := statements(t, e)
		if *rewrite {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v; the statements are\n%s", file, err, got)
		}
	}
}

// TestTransactSQL has a parser judge the statements for SQL Server, of which there is no server to run them.
func TestTransactSQL(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	bin, err := lab.PythonPackage(ctx, "sqlfluff", "4.5.0")
	if err != nil {
		t.Skip(err)
	}
	judge := func(text string) ([]byte, error) {
		file := filepath.Join(t.TempDir(), "text.sql")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return exec.CommandContext(ctx, filepath.Join(bin, "sqlfluff"), "parse", "--dialect", "tsql", file).CombinedOutput()
	}
	if out, err := judge(statements(t, mssqlEngine())); err != nil {
		t.Errorf("the parser refuses the statements: %v\n%s", err, out)
	}
	if _, err := judge(statements(t, mysqlEngine())); err == nil {
		t.Error("the parser does not refuse what is no T-SQL")
	}
}
