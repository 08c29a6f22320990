package main_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pinnacle.yaml")
	if err := os.WriteFile(file, []byte("max_conections: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  []string
		args []string
		code int
		want string
	}{
		"version":               {nil, []string{"version"}, 0, "pinnacle-proxy "},
		"help":                  {nil, []string{"--help"}, 0, "check-config"},
		"nothing":               {nil, nil, 0, "check-config"},
		"unknown command":       {nil, []string{"dance"}, 2, `"dance" is not understood`},
		"unknown flag":          {nil, []string{"serve", "--dance"}, 2, "HINT:"},
		"word after serve":      {nil, []string{"serve", "now"}, 2, `"now" is not understood`},
		"bad value of a flag":   {nil, []string{"serve", "--max-connections=0"}, 2, "not between"},
		"unknown variable":      {[]string{"PINNACLE_LISTEM=x"}, []string{"serve"}, 2, "Is PINNACLE_LISTEN meant?"},
		"unknown key":           {nil, []string{"check-config", "--config", file}, 2, "Is max_connections meant?"},
		"no such certificate":   {nil, []string{"check-config", "--tls-cert=/nonexistent", "--tls-key=/nonexistent"}, 2, "certificate"},
		"bad databackend":       {nil, []string{"check-config", "--databackend=postgres://u:hidden@h/d?sslmode=x"}, 2, "sslmode"},
		"databackend down":      {nil, []string{"serve", "--databackend=postgres://u:hidden@127.0.0.1:1/d"}, 4, "cannot be reached"},
		"no programs":           {nil, []string{"serve", "--postgres-bin-dir=/nonexistent"}, 4, "no PostgreSQL was found"},
		"address of no machine": {nil, []string{"serve", "--listen=192.0.2.1:6432"}, 5, "HINT:"},
		"doctor, no programs":   {nil, []string{"doctor", "--postgres-bin-dir=/nonexistent"}, 1, "FAIL  PostgreSQL: "},
		"doctor, backend down":  {nil, []string{"doctor", "--databackend=postgres://u:hidden@127.0.0.1:1/d"}, 1, "FAIL  PostgreSQL: "},
		"doctor, no directory":  {nil, []string{"doctor", "--data-dir=/proc/none"}, 1, "FAIL  data directory: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := c.args
			if len(args) > 0 && args[0] == "serve" {
				args = append(args, "--data-dir="+dataDir(t))
				if name != "address of no machine" {
					args = append(args, "--listen=127.0.0.1:0")
				}
			}
			got := run(t, c.env, args...)
			text := got.stdout + got.stderr
			if got.code != c.code || !strings.Contains(text, c.want) {
				t.Errorf("exit code %d, want %d; output lacks %q:\n%s", got.code, c.code, c.want, text)
			}
			if strings.Contains(text, "hidden") {
				t.Errorf("a password is shown:\n%s", text)
			}
		})
	}
}

func TestCheckConfig(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pinnacle.yaml")
	if err := os.WriteFile(file, []byte("drain_timeout: 5s\nmax_connections: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := run(t, []string{"PINNACLE_LOG_LEVEL=debug", "PINNACLE_CONFIG=" + file}, "check-config", "--listen=0.0.0.0:7000",
		"--databackend=postgres://u:hidden@h/d", "--max-connections=9")
	for _, want := range []string{
		"listen: '0.0.0.0:7000' # flag --listen\n",
		"databackend: 'postgres://u:xxxxx@h/d' # flag --databackend\n",
		"log_level: 'debug' # environment PINNACLE_LOG_LEVEL\n",
		"drain_timeout: '5s' # file " + file + "\n",
		"max_connections: 9 # flag --max-connections\n",
		"max_statement: '64MiB' # default\n",
		"artifact_import_dirs: [] # default\n",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("the output lacks %q:\n%s", want, got.stdout)
		}
	}
	if got.code != 0 || !strings.Contains(got.stderr, "warning: listening on 0.0.0.0:7000") || !strings.Contains(got.stderr, "warning: the databackend URI holds a password") {
		t.Errorf("exit code %d, warnings %q", got.code, got.stderr)
	}
	// What is printed is a configuration file itself.
	if err := os.WriteFile(file, []byte(got.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	if again := run(t, nil, "check-config", "--config="+file); again.code != 0 || !strings.Contains(again.stdout, "max_connections: 9 # file ") {
		t.Errorf("the output is not taken as a file: %+v", again)
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(dataDir(t), "new")
	got := run(t, nil, "doctor", "--data-dir="+dir, "--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0")
	for _, want := range []string{"ok    PostgreSQL: version ", " ONNX Runtime: ", " psql: ", "ok    data directory: " + dir + " will be made\n",
		"ok    listen: ", "ok    metrics_listen: ", " disk: ", " open files: "} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("the output lacks %q:\n%s", want, got.stdout)
		}
	}
	if got.code != 0 {
		t.Errorf("exit code %d:\n%s", got.code, got.stdout)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("doctor made the data directory")
	}
}

// TestUsersOwnServer puts one proxy before another one's PostgreSQL, which stands for the user's own.
func TestUsersOwnServer(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	s := serve(t, dir)
	address := net.JoinHostPort(s.config.Host, portText(s))
	front := serve(t, dataDir(t), "--databackend=postgres://pinnacle@"+address+"/pinnacle?sslmode=prefer")
	if front.config.Password != "" || front.config.User != "pinnacle" || front.config.Database != "pinnacle" {
		t.Errorf("the line is %q", front.ready)
	}
	config := front.config.Copy()
	config.Password = s.config.Password
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var one int
	if err := conn.QueryRow(context.Background(), "SELECT 1").Scan(&one); err != nil || one != 1 {
		t.Errorf("got %d, %v", one, err)
	}
	if code, body := front.page("/readyz"); code != 200 {
		t.Errorf("/readyz: %d %s", code, body)
	}
}

// portText is the port of a proxy.
func portText(s *served) string { return strings.TrimPrefix(readyPort.FindString(s.ready), "port=") }
