package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Shared is the server of a script that the tests of one package share. The first test that needs it starts it.
type Shared struct {
	name    string
	env     []string
	dir     string
	once    sync.Once
	running *Script
	err     error
}

// NewShared makes one for scripts/servers/<name>.sh, with more variables, NAME=value; nothing is started.
func NewShared(name string, env ...string) *Shared { return &Shared{name: name, env: env} }

// Main is what TestMain of the package calls: it runs the tests and stops the server. The result is for os.Exit.
func (s *Shared) Main(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", s.name+"-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s.dir = dir
	defer func() { _ = os.RemoveAll(dir) }() // what is left lies among temporary files
	defer func() {
		if s.running == nil {
			return
		}
		if err := s.running.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop:", err)
			code = 1
		}
	}()
	return m.Run()
}

// Start gives the server, or skips the test with the reason why there is none.
func (s *Shared) Start(t testing.TB) *Script {
	t.Helper()
	s.once.Do(func() {
		s.running, s.err = StartScript(context.Background(), s.name, filepath.Join(s.dir, "server"), s.env...)
	})
	if s.err != nil {
		t.Skipf("no server: %v", s.err)
	}
	return s.running
}
