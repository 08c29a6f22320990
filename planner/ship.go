package planner

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// site is one call of the statement.
type site struct {
	call  *sqlparse.Call
	model *datalayer.ModelVersion
	args  []sqlparse.Arg
	// row is the one argument that stands for all, where a whole row is given; nil otherwise.
	row *sqlparse.Arg
	// same is equal for calls of one kind and model whose arguments have equal tokens.
	same string
	// rank is set once ranked is, and settled once sure is.
	rank         int
	ranked, sure bool
	// key says of a call of a model that is not deterministic that home matches it with others of the same text.
	key bool
	fn  *Function
}

// shipBuilder makes one Ship plan.
type shipBuilder struct {
	req   Request
	cat   Catalog
	at    *sqlparse.Locator
	sites []*site // in the order of the text
	byFn  map[*pg_query.FuncCall]*site
	kinds map[string]sqlparse.FunctionKind
	text  splicer
	plan  *Ship
	found *survey
	// tied are the keys of ORDER BY that are evaluated for some rows only.
	tied map[*pg_query.Node]bool
	// derived is the subquery whose columns stand for their calls while the query around it is looked at, nil for none.
	derived *derived
	// joins is where tables of answers can be joined, nil for nowhere.
	joins *joint
	// written are the calls that have an expression in their place.
	written map[*pg_query.FuncCall]bool
	// write is what Ship.Inline was called with, joined what it is to add to FROM, wrote that it has given an expression, from
	// what inFrom has found.
	write         func(*Function, []string) (string, bool)
	joined        string
	nested, wrote bool
	from          map[*pg_query.FuncCall]bool
	// volatile are the names of volatile functions, draws the calls of such that are drawn; ordered says that those of
	// sequences are, and generative that some model is not deterministic.
	volatile            map[string]bool
	draws               map[*pg_query.FuncCall]*Draw
	drawn               []*pg_query.FuncCall // in the order of the tree
	ordered, generative bool
}

// PlanShip plans a statement that home can prepare and whose calls may stand anywhere in it. A call where none can stand
// is a *sqlparse.Error with PostgreSQL's own SQLSTATE where it has one for that place.
func PlanShip(req Request, cat Catalog) (*Ship, error) {
	at, err := sqlparse.NewLocator(req.Text, req.Span)
	if err != nil {
		return nil, err
	}
	if req.Node.GetDeclareCursorStmt() != nil {
		req.Steady = true // its rows are read behind the statement
	}
	b := &shipBuilder{req: req, cat: cat, at: at, byFn: map[*pg_query.FuncCall]*site{}, plan: &Ship{}}
	b.text.text = req.Text
	if err := refuseStatement(req.Node, req.Calls); err != nil {
		return nil, err
	}
	for _, c := range req.Calls {
		if err := b.resolve(c); err != nil {
			return nil, err
		}
	}
	if err := b.volatiles(); err != nil {
		return nil, err
	}
	b.rank()
	b.name()
	b.nameDraws()
	if err := b.edit(); err != nil {
		return nil, err
	}
	b.plan.Home, b.plan.Origin = b.text.emit(req.Span).render(req.Span)
	if req.Node.GetCopyStmt() != nil {
		query := b.copied()
		b.plan.Copied, b.plan.CopiedOrigin = b.text.emit(query).render(query)
	}
	b.plan.Writes = b.survey().writes
	if err := b.encodable(); err != nil {
		return nil, err
	}
	if err := b.demand(); err != nil {
		return nil, err
	}
	b.ahead()
	b.plan.inline = b.inliner()
	b.plan.guesses = b.guesses
	return b.plan, nil
}

// encodable refuses what cannot be done with functions that are Encoded.
func (b *shipBuilder) encodable() error {
	if !b.req.Encoded {
		return nil
	}
	what := ""
	for _, s := range b.sites {
		switch {
		case s.call.Func == "predict_details":
			what = "predict_details"
		case slices.ContainsFunc(s.model.Args, func(a udf.Arg) bool { return a.Type == udf.TextArray }):
			what = "a model that takes text[]"
		}
	}
	if len(b.plan.Draws) > 0 {
		what = "a volatile function among the arguments of predict"
	}
	if what == "" {
		return nil
	}
	return &sqlparse.Error{Code: "0A000", Message: what + " is not supported with another client_encoding than UTF8", Position: b.sites[0].call.Span.Start,
		Hint: "SET client_encoding TO 'UTF8'."}
}

// copied covers the query of COPY (query) TO.
func (b *shipBuilder) copied() sqlparse.Span {
	toks := b.at.Tokens()
	const open = 1 // behind COPY
	return sqlparse.Span{Start: toks[open].Span.End, End: toks[b.at.Closing(open)].Span.Start}
}

// resolve notes a call with its model.
func (b *shipBuilder) resolve(c *sqlparse.Call) error {
	model, err := modelOf(c, b.cat)
	if err != nil {
		return err
	}
	if !model.Deterministic {
		if b.req.Steady {
			return &sqlparse.Error{Code: "0A000", Position: c.Span.Start,
				Message: fmt.Sprintf("model %q is not deterministic: it cannot be called in a cursor or a view", model.Name),
				Detail:  "It is called once for each row, and a cursor or a view may read a row more than once.",
				Hint:    "Call it in a SELECT of its own first, into a table."}
		}
		b.generative = true
	}
	s := &site{call: c, model: model}
	if s.row = wholeRow(c, model, b.req.Node); s.row == nil {
		if s.args, err = order(c, model); err != nil {
			return err
		}
	}
	s.same = fmt.Sprintf("%s %s@%d%s", c.Func, model.Name, model.Version, b.tokens(sqlparse.Span{Start: c.ModelSpan.End, End: c.Span.End}))
	b.sites = append(b.sites, s)
	b.byFn[c.Node] = s
	return nil
}

// wholeRow gives the argument of a call that hands over a row as a whole, t or t.*: the only one, of a model with several
// arguments, each with a name, which are the row's columns. A name stands for a row if a table of the statement has it.
func wholeRow(c *sqlparse.Call, model *datalayer.ModelVersion, statement *pg_query.Node) *sqlparse.Arg {
	if len(c.Args) != 1 || len(model.Args) < 2 || c.Args[0].Name != "" {
		return nil
	}
	fields := c.Args[0].Node.GetColumnRef().GetFields()
	if len(fields) == 0 || len(fields) > 2 || len(fields) == 2 && fields[1].GetAStar() == nil {
		return nil
	}
	for _, a := range model.Args {
		if a.Name == "" {
			return nil
		}
	}
	if !tables(statement)[fields[0].GetString_().GetSval()] {
		return nil
	}
	return &c.Args[0]
}

// tables are the names under which a statement's rows are known: aliases, and names of tables without one.
func tables(statement *pg_query.Node) map[string]bool {
	names := map[string]bool{}
	sqlparse.Walk(statement, func(n *pg_query.Node) bool {
		switch t := n.GetNode().(type) {
		case *pg_query.Node_RangeVar:
			names[tableName(t.RangeVar)] = true
		case *pg_query.Node_RangeSubselect:
			names[t.RangeSubselect.GetAlias().GetAliasname()] = true
		case *pg_query.Node_RangeFunction:
			names[t.RangeFunction.GetAlias().GetAliasname()] = true
		case *pg_query.Node_JoinExpr:
			names[t.JoinExpr.GetAlias().GetAliasname()] = true
		case *pg_query.Node_UpdateStmt: // its table, as that of the next two, is no node of its own
			names[tableName(t.UpdateStmt.Relation)] = true
		case *pg_query.Node_DeleteStmt:
			names[tableName(t.DeleteStmt.Relation)] = true
		case *pg_query.Node_InsertStmt:
			names[tableName(t.InsertStmt.Relation)] = true
		case *pg_query.Node_MergeStmt:
			names[tableName(t.MergeStmt.Relation)] = true
		}
		return true
	})
	delete(names, "")
	return names
}

// tableName is the name of a table's rows.
func tableName(t *pg_query.RangeVar) string {
	if t.GetAlias() != nil {
		return t.Alias.Aliasname
	}
	return t.GetRelname()
}

// tokens is a range of the text with one blank between its tokens and without case where it has no meaning.
func (b *shipBuilder) tokens(span sqlparse.Span) string {
	var out strings.Builder
	toks := b.at.Tokens()
	for _, t := range toks[b.at.After(span.Start):] {
		if t.Span.End > span.End {
			break
		}
		word := t.Span.Of(b.req.Text)
		if t.Keyword != pg_query.KeywordKind_NO_KEYWORD || t.Kind == pg_query.Token_IDENT && word[0] != '"' {
			word = strings.ToLower(word)
		}
		out.WriteString(" " + word)
	}
	return out.String()
}

func functionName(f *pg_query.FuncCall) string {
	return f.Funcname[len(f.Funcname)-1].GetString_().GetSval()
}

// kindLetters name the kinds of functions in the names of temporary ones.
var kindLetters = map[string]string{"predict": "p", "try_predict": "t", "predict_details": "d"}

// encodedLetters are those of functions that are Encoded.
var encodedLetters = map[string]string{"predict": "q", "try_predict": "u"}

// maxHash is how many digits of a model's hash go into a function's name, which may have 63 bytes.
const maxHash = 24

// name gives calls of one kind, model and rank one function.
func (b *shipBuilder) name() {
	byRank := append([]*site(nil), b.sites...)
	sort.SliceStable(byRank, func(i, j int) bool { return byRank[i].rank < byRank[j].rank })
	functions := map[string]*Function{}
	numbers := map[string]int{}
	for _, s := range byRank {
		key := fmt.Sprintf("%s %s@%d", s.call.Func, s.model.Name, s.model.Version)
		if !b.req.Shared {
			key += fmt.Sprintf(" %d", s.rank)
		}
		if s.fn = functions[key]; s.fn == nil {
			letter := kindLetters[s.call.Func]
			if b.req.Encoded {
				letter = encodedLetters[s.call.Func]
			}
			prefix := "pinnacle_" + s.model.Hash[:min(maxHash, len(s.model.Hash))] + "_" + letter
			s.fn = &Function{Kind: s.call.Func, Model: s.model, Rank: s.rank, Encoded: b.req.Encoded, Name: fmt.Sprintf("%s%d", prefix, numbers[prefix])}
			numbers[prefix]++
			functions[key] = s.fn
			b.plan.Functions = append(b.plan.Functions, s.fn)
		}
	}
	known := map[string]bool{}
	for _, s := range b.sites {
		text := s.call.Span.Of(b.req.Text)
		if key := s.fn.Name + " " + text; !known[key] {
			known[key] = true
			s.fn.Calls = append(s.fn.Calls, text)
		}
	}
}
