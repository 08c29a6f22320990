package dialect

import (
	"fmt"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// Parse reads a statement of the canonical form: what postgres_fdw of PostgreSQL 14 to 18 sends (contrib/postgres_fdw/
// deparse.c), without the DECLARE … CURSOR FOR or EXPLAIN before it. Every expression gets the type that PostgreSQL gives
// it; one that is not known here (a function that is not PostgreSQL's own, say) has the zero Type and is no error.
//
// An error is a *ParseError, or a *sqlparse.Error for a text over the limits.
func Parse(text string, tables Resolver) (Statement, error) {
	if len(text) > shallow {
		if err := sqlparse.DefaultLimits().Check(text); err != nil {
			return nil, err
		}
	}
	tree, err := pg_query.Parse(text)
	if err != nil {
		return nil, &ParseError{Code: "42601", Message: err.Error()}
	}
	if len(tree.Stmts) != 1 {
		return nil, notCanonical(fmt.Sprintf("%d statements in one text", len(tree.Stmts)))
	}
	p := &parser{tables: tables, pg: postgres()}
	switch n := tree.Stmts[0].Stmt.Node.(type) {
	case *pg_query.Node_SelectStmt:
		return asStatement(p.selectStmt(n.SelectStmt, nil))
	case *pg_query.Node_InsertStmt:
		return asStatement(p.insert(n.InsertStmt))
	case *pg_query.Node_UpdateStmt:
		return asStatement(p.update(n.UpdateStmt))
	case *pg_query.Node_DeleteStmt:
		return asStatement(p.delete(n.DeleteStmt))
	case *pg_query.Node_TruncateStmt:
		return asStatement(p.truncate(n.TruncateStmt))
	}
	return nil, notCanonical("the kind of statement")
}

// shallow is the length, in bytes, of a text too short to nest deeper than the parser's stack allows.
const shallow = 1024

// asStatement keeps a typed nil out of the interface.
func asStatement[S Statement](s S, err error) (Statement, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// parser is the work on one text.
type parser struct {
	tables Resolver
	pg     *catalogue
}

// table resolves a name. The canonical form always says the schema.
func (p *parser) table(n *pg_query.RangeVar) (*Table, error) {
	t := p.tables.Table(n.Schemaname, n.Relname)
	if t == nil {
		return nil, &ParseError{Code: "42P01", Message: fmt.Sprintf("relation %q does not exist", n.Schemaname+"."+n.Relname)}
	}
	return t, nil
}

// relation is a table with its alias, added to the scope.
func (p *parser) relation(n *pg_query.RangeVar, in *scope) (*Relation, error) {
	t, err := p.table(n)
	if err != nil {
		return nil, err
	}
	r := &Relation{Table: t, Alias: n.GetAlias().GetAliasname()}
	in.sources = append(in.sources, source{alias: r.Alias, table: t})
	return r, nil
}

// from reads FROM, and adds what it names to the scope.
func (p *parser) from(list []*pg_query.Node, in *scope) (From, error) {
	var all From
	for _, n := range list {
		f, err := p.fromItem(n, in)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = f
		} else {
			all = &Join{Kind: CrossJoin, Left: all, Right: f}
		}
	}
	return all, nil
}

func (p *parser) fromItem(n *pg_query.Node, in *scope) (From, error) {
	switch n := n.Node.(type) {
	case *pg_query.Node_RangeVar:
		return asFrom(p.relation(n.RangeVar, in))
	case *pg_query.Node_RangeSubselect:
		return asFrom(p.subquery(n.RangeSubselect, in))
	case *pg_query.Node_RangeTableSample:
		return asFrom(p.sample(n.RangeTableSample, in))
	case *pg_query.Node_JoinExpr:
		return asFrom(p.join(n.JoinExpr, in))
	}
	return nil, notCanonical("an item of FROM")
}

func asFrom[F From](f F, err error) (From, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (p *parser) sample(n *pg_query.RangeTableSample, in *scope) (*Relation, error) {
	rv := n.Relation.GetRangeVar()
	if rv == nil || len(n.Args) != 1 || n.Repeatable != nil || len(n.Method) == 0 {
		return nil, notCanonical("TABLESAMPLE")
	}
	r, err := p.relation(rv, in)
	if err != nil {
		return nil, err
	}
	percent, err := p.expr(n.Args[0], in)
	if err != nil {
		return nil, err
	}
	r.Sample = &Sample{Method: n.Method[len(n.Method)-1].GetString_().GetSval(), Percent: p.coerce(percent, oidFloat4)}
	return r, nil
}

func (p *parser) subquery(n *pg_query.RangeSubselect, in *scope) (*Subquery, error) {
	inner := n.Subquery.GetSelectStmt()
	if inner == nil || n.Lateral || n.Alias == nil {
		return nil, notCanonical("a subquery in FROM")
	}
	s, err := p.selectStmt(inner, in.outer)
	if err != nil {
		return nil, err
	}
	q := &Subquery{Select: s, Alias: n.Alias.Aliasname}
	for _, c := range n.Alias.Colnames {
		q.Columns = append(q.Columns, c.GetString_().GetSval())
	}
	if len(q.Columns) != len(s.Columns) {
		return nil, notCanonical("a subquery whose columns have no names")
	}
	in.sources = append(in.sources, source{alias: q.Alias, subquery: q})
	return q, nil
}

func (p *parser) join(n *pg_query.JoinExpr, in *scope) (*Join, error) {
	if n.IsNatural || len(n.UsingClause) > 0 || n.Alias != nil {
		return nil, notCanonical("a join with NATURAL, USING or an alias")
	}
	j := &Join{}
	switch n.Jointype {
	case pg_query.JoinType_JOIN_INNER:
		j.Kind = InnerJoin
		if n.Quals == nil {
			j.Kind = CrossJoin
		}
	case pg_query.JoinType_JOIN_LEFT:
		j.Kind = LeftJoin
	case pg_query.JoinType_JOIN_RIGHT:
		j.Kind = RightJoin
	case pg_query.JoinType_JOIN_FULL:
		j.Kind = FullJoin
	default:
		return nil, notCanonical("the kind of a join")
	}
	var err error
	if j.Left, err = p.fromItem(n.Larg, in); err != nil {
		return nil, err
	}
	if j.Right, err = p.fromItem(n.Rarg, in); err != nil {
		return nil, err
	}
	if n.Quals != nil {
		j.On, err = p.conditions(n.Quals, in)
	}
	return j, err
}

// conditions reads a condition as its AND terms; the constant true is none.
func (p *parser) conditions(n *pg_query.Node, in *scope) ([]Expr, error) {
	if n == nil {
		return nil, nil
	}
	if b := n.GetBoolExpr(); b != nil && b.Boolop == pg_query.BoolExprType_AND_EXPR {
		var all []Expr
		for _, a := range b.Args {
			terms, err := p.conditions(a, in)
			if err != nil {
				return nil, err
			}
			all = append(all, terms...)
		}
		return all, nil
	}
	e, err := p.expr(n, in)
	if err != nil {
		return nil, err
	}
	if c, ok := e.(*Constant); ok && c.Type.OID == oidBool && c.Text == "t" {
		return nil, nil
	}
	return []Expr{p.coerce(e, oidBool)}, nil
}
