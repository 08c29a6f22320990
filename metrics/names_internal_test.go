package metrics

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestDocumented: docs/operations.md names each metric of the proxy's own in its table, and no other.
func TestDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(pinnacle_[a-z_]+)` \\|").FindAllSubmatch(page, -1) {
		documented = append(documented, string(m[1]))
	}
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		New(Build{}).registry.Describe(descs)
	}()
	var registered []string
	name := regexp.MustCompile(`fqName: "(pinnacle_[a-z_]+)"`)
	for d := range descs {
		if m := name.FindStringSubmatch(d.String()); m != nil {
			registered = append(registered, m[1])
		}
	}
	slices.Sort(documented)
	slices.Sort(registered)
	if !slices.Equal(documented, registered) {
		t.Errorf("documented are %v\nthere are %v", documented, registered)
	}
}
