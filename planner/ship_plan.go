package planner

import "github.com/pinnacle-proxy/pinnacle-proxy/datalayer"

// Ship is the plan for calls that stand anywhere: home runs the client's own statement with every call replaced by a call
// of a temporary function, which looks the answer up and notes the arguments for which there is none yet. The statement
// is run until nothing is noted.
type Ship struct {
	// Home is the statement that home runs, Text's rewrite; Origin maps positions of the first to the client's text.
	Home   string
	Origin func(pos int) int
	// Copied is the query of a COPY as Home has it, which home looks at only when it runs COPY; "" for any other statement.
	// CopiedOrigin is for it what Origin is for Home.
	Copied       string
	CopiedOrigin func(pos int) int
	// Functions are the temporary functions that Home calls.
	Functions []*Function
	// Draws are the temporary functions in place of volatile ones, and Random says that each run is to have the same seed.
	Draws  []*Draw
	Random bool
	// Demand is a read-only statement, with the same parameters, that asks for most of the arguments that Home will, for
	// a statement that writes; "" where there is none. Its calls are of Functions.
	Demand string
	// Writes says that the statement changes data, so that a run of it that noted anything must be rolled back.
	Writes bool
	// Small says that the statement may end before it has asked for all arguments (LIMIT, EXISTS), so that the first
	// rounds are to be kept small.
	Small bool
	// Ahead are statements that read arguments before Home is run; without them Home asks for all itself.
	Ahead []*Ahead
	// Names are result columns that the client sees under another name than home's, by index: those that take theirs
	// from a call.
	Names map[int]string

	// Whole says that no condition with a call stands beside those of Ahead.
	Whole bool
	// Unbound says that Home takes no parameters, so that expressions in place of calls can have none.
	Unbound bool
	// Left says that Demand leaves volatile functions out that Home calls: a run of Home that is undone shows.
	Left bool

	inlinable, repeatable map[*Function]bool
	sites                 map[*Function]int
	joints                *joint
	guesses               func() []*Ahead
	inline                func(Answers) (string, func(int) int, bool)
}

// Function is one temporary function: calls of one model that may share it.
type Function struct {
	// Kind is "predict", "try_predict" or "predict_details".
	Kind  string
	Model *datalayer.ModelVersion
	// Name is the function's name, without its schema, which is pg_temp.
	Name string
	// Rank orders functions: while one of a lower rank misses answers, what one of a higher rank asks for may be wrong.
	Rank int
	// Calls are the calls as the client wrote them, for messages and EXPLAIN.
	Calls []string
	// Encoded says that text among arguments and answers goes as the bytes of its UTF-8, whatever the client's encoding is.
	Encoded bool
}
