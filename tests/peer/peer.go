package peer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// copyHeader begins what COPY sends in its binary format: the signature, no flags, no extension.
const copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// answerLimit is how long a server may take for one statement where a Peer says no Limit.
const answerLimit = 60 * time.Second

// Peer is one side of a comparison: a session with plain PostgreSQL or with a proxy. It is used by one goroutine at a
// time.
type Peer struct {
	// URL is where Connect goes.
	URL string
	// Named tells of which types the OIDs differ from side to side, so that names take their place in binary values; nil:
	// of none.
	Named func(typeName string) bool
	conn  net.Conn
	front *pgproto3.Frontend
	// Status is the transaction's status as the last ReadyForQuery told it.
	Status byte
	// types and tables are the names of what the tests made, by OID.
	types, tables map[uint32]string
	// own says of the columns of the last result which are of types that the tests made.
	own []bool
	// constants are the values of queries, by what constant was called with.
	constants map[string][]byte
	// Input is what COPY FROM STDIN is given, in the simple protocol; nil: the COPY fails.
	Input []byte
	// Spent is the time that statements took here.
	Spent time.Duration
	// Limit is how long the server may take for one statement; 0: a minute.
	Limit time.Duration
}

// Answer is what a server says to one statement.
type Answer struct {
	// Fields are described twice in the extended protocol: before Bind and after.
	Fields []string
	// Origins are the tables and attributes that columns come from.
	Origins []string
	Rows    []string
	// Parameters are the types of the parameters, and Copied the data of COPY.
	Parameters []string
	Copied     []string
	// Tag is the command tags, each with a semicolon behind it.
	Tag string
	// Suspended is how often a row limit stopped the statement.
	Suspended int
	// Code is an error's SQLSTATE, "" without one; Message is for reports only.
	Code, Message string
	// Status is the transaction's, as ReadyForQuery tells it.
	Status byte
}

// Connect opens the session anew.
func (p *Peer) Connect(ctx context.Context) error {
	p.Close()
	c, err := pgconn.Connect(ctx, p.URL)
	if err != nil {
		return err
	}
	h, err := c.Hijack()
	if err != nil {
		return err
	}
	p.conn, p.front, p.Status, p.constants = h.Conn, h.Frontend, h.TxStatus, map[string][]byte{}
	return nil
}

// Connected reports whether there is a session.
func (p *Peer) Connected() bool { return p.conn != nil }

// Close ends the session.
func (p *Peer) Close() {
	if p.conn != nil {
		_ = p.conn.Close()
		p.conn = nil
	}
}

// Script runs statements whose answers do not matter, and gives their first error.
func (p *Peer) Script(sql string) error {
	a, err := p.exchange(&pgproto3.Query{String: sql})
	if err == nil && a.Code != "" {
		err = fmt.Errorf("%s: %s", a.Code, a.Message)
	}
	return err
}

// Run runs one statement. An error is of the connection, not of the statement.
func (p *Peer) Run(sql string, how Protocol, params []Param) (Answer, error) {
	start := time.Now()
	defer func() { p.Spent += time.Since(start) }()
	if how == Simple {
		return p.exchange(&pgproto3.Query{String: sql})
	}
	name := ""
	if how == ExtendedAgain {
		name = "again"
	}
	parse, bind := p.asked(sql, name, params)
	if how == ExtendedBinary || how == ExtendedAgain {
		bind.ResultFormatCodes = []int16{1}
	}
	execute := []pgproto3.FrontendMessage{bind, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}}
	if how == ExtendedPipeline {
		return p.exchange(append([]pgproto3.FrontendMessage{parse, &pgproto3.Describe{ObjectType: 'S'}}, append(execute, &pgproto3.Sync{})...)...)
	}
	first, err := p.exchange(parse, &pgproto3.Describe{ObjectType: 'S', Name: name}, &pgproto3.Sync{})
	if err != nil || first.Code != "" {
		return first, err
	}
	var second Answer
	switch how {
	case ExtendedPortal:
		second, err = p.byThrees(bind)
	case ExtendedAgain:
		// Bound and run once more before Sync, and then closed.
		second, err = p.exchange(append(append(execute, execute...), &pgproto3.Sync{})...)
		if err == nil {
			_, err = p.exchange(&pgproto3.Close{ObjectType: 'S', Name: name}, &pgproto3.Sync{})
		}
	default:
		second, err = p.exchange(append(execute, &pgproto3.Sync{})...)
	}
	second.Parameters = first.Parameters
	second.Fields = append(first.Fields, second.Fields...)
	second.Origins = append(first.Origins, second.Origins...)
	return second, err
}

// asked makes Parse and Bind of a statement.
func (p *Peer) asked(sql, name string, params []Param) (*pgproto3.Parse, *pgproto3.Bind) {
	parse, bind := &pgproto3.Parse{Name: name, Query: sql}, &pgproto3.Bind{PreparedStatement: name}
	for _, v := range params {
		oid := uint32(0)
		if v.Declared {
			n, _ := strconv.ParseUint(string(p.constant("SELECT '"+strings.ReplaceAll(v.Type, "'", "''")+"'::regtype::oid", nil, 0)), 10, 32)
			oid = uint32(n)
		}
		value, format := []byte(v.Value), int16(0)
		if v.Binary {
			if b := p.constant("SELECT $1::"+v.Type, value, 1); b != nil {
				value, format = b, 1
			}
		}
		if v.Null {
			value = nil
		}
		parse.ParameterOIDs = append(parse.ParameterOIDs, oid)
		bind.ParameterFormatCodes, bind.Parameters = append(bind.ParameterFormatCodes, format), append(bind.Parameters, value)
	}
	return parse, bind
}

// constant is the one value that a query of one parameter, nil for none, gives; nil if it fails, as it does in a transaction that has.
func (p *Peer) constant(sql string, parameter []byte, format int16) []byte {
	key := fmt.Sprint(sql, format, string(parameter))
	if v, ok := p.constants[key]; ok {
		return v
	}
	bind := &pgproto3.Bind{ResultFormatCodes: []int16{format}}
	if parameter != nil {
		bind.Parameters = [][]byte{parameter}
	}
	if p.send(&pgproto3.Parse{Query: sql}, bind, &pgproto3.Execute{}, &pgproto3.Sync{}) != nil {
		return nil
	}
	var value []byte
	for {
		msg, err := p.front.Receive()
		if err != nil {
			return nil
		}
		switch m := msg.(type) {
		case *pgproto3.DataRow:
			value = append([]byte{}, m.Values[0]...)
		case *pgproto3.ReadyForQuery:
			if value != nil {
				p.constants[key] = value
			}
			return value
		}
	}
}

// byThrees executes a portal three rows at a time.
func (p *Peer) byThrees(bind *pgproto3.Bind) (Answer, error) {
	var a Answer
	next := []pgproto3.FrontendMessage{bind, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{MaxRows: 3}, &pgproto3.Flush{}}
	for {
		before := a.Suspended
		if err := p.send(next...); err != nil {
			return a, err
		}
		if err := p.receive(&a, true); err != nil {
			return a, err
		}
		if a.Suspended == before {
			break
		}
		next = []pgproto3.FrontendMessage{&pgproto3.Execute{MaxRows: 3}, &pgproto3.Flush{}}
	}
	if err := p.send(&pgproto3.Sync{}); err != nil {
		return a, err
	}
	return a, p.receive(&a, false)
}

// exchange sends messages that end in one Sync or Query, and reads the answer.
func (p *Peer) exchange(msgs ...pgproto3.FrontendMessage) (Answer, error) {
	var a Answer
	if err := p.send(msgs...); err != nil {
		return a, err
	}
	err := p.receive(&a, false)
	return a, err
}

func (p *Peer) send(msgs ...pgproto3.FrontendMessage) error {
	for _, m := range msgs {
		p.front.Send(m)
	}
	if err := p.conn.SetDeadline(time.Now().Add(cmp.Or(p.Limit, answerLimit))); err != nil {
		return err
	}
	return p.front.Flush()
}

// receive adds messages to an answer, up to ReadyForQuery, or to the end of an Execute if flushed is set.
func (p *Peer) receive(a *Answer, flushed bool) error {
	for {
		msg, err := p.front.Receive()
		if err != nil {
			var n net.Error
			if errors.As(err, &n) && n.Timeout() {
				return fmt.Errorf("no answer in %s", answerLimit)
			}
			return fmt.Errorf("the connection was closed: %w", err)
		}
		switch m := msg.(type) {
		case *pgproto3.RowDescription:
			p.own = p.own[:0]
			for _, f := range m.Fields {
				p.own = append(p.own, p.types[f.DataTypeOID] != "")
				a.Fields = append(a.Fields, p.field(f))
				a.Origins = append(a.Origins, fmt.Sprintf("%s: %s.%d", f.Name, p.tables[f.TableOID], f.TableAttributeNumber))
			}
		case *pgproto3.ParameterDescription:
			for _, oid := range m.ParameterOIDs {
				a.Parameters = append(a.Parameters, p.typeName(oid))
			}
		case *pgproto3.DataRow:
			a.Rows = append(a.Rows, p.row(m.Values))
		case *pgproto3.CopyData:
			// The header of the binary format comes with the first row, whichever that is.
			a.Copied = append(a.Copied, fmt.Sprintf("%q", p.named(bytes.TrimPrefix(m.Data, []byte(copyHeader)))))
		case *pgproto3.CopyInResponse:
			if err := p.copyIn(); err != nil {
				return err
			}
		case *pgproto3.CommandComplete:
			a.Tag += string(m.CommandTag) + ";"
			if flushed {
				return nil
			}
		case *pgproto3.PortalSuspended:
			a.Suspended++
			return nil
		case *pgproto3.ErrorResponse:
			if a.Code == "" {
				a.Code, a.Message = m.Code, strings.TrimSpace(m.Message+"\n    "+m.Detail)
			}
			if flushed {
				return nil
			}
		case *pgproto3.ReadyForQuery:
			a.Status, p.Status = m.TxStatus, m.TxStatus
			return nil
		}
	}
}

// copyIn answers COPY FROM STDIN, which is to be sent by the simple protocol: a Sync that stands behind it is not heard.
func (p *Peer) copyIn() error {
	if p.Input == nil {
		return p.send(&pgproto3.CopyFail{Message: "there is no input"})
	}
	return p.send(&pgproto3.CopyData{Data: p.Input}, &pgproto3.CopyDone{})
}

// field is a column's description without OIDs of a server's own.
func (p *Peer) field(f pgproto3.FieldDescription) string {
	return fmt.Sprintf("%s %s size %d modifier %d format %d", f.Name, p.typeName(f.DataTypeOID), f.DataTypeSize, f.TypeModifier, f.Format)
}

// typeName names a type.
func (p *Peer) typeName(oid uint32) string {
	if n, ok := p.types[oid]; ok {
		return n
	}
	return strconv.FormatUint(uint64(oid), 10)
}

// named is data with the OIDs of types that the tests made, which the binary formats of arrays and composites hold, replaced by
// something that both sides have.
func (p *Peer) named(data []byte) []byte {
	var out []byte
	done := 0
	for i := 0; i+4 <= len(data); {
		name := p.types[binary.BigEndian.Uint32(data[i:])]
		if name == "" || p.Named == nil || !p.Named(strings.TrimPrefix(name, "_")) || !beforeLength(data[i+4:]) {
			i++
			continue
		}
		out = append(append(out, data[done:i]...), "<"+name+">"...)
		i += 4
		done = i
	}
	return append(out, data[done:]...)
}

// beforeLength reports whether data, which follows four bytes that may be an OID, begins with what follows an OID: a
// value's length (-1 for NULL) or an array's, neither more than what is left, or nothing. Four bytes in the middle of other
// numbers may be equal to an OID, too.
func beforeLength(data []byte) bool {
	if len(data) < 4 {
		return len(data) == 0
	}
	n := int32(binary.BigEndian.Uint32(data))
	return n >= -1 && int(n) <= len(data)-4
}

// row is a row's values as one text.
func (p *Peer) row(values [][]byte) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(" | ")
		}
		if v == nil {
			b.WriteString("NULL")
		} else {
			if i >= len(p.own) || p.own[i] {
				v = p.named(v)
			}
			fmt.Fprintf(&b, "%q", v)
		}
	}
	return b.String()
}

// Learn reads the OIDs of what a schema holds.
func (p *Peer) Learn(schema string) error {
	p.types, p.tables, p.constants = map[uint32]string{}, map[uint32]string{}, map[string][]byte{}
	for sql, into := range map[string]map[uint32]string{
		"SELECT oid, typname FROM pg_type WHERE typnamespace = '" + schema + "'::regnamespace":  p.types,
		"SELECT oid, relname FROM pg_class WHERE relnamespace = '" + schema + "'::regnamespace": p.tables,
	} {
		if err := p.send(&pgproto3.Query{String: sql}); err != nil {
			return err
		}
		for ready := false; !ready; {
			msg, err := p.front.Receive()
			if err != nil {
				return err
			}
			switch m := msg.(type) {
			case *pgproto3.DataRow:
				oid, err := strconv.ParseUint(string(m.Values[0]), 10, 32)
				if err != nil {
					return err
				}
				into[uint32(oid)] = string(m.Values[1])
			case *pgproto3.ReadyForQuery:
				ready = true
			}
		}
	}
	return nil
}
