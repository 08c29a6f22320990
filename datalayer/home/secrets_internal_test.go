package home

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPassFile(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:6432": "127.0.0.1:6432:*:pinnacle:s\nlocalhost:6432:*:pinnacle:s\n",
		"localhost:6432": "localhost:6432:*:pinnacle:s\n127.0.0.1:6432:*:pinnacle:s\n\\:\\:1:6432:*:pinnacle:s\n",
		"[::1]:6432":     "\\:\\:1:6432:*:pinnacle:s\nlocalhost:6432:*:pinnacle:s\n",
		"0.0.0.0:6432":   "*:6432:*:pinnacle:s\n",
		"[::]:6432":      "*:6432:*:pinnacle:s\n",
		":6432":          "*:6432:*:pinnacle:s\n",
		"192.0.2.1:1":    "192.0.2.1:1:*:pinnacle:s\n",
		"127.0.0.1:0":    "127.0.0.1:*:*:pinnacle:s\nlocalhost:*:*:pinnacle:s\n",
		"":               "*:*:*:pinnacle:s\n",
	} {
		if _, got, _ := strings.Cut(string(passFile(address, "s")), "\n"); got != want {
			t.Errorf("%q: got\n%swant\n%s", address, got, want)
		}
	}
}

// FuzzPassFile checks that a password written is the password read.
func FuzzPassFile(f *testing.F) {
	f.Add("127.0.0.1:6432", "simple")
	f.Add("[::1]:1", `a:b\c`)
	f.Add(":0", `\:`)
	f.Fuzz(func(t *testing.T, address, password string) {
		if password == "" || strings.ContainsAny(address+password, "\r\n") {
			return
		}
		path := filepath.Join(t.TempDir(), "pass")
		if err := os.WriteFile(path, passFile(address, password), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readPassFile(path); err != nil || got != password {
			t.Errorf("wrote %q, read %q, %v", password, got, err)
		}
	})
}

// FuzzReadPassFile reads anything.
func FuzzReadPassFile(f *testing.F) {
	f.Add([]byte("# comment\nh:1:*:pinnacle:secret\n"))
	f.Add([]byte("h:1:*:pinnacle:sec\\"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "pass")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readPassFile(path)
		if err != nil || got != "" && !strings.ContainsAny(string(raw), `\`) && !strings.Contains(string(raw), User) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestNewer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{{"18.3", "17.9", true}, {"9.6", "15.1", false}, {"15.18", "15.2", true}, {"15.2", "15.2", false}, {"18", "18beta1", false}, {"15.2.1", "15.2", true}} {
		if got := newer(c.a, c.b); got != c.want {
			t.Errorf("newer(%s, %s) is %v", c.a, c.b, got)
		}
	}
}

func TestReadPIDFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for text, want := range map[string]pidFile{
		"":                                      {},
		"x\n":                                   {},
		"1\n":                                   {},
		"-5\n":                                  {},
		"77\n":                                  {pid: 77},
		"77\n/d\n1\n2\n/s\n\n  11  22\n":        {pid: 77, sharedMemory: "22"},
		"77\n/d\n1\n2\n/s\n\n\nready   ":        {pid: 77, ready: true},
		"77\n/d\n1\n2\n/s\n\n1 2 3\nstarting\n": {pid: 77},
	} {
		if err := os.WriteFile(filepath.Join(dir, "postmaster.pid"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, ok := readPIDFile(dir)
		if ok != (want.pid != 0) || ok && got != want {
			t.Errorf("%q: got %+v, %v; want %+v", text, got, ok, want)
		}
	}
}
