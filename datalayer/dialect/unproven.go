package dialect

// Unproven says that an engine is not known to answer a part of a statement as PostgreSQL does. It is no failure: the
// caller asks for less and lets PostgreSQL finish.
type Unproven struct {
	// What names the part: "operator ~~ (text, text)", "function lower (text)". It holds no value.
	What string
}

// Error implements error.
func (e *Unproven) Error() string { return "not proven to be PostgreSQL's answer: " + e.What }
