package session

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// newTestSession makes a session that holds statements and portals named "", s and p.
func newTestSession() (*session, *closes) {
	s := NewFactory(Config{}).New(wire.Session{ID: 1}).(*session)
	s.views.set(nil)
	s.views.due.Store(false)
	closed := &closes{}
	for _, name := range []string{"", "s"} {
		s.statements[name] = &predictStatement{s: s}
	}
	for _, name := range []string{"", "p"} {
		s.portals[name] = closed.cursor(name)
	}
	return s, closed
}

// closes counts how often portals were closed.
type closes struct{ of map[string]int }

// cursor makes a portal that is counted.
func (c *closes) cursor(name string) cursor {
	if c.of == nil {
		c.of = map[string]int{}
	}
	return &countedCursor{of: c.of, name: name}
}

// countedCursor is a portal that notes when it is closed.
type countedCursor struct {
	commandCursor
	of   map[string]int
	name string
}

func (c *countedCursor) close() { c.of[c.name]++ }

func TestWants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		typ  byte
		body string
		want bool
	}{
		{"plain query", 'Q', "SELECT 1\x00", false},
		{"predict", 'Q', "SELECT predict('m', 1)\x00", true},
		{"predict as a column", 'Q', "SELECT predict FROM t\x00", false},
		{"predict in a string", 'Q', "SELECT 'predict(''m'')'\x00", false},
		{"component", 'Q', "SHOW MODELS\x00", true},
		{"wrong component", 'Q', "CREATE MODEL\x00", true},
		{"what PostgreSQL cannot parse", 'Q', "SELEC pre(1)\x00", false},
		{"what PostgreSQL cannot parse, with a call", 'Q', "SELEC predict('m')\x00", true},
		{"table", 'Q', "SELECT * FROM pinnacle.models\x00", true},
		{"execute of ours", 'Q', "EXECUTE s\x00", true},
		{"execute of another", 'Q', "EXECUTE other\x00", false},
		{"explain of ours", 'Q', "EXPLAIN EXECUTE s\x00", true},
		{"deallocate of ours", 'Q', "DEALLOCATE s\x00", true},
		{"deallocate all", 'Q', "DEALLOCATE ALL\x00", true},
		{"discard all", 'Q', "DISCARD ALL\x00", true},
		{"discard plans", 'Q', "DISCARD PLANS\x00", false},
		{"no end", 'Q', "SELECT predict('m', 1)", false},
		{"empty query", 'Q', "\x00", false},
		{"empty message", 'Q', "", false},
		{"parse", 'P', "x\x00SELECT predict('m', $1)\x00\x00\x00", true},
		{"parse of another", 'P', "x\x00SELECT 1\x00\x00\x00", false},
		{"parse without a text", 'P', "x\x00", false},
		{"bind of ours", 'B', "x\x00s\x00\x00\x00\x00\x00\x00\x00", true},
		{"bind of the unnamed", 'B', "\x00\x00\x00\x00\x00\x00\x00\x00", true},
		{"bind of another", 'B', "p\x00other\x00", false},
		{"describe of ours", 'D', "Ss\x00", true},
		{"describe of another", 'D', "Sother\x00", false},
		{"describe of our portal", 'D', "Pp\x00", true},
		{"describe of nothing", 'D', "", false},
		{"execute", 'E', "p\x00\x00\x00\x00\x00", true},
		{"execute of another portal", 'E', "q\x00\x00\x00\x00\x00", false},
		{"close of ours", 'C', "Ss\x00", true},
		{"close of another", 'C', "Pq\x00", false},
		{"sync", 'S', "", false},
	} {
		s, _ := newTestSession()
		if got := s.Wants(c.typ, []byte(c.body)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestUnwantedMessagesReplace checks what a message that home answers alone takes the place of.
func TestUnwantedMessagesReplace(t *testing.T) {
	t.Parallel()
	s, closed := newTestSession()
	s.Wants('B', []byte("p\x00other\x00"))
	if _, held := s.portals["p"]; held || closed.of["p"] != 1 {
		t.Errorf("portal p is held (%v) though home has another of its name; closed %d times", held, closed.of["p"])
	}
	s.Wants('P', []byte("\x00SELECT 1\x00\x00\x00"))
	if _, held := s.statements[""]; held || s.statements["s"] == nil {
		t.Error("the unnamed statement is held though home has another")
	}
	s, closed = newTestSession()
	s.Wants('Q', []byte("SELECT 1\x00"))
	if len(s.portals) != 1 || len(s.statements) != 1 || closed.of[""] != 1 {
		t.Errorf("%d portals, %d statements behind a simple query", len(s.portals), len(s.statements))
	}
	s.Ready('T')
	if len(s.portals) != 1 {
		t.Error("a portal ended before its transaction")
	}
	s.Ready('I')
	if len(s.portals) != 0 || closed.of["p"] != 1 || !s.Watching() {
		t.Error("a portal outlived its transaction")
	}
	s.Close()
	if s.Watching() {
		t.Error("something is held behind Close")
	}
}

// TestWantsDoesNotAllocate looks at messages that are relayed while the session holds statements.
func TestWantsDoesNotAllocate(t *testing.T) {
	for name, m := range map[string]struct {
		typ  byte
		body string
	}{
		"query": {'Q', "SELECT a, b FROM orders WHERE id = 17\x00"}, "parse": {'P', "x\x00UPDATE t SET a = $1\x00\x00\x00"},
		"bind": {'B', "a portal\x00a statement of some length or other, which is home's\x00"}, "execute": {'E', "a portal\x00\x00\x00\x00\x00"},
		"describe": {'D', "Sa statement of some length or other, which is home's\x00"}, "close": {'C', "Pa portal of some length or other, which is home's\x00"},
	} {
		s, _ := newTestSession()
		body := []byte(m.body)
		if n := testing.AllocsPerRun(100, func() { s.Wants(m.typ, body) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// FuzzWants gives a session messages of arbitrary bytes.
func FuzzWants(f *testing.F) {
	for _, seed := range []string{
		"QSELECT predict('m', 1)\x00", "P\x00SELECT 1\x00", "Px\x00SHOW MODELS\x00\x00\x00", "Bp\x00s\x00", "DS\x00", "DPp", "Cs", "E\x00", "E", "QEXECUTE s\x00",
		"QEXPLAIN EXECUTE s; DISCARD ALL\x00", "Q\x00\x00", "P", "B\x00", "B", "Q\xff\x00", "PSELECT\x00predict\x00",
	} {
		f.Add([]byte(seed), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s, closed := newTestSession()
		for _, m := range [][]byte{first, second} {
			if len(m) == 0 || len(m) > 1<<12 {
				continue
			}
			s.parsed, s.parseErr = nil, nil
			wanted := s.Wants(m[0], m[1:])
			if wanted && (m[0] == 'Q' || m[0] == 'P') && s.parsed == nil && s.parseErr == nil {
				t.Fatalf("%q is wanted, and nothing is known of it", m)
			}
			if _, held := s.portals[""]; held && m[0] == 'Q' {
				t.Fatalf("%q left the unnamed portal", m)
			}
			if wanted && !strings.ContainsRune("QPBDEC", rune(m[0])) {
				t.Fatalf("%q is wanted", m)
			}
		}
		s.Ready('I')
		for name, n := range closed.of {
			if n != 1 {
				t.Fatalf("portal %q was closed %d times", name, n)
			}
		}
	})
}

// row is a DataRow's body.
func row(values ...[]byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(values)))
	for _, v := range values {
		if v == nil {
			b = binary.BigEndian.AppendUint32(b, 1<<32-1)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return b
}

func TestSplit(t *testing.T) {
	t.Parallel()
	h := &homeSide{}
	for _, values := range [][][]byte{{}, {nil}, {{}}, {[]byte("a"), nil, {}, []byte("żółć")}} {
		if err := h.split(row(values...)); err != nil || len(h.values) != len(values) {
			t.Fatal(err, len(h.values))
		}
		for i, v := range values {
			if (h.values[i] == nil) != (v == nil) || string(h.values[i]) != string(v) {
				t.Errorf("value %d of %q is %q", i, values, h.values[i])
			}
		}
	}
	for _, body := range []string{"", "\x00", "\x00\x01", "\x00\x01\x00\x00\x00", "\x00\x01\x00\x00\x00\x02a", "\xff\xff\x00\x00\x00\x00", "\x00\x01\x7f\xff\xff\xffa"} {
		if err := h.split([]byte(body)); err == nil {
			t.Errorf("%q is taken for a row of %d values", body, len(h.values))
		}
	}
}

// FuzzSplit takes arbitrary bytes for a DataRow: what is taken can be put together again.
func FuzzSplit(f *testing.F) {
	f.Add(row())
	f.Add(row([]byte("a"), nil, []byte{}))
	f.Add([]byte{0, 2, 0, 0, 0, 1, 'a', 0x80, 0, 0, 0})
	f.Add([]byte{0xff, 0xff, 0, 0, 0, 0})
	f.Add([]byte{0, 1, 0x7f, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		h := &homeSide{}
		if h.split(body) != nil {
			return
		}
		size := 2
		for _, v := range h.values {
			size += 4 + len(v)
		}
		if size > len(body) {
			t.Fatalf("%d values of %d bytes from a row of %d", len(h.values), size, len(body))
		}
		again := &homeSide{}
		if err := again.split(row(h.values...)); err != nil || len(again.values) != len(h.values) {
			t.Fatal(err, len(again.values))
		}
	})
}
