package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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
