package listener

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// counts are what became of the rows of a batch.
type counts struct{ written, removed, failed int64 }

// result is what is to be written for the keys of a look.
type result struct {
	k *kept
	// keys of rows with answers, a slice a column; ordinals only where the listener flattens.
	keys     [][]string
	ordinals []int32
	outputs  []*string
	hashes   [][]byte
	// clear are keys whose outputs go, whether they get new ones or not.
	clear [][]string
	// empty and failed are rows that have no outputs; code and message are nil for those that are empty.
	marked        [][]string
	markedHashes  [][]byte
	codes, causes []*string
	// done are the queue's keys that were looked at, with their generations, and settled all keys whose marks go.
	done    [][]string
	gens    []int64
	settled [][]string

	counts counts
}

// newResult gathers what a look and its answers mean.
func newResult(k *kept, l *look, a *answers) (*result, error) {
	r := &result{k: k}
	for _, list := range []*[][]string{&r.keys, &r.clear, &r.marked, &r.done, &r.settled} {
		*list = make([][]string, len(k.key))
	}
	stale := 0
	for i, key := range l.keys {
		if l.gens[i] != 0 {
			appendKey(r.done, key)
			r.gens = append(r.gens, l.gens[i])
		}
		switch l.state[i] {
		case rowGone:
			appendKey(r.clear, key)
			appendKey(r.settled, key)
			r.counts.removed++
		case rowStale:
			if err := r.add(key, l.hashes[stale], a, stale); err != nil {
				return nil, err
			}
			stale++
		}
	}
	return r, nil
}

// appendKey adds a key to one slice a column.
func appendKey(to [][]string, key []string) {
	for i := range key {
		to[i] = append(to[i], key[i])
	}
}

// add notes what is to be written for one stale row.
func (r *result) add(key []string, hash []byte, a *answers, row int) error {
	if err := a.of(row); err != nil {
		r.mark(key, hash, err)
		return nil
	}
	values, at := &a.values, row
	if r.k.def.Flatten {
		appendKey(r.clear, key)
		element, n := elementsOf(&a.values, row, r.k.output)
		if n == 0 {
			r.mark(key, hash, nil)
			return nil
		}
		for i := range n {
			if err := r.output(key, hash, &element, i); err != nil {
				return err
			}
			r.ordinals = append(r.ordinals, int32(i+1))
		}
	} else if err := r.output(key, hash, values, at); err != nil {
		return err
	}
	appendKey(r.settled, key)
	r.counts.written++
	return nil
}

// output notes a row of the outputs.
func (r *result) output(key []string, hash []byte, values *udf.Column, row int) error {
	appendKey(r.keys, key)
	r.hashes = append(r.hashes, hash)
	if values.Null(row) {
		r.outputs = append(r.outputs, nil)
		return nil
	}
	text, err := pgvalue.AppendText(nil, values, row, 1)
	if err != nil {
		return err
	}
	s := string(text)
	r.outputs = append(r.outputs, &s)
	return nil
}

// mark notes a row that has no outputs: it failed, or it has none without an error.
func (r *result) mark(key []string, hash []byte, cause error) {
	appendKey(r.clear, key)
	appendKey(r.marked, key)
	r.markedHashes = append(r.markedHashes, hash)
	if cause == nil {
		r.codes, r.causes = append(r.codes, nil), append(r.causes, nil)
		r.counts.written++
		return
	}
	e := errorOf(r.k.model.Failure(cause))
	message := strings.ReplaceAll(strings.ToValidUTF8(e.Message, "\uFFFD"), "\x00", "\uFFFD")
	r.codes, r.causes = append(r.codes, &e.Code), append(r.causes, &message)
	r.counts.failed++
}

// elementsOf gives the elements of a list as a column, and their number: 0 for NULL.
func elementsOf(c *udf.Column, row int, t udf.Type) (udf.Column, int) {
	e := udf.Column{Type: t}
	if c.Null(row) {
		return e, 0
	}
	e.Nulls = c.ElementNulls(row)
	switch c.Type.Storage() {
	case udf.StoreBoolLists:
		e.Bools = c.BoolLists[row]
	case udf.StoreIntLists:
		e.Ints = c.IntLists[row]
	case udf.StoreFloatLists:
		e.Floats = c.FloatLists[row]
	case udf.StoreTextLists:
		e.Texts = c.TextLists[row]
	}
	return e, e.Len()
}

// queue adds the statements that write a result to a batch, which is one transaction.
func (r *result) queue(b *pgx.Batch) {
	if len(r.clear) > 0 && len(r.clear[0]) > 0 {
		b.Queue("DELETE FROM "+r.k.outputs+" t USING "+r.unnest(1, "")+" WHERE "+r.k.matches("t", r.k.own, "u"), arrays(r.clear)...)
	}
	if len(r.hashes) > 0 {
		r.queueOutputs(b)
	}
	if len(r.settled[0]) > 0 {
		b.Queue("DELETE FROM "+errorsOf(r.k.id)+" t USING "+r.unnest(1, "")+" WHERE "+r.k.matches("t", place, "u"), arrays(r.settled)...)
	}
	if len(r.markedHashes) > 0 {
		r.queueMarks(b)
	}
	if len(r.gens) > 0 {
		b.Queue("DELETE FROM "+queueOf(r.k.id)+" t USING "+r.unnest(1, "bigint gen")+" WHERE "+r.k.matches("t", place, "u")+" AND t.gen = u.gen", append(arrays(r.done), r.gens)...)
	}
}

// arrays are columns as arguments of a statement.
func arrays(columns [][]string) []any {
	args := make([]any, len(columns))
	for i := range columns {
		args[i] = columns[i]
	}
	return args
}

// unnest is the parameters from first on as the table u: the key, with its own types under the names k0…, and more columns,
// each written as its type and name.
func (r *result) unnest(first int, more ...string) string {
	n := len(r.k.key)
	var parameters, names, list []string
	for i := range n {
		parameters = append(parameters, "$"+itoa(first+i)+"::pg_catalog.text[]")
		names = append(names, place(i))
		list = append(list, "v."+place(i)+"::"+r.k.key[i].typ+" AS "+place(i))
	}
	at := first + n
	for _, m := range more {
		typ, name, ok := strings.Cut(m, " ")
		if !ok {
			continue
		}
		parameters = append(parameters, "$"+itoa(at)+"::"+typ+"[]")
		names, list = append(names, name), append(list, "v."+name)
		at++
	}
	return "(SELECT " + strings.Join(list, ", ") + " FROM ROWS FROM (" + each(len(parameters), ", ", func(i int) string { return "pg_catalog.unnest(" + parameters[i] + ")" }) +
		") AS v(" + strings.Join(names, ", ") + ") OFFSET 0) AS u"
}

// queueOutputs writes the outputs.
func (r *result) queueOutputs(b *pgx.Batch) {
	own, keys := each(len(r.k.key), ", ", r.k.own), numbered(len(r.k.key), ", ", "u.k%d")
	args := append(arrays(r.keys), r.outputs, r.hashes)
	more, ordinal, value, conflict := []string{"text output", "bytea hash"}, "", "", own
	if r.k.def.Flatten {
		more, args = append(more, "integer ordinal"), append(args, r.ordinals)
		ordinal, value, conflict = ", ordinal", ", u.ordinal", own+", ordinal"
	}
	b.Queue("INSERT INTO "+r.k.outputs+" AS t ("+own+ordinal+", output, model_version, updated_at, input_hash) SELECT "+keys+value+", u.output::"+r.k.output.String()+
		", "+itoa(r.k.model.Version)+", pg_catalog.now(), u.hash FROM "+r.unnest(1, more...)+
		" ON CONFLICT ("+conflict+") DO UPDATE SET output = excluded.output, model_version = excluded.model_version, updated_at = excluded.updated_at, input_hash = excluded.input_hash", args...)
}

// queueMarks writes the rows that have no outputs. A row that failed is tried again, later each time; one that failed for
// another input begins anew.
func (r *result) queueMarks(b *pgx.Batch) {
	places, keys := numbered(len(r.k.key), ", ", "k%d"), numbered(len(r.k.key), ", ", "u.k%d")
	same := "CASE WHEN t.input_hash = excluded.input_hash AND t.model_version = excluded.model_version THEN t.attempts ELSE 0 END"
	wait := func(attempts string) string {
		return "pg_catalog.now() + LEAST(" + itoa(int(maxRowBackoff/time.Second)) + ", pg_catalog.power(2, LEAST(" + attempts + ", 20))) * interval '1 second'"
	}
	b.Queue("INSERT INTO "+errorsOf(r.k.id)+" AS t ("+places+", input_hash, model_version, code, message, attempts, at, retry_at) SELECT "+keys+", u.hash, "+itoa(r.k.model.Version)+
		", u.code, u.message, 1, pg_catalog.now(), CASE WHEN u.code IS NOT NULL THEN "+wait("0")+" END FROM "+r.unnest(1, "bytea hash", "text code", "text message")+
		" ON CONFLICT ("+places+") DO UPDATE SET input_hash = excluded.input_hash, model_version = excluded.model_version, code = excluded.code, message = excluded.message, at = excluded.at, "+
		"attempts = 1 + "+same+", retry_at = CASE WHEN excluded.code IS NOT NULL THEN "+wait(same)+" END",
		append(arrays(r.marked), r.markedHashes, r.codes, r.causes)...)
}

// badValue reports whether home refused a value of the outputs.
func badValue(err error) bool {
	var raised *pgconn.PgError
	return errors.As(err, &raised) && (strings.HasPrefix(raised.Code, "22") || strings.HasPrefix(raised.Code, "23"))
}

// write writes what a look and its answers mean, and what else more adds to the transaction. Where home refuses a value of
// the outputs, the row that has it is searched by halves, and marked as failed.
func (k *kept) write(ctx context.Context, conn *pgx.Conn, l *look, a *answers, more func(b *pgx.Batch)) (counts, error) {
	for {
		r, err := newResult(k, l, a)
		if err != nil {
			return counts{}, err
		}
		err = send(ctx, conn, func(b *pgx.Batch) { r.queue(b); more(b) })
		if err == nil || !badValue(err) || r.counts.written == 0 {
			return r.counts, err
		}
		bad, cause, err := k.findBad(ctx, conn, l, a, err)
		if err != nil {
			return counts{}, err
		}
		a.fail(bad, cause)
	}
}

// findBad searches the stale row whose outputs home refuses, now that it has refused them together.
func (k *kept) findBad(ctx context.Context, conn *pgx.Conn, l *look, a *answers, cause error) (int, error, error) {
	var rows []int
	for i := range l.stale {
		if a.of(i) == nil {
			rows = append(rows, i)
		}
	}
	for len(rows) > 1 {
		half := rows[:len(rows)/2]
		err := k.try(ctx, conn, l, a, half)
		switch {
		case err == nil:
			rows = rows[len(half):]
		case badValue(err):
			rows, cause = half, err
		default:
			return 0, nil, err
		}
	}
	if len(rows) == 0 {
		return 0, nil, cause
	}
	return rows[0], cause, nil
}

// try writes some rows' outputs and undoes it.
func (k *kept) try(ctx context.Context, conn *pgx.Conn, l *look, a *answers, rows []int) error {
	part := &look{}
	values := udf.NewColumn(k.model.Returns, 0)
	for n, i := range rows {
		part.keys, part.state, part.gens = append(part.keys, l.keys[l.stale[i]]), append(part.state, rowStale), append(part.gens, 0)
		part.stale, part.hashes = append(part.stale, n), append(part.hashes, l.hashes[i])
		if err := pgvalue.Copy(&values, &a.values, i); err != nil {
			return err
		}
	}
	r, err := newResult(k, part, &answers{values: values})
	if err != nil {
		return err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	r.queue(b)
	err = tx.SendBatch(ctx, b).Close()
	if back := tx.Rollback(ctx); err == nil {
		err = back
	}
	return err
}

// send runs statements as one transaction and one message.
func send(ctx context.Context, conn *pgx.Conn, fill func(b *pgx.Batch)) error {
	b := &pgx.Batch{}
	fill(b)
	if b.Len() == 0 {
		return nil
	}
	return conn.SendBatch(ctx, b).Close()
}
