package dialect

// Type is a PostgreSQL type: its OID and modifier (pg_attribute.atttypmod; -1 for none).
type Type struct {
	OID uint32
	Mod int32
}

// Catalog is what an engine has: its tables and views, as they are shown to clients.
type Catalog struct {
	Tables []*Table
}

// Kind is the kind of a relation.
type Kind uint8

// The kinds of relations.
const (
	BaseTable Kind = iota
	View
)

// Table is one relation of a databackend as PostgreSQL sees it. Once read it is not changed: a later state of the schema
// is another Table.
type Table struct {
	// Schema and Name are what clients say, at most 63 bytes each, unique together.
	Schema, Name string
	// Native is the engine's own name, outermost part first: database, schema, table, as many as the engine has.
	Native []string
	Kind   Kind
	// Columns are in the engine's order. A relation with none is not shown.
	Columns []*Column
	// PrimaryKey are the columns of the key by which a row is found again; nil: none, and rows can be read and inserted,
	// but changed only by statements that go down whole.
	PrimaryKey []string
	// RowKey is a column that clients do not see, by which a row is found again within one transaction: SQLite's and
	// DuckDB's rowid. Where it is not nil it is used in PrimaryKey's place for finding rows: a ColumnRef to it stands in a
	// select list and in an equality like any other column. It is not in Columns, and Column does not find it.
	RowKey      *Column
	Uniques     []Key
	Indexes     []Key
	ForeignKeys []ForeignKey
	// Checks are those of a table that is to be. What an engine's table has already is the engine's alone.
	Checks  []Check
	Comment string
	// Definition is a view's select in PostgreSQL's SQL, where it translates; otherwise "". The view is read as one
	// relation all the same: the engine knows best how to compute it.
	Definition string
	// Rows estimates the number of rows; negative: unknown.
	Rows float64
	// ReadOnly says why it cannot be written, as a sentence for users; "" if it can.
	ReadOnly string
	// Facts is for the engine itself: what it must know of the table to translate statements. Others leave it alone.
	Facts any
}

// Generation says who gives a column its value when an INSERT does not.
type Generation uint8

// Who gives values.
const (
	// NotGenerated: the default, or NULL.
	NotGenerated Generation = iota
	// Identity: the engine counts (AUTO_INCREMENT, rowid, IDENTITY).
	Identity
	// EngineDefault: the engine has a default that is not PostgreSQL's to compute.
	EngineDefault
	// Computed: always the engine, from other columns; it cannot be written.
	Computed
)

// Column is one column of a Table.
type Column struct {
	Name string
	Type Type
	// TypeName is the type as DDL says it: "numeric(20,0)", "timestamp(3) without time zone", "jsonb".
	TypeName string
	// Native is the engine's own name of the column, mostly Name, and NativeType its type as the engine says it.
	Native     string
	NativeType string
	NotNull    bool
	// Default is an expression of PostgreSQL's; "" for none. It counts only for NotGenerated.
	Default   string
	Generated Generation
	Comment   string
	// Bytewise says that the engine compares and orders these texts by their UTF-8 bytes, with trailing blanks counting,
	// as PostgreSQL does under C.UTF-8. Without it comparisons of the text stay with PostgreSQL.
	Bytewise bool
	// Exact says that every stored value is one of Type as it stands: no text in a column of numbers, no fraction that
	// the type rounds away. Without it conditions on the column stay with PostgreSQL.
	Exact bool
	// Facts is for the engine itself.
	Facts any
}

// Key is a unique constraint or an index. Where its columns are expressions it is not shown.
type Key struct {
	Name    string
	Columns []string
	Unique  bool
}

// ForeignKey refers to another Table of the same Catalog. It is shown, not enforced: the engine does that.
type ForeignKey struct {
	Name               string
	Columns            []string
	RefSchema, RefName string
	RefColumns         []string
	// OnDelete and OnUpdate are PostgreSQL's words: "CASCADE", "SET NULL", …; "" is NO ACTION.
	OnDelete, OnUpdate string
}

// Column finds a column by the name that clients say, nil if there is none.
func (t *Table) Column(name string) *Column {
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}
