package integration

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestConcurrentAdds has two proxies on one PostgreSQL, with their metadata there too, through which 50 clients replace one model and add
// another of one name at once: each replacement has a version number of its own, and one of the others is made, once.
func TestConcurrentAdds(t *testing.T) {
	t.Parallel()
	behind, err := world.oracle.newTarget("concurrent_adds", false)
	if err != nil {
		t.Fatal(err)
	}
	o := proxyOptions{databackend: behind, args: []string{"--metadata-store", "databackend", "--metadata-poll-interval", "100ms"}}
	o.name = "first"
	_, first := spare(t, o)
	o.name = "second"
	_, second := spare(t, o)
	const clients = 50
	var mu sync.Mutex
	made := map[string]int{} // what became of the model that all add alike
	var group sync.WaitGroup
	for i := range clients {
		on := first
		if i%2 == 1 {
			on = second
		}
		group.Go(func() {
			s := on.open(t)
			if state, line := firstError(s.query(t, timesModel("OR REPLACE MODEL", "replaced", i+2))); state != "" {
				t.Errorf("replacing: %s %s", state, line)
			}
			got := s.query(t, timesModel("MODEL", "once", 1))
			state, line := firstError(got)
			if state != "" {
				t.Errorf("adding the same: %s %s", state, line)
			}
			other, _ := firstError(s.query(t, timesModel("MODEL", "taken", i+2)))
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(fmt.Sprint(got), "nothing was changed") {
				made["same"]++
			} else {
				made["new"]++
			}
			made["taken "+other]++
		})
	}
	group.Wait()
	if made["new"] != 1 || made["same"] != clients-1 {
		t.Errorf("one definition that %d clients add was new for %d and the same for %d of them", clients, made["new"], made["same"])
	}
	if made["taken "] != 1 || made["taken 42710"] != clients-1 {
		t.Errorf("of definitions that differ, under one name, one is taken and the others are refused: %v", made)
	}
	for _, on := range []*target{first, second} {
		awaited(t, on, "SELECT count(*), count(DISTINCT version), min(version), max(version), count(DISTINCT hash), count(*) FILTER (WHERE is_default) FROM pinnacle.model_versions WHERE name = 'replaced'",
			fmt.Sprintf("SELECT %d, %d, 1, %d, %d, 1", clients, clients, clients, clients))
		awaited(t, on, "SELECT name, version FROM pinnacle.models WHERE name IN ('once', 'taken') ORDER BY 1", "SELECT * FROM (VALUES ('once', 1), ('taken', 1)) AS v")
	}
}
