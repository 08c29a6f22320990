package integration

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// TestLongStatements sends statements of a megabyte and expressions of many thousand terms. A plain one is answered as
// PostgreSQL does; with predict the answer is right or 54001, and the process lives.
func TestLongStatements(t *testing.T) {
	eachTarget(t, func(t *testing.T, on *target) {
		long := strings.Repeat("x", 1<<20)
		list := strings.TrimSuffix(strings.Repeat("123456, ", 130000), ", ")
		for name, c := range map[string]struct {
			sql string
			// limited says that 54001 is an answer too.
			limited bool
		}{
			"a plain comment":               {"SELECT 1 /* " + long + " */", false},
			"a comment":                     {"SELECT predict('double', 4) /* " + long + " */", false},
			"a plain string":                {"SELECT length('" + long + "')", false},
			"a string as an argument":       {"SELECT predict('size', '" + long + "')", false},
			"a plain list":                  {"SELECT count(*) FROM item WHERE k IN (" + list + ")", false},
			"a list":                        {"SELECT id FROM item WHERE predict('double', k) IN (6, " + list + ") AND id < 40 ORDER BY id", true},
			"plain terms":                   {"SELECT 1" + strings.Repeat("+1", 24000), true},
			"terms":                         {"SELECT predict('double', 1)" + strings.Repeat("+1", 24000), true},
			"terms in an argument":          {"SELECT predict('double', 1" + strings.Repeat("+1", 24000) + ")", true},
			"terms beside":                  {"SELECT predict('double', 1), 1" + strings.Repeat("+1", 24000), true},
			"terms in a string":             {"SELECT predict('size', '1" + strings.Repeat("+1", 24000) + "')", false},
			"plain parentheses":             {"SELECT " + strings.Repeat("(", 20000) + "1" + strings.Repeat(")", 20000), true},
			"parentheses":                   {"SELECT predict('double', " + strings.Repeat("(", 20000) + "1" + strings.Repeat(")", 20000) + ")", true},
			"parentheses that do not end":   {"SELECT predict('double', " + strings.Repeat("(", 100000), true},
			"nested calls":                  {"SELECT " + strings.Repeat("predict('double', ", 5000) + "0" + strings.Repeat(")", 5000), true},
			"NOT":                           {"SELECT id FROM item WHERE " + strings.Repeat("NOT ", 20000) + "predict('high', k)", true},
			"minus signs":                   {"SELECT predict('double', " + strings.Repeat("- ", 20000) + "1)", true},
			"casts":                         {"SELECT predict('double', 1" + strings.Repeat("::int", 20000) + ")", true},
			"subqueries":                    {"SELECT predict('double', " + strings.Repeat("(SELECT ", 10000) + "1" + strings.Repeat(")", 10000) + ")", true},
			"a thousand calls":              {"SELECT predict('double', 1)" + strings.Repeat(", predict('double', 1)", 999), false},
			"terms of AND":                  {"SELECT id FROM item WHERE id < 40 AND predict('high', k)" + strings.Repeat(" AND predict('high', k)", 999) + " ORDER BY id", true},
			"a model of a long source":      {"CREATE MODEL far_too_long(x int) RETURNS int USING starlark AS $$" + long + "$$", true},
			"a component with many options": {"DROP MODEL " + strings.Repeat("x", 100000), true},
		} {
			if on.functions && strings.Contains(c.sql, " MODEL ") {
				continue
			}
			got := on.open(t).query(t, c.sql)
			code, line := firstError(got)
			if c.limited && (code == "54001" || code == "54000" || code == "54011") {
				continue
			}
			if strings.Contains(c.sql, " MODEL ") {
				if code == "" || code == "XX000" {
					t.Errorf("%s: %.300v", name, got)
				}
				continue
			}
			want := world.direct.open(t).query(t, c.sql)
			if d := diff(got, want); d != "" && code != "0A000" {
				t.Errorf("%s: %.300s\n%s", name, line, d)
			}
		}
		on.open(t).wantRow(t, "SELECT 1", "1")
	})
}

// TestManyIdleConnections holds 1,000 sessions open, most of which have used predict, and uses each again.
func TestManyIdleConnections(t *testing.T) {
	t.Parallel()
	p, on := drained(t, "idle", "--max-connections", "1010")
	on.exec(t, timesModel("MODEL", "double", 2))
	const sessions = 1000
	open := make([]*session, sessions)
	first := on.open(t)
	first.wantRow(t, "SELECT predict('double', 4)", "8")
	before := p.memory(t)
	each := func(what string, f func(i int) error) {
		var wg sync.WaitGroup
		errs := make(chan error, sessions)
		gate := make(chan struct{}, 16)
		for i := range sessions {
			wg.Add(1)
			gate <- struct{}{}
			go func() {
				defer wg.Done()
				defer func() { <-gate }()
				if err := f(i); err != nil {
					errs <- err
				}
			}()
		}
		wg.Wait()
		close(errs)
		n := 0
		for err := range errs {
			if n++; n < 4 {
				t.Errorf("%s: %v", what, err)
			}
		}
		if n > 0 {
			t.Fatalf("%s: %d of %d sessions failed", what, n, sessions)
		}
	}
	defer func() {
		for _, s := range open {
			if s != nil {
				_ = s.conn.Close()
			}
		}
	}()
	ask := func(i int) error {
		s := open[i]
		s.front.Send(query(fmt.Sprintf("SELECT predict('double', %d)", i)))
		if err := s.flush(); err != nil {
			return err
		}
		got := s.ready(1)
		if want := fmt.Sprintf("DataRow %q", fmt.Sprint(2*i)); len(got) != 4 || got[1] != want {
			return fmt.Errorf("%v, want %s", got, want)
		}
		return nil
	}
	each("connect", func(i int) (err error) {
		open[i], err = on.dial(t.Context())
		return err
	})
	each("ask", ask)
	// The race detector keeps books of its own.
	if grown := p.memory(t) - before; grown > sessions*256<<10 && os.Getenv(envRace) != "1" {
		t.Errorf("%d idle sessions take %d KiB each", sessions, grown/sessions>>10)
	}
	each("ask again", ask)
}

// TestTooManyConnections wants a client over the limit to be told 53300, and room again when one has gone.
func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	_, on := drained(t, "too_many", "--max-connections", "2")
	var held []*session
	if err := until(exchangeLimit, func() error { // the connection that waited for readiness may still be ending
		for _, s := range held {
			_ = s.conn.Close()
		}
		held = nil
		for range 2 {
			s, err := on.dial(t.Context())
			if err != nil {
				return err
			}
			held = append(held, s)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := on.dial(t.Context()); !strings.Contains(fmt.Sprint(err), "53300") {
		t.Errorf("one too many hears %v", err)
	}
	for _, s := range held {
		_ = s.conn.Close()
	}
	answers(t, on, "SELECT 1", "1")
}
