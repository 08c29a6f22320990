package mysql

import (
	"context"
	"database/sql/driver"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// keepMost is the length of a statement in bytes up to which sessions keep it prepared.
const keepMost = 4096

// Program is a statement of MySQL's. It implements backend.Program.
type Program struct {
	text string
	args []argument
	// columns read the values of the result.
	columns []reader
	// rendered makes the statement's rows of those of the server; nil where they are the same.
	rendered *dialect.Rendered
	// keep says that sessions keep it prepared.
	keep bool
	// guess is the number of rows where it is known without asking; negative: unknown.
	guess float64
	// steps run it in place of text, where one statement does not do.
	steps steps
}

// steps are several statements that do the work of one.
type steps interface {
	query(ctx context.Context, c *Conn, params [][]byte) (backend.Rows, error)
	exec(ctx context.Context, c *Conn, params [][]byte) (int64, error)
}

// argument is the value of one question mark.
type argument struct {
	// number is that of a parameter, from 1; 0 for a constant, which is text, or NULL where null is set.
	number int
	text   string
	null   bool
	facts  facts
	// column is what is written, "" in conditions; required says that it takes no NULL.
	column   string
	required bool
}

// Text implements backend.Program.
func (p *Program) Text() string { return p.text }

// bind gives the driver's values of the arguments.
func (p *Program) bind(params [][]byte) ([]driver.Value, error) {
	values := make([]driver.Value, len(p.args))
	for i, a := range p.args {
		text, null := a.text, a.null
		if a.number > 0 {
			if a.number > len(params) {
				return nil, &backend.Error{Code: "08P01", Message: "a parameter of the statement is missing"}
			}
			text, null = string(params[a.number-1]), params[a.number-1] == nil
		}
		if null {
			if a.required {
				return nil, &backend.Error{Code: "23502", Message: `null value in column "` + a.column + `" violates not-null constraint`, Column: a.column}
			}
			continue
		}
		v, err := a.facts.bind(text, a.column)
		if err != nil {
			return nil, explain(err)
		}
		values[i] = v
	}
	return values, nil
}

// sample gives values for arguments that are not known yet, of which estimates are made.
func (p *Program) sample() []driver.Value {
	values := make([]driver.Value, len(p.args))
	for i, a := range p.args {
		if a.number == 0 && !a.null {
			if v, err := a.facts.bind(a.text, ""); err == nil {
				values[i] = v
				continue
			}
		}
		switch a.facts.kind {
		case asDate, asTimestamp, asTimestamptz:
			values[i] = "2020-01-01"
		case asText, asChar, asBytes, asJSON:
			values[i] = "a"
		default:
			values[i] = "1"
		}
	}
	return values
}

var _ backend.Program = (*Program)(nil)
