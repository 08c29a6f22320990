package starlark

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/resolve"
	star "go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// maxMessage is how many bytes of a model's own message (fail, or a value in an error) are passed on.
const maxMessage = 1000

// syntaxError is the error of a source that cannot be compiled: the first place that is wrong.
func syntaxError(name, source string, err error) error {
	var pos syntax.Position
	msg := err.Error()
	var se syntax.Error
	var list resolve.ErrorList
	switch {
	case errors.As(err, &se):
		pos, msg = se.Pos, se.Msg
	case errors.As(err, &list) && len(list) > 0:
		pos, msg = list[0].Pos, list[0].Msg
	}
	return &udf.Error{
		Code:    "42601",
		Message: shorten(fmt.Sprintf("the source of model %q is wrong at line %d, column %d: %s", name, pos.Line, pos.Col, msg)),
		Detail:  lineOf(source, pos.Line),
	}
}

// failure is the error of a call that failed: a limit's, or the model's own, with the line where it happened. An error
// that no call is in is one of a value, and is complete already.
func (m *model) failure(err error, use *usage) error {
	var eval *star.EvalError
	if !errors.As(err, &eval) {
		return err
	}
	e := &udf.Error{Code: "38000", Message: err.Error()}
	var own *udf.Error
	switch {
	case use.outOfSteps || errors.Is(err, errSteps):
		e.Code, e.Message = errSteps.Code, fmt.Sprintf("exceeded the step limit of %d for one row", m.cfg.MaxSteps)
		e.Hint = "Is there a loop without an end? The limit is a setting of the proxy."
	case errors.As(err, &own):
		*e = *own
	}
	e.Message = shorten(e.Message)
	e.Detail = m.backtrace(eval)
	return e
}

// prefix says whose error it is, for errors of values.
func prefix(err error, who string) error {
	var own *udf.Error
	if !errors.As(err, &own) {
		return err
	}
	e := *own
	e.Message = who + " " + e.Message
	return &e
}

// backtrace is the innermost line of the source that a failed call was at.
func (m *model) backtrace(eval *star.EvalError) string {
	for i := range len(eval.CallStack) {
		frame := eval.CallStack.At(i)
		if frame.Pos.Filename() != m.name || frame.Pos.Line == 0 {
			continue // a function of the interpreter
		}
		return shorten(fmt.Sprintf("Line %d, column %d, in %s: %s", frame.Pos.Line, frame.Pos.Col, frame.Name,
			strings.TrimSpace(sourceLine(m.source, frame.Pos.Line))))
	}
	return ""
}

// lineOf quotes a line of the source for DETAIL.
func lineOf(source string, line int32) string {
	text := strings.TrimSpace(sourceLine(source, line))
	if text == "" {
		return ""
	}
	return shorten(fmt.Sprintf("Line %d: %s", line, text))
}

// sourceLine is one line of the source, counted from 1.
func sourceLine(source string, line int32) string {
	n := int32(0)
	for text := range strings.Lines(source) {
		if n++; n == line {
			return text
		}
	}
	return ""
}

// shorten cuts a message that a model made arbitrarily long, and drops what is not valid UTF-8.
func shorten(s string) string {
	if len(s) > maxMessage {
		s = s[:maxMessage] + "…"
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}
