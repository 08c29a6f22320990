package planner_test

import (
	"path/filepath"
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// TestOriginOfNames checks, for every plan of the golden files, that each byte of a name that home's statement has from
// the client's maps back to that name in the client's.
func TestOriginOfNames(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, path := range goldenFiles(t) {
		for _, c := range readGolden(t, path) {
			p, err := plan(c.statement)
			if err != nil {
				continue
			}
			checkOrigin(t, c.statement, p)
			checked++
		}
		if checked == 0 && filepath.Base(path) != "stream_refused.txt" {
			t.Errorf("no plans in %s", path)
		}
	}
}

// checkOrigin maps every name of home's statement back.
func checkOrigin(t *testing.T, text string, p *planner.Stream) {
	t.Helper()
	names, err := sqlparse.Tokens(text)
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, n := range names {
		has[n.Span.Of(text)] = true
	}
	toks, err := sqlparse.Tokens(p.Home)
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for _, tok := range toks {
		name := tok.Span.Of(p.Home)
		if tok.Kind != pg_query.Token_IDENT && tok.Kind != pg_query.Token_PARAM && tok.Kind != pg_query.Token_UIDENT || strings.HasPrefix(name, "pinnacle_") || !has[name] {
			continue
		}
		for i := range len(name) {
			from := p.Origin(tok.Span.Start + i)
			if from < 0 || from >= len(text) || text[from] != name[i] || from-i < 0 || text[from-i:from-i+len(name)] != name {
				t.Fatalf("%s\nbyte %d of %q at %d of home's statement comes from %d\n%s", text, i, name, tok.Span.Start, from, p.Home)
			}
		}
		last = tok.Span.Start
	}
	for _, pos := range []int{0, last, len(p.Home), len(p.Home) + 10} {
		if from := p.Origin(pos); from < 0 || from > len(text)+10 {
			t.Errorf("%s\nposition %d comes from %d", text, pos, from)
		}
	}
}

// FuzzPlanStream checks that a plan is made or refused for any text, that home's statement parses, and that its names
// map back.
func FuzzPlanStream(f *testing.F) {
	paths, err := filepath.Glob("testdata/stream_*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		for _, c := range readGolden(f, path) {
			f.Add(c.statement)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 {
			return
		}
		script, err := sqlparse.Parse(text, sqlparse.DefaultLimits())
		if err != nil || len(script.Statements) != 1 || len(script.Statements[0].Calls) == 0 {
			return
		}
		p, err := plan(text)
		if err != nil {
			if got := describeError(text, err); strings.Contains(got, "error: ") && !strings.Contains(got, "does not exist") {
				t.Fatalf("%q: %s", text, got)
			}
			return
		}
		checkHome(t, p)
		checkOrigin(t, text, p)
		describePlan(p)
	})
}
