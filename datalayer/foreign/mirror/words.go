package mirror

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// maxName is the length of PostgreSQL's names in bytes.
const maxName = 63

// clip cuts a name that the proxy makes up to PostgreSQL's length; one that is cut ends in a digest of the whole.
func clip(name string) string {
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	end := maxName - 9
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + "_" + hex.EncodeToString(sum[:4])
}

// quoted is an identifier.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quotedList is a list of identifiers.
func quotedList(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = quoted(n)
	}
	return strings.Join(out, ", ")
}

// literal is a string constant, under standard_conforming_strings.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// typePattern allows what types are written with.
var typePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_ .]*(\([0-9, -]+\))?[A-Za-z ]*(\[\])*$`)

// typeName is a type as DDL says it; text stands for what is no type's name, which no engine gives.
func typeName(name string) string {
	if typePattern.MatchString(name) {
		return name
	}
	return "text"
}

// expression is a default that is one expression and nothing more, by PostgreSQL's own parser; "" for any other text.
func expression(sql string) string {
	if sql == "" {
		return ""
	}
	tree, err := pg_query.Parse("SELECT (" + sql + "\n)")
	if err != nil || len(tree.Stmts) != 1 {
		return ""
	}
	s := tree.Stmts[0].Stmt.GetSelectStmt()
	if s == nil || len(s.TargetList) != 1 || s.FromClause != nil || s.WhereClause != nil || s.Op != pg_query.SetOperation_SETOP_NONE {
		return ""
	}
	return sql
}

// actions are the words of a foreign key's actions.
var actions = []string{"CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT"}

// action is a foreign key's action; "" for NO ACTION.
func action(words string) string {
	if up := strings.ToUpper(words); slices.Contains(actions, up) {
		return up
	}
	return ""
}

// countable says which types PostgreSQL has identities of.
func countable(oid uint32) bool {
	return oid == pgtype.Int2OID || oid == pgtype.Int4OID || oid == pgtype.Int8OID
}

// The lengths of markers that a type must have room for.
const (
	textMarker    = 9
	numericMarker = 19
)

// marker is the value that stands for the engine's default, where the column's type has room for it.
func marker(c *dialect.Column) (string, bool) {
	mark, ok := dialect.Marker(c.Type.OID)
	if !ok {
		return "", false
	}
	switch mod := c.Type.Mod; c.Type.OID {
	case pgtype.VarcharOID:
		return mark, mod < 0 || mod-4 >= textMarker
	case pgtype.NumericOID:
		// The modifier is (precision << 16 | scale) + 4 (numeric.c, make_numeric_typmod).
		return mark, mod < 0 || (mod-4)>>16&0xffff-(mod-4)&0x7ff >= numericMarker
	}
	return mark, true
}

// unordered are the types without an ordering, which no index of PostgreSQL's usual kind can have: json, xml and the
// geometric ones.
var unordered = []uint32{pgtype.JSONOID, 142, pgtype.PointOID, pgtype.LsegOID, pgtype.PathOID, pgtype.BoxOID, pgtype.PolygonOID, pgtype.LineOID, pgtype.CircleOID}

// indexable says whether a key of columns can be shown.
func indexable(t *dialect.Table, columns []string) bool {
	if len(columns) == 0 || len(columns) > 32 {
		return false
	}
	for i, name := range columns {
		c := t.Column(name)
		if c == nil || slices.Contains(unordered, c.Type.OID) || slices.Contains(columns[:i], name) {
			return false
		}
	}
	return true
}
