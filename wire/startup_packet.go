package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The codes that stand in place of a protocol version in a first packet (PostgreSQL documentation, "Message Formats":
// CancelRequest, SSLRequest, GSSENCRequest).
const (
	codeCancel = 1234<<16 | 5678
	codeTLS    = 1234<<16 | 5679
	codeGSSENC = 1234<<16 | 5680
)

// maxCancelKey is the longest secret key of a CancelRequest in bytes (protocol 3.2; 4 in 3.0).
const maxCancelKey = 256

// parameter is one run-time parameter: of a start-up packet, or reported by home.
type parameter struct{ name, value string }

// startupPacket is a parsed StartupMessage.
type startupPacket struct {
	// raw is the whole packet, length included, as home gets it.
	raw []byte
	// parameters are in the client's order; of a name that comes twice the last value holds.
	parameters []parameter
}

// get returns the value of a parameter, and "" where the client did not send it.
func (p *startupPacket) get(name string) string {
	value := ""
	for _, q := range p.parameters {
		if q.name == name {
			value = q.value
		}
	}
	return value
}

// replication reports whether the packet asks for a replication connection, which speaks a language of its own.
// PostgreSQL takes "database" and every spelling of a true boolean.
func (p *startupPacket) replication() bool {
	switch p.get("replication") {
	case "", "0", "f", "fa", "fal", "fals", "false", "of", "off", "n", "no":
		return false
	}
	return true
}

// parseStartup parses a StartupMessage of protocol 3. raw is the whole packet, with at least 8 bytes and a length that
// was checked. The minor version is home's to negotiate: a newer one and unknown _pq_ options make home answer with
// NegotiateProtocolVersion, which is relayed. An error is a *fatal.
func parseStartup(raw []byte) (*startupPacket, error) {
	version := binary.BigEndian.Uint32(raw[4:])
	if version>>16 != 3 {
		return nil, unsupportedProtocol(version)
	}
	p := &startupPacket{raw: raw}
	rest := raw[8:]
	for len(rest) > 0 && rest[0] != 0 {
		name, after, ok := bytes.Cut(rest, []byte{0})
		value, next, ok2 := bytes.Cut(after, []byte{0})
		if !ok || !ok2 {
			break
		}
		p.parameters = append(p.parameters, parameter{string(name), string(value)})
		rest = next
	}
	if len(rest) != 1 || rest[0] != 0 {
		return nil, protocolViolation("invalid startup packet layout: expected terminator as last byte",
			"A startup packet is a list of names and values, each ended by a zero byte, with one more at the end.")
	}
	if p.get("user") == "" {
		return nil, &fatal{code: "28000", message: "no PostgreSQL user name specified in startup packet"}
	}
	return p, nil
}

// unsupportedProtocol refuses a version that is not 3.x.
func unsupportedProtocol(version uint32) *fatal {
	return &fatal{
		code: "0A000",
		message: fmt.Sprintf("unsupported frontend protocol %d.%d: server supports 3.0 to 3.2",
			version>>16, version&0xffff),
		old: version>>16 < 3,
	}
}

// cancelKey returns process ID and secret key of a CancelRequest as one string, and false if the packet is malformed.
func cancelKey(raw []byte) (string, bool) {
	if len(raw) < 16 || len(raw) > 12+maxCancelKey {
		return "", false
	}
	return string(raw[8:]), true
}
