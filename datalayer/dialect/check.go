package dialect

import "errors"

// Check is a CHECK constraint of a table. The engine enforces it: a row for which the condition is false is refused (23514),
// one for which it is NULL is not.
type Check struct {
	Name string
	// Expression is the condition as PostgreSQL prints it (pg_get_expr): columns without a relation's name.
	Expression string
}

// checkable are the types of columns that a condition of a CHECK may look into: those that every session of an engine reads and
// compares alike, whatever its settings.
var checkable = map[uint32]bool{oidBool: true, oidInt2: true, oidInt4: true, oidInt8: true, oidNumeric: true, oidText: true, oidVarchar: true, oidDate: true}

// Condition writes the condition of a CHECK in the engine's SQL, with its proven constructs alone and every value in the text. The
// columns are those of a table that is made through the proxy, so that they hold values of their types and compare by bytes. What the
// engine may judge otherwise than PostgreSQL is an *Unproven.
func (s *SQL) Condition(t *Table, c Check) (string, error) {
	terms, err := checkTerms(t, c)
	if err != nil {
		return "", err
	}
	plain := *s
	plain.Column = nil
	r := plain.Begin()
	text, err := r.Terms(terms)
	if err != nil {
		return "", err
	}
	rendered, err := r.Finish(text)
	if err != nil {
		return "", err
	}
	if len(rendered.Args) > 0 {
		return "", &Unproven{What: "a value that does not stand in the text of a CHECK"}
	}
	return rendered.Text, nil
}

// checkTerms reads the condition of a CHECK as AND terms.
func checkTerms(t *Table, c Check) ([]Expr, error) {
	like := &Table{Schema: "public", Name: "t"}
	for _, column := range t.Columns {
		one := *column
		one.Native, one.Exact, one.Bytewise = one.Name, checkable[one.Type.OID], textual(one.Type.OID)
		like.Columns = append(like.Columns, &one)
	}
	tree, err := Parse("SELECT NULL FROM public.t WHERE ("+c.Expression+")", &Catalog{Tables: []*Table{like}})
	if err != nil {
		var refused *ParseError
		if errors.As(err, &refused) {
			return nil, &Unproven{What: refused.Message}
		}
		return nil, err
	}
	return tree.(*Select).Where, nil
}
