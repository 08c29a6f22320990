package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/vector"
)

// The limits of pgvector.
const (
	// mostDimension is the largest number of components that its HNSW index takes.
	mostDimension = 2000
	// homeWidth is the width of the beam of searches (hnsw.ef_search, 1 to 1000).
	homeWidth = 200
	// iterative is the version from which on a search goes on until it has as many rows as are wanted.
	iterative = 8
	// mostWorkMemory bounds maintenance_work_mem while an index is built, in bytes.
	mostWorkMemory = 2 << 30
)

// atHome is a holder in a table of home with an HNSW index of the extension vector. Under cosine the vectors have the length
// 1, and their inner product is looked for.
type atHome struct {
	pool *pgxpool.Pool
	id   int
	cfg  vector.Config
	// schema is the one of the extension, quoted, and minor its version: 0.minor.
	schema string
	minor  int

	mu    sync.Mutex
	count int
}

func (h *atHome) table() string { return fmt.Sprintf("%s.vectors_%d", schema, h.id) }
func (h *atHome) view() string  { return fmt.Sprintf("%s.index_%d", schema, h.id) }

// operator is the one of the distance, and class the operator class for it.
func (h *atHome) operator() string {
	if h.cfg.Measure == vector.L2 {
		return "OPERATOR(" + h.schema + ".<->)"
	}
	return "OPERATOR(" + h.schema + ".<#>)"
}

func (h *atHome) class() string {
	if h.cfg.Measure == vector.L2 {
		return h.schema + ".vector_l2_ops"
	}
	return h.schema + ".vector_ip_ops"
}

// errNoExtension says that home has not pgvector, or not one with HNSW.
var errNoExtension = errors.New("home has no extension vector with the access method hnsw")

// extension finds pgvector at home, and makes it where it is installed and the proxy may.
func (k *Keeper) extension(ctx context.Context) (schema string, minor int, err error) {
	find := func() error {
		var version string
		err := k.config.Pool.QueryRow(ctx, `SELECT pg_catalog.quote_ident(n.nspname), e.extversion FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
			WHERE e.extname = 'vector' AND EXISTS (SELECT FROM pg_catalog.pg_am WHERE amname = 'hnsw')`).Scan(&schema, &version)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoExtension
		}
		if _, err := fmt.Sscanf(version, "0.%d", &minor); err != nil {
			minor = math.MaxInt
		}
		return err
	}
	if err = find(); !errors.Is(err, errNoExtension) {
		return schema, minor, err
	}
	var available bool
	if err := k.config.Pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'vector')").Scan(&available); err != nil {
		return "", 0, err
	}
	if !available {
		return "", 0, errNoExtension
	}
	if _, err := k.config.Pool.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS vector"); err != nil {
		return "", 0, err
	}
	err = find()
	return schema, minor, err
}

// openAtHome opens the table of an index at home, and makes it where it is not there or of another dimension. Everybody may
// read the view over it who may read a column of the index's own table.
func (k *Keeper) openAtHome(ctx context.Context, id int, s *source, cfg vector.Config) (*atHome, error) {
	if cfg.Dimension > mostDimension {
		return nil, fmt.Errorf("a vector has %d components, and pgvector's index takes up to %d", cfg.Dimension, mostDimension)
	}
	h := &atHome{pool: k.config.Pool, id: id, cfg: cfg}
	var err error
	if h.schema, h.minor, err = k.extension(ctx); err != nil {
		return nil, err
	}
	err = pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) error {
		var dimension *int
		var there bool
		err := tx.QueryRow(ctx, "SELECT dimension, pg_catalog.to_regclass($2) IS NOT NULL FROM "+schema+".indexes WHERE id = $1 FOR UPDATE", id, h.table()).Scan(&dimension, &there)
		if err != nil {
			return err
		}
		text := ""
		if !there || dimension == nil || *dimension != cfg.Dimension {
			text = fmt.Sprintf("DROP VIEW IF EXISTS %[1]s; DROP TABLE IF EXISTS %[2]s; CREATE TABLE %[2]s (key text PRIMARY KEY, tag int8 NOT NULL, embedding %[3]s.vector(%[4]d) NOT NULL); UPDATE %[5]s.indexes SET dimension = %[4]d, built = false WHERE id = %[6]d; ",
				h.view(), h.table(), h.schema, cfg.Dimension, schema, id)
		}
		_, err = tx.Exec(ctx, text+fmt.Sprintf("CREATE OR REPLACE VIEW %[1]s AS SELECT key, embedding FROM %[2]s WHERE pg_catalog.has_any_column_privilege(pg_catalog.to_regclass(%[3]s)::pg_catalog.oid, 'SELECT'); GRANT USAGE ON SCHEMA %[4]s TO PUBLIC; GRANT SELECT ON %[1]s TO PUBLIC",
			h.view(), h.table(), literal(s.table), schema))
		return err
	})
	return h, err
}

// The parts of a lease on an index at home, which one proxy keeps right at a time.
type lease struct {
	// mine says that this proxy keeps it, and before that it did so already; built that it is complete.
	mine, before, built bool
}

// leaseKept is how long a proxy that is not heard of has the lease, and leaseRenewed after how long one asks for it again.
const (
	leaseKept    = "15 seconds"
	leaseRenewed = 5 * time.Second
)

// lead takes or renews the lease for a reader, where no other has it.
func (h *atHome) lead(ctx context.Context, reader string) (l lease, err error) {
	err = pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) error {
		var keeper *string
		var over bool
		err := tx.QueryRow(ctx, "SELECT keeper, coalesce(kept_at < pg_catalog.now() - interval '"+leaseKept+"', true), built FROM "+schema+".indexes WHERE id = $1 FOR UPDATE", h.id).Scan(&keeper, &over, &l.built)
		if err != nil {
			return err
		}
		l.before = keeper != nil && *keeper == reader
		if l.mine = l.before || keeper == nil || over; !l.mine {
			return nil
		}
		_, err = tx.Exec(ctx, "UPDATE "+schema+".indexes SET keeper = $2, kept_at = pg_catalog.now() WHERE id = $1", h.id, reader)
		return err
	})
	return l, err
}

// leave gives the leases of a reader back.
func (k *Keeper) leave(ctx context.Context, id int, reader string) error {
	_, err := k.config.Pool.Exec(ctx, "UPDATE "+schema+".indexes SET keeper = NULL WHERE id = $1 AND keeper = $2", id, reader)
	return err
}

// Dimension implements holder.
func (h *atHome) Dimension() int { return h.cfg.Dimension }

// Check implements holder.
func (h *atHome) Check(v []float32) error {
	_, err := h.cfg.Normal(v)
	return err
}

// Len implements holder.
func (h *atHome) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}

// Stats implements holder. Home knows how much memory the index takes.
func (h *atHome) Stats() vector.Stats { return vector.Stats{Vectors: h.Len()} }

// Close implements holder.
func (h *atHome) Close() error { return nil }

// counted asks how many vectors there are.
func (h *atHome) counted(ctx context.Context) error {
	var n int
	if err := h.pool.QueryRow(ctx, "SELECT pg_catalog.count(*) FROM "+h.table()).Scan(&n); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count = n
	return nil
}

func (h *atHome) tags(ctx context.Context) (map[string]uint64, error) {
	rows, err := h.pool.Query(ctx, "SELECT key, tag FROM "+h.table())
	if err != nil {
		return nil, err
	}
	tags := map[string]uint64{}
	var key string
	var tag int64
	_, err = pgx.ForEachRow(rows, []any{&key, &tag}, func() error {
		tags[key] = uint64(tag)
		return nil
	})
	return tags, err
}

// text is a vector as pgvector reads it.
func (h *atHome) text(v []float32) (string, error) {
	own, err := h.cfg.Normal(v)
	if err != nil {
		return "", err
	}
	out := []byte{'['}
	for i, f := range own {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendFloat(out, float64(f), 'g', -1, 32)
	}
	return string(append(out, ']')), nil
}

func (h *atHome) apply(ctx context.Context, changes []vector.Change) error {
	var gone, keys, vectors []string
	var tags []int64
	for _, c := range changes {
		if c.Vector == nil {
			gone = append(gone, c.Key)
			continue
		}
		text, err := h.text(c.Vector)
		if err != nil {
			return err
		}
		keys, tags, vectors = append(keys, c.Key), append(tags, int64(c.Tag)), append(vectors, text)
	}
	removed, added := int64(0), int64(0)
	err := pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE "+schema+".indexes SET kept_at = pg_catalog.now() WHERE id = $1", h.id); err != nil {
			return err
		}
		if len(gone) > 0 {
			tag, err := tx.Exec(ctx, "DELETE FROM "+h.table()+" WHERE key = ANY ($1)", gone)
			if err != nil {
				return err
			}
			removed = tag.RowsAffected()
		}
		if len(keys) == 0 {
			return nil
		}
		err := tx.QueryRow(ctx, "WITH put AS (INSERT INTO "+h.table()+" AS v SELECT u.key, u.tag, u.vector::"+h.schema+".vector FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::int8[]), pg_catalog.unnest($3::text[])) AS u(key, tag, vector) "+
			"ON CONFLICT (key) DO UPDATE SET tag = excluded.tag, embedding = excluded.embedding RETURNING xmax = 0 AS added) SELECT pg_catalog.count(*) FILTER (WHERE added) FROM put", keys, tags, vectors).Scan(&added)
		return err
	})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count += int(added - removed)
	return nil
}

// scanned builds home's index where there is none: over all vectors at once, which is quicker than one by one.
func (h *atHome) scanned(ctx context.Context) error {
	if err := h.counted(ctx); err != nil {
		return err
	}
	name := fmt.Sprintf("vectors_%d_hnsw", h.id)
	var there bool
	if err := h.pool.QueryRow(ctx, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", schema+"."+name).Scan(&there); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) error {
		if !there && !h.cfg.Exact {
			memory := min(mostWorkMemory, max(64<<20, h.Len()*(4*h.cfg.Dimension+1024)))
			text := fmt.Sprintf("SET LOCAL maintenance_work_mem = '%dkB'; CREATE INDEX %s ON %s USING hnsw (embedding %s)", memory/1024, name, h.table(), h.class())
			if _, err := tx.Exec(ctx, text); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "UPDATE "+schema+".indexes SET built = true WHERE id = $1 AND NOT built", h.id)
		return err
	})
}

func (h *atHome) vectorOf(ctx context.Context, key string) (v []float32, err error) {
	err = h.pool.QueryRow(ctx, "SELECT embedding::pg_catalog.float4[] FROM "+h.table()+" WHERE key = $1", key).Scan(&v)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return v, err
}

// settings is a query that sets in the session what a search needs, where the session has not set it itself: a wide enough
// beam, and to go on until there are rows enough.
func (h *atHome) settings() string {
	set := func(name, usual, value string) string {
		return fmt.Sprintf("CASE WHEN coalesce(nullif(pg_catalog.current_setting('%[1]s', true), ''), '%[2]s') = '%[2]s' THEN pg_catalog.set_config('%[1]s', '%[3]s', false) END", name, usual, value)
	}
	if h.minor < iterative {
		return "SELECT " + set("hnsw.ef_search", "40", "1000")
	}
	return "SELECT " + set("hnsw.ef_search", "40", strconv.Itoa(homeWidth)) + ", " + set("hnsw.iterative_scan", "off", "strict_order")
}

// score is the score that a distance means.
func (h *atHome) score(distance *float64) float32 {
	if distance == nil || math.IsNaN(*distance) {
		return 0
	}
	return float32(-*distance)
}

func (h *atHome) search(ctx context.Context, query []float32, n int) (found []vector.Match, err error) {
	text, err := h.text(query)
	if err != nil {
		return nil, err
	}
	err = pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, h.settings()); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT key, embedding "+h.operator()+" $1::text::"+h.schema+".vector AS distance FROM "+h.table()+" ORDER BY distance LIMIT $2", text, n)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m vector.Match, err error) {
			var distance *float64
			err = row.Scan(&m.Key, &distance)
			m.Score = h.score(distance)
			return m, err
		})
		return err
	})
	return found, err
}

func (h *atHome) scores(ctx context.Context, query []float32, keys []string) (map[string]float32, error) {
	text, err := h.text(query)
	if err != nil {
		return nil, err
	}
	rows, err := h.pool.Query(ctx, "SELECT key, embedding "+h.operator()+" $1::text::"+h.schema+".vector FROM "+h.table()+" WHERE key = ANY ($2)", text, keys)
	if err != nil {
		return nil, err
	}
	found := make(map[string]float32, len(keys))
	var key string
	var distance *float64
	_, err = pgx.ForEachRow(rows, []any{&key, &distance}, func() error {
		found[key] = h.score(distance)
		return nil
	})
	return found, err
}

// Home is how statements search an index that lies at home.
type Home struct {
	// View has the columns key, a JSON array, and embedding of the type Type; Distance is the operator of both.
	View, Type, Distance string
	// Settings is a query that a search wants to have run in its session first.
	Settings string
}

// within is what statements need.
func (h *atHome) within() *Home {
	return &Home{View: h.view(), Type: h.schema + ".vector", Distance: h.operator(), Settings: h.settings()}
}
