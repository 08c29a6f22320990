package session

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// ownName is the name of the statements and portals that the proxy itself needs for a moment on home.
const ownName = "pinnacle_own"

// homeSide asks home on behalf of one exchange, by the extended protocol without Sync, so that all of it is part of the
// client's own transaction.
type homeSide struct {
	x      *wire.Exchange
	values [][]byte
	// alone says that the message at hand is all that its transaction holds so far, outside of a transaction block; last
	// that nothing follows it in that transaction.
	alone, last bool
	// isolation is home's default_transaction_isolation, once missingFunctions has run.
	isolation string
	// readOnly and recovering say then whether the transaction is read-only, and home a server that cannot write at all.
	readOnly, recovering bool
	// describing is shown each RowDescription that is passed on, and may change it in place; nil for none.
	describing func(body []byte)
	// simple says that the message is a Query.
	simple bool
	// owed is the number of CloseComplete messages that home will send before the next answer that is waited for.
	owed int
}

// forget has home drop prepared statements, without waiting for it.
func (h *homeSide) forget(names ...string) {
	for _, n := range names {
		h.x.Send(&pgproto3.Close{ObjectType: 'S', Name: n})
		h.owed++
	}
}

// receive gives home's next message.
func (h *homeSide) receive(ctx context.Context) (byte, []byte, error) {
	for {
		typ, body, err := h.x.Receive(ctx)
		if err != nil || typ != '3' || h.owed == 0 {
			return typ, body, err
		}
		h.owed--
	}
}

// homeError is an error that home raised.
type homeError struct{ response pgproto3.ErrorResponse }

// Error implements error.
func (e *homeError) Error() string { return e.response.Code + ": " + e.response.Message }

// decodeError reads an ErrorResponse.
func decodeError(body []byte) error {
	e := &homeError{}
	if err := e.response.Decode(body); err != nil {
		return fmt.Errorf("home's ErrorResponse: %w", err)
	}
	return e
}

// ask sends messages with a Flush behind them, so that home answers at once.
func (h *homeSide) ask(msgs ...pgproto3.FrontendMessage) error {
	h.x.Send(msgs...)
	h.x.Send(&pgproto3.Flush{})
	return h.x.FlushHome()
}

// expect receives messages of the given types, in order, and gives each to take (which may be nil).
func (h *homeSide) expect(ctx context.Context, types string, take func(typ byte, body []byte) error) error {
	for i := range len(types) {
		typ, body, err := h.receive(ctx)
		if err != nil {
			return err
		}
		if typ == 'E' {
			return decodeError(body)
		}
		if typ == 'n' && types[i] == 'T' {
			continue
		}
		if typ != types[i] {
			return fmt.Errorf("home answered %q where %q was expected", typ, types[i])
		}
		if take != nil {
			if err := take(typ, body); err != nil {
				return err
			}
		}
	}
	return nil
}

// described is what home says of a prepared statement.
type described struct {
	params []uint32
	fields []pgproto3.FieldDescription
}

// describeInto reads ParameterDescription and RowDescription.
func (d *described) read(typ byte, body []byte) error {
	switch typ {
	case 't':
		var m pgproto3.ParameterDescription
		if err := m.Decode(body); err != nil {
			return err
		}
		d.params = m.ParameterOIDs
	case 'T':
		var m pgproto3.RowDescription
		if err := m.Decode(body); err != nil {
			return err
		}
		d.fields = []pgproto3.FieldDescription{}
		for _, f := range m.Fields {
			f.Name = append([]byte(nil), f.Name...)
			d.fields = append(d.fields, f)
		}
	}
	return nil
}

// prepare has home parse a text under a name and says what it is.
func (h *homeSide) prepare(ctx context.Context, name, text string, params []uint32) (*described, error) {
	if err := h.ask(&pgproto3.Parse{Name: name, Query: text, ParameterOIDs: params}, &pgproto3.Describe{ObjectType: 'S', Name: name}); err != nil {
		return nil, err
	}
	d := &described{}
	return d, h.expect(ctx, "1tT", d.read)
}

// describe asks home for a statement that it has.
func (h *homeSide) describe(ctx context.Context, name string) (*described, error) {
	if err := h.ask(&pgproto3.Describe{ObjectType: 'S', Name: name}); err != nil {
		return nil, err
	}
	d := &described{}
	return d, h.expect(ctx, "tT", d.read)
}

// closeStatement drops a prepared statement of home, if there is one.
func (h *homeSide) closeStatement(ctx context.Context, name string) error {
	if err := h.ask(&pgproto3.Close{ObjectType: 'S', Name: name}); err != nil {
		return err
	}
	return h.expect(ctx, "3", nil)
}

// rows runs a query of the proxy's own and gives its rows to each (which may be nil).
func (h *homeSide) rows(ctx context.Context, q stream.Query, each func([][]byte) error) error {
	formats := make([]int16, len(q.Params))
	for i := range formats {
		formats[i] = 1
	}
	return h.query(ctx, q, formats, each)
}

// query is rows for parameters in formats of their own.
func (h *homeSide) query(ctx context.Context, q stream.Query, formats []int16, each func([][]byte) error) error {
	err := h.ask(
		&pgproto3.Close{ObjectType: 'S', Name: ownName},
		&pgproto3.Parse{Name: ownName, Query: q.Text, ParameterOIDs: q.Types},
		&pgproto3.Bind{DestinationPortal: ownName, PreparedStatement: ownName, ParameterFormatCodes: formats, Parameters: q.Params, ResultFormatCodes: q.Formats},
		&pgproto3.Execute{Portal: ownName},
		&pgproto3.Close{ObjectType: 'P', Name: ownName},
		&pgproto3.Close{ObjectType: 'S', Name: ownName},
	)
	if err != nil {
		return err
	}
	if err := h.expect(ctx, "312", nil); err != nil {
		return err
	}
	var failed error // of each; home's answers are read to their end all the same
	for {
		values, status, err := h.next(ctx)
		if err != nil {
			return err
		}
		if status != stream.Row {
			break
		}
		if failed == nil && each != nil {
			failed = each(values)
		}
	}
	if err := h.expect(ctx, "33", nil); err != nil {
		return err
	}
	return failed
}

// next reads the next row of an Execute.
func (h *homeSide) next(ctx context.Context) ([][]byte, stream.Status, error) {
	typ, body, err := h.receive(ctx)
	if err != nil {
		return nil, stream.End, err
	}
	switch typ {
	case 'D':
		err := h.split(body)
		return h.values, stream.Row, err
	case 's':
		return nil, stream.Paused, nil
	case 'C', 'I':
		return nil, stream.End, nil
	case 'E':
		return nil, stream.End, decodeError(body)
	}
	return nil, stream.End, fmt.Errorf("home answered %q in the middle of a result", typ)
}

// split takes a DataRow apart into h.values.
func (h *homeSide) split(body []byte) error {
	if len(body) < 2 {
		return fmt.Errorf("home's DataRow has %d bytes", len(body))
	}
	n := int(binary.BigEndian.Uint16(body))
	h.values = h.values[:0]
	body = body[2:]
	for range n {
		if len(body) < 4 {
			return fmt.Errorf("home's DataRow is cut off")
		}
		size := int(int32(binary.BigEndian.Uint32(body)))
		body = body[4:]
		if size < 0 {
			h.values = append(h.values, nil)
			continue
		}
		if size > len(body) {
			return fmt.Errorf("home's DataRow is cut off")
		}
		h.values = append(h.values, body[:size:size])
		body = body[size:]
	}
	return nil
}

// portalSide is a portal of home as stream.Home.
type portalSide struct {
	*homeSide
	portal string
}

// Fetch implements stream.Home.
func (p *portalSide) Fetch(n int) error {
	return p.ask(&pgproto3.Execute{Portal: p.portal, MaxRows: uint32(n)})
}

// Next implements stream.Home.
func (p *portalSide) Next(ctx context.Context) ([][]byte, stream.Status, error) { return p.next(ctx) }

// Eval implements stream.Home.
func (p *portalSide) Eval(ctx context.Context, q stream.Query, each func([][]byte) error) error {
	return p.rows(ctx, q, each)
}

// clientSink writes rows to the client.
type clientSink struct{ x *wire.Exchange }

// sinkSize is the size of the buffer past which rows are written to the client, in bytes.
const sinkSize = 64 << 10

// Row implements stream.Sink: a DataRow.
func (c clientSink) Row(values [][]byte) error {
	buf := c.x.ReplyBuffer()
	b := append(*buf, 'D', 0, 0, 0, 0)
	start := len(b) - 4
	b = binary.BigEndian.AppendUint16(b, uint16(len(values)))
	for _, v := range values {
		if v == nil {
			b = append(b, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start))
	*buf = b
	if len(b) >= sinkSize {
		return c.x.FlushClient()
	}
	return nil
}

// Flush implements stream.Sink.
func (c clientSink) Flush() error { return c.x.FlushClient() }
