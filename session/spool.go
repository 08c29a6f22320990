package session

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// spool holds the messages of a result: up to a size in memory, and the rest in a file without a name.
type spool struct {
	// most is the size in bytes up to which it is in memory, and mostFiled that of the file where not the whole is wanted.
	most      int
	mostFiled int64
	// whole says that all is kept; otherwise over says that nothing was, since it was too much or the file could not be
	// written.
	whole, over bool
	types       []byte
	ends        []int
	bytes       []byte
	next        int

	file *os.File
	out  *bufio.Writer
	in   *bufio.Reader
	// filed counts the messages in the file that were not given yet, and size is the file's in bytes.
	filed int
	size  int64
}

// add holds one more message.
func (s *spool) add(typ byte, body []byte) error {
	if s.over {
		return nil
	}
	if s.file == nil && len(s.bytes)+len(body)+16*len(s.types) <= s.most {
		s.types = append(s.types, typ)
		s.bytes = append(s.bytes, body...)
		s.ends = append(s.ends, len(s.bytes))
		return nil
	}
	const head = 5
	if s.size += head + int64(len(body)); !s.whole && s.size > s.mostFiled {
		s.leave()
		return nil
	}
	return s.failed(s.write(typ, body))
}

// write adds a message to the file.
func (s *spool) write(typ byte, body []byte) error {
	if s.file == nil {
		if err := s.open(); err != nil {
			return err
		}
	}
	var head [5]byte
	head[0] = typ
	binary.BigEndian.PutUint32(head[1:], uint32(len(body)))
	s.filed++
	_, err := s.out.Write(head[:])
	if _, more := s.out.Write(body); err == nil {
		err = more
	}
	return err
}

// end says that the result has ended: from now on over does not change.
func (s *spool) end() error {
	if s.file == nil {
		return nil
	}
	return s.failed(s.out.Flush())
}

// failed is for an error of the file: that of the statement where the whole is wanted.
func (s *spool) failed(err error) error {
	if err != nil && !s.whole {
		s.leave()
		return nil
	}
	return spoolError(err)
}

// leave gives up what is held.
func (s *spool) leave() {
	s.close()
	*s = spool{over: true}
}

// open makes the file, which is gone with the process.
func (s *spool) open() error {
	f, err := os.CreateTemp("", "pinnacle-result-*")
	if err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil {
		return errors.Join(err, f.Close())
	}
	s.file, s.out = f, bufio.NewWriterSize(f, 64<<10)
	return nil
}

// spoolError is the error for a result that cannot be kept.
func spoolError(err error) error {
	if err == nil {
		return nil
	}
	return coded("53100", "could not keep the result of a statement with predict", fmt.Sprintf("%v", err),
		"Results that are read in parts, and those of statements that write, are kept in the directory for temporary files (TMPDIR) when they are long.")
}

// give hands out messages, with up to limit rows (0: all), and reports the number of rows and whether there may be more.
func (s *spool) give(reply func(byte, []byte) error, limit int64) (rows int64, more bool, err error) {
	for limit == 0 || rows < limit {
		typ, body, err := s.take()
		switch {
		case err != nil:
			return rows, false, err
		case typ == 0:
			return rows, false, nil
		case typ == 'D':
			rows++
		}
		if err := reply(typ, body); err != nil {
			return rows, false, err
		}
	}
	return rows, true, nil
}

// take gives the next message, 0 when there is none.
func (s *spool) take() (typ byte, body []byte, err error) {
	if s.next < len(s.types) {
		start := 0
		if s.next > 0 {
			start = s.ends[s.next-1]
		}
		s.next++
		return s.types[s.next-1], s.bytes[start:s.ends[s.next-1]], nil
	}
	if s.filed == 0 {
		return 0, nil, nil
	}
	if s.in == nil {
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			return 0, nil, spoolError(err)
		}
		s.in = bufio.NewReaderSize(s.file, 64<<10)
		s.types, s.ends, s.bytes, s.next = nil, nil, nil, 0
	}
	s.filed--
	var head [5]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return 0, nil, spoolError(err)
	}
	body = make([]byte, binary.BigEndian.Uint32(head[1:]))
	_, err = io.ReadFull(s.in, body)
	return head[0], body, spoolError(err)
}

// close gives the file back. The spool may be nil.
func (s *spool) close() {
	if s != nil && s.file != nil {
		_ = s.file.Close() // it has no name, and nothing in it is wanted any more
		s.file = nil
	}
}
