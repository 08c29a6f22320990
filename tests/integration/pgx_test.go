package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pgxProgram is one thing that a program does with pgx. It notes what it sees; q gives a statement as the target takes it.
type pgxProgram struct {
	name string
	run  func(ctx context.Context, conn *pgx.Conn, q func(string) string, note func(what string, v any)) error
}

// TestPgx runs each program through the proxy and on plain PostgreSQL, in every query mode of pgx, and compares.
func TestPgx(t *testing.T) {
	modes := []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol}
	eachTarget(t, func(t *testing.T, on *target) {
		for _, mode := range modes {
			for _, p := range pgxPrograms {
				t.Run(fmt.Sprintf("%v/%s", mode, p.name), func(t *testing.T) {
					t.Parallel()
					want := p.notes(t, world.direct, mode)
					if last := want[len(want)-1]; strings.HasPrefix(last, "ended by") {
						t.Errorf("the program itself is wrong: %s", last)
					}
					same(t, p.name, p.notes(t, on, mode), want)
				})
			}
		}
	})
}

// notes gives what a program saw on a target.
func (p pgxProgram) notes(t *testing.T, on *target, mode pgx.QueryExecMode) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg, err := pgx.ParseConfig(on.url(""))
	if err != nil {
		t.Fatal(err)
	}
	cfg.DefaultQueryExecMode = mode
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	q := func(sql string) string {
		if on.functions {
			return oracleText(sql).text
		}
		return sql
	}
	var out []string
	err = p.run(ctx, conn, q, func(what string, v any) { out = append(out, fmt.Sprintf("%s: %v", what, v)) })
	if err != nil {
		out = append(out, "ended by "+err.Error())
	}
	return out
}

// collected runs a query and gives its rows as Go prints them.
func collected(ctx context.Context, conn *pgx.Conn, sql string, args ...any) (string, error) {
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return "", err
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (string, error) {
		values, err := r.Values()
		return fmt.Sprint(values), err
	})
	return strings.Join(all, " "), err
}

// sqlState is the code of an error that the server gave, or the error's text.
func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return fmt.Sprint(err)
}

var pgxPrograms = []pgxProgram{
	{"rows", func(ctx context.Context, conn *pgx.Conn, q func(string) string, note func(string, any)) error {
		for _, sql := range []string{
			"SELECT id, predict('double', k), predict('bucket', k), name FROM item ORDER BY id LIMIT 20",
			"SELECT predict('id_numeric', n), predict('id_timestamptz', tz), predict('id_uuid', u), predict('id_bytea', by) FROM item ORDER BY id LIMIT 5",
			"SELECT predict('id_jsonb', jb), predict('id_float8s', af), predict('id_texts', at), predict('id_bool', yes), predict('id_interval', iv) FROM item ORDER BY id LIMIT 5",
			"SELECT id FROM item WHERE predict('double', k) = 6 AND cheap = 3 ORDER BY id",
		} {
			rows, err := collected(ctx, conn, q(sql))
			if err != nil {
				return err
			}
			note(sql, rows)
		}
		return nil
	}},
	{"EXPLAIN twice", func(ctx context.Context, conn *pgx.Conn, q func(string) string, note func(string, any)) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for range 2 {
				if _, err := tx.Exec(ctx, q("EXPLAIN (ANALYZE) SELECT predict('double', k), count(*) FROM item GROUP BY 1")); err != nil {
					return err
				}
			}
			note("explained", "twice")
			return nil
		})
	}},
	{"arguments", func(ctx context.Context, conn *pgx.Conn, q func(string) string, note func(string, any)) error {
		for i := range 8 {
			rows, err := collected(ctx, conn, q("SELECT predict('add', k, $1), predict('shout', $2), name FROM item WHERE id = $3"), i, "é", i+1)
			if err != nil {
				return err
			}
			note("row", rows)
		}
		rows, err := collected(ctx, conn, q("SELECT id FROM item WHERE predict('double', k) = $1 AND id < $2 ORDER BY id LIMIT $3"), 6, 200, 5)
		if err != nil {
			return err
		}
		note("filter", rows)
		rows, err = collected(ctx, conn, q("SELECT predict('total', $1::float8[]), predict('double', $2::int4)"), []float64{1, 2.5}, nil)
		note("array and null", rows)
		return err
	}},
	{"transactions", func(ctx context.Context, conn *pgx.Conn, q func(string) string, note func(string, any)) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "CREATE TEMP TABLE work (id int, p int) ON COMMIT DROP"); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "INSERT INTO work VALUES ($1, $2)", 1, 10); err != nil {
				return err
			}
			err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, q("SELECT predict('double', 1 / (p - 10)) FROM work"))
				return err
			})
			note("savepoint", sqlState(err))
			var p int
			err = tx.QueryRow(ctx, q("SELECT predict('double', p) FROM work")).Scan(&p)
			note("inside", p)
			return err
		})
	}},
	{"batch", func(ctx context.Context, conn *pgx.Conn, q func(string) string, note func(string, any)) error {
		var b pgx.Batch
		b.Queue("SELECT 1")
		b.Queue(q("SELECT predict('double', $1::int4)"), 21)
		b.Queue("SELECT 'plain'")
		b.Queue(q("SELECT id FROM item WHERE predict('double', k) = 6 AND id < 30 ORDER BY id"))
		results := conn.SendBatch(ctx, &b)
		for i := range b.Len() {
			rows, err := results.Query()
			if err != nil {
				return errors.Join(err, results.Close())
			}
			values, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (string, error) {
				v, err := r.Values()
				return fmt.Sprint(v), err
			})
			if err != nil {
				return errors.Join(err, results.Close())
			}
			note(fmt.Sprint(i), values)
		}
		if err := results.Close(); err != nil {
			return err
		}
		var failing pgx.Batch
		failing.Queue("CREATE TEMP TABLE undone (id int)")
		failing.Queue(q("SELECT predict('double', 1 / 0)"))
		failing.Queue("SELECT 1")
		note("error", sqlState(conn.SendBatch(ctx, &failing).Close()))
		_, err := conn.Exec(ctx, "SELECT * FROM undone")
		note("undone", sqlState(err))
		return nil
	}},
	{"copy", func(ctx context.Context, conn *pgx.Conn, q func(string) string, note func(string, any)) error {
		if _, err := conn.Exec(ctx, "CREATE TEMP TABLE copied (id int4, name text, f float8)"); err != nil {
			return err
		}
		n, err := conn.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"id", "name", "f"}, pgx.CopyFromSlice(5000, func(i int) ([]any, error) {
			return []any{int32(i), fmt.Sprint("n", i), float64(i) / 8}, nil
		}))
		if err != nil {
			return err
		}
		note("copied", n)
		var out bytes.Buffer
		tag, err := conn.PgConn().CopyTo(ctx, &out, "COPY (SELECT * FROM copied ORDER BY id LIMIT 1000) TO STDOUT")
		if err != nil {
			return err
		}
		note("copied out", fmt.Sprint(tag, out.String()))
		rows, err := collected(ctx, conn, q("SELECT predict('half', f) FROM copied WHERE predict('double', id % 1000) = 1998 ORDER BY id"))
		note("over it", rows)
		return err
	}},
	{"listen", func(ctx context.Context, conn *pgx.Conn, q func(string) string, note func(string, any)) error {
		if _, err := conn.Exec(ctx, "LISTEN spoken_"+strings.ReplaceAll(conn.Config().DefaultQueryExecMode.String(), " ", "_")); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "SELECT pg_notify($1, 'hello')", "spoken_"+strings.ReplaceAll(conn.Config().DefaultQueryExecMode.String(), " ", "_")); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, q("SELECT predict('double', 1)")); err != nil {
			return err
		}
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		note("heard", n.Payload)
		return nil
	}},
	{"errors", func(ctx context.Context, conn *pgx.Conn, q func(string) string, note func(string, any)) error {
		for _, sql := range []string{"SELECT predict('double', nocolumn) FROM item", "SELECT predict('double', 1 / (k - 3)) FROM item ORDER BY id", "SELECT 1 / 0"} {
			_, err := collected(ctx, conn, q(sql))
			note(sql, sqlState(err))
			rows, err := collected(ctx, conn, q("SELECT predict('double', 5)"))
			if err != nil {
				return err
			}
			note("then", rows)
		}
		return nil
	}},
}

// TestPgxPool uses many connections of a pool at once.
func TestPgxPool(t *testing.T) {
	eachTarget(t, func(t *testing.T, on *target) {
		pool, err := pgxpool.New(t.Context(), on.url("&pool_max_conns=8"))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		type answer struct {
			want, got int
			err       error
		}
		answers := make(chan answer)
		for worker := range 16 {
			go func() {
				for i := range 50 {
					a := answer{want: 2 * (worker*1000 + i)}
					sql := "SELECT predict('double', $1::int4)"
					if on.functions {
						sql = oracleText(sql).text
					}
					a.err = pool.QueryRow(t.Context(), sql, worker*1000+i).Scan(&a.got)
					answers <- a
				}
			}()
		}
		for range 16 * 50 {
			if a := <-answers; a.err != nil || a.got != a.want {
				t.Errorf("got %d, %v, want %d", a.got, a.err, a.want)
			}
		}
	})
}
