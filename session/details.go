package session

import (
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/ship"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
)

// asks changes a request into what a function of a kind asks for: answers of rows that can be answered, or what became of
// each.
func asks(f *planner.Function, r *answer.Request) {
	switch f.Kind {
	case "try_predict":
		r.OnError = answer.Null
	case "predict_details":
		r.OnError, r.Details = answer.Null, true
	}
}

// gives lists the queries that give a function its answers.
func gives(f *planner.Function, keys [][]byte, res *answer.Result) ([]stream.Query, error) {
	if f.Kind == "predict_details" {
		return ship.GiveDetails(f, keys, &res.Answers, res.Details)
	}
	return ship.Give(f, keys, &res.Answers)
}

// warn tells the client how many distinct arguments models could not answer, so that their answers are NULL.
func (h *homeSide) warn(failures map[string]int64) {
	for _, model := range slices.Sorted(maps.Keys(failures)) {
		h.x.Reply(&pgproto3.NoticeResponse{Severity: "WARNING", SeverityUnlocalized: "WARNING", Code: "01000",
			Message: fmt.Sprintf("model %q could not answer %d of its distinct arguments; their answers are NULL", model, failures[model])})
	}
}

// warn tells the client of what models could not answer, once the statement has ended.
func (c *predictCursor) warn(h *homeSide) {
	failures := map[string]int64{}
	for i, s := range c.run.Stats() {
		if s.Errors > 0 {
			failures[c.p.stream.Calls[i].Model.Name] += s.Errors
		}
	}
	h.warn(failures)
}
