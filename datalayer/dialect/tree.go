package dialect

// Statement is a statement of the canonical form: *Select, *Insert, *Update, *Delete or *Truncate.
type Statement interface{ statement() }

// Select is one query block.
type Select struct {
	// Columns are the select list, in order. "SELECT NULL FROM t", which asks for rows without values, has one Constant.
	Columns []Expr
	// From is nil where there is none.
	From From
	// Where and Having are the AND terms.
	Where, Having []Expr
	GroupBy       []Expr
	Distinct      bool
	OrderBy       []Sort
	// Limit and Offset are nil where there are none.
	Limit, Offset Expr
	// Lock says FOR UPDATE, FOR SHARE and the like.
	Lock bool
}

// Sort is one key of an ORDER BY.
type Sort struct {
	Expr       Expr
	Desc       bool
	NullsFirst bool
	// Using is the operator of ORDER BY … USING, "" for ASC and DESC. No engine is asked for it.
	Using string
}

// From is a *Relation, *Join or *Subquery.
type From interface{ from() }

// Relation is a table in FROM, or the target of a change.
type Relation struct {
	Table *Table
	// Alias is "" where the text has none; columns then stand without a qualifier.
	Alias string
	// Sample is the TABLESAMPLE of ANALYZE, nil for none.
	Sample *Sample
}

// Sample is a share of a table, in percent, by a method of PostgreSQL's: "system" or "bernoulli".
type Sample struct {
	Method  string
	Percent Expr
}

// JoinKind is the kind of a join.
type JoinKind uint8

// The kinds of joins. Semi and Anti are EXISTS and NOT EXISTS terms, which stand in WHERE (Exists).
const (
	InnerJoin JoinKind = iota
	LeftJoin
	RightJoin
	FullJoin
	CrossJoin
)

// Join joins two items of FROM.
type Join struct {
	Kind        JoinKind
	Left, Right From
	// On are the AND terms; none stands for TRUE.
	On []Expr
}

// Subquery is a query in FROM with names for its columns.
type Subquery struct {
	Select  *Select
	Alias   string
	Columns []string
}

// Insert puts rows into a table.
type Insert struct {
	Into    *Relation
	Columns []*Column
	// Rows are the values, Columns' length each: Constant, Param or Default. No rows and no columns: DEFAULT VALUES.
	Rows [][]Expr
	// DoNothing is ON CONFLICT DO NOTHING.
	DoNothing bool
	Returning []Expr
}

// Update changes rows.
type Update struct {
	Table     *Relation
	Set       []Assignment
	From      From
	Where     []Expr
	Returning []Expr
}

// Assignment is one column = expression of an Update.
type Assignment struct {
	Column *Column
	Value  Expr
}

// Delete removes rows.
type Delete struct {
	Table     *Relation
	Using     From
	Where     []Expr
	Returning []Expr
}

// Truncate empties tables.
type Truncate struct {
	Tables          []*Table
	RestartIdentity bool
	Cascade         bool
}

func (*Select) statement()   {}
func (*Insert) statement()   {}
func (*Update) statement()   {}
func (*Delete) statement()   {}
func (*Truncate) statement() {}
func (*Relation) from()      {}
func (*Join) from()          {}
func (*Subquery) from()      {}
