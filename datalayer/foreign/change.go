package foreign

import (
	"context"
	"strconv"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// maxVariants bounds how many forms of one statement are remembered.
const maxVariants = 64

// variant is a change as the engine gets it: of an INSERT those rows, and of any change those columns, whose values are the
// client's and not the engine's own.
type variant struct {
	program backend.Program
	// params are the places of its parameters among those of the statement.
	params []int
}

// values picks a variant's parameters.
func (v *variant) values(params [][]byte) [][]byte {
	out := make([][]byte, len(v.params))
	for i, at := range v.params {
		out[i] = params[at]
	}
	return out
}

// outcome is what a change gives: the rows of RETURNING, nil where there is none, and otherwise how many rows were changed.
type outcome struct {
	rows backend.Rows
	n    int64
}

// change runs a statement that changes rows.
func (l *link) change(ctx context.Context, st *Statement, params [][]byte) (outcome, error) {
	if len(params) < st.Params {
		return outcome{}, &backend.Error{Code: codeUndefinedParam, Message: "there is no parameter $" + strconv.Itoa(len(params)+1)}
	}
	if l.tx.open && l.tx.mode.ReadOnly {
		return outcome{}, &backend.Error{Code: "25006", Message: "cannot change rows in a read-only transaction"}
	}
	if l.tx.spoiled != nil {
		return outcome{}, l.tx.spoiled
	}
	if !l.server.traits.Transactions && l.tx.open {
		return l.deferChange(ctx, st, params)
	}
	return l.changeNow(ctx, st, params)
}

// changeNow runs a change on the engine.
func (l *link) changeNow(ctx context.Context, st *Statement, params [][]byte) (outcome, error) {
	switch tree := st.tree.(type) {
	case *dialect.Insert:
		return l.insert(ctx, st, tree, params)
	case *dialect.Update:
		if st.keyed != nil {
			return l.changeKeyed(ctx, st, params)
		}
		if st.Unproven != nil {
			return l.changeFound(ctx, st, params)
		}
		v, err := l.server.updateVariant(st, tree, params)
		if err != nil {
			return outcome{}, err
		}
		return l.runVariant(ctx, v, params, len(tree.Returning) > 0)
	case *dialect.Delete:
		if st.keyed != nil {
			return l.changeKeyed(ctx, st, params)
		}
		if st.Unproven != nil {
			return l.changeFound(ctx, st, params)
		}
		return l.runProgram(ctx, st.program, params, len(tree.Returning) > 0)
	}
	return l.runProgram(ctx, st.program, params, false)
}

// runVariant runs a variant with the parameters of its statement.
func (l *link) runVariant(ctx context.Context, v *variant, params [][]byte, returning bool) (outcome, error) {
	return l.runProgram(ctx, v.program, v.values(params), returning)
}

// runProgram runs a change of the engine's.
func (l *link) runProgram(ctx context.Context, program backend.Program, params [][]byte, returning bool) (outcome, error) {
	if !returning {
		n, err := l.exec(ctx, program, params)
		return outcome{n: n}, err
	}
	rows, err := l.query(ctx, program, params, true)
	if err != nil {
		return outcome{}, err
	}
	return outcome{rows: rows}, nil
}

// generated reports whether a value stands for one that the engine gives: DEFAULT itself, or the marker that the foreign
// table has as its default.
func generated(c *dialect.Column, value dialect.Expr, params [][]byte) bool {
	var text []byte
	switch v := value.(type) {
	case *dialect.Default:
		return true
	case *dialect.Param:
		if v.Number < 1 || v.Number > len(params) {
			return false
		}
		text = params[v.Number-1]
	case *dialect.Constant:
		text = []byte(v.Text)
	case *dialect.Cast:
		return generated(c, v.Arg, params)
	default:
		return false
	}
	if c.Generated == dialect.NotGenerated || text == nil {
		return false
	}
	marker, ok := dialect.Marker(c.Type.OID)
	return ok && isMarker(c.Type.OID, string(text), marker)
}

// isMarker compares a value with a type's marker: numbers without a fraction of zeros, and times with a zone as moments.
func isMarker(oid uint32, text, marker string) bool {
	if text == marker {
		return true
	}
	const oidNumeric, oidTimestamptz = 1700, 1184
	switch oid {
	case oidNumeric:
		whole, fraction, _ := strings.Cut(text, ".")
		return whole == marker && strings.Trim(fraction, "0") == ""
	case oidTimestamptz:
		return len(text) > 10 && text[:7] == marker[:7] && moment(text) == moment(marker)
	}
	return false
}

// moment is the seconds since the beginning of its month of a "YYYYYY-MM-DD HH:MM:SS±HH[:MM[:SS]]" near a marker; -1 for
// what is not of that form.
func moment(text string) int {
	_, day, ok := strings.Cut(text, "-") // MM-DD …
	if !ok {
		return -1
	}
	_, day, _ = strings.Cut(day, "-")
	date, clock, ok := strings.Cut(day, " ")
	sign := strings.LastIndexAny(clock, "+-")
	if !ok || sign < 0 {
		return -1
	}
	d, err := strconv.Atoi(date)
	if err != nil {
		return -1
	}
	at, zone := sexagesimal(clock[:sign]), sexagesimal(clock[sign+1:])
	if at < 0 || zone < 0 {
		return -1
	}
	if clock[sign] == '+' {
		zone = -zone
	}
	return d*86400 + at + zone
}

// sexagesimal reads HH[:MM[:SS]] as seconds; -1 for anything else.
func sexagesimal(text string) int {
	total, unit := 0, 3600
	for part := range strings.SplitSeq(text, ":") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || unit == 0 {
			return -1
		}
		total += n * unit
		unit /= 60
	}
	return total
}

// variant gives a remembered form, or makes and remembers it.
func (s *Statement) variant(pattern string, build func() (*variant, error)) (*variant, error) {
	s.mu.Lock()
	v := s.variants[pattern]
	s.mu.Unlock()
	if v != nil {
		return v, nil
	}
	v, err := build()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.variants == nil || len(s.variants) >= maxVariants {
		s.variants = map[string]*variant{}
	}
	s.variants[pattern] = v
	return v, nil
}

// renumber numbers the parameters of a variant from 1, in the order in which it meets them.
type renumber struct{ places []int }

// expr copies an expression with the new numbers.
func (r *renumber) expr(e dialect.Expr) dialect.Expr { return dialect.Rewrite{Expr: r.param}.One(e) }

// param gives a parameter its new number, and leaves every other expression as it is.
func (r *renumber) param(e dialect.Expr) dialect.Expr {
	p, ok := e.(*dialect.Param)
	if !ok || p.Number < 1 {
		return e
	}
	for i, at := range r.places {
		if at == p.Number-1 {
			return &dialect.Param{Number: i + 1, Type: p.Type}
		}
	}
	r.places = append(r.places, p.Number-1)
	return &dialect.Param{Number: len(r.places), Type: p.Type}
}

// exprs copies a list.
func (r *renumber) exprs(list []dialect.Expr) []dialect.Expr {
	var out []dialect.Expr
	for _, e := range list {
		out = append(out, r.expr(e))
	}
	return out
}

// compileChange compiles a change that is not proven to be the engine's to the letter into an error with 0A000.
func (s *Server) compileChange(tree dialect.Statement) (backend.Program, error) {
	program, unproven, err := s.engineCompile(tree)
	if err != nil {
		return nil, err
	}
	if unproven != nil {
		return nil, unproven
	}
	return program, nil
}
