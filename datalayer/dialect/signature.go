package dialect

import "strings"

// Signature names what an engine's table has an entry for, with PostgreSQL's short names of the types (pg_type.typname):
// "int4 = int4", "- int4", "lower(text)", "sum(numeric)", "count(distinct text)", "int4::numeric". "" is an expression that
// needs no entry.
func Signature(e Expr) string {
	switch x := e.(type) {
	case *Operator:
		if x.Left == nil {
			return x.Name + " " + short(x.Right)
		}
		return short(x.Left) + " " + x.Name + " " + short(x.Right)
	case *ArrayOp:
		return short(x.Left) + " " + x.Name + " " + shortName(x.Array.ResultType().Elem().OID)
	case *Distinct:
		return short(x.Left) + " is distinct from " + short(x.Right)
	case *Call:
		if x.Schema != "" {
			return x.Schema + "." + x.Name + "(" + shorts(x.Args) + ")"
		}
		return x.Name + "(" + shorts(x.Args) + ")"
	case *Aggregate:
		switch {
		case x.Star:
			return x.Name + "(*)"
		case x.Distinct:
			return x.Name + "(distinct " + shorts(x.Args) + ")"
		}
		return x.Name + "(" + shorts(x.Args) + ")"
	case *Cast:
		if x.To.Mod >= 0 {
			return short(x.Arg) + "::" + shortName(x.To.OID) + "()"
		}
		return short(x.Arg) + "::" + shortName(x.To.OID)
	case *Case:
		return "case(" + shortName(x.Type.OID) + ")"
	case *Coalesce:
		return strings.ToLower(x.Name) + "(" + shortName(x.Type.OID) + ")"
	case *BoolTest:
		return "bool is " + strings.ToLower(notWord(x.Not)+x.Is)
	}
	return ""
}

func short(e Expr) string { return shortName(e.ResultType().OID) }

// shortName is pg_type.typname, with int4[] for arrays.
func shortName(oid uint32) string {
	i := postgres().types[oid]
	switch {
	case i == nil:
		return "unknown"
	case i.elem != 0:
		return shortName(i.elem) + "[]"
	}
	return i.name
}

func shorts(list []Expr) string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = short(e)
	}
	return strings.Join(out, ",")
}
