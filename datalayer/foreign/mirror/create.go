package mirror

import (
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// routeTrigger is the trigger that routes rows from a parent to its child.
const routeTrigger = "pinnacle_route"

// relation is the quoted name that clients say; child that of the foreign table.
func (s *shape) relation() string { return quoted(s.Schema) + "." + quoted(s.Name) }

// child is the foreign table behind.
func (s *shape) child() string { return quoted(dialect.ForeignSchema(s.Schema)) + "." + quoted(s.Name) }

// script gathers statements for one round trip.
type script struct{ strings.Builder }

// add adds one statement.
func (s *script) add(format string, args ...any) {
	fmt.Fprintf(&s.Builder, format, args...)
	s.WriteString(";\n")
}

// own is the part of a relation's making that is done as the owner of what clients name: its parent table. Views follow
// their foreign table, in behind.
func (s *shape) own(b *script) {
	if s.View {
		return
	}
	parts := make([]string, 0, len(s.Columns)+len(s.Uniques)+1)
	for i := range s.Columns {
		parts = append(parts, s.Columns[i].definition())
	}
	if s.Primary != nil {
		parts = append(parts, "PRIMARY KEY ("+quotedList(s.Primary)+")")
	}
	for _, u := range s.Uniques {
		parts = append(parts, "CONSTRAINT "+quoted(u.Name)+" UNIQUE ("+quotedList(u.Columns)+")")
	}
	b.add("CREATE TABLE %s (%s)", s.relation(), strings.Join(parts, ", "))
	for _, x := range s.Indexes {
		b.add("%s", x.create(s))
	}
	s.comments(b, nil)
}

// create makes an index.
func (k *key) create(s *shape) string {
	unique := ""
	if k.Unique {
		unique = "UNIQUE "
	}
	return fmt.Sprintf("CREATE %sINDEX %s ON %s (%s)", unique, quoted(k.Name), s.relation(), quotedList(k.Columns))
}

// behind is the part that the superuser does: the foreign table, the trigger, or the view. owner is the role that what
// clients name belongs to.
func (s *shape) behind(b *script, owner string) {
	var columns []string
	for i := range s.Columns {
		c := &s.Columns[i]
		switch {
		case s.View:
			columns = append(columns, quoted(c.Name)+" "+c.Type)
		case c.ChildDefault != "":
			columns = append(columns, quoted(c.Name)+" "+c.Type+" DEFAULT "+c.ChildDefault)
		}
	}
	inherits := ""
	if !s.View {
		inherits = " INHERITS (" + s.relation() + ")"
	}
	options := "schema_name " + literal(s.Schema) + ", table_name " + literal(s.Name)
	if s.ReadOnly {
		options += ", updatable 'false'"
	}
	b.add("CREATE FOREIGN TABLE %s (%s)%s SERVER %s OPTIONS (%s)", s.child(), strings.Join(columns, ", "), inherits, dialect.ForeignServer, options)
	b.add("ALTER FOREIGN TABLE %s OWNER TO %s", s.child(), quoted(owner))
	if s.View {
		names := make([]string, len(s.Columns))
		for i := range s.Columns {
			names[i] = s.Columns[i].Name
		}
		b.add("CREATE VIEW %s AS SELECT %s FROM %s", s.relation(), quotedList(names), s.child())
		b.add("ALTER VIEW %s OWNER TO %s", s.relation(), quoted(owner))
		s.comments(b, nil)
		return
	}
	s.trigger(b)
}

// trigger makes the trigger that routes rows to the child.
func (s *shape) trigger(b *script) {
	var names, values []string
	for _, c := range s.Columns {
		if !c.Computed {
			names = append(names, quoted(c.Name))
			values = append(values, "($1)."+quoted(c.Name))
		}
	}
	insert := "INSERT INTO " + s.child() + " DEFAULT VALUES"
	if names != nil {
		insert = fmt.Sprintf("INSERT INTO %s (%s) SELECT %s", s.child(), strings.Join(names, ", "), strings.Join(values, ", "))
	}
	b.add("CREATE TRIGGER %s BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION pinnacle_foreign.route(%s)", routeTrigger, s.relation(), literal(insert))
}

// comments says what relation and columns are; of those that were the same in old nothing is said.
func (s *shape) comments(b *script, old *shape) {
	kind := "TABLE"
	if s.View {
		kind = "VIEW"
	}
	if s.Comment != "" || old != nil && old.Comment != "" {
		b.add("COMMENT ON %s %s IS %s", kind, s.relation(), literal(s.Comment))
	}
	for i := range s.Columns {
		c := &s.Columns[i]
		was := ""
		if old != nil {
			if o := old.column(c.Name); o != nil {
				was = o.Comment
			}
		}
		if c.Comment != was {
			b.add("COMMENT ON COLUMN %s.%s IS %s", s.relation(), quoted(c.Name), literal(c.Comment))
		}
	}
}

// definition is a column of CREATE TABLE.
func (c *column) definition() string {
	return quoted(c.Name) + " " + c.Type + c.constraints()
}

// constraints is what stands behind a column's type.
func (c *column) constraints() string {
	out := ""
	switch {
	case c.Computed:
		out = " GENERATED ALWAYS AS (NULL::" + c.Type + ") STORED"
	case c.Identity != "":
		out = " " + c.identity()
	case c.Default != "":
		out = " DEFAULT " + c.Default
	}
	if c.NotNull {
		out += " NOT NULL"
	}
	return out
}

// identity is the clause of an identity whose sequence gives one value for ever: the marker, which the databackend's side
// takes for DEFAULT. PostgreSQL wants a range of at least two values; a step of two passes the end each time, and the
// sequence begins again.
func (c *column) identity() string {
	return fmt.Sprintf("GENERATED BY DEFAULT AS IDENTITY (START WITH %s MINVALUE %[1]s MAXVALUE %s INCREMENT BY 2 CYCLE)", c.Identity, next(c.Identity))
}

// next is the number after a negative one, both in decimal.
func next(negative string) string {
	digits := []byte(negative)
	for i := len(digits) - 1; i > 0; i-- {
		if digits[i] > '0' {
			digits[i]--
			break
		}
		digits[i] = '9'
	}
	return string(digits)
}

// note records what is shown, and how.
func (s *shape) note(b *script) error {
	digest, body, err := s.fingerprint()
	if err != nil {
		return err
	}
	s.noteAs(b, digest, body)
	return nil
}

// noteAs records a relation under the fingerprint of what was asked for, which may be more than is shown.
func (s *shape) noteAs(b *script, digest, body string) {
	b.add("INSERT INTO pinnacle_foreign.mirrored VALUES (%s, %s, %s::regclass, %s::regclass, %s, %s)"+
		" ON CONFLICT (schema_name, table_name) DO UPDATE SET relation = excluded.relation, child = excluded.child, fingerprint = excluded.fingerprint, shape = excluded.shape",
		literal(s.Schema), literal(s.Name), literal(s.relation()), literal(s.child()), literal(digest), literal(body))
}

// remove takes a relation away. It fails where something of the local PostgreSQL depends on it.
func (s *shape) remove(b *script) {
	if s.View {
		b.add("DROP VIEW IF EXISTS %s", s.relation())
		b.add("DROP FOREIGN TABLE IF EXISTS %s", s.child())
	} else {
		// Foreign keys of other parents are made again when all is there.
		b.add("SELECT pinnacle_foreign.strip(relation) FROM pinnacle_foreign.mirrored m JOIN pg_class c ON c.oid = m.relation WHERE schema_name = %s AND table_name = %s",
			literal(s.Schema), literal(s.Name))
		b.add("DROP FOREIGN TABLE IF EXISTS %s", s.child())
		b.add("DROP TABLE IF EXISTS %s", s.relation())
	}
	b.add("DELETE FROM pinnacle_foreign.mirrored WHERE schema_name = %s AND table_name = %s", literal(s.Schema), literal(s.Name))
}

// references makes a foreign key. What PostgreSQL refuses is left out: the databackend is the one that enforces it.
func (f *foreignKey) references(b *script, s *shape) {
	clause := ""
	if f.OnDelete != "" {
		clause += " ON DELETE " + f.OnDelete
	}
	if f.OnUpdate != "" {
		clause += " ON UPDATE " + f.OnUpdate
	}
	columns := ""
	if f.RefColumns != nil {
		columns = " (" + quotedList(f.RefColumns) + ")"
	}
	alter := fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s.%s%s%s", s.relation(), quoted(f.Name), quotedList(f.Columns),
		quoted(f.RefSchema), quoted(f.RefName), columns, clause)
	b.add("DO %s", literal("BEGIN "+alter+"; EXCEPTION WHEN lock_not_available OR deadlock_detected THEN RAISE; WHEN OTHERS THEN NULL; END"))
}
