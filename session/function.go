package session

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// function is one of the proxy's own functions of the schema pinnacle, which stands alone in its SELECT.
type function struct {
	// args are the types of the arguments; optional of them, at the end, may be left out.
	args     []udf.Type
	optional int
	// result is Text or JSONB.
	result udf.Type
	// run does what the function is for. args are values in their text form, nil for NULL and for what is left out; the
	// result is in its text form, nil for NULL.
	run func(ctx context.Context, h *homeSide, args []*string) (*string, error)
}

// functions are the functions that a session answers, by name.
func (s *session) functions() map[string]function {
	return map[string]function{
		"cancel_job": {args: []udf.Type{udf.Int8}, result: udf.Text, run: s.cancelJob},
		"validate":   {args: []udf.Type{udf.Text}, result: udf.JSONB, run: s.validateFunction},
		"retry_job":  {args: []udf.Type{udf.Int8}, result: udf.Text, run: s.retryJob},
		"add":        {args: []udf.Type{udf.Text}, result: udf.JSONB, run: s.updating("add")},
		"remove":     {args: []udf.Type{udf.Text, udf.Text}, optional: 1, result: udf.JSONB, run: s.updating("remove")},
		"refresh":    {args: []udf.Type{udf.Text}, optional: 1, result: udf.JSONB, run: s.updating("refresh")},
		"show":       {args: []udf.Type{udf.Text, udf.Text}, optional: 2, result: udf.JSONB, run: s.answering("show")},
	}
}

// functionStatement is SELECT pinnacle.function(argument, …). Home evaluates the arguments.
type functionStatement struct {
	homeText
	call     *sqlparse.FunctionCall
	function function
	client   string
	// pieces say where the arguments are in text: offsets of their beginnings there.
	pieces []int
}

// functionCall makes the statement.
func (s *session) functionCall(script *sqlparse.Script, st *sqlparse.Statement, c *sqlparse.FunctionCall) (statement, error) {
	f, ok := s.functions()[c.Name]
	if !ok {
		return nil, &sqlparse.Error{Code: "42883", Message: "function pinnacle." + c.Name + " does not exist", Position: st.Span.Start}
	}
	if n := len(c.Args); n > len(f.args) || n < len(f.args)-f.optional {
		return nil, &sqlparse.Error{Code: "42883", Message: fmt.Sprintf("function pinnacle.%s takes %d arguments, not %d", c.Name, len(f.args), n), Position: st.Span.Start}
	}
	t := &functionStatement{call: c, function: f, client: script.Text}
	var text strings.Builder
	text.WriteString("SELECT ")
	for i, arg := range c.Args {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString("CAST((")
		t.pieces = append(t.pieces, text.Len())
		text.WriteString(arg.Of(script.Text) + ") AS " + f.args[i].String() + ")")
	}
	t.text = text.String()
	return t, nil
}

// origin is where a place of home's text is in the client's.
func (t *functionStatement) origin(at int) int {
	for i := len(t.pieces) - 1; i >= 0; i-- {
		if at >= t.pieces[i] {
			return t.call.Args[i].Start + at - t.pieces[i]
		}
	}
	return -1
}

func (t *functionStatement) plan() string { return "component" }

func (t *functionStatement) fields() []pgproto3.FieldDescription {
	return []pgproto3.FieldDescription{textField(t.call.Column, t.function.result.OID())}
}

// prepare implements statement.
func (t *functionStatement) prepare(ctx context.Context, h *homeSide, name string, declared []uint32) error {
	return repositioned(t.homeText.prepare(ctx, h, name, declared), t.text, t.client, t.origin)
}

// bind implements statement.
func (t *functionStatement) bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	fields, formats, err := withFormats(t.fields(), b.ResultFormatCodes)
	if err != nil {
		return nil, err
	}
	own := *b
	own.ResultFormatCodes = nil // the arguments are read as text
	inner, err := t.bindOnHome(ctx, h, &own, t.plan())
	if err != nil {
		return nil, repositioned(err, t.text, t.client, t.origin)
	}
	return &functionCursor{homeCursor: inner, t: t, result: fields, format: formats[0]}, nil
}

// functionCursor is a portal over a functionStatement; home's portal gives the arguments.
type functionCursor struct {
	*homeCursor
	t      *functionStatement
	result []pgproto3.FieldDescription
	format int16
	ran    bool
}

func (c *functionCursor) fields() []pgproto3.FieldDescription { return c.result }

// execute implements cursor.
func (c *functionCursor) execute(ctx context.Context, h *homeSide, _ int64) (string, error) {
	if c.ran {
		return "SELECT 0", nil
	}
	c.ran = true
	args, err := c.arguments(ctx, h)
	if err != nil {
		return "", repositioned(err, c.t.text, c.t.client, c.t.origin)
	}
	value, err := c.t.function.run(ctx, h, args)
	if err != nil {
		return "", err
	}
	row := [][]byte{nil}
	if value != nil {
		if row[0] = []byte(*value); c.format == 1 && c.t.function.result == udf.JSONB {
			row[0] = append([]byte{1}, row[0]...) // jsonb's version
		}
	}
	return "SELECT 1", clientSink{h.x}.Row(row)
}

// arguments have home evaluate the arguments.
func (c *functionCursor) arguments(ctx context.Context, h *homeSide) ([]*string, error) {
	args := make([]*string, len(c.t.function.args))
	if err := h.ask(&pgproto3.Execute{Portal: c.portal}); err != nil {
		return nil, err
	}
	for {
		values, status, err := h.next(ctx)
		if err != nil || status != stream.Row {
			return args, err
		}
		for i, v := range values {
			if v != nil {
				text := string(v)
				args[i] = &text
			}
		}
	}
}

// number reads an argument of type bigint that may not be NULL.
func number(function string, arg *string) (int64, error) {
	if arg == nil {
		return 0, coded("22004", "the argument of pinnacle."+function+" is NULL", "", "")
	}
	return strconv.ParseInt(*arg, 10, 64)
}
