package lab

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// EnvBin names a proxy binary to test; without it one is built.
const EnvBin = "PINNACLE_BIN"

// ProxyBinary is the proxy to test: the one that the environment names, or one built now into dir from the module at root.
func ProxyBinary(ctx context.Context, root, dir string) (string, error) {
	if bin := os.Getenv(EnvBin); bin != "" {
		return filepath.Abs(bin)
	}
	bin := filepath.Join(dir, "pinnacle-proxy")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, "./cmd/pinnacle-proxy")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
}

// Proxy is one running pinnacle-proxy.
type Proxy struct {
	dir         string
	addr        string
	databackend string
	process     *process
}

// StartProxy starts a proxy with its data under dir, in front of the databackend that a URL names ("" for the embedded
// default), and waits until a client can log in.
func StartProxy(ctx context.Context, bin, dir, databackend string, args ...string) (*Proxy, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	p := &Proxy{dir: dir, addr: fmt.Sprintf("127.0.0.1:%d", port), databackend: databackend}
	line := []string{"serve", "--listen", p.addr, "--data-dir", filepath.Join(dir, "data"), "--log-level", "info"}
	if databackend != "" {
		line = append(line, "--databackend", databackend)
	}
	cmd := exec.Command(bin, append(line, args...)...)
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Setpgid: true}
	// The proxy takes variables that begin like its own for settings, and refuses those it does not know.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, EnvBin+"=") || strings.HasPrefix(v, "PINNACLE_TEST_") })
	if p.process, err = launch(cmd, p.log()); err != nil {
		return nil, err
	}
	err = p.process.until(90*time.Second, func() error {
		to, err := p.URL()
		if err != nil {
			return err
		}
		return Load(ctx, to, "SELECT 1")
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, p.Tail(30)), p.Stop())
	}
	return p, nil
}

func (p *Proxy) log() string { return filepath.Join(p.dir, "log") }

// URL is a connection string through the proxy: with the own user and database of a databackend that is a PostgreSQL, otherwise
// with those of the pgpass file in the data directory.
func (p *Proxy) URL() (string, error) {
	if strings.HasPrefix(p.databackend, "postgres") {
		u, err := url.Parse(p.databackend)
		if err != nil {
			return "", err
		}
		u.Host = p.addr
		return u.String(), nil
	}
	path := filepath.Join(p.dir, "data", "pgpass")
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 5); len(f) == 5 && !strings.HasPrefix(line, "#") {
			u := url.URL{Scheme: "postgres", User: url.UserPassword("pinnacle", f[4]), Host: p.addr, Path: "/pinnacle", RawQuery: "sslmode=disable"}
			return u.String(), nil
		}
	}
	return "", fmt.Errorf("%s has no line of the form host:port:database:user:password", path)
}

// Programs is the directory with the programs of the PostgreSQL that the proxy has fetched; "" if it uses the machine's.
func (p *Proxy) Programs() string {
	found, err := filepath.Glob(filepath.Join(p.dir, "data", "postgres", "bin-*", "bin"))
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[0]
}

// Ended reports whether the process is gone.
func (p *Proxy) Ended() bool { return p.process.ended() }

// Tail is at most the last n lines of the log.
func (p *Proxy) Tail(n int) string {
	raw, err := os.ReadFile(p.log())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(raw), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Kill ends the proxy by SIGKILL, as a crash does, and waits until it is gone.
func (p *Proxy) Kill() error {
	if err := p.process.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.process.exited
	return nil
}

// Data is the path of a file or directory in the proxy's data directory.
func (p *Proxy) Data(name string) string { return filepath.Join(p.dir, "data", name) }

// Process is the proxy's number.
func (p *Proxy) Process() int { return p.process.cmd.Process.Pid }

// Stop ends the proxy with SIGTERM and waits for it.
func (p *Proxy) Stop() error { return p.process.stop(syscall.SIGTERM, 40*time.Second) }
