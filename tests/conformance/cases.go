package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/tests/peer"
)

// caseFile is one file of testdata: the statements of one topic.
type caseFile struct {
	// name is the file's without its extension.
	name string
	// writes are the tables that its statements write to: compared and filled again after each case.
	writes []string
	// masked says that OIDs and names of owners are not compared.
	masked bool
	cases  []*statementCase
}

// statementCase is one named statement, or several that run one after the other on one session.
type statementCase struct {
	file, name string
	line       int
	steps      []step
	params     []peer.Param
	// input is what COPY FROM STDIN reads.
	input []byte
	// nulls gives NULL for every parameter.
	nulls bool
	// accepted says that only success and SQLSTATE are compared, as with EXPLAIN.
	accepted bool
	// masked says that OIDs and names of owners are not compared.
	masked bool
	// protocols are how it is sent, in turn.
	protocols []peer.Protocol
}

// step is one message's statement.
type step struct {
	sql string
	// ordered says that it has an ORDER BY of its own, which orders its rows wholly.
	ordered bool
}

// id names a case as descriptors of engines do: file:name.
func (c *statementCase) id() string { return c.file + ":" + c.name }

// titleLine is the line that begins a case; parameterLine declares a parameter.
var (
	titleLine     = regexp.MustCompile(`^-- ([a-z0-9]+(?:-[a-z0-9]+)*)$`)
	parameterLine = regexp.MustCompile(`^\$\d+ ([a-z0-9_ \[\](),]+?) = (.*)$`)
)

// readCases reads all files of a directory, and of its directory clients. README.md has the format.
func readCases(dir string) ([]*caseFile, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.sql"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no statements in %s: %w", dir, err)
	}
	clients, err := filepath.Glob(filepath.Join(dir, "clients", "*.sql"))
	if err != nil {
		return nil, err
	}
	var files []*caseFile
	for _, path := range append(paths, clients...) {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(dir, strings.TrimSuffix(path, ".sql"))
		if err != nil {
			return nil, err
		}
		f, err := parseFile(filepath.ToSlash(name), string(raw))
		if err != nil {
			return nil, fmt.Errorf("%s:%w", path, err)
		}
		files = append(files, f)
	}
	return files, nil
}

// parseFile reads the text of a file.
func parseFile(name, text string) (*caseFile, error) {
	f := &caseFile{name: name}
	seen := map[string]bool{}
	var c *statementCase
	var open strings.Builder
	for i, line := range strings.Split(text, "\n") {
		title := titleLine.FindStringSubmatch(line)
		directive, isDirective := strings.CutPrefix(line, "--! ")
		switch {
		case open.Len() == 0 && title != nil:
			if seen[title[1]] {
				return nil, fmt.Errorf("%d: a second case with the name %s", i+1, title[1])
			}
			seen[title[1]] = true
			c = &statementCase{file: name, name: title[1], line: i + 1}
			f.cases = append(f.cases, c)
		case open.Len() == 0 && isDirective:
			if err := f.directive(c, directive); err != nil {
				return nil, fmt.Errorf("%d: %w", i+1, err)
			}
		case open.Len() == 0 && (line == "" || strings.HasPrefix(line, "--")):
		case c == nil:
			return nil, fmt.Errorf("%d: a statement without a name", i+1)
		default:
			open.WriteString(line + "\n")
			if strings.HasSuffix(line, ";") {
				c.steps = append(c.steps, newStep(strings.TrimSuffix(strings.TrimSpace(open.String()), ";")))
				open.Reset()
			}
		}
	}
	if open.Len() > 0 {
		return nil, fmt.Errorf("the last statement has no end: %s", open.String())
	}
	for _, c := range f.cases {
		if len(c.steps) == 0 {
			return nil, fmt.Errorf("%d: a case without a statement", c.line)
		}
		c.masked = f.masked
		for i := 0; c.nulls && strings.Contains(c.steps[0].sql, fmt.Sprintf("$%d", i+1)); i++ {
			c.params = append(c.params, peer.Param{Null: true})
		}
		c.plan(len(f.writes) > 0)
	}
	return f, nil
}

// directive takes one line of the form --! word ….
func (f *caseFile) directive(c *statementCase, text string) error {
	word, rest, _ := strings.Cut(text, " ")
	switch {
	case word == "writes" && c == nil:
		f.writes = strings.Fields(rest)
	case word == "masked" && c == nil:
		f.masked = true
	case c == nil:
		return fmt.Errorf("%s stands before the first case", word)
	case word == "input":
		input, err := strconv.Unquote(rest)
		c.input = []byte(input)
		return err
	case word == "accepted":
		c.accepted = true
	case word == "nulls":
		c.nulls = true
	case word == "simple":
		c.protocols = []peer.Protocol{peer.Simple}
	case word == "portal":
		c.protocols = []peer.Protocol{peer.ExtendedPortal}
	case parameterLine.MatchString(text):
		m := parameterLine.FindStringSubmatch(text)
		p := peer.Param{Type: m[1], Value: m[2], Declared: true}
		if p.Null = m[2] == "NULL"; p.Null {
			p.Value = ""
		}
		c.params = append(c.params, p)
	default:
		return fmt.Errorf("no such directive: %s", text)
	}
	return nil
}

// newStep makes a step of a statement's text.
func newStep(sql string) step {
	s := step{sql: sql}
	tree, err := pg_query.Parse(sql)
	if err == nil && len(tree.Stmts) == 1 {
		s.ordered = len(tree.Stmts[0].Stmt.GetSelectStmt().GetSortClause()) > 0
	}
	return s
}

// plan chooses protocols: what reads is sent by the simple one and in binary, what writes by one of them, what has
// parameters with these in text and in binary, what takes input by the simple one.
func (c *statementCase) plan(writes bool) {
	switch {
	case c.protocols != nil:
	case len(c.params) > 0:
		c.protocols = []peer.Protocol{peer.ExtendedText, peer.ExtendedBinary}
	case len(c.steps) > 1 || strings.Contains(c.steps[0].sql, "FROM STDIN"):
		c.protocols = []peer.Protocol{peer.Simple}
	case writes:
		c.protocols = []peer.Protocol{pick(c.line, peer.Simple, peer.ExtendedText, peer.ExtendedBinary)}
	default:
		c.protocols = []peer.Protocol{peer.Simple, peer.ExtendedBinary}
	}
	if writes && len(c.protocols) > 1 {
		c.protocols = c.protocols[c.line%2 : c.line%2+1]
	}
}
