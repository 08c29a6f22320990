package session

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/search"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// ranking is a SELECT … ORDER BY similarity(…) DESC LIMIT n, whose rows are among those that an index finds, if enough of
// these pass the statement's conditions. Home is asked how many do before the statement runs over them alone; where too
// few do, the conditions leave few rows, or the index is small, and every row that passes gets its similarity.
type ranking struct {
	s *session
	// search is what the rows are ordered by.
	search *sqlparse.Search
	// asks gives the query as a text, LIMIT and OFFSET.
	asks string
	// near is the statement over some rows of the index; passing gives a row for each that passes. Which they are is a
	// parameter behind the clients.
	near, passing string
	clients       int
	// functions are those that near calls beside searches.
	functions []string

	// name is the name of near's statement on home, made the statement, nil until it is needed first, and types those of
	// the client's parameters. known says that home was asked for the functions.
	name  string
	made  statement
	types []uint32
	known bool
	never bool
}

// The numbers of nearest rows that are looked at.
const (
	// leastNear is the least number, and manyNear the number for each row that is wanted.
	leastNear = 64
	manyNear  = 4
	// nearTries is how often home is asked how many rows pass.
	nearTries = 2
	// nearShare is the part of an index's rows from which on every row is looked at instead.
	nearShare = 10
)

// rankingOf gives the ranking of a statement; nil for one that is to be run as it is written.
func (s *session) rankingOf(script *sqlparse.Script, st *sqlparse.Statement, infos map[string]*search.Info) *ranking {
	sel := st.Node.GetSelectStmt()
	if sel == nil || len(st.Calls) > 0 || len(st.Relations) > 0 || !plainSelect(sel) || s.mentionsOf(script, st) != nil {
		return nil
	}
	for _, c := range st.Searches {
		if c.Func != "similarity" {
			return nil
		}
	}
	by, call := orderedBy(sel, st.Searches)
	if by == nil || infos[by.Index] == nil || searched(sel.WhereClause, st.Searches) {
		return nil
	}
	row := call.Args[1].GetColumnRef().GetFields()
	if len(row) != 1 || !standsIn(sel.FromClause, row[0].GetString_().GetSval(), st.Searches) {
		return nil
	}
	r := &ranking{s: s, search: by, clients: maxParam(st.Node)}
	var ok bool
	if r.functions, ok = functionsOf(st.Node, st.Searches); !ok || readsRow(call.Args[2]) {
		return nil
	}
	if !r.write(script.Text, sel, infos[by.Index]) {
		return nil
	}
	return r
}

// plainSelect reports whether a SELECT gives a row for each that passes its conditions, and with LIMIT a number or parameter.
func plainSelect(sel *pg_query.SelectStmt) bool {
	return sel.Op == pg_query.SetOperation_SETOP_NONE && sel.LimitOption == pg_query.LimitOption_LIMIT_OPTION_COUNT && sel.WithClause == nil && sel.IntoClause == nil &&
		sel.HavingClause == nil && len(sel.DistinctClause)+len(sel.GroupClause)+len(sel.WindowClause)+len(sel.LockingClause)+len(sel.ValuesLists) == 0 &&
		numberText(sel.LimitCount) != "" && (sel.LimitOffset == nil || numberText(sel.LimitOffset) != "")
}

// numberText is the text of a number or parameter; "" for any other expression.
func numberText(n *pg_query.Node) string {
	if p := n.GetParamRef(); p != nil {
		return "$" + strconv.Itoa(int(p.Number))
	}
	if c := n.GetAConst(); c != nil && c.GetVal() != nil && !c.Isnull {
		if _, is := c.Val.(*pg_query.A_Const_Ival); is {
			return strconv.Itoa(int(c.GetIval().GetIval()))
		}
	}
	return ""
}

// searchAt gives the search that a call of a function is; nil for any other.
func searchAt(call *pg_query.FuncCall, searches []*sqlparse.Search) *sqlparse.Search {
	for _, c := range searches {
		if call != nil && c.Span.Start == int(call.Location) {
			return c
		}
	}
	return nil
}

// orderedBy gives the similarity by which rows are ordered first, the greatest first, by itself or by its name or place in
// the select list.
func orderedBy(sel *pg_query.SelectStmt, searches []*sqlparse.Search) (*sqlparse.Search, *pg_query.FuncCall) {
	if len(sel.SortClause) == 0 {
		return nil, nil
	}
	by := sel.SortClause[0].GetSortBy()
	if by.GetSortbyDir() != pg_query.SortByDir_SORTBY_DESC {
		return nil, nil
	}
	node := by.Node
	place := node.GetAConst().GetIval().GetIval()
	name := ""
	if f := node.GetColumnRef().GetFields(); len(f) == 1 {
		name = f[0].GetString_().GetSval()
	}
	for i, t := range sel.TargetList {
		item := t.GetResTarget()
		own := item.GetName()
		if own == "" && searchAt(item.GetVal().GetFuncCall(), searches) != nil {
			own = "similarity"
		}
		if item.GetVal().GetColumnRef() != nil && place > 0 && i < int(place) && len(item.GetVal().GetColumnRef().Fields) > 0 {
			if last := item.GetVal().GetColumnRef().Fields; last[len(last)-1].GetAStar() != nil {
				return nil, nil // nobody knows here how many columns that is
			}
		}
		if name != "" && own == name || int(place) == i+1 {
			node = item.GetVal()
			break
		}
	}
	call := node.GetFuncCall()
	return searchAt(call, searches), call
}

// searched reports whether a search stands in an expression or a relation.
func searched(n *pg_query.Node, searches []*sqlparse.Search) bool {
	found := false
	if n != nil {
		sqlparse.Walk(n, func(n *pg_query.Node) bool {
			found = found || searchAt(n.GetFuncCall(), searches) != nil
			return !found
		})
	}
	return found
}

// readsRow reports whether an expression reads columns or tables.
func readsRow(n *pg_query.Node) bool {
	reads := false
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		reads = reads || n.GetColumnRef() != nil || n.GetSubLink() != nil
		return !reads
	})
	return reads
}

// standsIn reports whether a relation of a name stands in FROM where no outer join adds rows without it.
func standsIn(from []*pg_query.Node, name string, searches []*sqlparse.Search) bool {
	for _, item := range from {
		switch n := item.GetNode().(type) {
		case *pg_query.Node_RangeVar:
			if n.RangeVar.GetAlias().GetAliasname() == name || n.RangeVar.GetAlias() == nil && n.RangeVar.Relname == name {
				return true
			}
		case *pg_query.Node_RangeSubselect:
			if n.RangeSubselect.GetAlias().GetAliasname() == name && !searched(item, searches) {
				return true
			}
		case *pg_query.Node_JoinExpr:
			var sides []*pg_query.Node
			switch n.JoinExpr.Jointype {
			case pg_query.JoinType_JOIN_INNER:
				sides = []*pg_query.Node{n.JoinExpr.Larg, n.JoinExpr.Rarg}
			case pg_query.JoinType_JOIN_LEFT:
				sides = []*pg_query.Node{n.JoinExpr.Larg}
			case pg_query.JoinType_JOIN_RIGHT:
				sides = []*pg_query.Node{n.JoinExpr.Rarg}
			}
			if n.JoinExpr.Alias == nil && !searched(item, searches) && standsIn(sides, name, searches) {
				return true
			}
		}
	}
	return false
}

// functionsOf lists the functions that are called beside searches. It is not ok where one is called as an aggregate or over a
// window.
func functionsOf(n *pg_query.Node, searches []*sqlparse.Search) (names []string, ok bool) {
	ok = true
	sqlparse.Walk(n, func(n *pg_query.Node) bool {
		f := n.GetFuncCall()
		if f == nil || searchAt(f, searches) != nil {
			return ok
		}
		ok = ok && f.Over == nil && f.AggFilter == nil && !f.AggStar && !f.AggDistinct && !f.AggWithinGroup && len(f.AggOrder) == 0
		names = append(names, f.Funcname[len(f.Funcname)-1].GetString_().GetSval())
		return ok
	})
	return names, ok
}

// write writes what home is asked. It reports false for what cannot be written.
func (r *ranking) write(text string, sel *pg_query.SelectStmt, info *search.Info) bool {
	row, list, columns := r.search.Row.Of(text), make([]string, len(info.Key)), make([]string, len(info.Key))
	found := make([]string, len(info.Key))
	for i, k := range info.Key {
		list[i], found[i], columns[i] = row+"."+k.Name, "found."+k.Name, k.Name+" "+k.Type
	}
	made, err := pg_query.Parse(fmt.Sprintf("SELECT WHERE (%s) IN (SELECT %s FROM pg_catalog.jsonb_to_recordset($%d::pg_catalog.jsonb) AS found(%s))",
		strings.Join(list, ", "), strings.Join(found, ", "), r.clients+1, strings.Join(columns, ", ")))
	if err != nil {
		return false
	}
	own := proto.Clone(sel).(*pg_query.SelectStmt)
	among := made.Stmts[0].Stmt.GetSelectStmt().WhereClause
	if own.WhereClause != nil {
		among = &pg_query.Node{Node: &pg_query.Node_BoolExpr{BoolExpr: &pg_query.BoolExpr{Boolop: pg_query.BoolExprType_AND_EXPR, Args: []*pg_query.Node{own.WhereClause, among}}}}
	}
	own.WhereClause = among
	if r.near, err = deparse(own); err != nil {
		return false
	}
	limit, offset := numberText(own.LimitCount), "0"
	if own.LimitOffset != nil {
		offset = numberText(own.LimitOffset)
	}
	own.TargetList, own.SortClause, own.LimitCount, own.LimitOffset = nil, nil, nil, nil
	own.LimitOption = pg_query.LimitOption_LIMIT_OPTION_DEFAULT
	if r.passing, err = deparse(own); err != nil {
		return false
	}
	query := "(" + r.search.Query.Of(text) + ")"
	if r.search.ByKey {
		for i, k := range r.search.Key {
			list[i] = "(" + k.Of(text) + ")::" + info.Key[i].Type
		}
		query = "pg_catalog.jsonb_build_array(" + strings.Join(list, ", ") + ")"
	}
	r.asks = "SELECT " + query + "::pg_catalog.text, (" + limit + ")::pg_catalog.int8::pg_catalog.text, (" + offset + ")::pg_catalog.int8::pg_catalog.text"
	return true
}

func deparse(sel *pg_query.SelectStmt) (string, error) {
	return pg_query.Deparse(&pg_query.ParseResult{Stmts: []*pg_query.RawStmt{{Stmt: &pg_query.Node{Node: &pg_query.Node_SelectStmt{SelectStmt: sel}}}}})
}

// prepare notes under which name the statement is prepared.
func (r *ranking) prepare(_ context.Context, _ *homeSide, name string, types []uint32) error {
	r.name, r.types, r.made = "pinnacle_near_"+name, append(append([]uint32{}, types...), make([]uint32, max(0, r.clients-len(types)))...), nil
	return nil
}

func (r *ranking) renew(ctx context.Context, h *homeSide) error {
	if r.made == nil {
		return nil
	}
	return unpositioned(r.made.renew(ctx, h))
}

func (r *ranking) drop(ctx context.Context, h *homeSide) error {
	if r.made == nil {
		return nil
	}
	return r.made.drop(ctx, h)
}

// bind gives a portal over the nearest rows of which enough pass; nil where every row is to be looked at.
func (r *ranking) bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	if plain, err := r.plain(ctx, h); err != nil || !plain {
		return nil, err
	}
	var query *string
	var limit, offset int64
	err := h.bound(ctx, r.asks, r.types[:r.clients], b, func(v [][]byte) error {
		if len(v) != 3 || v[0] == nil || v[1] == nil || v[2] == nil {
			return nil
		}
		text := string(v[0])
		query = &text
		var err error
		if limit, err = strconv.ParseInt(string(v[1]), 10, 64); err == nil {
			offset, err = strconv.ParseInt(string(v[2]), 10, 64)
		}
		return err
	})
	if err != nil || query == nil || limit <= 0 || offset < 0 || limit > search.MaxNearest || offset > search.MaxNearest {
		return nil, err
	}
	rows, err := r.enough(ctx, h, b, *query, int(limit+offset))
	if err != nil || rows == "" {
		return nil, err
	}
	return r.over(ctx, h, b, rows)
}

// plain reports whether the functions that are called are plain ones, which may be called once more.
func (r *ranking) plain(ctx context.Context, h *homeSide) (bool, error) {
	if r.known || len(r.functions) == 0 {
		return !r.never, nil
	}
	c := &catalog{ctx: ctx, s: r.s, h: h}
	known, err := c.known(r.functions)
	if err != nil {
		return false, err
	}
	r.known = true
	for _, f := range r.functions {
		r.never = r.never || known[f].kind != 0 || known[f].volatile
	}
	return !r.never, nil
}

// enough looks for so many of the nearest rows that the wanted number of them passes; "" where these would be too many.
func (r *ranking) enough(ctx context.Context, h *homeSide, b *pgproto3.Bind, query string, wanted int) (string, error) {
	by := search.ByQuery
	if r.search.ByKey {
		by = search.ByKey
	}
	n := max(leastNear, manyNear*wanted)
	for range nearTries {
		if n > search.MaxNearest {
			return "", nil
		}
		near, err := r.s.cfg.Searches.Near(ctx, r.search.Index, by, query, n)
		if err != nil || n > near.Of/nearShare {
			return "", err
		}
		passed := 0
		text := "SELECT pg_catalog.count(*)::pg_catalog.text FROM (" + r.passing + " LIMIT " + strconv.Itoa(wanted) + ") AS passing"
		err = h.bound(ctx, text, append(r.types[:r.clients:r.clients], udf.JSONB.OID()), with(b, r.clients, near.Rows), func(v [][]byte) (err error) {
			passed, err = strconv.Atoi(string(v[0]))
			return err
		})
		if err != nil {
			return "", err
		}
		if passed >= wanted {
			return near.Rows, nil
		}
		n = max(2*n, 2*wanted*n/max(1, passed))
	}
	return "", nil
}

// over gives a portal over some rows of the index.
func (r *ranking) over(ctx context.Context, h *homeSide, b *pgproto3.Bind, rows string) (cursor, error) {
	if r.made == nil {
		script, err := sqlparse.Parse(r.near, r.s.cfg.Parse)
		if err != nil {
			return nil, err
		}
		if len(script.Statements) != 1 {
			return nil, fmt.Errorf("a ranked statement became %d statements", len(script.Statements))
		}
		made, err := r.s.overSearches(script, script.Statements[0], true)
		if err != nil {
			return nil, err
		}
		h.forget(r.name) // one that a failed statement has left
		if err := made.prepare(ctx, h, r.name, append(r.types[:r.clients:r.clients], udf.JSONB.OID())); err != nil {
			return nil, err
		}
		r.made = made
	}
	own := with(b, r.clients, rows)
	own.PreparedStatement = r.name
	return r.made.bind(ctx, h, own)
}

// with is a Bind with one more parameter behind those that there are, as text.
func with(b *pgproto3.Bind, clients int, text string) *pgproto3.Bind {
	own := *b
	own.Parameters = append(append([][]byte{}, b.Parameters[:min(clients, len(b.Parameters))]...), []byte(text))
	own.ParameterFormatCodes = append(parameterFormats(b, len(own.Parameters)-1), 0)
	return &own
}

// parameterFormats gives the formats of a Bind's first parameters, one for each.
func parameterFormats(b *pgproto3.Bind, n int) []int16 {
	formats := make([]int16, n)
	for i := range formats {
		switch codes := b.ParameterFormatCodes; {
		case len(codes) == 1:
			formats[i] = codes[0]
		case i < len(codes):
			formats[i] = codes[i]
		}
	}
	return formats
}

// bound runs a query of the proxy's own with the parameters of a Bind, and gives its rows, as text, to each.
func (h *homeSide) bound(ctx context.Context, text string, types []uint32, b *pgproto3.Bind, each func([][]byte) error) error {
	params := b.Parameters[:min(len(types), len(b.Parameters))]
	return h.query(ctx, stream.Query{Text: text, Types: types, Params: params}, parameterFormats(b, len(params)), each)
}
