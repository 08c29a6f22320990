package sqlparse

// Component is a statement about components: one of *CreateModel, *CreateListener, *CreateVectorIndex, *CreateDataset,
// *CreateMetric, *CreateSecret, *Alter, *Drop, *Show, *Describe, *ExplainCreate, *ValidateModel, *RefreshListener, *Grant,
// *FunctionCall and *CopyArtifact. Kinds of components are named by SQL's words in lower case, with an underscore for a
// blank: model, listener, vector_index, dataset, metric, secret.
type Component interface{ component() }

// Name is a component's name with an optional version.
type Name struct {
	Name string
	// Version is 0 where the text names none.
	Version int
	Span    Span
}

// Table is the name of a table as it is written: with or without a schema, quoted or not. Its zero value is none.
type Table struct {
	// Parts are the schema, where there is one, and the name, as PostgreSQL reads them.
	Parts []string
	Span  Span
}

// ArgDecl declares one argument of a model: a type, with or without a name before it.
type ArgDecl struct {
	Name string
	Type string
	Span Span
}

// Option is one key = value of WITH (…) or SET (…).
type Option struct {
	// Key is in lower case.
	Key string
	// Value is the value's text: of a string the content, of a number, TRUE, FALSE or a word its spelling.
	Value string
	Span  Span
}

// Role is a role of home in GRANT, REVOKE and OWNER TO. The zero value is none.
type Role struct {
	// Name is the role's, or "public", "current_user", "session_user" where Word is set: CURRENT_ROLE is current_user.
	Name string
	// Word says that the text has one of SQL's words for a role, and not a name.
	Word bool
	Span Span
}

// Creation is what all CREATE statements begin with.
type Creation struct {
	Name        Name
	OrReplace   bool
	IfNotExists bool
}

// Create is one of the CREATE statements.
type Create interface {
	Component
	// Kind is the kind of component that is made.
	Kind() string
	// Head is what all of them have.
	Head() *Creation
}

// CreateModel is CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name [(arg type, …)] [RETURNS type]
// [FROM {'artifact' | (select)}] [TARGET column] {USING runtime [AS 'source'] | AS SEQUENCE (model, …)}
// [WITH (key = value, …)] [VALIDATE ON … TARGET … METRICS …].
type CreateModel struct {
	Creation
	// HasArgs tells () from no list at all.
	HasArgs bool
	Args    []ArgDecl
	// Returns is "" where there is no RETURNS.
	Returns     string
	ReturnsSpan Span
	// Artifact is the text after FROM, "" for none.
	Artifact     string
	ArtifactSpan Span
	// Query covers the training select between the parentheses; zero for none.
	Query  Span
	Target string
	// Using is "" for a sequence.
	Using string
	// UsingSpan covers the runtime's name.
	UsingSpan Span
	Source    string
	HasSource bool
	// Sequence are the models of AS SEQUENCE, in the order in which they are called; none for any other model.
	Sequence []Name
	Options  []Option
	// Validation is the VALIDATE clause, nil for none.
	Validation *Validation
}

// CreateListener is CREATE [OR REPLACE] LISTENER [IF NOT EXISTS] name ON {table | (select)} [KEY (column, …)]
// PREDICT model[@version] (expression, …) [INTO table] [FLATTEN]
// [REFRESH {ON CHANGE | EVERY 'interval' | MANUAL}] [WITH (key = value, …)].
type CreateListener struct {
	Creation
	// Table is the source; where it is zero, Query covers a select between its parentheses.
	Table Table
	Query Span
	Key   []string
	Model Name
	// Args are the expressions in parentheses, each over the source's columns.
	Args []Expression
	// Into is zero where there is no INTO.
	Into    Table
	Flatten bool
	// Refresh is "change", "every" or "manual"; "" where there is no REFRESH.
	Refresh string
	// Every is the interval's text.
	Every     string
	EverySpan Span
	Options   []Option
}

// Expression is an SQL expression whose grammar was checked, and nothing else.
type Expression struct {
	// Column is the name of the column that it is; "" for anything else.
	Column string
	Span   Span
}

// CreateVectorIndex is CREATE [OR REPLACE] VECTOR INDEX [IF NOT EXISTS] name
// ON {LISTENER listener | table (expression)} [KEY (column, …)] [USING method] [WITH (key = value, …)].
type CreateVectorIndex struct {
	Creation
	// Listener is the listener's name; where it is "", Table and Expression are set.
	Listener   Name
	Table      Table
	Expression Expression
	Key        []string
	// Method is "" where there is no USING.
	Method     string
	MethodSpan Span
	Options    []Option
}

// CreateDataset is CREATE [OR REPLACE] DATASET [IF NOT EXISTS] name AS select [WITH (pin = true)].
type CreateDataset struct {
	Creation
	// Query covers the select, without parentheses around it.
	Query   Span
	Options []Option
}

// CreateMetric is CREATE [OR REPLACE] METRIC [IF NOT EXISTS] name USING metric [WITH (key = value, …)].
type CreateMetric struct {
	Creation
	Using     string
	UsingSpan Span
	Options   []Option
}

// CreateSecret is CREATE [OR REPLACE] SECRET [IF NOT EXISTS] name FROM {ENV 'variable' | FILE 'path'}.
type CreateSecret struct {
	Creation
	// One of the two is set.
	Env, File string
	Span      Span
}

// Alter is ALTER {MODEL | LISTENER | VECTOR INDEX | DATASET | METRIC | SECRET} name {SET (…) | RENAME TO n |
// OWNER TO role}; of models and datasets also SET DEFAULT VERSION n, of listeners ENABLE and DISABLE.
type Alter struct {
	Kind string
	Name Name
	// Exactly one of the rest is set.
	Set            []Option
	RenameTo       string
	DefaultVersion int
	Owner          Role
	Enable         bool
	Disable        bool
}

// Drop is DROP {MODEL | LISTENER | VECTOR INDEX | DATASET | METRIC | SECRET} [IF EXISTS] name[@version]
// [CASCADE | RESTRICT], of listeners also KEEP OUTPUTS. Only models and datasets have a version.
type Drop struct {
	Kind        string
	Name        Name
	IfExists    bool
	Cascade     bool
	KeepOutputs bool
}

// Show is SHOW {MODELS | LISTENERS | VECTOR INDEXES | DATASETS | METRICS | SECRETS | COMPONENTS | JOBS | ARTIFACTS | VIEWS}
// [LIKE 'pattern'].
type Show struct {
	// What is the words after SHOW in lower case, with an underscore for a blank.
	What string
	// Like is the pattern; nil where there is none.
	Like *string
}

// Describe is DESCRIBE {MODEL | LISTENER | VECTOR INDEX | DATASET | METRIC | SECRET | VIEW} name[@version].
type Describe struct {
	Kind string
	Name Name
}

// ExplainCreate is EXPLAIN CREATE …: a dry run.
type ExplainCreate struct{ Create Create }

// Validation is how a model is measured: ON {(select) | DATASET dataset} TARGET column [METRICS (metric, …)]
// [WITH (key = value, …)].
type Validation struct {
	// Query covers the select between its parentheses; zero where Dataset is set.
	Query   Span
	Dataset Name
	Target  string
	Metrics []string
	Options []Option
}

// ValidateModel is VALIDATE MODEL name[@version] ON ….
type ValidateModel struct {
	Name Name
	Validation
}

// RefreshListener is REFRESH LISTENER name.
type RefreshListener struct{ Name Name }

// Grant is GRANT and REVOKE {EXECUTE ON MODEL name, … | CREATE COMPONENT} {TO | FROM} role, ….
type Grant struct {
	Revoke bool
	// Models is empty for CREATE COMPONENT.
	Models []Name
	Roles  []Role
}

// FunctionCall is SELECT pinnacle.function(argument, …): the component statements for tools that refuse foreign grammar.
type FunctionCall struct {
	// Name is the function's, without the schema.
	Name string
	// Args cover the arguments, which are any expressions.
	Args []Span
	// Column is the name of the result's column.
	Column string
}

// CopyArtifact is COPY pinnacle.artifacts FROM STDIN [WITH (…)].
type CopyArtifact struct{}

func (*CreateModel) component()       {}
func (*CreateListener) component()    {}
func (*CreateVectorIndex) component() {}
func (*CreateDataset) component()     {}
func (*CreateMetric) component()      {}
func (*CreateSecret) component()      {}
func (*Alter) component()             {}
func (*Drop) component()              {}
func (*Show) component()              {}
func (*Describe) component()          {}
func (*ExplainCreate) component()     {}
func (*ValidateModel) component()     {}
func (*RefreshListener) component()   {}
func (*Grant) component()             {}
func (*FunctionCall) component()      {}
func (*CopyArtifact) component()      {}

// Head implements Create.
func (c *Creation) Head() *Creation { return c }

// Kind implements Create.
func (*CreateModel) Kind() string { return "model" }

// Kind implements Create.
func (*CreateListener) Kind() string { return "listener" }

// Kind implements Create.
func (*CreateVectorIndex) Kind() string { return "vector_index" }

// Kind implements Create.
func (*CreateDataset) Kind() string { return "dataset" }

// Kind implements Create.
func (*CreateMetric) Kind() string { return "metric" }

// Kind implements Create.
func (*CreateSecret) Kind() string { return "secret" }
