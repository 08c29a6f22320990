package sqlparse

import pg_query "github.com/pganalyze/pg_query_go/v5"

// DatasetCall is pinnacle.dataset('name[@version]') in FROM: the rows of a dataset.
type DatasetCall struct {
	// Name and Version are the dataset's; 0 is the default version.
	Name    string
	Version int
	// Span covers the whole call. Aliased says that an alias follows in the text.
	Span    Span
	Aliased bool
}

// dataset takes a call of pinnacle.dataset apart; other functions are left alone.
func (f *finder) dataset(node *pg_query.FuncCall) error {
	names := node.Funcname
	if len(names) != 2 || names[0].GetString_().GetSval() != schema || names[1].GetString_().GetSval() != "dataset" {
		return nil
	}
	at := int(node.Location)
	if len(node.Args) != 1 {
		return &Error{Code: "42883", Message: "pinnacle.dataset takes one argument, a dataset's name", Position: at}
	}
	text, param, ok := modelArgument(node.Args[0])
	if !ok || param {
		return &Error{Code: "0A000", Message: "the argument of pinnacle.dataset has to be a string constant", Position: at, Hint: "Write FROM pinnacle.dataset('name') or pinnacle.dataset('name@2')."}
	}
	in := f.inFrom(node)
	if in == nil {
		return &Error{Code: "0A000", Message: "pinnacle.dataset is a table and stands in FROM", Position: at, Hint: "Write SELECT … FROM pinnacle.dataset('name')."}
	}
	if in.Ordinality || in.IsRowsfrom || in.Lateral || len(in.Coldeflist) > 0 {
		return &Error{Code: "0A000", Message: "pinnacle.dataset cannot have LATERAL, WITH ORDINALITY, ROWS FROM or a list of columns with types", Position: at}
	}
	c := &Call{Func: "dataset", Node: node}
	if _, ok := f.callSpans(c, len(names)); !ok || aggregateClause(node) != "" || node.FuncVariadic {
		return &Error{Code: "42601", Message: "cannot tell the arguments of pinnacle.dataset apart", Position: at}
	}
	name, version, err := ModelName(text)
	if err != nil {
		return &Error{Code: "42602", Message: "invalid name of a dataset: " + QuoteLiteral(text), Position: at, Hint: "Write 'name' or 'name@version'."}
	}
	f.datasets = append(f.datasets, &DatasetCall{Name: name, Version: version, Span: c.Span, Aliased: in.Alias != nil})
	return nil
}
