package sqlparse

import (
	"fmt"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// Limits bound the texts that are handed to PostgreSQL's parser, which recurses on the C stack of the thread that calls
// it and kills the process where that overflows.
type Limits struct {
	// MaxBytes is the length of a text.
	MaxBytes int
	// MaxTokens bounds the memory that a text's tree takes (about 250 bytes a token).
	MaxTokens int
	// MaxDepth is how deep the tree may be, in nodes, as estimated from above: each operator of a chain that no comma,
	// AND or OR ends counts 1, a pair of parentheses 4.
	MaxDepth int
}

// DefaultLimits are the limits for threads of 2 MB of stack or more: a quarter of the depth that overflows them.
func DefaultLimits() Limits {
	return Limits{MaxBytes: 16 << 20, MaxTokens: 1 << 20, MaxDepth: 1400}
}

// checkSize refuses a text that is too long, or that may have too many tokens, before it is scanned.
func (l Limits) checkSize(text string) error {
	if len(text) > l.MaxBytes {
		return tooComplex(fmt.Sprintf("The text has %d bytes; the limit is %d.", len(text), l.MaxBytes), -1)
	}
	if len(text) <= l.MaxTokens {
		return nil // no token is shorter than a byte
	}
	if n := countTokens(text, l.MaxTokens); n > l.MaxTokens {
		return tooComplex(fmt.Sprintf("The text has more than %d tokens.", l.MaxTokens), -1)
	}
	return nil
}

func tooComplex(detail string, at int) *Error {
	return &Error{Code: "54001", Message: "statement is too long or too deeply nested to look for predict in it", Detail: detail, Position: at,
		Hint: "Split the statement, or pass values as parameters or through COPY."}
}

// countTokens counts, from above, the tokens of text, and stops behind limit. The inside of plain quotes counts nothing.
func countTokens(text string, limit int) int {
	n := 0
	inWord := false
	for i := 0; i < len(text) && n <= limit; i++ {
		c := text[i]
		switch {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v':
			inWord = false
		case identByte(c):
			if !inWord {
				n++
			}
			inWord = true
		default:
			n++
			inWord = false
		}
	}
	return n
}

// identByte reports whether c may stand within an unquoted identifier.
func identByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// The weights of a nesting by parentheses (a subquery is four nodes deep) and by CASE.
const (
	parenWeight = 4
	caseWeight  = 3
)

// nesting is one open parenthesis, bracket or CASE, and how deep the tree is there at most.
type nesting struct {
	isCase bool
	// between counts the BETWEENs of the operand whose AND is still to come.
	between int
	// ops are the operators since the last AND, OR or comma, and child is the deepest nesting among them.
	ops, child int
	// part is the deepest operand of AND and OR since the last comma, joins are the JOINs since then.
	part, joins int
	// item is the deepest item of a list since the last semicolon, sets are the UNIONs, INTERSECTs and EXCEPTs.
	item, sets int
	// statement is the deepest statement before.
	statement int
}

func (n *nesting) endOperand() {
	n.part = max(n.part, n.ops+n.child)
	n.ops, n.child, n.between = 0, 0, 0
}

func (n *nesting) endItem() {
	n.endOperand()
	n.item = max(n.item, n.part+n.joins)
	n.part, n.joins = 0, 0
}

func (n *nesting) endStatement() {
	n.endItem()
	n.statement = max(n.statement, n.item+n.sets)
	n.item, n.sets = 0, 0
}

func (n *nesting) depth() int {
	n.endStatement()
	if n.isCase {
		return n.statement + caseWeight
	}
	return n.statement + parenWeight
}

// depthMeter estimates from above how deep the tree of a text is.
type depthMeter struct{ open []nesting }

func (d *depthMeter) top() *nesting { return &d.open[len(d.open)-1] }

func (d *depthMeter) pop() {
	depth := d.top().depth()
	d.open = d.open[:len(d.open)-1]
	d.top().child = max(d.top().child, depth)
}

// popCases closes the CASEs that are open within the innermost parenthesis.
func (d *depthMeter) popCases() {
	for d.top().isCase {
		d.pop()
	}
}

// estimate gives the depth of the deepest statement of toks.
func (d *depthMeter) estimate(toks []Token) int {
	d.open = append(d.open[:0], nesting{})
	var prev pg_query.Token
	for _, t := range toks {
		d.take(t, prev == pg_query.Token_ASCII_46, prev == pg_query.Token_AS)
		prev = t.Kind
	}
	for len(d.open) > 1 {
		d.pop()
	}
	return d.top().depth()
}

// take counts one token; field and label say that it stands behind "." and behind AS, where a keyword is a name.
func (d *depthMeter) take(t Token, field, label bool) {
	top := d.top()
	switch t.Kind {
	case pg_query.Token_ASCII_40, pg_query.Token_ASCII_91: // ( [
		d.open = append(d.open, nesting{})
	case pg_query.Token_ASCII_41, pg_query.Token_ASCII_93: // ) ]
		if d.popCases(); len(d.open) > 1 {
			d.pop()
		}
	case pg_query.Token_ASCII_44: // ,
		top.endItem()
	case pg_query.Token_ASCII_59: // ;
		d.popCases()
		d.top().endStatement()
	case pg_query.Token_CASE:
		if !field {
			d.open = append(d.open, nesting{isCase: true})
		}
	case pg_query.Token_END_P:
		if !field && !label && top.isCase {
			d.pop()
		}
	case pg_query.Token_AND, pg_query.Token_OR, pg_query.Token_WHEN, pg_query.Token_THEN, pg_query.Token_ELSE:
		switch {
		case field:
		case t.Kind == pg_query.Token_AND && top.between > 0:
			top.between--
		default:
			top.endOperand()
		}
	case pg_query.Token_BETWEEN:
		top.between++
		top.ops++
	case pg_query.Token_JOIN:
		top.joins++
	case pg_query.Token_UNION, pg_query.Token_INTERSECT, pg_query.Token_EXCEPT:
		top.endItem()
		top.sets++
	default:
		if mayNest(t) {
			top.ops++
		}
	}
}

// mayNest reports whether the token can put one expression into another. In doubt it does.
func mayNest(t Token) bool {
	switch t.Kind {
	case pg_query.Token_IDENT, pg_query.Token_UIDENT, pg_query.Token_SCONST, pg_query.Token_USCONST, pg_query.Token_BCONST,
		pg_query.Token_XCONST, pg_query.Token_ICONST, pg_query.Token_FCONST, pg_query.Token_PARAM, pg_query.Token_ASCII_46,
		pg_query.Token_SELECT, pg_query.Token_FROM, pg_query.Token_WHERE, pg_query.Token_AS, pg_query.Token_ON,
		pg_query.Token_LEFT, pg_query.Token_RIGHT, pg_query.Token_FULL, pg_query.Token_INNER_P, pg_query.Token_OUTER_P,
		pg_query.Token_NULL_P, pg_query.Token_TRUE_P, pg_query.Token_FALSE_P, pg_query.Token_BY, pg_query.Token_SET, pg_query.Token_ALL,
		pg_query.Token_VALUES, pg_query.Token_INTO, pg_query.Token_ASC, pg_query.Token_DESC:
		return false
	}
	return true
}

// checkTokens refuses tokens whose tree may be too large or too deep.
func (l Limits) checkTokens(toks []Token) error {
	if len(toks) > l.MaxTokens {
		return tooComplex(fmt.Sprintf("The text has %d tokens; the limit is %d.", len(toks), l.MaxTokens), -1)
	}
	var d depthMeter
	if depth := d.estimate(toks); depth > l.MaxDepth {
		return tooComplex(fmt.Sprintf("Its operators and parentheses may nest %d deep; the limit is %d.", depth, l.MaxDepth), -1)
	}
	return nil
}

// Check refuses a text that PostgreSQL's parser should not be handed; the error is an *Error with SQLSTATE 54001, or that
// of the scanner.
func (l Limits) Check(text string) error {
	if err := l.checkSize(text); err != nil {
		return err
	}
	toks, err := Tokens(text)
	if err != nil {
		return err
	}
	return l.checkTokens(toks)
}
