package dialect

// Expr is an expression with the type that PostgreSQL gives it. The kinds are those of this file.
type Expr interface {
	// ResultType is the type of the value. It is the zero Type while it is not known, which makes the expression unproven.
	ResultType() Type
}

// ColumnRef is a column of a relation of the statement.
type ColumnRef struct {
	// Relation is the alias that the text says, "" where it says none.
	Relation string
	// Column is nil for a column of a Subquery, which has Name and Type only; Inner is then what the Subquery selects.
	Column *Column
	Inner  Expr
	Name   string
	Type   Type
}

// RowID is ctid, by which postgres_fdw finds a row again; NULL where an outer join brought no row.
type RowID struct{ Relation string }

// WholeRow is a row of a relation as one value; NULL, not a row of NULLs, where an outer join brought none.
type WholeRow struct {
	Relation string
	Columns  []Expr
	// Has is the condition of the row, nil where there is no outer join to bring none.
	Has *HasRow
}

// HasRow says whether an outer join brought a row of a relation: "(r1.*)::text IS NOT NULL".
type HasRow struct {
	Relation string
	Table    *Table
}

// Constant is a value in PostgreSQL's text; Null has none.
type Constant struct {
	Text string
	Null bool
	Type Type
}

// Param is $Number, from 1; Number 0 is the place of a value that an EXPLAIN does not have yet.
type Param struct {
	Number int
	Type   Type
}

// Default is DEFAULT in a row of an Insert: the engine gives the value.
type Default struct{ Type Type }

// Operator is an operator of pg_catalog with one or two operands; Left is nil for a prefix operator. Where Type is known
// the operands have the types of the operator's signature, by implicit casts where need be.
type Operator struct {
	Name        string
	Left, Right Expr
	Type        Type
}

// Call is a function, of pg_catalog where Schema is "".
type Call struct {
	Schema   string
	Name     string
	Args     []Expr
	Variadic bool
	Type     Type
}

// Aggregate is an aggregate function.
type Aggregate struct {
	Name     string
	Args     []Expr
	Star     bool
	Distinct bool
	OrderBy  []Sort
	// WithinGroup says that OrderBy is that of WITHIN GROUP: an ordered-set aggregate.
	WithinGroup bool
	Variadic    bool
	// Filter is nil where there is none.
	Filter Expr
	Type   Type
}

// Cast is a cast. One that is Implicit is not written: PostgreSQL's resolution of the operator or function around it
// asks for it, so that the operands of an operator have the types of its signature.
type Cast struct {
	Arg      Expr
	To       Type
	Implicit bool
	// Name is the type's name as SQL says it where pg_catalog does not have it and To is the zero Type.
	Name string
}

// BoolOp is AND, OR or NOT (with one argument).
type BoolOp struct {
	Op   string
	Args []Expr
}

// NullTest is IS [NOT] NULL.
type NullTest struct {
	Arg Expr
	Not bool
}

// BoolTest is IS [NOT] TRUE, FALSE or UNKNOWN: Is says which.
type BoolTest struct {
	Arg Expr
	Is  string
	Not bool
}

// Distinct is IS [NOT] DISTINCT FROM; Not says NOT.
type Distinct struct {
	Left, Right Expr
	Not         bool
}

// ArrayOp is "Left Name ANY (Array)", or ALL. The operator's signature is the type of Left and that of Array's elements;
// Unresolved says that there is none.
type ArrayOp struct {
	Name  string
	Left  Expr
	Array Expr
	All   bool

	Unresolved bool
}

// Array is ARRAY[…].
type Array struct {
	Elems []Expr
	Type  Type
}

// Subscript is Arg[Index].
type Subscript struct {
	Arg   Expr
	Index []Expr
	Type  Type
}

// Case is CASE; Arg is nil in the searched form, Else where there is none.
type Case struct {
	Arg   Expr
	Whens []When
	Else  Expr
	Type  Type
}

// When is one WHEN … THEN ….
type When struct{ When, Then Expr }

// Coalesce is COALESCE, GREATEST, LEAST or NULLIF: Name says which.
type Coalesce struct {
	Name string
	Args []Expr
	Type Type
}

// Exists is EXISTS (Select).
type Exists struct{ Select *Select }

// boolType is boolean, the type of conditions.
var boolType = Type{OID: 16, Mod: -1}

// ResultType implements Expr.
func (e *ColumnRef) ResultType() Type { return e.Type }

// ResultType implements Expr.
func (e *RowID) ResultType() Type { return Type{OID: 27, Mod: -1} }

// ResultType implements Expr.
func (e *WholeRow) ResultType() Type { return Type{OID: 2249, Mod: -1} }

// ResultType implements Expr.
func (e *HasRow) ResultType() Type { return boolType }

// ResultType implements Expr.
func (e *Constant) ResultType() Type { return e.Type }

// ResultType implements Expr.
func (e *Param) ResultType() Type { return e.Type }

// ResultType implements Expr.
func (e *Default) ResultType() Type { return e.Type }

// ResultType implements Expr.
func (e *Operator) ResultType() Type { return e.Type }

// ResultType implements Expr.
func (e *Call) ResultType() Type { return e.Type }

// ResultType implements Expr.
func (e *Aggregate) ResultType() Type { return e.Type }

// ResultType implements Expr.
func (e *Cast) ResultType() Type { return e.To }

// ResultType implements Expr.
func (e *BoolOp) ResultType() Type { return boolType }

// ResultType implements Expr.
func (e *NullTest) ResultType() Type { return boolType }

// ResultType implements Expr.
func (e *BoolTest) ResultType() Type { return boolType }

// ResultType implements Expr.
func (e *Distinct) ResultType() Type { return boolType }

// ResultType implements Expr.
func (e *ArrayOp) ResultType() Type { return boolType }

// ResultType implements Expr.
func (e *Array) ResultType() Type { return e.Type }

// ResultType implements Expr.
func (e *Subscript) ResultType() Type { return e.Type }

// ResultType implements Expr.
func (e *Case) ResultType() Type { return e.Type }

// ResultType implements Expr.
func (e *Coalesce) ResultType() Type { return e.Type }

// ResultType implements Expr.
func (e *Exists) ResultType() Type { return boolType }
