package dialect

// Change is one change of a databackend's schema: *CreateTable, *DropTable, *AlterTable, *CreateIndex, *DropIndex,
// *CreateView, *DropView, *CreateSchema or *DropSchema.
type Change interface{ change() }

// CreateTable makes a table. Table has its names, columns, keys and comment; Native names and types are the engine's to
// choose, from its type table.
type CreateTable struct {
	Table       *Table
	IfNotExists bool
}

// DropTable removes a table.
type DropTable struct {
	Table   *Table
	Cascade bool
}

// AlterTable changes one thing of a table: what is not nil or "".
type AlterTable struct {
	Table *Table
	// AddColumn and DropColumn add one and remove one.
	AddColumn  *Column
	DropColumn *Column
	// AddCheck adds a CHECK: with AddColumn one about the new column alone.
	AddCheck *Check
	// Column is the one that the rest is about, nil where it is about the table.
	Column *Column
	// RenameTo is a new name for Column, or for the table.
	RenameTo string
	// SetType is a new type: its Type and TypeName count.
	SetType *Column
	// SetDefault is an expression of PostgreSQL's; DropDefault removes it.
	SetDefault  string
	DropDefault bool
	// SetNotNull and DropNotNull are of Column.
	SetNotNull, DropNotNull bool
	// AddUnique and AddForeignKey add a constraint, AddPrimaryKey the key; DropConstraint removes one by name.
	AddUnique      *Key
	AddPrimaryKey  []string
	AddForeignKey  *ForeignKey
	DropConstraint string
}

// CreateIndex makes an index.
type CreateIndex struct {
	Table *Table
	Index Key
}

// DropIndex removes an index.
type DropIndex struct {
	Table *Table
	Name  string
}

// CreateView makes a view of a select that the engine compiles.
type CreateView struct {
	Schema, Name string
	Select       *Select
	Columns      []string
}

// DropView removes a view.
type DropView struct{ Table *Table }

// CreateSchema makes a schema.
type CreateSchema struct{ Name string }

// DropSchema removes an empty schema.
type DropSchema struct{ Name string }

func (*CreateTable) change()  {}
func (*DropTable) change()    {}
func (*AlterTable) change()   {}
func (*CreateIndex) change()  {}
func (*DropIndex) change()    {}
func (*CreateView) change()   {}
func (*DropView) change()     {}
func (*CreateSchema) change() {}
func (*DropSchema) change()   {}
