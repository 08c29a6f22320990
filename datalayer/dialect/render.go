package dialect

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Render writes a Select in the engine's SQL. An error is an *Unproven, or one of SQL's own functions.
func (s *SQL) Render(stmt *Select) (*Rendered, error) {
	r := s.Begin()
	text, err := r.outermost(stmt)
	if err != nil {
		return nil, err
	}
	return r.Finish(text)
}

// Begin begins a statement that the engine's package writes itself and that holds conditions or expressions.
func (s *SQL) Begin() *Renderer {
	return &Renderer{sql: s, indexes: map[string]int{}, mark: fmt.Sprintf("\x01%016x", rand.Uint64())}
}

// Renderer writes the parts of one statement. Texts that it gives hold marks for values; Finish puts placeholders there.
type Renderer struct {
	sql *SQL
	// mark begins and ends the number of a value in a text that is not finished. It is drawn anew for each statement, so that
	// no name of a table can hold it.
	mark    string
	values  []Expr
	indexes map[string]int
	raw     []Raw
	outputs []output
	plain   bool
}

// value gives the mark of a constant or parameter. The same one has the same mark, so that equal expressions have equal texts.
func (r *Renderer) value(e Expr) string {
	key := ""
	switch x := e.(type) {
	case *Constant:
		key = fmt.Sprintf("c%d,%d,%s", x.Type.OID, x.Type.Mod, x.Text)
	case *Param:
		key = fmt.Sprintf("p%d,%d,%d", x.Number, x.Type.OID, x.Type.Mod)
	}
	i, ok := r.indexes[key]
	if !ok {
		i = len(r.values)
		r.indexes[key] = i
		r.values = append(r.values, e)
	}
	return r.mark + strconv.Itoa(i) + r.mark
}

// Finish makes the statement of a text, with its values in their places.
func (r *Renderer) Finish(text string) (*Rendered, error) {
	out := &Rendered{Raw: r.raw}
	if !r.plain {
		out.outputs = r.outputs
	}
	var b strings.Builder
	parts := strings.Split(text, r.mark)
	for i, part := range parts {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		at, err := strconv.Atoi(part)
		if err != nil || at >= len(r.values) {
			return nil, &Unproven{What: "a text that this renderer did not write"}
		}
		value, bound, err := r.sql.Value(len(out.Args)+1, r.values[at])
		if err != nil {
			return nil, err
		}
		if bound {
			out.Args = append(out.Args, r.values[at])
		}
		b.WriteString(value)
	}
	out.Text = b.String()
	return out, nil
}

// Terms writes AND terms; "" for none.
func (r *Renderer) Terms(terms []Expr) (string, error) {
	var all []string
	for _, t := range terms {
		text, err := r.Expr(t)
		if err != nil {
			return "", err
		}
		all = append(all, text)
	}
	return strings.Join(all, " AND "), nil
}

// From writes an item of FROM.
func (r *Renderer) From(from From) (string, error) {
	switch f := from.(type) {
	case *Relation:
		return r.relation(f)
	case *Subquery:
		text, err := r.subquery(f.Select, f.Columns)
		return "(" + text + ") " + r.sql.Quote(f.Alias), err
	case *Join:
		return r.join(f)
	}
	return "", &Unproven{What: fmt.Sprintf("%T in FROM", from)}
}

func (r *Renderer) relation(f *Relation) (string, error) {
	if f.Sample != nil {
		return "", &Unproven{What: "TABLESAMPLE"}
	}
	var text string
	if r.sql.Relation != nil {
		text = r.sql.Relation(f.Table)
	} else {
		parts := make([]string, len(f.Table.Native))
		for i, p := range f.Table.Native {
			parts[i] = r.sql.Quote(p)
		}
		text = strings.Join(parts, ".")
	}
	if f.Alias != "" {
		text += " " + r.sql.Quote(f.Alias)
	}
	return text, nil
}

func (r *Renderer) join(f *Join) (string, error) {
	kind, left, right := f.Kind, f.Left, f.Right
	switch {
	case kind == FullJoin && r.sql.NoFullJoin:
		return "", &Unproven{What: "FULL JOIN"}
	case kind == RightJoin && r.sql.NoRightJoin:
		kind, left, right = LeftJoin, right, left
	}
	l, err := r.From(left)
	if err != nil {
		return "", err
	}
	rt, err := r.From(right)
	if err != nil {
		return "", err
	}
	if _, nested := right.(*Join); nested {
		rt = "(" + rt + ")"
	}
	if kind == CrossJoin {
		return l + joinWords[CrossJoin] + rt, nil
	}
	on, err := r.Terms(f.On)
	if err != nil {
		return "", err
	}
	if on == "" {
		if kind == InnerJoin {
			return l + joinWords[CrossJoin] + rt, nil
		}
		on = r.truth(true)
	}
	return l + joinWords[kind] + rt + " ON " + on, nil
}

// truth writes a constant condition.
func (r *Renderer) truth(is bool) string {
	switch {
	case is && r.sql.True != "":
		return r.sql.True
	case is:
		return "TRUE"
	case r.sql.False != "":
		return r.sql.False
	}
	return "FALSE"
}
