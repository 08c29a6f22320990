package prooftest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// Subject is an engine whose table is proven.
type Subject struct {
	Engine  backend.Engine
	Entries dialect.Entries
	// Schema is where Define makes tables, and where the Catalog shows them.
	Schema string
	// Create makes a table in the engine's own words; nil: Engine's Define does.
	Create func(ctx context.Context, table *dialect.Table) error
	// Skip are signatures that cannot be run alone, with the reason.
	Skip map[string]string
}

// limit is how long one entry may take.
const limit = 2 * time.Minute

// Run proves each entry of a table in a subtest of its signature, or, with PROOF_ENTRIES in the environment, that many of them.
func Run(t *testing.T, s Subject) {
	pg := startPostgres(t)
	b := newBench(t, s, pg)
	var all []string
	for signature := range s.Entries {
		all = append(all, signature)
	}
	sort.Strings(all)
	entries := len(all)
	all = sample(t, all)
	for _, signature := range all {
		t.Run(signature, func(t *testing.T) {
			if why, ok := s.Skip[signature]; ok {
				t.Skip(why)
			}
			if err := b.prove(t.Context(), signature); err != nil {
				t.Error(err)
			}
		})
	}
	t.Logf("%d of %d entries, %d statements, %d values compared", len(all), entries, b.statements, b.values)
}

// sample picks PROOF_ENTRIES of the entries, by the seed PROOF_SEED (1); all where it is not set.
func sample(t *testing.T, all []string) []string {
	t.Helper()
	number := func(name string, otherwise int) int {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			t.Fatalf("%s=%s is no number", name, text)
		}
		return n
	}
	n, seed := number("PROOF_ENTRIES", len(all)), number("PROOF_SEED", 1)
	if n >= len(all) {
		return all
	}
	t.Logf("seed %d", seed)
	some := slices.Clone(all)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	random.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	some = some[:n]
	sort.Strings(some)
	return some
}

// startPostgres starts a PostgreSQL for the length of the test and connects to it.
func startPostgres(t *testing.T) *lab.Postgres {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "postgres")
	reachable(t, dir)
	server, err := lab.StartPostgres(t.Context(), dir)
	if err != nil {
		t.Skipf("no PostgreSQL: %v", err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	return server
}

// reachable lets the account that PostgreSQL runs as reach a directory of a test.
func reachable(t *testing.T, dir string) {
	t.Helper()
	for at := filepath.Dir(dir); len(at) > len(os.TempDir()); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// newBench connects to the engine and to PostgreSQL, whose settings are those of postgres_fdw's sessions.
func newBench(t *testing.T, s Subject, server *lab.Postgres) *bench {
	t.Helper()
	pg, err := pgconn.Connect(t.Context(), server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Close(context.Background()) })
	conn, err := s.Engine.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	b := &bench{Subject: s, pg: pg, conn: conn, tables: map[string]*dialect.Table{}, accepted: map[string][]string{}, unusable: map[string]error{}}
	set := "SET timezone = 'GMT'; SET datestyle = ISO; SET intervalstyle = postgres; SET extra_float_digits = 3; CREATE SCHEMA IF NOT EXISTS %q"
	if _, err := b.ask(t.Context(), fmt.Sprintf(set, s.Schema)); err != nil {
		t.Fatal(err)
	}
	return b
}

// bench has what the proofs of one engine share.
type bench struct {
	Subject
	pg   *pgconn.PgConn
	conn backend.Conn
	// tables are those made so far, by name; accepted the edges that the engine stores, by type.
	tables   map[string]*dialect.Table
	accepted map[string][]string
	// unusable says why the engine stores no value of a type.
	unusable map[string]error

	statements, values int
}

// prove proves one entry.
func (b *bench) prove(ctx context.Context, signature string) error {
	c, ok := constructOf(signature)
	if !ok {
		return fmt.Errorf("%s has a type that this test has no values of", signature)
	}
	ctx, done := context.WithTimeout(ctx, limit)
	defer done()
	table, err := b.table(ctx, c.types)
	if err != nil {
		return err
	}
	p := &proof{bench: b, table: table, from: fmt.Sprintf("%q.%q", table.Schema, table.Name)}
	switch c.kind {
	case groupKind:
		err = p.group(ctx)
	case orderKind:
		err = p.order(ctx)
	case aggregateKind:
		err = p.aggregate(ctx, c)
	default:
		err = p.scalar(ctx, c)
	}
	if err == nil && p.reached == 0 {
		return fmt.Errorf("no statement reaches the entry: %w", p.refused)
	}
	return err
}

// proof is the work on one entry.
type proof struct {
	*bench
	table *dialect.Table
	from  string
	// reached counts the statements that compiled, refused is the last reason of one that did not.
	reached int
	refused error
}

// operands are the names of a table's columns.
func operands(n int) []string {
	return []string{"a", "b", "c", "d"}[:n]
}

// scalar tries an expression between columns, and with each constant and parameter as each operand.
func (p *proof) scalar(ctx context.Context, c construct) error {
	names := operands(len(c.types))
	if err := p.compare(ctx, "SELECT id, "+c.write(names)+" FROM "+p.from, nil); err != nil {
		return err
	}
	for i, typ := range c.types {
		for _, constant := range p.constants(typ, i) {
			with := append([]string(nil), names...)
			for j := 1; j < len(with); j++ {
				with[j] = p.some(c.types[j], j) // guards may ask for several constants
			}
			with[i] = constant
			if err := p.compare(ctx, "SELECT id, "+c.write(with)+" FROM "+p.from, nil); err != nil {
				return err
			}
		}
		if err := p.parameters(ctx, c, names, i); err != nil {
			return err
		}
	}
	return nil
}

// constants are the values of an operand as the statement says them, NULL first.
func (p *proof) constants(typ string, operand int) []string {
	sql := columnType(typ, operand)
	all := []string{"NULL::" + sql}
	for _, v := range p.accepted[key(typ, operand)] {
		all = append(all, sqlparse.QuoteLiteral(v)+"::"+sql)
	}
	return all
}

// some is a constant that is not zero or empty.
func (p *proof) some(typ string, operand int) string {
	all := p.constants(typ, operand)
	return all[1+len(all)/2]
}

// parameters tries each value of an operand as a parameter.
func (p *proof) parameters(ctx context.Context, c construct, names []string, operand int) error {
	with := append([]string(nil), names...)
	with[operand] = "$1::" + plainType(c.types[operand])
	text := "SELECT id, " + c.write(with) + " FROM " + p.from
	if !strings.Contains(text, "$1") {
		return nil // a COALESCE, whose first operand stands for nothing
	}
	all := p.accepted[key(c.types[operand], operand)]
	params := [][]byte{nil}
	for _, v := range all {
		params = append(params, []byte(v))
	}
	for _, v := range params {
		if err := p.compare(ctx, text, [][]byte{v}); err != nil {
			return err
		}
	}
	return nil
}

// plainType is a type's name without a modifier.
func plainType(typname string) string {
	if name := sqlNames[typname]; name != "" {
		return name
	}
	return typname
}

// compare runs a statement of an id and a value on both and compares value by value. Where PostgreSQL refuses a row, the
// engine must refuse it too.
func (p *proof) compare(ctx context.Context, text string, params [][]byte) error {
	program, err := p.compile(text)
	if program == nil {
		return err
	}
	mine, mineErr := p.run(ctx, program, params)
	theirs, theirErr := p.ask(ctx, text, params...)
	switch {
	case mineErr == nil && theirErr == nil:
		return p.same(text, byID(mine), byID(theirs))
	case theirErr != nil && mineErr != nil, isUnproven(mineErr):
		if strings.Contains(text, " WHERE ") || strings.HasPrefix(text, "SELECT 1,") {
			return nil
		}
		return p.rowByRow(ctx, text, params)
	case theirErr != nil:
		return fmt.Errorf("%s: PostgreSQL refuses (%w), the engine answers", text, theirErr)
	}
	return fmt.Errorf("%s: the engine refuses: %w", text, mineErr)
}

// few is how many rows are compared one by one where many statements are alike.
const few = 40

// rowByRow compares the rows one by one, some of which PostgreSQL refuses.
func (p *proof) rowByRow(ctx context.Context, text string, params [][]byte) error {
	ids, err := p.ask(ctx, "SELECT id FROM "+p.from)
	if err != nil {
		return err
	}
	step := 1
	if len(ids) > few && strings.Contains(text, "::") {
		step = len(ids)/few + 1 // a statement with a constant or a parameter, of which there are many
	}
	for i := 0; i < len(ids); i += step {
		id := ids[i]
		one := text + " WHERE ((id = " + string(id[0]) + "))"
		program, err := p.compile(one)
		if program == nil {
			return err
		}
		mine, mineErr := p.run(ctx, program, params)
		theirs, theirErr := p.ask(ctx, one, params...)
		switch {
		case theirErr != nil && mineErr == nil:
			return fmt.Errorf("%s: PostgreSQL refuses (%w), the engine answers %s", one, theirErr, show(mine))
		case theirErr == nil && mineErr != nil && !isUnproven(mineErr):
			return fmt.Errorf("%s: the engine refuses: %w", one, mineErr)
		case theirErr == nil && mineErr == nil:
			if err := p.same(one, byID(mine), byID(theirs)); err != nil {
				return err
			}
		}
	}
	return nil
}

func isUnproven(err error) bool {
	var unproven *dialect.Unproven
	return errors.As(err, &unproven)
}

// compile gives nil for what is unproven.
func (p *proof) compile(text string) (backend.Program, error) {
	stmt, err := dialect.Parse(text, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	program, err := p.Engine.Compile(stmt)
	if isUnproven(err) {
		p.refused = err
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	p.reached++
	p.statements++
	return program, nil
}

// Table implements dialect.Resolver.
func (b *bench) Table(_, name string) *dialect.Table { return b.tables[name] }

// byID keys rows by their first value.
func byID(rows [][][]byte) map[string][][]byte {
	all := map[string][][]byte{}
	for _, r := range rows {
		all[string(r[0])] = r
	}
	return all
}

// same compares rows by their id.
func (p *proof) same(text string, mine, theirs map[string][][]byte) error {
	for id, want := range theirs {
		got, ok := mine[id]
		if !ok {
			return fmt.Errorf("%s: the engine has no row %s", text, id)
		}
		p.values++
		if show([][][]byte{got}) != show([][][]byte{want}) {
			return fmt.Errorf("%s: for %s the engine gives %s, PostgreSQL %s", text, p.inputs(id), show([][][]byte{got}), show([][][]byte{want}))
		}
	}
	if len(mine) != len(theirs) {
		return fmt.Errorf("%s: the engine gives %d rows, PostgreSQL %d", text, len(mine), len(theirs))
	}
	return nil
}

// inputs shows the operands of a row.
func (p *proof) inputs(id string) string {
	rows, err := p.ask(context.Background(), "SELECT * FROM "+p.from+" WHERE id = "+id)
	if err != nil {
		return "row " + id
	}
	return show(rows)
}

// show writes rows for a message and for comparison.
func show(rows [][][]byte) string {
	var b strings.Builder
	for _, r := range rows {
		for i, v := range r {
			if i > 0 {
				b.WriteByte('|')
			}
			if v == nil {
				b.WriteString("NULL")
			} else {
				fmt.Fprintf(&b, "%q", v)
			}
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}
