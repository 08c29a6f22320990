package session

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/foreign"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// Direct runs on a databackend what postgres_fdw would send there. *foreign.Server is one.
type Direct interface {
	// Compile understands a text of postgres_fdw's.
	Compile(text string) (*foreign.Statement, error)
	// Run runs one, in the transaction that a process of home has begun at the databackend, or in one of its own.
	Run(ctx context.Context, process uint32, st *foreign.Statement, params [][]byte) (rows backend.Rows, n int64, err error)
	// InTransaction reports whether a process of home has begun a transaction there.
	InTransaction(process uint32) bool
}

// directPlan is a SELECT that home would answer by one scan of the databackend and nothing else.
type directPlan struct {
	st *foreign.Statement
	// columns says for each column of the client's which one of the scan's it is, params for each parameter of the scan which
	// one of the client's, from 0.
	columns, params []int
	// fields are the client's columns as home describes them, types its parameters' types.
	fields []pgproto3.FieldDescription
	types  []uint32
	values []directValue
}

// directKey is what a plan holds for: the text that home would run, what it stands for and what decides about its plan.
type directKey struct {
	text, state, declared string
	version               uint64
}

// directPlans bounds the plans that are kept, and the texts that are counted.
const directPlans = 2048

// plannedAt is the run of a text in which it is planned: one that is run once is not worth it.
const plannedAt = 2

// directEntry is what is known of one key: how often it was run, and its plan. With ready set, a nil plan says that there is
// none.
type directEntry struct {
	runs  int
	ready bool
	plan  *directPlan
}

// directCache keeps plans. It is safe for concurrent use.
type directCache struct {
	mu      sync.Mutex
	entries map[directKey]*directEntry
}

// get gives the plan of a key, if there is one, without noting a run.
func (c *directCache) get(key directKey) *directPlan {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil {
		return e.plan
	}
	return nil
}

// count notes a run. It gives the plan, if there is one, and says whether the key is to be planned now.
func (c *directCache) count(key directKey) (plan *directPlan, due bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e == nil {
		e = &directEntry{}
		if c.entries == nil {
			c.entries = map[directKey]*directEntry{}
		}
		for other := range c.entries {
			if len(c.entries) < directPlans {
				break
			}
			delete(c.entries, other)
		}
		c.entries[key] = e
	}
	e.runs++
	return e.plan, !e.ready && e.runs >= plannedAt
}

// put keeps a plan, or that there is none.
func (c *directCache) put(key directKey, plan *directPlan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[key] != nil {
		c.entries[key] = &directEntry{ready: true, plan: plan}
	}
}

// mayBeDirect reports whether the statement as it stands may be answered by one scan: a SELECT over mirrored relations, all of
// which the role may read.
func (f *foreignStatement) mayBeDirect() bool {
	q := f.st.Node.GetSelectStmt()
	if f.s.cfg.Direct == nil || f.spliced == nil || q == nil || q.IntoClause != nil || len(q.LockingClause) > 0 {
		return false
	}
	return !slices.ContainsFunc(f.found, func(m mirrored) bool { return m.child == 0 || !m.readable })
}

// directKey is the key of the statement as it stands.
func (f *foreignStatement) directKey() directKey {
	_, version := f.s.cfg.Foreign.Mirrored()
	var b strings.Builder
	for _, m := range f.found {
		b.WriteString(strconv.FormatUint(uint64(m.child), 10) + " ")
	}
	for _, oid := range f.declared {
		b.WriteString("$" + strconv.FormatUint(uint64(oid), 10))
	}
	return directKey{text: f.text, state: f.s.state.plans, declared: b.String(), version: version}
}

// plan gives the statement's plan, and makes it where that is due; nil where home is to run it. Home plans it once in a
// message of its own, outside of a transaction block: an error there is nobody's.
func (f *foreignStatement) directPlan(ctx context.Context, h *homeSide) (*directPlan, error) {
	if !f.mayBeDirect() {
		return nil, nil
	}
	key := f.directKey()
	plan, due := f.s.direct.count(key)
	if !due || !h.alone || h.x.TxStatus() != 'I' || h.x.InBlock() {
		return plan, nil
	}
	plan, err := f.makeDirect(ctx, h)
	if sqlState(err) != "" && ctx.Err() == nil {
		if err := h.x.Settle(ctx); err != nil {
			return nil, err
		}
		err = nil
	}
	if err == nil {
		f.s.direct.put(key, plan)
	}
	return plan, err
}

// planName is the name on home of a statement that is planned only.
const planName = "pinnacle_plan"

// makeDirect asks home for the plan that holds for all parameters.
func (f *foreignStatement) makeDirect(ctx context.Context, h *homeSide) (*directPlan, error) {
	h.forget(planName)
	d, err := h.prepare(ctx, planName, f.text, f.declared)
	if err != nil {
		return nil, err
	}
	f.own(d.fields)
	marks := make([]string, len(d.params))
	nulls := make([]string, len(d.params))
	for i := range nulls {
		nulls[i] = "NULL"
	}
	scan, err := h.scanOf(ctx, "force_generic_plan", nulls)
	if err != nil {
		return nil, err
	}
	plan := f.readDirect(scan, d)
	if plan != nil && plan.st.Params > 0 {
		for i, oid := range d.params {
			if marks[i] = mark(i, oid); marks[i] == "" {
				return nil, h.closeStatement(ctx, planName)
			}
		}
		marked, err := h.scanOf(ctx, "force_custom_plan", marks)
		if err != nil {
			return nil, err
		}
		if plan.params = scanParams(scan.Remote, marked.Remote, marks, plan.st.Params); plan.params == nil {
			plan = nil
		}
	}
	return plan, h.closeStatement(ctx, planName)
}

// mark is a constant of a type that stands for a parameter, spelt as postgres_fdw spells it; "" for a type that has none.
func mark(i int, oid uint32) string {
	if i >= maxMarks {
		return ""
	}
	switch oid {
	case pgtype.Int2OID:
		return fmt.Sprintf("310%02d", i)
	case pgtype.Int4OID:
		return fmt.Sprintf("17031847%02d", i)
	case pgtype.Int8OID:
		return fmt.Sprintf("17031847031847%02d", i)
	case pgtype.TextOID, pgtype.VarcharOID:
		return fmt.Sprintf("'pinnacle parameter %02d'", i)
	case pgtype.UUIDOID:
		return fmt.Sprintf("'00000000-0000-4000-8000-0318470318%02d'", i)
	case pgtype.DateOID:
		return fmt.Sprintf("'%d-03-18'", 5001+i)
	case pgtype.BoolOID:
		return map[int]string{0: "true"}[i]
	}
	return ""
}

// maxMarks is how many parameters can be told from each other.
const maxMarks = 20

// foreignScan is a node of EXPLAIN's.
type foreignScan struct {
	Node      string            `json:"Node Type"`
	Operation string            `json:"Operation"`
	Output    []string          `json:"Output"`
	Remote    string            `json:"Remote SQL"`
	Relations string            `json:"Relations"`
	Relation  string            `json:"Relation Name"`
	Alias     string            `json:"Alias"`
	Filter    string            `json:"Filter"`
	Plans     []json.RawMessage `json:"Plans"`
}

// scanOf has home plan the prepared statement with arguments, in a mode of plan_cache_mode, and gives the plan's root.
func (h *homeSide) scanOf(ctx context.Context, mode string, args []string) (foreignScan, error) {
	text := "EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) EXECUTE " + planName
	if len(args) > 0 {
		text += "(" + strings.Join(args, ", ") + ")"
	}
	err := h.do(ctx, "SELECT pg_catalog.set_config('pinnacle.plan_cache_mode', pg_catalog.current_setting('plan_cache_mode'), true), "+
		"pg_catalog.set_config('plan_cache_mode', '"+mode+"', true)")
	if err != nil {
		return foreignScan{}, err
	}
	var all []struct{ Plan foreignScan }
	err = h.rows(ctx, stream.Query{Text: text, Formats: []int16{0}}, func(v [][]byte) error {
		return json.Unmarshal(v[0], &all)
	})
	if err != nil || len(all) != 1 {
		return foreignScan{}, err
	}
	return all[0].Plan, h.do(ctx, "SELECT pg_catalog.set_config('plan_cache_mode', pg_catalog.current_setting('pinnacle.plan_cache_mode'), true)")
}

// readDirect makes a plan of one foreign scan; nil where it is anything else, or where it is not certain which column and
// which parameter is which.
func (f *foreignStatement) readDirect(scan foreignScan, d *described) *directPlan {
	if scan.Node != "Foreign Scan" || scan.Operation != "Select" || scan.Filter != "" || len(scan.Plans) > 0 || len(scan.Output) != len(d.fields) {
		return nil
	}
	st, err := f.s.cfg.Direct.Compile(scan.Remote)
	if err != nil || st.Unproven != nil || !st.Reads() {
		return nil
	}
	p := &directPlan{st: st, fields: d.fields, types: d.params}
	if p.columns = scanColumns(scan); p.columns == nil {
		return nil
	}
	for i, at := range p.columns {
		if at >= len(st.Columns) || st.Columns[at].OID != d.fields[i].DataTypeOID {
			return nil
		}
		value, ok := valueOf(d.fields[i].DataTypeOID, d.fields[i].TypeModifier)
		if !ok {
			return nil
		}
		p.values = append(p.values, value)
	}
	return p
}

// scanParams says which of the client's parameters, from 0, each of a remote query's is, which postgres_fdw has numbered anew:
// marked is the query for constants in place of the parameters. It is nil where the two queries differ in more.
func scanParams(remote, marked string, marks []string, n int) []int {
	a, err := sqlparse.Tokens(remote)
	if err != nil {
		return nil
	}
	b, err := sqlparse.Tokens(marked)
	if err != nil {
		return nil
	}
	params := slices.Repeat([]int{-1}, n)
	j := 0
	for i := 0; i < len(a); i++ {
		if j >= len(b) {
			return nil
		}
		word, other := a[i].Span.Of(remote), b[j].Span.Of(marked)
		j++
		if a[i].Kind != pg_query.Token_PARAM {
			if word != other {
				return nil
			}
			continue
		}
		number, _ := strconv.Atoi(word[1:]) // the scanner's own
		at := slices.Index(marks, other)
		if number < 1 || number > n || at < 0 || params[number-1] >= 0 && params[number-1] != at {
			return nil
		}
		params[number-1] = at
		i, j = behindCast(a, i+1, remote)-1, behindCast(b, j, marked)
	}
	if j < len(b) || slices.Contains(params, -1) {
		return nil
	}
	return params
}

// behindCast is the index behind a cast that begins at token i, or i where there is none. A type's name ends at a parenthesis
// or a comma, or before the next clause.
func behindCast(toks []sqlparse.Token, i int, text string) int {
	if i >= len(toks) || toks[i].Kind != pg_query.Token_TYPECAST {
		return i
	}
	for i++; i < len(toks); i++ {
		switch word := toks[i].Span.Of(text); {
		case toks[i].Kind == pg_query.Token_ASCII_40 && i+2 < len(toks) && toks[i+1].Kind == pg_query.Token_ICONST: // (10,2)
			for i < len(toks) && toks[i].Kind != pg_query.Token_ASCII_41 {
				i++
			}
		case word == "OFFSET", word[0] != '"' && word[0] != '_' && (word[0]|0x20 < 'a' || word[0]|0x20 > 'z'):
			return i
		}
	}
	return i
}

// scanColumns says for each output of a foreign scan which column of its remote query it is; nil where that is not certain.
func scanColumns(scan foreignScan) []int {
	toks, err := sqlparse.Tokens(scan.Remote)
	if err != nil || len(toks) == 0 || toks[0].Kind != pg_query.Token_SELECT {
		return nil
	}
	list, from := selectList(scan.Remote, toks)
	names := scanAliases(scan, from)
	if names == nil {
		return nil
	}
	columns := make([]int, len(scan.Output))
	for i, out := range scan.Output {
		spelt, ok := spelling(out, names)
		if !ok {
			return nil
		}
		if columns[i] = slices.Index(list, spelt); columns[i] < 0 {
			return nil
		}
	}
	return columns
}

// selectList gives the items of a SELECT, in one spelling, and its FROM clause's text.
func selectList(text string, toks []sqlparse.Token) (list []string, from string) {
	depth, start := 0, 1
	item := func(end int) {
		if end > start {
			spelt, _ := spelling(text[toks[start].Span.Start:toks[end-1].Span.End], nil)
			list = append(list, spelt)
		}
		start = end + 1
	}
	for i, t := range toks {
		switch t.Kind {
		case pg_query.Token_ASCII_40, pg_query.Token_ASCII_91:
			depth++
		case pg_query.Token_ASCII_41, pg_query.Token_ASCII_93:
			depth--
		case pg_query.Token_ASCII_44:
			if depth == 0 {
				item(i)
			}
		case pg_query.Token_FROM:
			if depth == 0 {
				item(i)
				return list, text[t.Span.End:]
			}
		}
	}
	return nil, ""
}

// spelling is an expression in one spelling: without parentheses around all of it, and with aliases replaced by names; the
// name "" takes the alias away.
func spelling(text string, names map[string]string) (string, bool) {
	toks, err := sqlparse.Tokens(text)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	toks = sqlparse.Unwrapped(toks)
	for i := 0; i < len(toks); i++ {
		word := toks[i].Span.Of(text)
		if i+1 < len(toks) && toks[i+1].Kind == pg_query.Token_ASCII_46 {
			if name, ok := names[word]; ok && name == "" {
				i++
				continue
			} else if ok {
				word = name
			}
		}
		b.WriteString(word + " ")
	}
	return b.String(), true
}

// scanAliases says by which name the remote query knows the relations of a scan, by their names or aliases in the local one.
// postgres_fdw names them both in one order; one alone has no name there.
func scanAliases(scan foreignScan, from string) map[string]string {
	if scan.Relations == "" {
		return map[string]string{scan.Alias: "", sqlparse.QuoteIdentifier(scan.Alias): ""}
	}
	toks, err := sqlparse.Tokens(scan.Relations)
	if err != nil {
		return nil
	}
	var local []string
	for i := 0; i+2 < len(toks); i++ { // schema . name [alias]
		if toks[i+1].Kind != pg_query.Token_ASCII_46 {
			continue
		}
		name := toks[i+2].Span.Of(scan.Relations)
		if i+3 < len(toks) && toks[i+3].Kind != pg_query.Token_ASCII_41 {
			name = toks[i+3].Span.Of(scan.Relations)
		}
		local = append(local, name)
		i += 2
	}
	if len(local) == 1 {
		return map[string]string{local[0]: ""}
	}
	names := map[string]string{}
	remote := remoteAliases(from)
	if len(remote) != len(local) {
		return nil
	}
	for i, name := range local {
		if _, twice := names[name]; twice {
			return nil
		}
		names[name] = remote[i]
	}
	return names
}

// remoteAliases are the names r1, r2, … that follow relations in a FROM clause, in their order.
func remoteAliases(from string) []string {
	toks, err := sqlparse.Tokens(from)
	if err != nil {
		return nil
	}
	var found []string
	for i := 3; i < len(toks); i++ { // schema . name alias
		word := toks[i].Span.Of(from)
		if toks[i].Kind == pg_query.Token_IDENT && toks[i-2].Kind == pg_query.Token_ASCII_46 && toks[i-1].Kind != pg_query.Token_ASCII_46 &&
			len(word) > 1 && word[0] == 'r' && strings.Trim(word[1:], "0123456789") == "" {
			found = append(found, word)
		}
	}
	return found
}
