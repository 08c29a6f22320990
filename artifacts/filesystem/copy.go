package filesystem

import (
	"context"
	"errors"
	"io"
)

// readError tells an error of the reader from one of the writer.
type readError struct{ err error }

// Error implements error.
func (e *readError) Error() string { return e.err.Error() }

// Unwrap gives the reader's error.
func (e *readError) Unwrap() error { return e.err }

// copyAll writes all of r to w, through one buffer of copyBytes, and looks at ctx before each read. An error of r, and
// ctx's, is a *readError.
func copyAll(ctx context.Context, w io.Writer, r io.Reader) (int64, error) {
	buf := make([]byte, copyBytes)
	var size int64
	for {
		if err := ctx.Err(); err != nil {
			return size, &readError{err}
		}
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return size, err
			}
			size += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return size, &readError{err}
		}
	}
}
