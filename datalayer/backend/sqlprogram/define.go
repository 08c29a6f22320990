package sqlprogram

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Schema is how an engine's schema is changed. Each function that is nil says that the engine lacks the thing.
type Schema struct {
	// Name is the engine's name for messages, Quote writes a name.
	Name  string
	Quote func(name string) string
	// Place writes the name of a relation that is to be made or changed.
	Place func(schema, name string) (string, error)
	// Type gives the engine's type for a column, ok is false where it has none.
	Type func(c *dialect.Column) (name string, ok bool)
	// Identity writes the column that the engine counts, and statements that go before the table's. inline says that the
	// column says that it is the primary key.
	Identity func(t *dialect.Table, c *dialect.Column) (before []string, column string, inline bool, err error)
	// SetType, SetDefault, SetNotNull say that ALTER COLUMN has them.
	SetType, SetDefault, SetNotNull bool
	// Schemas says that there are schemas.
	Schemas bool
	// AddChecked says that ADD COLUMN takes a CHECK of the column.
	AddChecked bool
	// Check writes the condition of a CHECK.
	Check func(t *dialect.Table, c dialect.Check) (string, error)
	// View writes a select for CREATE VIEW.
	View func(s *dialect.Select) (string, error)
}

// Statements are what carries out a change, in their order.
func (s *Schema) Statements(change dialect.Change) ([]string, error) {
	switch x := change.(type) {
	case *dialect.CreateTable:
		return s.createTable(x)
	case *dialect.DropTable:
		return s.one("DROP TABLE ", x.Table, "")
	case *dialect.AlterTable:
		return s.alter(x)
	case *dialect.CreateIndex:
		return s.index(x.Table, x.Index)
	case *dialect.DropIndex:
		schema := ""
		if s.Schemas {
			schema = s.Quote(x.Table.Native[0]) + "."
		}
		return []string{"DROP INDEX " + schema + s.Quote(x.Name)}, nil
	case *dialect.CreateView:
		return s.createView(x)
	case *dialect.DropView:
		return s.one("DROP VIEW ", x.Table, "")
	case *dialect.CreateSchema:
		if s.Schemas {
			return []string{"CREATE SCHEMA " + s.Quote(x.Name)}, nil
		}
		return nil, s.Lacks("schemas")
	case *dialect.DropSchema:
		if s.Schemas {
			return []string{"DROP SCHEMA " + s.Quote(x.Name)}, nil
		}
		return nil, s.Lacks("schemas")
	}
	return nil, s.Lacks(fmt.Sprintf("changes of the kind %T", change))
}

// Lacks is the error for what the engine cannot do.
func (s *Schema) Lacks(what string) error {
	return &backend.Error{Code: "0A000", Message: s.Name + " lacks " + what, Hint: "What only PostgreSQL has, a TEMP table can have."}
}

func (s *Schema) one(before string, t *dialect.Table, after string) ([]string, error) {
	place, err := s.Place(t.Schema, t.Name)
	return []string{before + place + after}, err
}

func (s *Schema) list(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = s.Quote(n)
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}

func (s *Schema) createTable(x *dialect.CreateTable) ([]string, error) {
	t := x.Table
	place, err := s.Place(t.Schema, t.Name)
	if err != nil {
		return nil, err
	}
	var before, parts []string
	keyed := len(t.PrimaryKey) == 0
	for _, c := range t.Columns {
		if c.Generated != dialect.Identity {
			part, err := s.column(c)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
			continue
		}
		first, part, inline, err := s.Identity(t, c)
		if err != nil {
			return nil, err
		}
		before, parts, keyed = append(before, first...), append(parts, part), keyed || inline
	}
	if !keyed {
		parts = append(parts, "PRIMARY KEY "+s.list(t.PrimaryKey))
	}
	for _, k := range t.Uniques {
		parts = append(parts, "UNIQUE "+s.list(k.Columns))
	}
	for _, k := range t.ForeignKeys {
		part, err := s.foreignKey(k)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	for _, c := range t.Checks {
		part, err := s.check(t, c)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	exists := ""
	if x.IfNotExists {
		exists = "IF NOT EXISTS "
	}
	return append(before, "CREATE TABLE "+exists+place+" ("+strings.Join(parts, ", ")+")"), nil
}

// column writes a column with its default.
func (s *Schema) column(c *dialect.Column) (string, error) {
	typ, ok := s.Type(c)
	if !ok {
		return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("%s has no type for column %q, which is %s", s.Name, c.Name, c.TypeName), Column: c.Name,
			Hint: "Declare it as text, or make a TEMP table, which PostgreSQL keeps."}
	}
	text := s.Quote(c.Name) + " " + typ
	if c.NotNull {
		text += " NOT NULL"
	}
	switch {
	case c.Generated == dialect.Computed:
		return "", s.Lacks("generated columns with PostgreSQL's expressions")
	case c.Default != "":
		value, err := s.value(c)
		if err != nil {
			return "", err
		}
		text += " DEFAULT " + value
	}
	return text, nil
}

// literalDefault are the defaults that mean the same everywhere: numbers, texts without a backslash, truth values and
// NULL, each perhaps with a cast behind it.
var literalDefault = regexp.MustCompile(`^\(?(-?[0-9]+(?:\.[0-9]+)?|'(?:[^'\\]|'')*'|true|false|NULL)\)?(::[a-z ]+(\([0-9, ]+\))?( without time zone| with time zone)?)?$`)

// value translates a default.
func (s *Schema) value(c *dialect.Column) (string, error) {
	if m := literalDefault.FindStringSubmatch(c.Default); m != nil {
		return m[1], nil
	}
	if word := strings.ToLower(c.Default); word == "now()" || word == "current_timestamp" {
		return "CURRENT_TIMESTAMP", nil
	}
	return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("%s cannot keep the default of column %q", s.Name, c.Name), Column: c.Name,
		Detail: "Defaults there are numbers, texts, truth values, NULL and CURRENT_TIMESTAMP."}
}

func (s *Schema) foreignKey(k dialect.ForeignKey) (string, error) {
	to, err := s.Place(k.RefSchema, k.RefName)
	text := "FOREIGN KEY " + s.list(k.Columns) + " REFERENCES " + to + " " + s.list(k.RefColumns)
	if k.OnDelete != "" {
		text += " ON DELETE " + k.OnDelete
	}
	if k.OnUpdate != "" {
		text += " ON UPDATE " + k.OnUpdate
	}
	return text, err
}

// check writes a CHECK whose condition the engine is proven to judge as PostgreSQL does.
func (s *Schema) check(t *dialect.Table, c dialect.Check) (string, error) {
	if s.Check == nil {
		return "", s.Lacks("CHECK constraints")
	}
	text, err := s.Check(t, c)
	if err != nil {
		return "", backend.Unchecked(s.Name, c, err)
	}
	return "CONSTRAINT " + s.Quote(c.Name) + " CHECK (" + text + ")", nil
}

// index makes an index in the schema of its table.
func (s *Schema) index(t *dialect.Table, k dialect.Key) ([]string, error) {
	word := "CREATE INDEX "
	if k.Unique {
		word = "CREATE UNIQUE INDEX "
	}
	return s.one(word+s.Quote(k.Name)+" ON ", t, " "+s.list(k.Columns))
}

func (s *Schema) alter(x *dialect.AlterTable) ([]string, error) {
	place, err := s.Place(x.Table.Schema, x.Table.Name)
	if err != nil {
		return nil, err
	}
	do := func(what string, has bool, lack string) ([]string, error) {
		if !has {
			return nil, s.Lacks(lack)
		}
		return []string{"ALTER TABLE " + place + " " + what}, nil
	}
	column := ""
	if x.Column != nil {
		column = s.Quote(x.Column.Name)
	}
	switch {
	case x.AddColumn != nil:
		text, err := s.column(x.AddColumn)
		if err != nil {
			return nil, err
		}
		if x.AddCheck != nil {
			check, err := s.check(&dialect.Table{Columns: []*dialect.Column{x.AddColumn}}, *x.AddCheck)
			if err != nil {
				return nil, err
			}
			if !s.AddChecked {
				return nil, s.Lacks("columns with a CHECK that come later")
			}
			text += " " + check
		}
		return do("ADD COLUMN "+text, x.AddColumn.Generated != dialect.Identity, "counted columns that come later")
	case x.DropColumn != nil:
		return do("DROP COLUMN "+s.Quote(x.DropColumn.Name), true, "")
	case x.RenameTo != "" && x.Column != nil:
		return do("RENAME COLUMN "+column+" TO "+s.Quote(x.RenameTo), true, "")
	case x.RenameTo != "":
		return do("RENAME TO "+s.Quote(x.RenameTo), true, "")
	case x.SetType != nil:
		typ, ok := s.Type(x.SetType)
		return do("ALTER COLUMN "+column+" TYPE "+typ, ok && s.SetType, "a change of a column's type")
	case x.SetDefault != "":
		value, err := s.value(&dialect.Column{Name: x.Column.Name, Default: x.SetDefault})
		if err != nil {
			return nil, err
		}
		return do("ALTER COLUMN "+column+" SET DEFAULT "+value, s.SetDefault, "a change of a column's default")
	case x.DropDefault:
		return do("ALTER COLUMN "+column+" DROP DEFAULT", s.SetDefault, "a change of a column's default")
	case x.SetNotNull:
		return do("ALTER COLUMN "+column+" SET NOT NULL", s.SetNotNull, "NOT NULL for a column that is there already")
	case x.DropNotNull:
		return do("ALTER COLUMN "+column+" DROP NOT NULL", s.SetNotNull, "an end of NOT NULL")
	case x.AddCheck != nil:
		return nil, s.Lacks("CHECK constraints for a table that is there already")
	case x.AddUnique != nil:
		k := *x.AddUnique
		k.Unique = true
		return s.index(x.Table, k)
	case x.AddPrimaryKey != nil:
		return do("ADD PRIMARY KEY "+s.list(x.AddPrimaryKey), s.SetNotNull, "a primary key for a table that is there already")
	}
	return nil, s.Lacks("this change of a table")
}

func (s *Schema) createView(x *dialect.CreateView) ([]string, error) {
	if s.View == nil {
		return nil, s.Lacks("views")
	}
	text, err := s.View(x.Select)
	if err != nil {
		return nil, err
	}
	place, err := s.Place(x.Schema, x.Name)
	return []string{"CREATE VIEW " + place + " " + s.list(x.Columns) + " AS " + text}, err
}
