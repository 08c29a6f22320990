package foreign

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// A ticket is the ctid of a row that postgres_fdw has found: the place of a record with the row's primary key. As a tid,
// "(block,offset)", it has 47 bits, of which 15 are in the offset, which is never 0.
const (
	offsetBits = 15
	maxTicket  = 1<<(32+offsetBits) - 1
)

// tickets are those of one transaction. The records lie one behind the other, in memory up to a bound, before that in a
// file without a name.
type tickets struct {
	// limit bounds tail, in bytes, and what spent takes; disk bounds the file; directory is the file's.
	limit, disk int64
	directory   string

	// tail is what is not in the file, which has the first written bytes.
	tail    []byte
	written int64
	file    *os.File
	// scans counts the scans that tickets were given out for.
	scans uint64
	// spent has the keys of rows that were changed by tickets of scans in which a row may come several times, and the last
	// scan at that time: tickets of scans up to that one are void.
	spent map[[16]byte]uint64
}

// row is what a ticket stands for.
type ticketRow struct {
	// at is the record's place.
	at int64
	// scan is the one that found it; joined says that the scan may find a row several times.
	scan   uint64
	joined bool
	// used says that the row was changed by this ticket.
	used bool
	key  [][]byte
}

// The flags of a record, its first byte.
const (
	flagJoined = 1 << iota
	flagUsed
)

// spentSize is about what one entry of spent takes, in bytes.
const spentSize = 64

// errTicket is the error for a ctid that no row of this transaction has.
func errTicket() *backend.Error {
	return refuse("a row of a databackend can be named by ctid only within the statement that has read it")
}

// issue makes a ticket for a row with a primary key, as PostgreSQL's text of a tid appended to dst.
func (t *tickets) issue(dst []byte, scan uint64, joined bool, key [][]byte) ([]byte, error) {
	at := t.written + int64(len(t.tail))
	if at > maxTicket {
		return dst, &backend.Error{Code: codeLimitExceeded, Message: "too many rows were read for update in one transaction"}
	}
	var flags byte
	if joined {
		flags = flagJoined
	}
	size := uvarintSize(scan)
	for _, k := range key {
		size += uvarintSize(uint64(len(k))) + len(k)
	}
	t.tail = append(t.tail, flags)
	t.tail = binary.AppendUvarint(t.tail, uint64(size))
	t.tail = binary.AppendUvarint(t.tail, scan)
	for _, k := range key {
		t.tail = binary.AppendUvarint(t.tail, uint64(len(k)))
		t.tail = append(t.tail, k...)
	}
	if err := t.spill(); err != nil {
		return dst, err
	}
	dst = append(dst, '(')
	dst = strconv.AppendInt(dst, at>>offsetBits, 10)
	dst = append(dst, ',')
	dst = strconv.AppendInt(dst, at&(1<<offsetBits-1)+1, 10)
	return append(dst, ')'), nil
}

// uvarintSize is the length of a number as binary.AppendUvarint writes it.
func uvarintSize(n uint64) int {
	var room [binary.MaxVarintLen64]byte
	return binary.PutUvarint(room[:], n)
}

// spill moves the tail to the file when it is long.
func (t *tickets) spill() error {
	if int64(len(t.tail)) <= t.limit {
		return nil
	}
	if t.written+int64(len(t.tail)) > t.disk {
		return &backend.Error{Code: codeLimitExceeded, Message: "too many rows were read for update in one transaction",
			Hint: "Change fewer rows at a time, or raise foreign_spool_bytes."}
	}
	if t.file == nil {
		f, err := os.CreateTemp(t.directory, "pinnacle-tickets-*")
		if err != nil {
			return diskError(err)
		}
		if err := os.Remove(f.Name()); err != nil {
			return errors.Join(err, f.Close())
		}
		t.file = f
	}
	if _, err := t.file.WriteAt(t.tail, t.written); err != nil {
		return diskError(err)
	}
	t.written += int64(len(t.tail))
	t.tail = t.tail[:0]
	return nil
}

// diskError is the error for a file that cannot be written or read.
func diskError(err error) error {
	return &backend.Error{Code: codeDiskFull, Message: "could not keep the rows that were read for update", Detail: err.Error(),
		Hint: "They are kept in the data directory when they are many.", Err: err}
}

// find reads a ticket, which postgres_fdw gives back as the text of a tid.
func (t *tickets) find(tid []byte) (ticketRow, error) {
	at, ok := parseTicket(string(tid))
	if !ok || at >= t.written+int64(len(t.tail)) {
		return ticketRow{}, errTicket()
	}
	head, err := t.read(at, 1+binary.MaxVarintLen64)
	if err != nil {
		return ticketRow{}, err
	}
	size, n := binary.Uvarint(head[min(1, len(head)):])
	if n <= 0 || size > uint64(t.written)+uint64(len(t.tail)) {
		return ticketRow{}, errTicket()
	}
	record, err := t.read(at+1+int64(n), int(size))
	if err != nil {
		return ticketRow{}, err
	}
	if len(record) < int(size) {
		return ticketRow{}, errTicket()
	}
	row := ticketRow{at: at, joined: head[0]&flagJoined != 0, used: head[0]&flagUsed != 0}
	if row.scan, record, ok = takeUvarint(record); !ok {
		return ticketRow{}, errTicket()
	}
	for len(record) > 0 {
		length, rest, ok := takeUvarint(record)
		if !ok || length > uint64(len(rest)) {
			return ticketRow{}, errTicket()
		}
		row.key = append(row.key, rest[:length:length])
		record = rest[length:]
	}
	return row, nil
}

// takeUvarint takes a number off the front.
func takeUvarint(b []byte) (n uint64, rest []byte, ok bool) {
	n, length := binary.Uvarint(b)
	if length <= 0 {
		return 0, nil, false
	}
	return n, b[length:], true
}

// read gives at most n bytes of the records from a place on, as a copy.
func (t *tickets) read(at int64, n int) ([]byte, error) {
	if at >= t.written {
		from := min(int(at-t.written), len(t.tail))
		return append([]byte(nil), t.tail[from:min(from+n, len(t.tail))]...), nil
	}
	out := make([]byte, min(int64(n), t.written-at))
	if _, err := t.file.ReadAt(out, at); err != nil && !errors.Is(err, io.EOF) {
		return nil, diskError(err)
	}
	return out, nil
}

// parseTicket reads "(block,offset)".
func parseTicket(tid string) (at int64, ok bool) {
	inner, found := strings.CutPrefix(tid, "(")
	inner, foundEnd := strings.CutSuffix(inner, ")")
	block, offset, foundComma := strings.Cut(inner, ",")
	if !found || !foundEnd || !foundComma {
		return 0, false
	}
	b, err := strconv.ParseUint(block, 10, 32)
	if err != nil {
		return 0, false
	}
	o, err := strconv.ParseUint(offset, 10, 16)
	if err != nil || o == 0 || o > 1<<offsetBits {
		return 0, false
	}
	return int64(b)<<offsetBits | int64(o-1), true
}

// void reports whether a ticket's row has been changed since it was given out. PostgreSQL changes a row once in a statement,
// however often a join finds it: the second time the ctid is the one of a version that is gone.
func (t *tickets) void(row ticketRow, table string) bool {
	if row.used {
		return true
	}
	if !row.joined {
		return false
	}
	scan, changed := t.spent[keyDigest(table, row.key)]
	return changed && row.scan <= scan
}

// use notes that a ticket's row was changed.
func (t *tickets) use(row ticketRow, table string) error {
	if err := t.mark(row.at, row.joined); err != nil || !row.joined {
		return err
	}
	if t.spent == nil {
		t.spent = map[[16]byte]uint64{}
	}
	if int64(len(t.spent)+1)*spentSize > max(t.limit, 1<<20) {
		return &backend.Error{Code: codeLimitExceeded, Message: "too many rows are changed one by one in a join",
			Hint: "Change fewer rows at a time, or raise foreign_memory."}
	}
	t.spent[keyDigest(table, row.key)] = t.scans
	return nil
}

// mark sets a record's flag.
func (t *tickets) mark(at int64, joined bool) error {
	flags := byte(flagUsed)
	if joined {
		flags |= flagJoined
	}
	if at >= t.written {
		t.tail[at-t.written] = flags
		return nil
	}
	if _, err := t.file.WriteAt([]byte{flags}, at); err != nil {
		return diskError(err)
	}
	return nil
}

// keyDigest stands for a row of a table.
func keyDigest(table string, key [][]byte) [16]byte {
	h := sha256.New()
	h.Write([]byte(table))
	var length [binary.MaxVarintLen64]byte
	for _, k := range key {
		h.Write(length[:binary.PutUvarint(length[:], uint64(len(k)))])
		h.Write(k)
	}
	return [16]byte(h.Sum(nil))
}

// reset forgets all tickets.
func (t *tickets) reset() {
	if t.file != nil {
		_ = t.file.Close() // a file without a name, which nobody reads again
	}
	limit, disk, directory := t.limit, t.disk, t.directory
	*t = tickets{limit: limit, disk: disk, directory: directory}
}
