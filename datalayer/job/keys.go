package job

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// The spaces of the queue in the metadata store. Records and saved states are by number; log lines by the job's number,
// then their own.
const (
	spaceJobs  keyvalue.Space = "jobs"
	spaceIndex keyvalue.Space = "job_index"
	spaceState keyvalue.Space = "job_state"
	spaceLogs  keyvalue.Space = "job_logs"
)

// The first parts of the index's keys.
const (
	indexNext    = "next"    // the number of the next job
	indexReady   = "ready"   // + not before + job: pending, and waits for no other; the value is the kind
	indexWait    = "wait"    // + dependency + job: pending, and waits for the dependency
	indexRunning = "running" // + job: the value is its pulse
	indexDone    = "done"    // + finished at + job: final
	indexOf      = "of"      // + component's kind + its name + job: not final
	indexEvent   = "event"   // + moment + job + state: not told yet
)

// pulse is what the index has of a running job: who watches it sees a lease's life without reading the record.
type pulse struct {
	Epoch int64 `json:"epoch"`
	Beat  int64 `json:"beat"`
}

// moment is a time as a part of a key: microseconds since 1970, in order.
func moment(t time.Time) string { return keyvalue.Number(uint64(max(0, t.UnixMicro()))) }

// number is a job's number as a part of a key.
func number(id int64) string { return keyvalue.Number(uint64(id)) }

// numberAt reads the number at a place of a key's parts.
func numberAt(key string, place int) (int64, error) {
	parts, ok := keyvalue.Parts(key)
	if !ok || len(parts) <= place {
		return 0, damaged(key)
	}
	var n int64
	if _, err := fmt.Sscanf(parts[place], "%d", &n); err != nil || n < 0 {
		return 0, damaged(key)
	}
	return n, nil
}

// damaged is the error for a key or record that the queue has not written.
func damaged(what string) error {
	return &Error{Code: "XX001", Message: fmt.Sprintf("the job queue's record %q in the metadata store is damaged", what)}
}

// entries are the keys that the index has of a job, with their values: a function of the record alone.
func entries(j *Job) map[string][]byte {
	all := map[string][]byte{}
	id := number(j.ID)
	switch {
	case j.State == Pending && len(j.WaitsFor) > 0:
		for _, dependency := range j.WaitsFor {
			all[keyvalue.Key(indexWait, number(dependency), id)] = []byte("true")
		}
	case j.State == Pending:
		all[keyvalue.Key(indexReady, moment(j.NotBefore), id)] = encode(j.Kind)
	case j.State == Running:
		all[keyvalue.Key(indexRunning, id)] = encode(pulse{j.Epoch, j.Beat})
	default:
		all[keyvalue.Key(indexDone, moment(j.FinishedAt), id)] = []byte("true")
	}
	if !j.State.Final() && j.Component.Kind != "" {
		all[ofKey(j.Component, id)] = []byte("true")
	}
	return all
}

// ofKey is the key of a component's job, or with no id what the keys of all begin with.
func ofKey(c component.Ref, id ...string) string {
	return keyvalue.Key(append([]string{indexOf, c.Kind, c.Name}, id...)...)
}

// encode writes what is known to be JSON.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("job: %T cannot be written as JSON: %v", v, err))
	}
	return b
}
