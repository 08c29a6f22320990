package dialect

import (
	"fmt"
	"strconv"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// ParseType reads a type's name as SQL says it: "numeric(20,0)", "timestamp(3) without time zone", "text[]". A type that
// pg_catalog does not have is the zero Type; an error is a text that is no type's name.
func ParseType(name string) (Type, error) {
	tree, err := pg_query.Parse("SELECT NULL::" + name)
	if err != nil || len(tree.Stmts) != 1 {
		return Type{}, &ParseError{Code: "42601", Message: fmt.Sprintf("%q is not the name of a type", name)}
	}
	targets := tree.Stmts[0].Stmt.GetSelectStmt().GetTargetList()
	if len(targets) != 1 {
		return Type{}, &ParseError{Code: "42601", Message: fmt.Sprintf("%q is not the name of a type", name)}
	}
	cast := targets[0].GetResTarget().GetVal().GetTypeCast()
	if cast == nil {
		return Type{}, &ParseError{Code: "42601", Message: fmt.Sprintf("%q is not the name of a type", name)}
	}
	return typeOf(cast.TypeName), nil
}

// typeOf is the Type of a parsed name, zero where pg_catalog does not have it.
func typeOf(n *pg_query.TypeName) Type {
	names := n.GetNames()
	if len(names) == 2 && names[0].GetString_().GetSval() != "pg_catalog" || len(names) == 0 || len(names) > 2 {
		return Type{}
	}
	t := postgres().byName[names[len(names)-1].GetString_().GetSval()]
	if t == nil {
		return Type{}
	}
	mod := modifierOf(t.oid, n.Typmods)
	if len(n.ArrayBounds) > 0 {
		return Type{OID: t.array, Mod: mod}
	}
	return Type{OID: t.oid, Mod: mod}
}

// modifierOf is the pg_attribute.atttypmod that a type's typmodin function makes of its arguments.
func modifierOf(oid uint32, args []*pg_query.Node) int32 {
	var n []int32
	for _, a := range args {
		c := a.GetAConst()
		if c == nil || c.GetIval() == nil {
			return -1
		}
		n = append(n, c.GetIval().GetIval())
	}
	if len(n) == 0 {
		return -1
	}
	switch oid {
	case oidNumeric:
		scale := int32(0)
		if len(n) > 1 {
			scale = n[1]
		}
		return n[0]<<16 | scale&0x7ff + 4
	case oidVarchar, oidBPChar:
		return n[0] + 4
	case oidInterval:
		if len(n) > 1 {
			return n[1]&0xffff | n[0]<<16
		}
		return n[0] << 16
	}
	return n[0]
}

// Numeric takes the modifier of a numeric type apart; ok is false where it has none.
func (t Type) Numeric() (precision, scale int, ok bool) {
	if t.OID != oidNumeric || t.Mod < 4 {
		return 0, 0, false
	}
	mod := t.Mod - 4
	return int(mod >> 16 & 0xffff), int((mod&0x7ff)^1024) - 1024, true
}

// Elem is the type of an array's elements, with the array's modifier; the zero Type for what is no array.
func (t Type) Elem() Type {
	if i := postgres().types[t.OID]; i != nil && i.elem != 0 {
		return Type{OID: i.elem, Mod: t.Mod}
	}
	return Type{}
}

// String is the type's name as format_type writes it, "unknown" for the zero Type and for what pg_catalog does not have.
func (t Type) String() string {
	if e := t.Elem(); e.OID != 0 {
		return e.String() + "[]"
	}
	i := postgres().types[t.OID]
	if i == nil {
		return "unknown"
	}
	if t.Mod < 0 {
		if t.OID == oidBPChar {
			return "bpchar" // "character" would be character(1)
		}
		return i.sqlName
	}
	return i.modified(t)
}

// modified writes a type with its modifier.
func (i *typeInfo) modified(t Type) string {
	switch t.OID {
	case oidNumeric:
		p, s, _ := t.Numeric()
		return fmt.Sprintf("numeric(%d,%d)", p, s)
	case oidVarchar, oidBPChar:
		return fmt.Sprintf("%s(%d)", i.sqlName, t.Mod-4)
	case oidTimestamp, oidTimestamptz, oidTime, oidTimetz:
		first, rest, _ := strings.Cut(i.sqlName, " ")
		return fmt.Sprintf("%s(%d) %s", first, t.Mod, rest)
	case oidInterval:
		return "interval" + intervalFields(t.Mod)
	}
	return i.sqlName + "(" + strconv.Itoa(int(t.Mod)) + ")"
}

// intervalFields writes the fields and the precision of an interval (timestamp.c, intervaltypmodout).
func intervalFields(mod int32) string {
	fields := map[int32]string{
		1 << 2: " year", 1 << 1: " month", 1 << 3: " day", 1 << 10: " hour", 1 << 11: " minute", 1 << 12: " second",
		1<<2 | 1<<1: " year to month", 1<<3 | 1<<10: " day to hour", 1<<3 | 1<<10 | 1<<11: " day to minute",
		1<<3 | 1<<10 | 1<<11 | 1<<12: " day to second", 1<<10 | 1<<11: " hour to minute",
		1<<10 | 1<<11 | 1<<12: " hour to second", 1<<11 | 1<<12: " minute to second",
	}
	out := fields[mod>>16&0x7fff]
	if p := mod & 0xffff; p != 0xffff {
		out += fmt.Sprintf("(%d)", p)
	}
	return out
}

// qualified writes a name with its schema.
func qualified(names []*pg_query.Node) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = quoteName(n.GetString_().GetSval())
	}
	return strings.Join(out, ".")
}
