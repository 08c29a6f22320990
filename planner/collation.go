package planner

import (
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Collated is a column that an Eval reads and whose collation, if it has any, comes from hidden columns: a piece of the
// client's expression from itself, a call's text from the call's arguments, as PostgreSQL derives a function's.
type Collated struct {
	Col  ColumnID
	From []ColumnID
}

// collated lists the columns that Evals read and that may have a collation other than their type's.
func (b *builder) collated() []Collated {
	var list []Collated
	for _, s := range slices.Concat(b.plan.Filters, b.plan.Finals) {
		if s.Eval == nil {
			continue
		}
		for _, id := range s.Eval.Inputs {
			known := slices.ContainsFunc(list, func(c Collated) bool { return c.Col == id })
			if from := b.collationOf(id); len(from) > 0 && !known {
				list = append(list, Collated{id, from})
			}
		}
	}
	return list
}

// collationOf gives the hidden columns that a column's collation comes from.
func (b *builder) collationOf(id ColumnID) []ColumnID {
	if _, computed := id.Computed(); !computed {
		if b.plan.Hidden[id].Parameter {
			return nil
		}
		return []ColumnID{id}
	}
	var from []ColumnID
	for _, c := range b.plan.Calls {
		if c.Out == id && (c.Model.Returns == udf.Text || c.Model.Returns == udf.TextArray) {
			for _, a := range c.Args {
				from = append(from, b.collationOf(a)...)
			}
		}
	}
	for _, s := range slices.Concat(b.plan.Filters, b.plan.Finals) {
		if s.Eval != nil && slices.Contains(s.Eval.Outs, id) {
			for _, in := range s.Eval.Inputs {
				from = append(from, b.collationOf(in)...)
			}
		}
	}
	return from
}

// collations adds the hidden column that says which collations those are: a text[] in the order of plan.Collated. The
// expressions are never evaluated.
func (b *builder) collations() {
	if len(b.plan.Collated) == 0 {
		return
	}
	f := (&fragment{}).add("ARRAY[")
	for i, c := range b.plan.Collated {
		if i > 0 {
			f.add(", ")
		}
		f.add("coalesce(pg_catalog.pg_collation_for(CASE WHEN false THEN ")
		for j, id := range c.From {
			if j > 0 {
				f.add(" OPERATOR(pg_catalog.||) ")
			}
			f.add("(").append(b.hidden[id]).add(")::text")
		}
		f.add(" END), '')")
	}
	b.addHidden(Hidden{Kind: CollationsColumn}, f.add("]"))
}
