package stores

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

func TestWithPassword(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "word")
	if err := os.WriteFile(file, []byte("p@ss/w:rd ü\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ uri, want, code string }{
		{"mysql://u@h/d", "mysql://u@h/d", ""},
		{"mysql://u@h/d?passwordfile=" + file, "mysql://u:p%40ss%2Fw%3Ard%20%C3%BC@h/d", ""},
		{"mongodb://u@a:1,b:2/d?x=1&passwordfile=" + file + "&y=2", "mongodb://u:p%40ss%2Fw%3Ard%20%C3%BC@a:1,b:2/d?x=1&y=2", ""},
		{"mysql://h/d?passwordfile=" + file, "", "22023"},
		{"mysql://u:other@h/d?passwordfile=" + file, "", "22023"},
		{"mysql://u@h/d?passwordfile=%zz", "", "22023"},
		{"mysql://u@h/d?passwordfile=" + file + "-none", "", "58030"},
	}
	for _, c := range cases {
		got, err := WithPassword(c.uri)
		var e *datalayer.Error
		code := ""
		if errors.As(err, &e) {
			code = e.Code
		}
		if got != c.want || code != c.code {
			t.Errorf("WithPassword(%q) = %q, %v, want %q and the code %q", c.uri, got, err, c.want, c.code)
		}
	}
}

// TestOpenMetadata opens the stores that need no server, and one of a kind that is none.
func TestOpenMetadata(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, uri := range []string{"badger:" + filepath.Join(dir, "a"), "badger://" + filepath.Join(dir, "b"), "sqlite://" + filepath.Join(dir, "c.db"), "sqlite:" + filepath.Join(dir, "d.db")} {
		s, err := OpenMetadata(context.Background(), uri, Options{})
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		err = s.Update(context.Background(), func(tx keyvalue.Tx) error { return tx.Put("things", "a", []byte("1")) })
		if err := errors.Join(err, s.Close()); err != nil {
			t.Errorf("%s: %v", uri, err)
		}
		if Shared(uri) == strings.HasPrefix(uri, "badger") {
			t.Errorf("%s: Shared is %v", uri, Shared(uri))
		}
	}
	for _, name := range []string{"a", "b", "c.db", "d.db"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	var e *datalayer.Error
	if _, err := OpenMetadata(context.Background(), "redis://h", Options{}); !errors.As(err, &e) || e.Code != "22023" {
		t.Errorf("a store of no known kind: %v, want 22023", err)
	}
}

func TestOpenArtifacts(t *testing.T) {
	t.Parallel()
	s, err := OpenArtifacts(context.Background(), "file://"+filepath.Join(t.TempDir(), "artifacts"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Put(context.Background(), strings.NewReader("x")); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := OpenArtifacts(context.Background(), "mongodb://127.0.0.1:1/?bucket=b"); err == nil {
		t.Error("a URI without a database is not refused")
	}
}
