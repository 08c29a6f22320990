package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestTwoProxiesShareJobs has two proxies on one PostgreSQL, with their metadata there too: one cancels what the other does,
// and takes over from it when it dies.
func TestTwoProxiesShareJobs(t *testing.T) {
	t.Parallel()
	behind, err := world.oracle.newTarget("shared_jobs", false)
	if err != nil {
		t.Fatal(err)
	}
	o := proxyOptions{databackend: behind, args: []string{"--metadata-store", "databackend", "--job-lease", "2s", "--metadata-poll-interval", "200ms"}}
	o.name = "first"
	first, onFirst := spare(t, o)
	o.name = "second"
	_, onSecond := spare(t, o)
	s := onFirst.open(t)
	s.wantTag(t, lastingModel, "CREATE MODEL")
	const validate = "VALIDATE MODEL slow_work ON (SELECT g AS x, g > 3 AS y FROM generate_series(1, 100000) g) TARGET y"
	begin := func() (id string, ended chan string) {
		ended = make(chan string, 1)
		slow := onFirst.open(t)
		go func() {
			state, line := firstError(slow.query(t, validate))
			ended <- state + " " + line
		}()
		if err := until(time.Minute, func() error {
			rows := onSecond.rows(t, "SELECT id FROM pinnacle.jobs WHERE state = 'running'")
			if len(rows) != 1 {
				return fmt.Errorf("%d validations run", len(rows))
			}
			id = rows[0][0]
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return id, ended
	}
	id, ended := begin()
	if got := onSecond.value(t, "SELECT pinnacle.cancel_job("+id+")"); got != "cancelling" {
		t.Errorf("cancel_job gives %s", got)
	}
	if got := <-ended; !strings.HasPrefix(got, "57014") {
		t.Errorf("the validation ended with %s", got)
	}
	id, _ = begin()
	if err := first.kill(); err != nil {
		t.Fatal(err)
	}
	if err := until(time.Minute, func() error {
		if got := fmt.Sprint(onSecond.rows(t, "SELECT state, sqlstate FROM pinnacle.jobs WHERE id = "+id)); got != "[[failed 57P01]]" {
			return fmt.Errorf("the job of the proxy that was killed: %s", got)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if err := first.start(); err != nil {
		t.Fatal(err)
	}
	onFirst.exec(t, "CREATE MODEL shared(x int4) RETURNS int4 USING starlark AS $$\ndef predict(x):\n    return x\n$$ VALIDATE ON (SELECT g AS x, g AS y FROM generate_series(1, 10) g) TARGET y METRICS (mae)")
	if err := until(time.Minute, func() error {
		if got := fmt.Sprint(onSecond.rows(t, "SELECT j.state, j.attempt, m.value FROM pinnacle.jobs j JOIN pinnacle.metrics m ON m.job = j.id WHERE j.kind = 'validate_model'")); got != "[[succeeded 1 0]]" {
			return fmt.Errorf("the validation that is carried: %s", got)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
