package listener_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/listener"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// envHistories sets how many random histories are tried, envSeed the first one's seed.
const (
	envHistories = "PINNACLE_TEST_HISTORIES"
	envSeed      = "PINNACLE_TEST_SEED"
)

// TestRandomHistories runs random histories of writes, rollbacks, redeployments, failing rows, lost tables and ends of
// Keepers and their sessions, several at a time, under two Keepers. When a history's listener has nothing to do any more,
// its outputs must be what the model says of the source's rows, computed from scratch.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	histories, seed := number(t, envHistories, 30), uint64(number(t, envSeed, 1))
	h := newHome(t, func(c *listener.Config) { c.BatchRows, c.Poll, c.Workers = 7, 10*time.Millisecond, 3 })
	r := &restarts{h: h, others: []func(){runKeeper(listener.New(h.config))}}
	t.Cleanup(func() { r.mu.Lock(); defer r.mu.Unlock(); r.others[0]() })
	var group sync.WaitGroup
	next := make(chan uint64)
	for range 6 {
		group.Go(func() {
			for s := range next {
				one := &history{t: t, h: h, r: r, random: rand.New(rand.NewPCG(s, 7)), name: fmt.Sprintf("h%d", s)}
				if err := one.run(); err != nil {
					t.Errorf("history %d: %v\n%s", s, err, strings.Join(one.log, "\n"))
				}
			}
		})
	}
	for i := range uint64(histories) {
		if t.Failed() {
			break
		}
		next <- seed + i
	}
	close(next)
	group.Wait()
	t.Logf("%d histories from %d on came to rest as they should", r.rested.Load(), seed)
}

func number(t testing.TB, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// restarts ends Keepers in the middle of what they do, and starts others.
type restarts struct {
	h      *home
	mu     sync.Mutex
	others []func()
	// rested counts the histories that have come to rest.
	rested atomic.Int64
}

// restart ends one of the two Keepers, as its process's end would: the sessions are cut, nothing is finished.
func (r *restarts) restart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.others[0]()
	r.others[0] = runKeeper(listener.New(r.h.config))
}

// history is one random history.
type history struct {
	t      *testing.T
	h      *home
	r      *restarts
	random *rand.Rand
	name   string
	log    []string
	// flatten, query, slot and failing say what kind of listener it is.
	flatten, query, slot, failing bool
	// version is the model's.
	version int
}

func (s *history) do(text string) error {
	s.log = append(s.log, text)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := s.h.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol)
	if err != nil && strings.Contains(err.Error(), "23505") {
		return nil // a key that was there
	}
	return err
}

// run runs it.
func (s *history) run() error {
	s.flatten, s.query, s.slot, s.failing = s.random.IntN(4) == 0, s.random.IntN(5) == 0, s.random.IntN(4) == 0, s.random.IntN(10) == 0
	model := "m_" + s.name
	s.h.models.set(func() {
		if s.flatten {
			s.h.models.add(model, udf.TextArray, udf.Text, udf.Int4)
		} else {
			s.h.models.add(model, udf.Text, udf.Text, udf.Int4)
		}
	})
	if err := s.do(fmt.Sprintf("CREATE TABLE %[1]s (a int, b text, word text, n int, note int, PRIMARY KEY (b, a)); CREATE TABLE %[1]s_more (b text PRIMARY KEY, word text)", s.name)); err != nil {
		return err
	}
	for range s.random.IntN(3) {
		if err := s.do(s.write()); err != nil {
			return err
		}
	}
	def := define("l_"+s.name, s.name, model, "word", "n")
	def.Flatten = s.flatten
	if s.query {
		def.Table, def.Query, def.Key = "", s.joined(), []string{"a", "b"}
	}
	if s.slot {
		def = bySlot(def)
	}
	s.h.mu.Lock()
	s.h.definitions = append(s.h.definitions, def)
	s.h.mu.Unlock()
	if s.random.IntN(2) == 0 {
		if err := s.h.keeper.SetUp(context.Background(), def); err != nil && !cut(err) {
			return err // a session that another history cut is no matter: Run sets the listener up
		}
	}
	for range 2 + s.random.IntN(12) {
		if err := s.step(model); err != nil {
			return err
		}
	}
	if err := s.settle(def.Name); err != nil {
		return err
	}
	s.h.mu.Lock()
	for i := range s.h.definitions {
		if s.h.definitions[i].Name == def.Name {
			s.h.definitions = append(s.h.definitions[:i:i], s.h.definitions[i+1:]...)
			break
		}
	}
	s.h.mu.Unlock()
	// A pass that had begun may set it up again; that is another test's.
	for {
		err := s.h.keeper.TearDown(context.Background(), def.Name, 0, false)
		if err == nil {
			break
		}
		if !cut(err) {
			return err
		}
	}
	return s.do("DROP TABLE IF EXISTS " + s.name + ", " + s.name + "_more")
}

// cut reports whether an error is that of a session that was ended.
func cut(err error) bool {
	var e *datalayer.Error
	return errors.As(err, &e) && (e.Code == "57P01" || e.Code == "55P03" || strings.Contains(e.Message, "conn closed"))
}

// joined is the source where it is a query.
func (s *history) joined() string {
	return fmt.Sprintf("SELECT t.a, t.b, coalesce(m.word, t.word) AS word, t.n FROM %[1]s t LEFT JOIN %[1]s_more m USING (b)", s.name)
}

// step does one thing.
func (s *history) step(model string) error {
	switch s.random.IntN(14) {
	case 0:
		s.log = append(s.log, "-- redeployed")
		s.h.models.deploy(model)
		return nil
	case 1:
		s.log = append(s.log, "-- a Keeper ended")
		s.r.restart()
		return nil
	case 2:
		return s.do(fmt.Sprintf("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = %d AND objsubid = 2 AND pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", 0x70696e6c))
	case 3:
		if s.random.IntN(4) == 0 {
			return s.do("DROP TABLE IF EXISTS l_" + s.name)
		}
		time.Sleep(time.Duration(s.random.IntN(20)) * time.Millisecond) // lets Keepers come in between
		return nil
	case 4, 5:
		end := "COMMIT"
		if s.random.IntN(2) == 0 {
			end = "ROLLBACK"
		}
		return s.do("BEGIN; " + s.write() + "; SAVEPOINT s; " + s.write() + "; ROLLBACK TO s; " + s.write() + "; " + end)
	}
	return s.do(s.write())
}

// write is a random statement that cannot fail for its keys, or does so as a whole.
func (s *history) write() string {
	r, n := s.random, s.random.IntN
	word := fmt.Sprintf("'w%d x'", n(5))
	switch {
	case n(6) == 0:
		word = "NULL"
	case s.failing && n(3) == 0:
		word = "'bad " + s.name + "'"
	}
	switch n(10) {
	case 0, 1:
		return fmt.Sprintf("INSERT INTO %s SELECT i, 'b' || i %% 3, %s, i, 0 FROM generate_series(%d, %d) i ON CONFLICT (b, a) DO UPDATE SET word = excluded.word", s.name, word, n(40), 20+n(40))
	case 2:
		return fmt.Sprintf("INSERT INTO %s VALUES (%d, 'b%d', %s, %d, 0) ON CONFLICT DO NOTHING", s.name, n(40), n(3), word, n(10))
	case 3:
		return fmt.Sprintf("UPDATE %s SET word = %s WHERE a %% %d = 0", s.name, word, 1+n(9))
	case 4:
		return fmt.Sprintf("UPDATE %s SET a = a + %d WHERE b = 'b%d'", s.name, 1000*(1+n(3)), n(3))
	case 5:
		return fmt.Sprintf("UPDATE %s SET note = note + 1, n = n + %d", s.name, n(2))
	case 6:
		return fmt.Sprintf("DELETE FROM %s WHERE a %% %d = %d", s.name, 2+n(4), n(2))
	case 7:
		return fmt.Sprintf("MERGE INTO %[1]s AS t USING (SELECT %[2]d AS a, 'b%[3]d' AS b) AS g ON t.a = g.a AND t.b = g.b WHEN MATCHED AND t.n > 5 THEN DELETE WHEN MATCHED THEN UPDATE SET word = %[4]s WHEN NOT MATCHED THEN INSERT VALUES (g.a, g.b, %[4]s, 1, 0)", s.name, n(40), n(3), word)
	case 8:
		return fmt.Sprintf("INSERT INTO %s_more VALUES ('b%d', %s) ON CONFLICT (b) DO UPDATE SET word = excluded.word", s.name, n(4), word)
	}
	if r.IntN(4) == 0 {
		return "TRUNCATE " + s.name
	}
	return fmt.Sprintf("DELETE FROM %s_more WHERE b = 'b%d'", s.name, n(4))
}

// patience is how many looks in a row, lookEvery apart, may find nothing done at all, and othersFirst how many other histories
// may come to rest, before one that has not is taken to be stuck. How fast the machine is says nothing, nor does a clock that
// runs on while the test is stopped.
const (
	patience    = 16_000
	lookEvery   = 15 * time.Millisecond
	othersFirst = 300
)

// settle waits until the listener has nothing to do, and compares.
func (s *history) settle(name string) error {
	version := s.h.models.version("m_" + s.name)
	others, seen, idle := s.r.rested.Load(), "", 0
	for {
		status, err := s.status(name)
		complaint := "it is not fresh"
		if err == nil && status.State == "fresh" && status.ModelVersion == version {
			complaint, err = s.compare(version)
			if err == nil && complaint == "" {
				s.r.rested.Add(1)
				return nil
			}
			// Failed rows that are gone or mended have their time still to come, and home's log may still have to be read.
			if err == nil && !s.failing && !s.slot {
				return fmt.Errorf("outputs differ:\n%s", complaint)
			}
		}
		status.Seconds = 0
		if done := fmt.Sprintf("%+v %d %s", status, s.h.models.count(), complaint); done != seen {
			seen, idle = done, 0
		}
		if idle++; idle > patience || s.r.rested.Load()-others > othersFirst {
			return fmt.Errorf("it does not come to rest: %s\n%+v %v", complaint, status, err)
		}
		time.Sleep(lookEvery)
	}
}

// status is how a listener stands; nothing where it is not set up.
func (s *history) status(name string) (listener.Status, error) {
	all, err := s.h.keeper.Status(context.Background())
	for _, one := range all {
		if one.Name == name {
			return one, err
		}
	}
	return listener.Status{}, err
}

// compare computes the outputs from scratch, and gives a complaint where they are others. An outputs' table that was just
// dropped is no complaint yet.
func (s *history) compare(version int) (string, error) {
	source := s.name
	if s.query {
		source = "(" + s.joined() + ") AS q"
	}
	value := fmt.Sprintf("'v%d:' || word || '/' || n", version)
	good := fmt.Sprintf("word IS DISTINCT FROM 'bad %s'", s.name)
	want := fmt.Sprintf("SELECT b, a, %s, %d FROM %s WHERE %s", value, version, source, good)
	got := "SELECT b, a, output, model_version FROM l_" + s.name
	if s.flatten {
		want = fmt.Sprintf("SELECT b, a, o::int, w, %d FROM %s, string_to_table(%s, ' ') WITH ORDINALITY AS t(w, o) WHERE %s", version, source, value, good)
		got = "SELECT b, a, ordinal, output, model_version FROM l_" + s.name
	}
	query := fmt.Sprintf("SELECT coalesce(string_agg(d, E'\n'), '') FROM ((SELECT '+ ' || t::text AS d FROM ((%[1]s) EXCEPT ALL (%[2]s)) AS t) UNION ALL (SELECT '- ' || t::text FROM ((%[2]s) EXCEPT ALL (%[1]s)) AS t)) AS u", got, want)
	var complaint string
	err := s.h.QueryRow(context.Background(), query, pgx.QueryExecModeSimpleProtocol).Scan(&complaint)
	return complaint, err
}
