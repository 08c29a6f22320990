package foreign

import (
	"strconv"
	"strings"
)

// verb is what a command of postgres_fdw asks for.
type verb uint8

// The commands beside statements over tables (contrib/postgres_fdw: connection.c, postgres_fdw.c).
const (
	// verbStatement is anything else: a statement of the canonical form.
	verbStatement verb = iota
	verbEmpty
	verbSet
	verbBegin
	verbCommit
	verbRollback
	verbSavepoint
	verbRelease
	verbRollbackTo
	verbDeallocate
	verbDeclare
	verbFetch
	verbMove
	verbClose
	verbExplain
)

// command is one command. What is not of its verb is zero.
type command struct {
	verb verb
	// name is the savepoint's, cursor's, prepared statement's or setting's; "" for ALL.
	name string
	// text is what follows: the statement, a cursor's query, what is explained, a setting's value.
	text string
	// count is FETCH's, negative for ALL.
	count int64
	// serializable and readOnly are START TRANSACTION's.
	serializable, readOnly bool
	// tag is the command tag of the answer, where it does not depend on what is done.
	tag string
}

// splitCommands parts what one Query message holds. Only commands that control the session come several at once
// ("ROLLBACK TO SAVEPOINT s2; RELEASE SAVEPOINT s2"); a text that begins otherwise is one command.
func splitCommands(text string) []command {
	first := readCommand(text)
	switch first.verb {
	case verbStatement, verbDeclare, verbExplain, verbSet, verbEmpty:
		return []command{first}
	}
	var out []command
	for part := range strings.SplitSeq(text, ";") {
		if c := readCommand(part); c.verb != verbEmpty {
			out = append(out, c)
		}
	}
	return out
}

// readCommand tells what a text asks for. It never fails: what it does not know is a statement, which the parser judges.
func readCommand(text string) command {
	text = strings.TrimSpace(strings.TrimRight(strings.TrimSpace(text), ";"))
	word, rest := nextWord(text)
	switch word {
	case "":
		if text == "" {
			return command{verb: verbEmpty}
		}
	case "set":
		return readSet(rest)
	case "start", "begin":
		return readBegin(rest, word)
	case "commit", "end":
		return command{verb: verbCommit, tag: "COMMIT"}
	case "abort", "rollback":
		return readRollback(rest)
	case "savepoint":
		return command{verb: verbSavepoint, name: rest, tag: "SAVEPOINT"}
	case "release":
		return command{verb: verbRelease, name: afterWords(rest, "savepoint"), tag: "RELEASE"}
	case "deallocate":
		return command{verb: verbDeallocate, name: all(afterWords(rest, "prepare")), tag: "DEALLOCATE"}
	case "declare":
		return readDeclare(text, rest)
	case "fetch":
		return readFetch(text, rest)
	case "move":
		return readMove(text, rest)
	case "close":
		return command{verb: verbClose, name: all(rest), tag: "CLOSE CURSOR"}
	case "explain":
		return command{verb: verbExplain, text: rest, tag: "EXPLAIN"}
	}
	return command{verb: verbStatement, text: text}
}

// all turns the word ALL into the empty name.
func all(name string) string {
	if strings.EqualFold(name, "all") {
		return ""
	}
	return name
}

// readSet reads "name = value" and "name TO value".
func readSet(rest string) command {
	name, value, found := strings.Cut(rest, "=")
	if !found {
		name, value = nextWord(rest)
		value = afterWords(value, "to")
	}
	return command{verb: verbSet, name: strings.ToLower(strings.TrimSpace(name)), text: strings.TrimSpace(value), tag: "SET"}
}

// readBegin reads a transaction's modes.
func readBegin(rest, word string) command {
	modes := " " + strings.ToLower(rest) + " "
	c := command{verb: verbBegin, tag: "BEGIN", serializable: strings.Contains(modes, " serializable "), readOnly: strings.Contains(modes, " read only ")}
	if word == "start" {
		c.tag = "START TRANSACTION"
	}
	return c
}

// readRollback tells the end of a transaction from the return to a savepoint.
func readRollback(rest string) command {
	rest = afterWords(rest, "transaction", "work")
	word, name := nextWord(rest)
	if word == "to" {
		return command{verb: verbRollbackTo, name: afterWords(name, "savepoint"), tag: "ROLLBACK"}
	}
	return command{verb: verbRollback, tag: "ROLLBACK"}
}

// readDeclare reads "name CURSOR FOR query".
func readDeclare(text, rest string) command {
	end := strings.IndexAny(rest, " \t\r\n")
	if end > 0 {
		cursor, after := nextWord(rest[end:])
		if loop, query := nextWord(after); cursor == "cursor" && loop == "for" {
			return command{verb: verbDeclare, name: rest[:end], text: query, tag: "DECLARE CURSOR"}
		}
	}
	return command{verb: verbStatement, text: text}
}

// readFetch reads "count FROM name", and "ALL FROM name".
func readFetch(text, rest string) command {
	fields := strings.Fields(rest)
	if len(fields) == 3 && (strings.EqualFold(fields[1], "from") || strings.EqualFold(fields[1], "in")) {
		if strings.EqualFold(fields[0], "all") {
			return command{verb: verbFetch, count: -1, name: fields[2]}
		}
		if n, err := strconv.ParseInt(fields[0], 10, 64); err == nil && n >= 0 {
			return command{verb: verbFetch, count: n, name: fields[2]}
		}
	}
	return command{verb: verbStatement, text: text}
}

// readMove reads "BACKWARD ALL IN name", the only move there is.
func readMove(text, rest string) command {
	fields := strings.Fields(rest)
	if len(fields) == 4 && strings.EqualFold(fields[0], "backward") && strings.EqualFold(fields[1], "all") {
		return command{verb: verbMove, name: fields[3]}
	}
	return command{verb: verbStatement, text: text}
}

// nextWord gives the letters that a text begins with, in lower case, and what follows them and blanks.
func nextWord(text string) (word, rest string) {
	text = strings.TrimLeft(text, " \t\r\n")
	i := 0
	for i < len(text) && (text[i]|0x20 >= 'a' && text[i]|0x20 <= 'z' || text[i] == '_') {
		i++
	}
	return strings.ToLower(text[:i]), strings.TrimLeft(text[i:], " \t\r\n")
}

// afterWords drops the first word where it is one of some.
func afterWords(text string, drop ...string) string {
	word, rest := nextWord(text)
	for _, d := range drop {
		if word == d {
			return rest
		}
	}
	return text
}
