package integration

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// lastingModel answers truth after so many steps, so that a validation lasts.
const lastingModel = `CREATE OR REPLACE MODEL slow_work(x int4) RETURNS bool USING starlark AS $$
def predict(x):
    n = 0
    for i in range(20000):
        n += i % 7
    return x > 50
$$`

// TestValidate measures models by statement and by function, and reads the figures.
func TestValidate(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.wantTag(t, "CREATE MODEL over(x int4) RETURNS bool USING starlark AS $$\ndef predict(x):\n    return x > 500\n$$", "CREATE MODEL")
		const rows = "(SELECT id AS x, id > 480 AS y FROM item)"
		got := on.rows(t, "VALIDATE MODEL over ON "+rows+" TARGET y")
		want := "[[over 1 accuracy 0.98 1000 0 NULL NULL] [over 1 precision_binary 1 1000 0 NULL NULL] [over 1 recall_binary 0.9615384615384616 1000 0 NULL NULL]" +
			" [over 1 f1_binary 0.9803921568627451 1000 0 NULL NULL] [over 1 confusion_matrix NULL 1000 0"
		if text := fmt.Sprint(got); !strings.HasPrefix(text, want) || !strings.Contains(text, "[480, 0], [20, 500]") && !strings.Contains(text, "[[480,0],[20,500]]") {
			t.Errorf("VALIDATE gives %s\nwant %s …", text, want)
		}
		s.wantRow(t, "SELECT metric, value, rows FROM pinnacle.metrics WHERE model = 'over' AND metric = 'accuracy'", "accuracy", "0.98", "1000")
		s.wantRow(t, "SELECT kind, component, state, rows_done, percent FROM pinnacle.jobs WHERE component = 'over'", "validate", "over", "succeeded", "1000", "100")

		if got := on.rows(t, "VALIDATE MODEL over@1 ON (SELECT id AS x, nullif(id, 3) > 480 AS y FROM item -- all\n) TARGET y METRICS (accuracy)"); fmt.Sprint(got) != "[[over 1 accuracy 0.97997997997998 999 1 NULL NULL]]" {
			t.Errorf("with a NULL: %v", got)
		}
		// The select may call models itself: in its columns, its conditions, and within a transaction, over what that has written.
		s.wantTag(t, timesModel("OR REPLACE MODEL", "scaled", 2), "CREATE MODEL")
		for sql, want := range map[string]string{
			"VALIDATE MODEL over ON (SELECT id AS x, predict('scaled', id) > 960 AS y FROM item) TARGET y METRICS (accuracy)":                           "[[over 1 accuracy 0.98 1000 0 NULL NULL]]",
			"VALIDATE MODEL over ON (SELECT predict('scaled', id) AS x, id > 240 AS y FROM item) TARGET y METRICS (accuracy)":                           "[[over 1 accuracy 0.99 1000 0 NULL NULL]]",
			"VALIDATE MODEL over ON (SELECT id AS x, id > 480 AS y FROM item WHERE predict('scaled', id) > 990 ORDER BY 1) TARGET y METRICS (accuracy)": "[[over 1 accuracy 0.9900990099009901 505 0 NULL NULL]]",
		} {
			if got := on.rows(t, sql); fmt.Sprint(got) != want {
				t.Errorf("%s gives %v, want %s", sql, got, want)
			}
		}
		s.wantTag(t, "CREATE OR REPLACE MODEL mood_of(id int4) RETURNS text USING starlark AS $$\ndef predict(id):\n    return 'ok'\n$$", "CREATE MODEL")
		if got := on.rows(t, "VALIDATE MODEL mood_of ON (SELECT feels, id FROM person) TARGET feels METRICS (accuracy, f1)"); len(got) != 2 || got[1][2] != "f1_macro" {
			t.Errorf("an enumeration: %v", got)
		}
		s.wantTag(t, "ALTER MODEL over RENAME TO above", "ALTER MODEL")
		s.wantRow(t, "SELECT count(*), min(model) FROM pinnacle.metrics WHERE model IN ('over', 'above')", "9", "above")
		s.wantTag(t, "DROP MODEL above", "DROP MODEL")
		s.wantRow(t, "SELECT count(*) FROM pinnacle.metrics WHERE model IN ('over', 'above')", "0")

		for _, c := range []struct{ sql, code, word string }{
			{"VALIDATE MODEL mood_of ON (SELECT feels, id FROM person) TARGET nothing", "42703", "feels, id"},
			{"VALIDATE MODEL mood_of ON (SELECT feels FROM person) TARGET feels", "42883", "id integer"},
			{"VALIDATE MODEL mood_of ON (SELECT nothing, id FROM person) TARGET id", "42703", "position="},
			{"VALIDATE MODEL mood_of ON (SELECT feels, salary AS id FROM person) TARGET feels", "42883", "integer"},
			{"VALIDATE MODEL mood_of ON (SELECT feels, id FROM person) TARGET feels METRICS (gini)", "42704", "accuracy"},
			{"VALIDATE MODEL mood_of ON (SELECT feels, id FROM person) TARGET feels METRICS (mae)", "42804", "mae"},
			{"VALIDATE MODEL mood_of ON (SELECT feels, id FROM person) TARGET feels WITH (positiv = 'ok')", "22023", "positive"},
			{"VALIDATE MODEL mood_of@9 ON (SELECT feels, id FROM person) TARGET feels", "42704", "9"},
			{"SELECT pinnacle.validate('{}')", "22023", "query"},
			{"SELECT pinnacle.cancel_job(4711)", "42704", "4711"},
		} {
			s.wantError(t, c.sql, c.code, c.word)
		}
	})
}

// TestValidateByPgx reads a validation in binary, and hears of it.
func TestValidateByPgx(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		listener, conn := on.connect(t), on.connect(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := listener.Exec(ctx, "LISTEN pinnacle_jobs"); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(ctx, timesModel("OR REPLACE MODEL", "heard", 2)); err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(ctx, "VALIDATE MODEL heard ON (SELECT k AS x, 2.0 * k + 1 AS y FROM item) TARGET y")
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowToMap)
		if err != nil || len(got) != 3 {
			t.Fatalf("%v, %v", got, err)
		}
		for i, name := range []string{"mae", "rmse"} {
			if got[i]["metric"] != name || got[i]["value"] != 1.0 || got[i]["rows"] != int64(1000) || got[i]["version"] != int32(1) {
				t.Errorf("%v", got[i])
			}
		}
		var told []string
		for len(told) < 2 {
			n, err := listener.WaitForNotification(ctx)
			if err != nil {
				t.Fatalf("%v; told was %v", err, told)
			}
			if strings.Contains(n.Payload, `"heard"`) {
				told = append(told, n.Payload)
			}
		}
		if !strings.Contains(told[0], `"state":"running"`) || !strings.Contains(told[1], `"state":"succeeded"`) {
			t.Errorf("told was %v", told)
		}
	})
}

// TestCancelJob cancels a validation from another session, and holds who may.
func TestCancelJob(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		s.wantTag(t, lastingModel, "CREATE MODEL")
		ended := make(chan string, 1)
		slow := on.open(t)
		go func() {
			state, line := firstError(slow.query(t, "VALIDATE MODEL slow_work ON (SELECT g AS x, g > 3 AS y FROM generate_series(1, 100000) g) TARGET y"))
			ended <- state + " " + line
		}()
		id := ""
		const running = "SELECT id FROM pinnacle.jobs WHERE component = 'slow_work' AND state = 'running' AND rows_done > 0"
		if err := until(time.Minute, func() error {
			if rows := on.rows(t, running); len(rows) == 1 {
				id = rows[0][0]
				return nil
			}
			return fmt.Errorf("no validation runs")
		}); err != nil {
			t.Fatal(err)
		}
		s.wantRow(t, "SELECT rows_total, percent > 0, seconds_left > 0, rows_per_second > 0 FROM pinnacle.jobs WHERE id = "+id, "100000", "t", "t", "t")
		s.wantRow(t, "SELECT pinnacle.cancel_job("+id+")", "cancelling")
		select {
		case got := <-ended:
			if !strings.HasPrefix(got, "57014") || !strings.Contains(got, "cancelled by") {
				t.Errorf("the validation ended with %s", got)
			}
		case <-time.After(time.Minute):
			t.Fatal("the validation does not end")
		}
		s.wantRow(t, "SELECT state, sqlstate FROM pinnacle.jobs WHERE id = "+id, "cancelled", "57014")
		s.wantError(t, "SELECT pinnacle.cancel_job("+id+")", "55000", "cancelled")
		s.wantError(t, "SELECT pinnacle.retry_job("+id+")", "55000", "statement")
		slow.wantRow(t, "SELECT 1", "1")
	})
}

// TestKilledValidation kills the proxy in the middle of a validation: the next one says of the job that it is not done.
func TestKilledValidation(t *testing.T) {
	t.Parallel()
	p, on := spare(t, proxyOptions{})
	s := on.open(t)
	s.wantTag(t, lastingModel, "CREATE MODEL")
	slow := on.open(t)
	go func() {
		_ = slow.query(t, "VALIDATE MODEL slow_work ON (SELECT g AS x, g > 3 AS y FROM generate_series(1, 100000) g) TARGET y")
	}()
	if err := until(time.Minute, func() error {
		if n, _ := strconv.Atoi(on.value(t, "SELECT count(*) FROM pinnacle.jobs WHERE state = 'running'")); n == 1 {
			return nil
		}
		return fmt.Errorf("no validation runs")
	}); err != nil {
		t.Fatal(err)
	}
	if err := p.kill(); err != nil {
		t.Fatal(err)
	}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	if err := until(time.Minute, func() error {
		if got := fmt.Sprint(on.rows(t, "SELECT state, sqlstate FROM pinnacle.jobs")); got != "[[failed 57P01]]" {
			return fmt.Errorf("jobs: %s", got)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestCarriedValidation adds models that carry their validation: a job measures them, as their owner.
func TestCarriedValidation(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		const carried = "CREATE MODEL %s(x int4) RETURNS bool USING starlark AS $$\ndef predict(x):\n    return x > 500\n$$ VALIDATE ON (SELECT id AS x, id > 480 AS y FROM item) TARGET y METRICS (%s)"
		s.wantTag(t, fmt.Sprintf(carried, "carried", "accuracy"), "CREATE MODEL")
		s.wantTag(t, fmt.Sprintf(carried, "miscarried", "mae, gini"), "CREATE MODEL")
		if err := until(time.Minute, func() error {
			got := fmt.Sprint(on.rows(t, "SELECT component, state, rows_done, sqlstate FROM pinnacle.jobs WHERE component LIKE '%carried' ORDER BY id"))
			if want := "[[carried succeeded 1000 NULL] [miscarried failed 0 42704]]"; got != want {
				return fmt.Errorf("jobs: %s, want %s", got, want)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		s.wantRow(t, "SELECT m.metric, m.value, j.kind, m.by = current_user FROM pinnacle.metrics m JOIN pinnacle.jobs j ON j.id = m.job WHERE m.model = 'carried'", "accuracy", "0.98", "validate_model", "t")
		s.wantTag(t, "DROP MODEL miscarried", "DROP MODEL")
	})
}

// TestValidateOnDataset measures a model on datasets, pinned and not, by metrics of the user's own.
func TestValidateOnDataset(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		for _, sql := range []string{
			"CREATE TABLE measured AS SELECT id AS x, id > 480 AS y FROM item",
			"CREATE MODEL judged(x int4) RETURNS bool USING starlark AS $$\ndef predict(x):\n    return x > 500\n$$",
			"CREATE DATASET loose AS SELECT x, y FROM measured WHERE x > 100",
			"CREATE DATASET fixed AS SELECT x, y FROM measured WHERE x > 100 WITH (pin = true)",
			"CREATE METRIC fair USING f1 WITH (average = 'macro')",
			"DELETE FROM measured WHERE x < 200",
		} {
			if state, line := firstError(s.query(t, sql)); state != "" {
				t.Fatalf("%s: %s", sql, line)
			}
		}
		want := "[[judged 1 accuracy 0.9750312109862672 801 0 NULL NULL] [judged 1 fair 0.9730139478471801 801 0 NULL NULL]]"
		if got := fmt.Sprint(on.rows(t, "VALIDATE MODEL judged ON DATASET loose TARGET y METRICS (accuracy, fair)")); got != want {
			t.Errorf("not pinned: %s, want %s", got, want)
		}
		want = "[[judged 1 f1_macro 0.9773755656108597 900 0 NULL NULL] [judged 1 fair 0.9773755656108597 900 0 NULL NULL]]"
		if got := fmt.Sprint(on.rows(t, "VALIDATE MODEL judged ON DATASET fixed@1 TARGET y METRICS (f1_macro, fair)")); got != want {
			t.Errorf("pinned: %s, want %s", got, want)
		}
		s.wantError(t, "VALIDATE MODEL judged ON DATASET loos TARGET y", "42704", "loos")
		s.wantError(t, "VALIDATE MODEL judged ON DATASET loose TARGET z", "42703", "x, y")
		s.wantRow(t, "SELECT string_agg(DISTINCT source, ' ' ORDER BY source) FROM pinnacle.metrics WHERE model = 'judged'", "dataset fixed@1 dataset loose")
	})
}

// TestRolesOfValidation holds whose rights count: the session's own role's, and the owner's of a model that carries its
// validation.
func TestRolesOfValidation(t *testing.T) {
	eachProxy(t, func(t *testing.T, on *target) {
		s := on.open(t)
		if state, line := firstError(s.query(t, "CREATE ROLE weak")); state == "42501" {
			t.Skipf("roles cannot be made here: %s", line)
		}
		s.wantTag(t, timesModel("MODEL", "weighed", 2), "CREATE MODEL")
		s.wantTag(t, "CREATE TABLE hidden AS SELECT 1 AS x, 2 AS y", "SELECT 1")
		s.wantTag(t, "SET ROLE weak", "SET")
		s.wantError(t, "VALIDATE MODEL weighed ON (SELECT x, y FROM hidden) TARGET y METRICS (mae)", "42501", "hidden")
		s.wantRow(t, "SELECT state, sqlstate, owner FROM pinnacle.jobs WHERE component = 'weighed'", "failed", "42501", "weak")
		id := on.value(t, "SELECT max(id) FROM pinnacle.jobs WHERE owner <> 'weak'")
		s.wantError(t, "SELECT pinnacle.cancel_job("+id+")", "42501", "cancel_job")
		s.wantTag(t, "RESET ROLE", "RESET")
		s.wantRow(t, "SELECT count(*) FROM pinnacle.metrics WHERE model = 'weighed'", "0")
		s.wantTag(t, "DROP ROLE weak", "DROP ROLE")
	})
}
