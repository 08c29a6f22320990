package mirror

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// shapeFormat is part of every fingerprint: another number makes every relation anew at the next start.
const shapeFormat = 1

// shape is a relation as it is shown: what of a dialect.Table the local PostgreSQL is told. It is kept as JSON.
type shape struct {
	Schema   string       `json:"schema"`
	Name     string       `json:"name"`
	View     bool         `json:"view,omitempty"`
	ReadOnly bool         `json:"read_only,omitempty"`
	Columns  []column     `json:"columns"`
	Primary  []string     `json:"primary,omitempty"`
	Uniques  []key        `json:"uniques,omitempty"`
	Indexes  []key        `json:"indexes,omitempty"`
	Foreign  []foreignKey `json:"foreign,omitempty"`
	Comment  string       `json:"comment,omitempty"`
}

// column is a column as it is shown.
type column struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	NotNull bool   `json:"not_null,omitempty"`
	// Default is the default of parent and child; ChildDefault that of the child where the parent has an identity.
	Default      string `json:"default,omitempty"`
	ChildDefault string `json:"child_default,omitempty"`
	// Identity is the value that the parent's identity always gives, dialect.Marker's; "" for no identity.
	Identity string `json:"identity,omitempty"`
	// Computed says that the databackend computes it.
	Computed bool   `json:"computed,omitempty"`
	Comment  string `json:"comment,omitempty"`
}

// key is a unique constraint or an index.
type key struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Unique  bool     `json:"unique,omitempty"`
}

// foreignKey is a foreign key.
type foreignKey struct {
	Name       string   `json:"name"`
	Columns    []string `json:"columns"`
	RefSchema  string   `json:"ref_schema"`
	RefName    string   `json:"ref_name"`
	RefColumns []string `json:"ref_columns"`
	OnDelete   string   `json:"on_delete,omitempty"`
	OnUpdate   string   `json:"on_update,omitempty"`
}

// qualified names a relation.
type qualified struct{ schema, name string }

// String is the name as messages have it.
func (q qualified) String() string { return q.schema + "." + q.name }

// shapes turns a catalog into what is shown. Relations without columns are not.
func shapes(c *dialect.Catalog) map[qualified]*shape {
	names := indexNames(c)
	out := make(map[qualified]*shape, len(c.Tables))
	for _, t := range c.Tables {
		if len(t.Columns) > 0 {
			out[qualified{t.Schema, t.Name}] = shapeOf(t, names)
		}
	}
	return out
}

// indexNames counts, by schema, who wants a name among relations: many engines have one namespace of indexes for each
// table, PostgreSQL one for each schema.
func indexNames(c *dialect.Catalog) map[qualified]int {
	wanted := make(map[qualified]int)
	for _, t := range c.Tables {
		wanted[qualified{t.Schema, t.Name}]++
		for _, k := range slices.Concat(t.Uniques, t.Indexes) {
			wanted[qualified{t.Schema, k.Name}]++
		}
	}
	return wanted
}

// shapeOf is one relation as it is shown.
func shapeOf(t *dialect.Table, names map[qualified]int) *shape {
	s := &shape{Schema: t.Schema, Name: t.Name, View: t.Kind == dialect.View, ReadOnly: t.ReadOnly != "", Comment: text(t.Comment)}
	for _, c := range t.Columns {
		s.Columns = append(s.Columns, columnOf(c))
	}
	if s.View {
		return s
	}
	if indexable(t, t.PrimaryKey) {
		s.Primary = t.PrimaryKey
	}
	taken := make(map[string]bool)
	for _, k := range t.Uniques {
		if indexable(t, k.Columns) {
			s.Uniques = append(s.Uniques, key{uniqueName(t, k.Name, names, taken), k.Columns, true})
		}
	}
	for _, k := range t.Indexes {
		if indexable(t, k.Columns) {
			s.Indexes = append(s.Indexes, key{uniqueName(t, k.Name, names, taken), k.Columns, k.Unique})
		}
	}
	for _, f := range t.ForeignKeys {
		name := f.Name
		if name == "" {
			name = t.Name + "_" + strings.Join(f.Columns, "_") + "_fkey"
		}
		s.Foreign = append(s.Foreign, foreignKey{clip(name), f.Columns, f.RefSchema, f.RefName, f.RefColumns, action(f.OnDelete), action(f.OnUpdate)})
	}
	return s
}

// columnOf is one column as it is shown.
func columnOf(c *dialect.Column) column {
	out := column{Name: c.Name, Type: typeName(c.TypeName), NotNull: c.NotNull, Comment: text(c.Comment)}
	switch c.Generated {
	case dialect.NotGenerated:
		out.Default = expression(c.Default)
	case dialect.Computed:
		out.Computed = true
	case dialect.Identity, dialect.EngineDefault:
		mark, ok := marker(c)
		switch {
		case !ok:
			out.Default = fmt.Sprintf("pinnacle_foreign.engine_default(NULL::%s, %s)", out.Type, literal(c.Name))
		case c.Generated == dialect.Identity && countable(c.Type.OID):
			out.Identity, out.ChildDefault, out.NotNull = mark, literal(mark), true
		default:
			out.Default = literal(mark)
		}
	}
	return out
}

// uniqueName is the name of an index: the engine's where nobody else in the schema has it, otherwise one that begins with
// the table's.
func uniqueName(t *dialect.Table, name string, names map[qualified]int, taken map[string]bool) string {
	if name == "" || len(name) > maxName || names[qualified{t.Schema, name}] > 1 {
		name = clip(t.Name + "_" + name + "_idx")
	}
	for base, n := name, 2; taken[name]; n++ {
		name = clip(fmt.Sprintf("%s_%d", base, n))
	}
	taken[name] = true
	return name
}

// fingerprint is a digest of all that is shown.
func (s *shape) fingerprint() (digest, body string, err error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return "", "", err
	}
	sum := sha256.Sum256(append(raw, byte(shapeFormat)))
	return hex.EncodeToString(sum[:16]), string(raw), nil
}

// column finds a column by name.
func (s *shape) column(name string) *column {
	for i := range s.Columns {
		if s.Columns[i].Name == name {
			return &s.Columns[i]
		}
	}
	return nil
}

// bare is the shape without all that PostgreSQL might refuse: columns with their types are left.
func (s *shape) bare() *shape {
	out := &shape{Schema: s.Schema, Name: s.Name, View: s.View, ReadOnly: s.ReadOnly}
	for _, c := range s.Columns {
		out.Columns = append(out.Columns, column{Name: c.Name, Type: c.Type, Computed: c.Computed})
	}
	return out
}

// text is a comment as PostgreSQL can hold it: without NUL.
func text(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// KeyName is the databackend's name of a unique constraint or an index of a table that is shown under another, since
// names of indexes are unique in a schema of PostgreSQL. A name that is not the mirror's stays as it is.
func KeyName(c *dialect.Catalog, t *dialect.Table, shown string) string {
	names, taken := indexNames(c), make(map[string]bool)
	for _, keys := range [][]dialect.Key{t.Uniques, t.Indexes} {
		for _, k := range keys {
			if indexable(t, k.Columns) && uniqueName(t, k.Name, names, taken) == shown {
				return k.Name
			}
		}
	}
	return shown
}
