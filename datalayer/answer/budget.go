package answer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
)

// Limits are what one statement may ask of models. 0 is no limit.
type Limits struct {
	// MaxCalls bounds the argument tuples handed to models (setting predict_max_calls).
	MaxCalls int64
	// MaxTokens bounds the tokens that models say they took and gave (setting predict_max_tokens).
	MaxTokens int64
	// Timeout bounds the time that the statement waits for answers (setting predict_timeout); the time that a client
	// takes between two fetches of a cursor does not count.
	Timeout time.Duration
	// StatementTimeout bounds the same time, as PostgreSQL's setting statement_timeout.
	StatementTimeout time.Duration
}

// timeout is the shorter of the two times, 0 for none, and the error at its end: 57014 (query_canceled).
func (l *Limits) timeout() (time.Duration, error) {
	if t := l.StatementTimeout; t > 0 && (l.Timeout <= 0 || t <= l.Timeout) {
		return t, &datalayer.Error{Code: "57014", Message: "canceling statement due to statement timeout",
			Detail: fmt.Sprintf("The models did not answer within %s.", t)}
	}
	return l.Timeout, &datalayer.Error{Code: "57014", Message: "canceling statement due to predict.timeout",
		Detail: fmt.Sprintf("The models did not answer within %s.", l.Timeout),
		Hint:   "Narrow the statement by a condition, or raise the limit with SET predict.timeout (0 is none)."}
}

// Budget is what is left of a statement's Limits. All requests of the statement share it. A nil Budget has no limits.
type Budget struct {
	limits        Limits
	calls, tokens atomic.Int64

	mu sync.Mutex
	// waiting counts the requests under way, which began with none at since; waited is the time before.
	waiting int
	since   time.Time
	waited  time.Duration
}

// limitCode is program_limit_exceeded.
const limitCode = "54000"

// NewBudget makes the budget of a statement.
func NewBudget(l Limits) *Budget { return &Budget{limits: l} }

// Spend takes calls from the budget before they are made. Where too few are left none is taken, and the error, a
// *datalayer.Error with 54000 (program_limit_exceeded), says how many the statement needed.
func (b *Budget) Spend(calls int64) error {
	if b == nil {
		return nil
	}
	for {
		before := b.calls.Load()
		if limit := b.limits.MaxCalls; limit > 0 && calls > limit-before {
			return errSpent(before, calls, limit, "calls of models", "predict.max_calls")
		}
		if b.calls.CompareAndSwap(before, before+calls) {
			return nil
		}
	}
}

// SpendTokens counts tokens that a model has used; see udf.SpendTokens. Where the budget has not so many, the error is
// one of 54000, as that of Spend.
func (b *Budget) SpendTokens(tokens int64) error {
	if b == nil {
		return nil
	}
	if used := b.tokens.Add(tokens); b.limits.MaxTokens > 0 && used > b.limits.MaxTokens {
		return errSpent(used-tokens, tokens, b.limits.MaxTokens, "tokens", "predict.max_tokens")
	}
	return nil
}

// Spent is the number of calls that were taken.
func (b *Budget) Spent() int64 {
	if b == nil {
		return 0
	}
	return b.calls.Load()
}

// errSpent is the error for what passes a limit: before was used, and then more were needed.
func errSpent(before, more, limit int64, what, setting string) error {
	return &datalayer.Error{Code: limitCode, Message: fmt.Sprintf("statement needs at least %d %s, and %s allows %d", before+more, what, setting, limit),
		Detail: fmt.Sprintf("It had %d, and then needed %d more.", before, more),
		Hint:   fmt.Sprintf("Narrow the statement by a condition, or raise the limit with SET %s (0 is none).", setting)}
}

// bound gives a context for one request, which ends with the budget's time at the latest. The function that it gives is
// called when the request is over.
func (b *Budget) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if b == nil {
		return context.WithCancel(ctx)
	}
	timeout, ending := b.limits.timeout()
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == 0 {
		b.since = now
	}
	b.waiting++
	ctx, cancel := context.WithDeadlineCause(ctx, b.since.Add(timeout-b.waited), ending)
	return ctx, func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.waiting--; b.waiting == 0 {
			b.waited += time.Since(b.since)
		}
	}
}
