package integration

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// largeResults are statements with a long result: 200 MB, in 100,000 rows that end with their number twice. Home sends all rows
// at once, or as many as FETCH takes.
var largeResults = []struct{ name, sql, fetch string }{
	{"a stream", "SELECT repeat('x', 2000), i, predict('double', i) / 2 FROM generate_series(1, 100000) AS i", ""},
	{"a stream with a condition", "SELECT repeat('x', 2000), i, i FROM generate_series(1, 100000) AS i WHERE predict('double', i) > 0", ""},
	{"rounds", "SELECT repeat('x', 2000), i, predict('double', i) / 2 FROM generate_series(1, 100000) AS i ORDER BY 2, 3", ""},
	{"a cursor", "BEGIN; DECLARE c CURSOR FOR SELECT repeat('x', 2000), i, predict('double', i) / 2 FROM generate_series(1, 100000) AS i", "FETCH ALL FROM c"},
}

// TestSlowClient sends results to clients that do not read them for a while: they are cancelled there, or read to their end
// after all. The proxy may take little memory meanwhile, by the system's limit.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	p, on := bounded(t, "slow_client")
	on.exec(t, timesModel("MODEL", "double", 2))
	for _, c := range largeResults { // threads and libraries are there before the limit is
		on.exec(t, strings.ReplaceAll(c.sql, "100000", "100"))
	}
	p.limitMemory(t, largeRoom<<20)
	for _, cancelled := range []bool{false, true} {
		for i, c := range largeResults {
			name := fmt.Sprintf("%s/%v", c.name, cancelled)
			application := fmt.Sprintf("slow-%d-%v", i, cancelled)
			s := on.open(t, "application_name", application)
			sql := c.sql
			if c.fetch != "" {
				s.mustQuery(t, sql)
				sql = c.fetch
			}
			s.send(t, query(sql))
			rows := 0
			if !s.row(t, &rows) {
				t.Errorf("%s: no row: %v", name, s.take())
				continue
			}
			// All that lies between home and the client is full, or the rounds have held the result in a file.
			waitFor(t, p.opts.databackend, "SELECT count(*) FROM pg_stat_activity WHERE application_name = '"+application+"' AND wait_event_type = 'Client'", "1")
			if cancelled {
				s.cancel(t)
			}
			for s.row(t, &rows) {
			}
			code, line := firstError(s.take())
			switch {
			case cancelled && c.fetch != "": // PostgreSQL has the whole result of FETCH before it sends any, and sends all of it
			case cancelled && code != "57014":
				t.Errorf("%s: %d rows, then %q", name, rows, line)
			case !cancelled && (code != "" || rows != 100_000):
				t.Errorf("%s: %d rows, then %q", name, rows, line)
			}
			s.query(t, "ROLLBACK")
			s.wantRow(t, "SELECT predict('double', 4)", "8")
		}
	}
}

// row reads a row, which ends with its number twice, and gives false behind the last one: the rest is in the transcript.
func (s *session) row(t *testing.T, rows *int) bool {
	t.Helper()
	for {
		msg, err := s.front.Receive()
		if err != nil {
			t.Fatalf("after %d rows: %v", *rows, err)
		}
		switch m := msg.(type) {
		case *pgproto3.DataRow:
			*rows++
			if number := strconv.Itoa(*rows); len(m.Values) != 3 || string(m.Values[1]) != number || string(m.Values[2]) != number {
				t.Fatalf("row %d ends with %s", *rows, m.Values[1:])
			}
			return true
		case *pgproto3.ReadyForQuery:
			return false
		default:
			if line := describeMessage(msg, s.last.position); !strings.HasPrefix(line, "RowDescription") {
				s.lines = append(s.lines, line)
			}
		}
	}
}
