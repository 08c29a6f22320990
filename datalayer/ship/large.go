package ship

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Large is a temporary table of home that has the answers of one function for one statement, where they are too many for
// the parameters of an expression. It goes with the transaction.
type Large struct {
	function *planner.Function
	name     string
	// plain says that the key is the argument itself, of a type in which values that are equal are the same to a model. Else it
	// is the record of the arguments, or its SHA-256, as the function makes it.
	plain bool
	// Rows is the number of answers in it.
	Rows int
}

// NewLarge names a table that is not there yet.
func NewLarge(f *planner.Function) *Large {
	return &Large{function: f, name: fmt.Sprintf("pinnacle_large_%016x", rand.Uint64()), plain: len(f.Model.Args) == 1 && exact(f.Model.Args[0].Type)}
}

// exact reports whether values of a type that PostgreSQL takes for equal are the same to a model. Texts are compared by
// their bytes.
func exact(t udf.Type) bool {
	switch t {
	case udf.Bool, udf.Int2, udf.Int4, udf.Int8, udf.Date, udf.Time, udf.Timestamp, udf.Timestamptz, udf.UUID, udf.Text:
		return true
	}
	return false
}

// text reports whether the key is a text, which may be too long for an index of PostgreSQL's.
func (l *Large) text() bool { return l.plain && l.function.Model.Args[0].Type == udf.Text }

// Create is the statement that makes the table.
func (l *Large) Create() string {
	key := "pg_catalog.bytea"
	switch {
	case l.text():
		key = `pg_catalog.text COLLATE pg_catalog."C"`
	case l.plain:
		key = l.function.Model.Args[0].Type.String()
	}
	return "CREATE TEMPORARY TABLE " + l.name + " (pinnacle_key " + key + ", pinnacle_answer " + Returns(l.function).String() + ") ON COMMIT DROP"
}

// Give lists the queries that put answers into the table. No arguments may be given twice.
func (l *Large) Give(keys [][]byte, args []udf.Column, answers *udf.Column) ([]stream.Query, error) {
	var queries []stream.Query
	for from := 0; from < len(keys); from += giveRows {
		to := min(from+giveRows, len(keys))
		list, keyCast, key := udf.Bytea.ArrayOID(), "", []byte(nil)
		var err error
		if l.plain {
			list, key, keyCast, err = valuesOf(&pgvalue.Slice(args, from, to)[0])
		} else {
			bare := make([][]byte, to-from)
			for i, k := range keys[from:to] {
				bare[i] = k[prefixSize:]
			}
			key, err = pgvalue.AppendArray(nil, &udf.Column{Type: udf.Bytea, Bytes: bare}, udf.Bytea.OID())
		}
		if err != nil {
			return nil, err
		}
		array, values, cast, err := valuesOf(&pgvalue.Slice([]udf.Column{*answers}, from, to)[0])
		if err != nil {
			return nil, err
		}
		queries = append(queries, stream.Query{
			Text:  "INSERT INTO pg_temp." + l.name + " SELECT k" + keyCast + ", a" + cast + " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS r(k, a)",
			Types: []uint32{list, array}, Params: [][]byte{key, values},
		})
	}
	l.Rows += len(keys)
	return queries, nil
}

// Ready lists the statements after which home looks answers up fast.
func (l *Large) Ready() []string {
	index := "CREATE UNIQUE INDEX ON pg_temp." + l.name + " (pinnacle_key)"
	if l.text() {
		index = "CREATE INDEX ON pg_temp." + l.name + " (pg_catalog.hashtextextended(pinnacle_key, 0))"
	}
	return []string{index, "ANALYZE pg_temp." + l.name}
}

// Drop is the statement that removes the table.
func (l *Large) Drop() string { return "DROP TABLE IF EXISTS pg_temp." + l.name }

// Pay is the statement that gives the function what the table has, for statements in which calls of it stand.
func (l *Large) Pay() string {
	key := "pinnacle_key"
	if l.plain {
		key = recordKey([]string{"pinnacle_key"})
	}
	return "INSERT INTO pg_temp." + answersTable(l.function) + " SELECT '\\x" + fmt.Sprintf("%x", prefix(l.function)) + "'::pg_catalog.bytea OPERATOR(pg_catalog.||) " + key +
		", pinnacle_answer FROM pg_temp." + l.name + " ON CONFLICT DO NOTHING"
}

// recordKey is the expression for the key that a function knows arguments by, without its prefix.
func recordKey(args []string) string {
	record := "pg_catalog.record_send(ROW(" + strings.Join(args, ", ") + "))"
	return "CASE WHEN pg_catalog.octet_length(" + record + ") OPERATOR(pg_catalog.>) " + fmt.Sprint(longKey) + " THEN pg_catalog.sha256(" + record + ") ELSE " + record + " END"
}

// found is the condition that a row of the table, known as alias, is that of the arguments.
func (l *Large) found(alias string, args []string) string {
	typed := make([]string, len(args))
	for i, a := range args {
		typed[i] = "(" + a + ")::" + l.function.Model.Args[i].Type.String()
	}
	key := alias + ".pinnacle_key"
	switch {
	case l.text():
		text := "((" + args[0] + `)::pg_catalog.text COLLATE pg_catalog."C")`
		return "pg_catalog.hashtextextended(" + key + ", 0) OPERATOR(pg_catalog.=) pg_catalog.hashtextextended(" + text + ", 0) AND " + key + " OPERATOR(pg_catalog.=) " + text
	case l.plain:
		return key + " OPERATOR(pg_catalog.=) (" + typed[0] + ")"
	}
	return key + " OPERATOR(pg_catalog.=) " + recordKey(typed)
}

// Join is what stands behind the FROM of a query so that each of its rows has the answer of its arguments beside it, and
// Joined the expression for this answer; NULL where the table has none.
func (l *Large) Join(args []string) string {
	return " LEFT JOIN pg_temp." + l.name + " ON " + l.found(l.name, args)
}

// Joined is described at Join.
func (l *Large) Joined() string { return l.name + ".pinnacle_answer" }

// Looked is the expression that looks the answer of arguments up, wherever it stands; NULL where the table has none.
func (l *Large) Looked(args []string) string {
	const alias = "pinnacle_l"
	return "(SELECT " + alias + ".pinnacle_answer FROM pg_temp." + l.name + " AS " + alias + " WHERE " + l.found(alias, args) + " LIMIT 1)"
}
