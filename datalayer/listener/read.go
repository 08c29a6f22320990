package listener

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// What a row that was looked at is.
const (
	// rowFresh has its outputs.
	rowFresh = "f"
	// rowStale has to be asked for.
	rowStale = "s"
	// rowGone is a key that the source has not any more.
	rowGone = "g"
)

// look is what was read of some keys. Keys are in home's text form, values by column.
type look struct {
	keys  [][]string
	state []string
	// gens are the queue's generations; empty where the keys do not come from there.
	gens []int64
	// stale are the places of stale rows in keys, hashes their inputs' and args what the model is asked for, in their order.
	stale  []int
	hashes [][]byte
	args   []udf.Column
	// bytes is the size of what was read. cut says that the rows that followed were left out for their size; read is how
	// many there were with them.
	bytes int
	cut   bool
	read  int
}

// last is the last key.
func (l *look) last() []string { return l.keys[len(l.keys)-1] }

// inner is a query over rows of the source with the columns k0…, a0… and h, the hash of the input; tail is what follows
// FROM.
func (k *kept) inner(tail string) string {
	columns := each(len(k.key), ", ", func(i int) string { return fmt.Sprintf("%s AS k%d", quote(k.key[i].name), i) })
	values := ""
	for i, a := range k.arguments {
		columns += fmt.Sprintf(", %s AS a%d", a, i)
		values += fmt.Sprintf(", x.a%d", i)
	}
	// OFFSET 0 keeps home from computing hashes and arguments more than once.
	return fmt.Sprintf("SELECT x.*, pg_catalog.sha256(pg_catalog.record_send(ROW((%d)::bigint%s))) AS h FROM (SELECT %s FROM %s%s OFFSET 0) AS x OFFSET 0",
		k.salt, values, columns, k.from, tail)
}

// freshText says whether the row r, found under the key in q, is fresh; the outputs and errors beside it are joined as
// joinText does.
func (k *kept) freshText() string {
	return fmt.Sprintf("(coalesce(o.input_hash = r.h AND o.model_version = %[1]d, false) OR coalesce(e.input_hash = r.h AND e.model_version = %[1]d AND (e.retry_at IS NULL OR e.retry_at > pg_catalog.now()), false))",
		k.model.Version)
}

// joinText joins what there is of a key beside the row: LATERAL and OFFSET 0 make home look each up by the index, whatever
// it believes of the tables' sizes.
func (k *kept) joinText(q string) string {
	one := ""
	if k.def.Flatten {
		one = " AND t.ordinal = 1"
	}
	return " LEFT JOIN LATERAL (SELECT t.input_hash, t.model_version FROM " + k.outputs + " t WHERE " + k.matches("t", k.own, q) + one + " OFFSET 0) AS o ON true" +
		" LEFT JOIN LATERAL (SELECT t.input_hash, t.model_version, t.retry_at FROM " + errorsOf(k.id) + " t WHERE " + k.matches("t", place, q) + " OFFSET 0) AS e ON true"
}

// matches compares the key's columns of a table, named by f, with those k0… of q.
func (k *kept) matches(t string, f func(i int) string, q string) string {
	return each(len(k.key), " AND ", func(i int) string { return fmt.Sprintf("%s.%s = %s.k%d", t, f(i), q, i) })
}

// resultText is the query of all looks: the keys of q, state and gen, the hash and the arguments of stale rows r.
func (k *kept) resultText(q, state, gen, from string) string {
	text := "SELECT " + each(len(k.key), ", ", func(i int) string { return fmt.Sprintf("%s.k%d::pg_catalog.text", q, i) }) + ", s.state, " + gen +
		", CASE WHEN s.state = 's' THEN r.h END"
	for i := range k.arguments {
		text += fmt.Sprintf(", CASE WHEN s.state = 's' THEN r.a%d END", i)
	}
	return text + " FROM " + from + ", LATERAL (SELECT " + state + " AS state OFFSET 0) AS s"
}

// queueText looks at the n keys that have been waiting longest.
func (k *kept) queueText(n int) string {
	where := " WHERE " + each(len(k.key), " AND ", func(i int) string { return fmt.Sprintf("%s = pinnacle_q.k%d", quote(k.key[i].name), i) })
	from := fmt.Sprintf("(SELECT * FROM %s ORDER BY gen LIMIT %d) AS pinnacle_q LEFT JOIN LATERAL (%s) AS r ON true", queueOf(k.id), n, k.inner(where)) + k.joinText("pinnacle_q")
	state := "CASE WHEN r.k0 IS NULL THEN 'g' WHEN " + k.freshText() + " THEN 'f' ELSE 's' END"
	return k.resultText("pinnacle_q", state, "pinnacle_q.gen", from) + " ORDER BY pinnacle_q.gen"
}

// windowText looks at the n keys behind after, in their order; from the first one where after is nil.
func (k *kept) windowText(after []string, n int) string {
	names := each(len(k.key), ", ", func(i int) string { return quote(k.key[i].name) })
	where := each(len(k.key), " AND ", func(i int) string { return quote(k.key[i].name) + " IS NOT NULL" })
	if after != nil {
		where += " AND " + k.behind(names, after, ">")
	}
	from := fmt.Sprintf("(%s) AS r", k.inner(fmt.Sprintf(" WHERE %s ORDER BY %s LIMIT %d", where, names, n))) + k.joinText("r")
	state := "CASE WHEN " + k.freshText() + " THEN 'f' ELSE 's' END"
	return k.resultText("r", state, "0::bigint", from) + " ORDER BY " + numbered(len(k.key), ", ", "r.k%d")
}

// behind compares columns with a key in its text form.
func (k *kept) behind(columns string, key []string, operator string) string {
	values := each(len(key), ", ", func(i int) string { return literal(key[i]) + "::" + k.key[i].typ })
	return "(" + columns + ") " + operator + " (" + values + ")"
}

// staleText gives every row of the source that is stale, in no order; for sources without an index over their key.
func (k *kept) staleText() string {
	one := ""
	if k.def.Flatten {
		one = " AND o.ordinal = 1"
	}
	from := "(" + k.inner("") + ") AS r LEFT JOIN " + k.outputs + " AS o ON " + k.matches("o", k.own, "r") + one +
		" LEFT JOIN " + errorsOf(k.id) + " AS e ON " + k.matches("e", place, "r")
	state := "CASE WHEN " + k.freshText() + " THEN 'f' ELSE 's' END"
	return k.resultText("r", state, "0::bigint", from) + " WHERE s.state = 's' AND " + numbered(len(k.key), " AND ", "r.k%d IS NOT NULL")
}

// readLook runs a statement of resultText's form. Of rows that are more than most bytes, the rest is left out: there is
// always one.
func (k *kept) readLook(ctx context.Context, conn *pgconn.PgConn, text string, most int) (*look, error) {
	keys := len(k.key)
	formats := make([]int16, 0, keys+3+len(k.oids))
	for range keys + 1 {
		formats = append(formats, pgvalue.TextFormat)
	}
	formats = append(formats, pgvalue.BinaryFormat, pgvalue.BinaryFormat)
	decoders := make([]pgvalue.Decoder, len(k.oids))
	l := &look{args: make([]udf.Column, len(k.oids))}
	for i, oid := range k.oids {
		l.args[i] = udf.NewColumn(k.model.Args[i].Type, 0)
		d, err := pgvalue.NewDecoder(oid, k.model.Args[i].Type)
		if err != nil {
			return nil, err
		}
		decoders[i], formats = d, append(formats, pgvalue.ArgFormat(oid))
	}
	reader := conn.ExecParams(ctx, text, nil, nil, nil, formats)
	var failed error
	for reader.NextRow() {
		l.read++
		v := reader.Values()
		size := 0
		for _, value := range v {
			size += len(value)
		}
		l.cut = l.cut || l.read > 1 && l.bytes+size > most
		if l.cut || failed != nil {
			continue
		}
		l.bytes += size
		failed = k.addRow(l, v, reader.FieldDescriptions(), decoders)
	}
	if _, err := reader.Close(); err != nil {
		return nil, withoutPosition(err)
	}
	return l, failed
}

// addRow adds a row of resultText.
func (k *kept) addRow(l *look, v [][]byte, fields []pgconn.FieldDescription, decoders []pgvalue.Decoder) error {
	keys := len(k.key)
	key := make([]string, keys)
	for i := range key {
		key[i] = string(v[i])
	}
	l.keys, l.state = append(l.keys, key), append(l.state, string(v[keys]))
	l.gens = append(l.gens, int64(binary.BigEndian.Uint64(v[keys+1])))
	if l.state[len(l.state)-1] != rowStale {
		return nil
	}
	l.stale, l.hashes = append(l.stale, len(l.keys)-1), append(l.hashes, append([]byte(nil), v[keys+2]...))
	for i, d := range decoders {
		if at := keys + 3 + i; fields[at].DataTypeOID != k.oids[i] {
			return errRetyped
		} else if err := d.Append(&l.args[i], v[at]); err != nil {
			return err
		}
	}
	return nil
}

// errRetyped says that the source is not what it was when it was analysed.
var errRetyped = fault("55000", "the source of the listener has changed its types", "")
