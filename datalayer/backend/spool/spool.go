// Package spool keeps rows that an engine gives faster than they are wanted: in memory up to a size, then in a file
// without a name, up to another.
package spool

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// Limits bound what one Spool may hold.
type Limits struct {
	// Memory is how many bytes are held in memory; 0: 4 MiB.
	Memory int64
	// Disk is how many bytes the file may have; 0: 16 GiB.
	Disk int64
	// Dir is where the file lies; "": the directory for temporary files (TMPDIR).
	Dir string
}

// Spool holds rows, first in first out. All Adds come before the first Next. It is used by one goroutine at a time.
type Spool struct {
	limits Limits
	memory []byte
	file   *os.File
	out    *bufio.Writer
	in     *bufio.Reader
	// onDisk is the number of bytes in the file; memory's bytes come first, those of the file after them.
	onDisk int64
	// width is the number of values of a row.
	width   int
	scratch []byte
	// row is the row that was given last, room the memory of its values.
	row, room [][]byte
}

// New makes an empty spool.
func New(limits Limits) *Spool {
	if limits.Memory <= 0 {
		limits.Memory = 4 << 20
	}
	if limits.Disk <= 0 {
		limits.Disk = 16 << 30
	}
	return &Spool{limits: limits}
}

// Add keeps a copy of a row; nil is NULL. All rows have the same number of values. A full spool or disk is a
// *backend.Error (53400, 53100).
func (s *Spool) Add(row [][]byte) error {
	s.width = len(row)
	s.scratch = s.scratch[:0]
	for _, v := range row {
		if v == nil {
			s.scratch = binary.AppendUvarint(s.scratch, 0)
			continue
		}
		s.scratch = binary.AppendUvarint(s.scratch, uint64(len(v))+1)
		s.scratch = append(s.scratch, v...)
	}
	// A row of no values is kept as one byte, so that rows can be told.
	if len(row) == 0 {
		s.scratch = append(s.scratch, 0)
	}
	size := int64(len(s.scratch))
	if s.file == nil && int64(len(s.memory))+size <= s.limits.Memory {
		s.memory = append(s.memory, s.scratch...)
		return nil
	}
	if s.onDisk+size > s.limits.Disk {
		return &backend.Error{Code: "53400", Message: "a result is too large to be kept aside",
			Detail: fmt.Sprintf("More than %d bytes wait to be read.", s.limits.Disk),
			Hint:   "Read the first result to its end before another statement runs in the same transaction."}
	}
	if s.file == nil {
		if err := s.open(); err != nil {
			return diskError(err)
		}
	}
	s.onDisk += size
	_, err := s.out.Write(s.scratch)
	return diskError(err)
}

// open makes the file, which is gone with the process.
func (s *Spool) open() error {
	f, err := os.CreateTemp(s.limits.Dir, "pinnacle-rows-*")
	if err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil {
		return errors.Join(err, f.Close())
	}
	s.file, s.out = f, bufio.NewWriterSize(f, 64<<10)
	return nil
}

// Next gives the next row, valid until the next call, or io.EOF.
func (s *Spool) Next() ([][]byte, error) {
	if s.in == nil {
		if err := s.rewind(); err != nil {
			return nil, diskError(err)
		}
	}
	if s.row == nil {
		s.row, s.room = make([][]byte, s.width), make([][]byte, s.width)
	}
	if s.width == 0 {
		if _, err := s.in.ReadByte(); err != nil {
			return nil, endOrDiskError(err)
		}
		return s.row, nil
	}
	for i := range s.row {
		n, err := binary.ReadUvarint(s.in)
		if err != nil {
			if i == 0 {
				return nil, endOrDiskError(err)
			}
			return nil, diskError(err)
		}
		if n == 0 {
			s.row[i] = nil
			continue
		}
		s.room[i] = slices.Grow(s.room[i][:0], int(max(n-1, 1)))[:n-1] // never nil, which is NULL
		if _, err := io.ReadFull(s.in, s.room[i]); err != nil {
			return nil, diskError(err)
		}
		s.row[i] = s.room[i]
	}
	return s.row, nil
}

// rewind turns from adding to giving.
func (s *Spool) rewind() error {
	sources := []io.Reader{&memoryReader{s}}
	if s.file != nil {
		if err := s.out.Flush(); err != nil {
			return err
		}
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		sources = append(sources, s.file)
	}
	s.in = bufio.NewReaderSize(io.MultiReader(sources...), 64<<10)
	return nil
}

// memoryReader reads what is in memory and lets go of it.
type memoryReader struct{ s *Spool }

// Read implements io.Reader.
func (r *memoryReader) Read(to []byte) (int, error) {
	if len(r.s.memory) == 0 {
		r.s.memory = nil
		return 0, io.EOF
	}
	n := copy(to, r.s.memory)
	r.s.memory = r.s.memory[n:]
	return n, nil
}

// Close gives everything back; it may be called more than once.
func (s *Spool) Close() error {
	s.memory, s.in = nil, bufio.NewReader(&memoryReader{s})
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// endOrDiskError leaves io.EOF, the end of the rows, as it is.
func endOrDiskError(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return diskError(err)
}

// diskError is the error for a file that cannot be written or read; nil for nil.
func diskError(err error) error {
	if err == nil {
		return nil
	}
	return &backend.Error{Code: "53100", Message: "could not keep a result aside", Detail: err.Error(),
		Hint: "Results that wait to be read are kept in the directory for temporary files (TMPDIR) when they are long.", Err: err}
}
