package udf_test

import (
	"errors"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

func TestTokensAreTold(t *testing.T) {
	t.Parallel()
	if err := udf.SpendTokens(t.Context(), 5); err != nil {
		t.Error(err)
	}
	told, enough := int64(0), errors.New("enough")
	ctx := udf.WithTokens(t.Context(), func(n int64) error {
		if told += n; told > 10 {
			return enough
		}
		return nil
	})
	for _, want := range []error{nil, nil, enough} {
		if err := udf.SpendTokens(ctx, 5); !errors.Is(err, want) {
			t.Errorf("%v after %d", err, told)
		}
	}
}
