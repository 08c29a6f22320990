// Package keyvalue is the contract of the metadata stores: a small transactional, ordered key-value store. What the
// proxy remembers (components, artifacts, jobs, rights) is written once over it and is thereby the same on every store.
// The stores are in packages of their own, and are proven by one suite, keyvaluetest.
package keyvalue

import "context"

// Store is a transactional, ordered key-value store. It is safe for concurrent use, and by several processes at once
// where the implementation says so.
//
// Isolation: Updates are serializable, also against each other's scans (no write skew, no phantoms), and a View or Update
// that begins after an Update returned sees what that has done. A View sees one moment.
//
// Durability: what Update has changed when it returns nil survives a crash of the process and of the machine. An Update
// that a crash cuts off is done whole or not at all.
//
// Errors are ErrNotFound (to be tested with errors.Is), what the given function returned, unchanged, the context's, and
// *Error, which carries an SQLSTATE, for the rest.
type Store interface {
	// View runs read on one consistent snapshot. It runs once and waits for no Update.
	View(ctx context.Context, read func(r Reader) error) error
	// Update runs change in one transaction: it is done whole if Update returns nil, and not at all if change
	// returns an error, which Update then returns as it is. Transactions that collide are run again, until ctx ends,
	// so change may be called several times: only its last call counts, and what it does outside the transaction
	// has to bear that. An error of change that comes from a collision is not returned, but change is run again.
	// Update does not nest. An error with the code 08006 after the change was sent to a server means that it may
	// have been done.
	Update(ctx context.Context, change func(tx Tx) error) error
	// Close lets the store go, once no method runs. Every later call fails; Close again does nothing.
	Close() error
}

// Reader reads within one transaction. It is for one goroutine at a time, and not used after the function that was given
// it has returned.
type Reader interface {
	// Get gives the value under a key, which then belongs to the caller; ErrNotFound if there is none.
	Get(space Space, key string) (value []byte, err error)
	// Scan calls each for the keys with from <= key < to, ordered byte by byte, at most limit of them. "" for to
	// is no end, and 0 for limit is all. The value belongs to each. An error of each ends the scan and is returned
	// as it is. each may use the transaction, also to change keys of the range; whether the scan still meets a key
	// that each has put ahead of it is not said.
	Scan(space Space, from, to string, limit int, each func(key string, value []byte) error) error
	// Spaces gives the spaces that have keys, ordered. In an Update it may collide with every other.
	Spaces() ([]Space, error)
}

// Tx reads and changes within one transaction, and reads its own changes, in Scan too.
type Tx interface {
	Reader
	// Put sets the value under a key. It does not keep value.
	Put(space Space, key string, value []byte) error
	// Delete removes a key. That there is none is no error.
	Delete(space Space, key string) error
}

// Space is a set of keys of its own, named by what it holds: "components", "jobs". It is 1 to 32 lower-case ASCII
// letters, digits and underscores, and begins with a letter. A space needs no making.
type Space string

// What every store takes. What is larger is an *Error with 54000; a key or space that is none is one with 22023.
const (
	// MaxKeyBytes is the longest key. A key has at least one byte and is UTF-8 without the character 0.
	MaxKeyBytes = 1500
	// MaxValueBytes is the longest value. A value is JSON (RFC 8259) in UTF-8, and comes back byte by byte. The
	// caller answers for that: not every store looks.
	MaxValueBytes = 15 << 20
	// MaxChanges is the number of changes that one transaction may make, if keys and values have up to 200 bytes
	// each. Stores may take more.
	MaxChanges = 1000
)
