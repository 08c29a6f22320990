package dialect

import (
	"fmt"
	"slices"
	"strings"
)

// Entries are the constructs that an engine is proven to answer as PostgreSQL does, by Signature. Two more kinds of keys say
// what an engine's own grouping and sorting is like: "group(int4)" that GROUP BY, DISTINCT and IN take for equal just what
// PostgreSQL does, and that equal values have the same text; "order(int4)" that ORDER BY sorts as PostgreSQL does, NULLs
// aside. Their templates are empty.
type Entries map[string]Entry

// Entry is how one construct is written.
type Entry struct {
	// Template is the engine's SQL: $1, $2, … stand for the operands or arguments, each of which is a name, a value, a call
	// or in parentheses; $* for all of them with commas; $type for the type of the result as SQL.Type writes it,
	// with the digits of a numeric where they are known.
	Template string
	// Guards are what must hold of the operands; each is a word and the number of an operand from 1, "const 2".
	Guards []Guard
}

// Guard is one condition of an Entry.
type Guard struct {
	Word    string
	Operand int
}

// ReadEntries reads a table. Each line is a signature, then " => " and a template; without one it is written as PostgreSQL
// writes it. "{a,b}" in a signature stands for a line with a and one with b; "\1" there and in the template is what the first
// pair of braces stands for in the line at hand. Guards stand behind " if ", with commas between:
//
//	{int2,int4} {=,<>} {int2,int4}
//	text ~~ text => $1 LIKE $2 ESCAPE '\' if plain 2
//	int4 / int4 => $1 // $2 if nonzero 2
//
// The guards are: const (the operand is a constant that is not NULL), nonzero (a constant number other than 0), positive (a
// constant number above 0), field (a constant field of EXTRACT that gives whole numbers), one:a|b (the
// constant a or b, in any case), plain (a constant pattern of LIKE without a backslash), ascii (a constant text of ASCII), short (a number whose digits are
// known and fit the engine's numbers, see SQL.MaxDigits). "#" begins a comment. A later line of the same signature replaces
// an earlier one, and "signature => !" removes it. It panics where the text is wrong, as it is a part of the program.
func ReadEntries(tables ...string) Entries {
	all := Entries{}
	for _, text := range tables {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			all.readLine(line)
		}
	}
	return all
}

// readLine takes in one line.
func (t Entries) readLine(line string) {
	left, guards := line, ""
	if i := strings.LastIndex(line, " if "); i >= 0 {
		left, guards = line[:i], line[i+4:]
	}
	signature, template, written := strings.Cut(left, " => ")
	signature, template = strings.TrimSpace(signature), strings.TrimSpace(template)
	entry := Entry{Guards: readGuards(line, guards)}
	for _, one := range expand(signature, nil) {
		switch {
		case template == "!":
			delete(t, one.text)
			continue
		case written:
			entry.Template = template
			for i, choice := range one.choices {
				entry.Template = strings.ReplaceAll(entry.Template, fmt.Sprintf(`\%d`, i+1), choice)
			}
		default:
			entry.Template = natural(one.text)
		}
		t[one.text] = entry
	}
}

// readGuards reads "const 2, plain 1".
func readGuards(line, text string) []Guard {
	if text == "" {
		return nil
	}
	var all []Guard
	for part := range strings.SplitSeq(text, ",") {
		g := Guard{}
		if _, err := fmt.Sscanf(strings.TrimSpace(part), "%s %d", &g.Word, &g.Operand); err != nil || g.test() == nil {
			panic("dialect: no guard " + part + " in " + line)
		}
		all = append(all, g)
	}
	return all
}

// expanded is a line with its braces replaced.
type expanded struct {
	text    string
	choices []string
}

// expand replaces the braces of a signature by each of their choices.
func expand(s string, chosen []string) []expanded {
	open := strings.IndexByte(s, '{')
	end := strings.IndexByte(s, '}')
	if open < 0 || end < open {
		for i, choice := range chosen {
			s = strings.ReplaceAll(s, fmt.Sprintf(`\%d`, i+1), choice)
		}
		return []expanded{{s, chosen}}
	}
	var all []expanded
	for choice := range strings.SplitSeq(s[open+1:end], ",") {
		all = append(all, expand(s[:open]+choice+s[end+1:], append(append([]string(nil), chosen...), choice))...)
	}
	return all
}

// natural is the template of a construct that the engine writes as PostgreSQL does.
func natural(signature string) string {
	if i := strings.IndexByte(signature, '('); i >= 0 && !strings.Contains(signature, "::") {
		if strings.HasPrefix(signature[i:], "(distinct ") {
			return signature[:i] + "(DISTINCT $*)"
		}
		if signature[i:] == "(*)" {
			return signature
		}
		return signature[:i] + "($*)"
	}
	if strings.Contains(signature, "::") {
		return "CAST($1 AS $type)"
	}
	if is, ok := strings.CutPrefix(signature, "bool is "); ok {
		return "$1 IS " + strings.ToUpper(is)
	}
	f := strings.Fields(signature)
	if len(f) == 2 {
		return f[0] + " $1"
	}
	return "$1 " + strings.ToUpper(strings.Join(f[1:len(f)-1], " ")) + " $2"
}

// test is what decides a guard, nil for a word that is none.
func (g Guard) test() func(s *SQL, e Expr) bool {
	words, ok := strings.CutPrefix(g.Word, "one:")
	if !ok {
		return guardTests[g.Word]
	}
	return func(_ *SQL, e Expr) bool {
		c, ok := constantOf(e)
		return ok && !c.Null && slices.Contains(strings.Split(words, "|"), strings.ToLower(c.Text))
	}
}

// guardTests are the guards by their words.
var guardTests = map[string]func(s *SQL, e Expr) bool{
	"const":    func(_ *SQL, e Expr) bool { c, ok := constantOf(e); return ok && !c.Null },
	"nonzero":  func(_ *SQL, e Expr) bool { n, ok := numberOfConstant(e); return ok && n.Sign() != 0 },
	"positive": func(_ *SQL, e Expr) bool { n, ok := numberOfConstant(e); return ok && n.Sign() > 0 },
	"field":    func(_ *SQL, e Expr) bool { return wholeField(e) },
	"plain": func(_ *SQL, e Expr) bool {
		c, ok := constantOf(e)
		return ok && !c.Null && !strings.Contains(c.Text, `\`)
	},
	"ascii": func(_ *SQL, e Expr) bool {
		c, ok := constantOf(e)
		return ok && !c.Null && strings.IndexFunc(c.Text, func(r rune) bool { return r > 126 }) < 0
	},
	"short": func(s *SQL, e Expr) bool {
		n := NumberOf(e)
		return n.Known && (s.MaxDigits == 0 || n.Digits+n.Scale <= s.MaxDigits)
	},
}

// constantOf is the expression as a constant.
func constantOf(e Expr) (*Constant, bool) {
	c, ok := e.(*Constant)
	return c, ok
}
