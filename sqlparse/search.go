package sqlparse

import pg_query "github.com/pganalyze/pg_query_go/v5"

// Search is a call of nearest('index', query [, n]) in FROM, or of similarity('index', row, query). The query may be
// key => value, the key of a row of the index; of a key with several columns, key => (value, …).
type Search struct {
	// Func is nearest or similarity, and Index the first argument.
	Func, Index string
	// Span covers the whole call.
	Span Span
	// Row is the second argument of similarity: a table's name or alias.
	Row Span
	// Query covers the query, ByKey says that it is a key, and Key are then its values.
	Query Span
	ByKey bool
	Key   []Span
	// Limit covers n; it is zero where it is left out.
	Limit Span
	// Aliased says that an alias follows in the text; for similarity also that it has no need of one, because it is not
	// all of an item of the select list.
	Aliased bool
}

// search takes a call of nearest or similarity apart; other functions, and those of these names that take something else,
// are left alone: pg_trgm has a similarity(text, text).
func (f *finder) search(node *pg_query.FuncCall) error {
	names := node.Funcname
	if len(names) == 0 || len(names) > 2 || len(names) == 2 && names[0].GetString_().GetSval() != schema {
		return nil
	}
	name := names[len(names)-1].GetString_().GetSval()
	if name != "nearest" && name != "similarity" || len(node.Args) == 0 {
		return nil
	}
	index, param, ok := modelArgument(node.Args[0])
	if !ok || param || name == "similarity" && len(node.Args) != 3 || name == "nearest" && (len(node.Args) < 2 || len(node.Args) > 3) {
		return nil
	}
	at := int(node.Location)
	in := f.inFrom(node)
	if name == "nearest" && in == nil {
		return &Error{Code: "0A000", Message: "nearest is a table and stands in FROM", Position: at, Hint: "Write SELECT … FROM nearest('index', query, n)."}
	}
	if in != nil && name == "similarity" {
		return &Error{Code: "0A000", Message: "similarity is a number and does not stand in FROM", Position: at}
	}
	c := &Call{Func: name, Node: node}
	spans, ok := f.callSpans(c, len(names))
	if !ok || len(spans) != len(node.Args) || aggregateClause(node) != "" || node.FuncVariadic {
		return &Error{Code: "42601", Message: "cannot tell the arguments of " + name + " apart", Position: at}
	}
	s := &Search{Func: name, Index: index, Span: c.Span}
	rest := 1
	if in != nil {
		if in.Ordinality || in.IsRowsfrom || len(in.Coldeflist) > 0 {
			return &Error{Code: "0A000", Message: "nearest cannot have WITH ORDINALITY, ROWS FROM or a list of columns with types", Position: at, Hint: "Use row_number() OVER (ORDER BY score DESC)."}
		}
		s.Aliased = in.Alias != nil
	} else {
		if len(node.Args[1].GetColumnRef().GetFields()) == 0 {
			return &Error{Code: "42601", Message: "the second argument of similarity is a table's name or alias in FROM", Position: spans[1].Start}
		}
		s.Row, rest = spans[1], 2
		s.Aliased = f.target == nil || f.target.Name != "" || f.target.Val.GetFuncCall() != node
	}
	for i := rest; i < len(spans); i++ {
		if err := f.searchArgument(s, node.Args[i], spans[i], i == rest); err != nil {
			return err
		}
	}
	if s.Query == (Span{}) {
		return &Error{Code: "42601", Message: name + " has no query", Position: at}
	}
	f.searches = append(f.searches, s)
	return nil
}

// searchArgument takes an argument behind the index and the row.
func (f *finder) searchArgument(s *Search, node *pg_query.Node, span Span, first bool) error {
	word := "n"
	if first {
		word = "query"
	}
	if named := node.GetNamedArgExpr(); named != nil {
		word, node, span = named.Name, named.Arg, f.afterArrow(span)
	}
	switch {
	case word == "n" && s.Func == "nearest" && s.Limit == (Span{}):
		s.Limit = span
		return nil
	case word != "query" && word != "key" || s.Query != (Span{}):
		return &Error{Code: "42883", Message: s.Func + " has no argument " + QuoteIdentifier(word) + ", or it is there twice", Position: span.Start, Hint: "It has query or key, and nearest has n."}
	}
	s.Query, s.ByKey = span, word == "key"
	if !s.ByKey {
		return nil
	}
	s.Key = []Span{span}
	if row := node.GetRowExpr(); row != nil {
		open := tokenFrom(f.toks, span.Start)
		for open < len(f.toks) && f.toks[open].Kind != pg_query.Token_ASCII_40 {
			open++
		}
		if s.Key = listSpans(f.toks, open); len(s.Key) != len(row.Args) {
			return &Error{Code: "42601", Message: "cannot tell the values of the key apart", Position: span.Start}
		}
	}
	return nil
}

// inFrom is the item of FROM that a call is; nil where it stands elsewhere.
func (f *finder) inFrom(node *pg_query.FuncCall) *pg_query.RangeFunction {
	if f.table == nil {
		return nil
	}
	for _, list := range f.table.Functions {
		for _, item := range list.GetList().GetItems() {
			if item.GetFuncCall() == node {
				return f.table
			}
		}
	}
	return nil
}
