package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/vector"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// fetchRows is the number of rows whose vectors are read at once.
const fetchRows = 512

// stale is a row that has to be read anew.
type stale struct {
	key, ctid string
	tag       uint64
}

// scan brings the index up to date with the table, in one snapshot of it, which it gives.
func (x *index) scan(ctx context.Context, s *source, upkeep *sync.WaitGroup) (mark string, err error) {
	err = x.snapshot(ctx, func(tx pgx.Tx, now string) error {
		mark = now
		return x.scanWithin(ctx, tx, s, upkeep)
	})
	return mark, err
}

// snapshot runs do in one snapshot of home; it is given that as pg_visible_in_snapshot takes it, "" where home has no such.
func (x *index) snapshot(ctx context.Context, do func(tx pgx.Tx, now string) error) error {
	return x.keeper.config.Pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		return pgx.BeginTxFunc(ctx, c, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			now := ""
			if x.capture != nil {
				if err := tx.QueryRow(ctx, "SELECT pg_catalog.pg_current_snapshot()::pg_catalog.text").Scan(&now); err != nil {
					return err
				}
			}
			return do(tx, now)
		})
	})
}

// asOwner has what the expression does be done as the index's owner, where the pool's role may be that.
func (x *index) asOwner(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_catalog.set_config('role', rolname, true) FROM pg_catalog.pg_roles WHERE rolname = $1 AND pg_catalog.pg_has_role(oid, 'MEMBER')`, x.owner)
	return err
}

// scanWithin reads the keys, removes what is gone and takes what is new or changed.
func (x *index) scanWithin(ctx context.Context, tx pgx.Tx, s *source, upkeep *sync.WaitGroup) error {
	if err := x.asOwner(ctx, tx); err != nil {
		return err
	}
	dimension, err := x.dimension(ctx, tx, s)
	if err != nil || dimension == 0 {
		return err
	}
	store, err := x.open(ctx, s, dimension, upkeep)
	if err != nil {
		return err
	}
	if home, is := store.(*atHome); is {
		if l, err := home.lead(ctx, x.reader()); err != nil || !l.mine {
			return errors.Join(err, x.behind(ctx, home, l))
		}
	}
	left, err := store.tags(ctx)
	if err != nil {
		return err
	}
	var changed []stale
	rows, err := tx.Query(ctx, "SELECT "+keyText(s.key, "")+", t.xmin::pg_catalog.text, t.ctid::pg_catalog.text FROM "+s.table+" AS t WHERE "+s.vector+" IS NOT NULL")
	if err != nil {
		return err
	}
	var r stale
	var xmin string
	made := x.made(ctx, s)
	_, err = pgx.ForEachRow(rows, []any{&r.key, &xmin, &r.ctid}, func() error {
		r.tag = tagOf(xmin, r.ctid, made)
		if tag, there := left[r.key]; !there || tag != r.tag {
			changed = append(changed, r)
		}
		delete(left, r.key)
		return nil
	})
	if err != nil {
		return err
	}
	var gone []vector.Change
	for key := range left {
		gone = append(gone, vector.Change{Key: key})
	}
	if err := x.apply(ctx, store, gone); err != nil {
		return err
	}
	skipped := int64(0)
	for chunk := range slices.Chunk(changed, fetchRows) {
		bad, err := x.take(ctx, tx, s, store, chunk)
		if err != nil {
			return err
		}
		skipped += bad
	}
	if err := store.scanned(ctx); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if skipped > 0 && skipped != x.skipped {
		x.keeper.config.Logger.Warn("rows of a vector index have no vector that fits", "index", x.name, "rows", skipped)
	}
	x.skipped = skipped
	return nil
}

// errBehind: another proxy is building the index.
var errBehind = errors.New("vector index is being built by another proxy")

// behind is what there is to do for a proxy that does not keep an index at home: nothing, but to wait until it is built.
func (x *index) behind(ctx context.Context, home *atHome, l lease) error {
	if !l.built {
		return errBehind
	}
	x.changed()
	return home.counted(ctx)
}

// changed notes that the index holds something else now.
func (x *index) changed() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.revision++
}

// made says what makes vectors of texts: another model makes other vectors.
func (x *index) made(ctx context.Context, s *source) string {
	if !s.text {
		return ""
	}
	return x.keeper.modelHash(ctx, s)
}

// tagOf marks a row's version.
func tagOf(xmin, ctid, made string) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, xmin, ctid, made)
	return h.Sum64()
}

// catchUp takes the rows whose keys were noted since the index's mark. It reports false where the table is to be scanned.
func (x *index) catchUp(ctx context.Context, s *source, c *capture) (done bool, err error) {
	store := x.holder()
	if store == nil {
		return false, nil
	}
	if home, is := store.(*atHome); is {
		l, err := home.lead(ctx, x.reader())
		if err != nil || l.mine && !l.before {
			return false, err
		}
		if !l.mine {
			if err := x.snapshot(ctx, func(_ pgx.Tx, now string) error { c.mark = now; return nil }); err != nil {
				return false, err
			}
			return true, errors.Join(x.behind(ctx, home, l), c.seen(ctx, x.keeper.config.Pool, x))
		}
	}
	mark := ""
	err = x.snapshot(ctx, func(tx pgx.Tx, now string) error {
		rows, err := tx.Query(ctx, "SELECT DISTINCT key FROM "+c.changes()+" WHERE NOT pg_catalog.pg_visible_in_snapshot(xid, $1::pg_catalog.pg_snapshot) LIMIT $2", c.mark, mostChanged+1)
		if err != nil {
			return err
		}
		keys, err := pgx.CollectRows(rows, pgx.RowTo[*string])
		if err != nil || len(keys) > mostChanged || slices.Contains(keys, nil) {
			return err
		}
		if err := x.asOwner(ctx, tx); err != nil {
			return err
		}
		for chunk := range slices.Chunk(keys, fetchRows) {
			if err := x.takeKeys(ctx, tx, s, store, chunk); err != nil {
				return err
			}
		}
		mark = now
		return nil
	})
	if err != nil || mark == "" {
		return false, err
	}
	c.mark = mark
	return true, c.seen(ctx, x.keeper.config.Pool, x)
}

// takeKeys takes the rows of some keys as they are now. What a key is in another session's settings, as the time of a time
// zone, it is in those of this session afterwards.
func (x *index) takeKeys(ctx context.Context, tx pgx.Tx, s *source, store holder, keys []*string) error {
	columns, equal := make([]string, len(s.key)), make([]string, len(s.key))
	own := make([]Column, len(s.key))
	for i, k := range s.key {
		own[i] = Column{Name: fmt.Sprintf("c%d", i)}
		columns[i], equal[i] = own[i].Name+" "+k.Type, "t."+k.Name+" = noted."+own[i].Name
	}
	list := []byte{'['}
	for i, key := range keys {
		var values []json.RawMessage
		if err := json.Unmarshal([]byte(*key), &values); err != nil || len(values) != len(s.key) {
			return fmt.Errorf("a key of vector index %q was noted that is none: %w", x.name, err)
		}
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, '{')
		for j, v := range values {
			if j > 0 {
				list = append(list, ',')
			}
			list = fmt.Appendf(list, `"c%d":%s`, j, v)
		}
		list = append(list, '}')
	}
	rows, err := tx.Query(ctx, "SELECT "+keyText(own, "noted.")+", r.version, r.place, r.vector FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS noted("+strings.Join(columns, ", ")+
		") LEFT JOIN LATERAL (SELECT t.xmin::pg_catalog.text AS version, t.ctid::pg_catalog.text AS place, "+s.vector+" AS vector FROM "+s.table+" AS t WHERE "+strings.Join(equal, " AND ")+") AS r ON true", string(append(list, ']')))
	if err != nil {
		return err
	}
	made := x.made(ctx, s)
	_, err = x.read(ctx, s, store, rows, func(key string, extra []*string) (uint64, bool) {
		if extra[0] == nil || extra[1] == nil {
			return 0, true
		}
		return tagOf(*extra[0], *extra[1], made), true
	}, 2)
	return err
}

// apply changes the vectors, and counts.
func (x *index) apply(ctx context.Context, store holder, changes []vector.Change) error {
	if len(changes) == 0 {
		return nil
	}
	err := store.apply(ctx, changes)
	x.changed()
	if errors.Is(err, vector.ErrFull) {
		return &datalayer.Error{Code: "53000", Message: fmt.Sprintf("vector index %q is full: %v", x.name, err), Hint: "Raise the setting vector_max_bytes.", Err: err}
	}
	return err
}

// take reads the vectors of some rows and puts them into the store. Rows that have none that fits are counted, and are not
// in the index then.
func (x *index) take(ctx context.Context, tx pgx.Tx, s *source, store holder, chunk []stale) (bad int64, err error) {
	ctids := make([]string, len(chunk))
	tags := make(map[string]uint64, len(chunk))
	for i, r := range chunk {
		ctids[i], tags[r.key] = r.ctid, r.tag
	}
	rows, err := tx.Query(ctx, "SELECT "+keyText(s.key, "")+", "+s.vector+" FROM "+s.table+" AS t WHERE t.ctid = ANY ($1::pg_catalog.text[]::pg_catalog.tid[])", ctids)
	if err != nil {
		return 0, err
	}
	return x.read(ctx, s, store, rows, func(key string, _ []*string) (uint64, bool) {
		tag, wanted := tags[key] // not of another partition, with the same ctid
		return tag, wanted
	}, 0)
}

// read reads rows of a key, some texts and a vector, or a text that a model makes one of, and puts them into the store; a row
// without either is taken out. tagOf gives a row's tag, and whether it is wanted. Rows of which the vector does not fit are
// counted, and are not in the index then.
func (x *index) read(ctx context.Context, s *source, store holder, rows pgx.Rows, tagOf func(key string, extra []*string) (uint64, bool), extras int) (bad int64, err error) {
	defer rows.Close()
	var changes []vector.Change
	var texts []string
	var textOf []int // the change that each text is for
	place := map[string]int{}
	for rows.Next() {
		var key string
		var components []*float32
		var text *string
		extra := make([]*string, extras)
		into := []any{&key}
		for i := range extra {
			into = append(into, &extra[i])
		}
		if s.text {
			into = append(into, &text)
		} else {
			into = append(into, &components)
		}
		if err := rows.Scan(into...); err != nil {
			return 0, err
		}
		tag, wanted := tagOf(key, extra)
		if _, twice := place[key]; !wanted || twice {
			continue
		}
		place[key] = len(changes)
		if s.text && text != nil {
			texts, textOf = append(texts, *text), append(textOf, len(changes))
		}
		changes = append(changes, vector.Change{Key: key, Tag: tag, Vector: filled(components)})
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	if len(texts) > 0 {
		vectors, err := x.keeper.embed(ctx, s, texts)
		if err != nil {
			return 0, err
		}
		for i := range vectors {
			changes[textOf[i]].Vector = vectors[i]
		}
	}
	for i := range changes {
		if changes[i].Vector == nil {
			continue
		}
		if err := store.Check(changes[i].Vector); err != nil { // the row's old vector is not its own any more
			changes[i].Vector = nil
			bad++
		}
	}
	return bad, x.apply(ctx, store, changes)
}

// filled takes the components of an array; nil where it or one of them is NULL.
func filled(components []*float32) []float32 {
	if components == nil {
		return nil
	}
	v := make([]float32, len(components))
	for i, c := range components {
		if c == nil {
			return nil
		}
		v[i] = *c
	}
	return v
}

// dimension is that of the index: as the definition says, as the store has it, or that of any row; 0 where there is none.
func (x *index) dimension(ctx context.Context, tx pgx.Tx, s *source) (int, error) {
	_, n, err := options(x.def)
	if err != nil || n > 0 {
		return n, err
	}
	if s.text {
		vectors, err := x.keeper.embed(ctx, s, []string{""})
		if err != nil {
			return 0, err
		}
		return len(vectors[0]), x.renew(len(vectors[0]))
	}
	store := x.holder()
	if store != nil && store.Len() > 0 {
		return store.Dimension(), nil
	}
	err = tx.QueryRow(ctx, "SELECT pg_catalog.cardinality("+s.vector+") FROM "+s.table+" AS t WHERE pg_catalog.cardinality("+s.vector+") > 0 LIMIT 1").Scan(&n)
	if errors.Is(err, pgx.ErrNoRows) {
		if store != nil {
			return store.Dimension(), nil
		}
		return 0, nil
	}
	if err == nil {
		err = x.renew(n) // of an empty store
	}
	return n, err
}

// embed makes vectors of texts by the index's model.
func (k *Keeper) embed(ctx context.Context, s *source, texts []string) ([][]float32, error) {
	if s.model == "" {
		return nil, fault("22023", "the vector index has no model that makes vectors of texts", "Search by a vector, or name a model when the index is made: WITH (model = '…').")
	}
	lease, err := k.models.Acquire(ctx, s.model, s.version)
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	v := lease.Version()
	if len(v.Args) != 1 || v.Args[0].Type != udf.Text || v.Returns != udf.Float4Array && v.Returns != udf.Float8Array {
		return nil, fault("42804", fmt.Sprintf("model %q does not make a vector (real[]) of a text", s.model), "")
	}
	out := make([][]float32, 0, len(texts))
	for chunk := range slices.Chunk(texts, lease.MaxBatch()) {
		arg := udf.NewColumn(udf.Text, len(chunk))
		copy(arg.Texts, chunk)
		got, err := lease.Predict(ctx, []udf.Column{arg})
		if err != nil {
			return nil, v.Failure(err)
		}
		if got.Type != v.Returns || got.Len() != len(chunk) {
			return nil, fault("XX000", fmt.Sprintf("model %q answered %d texts with %d rows", s.model, len(chunk), got.Len()), "")
		}
		for row, list := range got.FloatLists {
			if got.ElementNulls(row) != nil {
				return nil, fault("22004", fmt.Sprintf("model %q answered a vector that holds NULL", s.model), "")
			}
			components := make([]float32, len(list))
			for i, f := range list {
				components[i] = float32(f)
			}
			out = append(out, components)
		}
	}
	return out, nil
}
