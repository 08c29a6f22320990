package peer

// Protocol is how a statement is sent.
type Protocol int

// The protocols: the simple one, the extended one with results in text and in binary, the extended one with a limit of
// rows for each Execute, with all messages sent at once, and with a named statement that is run twice, in binary.
const (
	Simple Protocol = iota
	ExtendedText
	ExtendedBinary
	ExtendedPortal
	ExtendedPipeline
	ExtendedAgain
)

// String says it in words, for reports.
func (p Protocol) String() string {
	return [...]string{"simple", "extended, text", "extended, binary", "extended, text, 3 rows at a time", "extended, text, pipelined", "extended, binary, twice"}[p]
}

// Param is a parameter: its type as SQL names it, and its value as text.
type Param struct {
	Type, Value string
	Null        bool
	// Binary says that the value is sent in binary, Declared that Parse says the type.
	Binary, Declared bool
}
