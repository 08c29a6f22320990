package dialect

import (
	"fmt"
	"slices"
	"strings"
)

// Expr writes an expression: a name, a value, a call, or in parentheses.
func (r *Renderer) Expr(e Expr) (string, error) {
	if t := e.ResultType().OID; t == 0 || t == oidUnknown {
		return "", &Unproven{What: "an expression whose type is not known: " + Signature(e)}
	}
	switch x := e.(type) {
	case *ColumnRef:
		return r.column(x, true)
	case *Constant:
		return r.constant(x)
	case *Param:
		if t := x.Type; t.Elem().OID != 0 {
			return "", &Unproven{What: "a parameter of type " + t.String()}
		}
		return r.value(x), nil
	case *Operator:
		return r.operator(x)
	case *Call:
		if x.Variadic {
			return "", &Unproven{What: "VARIADIC"}
		}
		return r.entry(x, Signature(x), x.Args)
	case *Aggregate:
		return r.aggregate(x)
	case *Cast:
		return r.cast(x)
	case *BoolOp:
		return r.boolOp(x)
	case *NullTest:
		return r.nullTest(x)
	case *BoolTest:
		return r.entry(x, Signature(x), []Expr{x.Arg})
	case *Distinct:
		return r.distinct(x)
	case *ArrayOp:
		return r.arrayOp(x)
	case *Case:
		return r.caseExpr(x)
	case *Coalesce:
		return r.entry(x, Signature(x), x.Args)
	case *Exists:
		return r.exists(x)
	case *HasRow:
		return r.hasRow(x.Relation, x.Table)
	}
	return "", &Unproven{What: fmt.Sprintf("%T", e)}
}

// textual says whether values of the type are compared under a collation.
func textual(oid uint32) bool {
	return oid == oidText || oid == oidVarchar || oid == oidBPChar
}

// column writes a column that an expression uses. compared says that its text is looked into.
func (r *Renderer) column(x *ColumnRef, compared bool) (string, error) {
	c, at := x.Column, x
	for c == nil {
		inner, ok := at.Inner.(*ColumnRef)
		if !ok {
			return r.reference(x), nil // an expression, proven where it is written
		}
		c, at = inner.Column, inner
	}
	switch {
	case !c.Exact:
		return "", &Unproven{What: "column " + c.Name + ", which may hold values that are not of its type"}
	case compared && textual(c.Type.OID) && !c.Bytewise:
		return "", &Unproven{What: "column " + c.Name + ", which is not compared by its bytes"}
	}
	if r.sql.Column != nil {
		return r.sql.Column(r.reference(x), c)
	}
	return r.reference(x), nil
}

// reference writes a column's name.
func (r *Renderer) reference(x *ColumnRef) string {
	name := x.Name
	if x.Column != nil {
		name = x.Column.Native
	}
	if x.Relation == "" {
		return r.sql.Quote(name)
	}
	return r.sql.Quote(x.Relation) + "." + r.sql.Quote(name)
}

func (r *Renderer) constant(c *Constant) (string, error) {
	switch {
	case c.Null:
		if r.sql.Type != nil {
			if name, ok := r.sql.Type(c.Type); ok {
				return "CAST(NULL AS " + name + ")", nil
			}
		}
		return "NULL", nil
	case c.Type.OID == oidBool:
		return r.truth(c.Text == "t"), nil
	case c.Type.Elem().OID != 0:
		return "", &Unproven{What: "a constant of type " + c.Type.String()}
	}
	return r.value(c), nil
}

func (r *Renderer) operator(x *Operator) (string, error) {
	if x.Left == nil {
		return r.entry(x, Signature(x), []Expr{x.Right})
	}
	return r.entry(x, Signature(x), []Expr{x.Left, x.Right})
}

// entry writes a construct by its template.
func (r *Renderer) entry(e Expr, signature string, args []Expr) (string, error) {
	entry, ok := r.sql.Entries[signature]
	if !ok {
		return "", &Unproven{What: signature}
	}
	for _, g := range entry.Guards {
		if g.Operand > len(args) || !g.test()(r.sql, args[g.Operand-1]) {
			return "", &Unproven{What: signature + " of operands that are not " + g.Word}
		}
	}
	if err := r.bounded(e, signature); err != nil {
		return "", err
	}
	texts := make([]string, len(args))
	for i, a := range args {
		var err error
		if texts[i], err = r.Expr(a); err != nil {
			return "", err
		}
	}
	to := ""
	if strings.Contains(entry.Template, "$type") {
		if to = r.resultType(e); to == "" {
			return "", &Unproven{What: signature + " into a type that the engine lacks"}
		}
	}
	return fill(entry.Template, texts, to), nil
}

// bounded checks that a computed numeric fits the engine's numbers.
func (r *Renderer) bounded(e Expr, signature string) error {
	if e.ResultType().OID != oidNumeric || r.sql.MaxDigits == 0 {
		return nil
	}
	n := NumberOf(e)
	switch {
	case !n.Known:
		return &Unproven{What: signature + ", the digits of which are not known"}
	case n.Scale > r.sql.MaxDigits, n.Precision() > r.sql.MaxDigits && !r.sql.Checked:
		return &Unproven{What: signature + ", which may need more digits than the engine has"}
	}
	return nil
}

// fill puts texts into a template. What is not a call is put in parentheses.
func fill(template string, args []string, to string) string {
	var b strings.Builder
	for i := 0; i < len(template); i++ {
		rest := template[i:]
		switch {
		case strings.HasPrefix(rest, "$*"):
			b.WriteString(strings.Join(args, ", "))
			i++
		case strings.HasPrefix(rest, "$type"):
			b.WriteString(to)
			i += 4
		case len(rest) > 1 && rest[0] == '$' && rest[1] >= '1' && rest[1] <= '9' && int(rest[1]-'1') < len(args):
			b.WriteString(args[rest[1]-'1'])
			i++
		default:
			b.WriteByte(rest[0])
		}
	}
	if isCall(template) {
		return b.String()
	}
	return "(" + b.String() + ")"
}

// isCall says whether a template is one function call, or one operand, so that it needs no parentheses.
func isCall(template string) bool {
	if template == "$1" {
		return true
	}
	open := strings.IndexByte(template, '(')
	if open < 1 || strings.ContainsAny(template[:open], " $'") {
		return false
	}
	depth := 0
	for i := open; i < len(template); i++ {
		switch template[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i == len(template)-1
			}
		case '\'':
			return false
		}
	}
	return false
}

// cast writes a cast. Casts between text and varchar without a length change nothing.
func (r *Renderer) cast(x *Cast) (string, error) {
	from := x.Arg.ResultType().OID
	if (from == oidVarchar || from == oidText) && (x.To.OID == oidText || x.To.OID == oidVarchar) && x.To.Mod < 0 {
		return r.Expr(x.Arg)
	}
	if n := NumberOf(x.Arg); x.To.OID == oidNumeric && from == oidNumeric && n.Known {
		if to := declared(x.To); to.Known && to.Scale == n.Scale && to.Digits >= n.Digits {
			return r.Expr(x.Arg)
		}
	}
	return r.entry(x, Signature(x), []Expr{x.Arg})
}

// resultType is how the engine calls the type of an expression, a numeric with the digits that are known of it; "" for none.
func (r *Renderer) resultType(e Expr) string {
	if r.sql.Type == nil {
		return ""
	}
	t := e.ResultType()
	if n := NumberOf(e); t.OID == oidNumeric && t.Mod < 0 && n.Known {
		t.Mod = int32(max(n.Precision(), 1)<<16|n.Scale) + 4
	}
	name, ok := r.sql.Type(t)
	if !ok {
		return ""
	}
	return name
}

func (r *Renderer) boolOp(x *BoolOp) (string, error) {
	texts := make([]string, len(x.Args))
	for i, a := range x.Args {
		var err error
		if texts[i], err = r.Expr(a); err != nil {
			return "", err
		}
	}
	if x.Op == "NOT" {
		return "(NOT " + texts[0] + ")", nil
	}
	return "(" + strings.Join(texts, " "+x.Op+" ") + ")", nil
}

// nullTest writes IS NULL, which needs no comparison.
func (r *Renderer) nullTest(x *NullTest) (string, error) {
	var arg string
	var err error
	switch a := x.Arg.(type) {
	case *ColumnRef:
		arg, err = r.column(a, false)
	case *HasRow, *WholeRow, *RowID:
		return "", &Unproven{What: "IS NULL of a row"}
	default:
		arg, err = r.Expr(x.Arg)
	}
	return "(" + arg + " IS " + notWord(x.Not) + "NULL)", err
}

// hasRow asks for a column that is never NULL in the table.
func (r *Renderer) hasRow(relation string, t *Table) (string, error) {
	for _, c := range t.Columns {
		if c.NotNull && c.Exact {
			return "(" + r.reference(&ColumnRef{Relation: relation, Column: c}) + " IS NOT NULL)", nil
		}
	}
	return "", &Unproven{What: "whether an outer join brought a row of a table without a NOT NULL column"}
}

func (r *Renderer) distinct(x *Distinct) (string, error) {
	text, err := r.entry(x, Signature(x), []Expr{x.Left, x.Right})
	if x.Not {
		text = "(NOT " + text + ")"
	}
	return text, err
}

// arrayOp writes "x = ANY (constant array)" as IN, and the like with other operators as a chain of OR or AND.
func (r *Renderer) arrayOp(x *ArrayOp) (string, error) {
	if x.Unresolved {
		return "", &Unproven{What: "operator " + x.Name + " over an array"}
	}
	elems, err := elementsOf(x.Array)
	if err != nil {
		return "", err
	}
	if len(elems) == 0 {
		return r.truth(x.All), nil
	}
	var texts []string
	for _, e := range elems {
		one := &Operator{Name: x.Name, Left: x.Left, Right: e, Type: boolType}
		text, err := r.operator(one)
		if err != nil {
			return "", err
		}
		texts = append(texts, text)
	}
	if len(texts) == 1 {
		return texts[0], nil
	}
	in := map[string]string{"= any": " IN (", "<> all": " NOT IN ("}[x.Name+map[bool]string{false: " any", true: " all"}[x.All]]
	if r.sql.NoNullInList && slices.ContainsFunc(elems, func(e Expr) bool { c, ok := e.(*Constant); return !ok || c.Null }) {
		in = ""
	}
	if entry := r.sql.Entries[Signature(x)]; in != "" && entry.Template == "$1 "+x.Name+" $2" {
		return r.inList(x.Left, elems, in)
	}
	if x.All {
		return "(" + strings.Join(texts, " AND ") + ")", nil
	}
	return "(" + strings.Join(texts, " OR ") + ")", nil
}

// inList writes IN or NOT IN.
func (r *Renderer) inList(left Expr, elems []Expr, in string) (string, error) {
	text, err := r.Expr(left)
	if err != nil {
		return "", err
	}
	list := make([]string, len(elems))
	for i, e := range elems {
		if list[i], err = r.Expr(e); err != nil {
			return "", err
		}
	}
	return "(" + text + in + strings.Join(list, ", ") + "))", nil
}

// elementsOf are the elements of an array that the statement holds.
func elementsOf(array Expr) ([]Expr, error) {
	switch a := array.(type) {
	case *Array:
		return a.Elems, nil
	case *Cast:
		to := a.To.Elem()
		inner, err := elementsOf(a.Arg)
		if err != nil || to.OID == 0 {
			break
		}
		elems := make([]Expr, len(inner))
		for i, e := range inner {
			elems[i] = &Cast{Arg: e, To: to}
		}
		return elems, nil
	case *Constant:
		if a.Null {
			break
		}
		texts, nulls, ok := ArrayElements(a.Text)
		if !ok {
			break
		}
		elems := make([]Expr, len(texts))
		for i, t := range texts {
			elems[i] = &Constant{Text: t, Null: nulls[i], Type: a.Type.Elem()}
		}
		return elems, nil
	}
	return nil, &Unproven{What: "an array that is not a constant"}
}

// caseExpr writes CASE, whose branches are of one type.
func (r *Renderer) caseExpr(x *Case) (string, error) {
	signature := Signature(x)
	if _, ok := r.sql.Entries[signature]; !ok {
		return "", &Unproven{What: signature}
	}
	if err := r.bounded(x, signature); err != nil {
		return "", err
	}
	b := "CASE"
	for _, w := range x.Whens {
		test := w.When
		if x.Arg != nil {
			test = &Operator{Name: "=", Left: x.Arg, Right: w.When, Type: boolType}
		}
		when, err := r.Expr(test)
		if err != nil {
			return "", err
		}
		then, err := r.Expr(w.Then)
		if err != nil {
			return "", err
		}
		b += " WHEN " + when + " THEN " + then
	}
	if x.Else != nil {
		text, err := r.Expr(x.Else)
		if err != nil {
			return "", err
		}
		b += " ELSE " + text
	}
	return "(" + b + " END)", nil
}

func (r *Renderer) exists(x *Exists) (string, error) {
	if !r.sql.Semi {
		return "", &Unproven{What: "EXISTS"}
	}
	inner := *x.Select
	inner.OrderBy = nil
	text, err := r.block(&inner, []string{"1"}, nil)
	return "EXISTS (" + text + ")", err
}
