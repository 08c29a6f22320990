package prooftest

import (
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// kind is what a signature is of.
type kind uint8

const (
	scalarKind kind = iota
	aggregateKind
	groupKind
	orderKind
)

// construct is a signature taken apart: the types of its operands, and how it is written over texts of them.
type construct struct {
	kind  kind
	types []string
	write func(operands []string) string
}

// constructOf takes a signature apart; ok is false for one that has a type without edges.
func constructOf(signature string) (c construct, ok bool) {
	switch {
	case strings.HasPrefix(signature, "bool is "):
		is := strings.ToUpper(strings.TrimPrefix(signature, "bool is "))
		c = construct{types: []string{"bool"}, write: func(o []string) string { return fmt.Sprintf("(%s IS %s)", o[0], is) }}
	case strings.Contains(signature, "::"):
		c = castOf(signature)
	case strings.HasSuffix(signature, ")"):
		c = callOf(signature)
	default:
		c = operatorOf(signature)
	}
	for _, t := range c.types {
		if edges[t] == nil {
			return c, false
		}
	}
	return c, len(c.types) > 0 || signature == "count(*)"
}

func castOf(signature string) construct {
	from, to, _ := strings.Cut(signature, "::")
	name, mod := strings.CutSuffix(to, "()")
	sql := sqlNames[name]
	switch {
	case mod:
		sql = modified[name]
	case sql == "":
		sql = name
	}
	return construct{types: []string{from}, write: func(o []string) string { return fmt.Sprintf("(%s)::%s", o[0], sql) }}
}

func operatorOf(signature string) construct {
	f := strings.Fields(signature)
	if len(f) == 2 {
		return construct{types: f[1:], write: func(o []string) string { return fmt.Sprintf("(%s %s)", f[0], o[0]) }}
	}
	op := strings.ToUpper(strings.Join(f[1:len(f)-1], " "))
	return construct{types: []string{f[0], f[len(f)-1]}, write: func(o []string) string { return fmt.Sprintf("(%s %s %s)", o[0], op, o[1]) }}
}

func callOf(signature string) construct {
	name, args, _ := strings.Cut(strings.TrimSuffix(signature, ")"), "(")
	args, distinct := strings.CutPrefix(args, "distinct ")
	c := construct{}
	if args != "" && args != "*" {
		c.types = strings.Split(args, ",")
	}
	if name == "extract" || name == "date_part" || name == "date_trunc" {
		c.types[0] = "field"
	}
	switch {
	case name == "group":
		c.kind = groupKind
	case name == "order":
		c.kind = orderKind
	case name == "case":
		c.types = []string{"bool", args, args}
		c.write = func(o []string) string { return fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", o[0], o[1], o[2]) }
	case name == "coalesce" || name == "greatest" || name == "least" || name == "nullif":
		c.types = []string{"bool", args, args} // of which the last two are of one shape
		c.write = func(o []string) string { return fmt.Sprintf("%s(%s, %s)", strings.ToUpper(name), o[1], o[2]) }
	default:
		if dialect.IsAggregate(name) {
			c.kind = aggregateKind
		}
		c.write = func(o []string) string {
			list := strings.Join(o, ", ")
			if args == "*" {
				list = "*"
			}
			if distinct {
				list = "DISTINCT " + list
			}
			return fmt.Sprintf("%s(%s)", sqlparse.QuoteIdentifier(name), list)
		}
	}
	return c
}
