package dialect

// SQL is how one SQL engine is spoken to: its table of proven constructs and the few things in which engines' grammars
// differ. An engine's package makes one and calls Render from its Compile. A zero field means what its comment says.
//
// How an engine fills its table. Start with
//
//	entries := dialect.ReadEntries(dialect.Base, own)
//
// where own is the engine's text, in the form that ReadEntries describes: a line for each construct that it answers as
// PostgreSQL does, "… => !" for what Base has and the engine answers otherwise. Then prove it: prooftest runs every entry over
// edge values on the engine and on a PostgreSQL. An entry that fails leaves the table, or gets a guard or a template that is
// right. Nothing is added that the proof cannot reach. Columns do the rest: those that are not Exact, and texts that are not
// Bytewise, are only given out, never compared.
type SQL struct {
	Entries Entries
	// Quote writes a name. It must be set.
	Quote func(name string) string
	// Relation writes a table in FROM, without its alias; nil: the parts of Native, quoted, with dots.
	Relation func(t *Table) string
	// Column writes a stored column within an expression, given its plain reference; nil: the reference. It may refuse with
	// an *Unproven. Output is not asked for what Column writes.
	Column func(ref string, c *Column) (string, error)
	// Output writes an item of the outermost select list, given its text; nil: the text. Subqueries have no Output.
	Output func(text string, raw Raw) (string, error)
	// Value writes a Constant that is not NULL, or a Param, of which the rendered text will have it n-th among those that are
	// bound, from 1. bound says that the text holds a placeholder for it, and puts it into Rendered.Args. It must be set, and
	// may refuse with an *Unproven. A text that is bound may stand at several places.
	Value func(n int, e Expr) (text string, bound bool, err error)
	// Type writes a type for a cast, ok is false where the engine has none. nil: casts that need it are unproven, and NULLs
	// are written without a type.
	Type func(t Type) (name string, ok bool)
	// MaxDigits is the most digits that a number of the engine's may have, 0 for no limit. A numeric result that may need more
	// is unproven, unless Checked.
	MaxDigits int
	// Checked says that the engine ends a statement with an error where a number or an integer does not fit, and never
	// goes on with another value. The engine's driver side gives such an error as *Unproven, so that PostgreSQL decides.
	Checked bool
	// NoFullJoin, NoRightJoin, NoFilter (of aggregates), NoOrdinals (in GROUP BY and ORDER BY) and NoNullsOrder (NULLS
	// FIRST and LAST) say that the engine's grammar lacks them; they are written another way or unproven.
	NoFullJoin, NoRightJoin, NoFilter, NoOrdinals, NoNullsOrder bool
	// NoNullInList says that IN and NOT IN with a NULL in the list are not NULL there where PostgreSQL's are: such lists
	// become comparisons.
	NoNullInList bool
	// Limit writes LIMIT and OFFSET, of which one may be ""; nil: as PostgreSQL.
	Limit func(limit, offset string) string
	// Lock is what follows a SELECT … FOR UPDATE; "" leaves the lock away.
	Lock string
	// True and False are the constant conditions; "": TRUE and FALSE.
	True, False string
	// EmptySelect is what is selected where no columns are asked for; "": NULL.
	EmptySelect string
	// Semi says that EXISTS with references to the query around it may be written. NULLs and duplicates are as in PostgreSQL
	// in every engine; the zero value refuses, for engines that cannot.
	Semi bool
}

// Raw is one column of the engine's result.
type Raw struct {
	Type Type
	// Column is the stored column that is given out as it stands; nil for a computed value.
	Column *Column
	// Number is known of a numeric, and says what Scale its text must have.
	Number Number
}

// Rendered is a statement in an engine's SQL.
type Rendered struct {
	Text string
	// Args are the Constants and Params of the placeholders, in their order.
	Args []Expr
	// Raw are the columns that the engine gives.
	Raw []Raw
	// outputs make the columns of the statement out of Raw; nil: they are Raw.
	outputs []output
}
