package differential

import (
	"strings"
)

// node is a piece of a statement's text as a tree, so that a statement can be made smaller without a parser. A node may
// stand in several places (an expression of GROUP BY that the select list repeats): what changes it changes all of them.
type node struct {
	// parts are strings, *node, oracleOnly and proxyOnly, one behind the other; of a list they are *node alone.
	parts []any
	// sep makes the node a list: its parts stand with sep between them, and all but least of them can be dropped.
	sep   string
	least int
	// typ is set for expressions: an expression may be shown in place of one that it is a part of and whose type it has,
	// or a constant of that type.
	typ typ
	// fixed is the type of an expression that stays as it is.
	fixed typ
	// optional says that the node can be dropped as a whole.
	optional bool

	dropped bool
	// swap is shown in place of the node.
	swap *node
}

// oracleOnly is text that stands in the oracle's form of a statement alone.
type oracleOnly string

// proxyOnly is text that stands in the other form alone.
type proxyOnly string

// parameter is $n, which is shown as a literal where a statement is run without parameters.
type parameter int

// rendering says how a tree becomes text.
type rendering struct {
	oracle bool
	// literals are what parameters are shown as; nil shows them as $1, $2, …
	literals []string
}

// kind is an expression's type.
func (n *node) kind() typ {
	if n.fixed != "" {
		return n.fixed
	}
	return n.typ
}

// txt makes a node of parts.
func txt(parts ...any) *node { return &node{parts: parts} }

// expr makes an expression of a type.
func expr(t typ, parts ...any) *node { return &node{parts: parts, typ: t} }

// opt makes a node that a smaller statement may leave out.
func opt(parts ...any) *node { return &node{parts: parts, optional: true} }

// list makes a list of which at least one element stays.
func list(sep string, elems ...*node) *node {
	n := &node{sep: sep, least: 1}
	for _, e := range elems {
		n.parts = append(n.parts, e)
	}
	return n
}

// add appends elements to a list.
func (n *node) add(elems ...*node) {
	for _, e := range elems {
		n.parts = append(n.parts, e)
	}
}

// text is the node as SQL.
func (n *node) text(r rendering) string {
	var b strings.Builder
	n.write(&b, r)
	return b.String()
}

func (n *node) write(b *strings.Builder, r rendering) {
	if n.dropped {
		return
	}
	if n.swap != nil {
		n.swap.write(b, r)
		return
	}
	first := true
	for _, p := range n.parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case oracleOnly:
			if r.oracle {
				b.WriteString(string(p))
			}
		case proxyOnly:
			if !r.oracle {
				b.WriteString(string(p))
			}
		case parameter:
			b.WriteString(p.text(r))
		case *node:
			if n.sep != "" && !p.dropped {
				if !first {
					b.WriteString(n.sep)
				}
				first = false
			}
			p.write(b, r)
		}
	}
}

func (p parameter) text(r rendering) string {
	if r.literals != nil {
		return r.literals[p]
	}
	return "$" + itoa(int(p)+1)
}

// children are the nodes that are shown directly under n.
func (n *node) children() []*node {
	if n.dropped {
		return nil
	}
	if n.swap != nil {
		return []*node{n.swap}
	}
	var out []*node
	for _, p := range n.parts {
		if c, ok := p.(*node); ok && !c.dropped {
			out = append(out, c)
		}
	}
	return out
}

// walk gives every node that is shown, each once, the outer before the inner.
func (n *node) walk() []*node {
	seen := map[*node]bool{}
	var out []*node
	level := []*node{n}
	for len(level) > 0 {
		var next []*node
		for _, m := range level {
			if seen[m] || m.dropped {
				continue
			}
			seen[m] = true
			out = append(out, m)
			next = append(next, m.children()...)
		}
		level = next
	}
	return out
}

// change is one way to make a tree smaller. undo takes it back.
type change struct{ do, undo func() }

// changes are all ways to make the tree smaller by one step, the ones that remove most first.
func (n *node) changes() []change {
	var out []change
	for _, m := range n.walk() {
		if m.swap != nil {
			continue
		}
		if m.optional {
			out = append(out, drop(m))
		}
		if m.sep != "" {
			if kept := m.children(); len(kept) > m.least {
				for _, c := range kept {
					out = append(out, drop(c))
				}
			}
		}
		if m.typ != "" {
			out = append(out, m.replacements()...)
		}
	}
	return out
}

func drop(n *node) change {
	return change{func() { n.dropped = true }, func() { n.dropped = false }}
}

// replacements are the parts of an expression that may stand for all of it, and a constant.
func (n *node) replacements() []change {
	var out []change
	show := func(by *node) {
		out = append(out, change{func() { n.swap = by }, func() { n.swap = nil }})
	}
	small := n.typ.simplest()
	if len(n.text(rendering{})) > len(small)+1 {
		show(txt(small))
	}
	for _, m := range n.walk()[1:] {
		if m.typ == n.typ && len(m.text(rendering{})) < len(n.text(rendering{})) {
			show(m)
		}
	}
	return out
}
