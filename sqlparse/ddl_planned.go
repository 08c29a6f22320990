package sqlparse

import (
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// plannedComponent refuses the statements about components that this version does not have, with SQLSTATE 0A000. None of
// them is a statement that PostgreSQL could run. It gives nil for any other statement. w are the first words of toks.
func plannedComponent(w []string, toks []Token) error {
	verb, noun := w[0], w[1]
	switch {
	case verb == "create" && w[1] == "or" && w[2] == "replace":
		noun = w[3]
	case (verb == "grant" || verb == "revoke") && w[1] == "execute" && w[2] == "on" && w[3] == "model" && len(toks) > 4 && isName(toks[4]):
		return notYet(verb+" execute on model", toks)
	case (verb == "grant" || verb == "revoke") && w[1] == "create" && w[2] == "component":
		return notYet(verb+" create component", toks)
	}
	what := noun
	if noun == "vector" && (w[2] == "index" || w[2] == "indexes") {
		what = "vector " + w[2]
	}
	if _, ok := plannedVerbs[what][verb]; ok {
		return notYet(verb+" "+what, toks)
	}
	return nil
}

// verbs makes a set.
func verbs(list ...string) map[string]struct{} {
	m := map[string]struct{}{}
	for _, v := range list {
		m[v] = struct{}{}
	}
	return m
}

// plannedVerbs are the verbs that the component statements to come have for each noun.
var plannedVerbs = map[string]map[string]struct{}{
	"model":          verbs("validate"),
	"listener":       verbs("create", "alter", "drop", "refresh", "describe"),
	"vector index":   verbs("create", "alter", "drop", "describe"),
	"dataset":        verbs("create", "alter", "drop", "describe"),
	"metric":         verbs("create", "alter", "drop", "describe"),
	"secret":         verbs("create", "alter", "drop", "describe"),
	"listeners":      verbs("show"),
	"vector indexes": verbs("show"),
	"datasets":       verbs("show"),
	"metrics":        verbs("show"),
	"secrets":        verbs("show"),
	"jobs":           verbs("show"),
}

func notYet(what string, toks []Token) *Error {
	return &Error{Code: "0A000", Message: strings.ToUpper(what) + " is not supported by this version of pinnacle-proxy", Position: toks[0].Span.Start}
}

// isName reports whether a token can be a component's name: TO and a comma, say, cannot.
func isName(t Token) bool {
	return t.Kind == pg_query.Token_IDENT || t.Kind == pg_query.Token_UIDENT
}
