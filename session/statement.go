package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// statement is a prepared statement that the proxy answers.
type statement interface {
	// prepare makes it ready under a name on home; a client may have declared types of parameters.
	prepare(ctx context.Context, h *homeSide, name string, declared []uint32) error
	// params and fields are for ParameterDescription and RowDescription; nil fields for no rows. They are known once
	// prepare has run, before anything else does.
	params() []uint32
	fields() []pgproto3.FieldDescription
	// renew makes a prepared statement ready again where a model that it calls by its bare name has another default
	// version now.
	renew(ctx context.Context, h *homeSide) error
	// bind makes a portal.
	bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error)
	// drop takes off home what prepare left there.
	drop(ctx context.Context, h *homeSide) error
	// plan names the kind of statement, for metrics.
	plan() string
}

// cursor is a portal that the proxy answers.
type cursor interface {
	// fields is for RowDescription, with the formats that the portal was bound with; nil for no rows.
	fields() []pgproto3.FieldDescription
	// execute replies with up to limit rows (0: all) and gives the command tag, or, with more rows left, "".
	execute(ctx context.Context, h *homeSide, limit int64) (tag string, err error)
	// onHome says that home has a portal of the same name.
	onHome() bool
	// close frees what the portal holds here.
	close()
	// plan names the kind of statement, for metrics.
	plan() string
}

// withFormats gives fields the formats that a Bind asks for: none for text, one for all columns, or one a column.
func withFormats(fields []pgproto3.FieldDescription, codes []int16) ([]pgproto3.FieldDescription, []int16, error) {
	if len(codes) > 1 && len(codes) != len(fields) {
		return nil, nil, coded("08P01", fmt.Sprintf("bind message has %d result formats but query has %d columns", len(codes), len(fields)), "", "")
	}
	if fields == nil {
		return nil, nil, nil
	}
	out := append([]pgproto3.FieldDescription{}, fields...)
	formats := make([]int16, len(fields))
	for i := range out {
		switch len(codes) {
		case 0:
		case 1:
			formats[i] = codes[0]
		default:
			formats[i] = codes[i]
		}
		out[i].Format = formats[i]
	}
	return out, formats, nil
}

// textField is a RowDescription entry for a column that the proxy makes up.
func textField(name string, oid uint32) pgproto3.FieldDescription {
	return pgproto3.FieldDescription{Name: []byte(name), DataTypeOID: oid, DataTypeSize: -1, TypeModifier: -1}
}

// part makes the statement of a text that stands in place of the client's.
func (s *session) part(ctx context.Context, h *homeSide, text string) (statement, error) {
	script, err := sqlparse.Parse(text, s.cfg.Parse)
	if err != nil || script.Opaque || len(script.Statements) != 1 {
		return nil, errors.Join(err, coded("0A000", "a part of this statement cannot be run by itself", "", "Run the parts as statements of their own."))
	}
	if s.cfg.Foreign != nil {
		was := s.naming
		defer func() { s.naming = was }()
		s.naming = s.mentions(script)
	}
	script, st, _, err := s.expandViews(ctx, h, script, script.Statements[0])
	if err != nil {
		return nil, err
	}
	own, err := s.statementOf(script, st)
	if own == nil && err == nil {
		own = &plainStatement{homeText{text: text}}
	}
	return own, err
}
