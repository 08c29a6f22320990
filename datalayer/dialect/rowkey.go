package dialect

// RowKey is the condition that a row has a primary key: the one row that ctid stood for in what postgres_fdw sent. It
// stands alone in the Where of a Select of columns, an Update or a Delete, each of one relation without an alias. The engine compares as its own key does (a key of
// texts may be compared without case: still one row at most has it), so every engine compiles it for every table that has
// a PrimaryKey or a RowKey.
type RowKey struct {
	Relation string
	// Columns are the table's RowKey alone where it has one, otherwise the primary key's, in its order.
	Columns []*Column
	// Values are Params or Constants of the columns' types, one a column; none is NULL.
	Values []Expr
}

// ResultType implements Expr.
func (e *RowKey) ResultType() Type { return boolType }
