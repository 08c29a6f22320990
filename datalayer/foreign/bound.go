package foreign

import "github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"

// boundBytes is how long all parameters of a statement may be that is compiled with their values. What it costs to compile is
// nothing beside finishing the statement.
const boundBytes = 256 << 10

// withValues is a Select that the engine is not asked for whole, with the values of its parameters in their places: an array, a
// LIMIT or a numeric that is known may be proven where a parameter of the type is not, and a condition with one goes to the
// scan. It is st itself where that is of no use.
func (s *Server) withValues(st *Statement, params [][]byte) (*Statement, [][]byte) {
	tree, ok := st.tree.(*dialect.Select)
	size := 0
	for _, p := range params {
		size += len(p)
	}
	if !ok || st.Unproven == nil || st.unconditional || len(params) == 0 || size > boundBytes {
		return st, params
	}
	known, some := true, false
	bound := dialect.Rewrite{Expr: func(e dialect.Expr) dialect.Expr {
		p, ok := e.(*dialect.Param)
		if !ok {
			return e
		}
		if p.Number < 1 || p.Number > len(params) {
			known = false
			return e
		}
		some = true
		value := params[p.Number-1]
		return &dialect.Constant{Text: string(value), Null: value == nil, Type: p.Type}
	}}.Select(tree)
	other := &Statement{Text: st.Text, tree: bound}
	if !known || !some || s.compileSelect(other, bound) != nil {
		return st, params
	}
	return other, nil
}
