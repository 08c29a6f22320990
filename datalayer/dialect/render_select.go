package dialect

import (
	"strconv"
	"strings"
)

// outermost writes the statement itself, and notes what its columns are made of.
func (r *Renderer) outermost(s *Select) (string, error) {
	o := &outputs{renderer: r}
	if err := o.collect(s); err != nil {
		return "", err
	}
	r.raw, r.outputs, r.plain = o.raw, o.out, o.plain()
	list := append([]string(nil), o.texts...)
	ordinals := make([]string, len(list))
	for i, text := range list {
		if r.sql.Output != nil {
			var err error
			if list[i], err = r.sql.Output(text, o.raw[i]); err != nil {
				return "", err
			}
		}
		if list[i] == text && !r.sql.NoOrdinals {
			ordinals[i] = text
		}
	}
	if len(list) == 0 {
		empty := r.sql.EmptySelect
		if empty == "" {
			empty = "NULL"
		}
		list = []string{empty}
	}
	return r.block(s, list, ordinals)
}

// subquery writes a query of FROM, whose columns get the names.
func (r *Renderer) subquery(s *Select, names []string) (string, error) {
	var list, ordinals []string
	for i, c := range s.Columns {
		text, err := r.inner(c)
		if err != nil {
			return "", err
		}
		ordinals = append(ordinals, text)
		list = append(list, text+" AS "+r.sql.Quote(names[i]))
	}
	if r.sql.NoOrdinals {
		ordinals = nil
	}
	return r.block(s, list, ordinals)
}

// inner writes a column of a subquery: one that is only passed on needs no proof here, its use does.
func (r *Renderer) inner(e Expr) (string, error) {
	if ref, ok := e.(*ColumnRef); ok {
		return r.reference(ref), nil
	}
	return r.Expr(e)
}

// block writes a query block. ordinals are the texts of the columns that a number may stand for.
func (r *Renderer) block(s *Select, list, ordinals []string) (string, error) {
	var b strings.Builder
	b.WriteString("SELECT ")
	if s.Distinct {
		for _, c := range s.Columns {
			if err := r.groups(c); err != nil {
				return "", err
			}
		}
		b.WriteString("DISTINCT ")
	}
	b.WriteString(strings.Join(list, ", "))
	if s.From != nil {
		from, err := r.From(s.From)
		if err != nil {
			return "", err
		}
		b.WriteString(" FROM " + from)
	}
	if err := r.clause(&b, " WHERE ", s.Where); err != nil {
		return "", err
	}
	if err := r.groupBy(&b, s, ordinals); err != nil {
		return "", err
	}
	if err := r.clause(&b, " HAVING ", s.Having); err != nil {
		return "", err
	}
	if err := r.orderBy(&b, s, ordinals); err != nil {
		return "", err
	}
	if err := r.limit(&b, s); err != nil {
		return "", err
	}
	if s.Lock {
		b.WriteString(r.sql.Lock)
	}
	return b.String(), nil
}

func (r *Renderer) clause(b *strings.Builder, word string, terms []Expr) error {
	text, err := r.Terms(terms)
	if text != "" {
		b.WriteString(word + text)
	}
	return err
}

// groupBy writes GROUP BY. A constant among other keys changes nothing and is left out.
func (r *Renderer) groupBy(b *strings.Builder, s *Select, ordinals []string) error {
	var keys []string
	for _, g := range s.GroupBy {
		if _, ok := g.(*Constant); ok {
			continue
		}
		if err := r.groups(g); err != nil {
			return err
		}
		text, err := r.Expr(g)
		if err != nil {
			return err
		}
		keys = append(keys, ordinalOf(text, ordinals))
	}
	switch {
	case len(keys) > 0:
		b.WriteString(" GROUP BY " + strings.Join(keys, ", "))
	case len(s.GroupBy) > 0:
		return &Unproven{What: "GROUP BY of a constant"}
	}
	return nil
}

// ordinalOf gives the number of the column with this text, or the text.
func ordinalOf(text string, ordinals []string) string {
	for i, o := range ordinals {
		if o == text {
			return strconv.Itoa(i + 1)
		}
	}
	return text
}

// groups checks that the engine takes for equal what PostgreSQL does.
func (r *Renderer) groups(e Expr) error {
	if err := r.classed("group(", e); err != nil {
		return err
	}
	_, err := r.Expr(e) // a column that is only given out needs no proof, one that is compared does
	return err
}

// classed looks for group(type) or order(type).
func (r *Renderer) classed(kind string, e Expr) error {
	t := e.ResultType().OID
	if t == oidVarchar {
		t = oidText
	}
	key := kind + shortName(t) + ")"
	if _, ok := r.sql.Entries[key]; !ok {
		return &Unproven{What: key}
	}
	if t == oidNumeric && kind == "group(" && !NumberOf(e).Fixed {
		return &Unproven{What: "groups of numerics that are equal and look different"}
	}
	return nil
}

// orderBy writes ORDER BY, with the place of NULLs spelt out or as a key of its own.
func (r *Renderer) orderBy(b *strings.Builder, block *Select, ordinals []string) error {
	word := " ORDER BY "
	for _, s := range block.OrderBy {
		if s.Using != "" {
			return &Unproven{What: "ORDER BY USING " + s.Using}
		}
		if _, ok := s.Expr.(*Constant); ok {
			continue
		}
		if err := r.classed("order(", s.Expr); err != nil {
			return err
		}
		text, err := r.Expr(s.Expr)
		if err != nil {
			return err
		}
		b.WriteString(word + r.sortKey(s, block.From, text, ordinals))
		word = ", "
	}
	return nil
}

// sortKey writes one key. The place of NULLs is left out where there can be none, so that an index gives the order.
func (r *Renderer) sortKey(s Sort, from From, text string, ordinals []string) string {
	direction := ""
	if s.Desc {
		direction = " DESC"
	}
	ref, stored := s.Expr.(*ColumnRef)
	if _, alone := from.(*Relation); r.sql.NoNullsOrder && alone && stored && ref.Column != nil && ref.Column.NotNull {
		return ordinalOf(text, ordinals) + direction
	}
	if r.sql.NoNullsOrder {
		nulls := " IS NULL, "
		if s.NullsFirst {
			nulls = " IS NOT NULL, "
		}
		return text + nulls + ordinalOf(text, ordinals) + direction
	}
	if s.NullsFirst {
		return ordinalOf(text, ordinals) + direction + " NULLS FIRST"
	}
	return ordinalOf(text, ordinals) + direction + " NULLS LAST"
}

// limit writes LIMIT and OFFSET, which must be constants of 0 or more: PostgreSQL has errors and NULLs for the rest.
func (r *Renderer) limit(b *strings.Builder, s *Select) error {
	limit, err := countOf(s.Limit)
	if err != nil {
		return err
	}
	offset, err := countOf(s.Offset)
	if err != nil || limit == "" && offset == "" {
		return err
	}
	if r.sql.Limit != nil {
		b.WriteString(r.sql.Limit(limit, offset))
		return nil
	}
	if limit != "" {
		b.WriteString(" LIMIT " + limit)
	}
	if offset != "" {
		b.WriteString(" OFFSET " + offset)
	}
	return nil
}

func countOf(e Expr) (string, error) {
	if e == nil {
		return "", nil
	}
	c, ok := e.(*Constant)
	if !ok || c.Null || !wholeNumber(c.Text) || c.Text[0] == '-' || !fits(c.Text, oidInt8) {
		return "", &Unproven{What: "LIMIT or OFFSET that is no constant"}
	}
	return c.Text, nil
}
