package pinnacle_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	pinnacle "github.com/pinnacle-proxy/pinnacle-proxy"
	"github.com/pinnacle-proxy/pinnacle-proxy/config"
)

// askedAnswers counts what the model "kept" did since its proxy was opened: answers of the cache, and calls.
func askedAnswers(t *testing.T, p *pinnacle.Proxy) (cached, calls int64) {
	t.Helper()
	of := func(column string) int64 {
		return value[int64](t, p, "SELECT coalesce(sum("+column+"), 0)::int8 FROM pinnacle.predict_stats WHERE model = 'kept'")
	}
	return of("cached"), of("calls")
}

// TestAnswersAreKept asks the same of a model in several statements, with the proxy opened anew between them, the cache
// damaged, and switched off.
func TestAnswersAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const ask = "SELECT sum(predict('kept', g))::int8 FROM generate_series(1, 50) g"
	for _, c := range []struct {
		name          string
		change        func(*config.Config)
		damage        bool
		cached, calls int64
	}{
		{name: "first", cached: 50, calls: 50},
		{name: "opened anew", cached: 100},
		{name: "damaged", damage: true, cached: 50, calls: 50},
		{name: "without a cache", change: func(c *config.Config) { c.PredictCacheBytes = 0 }, calls: 100},
		{name: "with one again", cached: 100},
	} {
		if c.damage {
			files, err := filepath.Glob(filepath.Join(dir, "answers", "*", "*"))
			if err != nil || len(files) == 0 {
				t.Fatal(files, err)
			}
			for _, file := range files {
				if err := os.Truncate(file, 10); err != nil {
					t.Fatal(err)
				}
			}
		}
		settings := config.Default()
		settings.DataDir, settings.Databackend, settings.PredictCacheFrom = dir, databackend(filepath.Join(embedded.dir, "pgpass")), 0
		if c.change != nil {
			c.change(&settings)
		}
		p, err := pinnacle.Open(t.Context(), settings, pinnacle.Options{})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		do(t, p, "CREATE MODEL IF NOT EXISTS kept(x int4) RETURNS int4 USING starlark AS $$\ndef predict(x):\n    return x * 2\n$$")
		for range 2 {
			if got := value[int64](t, p, ask); got != 2550 {
				t.Errorf("%s: %d", c.name, got)
			}
		}
		if cached, calls := askedAnswers(t, p); cached != c.cached || calls != c.calls {
			t.Errorf("%s: %d answers of the cache, %d calls", c.name, cached, calls)
		}
		if err := p.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOtherModelOfTheSameName gets none of the answers of the one that was dropped.
func TestOtherModelOfTheSameName(t *testing.T) {
	t.Parallel()
	p := before(t, func(c *config.Config) { c.PredictCacheFrom = 0 })
	for _, factor := range []string{"2", "3", "2"} {
		do(t, p, "CREATE MODEL kept(x int4) RETURNS int4 USING starlark AS $$\ndef predict(x):\n    return x * "+factor+"\n$$")
		want := map[string]int32{"2": 14, "3": 21}[factor]
		if got := value[int32](t, p, "SELECT predict('kept', 7)"); got != want {
			t.Errorf("7 times %s is %d", factor, got)
		}
		do(t, p, "DROP MODEL kept")
	}
}

// TestSessionSettings changes them in transactions, which they follow.
func TestSessionSettings(t *testing.T) {
	t.Parallel()
	p := before(t, func(c *config.Config) { c.PredictMaxCalls = 10 })
	do(t, p, "CREATE MODEL kept(x int4) RETURNS int4 USING starlark AS $$\ndef predict(x):\n    return x * 2\n$$")
	const many = "SELECT count(predict('kept', g)) FROM generate_series(1, 20) g"
	_, err := p.Execute(t.Context(), many)
	wantCode(t, err, "54000")
	conn, err := p.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	fails := func(want bool) {
		t.Helper()
		var n int64
		if err := conn.QueryRow(t.Context(), many).Scan(&n); (err != nil) != want {
			t.Errorf("%d, %v", n, err)
		}
	}
	run := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Error(sql, err)
		}
	}
	fails(true)
	run("BEGIN; SET LOCAL predict.max_calls = 20")
	fails(false)
	run("ROLLBACK")
	fails(true)
	run("SET predict.max_calls = 0")
	fails(false)
	run("SET predict.max_calls = 'many'")
	fails(true)
	run("RESET predict.max_calls")
	fails(true)
}

// TestStatementsShareCalls has several statements ask the same at the same time: the model is asked once for each.
func TestStatementsShareCalls(t *testing.T) {
	t.Parallel()
	p := before(t, func(c *config.Config) { c.PredictCacheFrom = 0 })
	do(t, p, "CREATE MODEL kept(x int4) RETURNS int4 USING starlark WITH (max_batch = 64) AS $$\ndef predict(x):\n"+
		"    for i in range(300):\n        x += 2\n    return x - 600\n$$")
	const statements, rows = 4, 2000
	var all sync.WaitGroup
	for range statements {
		all.Go(func() {
			found, err := p.Execute(t.Context(), "SELECT predict('kept', g) FROM generate_series(1, 2000) g")
			if err != nil {
				t.Error(err)
				return
			}
			got, err := pgx.CollectRows(found, pgx.RowTo[int32])
			if err != nil || len(got) != rows || got[0] != 1 || got[rows-1] != rows {
				t.Errorf("%d rows, %v", len(got), err)
			}
		})
	}
	all.Wait()
	if cached, calls := askedAnswers(t, p); calls != rows {
		t.Errorf("%d calls for %d arguments, %d answers of the cache", calls, rows, cached)
	}
}
