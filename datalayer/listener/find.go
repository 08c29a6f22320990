package listener

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// findTimeout bounds how long a look for outputs waits for a session of home.
const findTimeout = 100 * time.Millisecond

// findable reports whether outputs are answers to their arguments, for whoever has these.
func (k *kept) findable() bool {
	return !k.def.Flatten && k.model.Deterministic && len(k.model.Args) > 0
}

// hasHashIndex reports whether outputs are indexed by the hash of their input. Where that index was dropped, outputs are not
// looked at for predict.
func (k *kept) hasHashIndex(ctx context.Context, tx pgx.Tx) (has bool, err error) {
	if !k.findable() {
		return false, nil
	}
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisvalid AND i.indpred IS NULL AND a.attname = 'input_hash')`, k.outputs).Scan(&has)
	return has, err
}

// covering gives the listeners whose outputs may be answers of a version.
func (k *Keeper) covering(v *datalayer.ModelVersion) []*kept {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []*kept
	for _, t := range k.tasks {
		if t.kept != nil && t.kept.indexed && t.kept.model.Name == v.Name && t.kept.model.Version == v.Version {
			all = append(all, t.kept)
		}
	}
	slices.SortFunc(all, func(a, b *kept) int { return a.id - b.id })
	return all
}

// Of names the listeners that have outputs of a model version which are answers of predict, too.
func (k *Keeper) Of(v *datalayer.ModelVersion) []string {
	var names []string
	for _, one := range k.covering(v) {
		names = append(names, one.def.Name)
	}
	return names
}

// Find looks for answers of a model version among the outputs of listeners, by the hash of the arguments: an output with
// that hash and version is what the model answers, whatever has become of its row since. It gives the places in rows that
// have one, and the answers in the same order.
func (k *Keeper) Find(ctx context.Context, v *datalayer.ModelVersion, args []udf.Column, rows []int32) (found []int, answers udf.Column, err error) {
	answers = udf.NewColumn(v.Returns, 0)
	left := make([]int, len(rows)) // places in rows
	for i := range left {
		left[i] = i
	}
	for _, one := range k.covering(v) {
		if len(left) == 0 {
			break
		}
		got, err := k.findIn(ctx, one, args, rows, left, &answers)
		if err != nil {
			return nil, udf.Column{}, err
		}
		found = append(found, got...)
		there := make(map[int]bool, len(got))
		for _, place := range got {
			there[place] = true
		}
		left = slices.DeleteFunc(left, func(place int) bool { return there[place] })
	}
	return found, answers, nil
}

// findIn looks for some rows in one listener's outputs, and gives the places of those it has found.
func (k *Keeper) findIn(ctx context.Context, one *kept, args []udf.Column, rows []int32, places []int, answers *udf.Column) ([]int, error) {
	parameters := make([][]byte, len(args)+1)
	types := make([]uint32, len(args)+1)
	formats := make([]int16, len(args)+1)
	texts := udf.Column{Type: udf.Text}
	for a := range args {
		texts.Texts, texts.Nulls = nil, nil
		for _, place := range places {
			if args[a].Null(int(rows[place])) {
				if err := pgvalue.Copy(&texts, &texts, -1); err != nil {
					return nil, err
				}
				continue
			}
			text, err := pgvalue.AppendText(nil, &args[a], int(rows[place]), 1)
			if err != nil {
				return nil, err
			}
			texts.Texts = append(texts.Texts, string(text))
			if texts.Nulls != nil {
				texts.Nulls = append(texts.Nulls, false)
			}
		}
		list, err := pgvalue.AppendArray(nil, &texts, udf.Text.OID())
		if err != nil {
			return nil, err
		}
		parameters[a], types[a], formats[a] = list, udf.Text.ArrayOID(), pgvalue.BinaryFormat
	}
	last := len(args)
	parameters[last], types[last], formats[last] = binary.BigEndian.AppendUint32(nil, uint32(one.model.Version)), udf.Int4.OID(), pgvalue.BinaryFormat
	waiting, cancel := context.WithTimeout(ctx, findTimeout)
	conn, err := k.config.Pool.Acquire(waiting)
	cancel()
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	return readFound(ctx, conn, one, parameters, types, formats, places, answers)
}

// findText is the query of findIn: the place, from 1, and the output of each row that has one.
func (k *kept) findText() string {
	n := len(k.model.Args)
	values := each(n, ", ", func(i int) string { return fmt.Sprintf("v.a%d::%s", i, k.model.Args[i].Type) })
	lists := each(n, ", ", func(i int) string { return fmt.Sprintf("pg_catalog.unnest($%d)", i+1) })
	return fmt.Sprintf("SELECT v.place, o.output FROM ROWS FROM (%s) WITH ORDINALITY AS v(%s, place), LATERAL (SELECT t.output FROM %s AS t "+
		"WHERE t.input_hash = pg_catalog.sha256(pg_catalog.record_send(ROW((%d)::bigint, %s))) AND t.model_version = $%d LIMIT 1) AS o",
		lists, numbered(n, ", ", "a%d"), k.outputs, k.salt, values, n+1)
}

// readFound runs findText.
func readFound(ctx context.Context, conn *pgxpool.Conn, one *kept, parameters [][]byte, types []uint32, formats []int16, places []int, answers *udf.Column) ([]int, error) {
	returns := one.model.Returns
	decoder, err := pgvalue.NewDecoder(returns.OID(), returns)
	if err != nil {
		return nil, err
	}
	reader := conn.Conn().PgConn().ExecParams(ctx, one.findText(), parameters, types, formats, []int16{pgvalue.BinaryFormat, pgvalue.ArgFormat(returns.OID())})
	var found []int
	var failed error
	for reader.NextRow() {
		row := reader.Values()
		place := int(binary.BigEndian.Uint64(row[0])) - 1
		if failed != nil || place < 0 || place >= len(places) || reader.FieldDescriptions()[1].DataTypeOID != returns.OID() {
			continue
		}
		if failed = decoder.Append(answers, row[1]); failed == nil {
			found = append(found, places[place])
		}
	}
	if _, err := reader.Close(); err != nil {
		return nil, err
	}
	return found, failed
}
