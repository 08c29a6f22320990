package session

import (
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// mirroredNames is Foreign with fixed names.
type mirroredNames struct{ names *sqlparse.Names }

// Mirrored implements Foreign.
func (m mirroredNames) Mirrored() (*sqlparse.Names, uint64) { return m.names, 1 }

// BenchmarkGate measures what a session costs a statement that is home's alone, before a PostgreSQL of the user's, before a
// databackend whose tables the statement does not name, and the gate's own part where it names one that was seen before.
func BenchmarkGate(b *testing.B) {
	const other = "SELECT o.id, c.name, sum(l.price) FROM orders AS o JOIN customers AS c ON c.id = o.customer JOIN lines AS l ON l.order_id = o.id WHERE o.id = 17 GROUP BY 1, 2\x00"
	mirrored := mirroredNames{sqlparse.NewNames([]string{"t", "u", "events", "invoices", "a table"})}
	for _, c := range []struct {
		name    string
		foreign Foreign
		text    string
		want    bool
	}{
		{"postgres", nil, other, false},
		{"foreign/other", mirrored, other, false},
		{"foreign/mirrored", mirrored, "SELECT id, name FROM t WHERE id = 17\x00", true},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, _ := newTestSession()
			clear(s.statements)
			clear(s.portals)
			s.cfg.Foreign = c.foreign
			body := []byte(c.text)
			b.ReportAllocs()
			for b.Loop() {
				if s.Wants('Q', body) != c.want {
					b.Fatal("the gate says otherwise")
				}
			}
		})
	}
}
