package crash

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// thing is a component that is added, changed and removed at random. Its definition is told by a number.
type thing struct {
	kind, name string
	// create makes it of a number, of which there is a trace in the record's text (trace).
	create func(or string, n int) string
	trace  func(n int) string
	// drop removes it; "" for never.
	drop string
	// uses are other things that have to be there; with drop, those that use it go with it.
	uses []string
}

// measures and averages are what is named in definitions that have no room for a number.
var (
	measures = []string{"cosine", "dot", "l2"}
	averages = []string{"macro", "micro", "weighted"}
	captures = []string{"triggers", "slot"}
)

func tag(n int) string { return fmt.Sprintf("tag_%d_", n) }

// randomThings are the components of the random test, beside those of base that it lets be.
func randomThings() []thing {
	tagged := func(format string) func(string, int) string {
		return func(or string, n int) string { return fmt.Sprintf(format, or, tag(n)) }
	}
	pick := func(format string, of []string) func(string, int) string {
		return func(or string, n int) string { return fmt.Sprintf(format, or, of[n%len(of)]) }
	}
	one := func(of []string) func(int) string { return func(n int) string { return of[n%len(of)] } }
	return []thing{
		{kind: "model", name: "soft", trace: tag, drop: "DROP MODEL soft CASCADE",
			create: tagged("CREATE %s MODEL soft(w text) RETURNS text USING starlark AS $$\ndef predict(w):\n    return w.lower() + ' %s'\n$$")},
		{kind: "model", name: "softly", uses: []string{"soft"}, trace: func(int) string { return "" }, drop: "DROP MODEL softly",
			create: func(or string, _ int) string { return "CREATE " + or + " MODEL softly AS SEQUENCE (soft, twice)" }},
		{kind: "listener", name: "word_soft", uses: []string{"soft"}, trace: tag, drop: "DROP LISTENER word_soft",
			create: func(or string, n int) string {
				return fmt.Sprintf("CREATE %s LISTENER word_soft ON word PREDICT soft (word || '%s') WITH (capture = '%s')", or, tag(n), captures[n%len(captures)])
			}},
		{kind: "vector_index", name: "nearer", trace: one(measures), drop: "DROP VECTOR INDEX nearer",
			create: pick("CREATE %s VECTOR INDEX nearer ON LISTENER word_letters WITH (measure = '%s')", measures)},
		{kind: "dataset", name: "other", trace: tag, drop: "DROP DATASET other",
			create: tagged("CREATE %s DATASET other AS SELECT word AS w, long, '%s' AS n FROM word ORDER BY id WITH (pin = true)")},
		{kind: "metric", name: "even", trace: one(averages), drop: "DROP METRIC even", create: pick("CREATE %s METRIC even USING f1 WITH (average = '%s')", averages)},
		{kind: "secret", name: "other_key", trace: one([]string{"CRASH_KEY", "CRASH_OTHER"}), drop: "DROP SECRET other_key",
			create: pick("CREATE %s SECRET other_key FROM ENV '%s'", []string{"CRASH_KEY", "CRASH_OTHER"})},
		{kind: "view", name: "softened", trace: tag, drop: "DROP VIEW softened",
			create: tagged("CREATE %s VIEW softened AS SELECT id, predict('twice', word) AS said, '%s' AS n FROM word")},
	}
}

// history is what is known of the runs of one proxy: the numbers of the things that are there, by name.
type history struct {
	s      *site
	random *rand.Rand
	things []thing
	now    map[string]int
	next   int
	// versions are the records that were seen, by kind, name and version.
	versions map[string]string
	// acts counts statements about components that were acknowledged, cut those that a kill cut.
	acts, cut int
}

// TestRandom kills a proxy at random moments, again and again, while components are made, changed and removed and rows are
// written. Each time the next proxy has what clients were told of, the statement that was cut off whole or not at all, no
// version number twice, no job, table, trigger or artifact too many or too few, and outputs that are what the models say.
func TestRandom(t *testing.T) {
	runs, seed := number(t, envRuns, 10), uint64(number(t, envSeed, 1))
	for i, store := range []string{"databackend", "badger"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			r := &history{random: rand.New(rand.NewPCG(seed, uint64(i))), things: randomThings(), now: map[string]int{}, versions: map[string]string{}}
			r.s = r.begin(t, store)
			for n := range (runs + 1) / 2 {
				if err := r.once(t.Context()); err != nil {
					t.Fatalf("run %d of seed %d: %v\n%s", n, seed, err, r.s.proxy.Tail(30))
				}
			}
			t.Logf("%d runs: %d statements about components were done, %d were cut off", (runs+1)/2, r.acts, r.cut)
		})
	}
}

// begin makes a site of its own for a metadata store.
func (r *history) begin(t *testing.T, store string) *site {
	t.Helper()
	ctx := t.Context()
	name := "random_" + store
	s := &site{world: all, dir: filepath.Join(all.dir, name), database: name, store: store}
	if store == "badger" {
		s.store = "badger://" + filepath.Join(s.dir, "data", "metadata")
	}
	if err := all.postgres.Load(ctx, "postgres", "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := s.start(ctx); err != nil {
		t.Fatal(err)
	}
	for _, sql := range base() {
		if _, err := s.query(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.settle(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// once lets things happen for a while, kills the proxy, and looks at what the next one has.
func (r *history) once(ctx context.Context) error {
	var killed atomic.Bool
	timer := time.AfterFunc(time.Duration(r.random.IntN(2500))*time.Millisecond, func() {
		killed.Store(true)
		_ = r.s.proxy.Kill()
	})
	defer timer.Stop()
	var written atomic.Pointer[error]
	writing := make(chan struct{})
	seed := r.random.Uint64()
	go func() {
		defer close(writing)
		if err := r.write(ctx, rand.New(rand.NewPCG(seed, 0)), &killed); err != nil {
			written.Store(&err)
		}
	}()
	after := maps.Clone(r.now)
	for !killed.Load() {
		sql := r.act(after)
		if _, err := r.s.query(ctx, sql); err != nil {
			if !killed.Load() {
				<-writing
				return fmt.Errorf("%w\nin %s", err, sql)
			}
			r.cut++
			break
		}
		r.acts++
		r.now = maps.Clone(after)
	}
	<-writing
	if err := written.Load(); err != nil {
		return *err
	}
	for !r.s.proxy.Ended() {
		time.Sleep(time.Millisecond)
	}
	if err := r.s.start(ctx); err != nil {
		return err
	}
	return r.check(ctx, after)
}

// act makes a statement, and brings the things that are there to what it makes of them.
func (r *history) act(now map[string]int) string {
	for {
		one := r.things[r.random.IntN(len(r.things))]
		_, there := now[one.name]
		if !slices.ContainsFunc(one.uses, func(u string) bool { _, ok := now[u]; return !ok }) && (!there || r.random.IntN(2) == 0) {
			r.next++
			now[one.name] = r.next
			or := ""
			if there {
				or = "OR REPLACE"
			}
			return one.create(or, r.next)
		}
		if there {
			delete(now, one.name)
			for _, user := range r.things {
				if slices.Contains(user.uses, one.name) {
					delete(now, user.name)
				}
			}
			return one.drop
		}
	}
}

// write changes rows, past the proxy and through it, until the proxy is killed.
func (r *history) write(ctx context.Context, random *rand.Rand, killed *atomic.Bool) error {
	conn, err := pgx.Connect(ctx, r.s.world.postgres.URL(r.s.database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for !killed.Load() {
		id := 1 + random.IntN(2*rows)
		sql := []string{
			fmt.Sprintf("INSERT INTO word VALUES (%d, 'New%d', false) ON CONFLICT (id) DO UPDATE SET word = excluded.word", id, random.IntN(1000)),
			fmt.Sprintf("UPDATE word SET word = word || 'a' WHERE id %% %d = 0", 5+random.IntN(40)),
			fmt.Sprintf("DELETE FROM word WHERE id = %d", id),
		}[random.IntN(3)]
		if random.IntN(2) == 0 {
			_, err = r.s.query(ctx, sql) // a statement that is cut off is done or not
			if err != nil && !killed.Load() {
				return err
			}
		} else if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond) // the proxy has more to do than this
	}
	return nil
}

// check compares what there is with r.now, or else with after, which has the statement that was cut off.
func (r *history) check(ctx context.Context, after map[string]int) error {
	if err := r.s.settle(ctx); err != nil {
		return err
	}
	found, err := r.records(ctx)
	if err != nil {
		return err
	}
	complaint := r.differs(found, r.now)
	if complaint != "" {
		if otherwise := r.differs(found, after); otherwise != "" {
			return fmt.Errorf("components: %s; with the statement that was cut off: %s", complaint, otherwise)
		}
		r.now = maps.Clone(after)
	}
	deadline := time.Now().Add(patience)
	for {
		err := r.outputs(ctx)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
		if err := r.s.settle(ctx); err != nil {
			return err
		}
	}
	failed, err := r.s.query(ctx, "SELECT id, kind, component, error FROM pinnacle.jobs WHERE state = 'failed'")
	if err == nil && len(failed) > 0 {
		err = fmt.Errorf("jobs have failed: %s", strings.Join(failed, "; "))
	}
	if err == nil {
		err = r.atHome(ctx)
	}
	if err == nil && r.s.store == "databackend" {
		err = r.s.verify(ctx) // beside the proxy, which has Badger for itself
	}
	return err
}

// records are the definitions of the default versions, by kind and name. A version that was another one before is an error.
func (r *history) records(ctx context.Context) (map[string]string, error) {
	lines, err := r.s.query(ctx, "SELECT kind, name, version, is_default, definition FROM pinnacle.components")
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, line := range lines {
		f := strings.SplitN(line, "|", 5)
		key := strings.Join(f[:3], " ")
		if before, ok := r.versions[key]; ok && before != f[4] {
			return nil, fmt.Errorf("%s was %s and is %s", key, before, f[4])
		}
		r.versions[key] = f[4]
		if f[3] == "t" {
			found[f[0]+" "+f[1]] = f[4]
		}
	}
	views, err := r.s.query(ctx, "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'")
	for _, line := range views {
		name, text, _ := strings.Cut(line, "|")
		found["view "+name] = text
	}
	return found, err
}

// differs says what is there and should not be, or is not as it should be; "" for nothing.
func (r *history) differs(found map[string]string, want map[string]int) string {
	var complaints []string
	for _, one := range r.things {
		text, there := found[one.kind+" "+one.name]
		n, wanted := want[one.name]
		switch {
		case there != wanted:
			complaints = append(complaints, fmt.Sprintf("%s %s is there: %v, should be: %v", one.kind, one.name, there, wanted))
		case there && !strings.Contains(text, one.trace(n)):
			complaints = append(complaints, fmt.Sprintf("%s %s has no %s: %s", one.kind, one.name, one.trace(n), text))
		}
	}
	return strings.Join(complaints, ", ")
}

// outputs compares the outputs of listeners with what their models say of the rows, and the indexes' numbers with those of
// their rows.
func (r *history) outputs(ctx context.Context) error {
	want := map[string]string{"word_loud": "upper(word)"}
	if n, ok := r.now["word_soft"]; ok {
		want["word_soft"] = fmt.Sprintf("lower(word || '%s') || ' %s'", tag(n), tag(r.now["soft"]))
	}
	for name, value := range want {
		lines, err := r.s.query(ctx, fmt.Sprintf(`SELECT * FROM ((SELECT id, output FROM %[1]s EXCEPT SELECT id, %[2]s FROM word) UNION ALL (SELECT id, %[2]s FROM word EXCEPT SELECT id, output FROM %[1]s)) AS d LIMIT 5`, name, value))
		if err != nil {
			return err
		}
		if len(lines) > 0 {
			return fmt.Errorf("the outputs of %s differ: %s", name, strings.Join(lines, "; "))
		}
	}
	lines, err := r.s.query(ctx, "SELECT name, vectors FROM pinnacle.vector_index_stats WHERE vectors <> (SELECT count(*) FROM word)")
	if err == nil && len(lines) > 0 {
		err = fmt.Errorf("indexes have more or fewer vectors than there are rows: %s", strings.Join(lines, "; "))
	}
	return err
}

// listenersThings are what listeners have at home beside their outputs.
var listenersThings = regexp.MustCompile(`^r pinnacle_listeners\.queue_N$`)

// atHome finds outputs, queues and views that belong to nothing.
func (r *history) atHome(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, r.s.world.postgres.URL(r.s.database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	found, err := things(ctx, conn)
	if err != nil {
		return err
	}
	listeners := 2
	_, soft := r.now["word_soft"]
	if soft {
		listeners++
	}
	queues := 0
	for _, one := range found {
		if listenersThings.MatchString(one) {
			queues++
		}
	}
	if queues != listeners {
		err = fmt.Errorf("%d listeners have %d queues", listeners, queues)
	}
	if there := slices.Contains(found, "r public.word_soft"); there != soft {
		err = errors.Join(err, fmt.Errorf("the outputs word_soft are there: %v, should be: %v", there, soft))
	}
	return err
}
