package sqlparse

import (
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// maxNameBytes is how many bytes of a name PostgreSQL keeps (NAMEDATALEN - 1).
const maxNameBytes = 63

// QuoteIdentifier writes a name so that PostgreSQL reads it back as it is, with quotes only where they are needed, as
// quote_ident does.
func QuoteIdentifier(s string) string {
	if plainName(s) {
		res, err := pg_query.Scan(s)
		if err == nil && len(res.Tokens) == 1 {
			switch res.Tokens[0].KeywordKind {
			case pg_query.KeywordKind_NO_KEYWORD, pg_query.KeywordKind_UNRESERVED_KEYWORD:
				return s
			}
		}
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

func plainName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'a' <= c && c <= 'z' || c == '_' || i > 0 && '0' <= c && c <= '9' {
			continue
		}
		return false
	}
	return s != ""
}

// QuoteLiteral writes a string constant, as quote_literal does. It is right whatever standard_conforming_strings is:
// with a backslash in it the constant is E'…'.
func QuoteLiteral(s string) string {
	q := strings.ReplaceAll(s, "'", "''")
	if strings.ContainsRune(q, '\\') {
		return "E'" + strings.ReplaceAll(q, `\`, `\\`) + "'"
	}
	return "'" + q + "'"
}

// cutName cuts a name to the bytes that PostgreSQL keeps, at a character's border.
func cutName(s string) string {
	if len(s) <= maxNameBytes {
		return s
	}
	n := maxNameBytes
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
