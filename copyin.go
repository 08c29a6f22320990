package pinnacle

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// copyGuard is an interceptor for the sessions of Execute. It refuses COPY … FROM STDIN in a Parse message, as Execute
// sends it: PostgreSQL would wait for data, and Execute for an answer. CopyFrom of a Session sends a Query message.
type copyGuard struct {
	wire.Interceptor
	limits sqlparse.Limits
	// refused says that Handle gets the message next.
	refused bool
}

// Wants implements wire.Interceptor.
func (g *copyGuard) Wants(typ byte, body []byte) bool {
	g.refused = typ == 'P' && g.copiesIn(body)
	return g.refused || g.Interceptor.Wants(typ, body)
}

// Handle implements wire.Interceptor.
func (g *copyGuard) Handle(ctx context.Context, x *wire.Exchange, typ byte, body []byte) error {
	if !g.refused {
		return g.Interceptor.Handle(ctx, x, typ, body)
	}
	g.refused = false
	return &wire.Error{Response: pgproto3.ErrorResponse{Code: "0A000", Message: "Execute has no data for COPY FROM STDIN",
		Hint: "Use CopyFrom of a Session; for pinnacle.artifacts, PutArtifact."}}
}

// copiesIn reports whether a Parse message is a COPY from the client.
func (g *copyGuard) copiesIn(body []byte) bool {
	_, rest, _ := bytes.Cut(body, []byte{0})
	text, _, _ := bytes.Cut(rest, []byte{0})
	if !bytes.Contains(bytes.ToLower(text), []byte("stdin")) {
		return false
	}
	script, err := sqlparse.Parse(string(text), g.limits)
	if err != nil || len(script.Statements) != 1 {
		return false
	}
	c := script.Statements[0].Node.GetCopyStmt()
	return c.GetIsFrom() && c.GetFilename() == ""
}
