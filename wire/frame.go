package wire

import (
	"encoding/binary"
	"fmt"
)

// headerLen is the length of a message's header: one byte of type and four of length, which count themselves.
const headerLen = 5

// frontendTypes are the messages that a client may send after authentication (PostgreSQL documentation, "Message
// Formats"): what PostgreSQL 15's server accepts.
const frontendTypes = "QFXBCDEHPSdcf"

// frontendType reports whether typ is a message that a client may send after authentication.
func frontendType(typ byte) bool {
	switch typ {
	case 'Q', 'F', 'X', 'B', 'C', 'D', 'E', 'H', 'P', 'S', 'd', 'c', 'f':
		return true
	}
	return false
}

// frontendHeader reads a client's message header. b holds at least headerLen bytes. size is the length of the whole
// message, header included. An error is a *refusal.
func frontendHeader(b []byte, maxMessage int) (typ byte, size int, err error) {
	typ = b[0]
	if !frontendType(typ) {
		return typ, 0, protocolViolation(fmt.Sprintf("invalid frontend message type %d", typ),
			"Only messages of PostgreSQL's protocol 3 ("+frontendTypes+") are understood here.")
	}
	length := int64(binary.BigEndian.Uint32(b[1:]))
	if length < 4 || length > int64(maxMessage) {
		return typ, 0, protocolViolation(fmt.Sprintf("invalid message length %d of message type %d", length, typ),
			fmt.Sprintf("A length counts itself (4 bytes), and the limit is %d bytes.", maxMessage))
	}
	return typ, int(length) + 1, nil
}

// appendMessage appends a message with the given type and body to dst.
func appendMessage(dst []byte, typ byte, body []byte) []byte {
	dst = append(dst, typ)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(body)+4))
	return append(dst, body...)
}

// backendScan walks home's messages through chunks that are cut anywhere. It holds no bytes of a message but its
// header and, of the few messages that are looked into, the body.
type backendScan struct {
	// left counts the bytes of the current message's body that have not come yet.
	left int
	// head gathers a header that is cut by a chunk's end, and headLen counts its bytes.
	head    [headerLen]byte
	headLen uint8
	// typ is the current message.
	typ byte
	// gathered holds the body of a message that is looked into and cut by a chunk's end.
	gathered []byte
}

// maxLookedInto bounds the body of a ReadyForQuery, ParameterStatus or CommandComplete, in bytes.
const maxLookedInto = 64 << 10

// lookedInto reports whether a message of home has a body that the relay reads.
func lookedInto(typ byte) bool { return typ == 'Z' || typ == 'S' || typ == 'C' }

// atBorder reports whether the chunks so far ended with a whole message.
func (b *backendScan) atBorder() bool { return b.left == 0 && b.headLen == 0 }

// next advances to the next message that ends in chunk[off:] and returns its type, the body if it is looked into, and
// the offset behind it. With typ 0 the chunk is used up. A malformed header is an error.
func (b *backendScan) next(chunk []byte, off int) (typ byte, body []byte, end int, err error) {
	if b.atBorder() && len(chunk)-off >= headerLen { // the usual case: header and body in this chunk
		length := int(binary.BigEndian.Uint32(chunk[off+1:]))
		typ = chunk[off]
		end = off + 1 + length
		if length >= 4 && end <= len(chunk) && typ != 0 {
			return typ, chunk[off+headerLen : end], end, nil
		}
	}
	if off == len(chunk) {
		return 0, nil, off, nil
	}
	return b.across(chunk, off)
}

// across is next for a message that a chunk's border cuts.
func (b *backendScan) across(chunk []byte, off int) (typ byte, body []byte, end int, err error) {
	if b.left == 0 {
		n := copy(b.head[b.headLen:], chunk[off:])
		b.headLen += uint8(n)
		off += n
		if b.headLen < headerLen {
			return 0, nil, off, nil
		}
		length := int64(binary.BigEndian.Uint32(b.head[1:]))
		b.typ = b.head[0]
		if b.typ == 0 || length < 4 || length > 1<<31-1 || (lookedInto(b.typ) && length > maxLookedInto) {
			return 0, nil, off, fmt.Errorf("message %q of home has length %d", b.typ, length)
		}
		b.headLen, b.left, b.gathered = 0, int(length)-4, b.gathered[:0]
	}
	n := min(b.left, len(chunk)-off)
	if lookedInto(b.typ) {
		b.gathered = append(b.gathered, chunk[off:off+n]...)
	}
	b.left -= n
	off += n
	if b.left > 0 {
		return 0, nil, off, nil
	}
	body, b.gathered = b.gathered, nil
	return b.typ, body, off, nil
}
