package main_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUpkeep adds a model with an artifact through a proxy, and backs it up, restores it to other stores, verifies and
// collects there, and serves from them.
func TestUpkeep(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := madeDir(t)
	s := serve(t, dir)
	conn := s.connect(t)
	for _, text := range []string{
		"CREATE MODEL twice(x int8) RETURNS int8 USING starlark AS $$\ndef predict(x):\n    return 2 * x\n$$",
		"CREATE MODEL twice_again(x int8) RETURNS int8 USING starlark AS $$\ndef predict(x):\n    return x + x\n$$",
	} {
		if _, err := conn.Exec(ctx, text); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.PgConn().CopyFrom(ctx, strings.NewReader("weights"), "COPY pinnacle.artifacts FROM STDIN"); err != nil {
		t.Fatal(err)
	}
	from := "--data-dir=" + dir
	backup := filepath.Join(t.TempDir(), "backup.tar")
	for _, command := range [][]string{{"gc", from}, {"verify", from}, {"backup", from, "--file=" + backup}} {
		got := run(t, nil, command...)
		if got.code != 3 || !strings.Contains(got.stderr, "in use by process") || !strings.Contains(got.stderr, "HINT") {
			t.Errorf("%s beside its proxy: exit code %d, want 3\n%s", command[0], got.code, got.stderr)
		}
	}
	s.cmd.Process.Signal(os.Interrupt)
	if code := s.code(t); code != 0 {
		t.Fatalf("the proxy ended with %d", code)
	}
	ok := func(want string, args ...string) {
		t.Helper()
		if got := run(t, nil, args...); got.code != 0 || !strings.Contains(got.stdout, want) {
			t.Fatalf("%q: exit code %d, %q\n%s", args, got.code, got.stdout, got.stderr)
		}
	}
	ok("read 1 artifacts, 7 bytes; 0 are damaged", "verify", from)
	ok("removed 0 artifacts", "gc", from)
	ok(" records, 1 artifacts, 7 bytes", "backup", from, "--file="+backup)
	other := dataDir(t)
	stores := []string{"--data-dir=" + other, "--metadata-store=sqlite://" + filepath.Join(other, "meta.db"), "--artifact-store=file://" + filepath.Join(other, "bytes")}
	ok(" records, 1 artifacts, 7 bytes", append([]string{"restore", "--file=" + backup}, stores...)...)
	if got := run(t, nil, append([]string{"restore", "--file=" + backup}, stores...)...); got.code != 1 || !strings.Contains(got.stderr, "--replace") {
		t.Errorf("restore over what is there: exit code %d\n%s", got.code, got.stderr)
	}
	ok(" records, 0 artifacts", append([]string{"migrate", "--to-metadata-store=sqlite://" + filepath.Join(other, "third.db")}, stores...)...)
	ok("read 1 artifacts, 7 bytes", append([]string{"verify"}, stores...)...)
	again := madeDir(t)
	served := serve(t, again, "--metadata-store=sqlite://"+filepath.Join(other, "third.db"))
	var got int
	if err := served.connect(t).QueryRow(ctx, "SELECT predict('twice', 20) + predict('twice_again', 1)").Scan(&got); err != nil || got != 42 {
		t.Errorf("from the migrated store: %d, %v", got, err)
	}
	if got := run(t, nil, "backup", from); got.code != 2 || !strings.Contains(got.stderr, "--file is missing") {
		t.Errorf("backup without a file: exit code %d\n%s", got.code, got.stderr)
	}
	if got := run(t, nil, "migrate", from); got.code != 2 {
		t.Errorf("migrate to nowhere: exit code %d\n%s", got.code, got.stderr)
	}
}
