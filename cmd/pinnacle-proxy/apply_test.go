package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// declaredApp declares one component of several kinds, in no order that they could be made in.
const declaredApp = `components:
- kind: listener
  name: parcel_postage
  table: parcels
  model: postage
  arguments: [weight]
- kind: metric
  name: fair
  metric: f1
  options: {average: macro}
- kind: model
  name: postage
  runtime: starlark
  arguments: [{name: weight, type: double precision}]
  returns: double precision
  source: |
    def predict(weight):
        return 4.0 + weight
`

// TestApplication brings a whole application to a proxy: says what would be done, does it, does nothing the second time, and
// writes a file that means the same. Its listener's freshness is a metric, and its job is drawn while somebody watches.
func TestApplication(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := madeDir(t)
	s := serve(t, dir)
	conn := s.connect(t)
	if _, err := conn.Exec(ctx, "CREATE TABLE parcels (id int PRIMARY KEY, weight float8); INSERT INTO parcels SELECT i, i FROM generate_series(1, 50) i"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "app.yaml")
	if err := os.WriteFile(file, []byte(declaredApp), 0o600); err != nil {
		t.Fatal(err)
	}
	connect := "--connect=" + s.config.ConnString()
	ok := func(args ...string) string {
		t.Helper()
		got := run(t, []string{"PGPASSWORD=" + s.config.Password}, append(args, connect)...)
		if got.code != 0 {
			t.Fatalf("%q: exit code %d\n%s%s", args, got.code, got.stdout, got.stderr)
		}
		return got.stdout
	}
	count := func() (n int) {
		t.Helper()
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM pinnacle.components").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := ok("diff", file); strings.Count(got, ": new") != 3 || count() != 0 {
		t.Errorf("diff said %q and left %d components", got, count())
	}
	if got := ok("apply", file); strings.Count(got, ": new") != 3 || count() != 3 {
		t.Errorf("apply said %q and left %d components", got, count())
	}
	if got := ok("apply", file); strings.Count(got, ": same") != 3 || count() != 3 {
		t.Errorf("apply, the second time, said %q and left %d components", got, count())
	}
	again := filepath.Join(t.TempDir(), "again.yaml")
	if err := os.WriteFile(again, []byte(ok("export")), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ok("diff", again); strings.Count(got, ": same") != 3 {
		t.Errorf("of what was exported diff said %q", got)
	}
	until(t, "all outputs", func() string {
		var n int
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM parcels JOIN parcel_postage USING (id) WHERE output = 4 + weight").Scan(&n); err != nil || n != 50 {
			return fmt.Sprint(n, err)
		}
		return ""
	})
	until(t, "the listener's freshness", func() string {
		_, page := s.page("/metrics")
		if !strings.Contains(page, `pinnacle_listener_behind_rows{listener="parcel_postage"} 0`) || !strings.Contains(page, `pinnacle_listener_behind_seconds{listener="parcel_postage"} 0`) {
			return page
		}
		return ""
	})
	watch(t, s, connect)
}

// watch has jobs drawn until a new one is among them.
func watch(t *testing.T, s *served, connect string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "jobs")
	to, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	cmd := exec.Command(binary, "jobs", "--watch", connect)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment("PGPASSWORD="+s.config.Password), to, to
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	drawn := func(what string) func() string {
		return func() string {
			text, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(text), what) {
				return fmt.Sprintf("%s %v", text, err)
			}
			return ""
		}
	}
	until(t, "the job of before", drawn("parcel_postage"))
	if _, err := s.connect(t).Exec(context.Background(), "CREATE LISTENER later ON parcels PREDICT postage (weight + 1)"); err != nil {
		t.Fatal(err)
	}
	until(t, "the job of after", drawn("later"))
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("jobs --watch ended with %v", err)
	}
}

// until waits until f gives no complaint.
func until(t *testing.T, what string, f func() string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for complaint := f(); complaint != ""; complaint = f() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s", what, complaint)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
