package wire

import (
	"strings"
	"testing"
)

// TestLedger plays conversations: lower case for what the client sends is not possible (types differ by case), so ">"
// goes before messages sent and "<" before messages received.
func TestLedger(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, play string
		quiet      bool
		owesFlush  bool
	}{
		{"nothing", "", true, false},
		{"a query runs", ">Q", false, false},
		{"a query is answered", ">Q<TDCZ", true, false},
		{"a query failed", ">Q<EZ", true, false},
		{"two queries, one answered", ">QQ<CZ", false, false},
		{"unsynced messages", ">PBE", false, true},
		{"unsynced messages answered", ">PBE<12C", true, false},
		{"unsynced, row limit reached", ">PBE<12Ds", true, false},
		{"describe answered with no data", ">PD<1tn", true, false},
		{"failed before Sync", ">PBE<1E", true, false},
		{"failed, Sync sent", ">PBES<1E", false, false},
		{"failed, Sync answered", ">PBES<1EZ", true, false},
		{"pipeline of two batches", ">PBESPBES<12CZ", false, false},
		{"pipeline answered", ">PBESPBES<12CZ12CZ", true, false},
		{"a query after failed messages is discarded", ">PBEQ<E", true, false},
		{"a query sent when the batch has failed already", ">PB<E>Q", true, false},
		{"a query after good messages ends the batch", ">PBEQ<12CTDCZ", true, false},
		{"the query's own error after good messages", ">PBEQ<12CE", false, false},
		{"simple copy in", ">Q<G", false, false},
		{"simple copy in ended", ">Q<G>ddc<CZ", true, false},
		{"copy failed by the client", ">Q<G>df<EZ", true, false},
		{"extended copy, early Sync is discarded", ">PBES<12G>ddc", false, true},
		{"extended copy ended", ">PBES<12G>ddcS<CZ", true, false},
		{"extended copy, all sent blindly", ">PBEdcS<12GCZ", true, false},
		{"extended copy, blind, early Sync too", ">PBESdcS<12GCZ", true, false},
		{"extended copy, error at home", ">PBES<12G>d<E>dcS<Z", true, false},
		{"blind copy whose query failed", ">Qdc<EZ>Q<G", false, false},
		{"copy out", ">Q<HddcCZ", true, false},
		{"notices do not count", ">Q<NASZ", true, false},
		{"function call", ">F<VZ", true, false},
		{"Sync alone", ">S<Z", true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := ledger{status: 'I'}
			var direction rune
			for _, c := range test.play {
				switch {
				case c == '<' || c == '>':
					direction = c
				case direction == '>':
					l.sent(byte(c))
				default:
					l.received(byte(c), 'I')
				}
			}
			if l.quiet() != test.quiet || l.owesFlush() != test.owesFlush {
				t.Errorf("%s: quiet %v, owes flush %v; want %v, %v; %+v", test.play, l.quiet(), l.owesFlush(), test.quiet,
					test.owesFlush, l)
			}
		})
	}
}

// FuzzLedger checks that no conversation, however absurd, breaks the ledger, and that a ReadyForQuery for everything
// that is due always makes it quiet.
func FuzzLedger(f *testing.F) {
	f.Add([]byte("PBES12CZ"), uint64(0b0000_1111))
	f.Add([]byte("QGddcCZ"), uint64(0b0001_1101))
	f.Fuzz(func(t *testing.T, play []byte, sent uint64) {
		l := ledger{status: 'I'}
		for i, c := range play {
			if sent>>(i%64)&1 == 1 {
				l.sent(c)
			} else {
				l.received(c, 'I')
			}
		}
		for range len(play) + 1 {
			l.received('Z', 'I')
		}
		l.unsynced = 0
		if !l.quiet() || len(l.due) != 0 {
			t.Errorf("%q: not quiet at the end: %+v", play, l)
		}
	})
}

// TestLedgerKnowsBlocks plays completions and the states of ReadyForQuery.
func TestLedgerKnowsBlocks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		play  []string
		block bool
	}{
		{nil, false}, {[]string{"SELECT 1"}, false}, {[]string{"BEGIN"}, true}, {[]string{"START TRANSACTION"}, true}, {[]string{"BEGIN", "INSERT 0 1"}, true},
		{[]string{"BEGIN", "COMMIT"}, false}, {[]string{"Z T", "INSERT 0 1"}, true}, {[]string{"Z T", "COMMIT"}, false}, {[]string{"Z T", "ROLLBACK"}, false},
		{[]string{"Z T", "ROLLBACK", "RELEASE"}, true}, {[]string{"Z T", "ROLLBACK", "SAVEPOINT"}, true}, {[]string{"BEGIN", "Z E"}, false},
		{[]string{"BEGIN", "Z T", "PREPARE TRANSACTION"}, false}, {[]string{"BEGIN", "Z I"}, false}, {[]string{"BEGINNING"}, false}, {[]string{""}, false},
	} {
		l := ledger{status: 'I'}
		for _, m := range c.play {
			if status, ok := strings.CutPrefix(m, "Z "); ok {
				l.received('Z', status[0])
			} else {
				l.completed([]byte(m + "\x00"))
			}
		}
		if l.completed(nil); l.block != c.block {
			t.Errorf("%q: in a block: %v", c.play, l.block)
		}
	}
}
