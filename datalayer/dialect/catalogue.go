package dialect

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// catalogueText holds PostgreSQL's own types, casts, operators, functions and aggregates; catalogue.sql says how it is made.
//
//go:embed catalogue.txt
var catalogueText string

// typeInfo is a line T: pg_type.
type typeInfo struct {
	oid         uint32
	name        string
	category    byte
	preferred   bool
	elem, array uint32
	// sqlName is the name that format_type gives.
	sqlName string
}

// castKey is a pair of types of pg_cast.
type castKey struct{ from, to uint32 }

// castInfo is a line C: castcontext (i implicit, a assignment, e explicit) and castmethod (b binary-coercible, f, i).
type castInfo struct{ context, method byte }

// signature is an operator, a function or an aggregate.
type signature struct {
	args   []uint32
	result uint32
	// kind is provolatile of a function (i, s, v), aggkind of an aggregate (n, o, h).
	kind byte
	// defaults is the number of trailing arguments that may be left out; variadic is the element type of the last one, 0
	// where there is none.
	defaults int
	variadic uint32
}

// catalogue is what Parse knows of pg_catalog.
type catalogue struct {
	types      map[uint32]*typeInfo
	byName     map[string]*typeInfo
	casts      map[castKey]castInfo
	operators  map[string][]signature
	functions  map[string][]signature
	aggregates map[string][]signature
}

// postgres reads the catalogue once.
var postgres = sync.OnceValue(func() *catalogue {
	c := &catalogue{types: map[uint32]*typeInfo{}, byName: map[string]*typeInfo{}, casts: map[castKey]castInfo{},
		operators: map[string][]signature{}, functions: map[string][]signature{}, aggregates: map[string][]signature{}}
	for line := range strings.Lines(catalogueText) {
		c.add(strings.Fields(line))
	}
	return c
})

// add takes in one line of catalogue.txt.
func (c *catalogue) add(f []string) {
	switch f[0] {
	case "T":
		t := &typeInfo{oid: oidOf(f[1]), name: f[2], category: f[3][0], preferred: f[4] == "t", elem: oidOf(f[5]), array: oidOf(f[6]),
			sqlName: strings.Join(f[7:], " ")}
		c.types[t.oid], c.byName[t.name] = t, t
	case "C":
		c.casts[castKey{oidOf(f[1]), oidOf(f[2])}] = castInfo{context: f[3][0], method: f[4][0]}
	case "O":
		c.operators[f[1]] = append(c.operators[f[1]], signature{args: []uint32{oidOf(f[2]), oidOf(f[3])}, result: oidOf(f[4])})
	case "F", "A":
		s := signature{result: oidOf(f[2]), kind: f[3][0], defaults: int(oidOf(f[4])), variadic: oidOf(f[5])}
		for _, a := range f[6:] {
			s.args = append(s.args, oidOf(a))
		}
		if f[0] == "A" {
			c.aggregates[f[1]] = append(c.aggregates[f[1]], s)
		} else {
			c.functions[f[1]] = append(c.functions[f[1]], s)
		}
	}
}

// oidOf reads a number of catalogue.txt.
func oidOf(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		panic("catalogue.txt: " + err.Error())
	}
	return uint32(n)
}

// IsAggregate says whether pg_catalog has an aggregate function of this name.
func IsAggregate(name string) bool { return len(postgres().aggregates[name]) > 0 }

// TypeNamed is the type that pg_type.typname calls so ("int4", "timestamptz"), the zero Type if there is none.
func TypeNamed(typname string) Type {
	if t := postgres().byName[typname]; t != nil {
		return scalar(t.oid)
	}
	return Type{}
}
