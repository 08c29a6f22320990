package clickhouse

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Program is a statement of ClickHouse's. It implements backend.Program.
type Program struct {
	pieces []piece
	// columns are those of the result.
	columns []column
	// rendered makes the statement's rows of those of the server; nil where they are the same.
	rendered *dialect.Rendered
	// rows are the values of an INSERT, which follow the statement as TabSeparated.
	rows [][]piece
	// echo are the columns of rows that an INSERT gives back; nil for none.
	echo []int
	// count is the select that counts what an UPDATE or DELETE is to touch, nil for other statements.
	count *Program
	// all are further statements, which run after this one.
	all []*Program
	// guess is the number of rows where it is known without asking; negative: unknown.
	guess float64
}

// piece is a part of a statement: text, or a value.
type piece struct {
	text string
	// number is that of a parameter, from 1; null is a constant NULL. value says that the piece is a value.
	// unknown is the place of a value that an EXPLAIN does not have yet: such a program is never run.
	value   bool
	number  int
	null    bool
	unknown bool
	facts   facts
	// unproven: a parameter of a condition that the server has no value for is PostgreSQL's to compare.
	unproven bool
	// column is what is written, "" in conditions; required says that it takes no NULL.
	column   string
	required bool
}

// Text implements backend.Program.
func (p *Program) Text() string {
	var b strings.Builder
	for _, x := range p.pieces {
		switch {
		case !x.value:
			b.WriteString(x.text)
		case x.number > 0 || x.unknown:
			b.WriteString("$" + strconv.Itoa(x.number))
		default:
			text, err := x.literal(nil)
			if err != nil {
				text = "'…'"
			}
			b.WriteString(text)
		}
	}
	for _, more := range p.all {
		b.WriteString("; " + more.Text())
	}
	return b.String()
}

// statement puts the values in their places.
func (p *Program) statement(params [][]byte) (string, error) {
	var b strings.Builder
	for _, x := range p.pieces {
		if !x.value {
			b.WriteString(x.text)
			continue
		}
		text, err := x.literal(params)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// given is a value's text in PostgreSQL's form.
func (x piece) given(params [][]byte) (text string, null bool, err error) {
	text, null = x.text, x.null
	if x.number > 0 || x.unknown {
		if x.number > len(params) || x.unknown {
			return "", false, &backend.Error{Code: "08P01", Message: "a parameter of the statement is missing"}
		}
		text, null = string(params[x.number-1]), params[x.number-1] == nil
	}
	if null && x.required {
		return "", true, &backend.Error{Code: "23502", Message: fmt.Sprintf("null value in column %q violates not-null constraint", x.column), Column: x.column}
	}
	return text, null, nil
}

// literal writes a value into a statement.
func (x piece) literal(params [][]byte) (string, error) {
	text, null, err := x.given(params)
	if err != nil {
		return "", err
	}
	if null {
		return "NULL", nil
	}
	if text, err = x.facts.bind(text, x.column); err != nil {
		if x.unproven {
			return "", &dialect.Unproven{What: "a parameter that ClickHouse has no value for"}
		}
		return "", err
	}
	quoted := string(literal(nil, text))
	switch x.facts.kind {
	case asInteger, asBoolean:
		if text[0] == '-' {
			return "(" + text + ")", nil
		}
		return text, nil
	case asNumeric:
		return numberLiteral(text), nil
	case asFloat4:
		return "toFloat32(" + quoted + ")", nil
	case asFloat8:
		return "toFloat64(" + quoted + ")", nil
	case asDate:
		return "toDate32(" + quoted + ")", nil
	case asSeconds:
		return "parseDateTimeBestEffort(" + quoted + ", 'UTC')", nil
	case asMicros:
		return "parseDateTime64BestEffort(" + quoted + ", 6, 'UTC')", nil
	case asJSON:
		return "CAST(" + quoted + ", " + string(literal(nil, x.facts.typ.String())) + ")", nil
	}
	return quoted, nil
}

// numberLiteral writes a number so that no digit is lost: long ones would be read as floats.
func numberLiteral(text string) string {
	_, fraction, _ := strings.Cut(text, ".")
	return "toDecimal256('" + text + "', " + strconv.Itoa(len(fraction)) + ")"
}

// data writes the rows of an INSERT as TabSeparated.
func (p *Program) data(params [][]byte) ([]byte, error) {
	var out []byte
	for _, row := range p.rows {
		for i, x := range row {
			if i > 0 {
				out = append(out, '\t')
			}
			text, null, err := x.given(params)
			if err != nil {
				return nil, err
			}
			if null {
				out = append(out, `\N`...)
				continue
			}
			if text, err = x.facts.bind(text, x.column); err != nil {
				return nil, err
			}
			if x.facts.kind == asJSON && x.facts.typ.name != "JSON" && x.facts.typ.name != "Object" {
				out = append(out, text...) // the texts in it are literals, escaped as such
				continue
			}
			out = escape(out, text)
		}
		out = append(out, '\n')
	}
	return out, nil
}

var _ backend.Program = (*Program)(nil)
