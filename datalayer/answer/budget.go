package answer

import (
	"context"
	"fmt"
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
	// Timeout bounds the time from NewBudget to the last answer (setting predict_timeout).
	Timeout time.Duration
}

// Budget is what is left of a statement's Limits. All requests of the statement share it. A nil Budget has no limits.
type Budget struct {
	limits        Limits
	deadline      time.Time
	calls, tokens atomic.Int64
}

// NewBudget makes the budget of a statement that begins now.
func NewBudget(l Limits) *Budget {
	b := &Budget{limits: l}
	if l.Timeout > 0 {
		b.deadline = time.Now().Add(l.Timeout)
	}
	return b
}

// Spend takes calls from the budget before they are made. Where too few are left none is taken, and the error, a
// *datalayer.Error with 54000 (program_limit_exceeded), says how many the statement needed.
func (b *Budget) Spend(calls int64) error {
	if b == nil {
		return nil
	}
	return spend(&b.calls, calls, b.limits.MaxCalls, "calls of models", "predict.max_calls")
}

// SpendTokens takes tokens from the budget, as Spend takes calls.
func (b *Budget) SpendTokens(tokens int64) error {
	if b == nil {
		return nil
	}
	return spend(&b.tokens, tokens, b.limits.MaxTokens, "tokens", "predict.max_tokens")
}

// Spent is the number of calls that were taken.
func (b *Budget) Spent() int64 {
	if b == nil {
		return 0
	}
	return b.calls.Load()
}

// spend adds n to what was used, unless that passes the limit.
func spend(used *atomic.Int64, n, limit int64, what, setting string) error {
	for {
		before := used.Load()
		if limit > 0 && n > limit-before {
			return &datalayer.Error{Code: "54000", Message: fmt.Sprintf("statement needs at least %d %s, and %s allows %d", before+n, what, setting, limit),
				Detail: fmt.Sprintf("It had %d, and then needed %d more.", before, n),
				Hint:   fmt.Sprintf("Narrow the statement by a condition, or raise the limit with SET %s (0 is none).", setting)}
		}
		if used.CompareAndSwap(before, before+n) {
			return nil
		}
	}
}

// errTimeout is how a context ends at the deadline of a budget: 57014 (query_canceled), as with statement_timeout.
func (b *Budget) errTimeout() error {
	return &datalayer.Error{Code: "57014", Message: "canceling statement due to predict.timeout",
		Detail: fmt.Sprintf("The models did not answer within %s.", b.limits.Timeout),
		Hint:   "Narrow the statement by a condition, or raise the limit with SET predict.timeout (0 is none)."}
}

// bound gives a context that ends with the budget's time at the latest.
func (b *Budget) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if b == nil || b.deadline.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, b.deadline, b.errTimeout())
}
