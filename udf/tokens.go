package udf

import "context"

// tokensKey is the key of a context's taker of tokens.
type tokensKey struct{}

// WithTokens gives a context under which spend is told of the tokens that models use. An error of spend says that no more
// may be used.
func WithTokens(ctx context.Context, spend func(tokens int64) error) context.Context {
	return context.WithValue(ctx, tokensKey{}, spend)
}

// SpendTokens is called by a Predict whose model counts tokens, with its ctx, for each answer of the model that it has
// taken and given so many tokens for. Predict returns the error, if there is one, as it is. Where nobody wants to know,
// there is none.
func SpendTokens(ctx context.Context, tokens int64) error {
	if spend, ok := ctx.Value(tokensKey{}).(func(int64) error); ok {
		return spend(tokens)
	}
	return nil
}
