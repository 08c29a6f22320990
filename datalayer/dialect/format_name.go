package dialect

import (
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// quoteName writes a name as PostgreSQL reads it back.
func quoteName(s string) string { return sqlparse.QuoteIdentifier(s) }

// quoteText writes a string constant.
func quoteText(s string) string { return sqlparse.QuoteLiteral(s) }

// quoteNames writes a list of names.
func quoteNames(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = quoteName(n)
	}
	return strings.Join(out, ", ")
}
