package main_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// TestStoresInUse starts a proxy with a data directory of its own on the stores of one that runs.
func TestStoresInUse(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	s := serve(t, dir)
	databackend := "--databackend=postgres://pinnacle@" + net.JoinHostPort(s.config.Host, portText(s)) + "/pinnacle"
	got := run(t, nil, "serve", "--listen=127.0.0.1:0", "--data-dir="+t.TempDir(), databackend,
		"--metadata-store=badger:"+filepath.Join(dir, "metadata"))
	if got.code != 3 || !strings.Contains(got.stderr, "in use") {
		t.Errorf("the metadata store: exit code %d, want 3\n%s", got.code, got.stderr)
	}
	got = run(t, nil, "serve", "--listen=127.0.0.1:0", "--data-dir="+t.TempDir(), databackend,
		"--artifact-store=file:"+filepath.Join(dir, "pgpass"))
	if got.code != 1 || !strings.Contains(got.stderr, filepath.Join(dir, "pgpass")) || strings.Contains(got.stderr, "panic") {
		t.Errorf("a file for the artifact store: exit code %d, want 1\n%s", got.code, got.stderr)
	}
}
