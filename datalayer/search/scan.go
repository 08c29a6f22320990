package search

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
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

// scan brings the index up to date with the table, in one snapshot of it.
func (x *index) scan(ctx context.Context, s *source, upkeep *sync.WaitGroup) error {
	return x.keeper.config.Pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		return pgx.BeginTxFunc(ctx, c, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			return x.scanWithin(ctx, tx, s, upkeep)
		})
	})
}

// scanWithin reads the keys, removes what is gone and takes what is new or changed.
func (x *index) scanWithin(ctx context.Context, tx pgx.Tx, s *source, upkeep *sync.WaitGroup) error {
	// What the expression does, it does as the index's owner, where the pool's role may be that.
	if _, err := tx.Exec(ctx, `SELECT pg_catalog.set_config('role', rolname, true) FROM pg_catalog.pg_roles WHERE rolname = $1 AND pg_catalog.pg_has_role(oid, 'MEMBER')`, x.owner); err != nil {
		return err
	}
	dimension, err := x.dimension(ctx, tx, s)
	if err != nil || dimension == 0 {
		return err
	}
	store, err := x.open(ctx, dimension, upkeep)
	if err != nil {
		return err
	}
	left := store.Tags()
	var changed []stale
	rows, err := tx.Query(ctx, "SELECT "+keyText(s.key, "")+", t.xmin::pg_catalog.text, t.ctid::pg_catalog.text FROM "+s.table+" AS t WHERE "+s.vector+" IS NOT NULL")
	if err != nil {
		return err
	}
	var r stale
	var xmin string
	made := ""
	if s.text { // another model makes other vectors
		made = x.keeper.modelHash(ctx, s)
	}
	_, err = pgx.ForEachRow(rows, []any{&r.key, &xmin, &r.ctid}, func() error {
		h := fnv.New64a()
		fmt.Fprint(h, xmin, r.ctid, made)
		r.tag = h.Sum64()
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
	if err := x.apply(store, gone); err != nil {
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
	x.mu.Lock()
	defer x.mu.Unlock()
	if skipped > 0 && skipped != x.skipped {
		x.keeper.config.Logger.Warn("rows of a vector index have no vector that fits", "index", x.name, "rows", skipped)
	}
	x.skipped = skipped
	return nil
}

// apply changes the store, and counts.
func (x *index) apply(store *vector.Store, changes []vector.Change) error {
	if len(changes) == 0 {
		return nil
	}
	err := store.Apply(changes, "")
	x.mu.Lock()
	x.revision++
	x.mu.Unlock()
	if errors.Is(err, vector.ErrFull) {
		return &datalayer.Error{Code: "53000", Message: fmt.Sprintf("vector index %q is full: %v", x.name, err), Hint: "Raise the setting vector_max_bytes.", Err: err}
	}
	return err
}

// take reads the vectors of some rows and puts them into the store. Rows that have none that fits are counted, and are not
// in the index then.
func (x *index) take(ctx context.Context, tx pgx.Tx, s *source, store *vector.Store, chunk []stale) (bad int64, err error) {
	ctids := make([]string, len(chunk))
	tags := make(map[string]uint64, len(chunk))
	for i, r := range chunk {
		ctids[i], tags[r.key] = r.ctid, r.tag
	}
	rows, err := tx.Query(ctx, "SELECT "+keyText(s.key, "")+", "+s.vector+" FROM "+s.table+" AS t WHERE t.ctid = ANY ($1::pg_catalog.text[]::pg_catalog.tid[])", ctids)
	if err != nil {
		return 0, err
	}
	var changes []vector.Change
	var texts []string
	for rows.Next() {
		var key string
		var components []*float32
		var text *string
		into := any(&components)
		if s.text {
			into = &text
		}
		if err := rows.Scan(&key, into); err != nil {
			rows.Close()
			return 0, err
		}
		tag, wanted := tags[key]
		if !wanted { // of another partition, with the same ctid
			continue
		}
		if s.text && text == nil {
			continue
		}
		if s.text {
			texts = append(texts, *text)
		}
		changes = append(changes, vector.Change{Key: key, Tag: tag, Vector: filled(components)})
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	if s.text {
		vectors, err := x.keeper.embed(ctx, s, texts)
		if err != nil {
			return 0, err
		}
		for i := range vectors {
			changes[i].Vector = vectors[i]
		}
	}
	for i := range changes {
		if err := store.Check(changes[i].Vector); err != nil { // the row's old vector is not its own any more
			changes[i].Vector = nil
			bad++
		}
	}
	return bad, x.apply(store, changes)
}

// filled takes the components of an array; nil where one is NULL.
func filled(components []*float32) []float32 {
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
	x.mu.Lock()
	store := x.store
	x.mu.Unlock()
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
