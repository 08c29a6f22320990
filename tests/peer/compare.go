package peer

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Comparison says what of two answers must be equal.
type Comparison struct {
	// Ordered says that the order of the rows is defined.
	Ordered bool
	// Accepted says that only success or the SQLSTATE counts.
	Accepted bool
	// Unmodified leaves out the modifiers of the columns' types, and Moved the tables that columns come from.
	Unmodified, Moved bool
	// Masked leaves out numbers of five digits and more, which are OIDs, and the names of superusers, in rows.
	Masked bool
}

// Difference is what differs between two answers.
type Difference struct {
	// Class says in a word what differs: differences of one class may have one cause.
	Class string
	// Detail is for a reader.
	Detail string
}

// Compare compares the answer of PostgreSQL with that of a proxy; nil: they are equal.
func Compare(want, got Answer, c Comparison) *Difference {
	if want.Code != got.Code {
		return &Difference{"SQLSTATE " + orNone(want.Code) + " / " + orNone(got.Code) + " " + gist(got.Message),
			fmt.Sprintf("SQLSTATE: PostgreSQL %s %s, proxy %s %s", orNone(want.Code), want.Message, orNone(got.Code), got.Message)}
	}
	if want.Status != got.Status {
		return &Difference{"transaction status", fmt.Sprintf("transaction status: PostgreSQL %c, proxy %c", want.Status, got.Status)}
	}
	if want.Code != "" || c.Accepted {
		return nil
	}
	if c.Unmodified {
		want.Fields, got.Fields = unmodified(want.Fields), unmodified(got.Fields)
	}
	if c.Masked {
		want.Rows, got.Rows = masked(want.Rows), masked(got.Rows)
	}
	if c.Moved {
		want.Origins, got.Origins = nil, nil
	}
	for _, what := range []struct {
		name      string
		want, got []string
	}{{"parameters", want.Parameters, got.Parameters}, {"columns", want.Fields, got.Fields}, {"column origins", want.Origins, got.Origins}, {"command tag", []string{want.Tag}, []string{got.Tag}},
		{"rows", c.order(want.Rows), c.order(got.Rows)}, {"copied data", c.order(want.Copied), c.order(got.Copied)},
		{"suspensions", []string{strconv.Itoa(want.Suspended)}, []string{strconv.Itoa(got.Suspended)}}} {
		if !slices.Equal(what.want, what.got) {
			return &Difference{what.name, fmt.Sprintf("%s:\n  PostgreSQL: %s\n  proxy:      %s", what.name, excerpt(what.want, what.got), excerpt(what.got, what.want))}
		}
	}
	return nil
}

// order are rows in their order where it is defined, sorted otherwise.
func (c Comparison) order(rows []string) []string {
	if c.Ordered {
		return rows
	}
	return slices.Sorted(slices.Values(rows))
}

// modifier is what a field's text says of its modifier.
var modifier = regexp.MustCompile(` modifier -?\d+`)

// unmodified are fields without their modifiers.
func unmodified(fields []string) []string {
	var out []string
	for _, f := range fields {
		out = append(out, modifier.ReplaceAllString(f, ""))
	}
	return out
}

// local is what differs from server to server: OIDs, and the names of superusers.
var local = regexp.MustCompile(`\d{5,}|\b(postgres|pinnacle|pinnacle_superuser)\b`)

// masked are rows without what differs from server to server.
func masked(rows []string) []string {
	var out []string
	for _, r := range rows {
		out = append(out, local.ReplaceAllString(r, "#"))
	}
	return out
}

// gist is the first words of a message, those with names and values left out.
func gist(message string) string {
	var words []string
	for _, w := range strings.Fields(message) {
		if len(words) == 6 {
			break
		}
		if !strings.ContainsAny(w, `"0123456789`) {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// orNone is an SQLSTATE, or a word for none.
func orNone(code string) string {
	if code == "" {
		return "none"
	}
	return code
}

// excerpt shows the rows of one side from the first on that differs.
func excerpt(rows, other []string) string {
	i := 0
	for i < len(rows) && i < len(other) && rows[i] == other[i] {
		i++
	}
	tail := rows[i:]
	more := ""
	if len(tail) > 4 {
		tail, more = tail[:4], " …"
	}
	return fmt.Sprintf("%d in all; from %d on: %s%s", len(rows), i+1, strings.Join(tail, " ; "), more)
}
