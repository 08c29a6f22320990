package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// describeMessage prints a server message in the words that two servers should agree on: no OIDs of their own objects,
// no source lines, no process numbers. position maps the position of an error.
func describeMessage(msg pgproto3.BackendMessage, position func(int) int) string {
	switch m := msg.(type) {
	case *pgproto3.RowDescription:
		var b strings.Builder
		b.WriteString("RowDescription")
		for _, f := range m.Fields {
			fmt.Fprintf(&b, " %s:%s:len%d:mod%d:%s", f.Name, typeName(f.DataTypeOID), f.DataTypeSize, f.TypeModifier, formatName(f.Format))
			if f.TableOID != 0 {
				fmt.Fprintf(&b, ":col%d", f.TableAttributeNumber)
			}
		}
		return b.String()
	case *pgproto3.DataRow:
		var b strings.Builder
		b.WriteString("DataRow")
		for _, v := range m.Values {
			if v == nil {
				b.WriteString(" NULL")
			} else {
				fmt.Fprintf(&b, " %q", v)
			}
		}
		return b.String()
	case *pgproto3.CommandComplete:
		return "CommandComplete " + string(m.CommandTag)
	case *pgproto3.ReadyForQuery:
		return "ReadyForQuery " + string(rune(m.TxStatus))
	case *pgproto3.ErrorResponse:
		return "Error " + describeFields(m, position)
	case *pgproto3.NoticeResponse:
		return "Notice " + describeFields((*pgproto3.ErrorResponse)(m), position)
	case *pgproto3.ParameterDescription:
		s := "ParameterDescription"
		for _, oid := range m.ParameterOIDs {
			s += " " + typeName(oid)
		}
		return s
	case *pgproto3.ParameterStatus:
		return "ParameterStatus " + m.Name + "=" + m.Value
	case *pgproto3.CopyData:
		return fmt.Sprintf("CopyData %q", m.Data)
	case *pgproto3.NotificationResponse:
		return "Notification " + m.Channel + " " + m.Payload
	case *pgproto3.CopyInResponse:
		return fmt.Sprintf("CopyInResponse %d %v", m.OverallFormat, m.ColumnFormatCodes)
	case *pgproto3.CopyOutResponse:
		return fmt.Sprintf("CopyOutResponse %d %v", m.OverallFormat, m.ColumnFormatCodes)
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", msg), "*pgproto3.")
}

// describeFields prints the fields of an error or a notice that a user reads.
func describeFields(e *pgproto3.ErrorResponse, position func(int) int) string {
	s := fmt.Sprintf("%s %s %q", e.Severity, e.Code, e.Message)
	for _, f := range []struct{ name, value string }{{"detail", e.Detail}, {"hint", e.Hint}, {"schema", e.SchemaName},
		{"table", e.TableName}, {"column", e.ColumnName}, {"type", e.DataTypeName}, {"constraint", e.ConstraintName}} {
		if f.value != "" {
			s += fmt.Sprintf(" %s=%q", f.name, f.value)
		}
	}
	if e.Position != 0 {
		s += fmt.Sprintf(" position=%d", position(int(e.Position)))
	}
	return s
}

// typeName names a type by its number where that is PostgreSQL's own, and "user" for types that the tests made.
func typeName(oid uint32) string {
	if oid >= 16384 {
		return "user"
	}
	return fmt.Sprint(oid)
}

func formatName(f int16) string {
	if f == 1 {
		return "binary"
	}
	return "text"
}

// diff shows where two transcripts part, with some lines before; "" if they are equal.
func diff(got, want []string) string {
	for i := 0; i < len(got) || i < len(want); i++ {
		g, w := "(nothing)", "(nothing)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g == w {
			continue
		}
		before := strings.Join(want[max(0, i-3):min(i, len(want))], "\n  ")
		return fmt.Sprintf("message %d of %d (PostgreSQL: %d) differs, after\n  %.600s\nproxy:      %.900s\nPostgreSQL: %.900s", i+1, len(got),
			len(want), before, g, w)
	}
	return ""
}

// same fails the test if two transcripts differ.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if d := diff(got, want); d != "" {
		t.Errorf("%s\n%s", what, d)
	}
}

// without drops the lines of a transcript that start with one of the prefixes.
func without(transcript []string, prefixes ...string) []string {
	var out []string
next:
	for _, l := range transcript {
		for _, p := range prefixes {
			if strings.HasPrefix(l, p) {
				continue next
			}
		}
		out = append(out, l)
	}
	return out
}

// firstError gives the SQLSTATE and the whole line of the first error of a transcript, "" for none.
func firstError(transcript []string) (code, line string) {
	for _, l := range transcript {
		if strings.HasPrefix(l, "Error ") {
			return strings.Fields(l)[2], l
		}
	}
	return "", ""
}
