package listener

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// quote writes a name as SQL does, always in double quotes.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// literal writes a string constant of SQL. E” makes it independent of standard_conforming_strings.
func literal(text string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}

// each fills a format for each of n numbers, and joins the results.
func each(n int, separator string, f func(i int) string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = f(i)
	}
	return strings.Join(parts, separator)
}

// numbered is each with a format that takes the number, as often as it says %[1]d.
func numbered(n int, separator, format string) string {
	return each(n, separator, func(i int) string { return fmt.Sprintf(format, i) })
}

// itoa writes a number.
func itoa(n int) string { return strconv.Itoa(n) }
