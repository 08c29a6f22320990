package planner_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// ship plans the one statement of a text; of PREPARE and EXPLAIN, the statement inside. A text that begins with
// "-- shared" asks for shared functions.
func ship(text string) (*planner.Ship, error) {
	script, err := sqlparse.Parse(text, sqlparse.DefaultLimits())
	if err != nil {
		return nil, err
	}
	if len(script.Statements) != 1 || len(script.Statements[0].Calls) == 0 {
		return nil, fmt.Errorf("%d statements, opaque %v", len(script.Statements), script.Opaque)
	}
	st := script.Statements[0]
	req := planner.Request{Text: text, Span: st.Span, Node: st.Node, Calls: st.Calls, Shared: strings.HasPrefix(text, "-- shared")}
	switch c := sqlparse.CommandOf(st).(type) {
	case *sqlparse.Prepare:
		req.Span, req.Node = c.Inner, c.InnerNode
	case *sqlparse.Explain:
		req.Span, req.Node = c.Inner, c.InnerNode
	}
	return planner.PlanShip(req, catalog{})
}

// TestGoldenShip compares plans with those in testdata.
func TestGoldenShip(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/ship_*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no files in testdata", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			var out []string
			for _, c := range readGolden(t, path) {
				p, err := ship(c.statement)
				got := describeError(c.statement, err)
				if err == nil {
					got = describeShip(p)
					checkShip(t, c.statement, p)
				}
				if got != c.want && !*update {
					t.Errorf("%s\n--- got\n%s\n--- want\n%s", c.statement, got, c.want)
				}
				out = append(out, c.statement+"\n----\n"+got+"\n")
			}
			if *update {
				if err := os.WriteFile(path, []byte(strings.Join(out, "\n")), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// describeShip prints a plan. Functions are shown as model and number, not by their hashes.
func describeShip(p *planner.Ship) string {
	var lines, renames []string
	for _, f := range p.Functions {
		name := fmt.Sprintf("%s_%s", f.Model.Name, f.Name[strings.LastIndexByte(f.Name, '_')+1:])
		renames = append(renames, f.Name, name)
		lines = append(lines, fmt.Sprintf("%d: %s = %s", f.Rank, name, strings.Join(f.Calls, "; ")))
	}
	for i, d := range p.Draws {
		name := fmt.Sprintf("draw%d", i)
		renames = append(renames, d.Name, name)
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%d: %s draws %s %s", d.Rank, name, d.Text, map[bool]string{true: "of constants"}[d.Constant])))
	}
	if p.Random {
		lines = append(lines, "random")
	}
	short := strings.NewReplacer(renames...)
	head := []string{"home: " + short.Replace(p.Home)}
	if p.Demand != "" {
		head = append(head, "demand: "+short.Replace(p.Demand))
	}
	if p.Writes {
		head = append(head, "writes")
	}
	if p.Small {
		head = append(head, "small")
	}
	return strings.Join(append(head, lines...), "\n")
}

// checkShip holds a plan against what it promises: statements that parse, without a call, with the functions that are
// listed, and with the client's own tokens in their order where no OR was turned and no ORDER BY left out.
func checkShip(t testing.TB, text string, p *planner.Ship) {
	t.Helper()
	if strings.Count(p.Home, "ORDER BY") < strings.Count(text, "ORDER BY") {
		return // an order that has no influence is left out, with what stands in it
	}
	names := map[string]bool{}
	for _, f := range p.Functions {
		if names[f.Name] {
			t.Errorf("%s\ntwo functions are named %s", text, f.Name)
		}
		names[f.Name] = false
	}
	for _, d := range p.Draws {
		names[d.Name] = false
	}
	for _, sql := range []string{p.Home, p.Demand} {
		script, err := sqlparse.Parse(sql, sqlparse.Limits{MaxBytes: 1 << 20, MaxTokens: 1 << 20, MaxDepth: 4000})
		if err != nil || script.Opaque {
			t.Errorf("%s\nthe new statement does not parse: %v\n%s", text, err, sql)
			return
		}
		for _, st := range script.Statements {
			if len(st.Calls) > 0 {
				t.Errorf("%s\na call is left\n%s", text, sql)
			}
			sqlparse.Walk(st.Node, func(n *pg_query.Node) bool {
				if f := n.GetFuncCall(); f != nil && len(f.Funcname) == 2 && f.Funcname[0].GetString_().GetSval() == "pg_temp" {
					name := f.Funcname[1].GetString_().GetSval()
					if _, ok := names[name]; !ok && strings.HasPrefix(name, "pinnacle_") {
						t.Errorf("%s\nthe function %s is not listed\n%s", text, name, sql)
					}
					names[name] = true
				}
				return true
			})
		}
	}
	for name, used := range names {
		if !used {
			t.Errorf("%s\nthe function %s is listed, but not called\n%s", text, name, p.Home)
		}
	}
	checkShipTokens(t, text, p)
}

// checkShipTokens takes the home statement's own tokens away, by their place in the client's text, and finds every one of
// the client's but those of calls' names and models.
func checkShipTokens(t testing.TB, text string, p *planner.Ship) {
	t.Helper()
	theirs, err := sqlparse.Tokens(text)
	if err != nil {
		t.Fatal(err)
	}
	at := map[int]string{}
	for _, tok := range theirs {
		at[tok.Span.Start] = tok.Span.Of(text)
	}
	ours, err := sqlparse.Tokens(p.Home)
	if err != nil {
		t.Fatal(err)
	}
	copied := map[int]bool{}
	for _, tok := range ours {
		from, word := p.Origin(tok.Span.Start), tok.Span.Of(p.Home)
		if from+len(word) <= len(text) && text[from:from+len(word)] == word && at[from] == word {
			copied[from] = true
		}
	}
	script, err := sqlparse.Parse(text, sqlparse.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	st := script.Statements[0]
	span := st.Span
	switch c := sqlparse.CommandOf(st).(type) {
	case *sqlparse.Prepare:
		span = c.Inner
	case *sqlparse.Explain:
		span = c.Inner
	}
	for _, tok := range theirs {
		if span.Contains(tok.Span) && !copied[tok.Span.Start] && !replaced(st, tok) && !drawn(p, st, tok) && !resolvedKey(p, st, tok) {
			t.Errorf("%s\nthe token %q at byte %d is gone\n%s", text, tok.Span.Of(text), tok.Span.Start, p.Home)
			return
		}
	}
}

// replaced reports whether a token is part of a call's name or model, or the comma behind it, or stands for a whole row.
func replaced(st *sqlparse.Statement, tok sqlparse.Token) bool {
	for _, c := range st.Calls {
		end := c.Span.End - 1
		if len(c.Args) > 0 {
			end = c.Args[0].Span.Start
		}
		if len(c.Args) == 1 && c.Args[0].Node.GetColumnRef() != nil && c.Args[0].Name == "" {
			end = c.Args[0].Span.End
		}
		if c.Span.Start <= tok.Span.Start && tok.Span.End <= end && tok.Kind != pg_query.Token_ASCII_40 {
			return true
		}
	}
	return false
}

// drawn reports whether a token is part of the name of a function that is drawn.
func drawn(p *planner.Ship, st *sqlparse.Statement, tok sqlparse.Token) bool {
	found := false
	sqlparse.Walk(st.Node, func(n *pg_query.Node) bool {
		f := n.GetFuncCall()
		if f == nil || tok.Span.Start < int(f.Location) || tok.Kind == pg_query.Token_ASCII_40 {
			return true
		}
		name := f.Funcname[len(f.Funcname)-1].GetString_().GetSval()
		size := 2 * len(f.Funcname) // dots
		for _, part := range f.Funcname {
			size += 2 + len(part.GetString_().GetSval())
		}
		for _, d := range p.Draws {
			found = found || d.Text == name && tok.Span.Start < int(f.Location)+size
		}
		return true
	})
	return found
}

// resolvedKey reports whether a token is a key of ORDER BY by name or number in whose place its expression stands.
func resolvedKey(p *planner.Ship, st *sqlparse.Statement, tok sqlparse.Token) bool {
	found := false
	sqlparse.Walk(st.Node, func(n *pg_query.Node) bool {
		key := n.GetSortBy().GetNode()
		found = found || key != nil && (int(key.GetColumnRef().GetLocation()) == tok.Span.Start || int(key.GetAConst().GetLocation()) == tok.Span.Start)
		return !found
	})
	return found && strings.Contains(p.Home, "OVER (PARTITION BY ")
}

// FuzzPlanShip checks what TestGoldenShip checks for any text.
func FuzzPlanShip(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txt")
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
		script, err := sqlparse.Parse(text, sqlparse.Limits{MaxBytes: 1 << 12, MaxTokens: 1 << 12, MaxDepth: 400})
		if err != nil || len(script.Statements) != 1 || len(script.Statements[0].Calls) == 0 {
			return
		}
		p, err := ship(text)
		if err != nil {
			var e *sqlparse.Error
			if !errors.As(err, &e) && !strings.Contains(err.Error(), "does not exist") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		checkShip(t, text, p)
		describeShip(p)
	})
}

// TestShipManyCalls has a statement with more calls than there are ranks.
func TestShipManyCalls(t *testing.T) {
	t.Parallel()
	text := "SELECT a FROM t WHERE b = 1"
	for i := range 500 {
		text += fmt.Sprintf(" OR predict('half', a + %d) = 1 OR c = %d", i, i)
	}
	p, err := ship(text)
	if err != nil {
		t.Fatal(err)
	}
	checkShip(t, text, p)
	if n := len(p.Functions); n < 2 || n > 64 {
		t.Errorf("%d functions", n)
	}
	called := 0
	for _, f := range p.Functions {
		called += len(f.Calls)
	}
	if called != 500 {
		t.Errorf("the functions have %d calls", called)
	}
}

// TestAheadOfJSON wants no DISTINCT over json, which PostgreSQL cannot compare.
func TestAheadOfJSON(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]int{"doc": 1, "brief": 0} {
		p, err := ship("SELECT DISTINCT predict('" + model + "', j) FROM t")
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Ahead) != want {
			t.Errorf("arguments of %s are read ahead by %d statements, want %d", model, len(p.Ahead), want)
		}
	}
}

// TestCopied wants the query of COPY, and positions in it to be those of the client's text.
func TestCopied(t *testing.T) {
	t.Parallel()
	text := "COPY (SELECT predict('half', nosuch) FROM t) TO STDOUT (FORMAT csv)"
	p, err := ship(text)
	if err != nil {
		t.Fatal(err)
	}
	if want := "SELECT pg_temp." + p.Functions[0].Name + "( nosuch) AS predict FROM t"; p.Copied != want {
		t.Errorf("the query is %q, want %q", p.Copied, want)
	}
	if at := p.CopiedOrigin(strings.Index(p.Copied, "nosuch")); at != strings.Index(text, "nosuch") {
		t.Errorf("the argument is at %d, want %d", at, strings.Index(text, "nosuch"))
	}
}
