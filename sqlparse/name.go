package sqlparse

import (
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// identifier is the name that a token stands for, as PostgreSQL reads it: folded unless quoted, cut to 63 bytes; "" for
// a token that cannot be a name. U&"…" UESCAPE '…' takes three tokens and is not read here.
func identifier(text string, t Token) string {
	s := t.Span.Of(text)
	switch {
	case t.Kind == pg_query.Token_UIDENT:
		return decodeUnicode(s)
	case t.Kind == pg_query.Token_IDENT && s[0] == '"':
		return cutName(strings.ReplaceAll(s[1:len(s)-1], `""`, `"`))
	case t.Kind == pg_query.Token_IDENT || t.Keyword != pg_query.KeywordKind_NO_KEYWORD:
		return cutName(lowerASCII(s))
	}
	return ""
}

// decodeUnicode reads U&"…" (and, with its UESCAPE, whatever follows in s) through PostgreSQL's own grammar; "" if that
// refuses it.
func decodeUnicode(s string) string {
	tree, err := pg_query.Parse("SELECT " + s)
	if err != nil || len(tree.Stmts) != 1 {
		return ""
	}
	targets := tree.Stmts[0].Stmt.GetSelectStmt().GetTargetList()
	if len(targets) != 1 {
		return ""
	}
	fields := targets[0].GetResTarget().GetVal().GetColumnRef().GetFields()
	if len(fields) != 1 {
		return ""
	}
	return fields[0].GetString_().GetSval()
}

// stringConstant reads the content of a string constant, in any of its spellings, through PostgreSQL's own grammar.
func stringConstant(s string) (string, error) {
	tree, err := pg_query.Parse("SELECT " + s)
	if err != nil {
		return "", err
	}
	target := tree.Stmts[0].Stmt.GetSelectStmt().GetTargetList()[0].GetResTarget()
	return target.GetVal().GetAConst().GetSval().GetSval(), nil
}
