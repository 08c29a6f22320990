package wire

// ledger knows which answers home still owes. It is told of every message sent to home and of every answer that came
// back, and says when the session is quiet, that is when nothing sent before can bring another message.
//
// Sources: PostgreSQL documentation, "Message Flow" (Extended Query, Pipelining, COPY Operations), and for messages
// that arrive in the wrong state the behaviour of PostgreSQL 15's server: after an error in an extended message
// everything but Sync is discarded, during COPY FROM STDIN Sync and Flush are discarded, and outside of it copy
// messages are.
type ledger struct {
	// due lists, oldest first, what will bring a ReadyForQuery, and between those the ends of copies.
	due []entry
	// unsynced counts the extended messages sent since the last Sync or Query; each brings one completion.
	unsynced uint32
	// done counts the completions that came since the last ReadyForQuery.
	done uint32
	// failed says that home discards messages until the next Sync.
	failed bool
	// copyIn says that home reads copy data.
	copyIn bool
	// status is the transaction status of the last ReadyForQuery.
	status byte
	// block says that a transaction block is known to be open, by the ReadyForQuery or by what was completed since.
	block bool
}

// entry is one thing in ledger.due.
type entry struct {
	// kind is the frontend message: 'S' Sync, 'Q' Query, 'F' FunctionCall, or 'c' for CopyDone and CopyFail.
	kind byte
	// extended counts the extended messages sent between the entry before and this one.
	extended uint32
}

// sent notes a frontend message that goes to home.
func (l *ledger) sent(typ byte) {
	switch typ {
	case 'P', 'B', 'C', 'D', 'E':
		l.unsynced++
	case 'Q', 'F':
		if l.failed && len(l.due) == 0 {
			return // home discards it
		}
		l.owe(typ)
	case 'S':
		if !l.copyIn {
			l.owe(typ)
		}
	case 'c', 'f':
		switch {
		case l.copyIn:
			l.copyIn = false
		case len(l.due) > 0 || l.unsynced > 0:
			l.due = append(l.due, entry{kind: 'c'})
		}
	}
}

// owe appends an entry that brings a ReadyForQuery.
func (l *ledger) owe(kind byte) {
	l.due = append(l.due, entry{kind: kind, extended: l.unsynced})
	l.unsynced = 0
}

// received notes a message of home. status is the first byte of a ReadyForQuery's body and is ignored otherwise.
func (l *ledger) received(typ, status byte) {
	switch typ {
	case '1', '2', '3', 'T', 'n', 'C', 'I', 's':
		l.done++
	case 'E':
		l.error()
	case 'G':
		l.copyStarts()
	case 'Z':
		l.ready(status)
	}
}

// ready notes a ReadyForQuery.
func (l *ledger) ready(status byte) {
	n := l.skipCopyEnds(0)
	if n < len(l.due) {
		n = l.skipCopyEnds(n + 1)
	}
	l.drop(0, n)
	l.status, l.done, l.failed, l.copyIn = status, 0, false, false
	l.block = status == 'T'
}

// completed notes the body of a CommandComplete. ROLLBACK is the tag of ROLLBACK TO SAVEPOINT, too, behind which a block
// is open still: that is known again when a savepoint is made or released.
func (l *ledger) completed(body []byte) {
	switch string(body) {
	case "BEGIN\x00", "START TRANSACTION\x00", "SAVEPOINT\x00", "RELEASE\x00":
		l.block = true
	case "COMMIT\x00", "ROLLBACK\x00", "PREPARE TRANSACTION\x00":
		l.block = false
	}
}

// error notes an ErrorResponse: in an extended message it makes home discard everything up to the next Sync.
func (l *ledger) error() {
	l.copyIn = false
	first := l.skipCopyEnds(0)
	if first == len(l.due) {
		l.failed = l.failed || l.unsynced > 0
		return
	}
	if e := l.due[first]; e.kind != 'S' && l.done >= e.extended {
		return // the Query's own error: its ReadyForQuery follows
	}
	l.failed = true
	for first < len(l.due) && l.due[first].kind != 'S' {
		first++
	}
	l.drop(0, first)
}

// copyStarts notes a CopyInResponse: the Syncs that home has been sent behind the COPY and before its end are discarded.
func (l *ledger) copyStarts() {
	i := 0
	if len(l.due) > 0 && (l.due[0].kind == 'Q' || l.due[0].kind == 'F') {
		i = 1
	}
	l.copyIn = true
	for i < len(l.due) && l.due[i].kind == 'S' {
		skipped := l.due[i].extended
		l.drop(i, i+1)
		l.carry(i, skipped)
	}
	if i < len(l.due) && l.due[i].kind == 'c' {
		l.drop(i, i+1)
		l.copyIn = false
	}
}

// carry adds extended messages whose Sync was discarded to the next entry of due from i on.
func (l *ledger) carry(i int, extended uint32) {
	for ; i < len(l.due); i++ {
		if l.due[i].kind != 'c' {
			l.due[i].extended += extended
			return
		}
	}
	l.unsynced += extended
}

// skipCopyEnds returns the first index from i on that is not the end of a copy.
func (l *ledger) skipCopyEnds(i int) int {
	for i < len(l.due) && l.due[i].kind == 'c' {
		i++
	}
	return i
}

// drop removes due[from:to].
func (l *ledger) drop(from, to int) {
	l.due = append(l.due[:from], l.due[to:]...)
	if len(l.due) == 0 && cap(l.due) > 64 {
		l.due = nil
	}
}

// quiet reports whether home owes nothing. It may still owe completions that only a Flush will bring: see owesFlush.
func (l *ledger) quiet() bool {
	return len(l.due) == 0 && (l.failed || l.done >= l.unsynced)
}

// owesFlush reports whether a Flush is needed for home to hand out the completions it owes.
func (l *ledger) owesFlush() bool {
	return l.unsynced > 0 && !l.quiet()
}
