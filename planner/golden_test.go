package planner_test

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

var update = flag.Bool("update", false, "write what the planner gives into testdata")

// catalog is a planner.Catalog of a few models and functions.
type catalog struct{}

// models are by name; each has versions 1 and 2, the second the default.
var models = map[string]datalayer.ModelVersion{
	"half":   {Args: []udf.Arg{{Name: "x", Type: udf.Float8}}, Returns: udf.Float8, NullOnNull: true, Deterministic: true},
	"add":    {Args: []udf.Arg{{Name: "a", Type: udf.Int4}, {Name: "b", Type: udf.Int4}}, Returns: udf.Int4, NullOnNull: true, Deterministic: true},
	"shout":  {Args: []udf.Arg{{Name: "x", Type: udf.Text}}, Returns: udf.Text, NullOnNull: true, Deterministic: true},
	"doc":    {Args: []udf.Arg{{Name: "x", Type: udf.JSONB}}, Returns: udf.JSONB, NullOnNull: true, Deterministic: true},
	"embed":  {Args: []udf.Arg{{Type: udf.Text}}, Returns: udf.Float4Array, NullOnNull: true, Deterministic: true},
	"roll":   {Args: []udf.Arg{{Name: "x", Type: udf.Int4}}, Returns: udf.Int4},
	"brief":  {Args: []udf.Arg{{Name: "x", Type: udf.JSON}}, Returns: udf.Int4, NullOnNull: true, Deterministic: true},
	"answer": {Returns: udf.Int4, NullOnNull: true, Deterministic: true},
}

// Model implements planner.Catalog.
func (catalog) Model(name string, version int) (*datalayer.ModelVersion, error) {
	m, ok := models[name]
	if !ok || version > 2 {
		return nil, &datalayer.Error{Code: "42704", Message: fmt.Sprintf("model %q does not exist", name)}
	}
	if m.Name, m.Version = name, version; version == 0 {
		m.Version = 2
	}
	m.Hash = fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s@%d", name, m.Version)))
	return &m, nil
}

// FunctionKinds implements planner.Catalog.
func (catalog) FunctionKinds(names []string) (map[string]sqlparse.FunctionKind, error) {
	all := map[string]sqlparse.FunctionKind{
		"sum": sqlparse.AggregateFunction, "count": sqlparse.AggregateFunction, "max": sqlparse.AggregateFunction, "rank": sqlparse.WindowFunction,
		"generate_series": sqlparse.SetFunction, "unnest": sqlparse.SetFunction,
	}
	asked := map[string]sqlparse.FunctionKind{}
	for _, n := range names {
		if k, ok := all[n]; ok {
			asked[n] = k
		}
	}
	return asked, nil
}

// Volatile implements planner.Catalog.
func (catalog) Volatile(names []string) (map[string]bool, error) {
	asked := map[string]bool{}
	for _, n := range names {
		if n == "random" || n == "nextval" || n == "own_random" || n == "set_config" {
			asked[n] = true
		}
	}
	return asked, nil
}

// Drawn implements planner.Catalog.
func (catalog) Drawn(schema, name string) ([]planner.VolatileFunction, error) {
	switch name {
	case "nextval":
		return []planner.VolatileFunction{{OID: 1574, Schema: "pg_catalog", Name: name, Parameters: "regclass", Arguments: 1, Returns: "bigint", ReturnsOID: 20, ReturnsArray: 1016, Own: true}}, nil
	case "own_random":
		return []planner.VolatileFunction{{OID: 20000, Schema: "public", Name: name, Parameters: "i integer", Arguments: 1, Returns: "integer", ReturnsOID: 23, ReturnsArray: 1007}}, nil
	}
	return nil, nil
}

// UserFunctions implements planner.Catalog.
func (catalog) UserFunctions(names []string) (map[string]bool, error) {
	asked := map[string]bool{}
	for _, n := range names {
		asked[n] = strings.HasPrefix(n, "own_")
	}
	return asked, nil
}

// plan plans the one statement of a text. A text that begins with "-- collations" asks for the collations, one that begins
// with "-- cast" has home cast the first argument of the first call.
func plan(text string) (*planner.Stream, error) {
	script, err := sqlparse.Parse(text, sqlparse.DefaultLimits())
	if err != nil {
		return nil, err
	}
	if len(script.Statements) != 1 || len(script.Statements[0].Calls) == 0 {
		return nil, fmt.Errorf("%d statements, opaque %v", len(script.Statements), script.Opaque)
	}
	st := script.Statements[0]
	req := planner.Request{Text: text, Span: st.Span, Node: st.Node, Calls: st.Calls, Collations: strings.HasPrefix(text, "-- collations")}
	if strings.HasPrefix(text, "-- cast") {
		req.Casts = map[[2]int]bool{{0, 0}: true}
	}
	return planner.PlanStream(req, catalog{})
}

// golden is one case of a file: a statement, a line of ----, what is wanted, and a blank line.
type golden struct{ statement, want string }

// readGolden gives the cases of a file; lines of -- before a statement are its comment and stay with it.
func readGolden(t testing.TB, path string) []golden {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []golden
	for _, block := range strings.Split(strings.TrimSpace(string(content)), "\n\n") {
		statement, want, _ := strings.Cut(block, "\n----\n")
		cases = append(cases, golden{strings.TrimSuffix(statement, "\n----"), want})
	}
	return cases
}

func goldenFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/stream_*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no files in testdata", err)
	}
	return files
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, path := range goldenFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			var out []string
			for _, c := range readGolden(t, path) {
				p, err := plan(c.statement)
				got := describeError(c.statement, err)
				if err == nil {
					got = describePlan(p)
					checkHome(t, p)
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

// checkHome parses home's statement and counts its columns.
func checkHome(t testing.TB, p *planner.Stream) {
	t.Helper()
	res, err := pg_query.Parse(p.Home)
	if err != nil || len(res.Stmts) != 1 {
		t.Errorf("home's statement does not parse: %v\n%s", err, p.Home)
		return
	}
	targets := targetList(res.Stmts[0].Stmt)
	if len(targets) < len(p.Hidden) {
		t.Errorf("home's statement has %d columns, of which %d are hidden\n%s", len(targets), len(p.Hidden), p.Home)
		return
	}
	for i, h := range p.Hidden {
		if name := targets[len(targets)-len(p.Hidden)+i].GetResTarget().Name; name != h.Name {
			t.Errorf("hidden column %d is named %q, not %q\n%s", i, name, h.Name, p.Home)
		}
	}
}

// describeError prints an error with the place that it names.
func describeError(text string, err error) string {
	var e *sqlparse.Error
	if !errors.As(err, &e) {
		return fmt.Sprintf("error: %v", err)
	}
	at := "nowhere"
	if e.Position >= 0 && e.Position <= len(text) {
		at, _, _ = strings.Cut(text[e.Position:], "\n")
		at = fmt.Sprintf("byte %d: %s", e.Position, at)
	}
	out := fmt.Sprintf("error %s: %s\nat %s", e.Code, e.Message, at)
	if e.Detail != "" {
		out += "\ndetail: " + e.Detail
	}
	return out
}

// describePlan prints a plan, a line a thing.
func describePlan(p *planner.Stream) string {
	lines := []string{"home: " + p.Home}
	for i, h := range p.Hidden {
		kind := map[planner.HiddenKind]string{planner.ArgColumn: "argument", planner.LeafColumn: "leaf", planner.CheckColumn: "check",
			planner.LimitColumn: "limit", planner.OffsetColumn: "offset", planner.FloatDigitsColumn: "float digits",
			planner.CollationsColumn: "collations"}[h.Kind]
		if h.Type != udf.Invalid {
			kind += fmt.Sprintf(" %d of call %d as %s", h.Arg+1, h.Call, h.Type)
		}
		if h.Cast {
			kind += ", cast"
		}
		lines = append(lines, fmt.Sprintf("c%d: %s", i, kind))
	}
	for _, s := range p.Filters {
		lines = append(lines, "filter: "+describeStep(s))
	}
	if p.Limited {
		lines = append(lines, fmt.Sprintf("limit %d offset %d", p.Limit, p.Offset))
	}
	for _, s := range p.Finals {
		lines = append(lines, "final: "+describeStep(s))
	}
	for _, o := range p.Outputs {
		lines = append(lines, fmt.Sprintf("%s: %s as %q", o.HomeName, planner.ShortName(o.Col), o.Name))
	}
	return strings.Join(lines, "\n")
}

func describeStep(s planner.Step) string {
	if c := s.Predict; c != nil {
		return fmt.Sprintf("%s = %s@%d(%s)", planner.ShortName(c.Out), c.Model.Name, c.Model.Version, columnNames(c.Args))
	}
	out := "over " + columnNames(s.Eval.Inputs)
	for i, e := range s.Eval.Exprs {
		out += fmt.Sprintf("; %s = %s", planner.ShortName(s.Eval.Outs[i]), e)
	}
	if s.Eval.Filter != "" {
		out += "; where " + s.Eval.Filter
	}
	return out
}

func columnNames(ids []planner.ColumnID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = planner.ShortName(id)
	}
	return strings.Join(names, ", ")
}

// targetList is the list of a SELECT or of RETURNING.
func targetList(n *pg_query.Node) []*pg_query.Node {
	switch s := n.GetNode().(type) {
	case *pg_query.Node_InsertStmt:
		return s.InsertStmt.ReturningList
	case *pg_query.Node_UpdateStmt:
		return s.UpdateStmt.ReturningList
	case *pg_query.Node_DeleteStmt:
		return s.DeleteStmt.ReturningList
	}
	return n.GetSelectStmt().GetTargetList()
}
