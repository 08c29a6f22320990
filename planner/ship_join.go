package planner

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// joint is the FROM of a query to which tables of answers can be joined.
type joint struct {
	from sqlparse.Span
	// commas stand between its items, and joins are those of them that are joins themselves, without parentheses around.
	commas, joins []sqlparse.Span
	functions     map[*Function]bool
}

// joint finds the functions of Ahead all of whose calls stand in the query itself, outside of its subqueries, so that each
// finds its answer in a row of a table that is joined to FROM by their arguments. There are none where the rows of FROM have
// other uses: a star takes all columns of it, and a cursor's row can be changed only where it is of one table.
func (b *shipBuilder) joint(s *pg_query.SelectStmt, shape *sqlparse.SelectShape) {
	if b.req.Node.GetDeclareCursorStmt() != nil || len(b.plan.Ahead) == 0 {
		return
	}
	for _, t := range shape.Targets {
		if t.Star {
			return
		}
	}
	nested := map[*Function]bool{}
	sqlparse.Walk(&pg_query.Node{Node: &pg_query.Node_SelectStmt{SelectStmt: s}}, func(n *pg_query.Node) bool {
		if n.GetSubLink() == nil {
			return true
		}
		sqlparse.Walk(n, func(n *pg_query.Node) bool {
			if s := b.byFn[n.GetFuncCall()]; s != nil {
				nested[s.fn] = true
			}
			return true
		})
		return false
	})
	j := &joint{from: shape.From, functions: map[*Function]bool{}}
	for _, a := range b.plan.Ahead {
		j.functions[a.Function] = !nested[a.Function] && !a.several
	}
	toks := b.at.Tokens()
	start := b.at.After(shape.From.Start)
	for i := start; ; {
		end := b.find(i, pg_query.Token_ASCII_44)
		if end < 0 || toks[end].Span.Start >= shape.From.End {
			end = b.at.After(shape.From.End)
		}
		if n := len(j.commas); n >= len(s.FromClause) {
			return // the text is not as the tree says
		} else if join := s.FromClause[n].GetJoinExpr(); join != nil && join.Alias == nil {
			j.joins = append(j.joins, b.span(i, end))
		}
		if end >= len(toks) || toks[end].Span.Start >= shape.From.End {
			break
		}
		j.commas = append(j.commas, toks[end].Span)
		i = end + 1
	}
	if len(j.commas)+1 == len(s.FromClause) {
		b.joins = j
	}
}

// Joinable reports whether Inline can join a table to the rows of which a function's arguments are.
func (s *Ship) Joinable(f *Function) bool { return s.joints != nil && s.joints.functions[f] }

// editFrom joins what Ship.Inline was called with to FROM.
func (b *shipBuilder) editFrom() {
	j := b.joins
	if b.joined == "" || j == nil {
		return
	}
	for _, c := range j.commas {
		b.text.replace(c, " CROSS JOIN")
	}
	for _, s := range j.joins {
		b.text.replace(sqlparse.Span{Start: s.Start, End: s.Start}, "(")
		b.text.replace(sqlparse.Span{Start: s.End, End: s.End}, ")")
	}
	b.text.replace(sqlparse.Span{Start: j.from.End, End: j.from.End}, b.joined)
}
