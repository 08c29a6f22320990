package wire_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// givesBack is an interceptor that wants every Query and Parse, and gives back those that are not for scripted, after a
// statement of its own at home where home is at rest.
type givesBack struct{ scripted }

// Wants implements wire.Interceptor.
func (g *givesBack) Wants(typ byte, body []byte) bool {
	return g.scripted.Wants(typ, body) || typ == 'Q' || typ == 'P'
}

// Handle implements wire.Interceptor.
func (g *givesBack) Handle(ctx context.Context, x *wire.Exchange, typ byte, body []byte) error {
	if g.scripted.Wants(typ, body) {
		return g.scripted.Handle(ctx, x, typ, body)
	}
	if x.TxStatus() != 'I' || x.InBatch() || x.Running() {
		return wire.ErrRelay
	}
	x.Send(&pgproto3.Parse{Name: "own", Query: "select 1"}, &pgproto3.Bind{DestinationPortal: "own", PreparedStatement: "own"},
		&pgproto3.Execute{Portal: "own"}, &pgproto3.Close{ObjectType: 'S', Name: "own"})
	if err := x.Settle(ctx); err != nil {
		return err
	}
	return wire.ErrRelay
}

// TestGivenBack plays what a client sends when the interceptor has every statement relayed after all: the client is answered
// as if the message had been relayed at once.
func TestGivenBack(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	p := startProxy(t, wire.Config{}, &postgres, func(wire.Session) wire.Interceptor {
		return &givesBack{scripted{statements: map[string]string{}, portals: map[string]string{}, shared: &observations{}}}
	})
	for _, test := range []struct {
		name  string
		sends []pgproto3.FrontendMessage
		syncs int
		want  string
	}{
		{"a query", one(query("select 1")), 1, "T D1 C ZI"},
		{"several statements", one(query("select 1; select 2")), 1, "T D1 C T D2 C ZI"},
		{"beside answers", together(one(query("select 1")), one(query("proxy answer x")), one(query("select 2"))), 3, "T D1 C ZI T Dx C ZI T D2 C ZI"},
		{"a transaction", together(one(query("begin isolation level serializable")), one(query("set transaction read only")), one(query("select 1/(select 0)")),
			one(query("select 1")), one(query("rollback"))), 5, "C ZT C ZT T E22012 ZE E25P02 ZE C ZI"},
		{"a batch", batch("select 1", "proxy answer x", "select 2"), 1, "1 2 T D1 C 1 2 T Dx C 1 2 T D2 C ZI"},
		{"batches in a pipeline", together(batch("select 1"), batch("select 1/(select 0)", "select 2"), batch("select 3")), 3,
			"1 2 T D1 C ZI 1 2 T E22012 ZI 1 2 T D3 C ZI"},
		{"after the proxy's error", together(batch("proxy error", "select 1"), batch("select 2")), 2, "1 2 T EPX001 ZI 1 2 T D2 C ZI"},
		{"copy", together(one(query("begin")), one(query("copy t(id) from stdin")), one(&pgproto3.CopyData{Data: []byte("9006\n")}),
			one(&pgproto3.CopyDone{}), one(query("rollback"))), 3, "C ZT G C ZT C ZI"},
	} {
		for _, mode := range []string{"one write", "a write a message"} {
			t.Run(test.name+", "+mode, func(t *testing.T) {
				t.Parallel()
				c := dialSession(t, p.addr)
				if mode == "one write" {
					c.send(test.sends...)
				} else {
					for _, m := range test.sends {
						c.send(m)
					}
				}
				if got := c.until(strings.Repeat("Z", test.syncs)); got != test.want {
					t.Fatalf("got  %s\nwant %s", got, test.want)
				}
			})
		}
	}
}
