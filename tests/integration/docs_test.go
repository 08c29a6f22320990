package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	shared "github.com/pinnacle-proxy/pinnacle-proxy/tests/lab"
)

// sqlBlock is an example of the documentation that must run: a fenced block marked sql. Blocks marked text do not run.
var sqlBlock = regexp.MustCompile("(?ms)^```sql\n(.*?)^```$")

// TestDocs runs every SQL example of the documentation with psql, page by page in the order of the page, on a proxy with
// embedded defaults.
func TestDocs(t *testing.T) {
	t.Parallel()
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not installed")
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages of documentation: %v", err)
	}
	_, on := spare(t, proxyOptions{})
	examples := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var script strings.Builder
		for _, m := range sqlBlock.FindAllStringSubmatch(string(text), -1) {
			script.WriteString(m[1])
			examples++
		}
		cmd := exec.CommandContext(t.Context(), psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", on.url(""))
		cmd.Stdin = strings.NewReader(script.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", filepath.Base(page), err, out)
		}
	}
	if examples < 8 {
		t.Errorf("%d examples in all of the documentation", examples)
	}
}

// shBlock is an example of operations.md: all of them together are one script.
var shBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// TestOperations runs the examples of operations.md, in the order of the page, in one shell: on other ports, and with the
// built binary as pinnacle-proxy. What it is to have said stands beside the part that says it.
func TestOperations(t *testing.T) {
	t.Parallel()
	if world.bin == "" {
		t.Skip("no proxy to test in this run")
	}
	for _, program := range []string{"bash", "curl", "openssl", "psql"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed")
		}
	}
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	script := "set -eu\n"
	for _, m := range shBlock.FindAllStringSubmatch(string(page), -1) {
		script += m[1]
	}
	for _, port := range []string{"6432", "9187"} {
		free, err := shared.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		script = strings.ReplaceAll(script, port, strconv.Itoa(free))
	}
	dir, bin := t.TempDir(), t.TempDir()
	if err := os.Symlink(world.bin, filepath.Join(bin, "pinnacle-proxy")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir, cmd.Env = dir, append(proxyEnviron(), "PATH="+bin+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	raw, err := cmd.CombinedOutput()
	out := string(raw)
	if err != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // a proxy that the page has not stopped
		log, _ := os.ReadFile(filepath.Join(dir, "proxy.log"))
		t.Fatalf("%v\n%s\n%s", err, out, log)
	}
	at := 0
	for _, said := range []string{"is ready: psql", "ok\n", "pinnacle_home_up 1", " records, 0 artifacts", "0 are damaged", "would remove 0 artifacts", "removed 0 artifacts",
		" records, 0 artifacts", "0 are damaged", fmt.Sprintln(0), "refused\n"} {
		next := strings.Index(out[at:], said)
		if next < 0 {
			t.Fatalf("%q was not said behind byte %d of\n%s", said, at, out)
		}
		at += next + len(said)
	}
}
