// Package artifacts keeps large bytes (model weights, code, pinned data) under their SHA-256. It knows bytes and
// digests, and nothing of the components that refer to them. The stores are in packages of their own.
package artifacts

import (
	"context"
	"io"
	"iter"
	"time"
)

// Info is what a store knows of an artifact without reading it.
type Info struct {
	Digest Digest
	// Size is in bytes.
	Size int64
	// LastPut is when the bytes were last put, also when they were there already.
	LastPut time.Time
}

// Store keeps artifacts. It is safe for concurrent use, and an artifact is whole or absent at every moment, also after
// a crash: what a cut-off Put leaves behind is never seen by a reader and is removed by the store itself.
//
// Errors are ErrNotFound and ErrCorrupt (to be tested with errors.Is), the context's, the reader's, and *Error, which
// carries an SQLSTATE, for the rest.
type Store interface {
	// Put reads r to its end and keeps the bytes. When it returns without an error they survive a crash of the
	// machine. Bytes that are there already stay as they are, but LastPut is renewed and a corrupt copy is
	// replaced. If r fails or ctx ends, nothing is kept; if the store fails, nothing or, where only the last step
	// failed, the whole. A full disk is an *Error with 53100. The memory needed does not depend on the size.
	Put(ctx context.Context, r io.Reader) (Digest, int64, error)
	// Open gives the bytes and their number. They are verified while they are read: where they are not what the
	// digest says, Read returns ErrCorrupt, wrapped, at the end at the latest, in place of io.EOF. The caller
	// closes the reader.
	Open(ctx context.Context, d Digest) (io.ReadCloser, int64, error)
	// Stat tells whether an artifact is there (ErrNotFound if not), without reading it.
	Stat(ctx context.Context, d Digest) (Info, error)
	// Touch renews LastPut and gives what Stat does, without reading: ErrNotFound if there is no such artifact. Who is
	// about to refer to one keeps it thereby from a Delete that some other process is about to make.
	Touch(ctx context.Context, d Digest) (Info, error)
	// Delete removes an artifact that was last put before a moment, in one step with asking for that; the zero time
	// stands for any. It reports whether it did; that there is no such artifact is no error. Readers that are
	// open go on.
	Delete(ctx context.Context, d Digest, before time.Time) (bool, error)
	// List gives every artifact, in no order. After an error it ends.
	List(ctx context.Context) iter.Seq2[Info, error]
}

// Local is a Store that has its artifacts as files of this machine.
type Local interface {
	Store
	// Path reads an artifact through, verifies it as Open does, and gives the name of its file. The file is not to
	// be written to, and stays until the artifact is deleted.
	Path(ctx context.Context, d Digest) (string, error)
}
