package mirror

import (
	"reflect"
	"slices"
)

// fits says whether a parent's columns can become those of another shape, in that order, by ALTER TABLE: new columns come
// last.
func (s *shape) fits(next *shape) bool {
	if s.View || next.View {
		return false
	}
	var kept []string
	for _, c := range s.Columns {
		if next.column(c.Name) != nil {
			kept = append(kept, c.Name)
		}
	}
	if len(kept) == 0 {
		return false
	}
	for i, c := range next.Columns {
		if i < len(kept) && c.Name != kept[i] {
			return false
		}
	}
	return alterable(s, next)
}

// alterable says whether ALTER TABLE can make each column what it shall be, whatever their order.
func alterable(s, next *shape) bool {
	if s.View || next.View {
		return false
	}
	for i := range next.Columns {
		c := &next.Columns[i]
		if old := s.column(c.Name); old != nil && old.Computed != c.Computed {
			return false
		}
	}
	return true
}

// reshape makes a parent and its child what next says, as they stand: local views over them live on. What depends on a
// column that goes makes it fail. Columns that were renamed or dropped there already are no error.
func (s *shape) reshape(b *script, next *shape) {
	keys := !reflect.DeepEqual(s.Primary, next.Primary) || !reflect.DeepEqual(s.Uniques, next.Uniques) ||
		!reflect.DeepEqual(s.Indexes, next.Indexes) || !reflect.DeepEqual(s.Foreign, next.Foreign) || s.types(next)
	if keys {
		b.add("SELECT pinnacle_foreign.strip(%s::regclass)", literal(next.relation()))
	} else {
		b.add("DROP TRIGGER IF EXISTS %s ON %s", routeTrigger, next.relation())
	}
	for i := range s.Columns {
		if name := s.Columns[i].Name; next.column(name) == nil {
			b.add("ALTER TABLE %s DROP COLUMN IF EXISTS %s", next.relation(), quoted(name))
		}
	}
	for i := range next.Columns {
		next.Columns[i].become(b, next, s.column(next.Columns[i].Name))
	}
	if keys {
		next.keys(b)
	}
	if s.ReadOnly != next.ReadOnly {
		change := "DROP updatable"
		if next.ReadOnly {
			change = "ADD updatable 'false'"
		}
		b.add("ALTER FOREIGN TABLE %s OPTIONS (%s)", next.child(), change)
	}
	next.comments(b, s)
	next.trigger(b)
}

// types says whether a column of a key has another type.
func (s *shape) types(next *shape) bool {
	return slices.ContainsFunc(s.Columns, func(c column) bool {
		to := next.column(c.Name)
		return to == nil || to.Type != c.Type
	})
}

// keys adds the constraints and indexes that strip took off.
func (s *shape) keys(b *script) {
	if s.Primary != nil {
		b.add("ALTER TABLE %s ADD PRIMARY KEY (%s)", s.relation(), quotedList(s.Primary))
	}
	for _, u := range s.Uniques {
		b.add("ALTER TABLE %s ADD CONSTRAINT %s UNIQUE (%s)", s.relation(), quoted(u.Name), quotedList(u.Columns))
	}
	for _, x := range s.Indexes {
		b.add("%s", x.create(s))
	}
}

// become adds a column that was not there, or alters one that was.
func (c *column) become(b *script, s *shape, old *column) {
	if old == nil {
		b.add("ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s", s.relation(), c.definition())
		if c.ChildDefault != "" {
			b.add("ALTER FOREIGN TABLE %s ALTER COLUMN %s SET DEFAULT %s", s.child(), quoted(c.Name), c.ChildDefault)
		}
		return
	}
	if c.Computed {
		c.retype(b, s, old)
		return
	}
	alter := func(format string, args ...any) {
		b.add("ALTER TABLE "+s.relation()+" ALTER COLUMN "+quoted(c.Name)+" "+format, args...)
	}
	given := old.Type != c.Type || old.Default != c.Default || old.ChildDefault != c.ChildDefault || old.Identity != c.Identity
	if given {
		if old.Identity != "" {
			alter("DROP IDENTITY")
			b.add("ALTER FOREIGN TABLE %s ALTER COLUMN %s DROP DEFAULT", s.child(), quoted(c.Name))
		}
		if old.Default != "" {
			alter("DROP DEFAULT")
		}
	}
	c.retype(b, s, old)
	if c.NotNull && !old.NotNull {
		alter("SET NOT NULL")
	}
	if !c.NotNull && old.NotNull {
		alter("DROP NOT NULL")
	}
	if !given {
		return
	}
	switch {
	case c.Identity != "":
		alter("ADD %s", c.identity())
		b.add("ALTER FOREIGN TABLE %s ALTER COLUMN %s SET DEFAULT %s", s.child(), quoted(c.Name), c.ChildDefault)
	case c.Default != "":
		alter("SET DEFAULT %s", c.Default)
	}
}

// retype gives a column another type, where PostgreSQL has an assignment cast between the two: of a column with a foreign
// child it takes no USING.
func (c *column) retype(b *script, s *shape, old *column) {
	if old.Type != c.Type {
		b.add("ALTER TABLE %s ALTER COLUMN %s TYPE %s", s.relation(), quoted(c.Name), c.Type)
	}
}
