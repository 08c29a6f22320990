package session

// ShipLimits bound what statements take that are run by demand rounds.
type ShipLimits struct {
	// RoundBytes bounds the memory, in bytes, of the arguments that one round may ask for; what it asks for beyond is left to
	// the next.
	RoundBytes int
	// LookupBytes bounds the memory, in bytes, of the arguments and answers of one call that are held for expressions; more
	// go into a temporary table of home's.
	LookupBytes int
	// ResultBytes is the size of a result, in bytes, up to which it is held in memory until no round is needed any more,
	// and ResultFileBytes how much more of it is held in a file. One that is larger still is sent by one more run, if the
	// statement only reads.
	ResultBytes     int
	ResultFileBytes int64
	// MaxRounds bounds the runs of one statement; past it the statement fails with 54000. Each run answers what the one
	// before asked for; a recursive query that feeds on predictions needs one for each step.
	MaxRounds int
}

// DefaultShipLimits are the limits where the configuration says nothing.
func DefaultShipLimits() ShipLimits {
	return ShipLimits{RoundBytes: 256 << 20, LookupBytes: 64 << 20, ResultBytes: 4 << 20, ResultFileBytes: 1 << 30, MaxRounds: 1_000}
}
