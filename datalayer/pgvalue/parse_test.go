package pgvalue_test

import (
	"math"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
)

// TestParseIsPrintsInverse prints numbers over the whole range of each type and reads them again.
func TestParseIsPrintsInverse(t *testing.T) {
	t.Parallel()
	for _, days := range []int32{math.MinInt32, math.MaxInt32, 0, -1, 59, 60, -2451545, 2145031948, -730120, -730119, -730486, 8765, 36524} {
		text := pgvalue.AppendDate(nil, days)
		if got, ok := pgvalue.ParseDate(text); !ok || got != days {
			t.Errorf("date %s: %d, %v, not %d", text, got, ok, days)
		}
	}
	for days := int32(-800000); days < 800000; days += 97 {
		if got, ok := pgvalue.ParseDate(pgvalue.AppendDate(nil, days)); !ok || got != days {
			t.Fatalf("date %d: %d, %v", days, got, ok)
		}
	}
	for _, micros := range []int64{math.MinInt64, math.MaxInt64, 0, -1, 1, 100, 86399999999, -63113904000000001, -211813488000000000, 9223371331199999999} {
		for _, text := range [][]byte{pgvalue.AppendTimestamp(nil, micros), pgvalue.AppendTimestamptz(nil, micros)} {
			if got, ok := pgvalue.ParseTimestamp(text); !ok || got != micros {
				t.Errorf("timestamp %s: %d, %v, not %d", text, got, ok, micros)
			}
		}
	}
	for _, i := range []struct {
		months, days int32
		micros       int64
	}{{}, {14, -3, 14706500000}, {-14, 3, -1}, {0, 0, math.MaxInt64 - 1}, {0, 1, 0}, {1, 0, 0}, {math.MaxInt32, math.MaxInt32, math.MaxInt64}} {
		text := pgvalue.AppendInterval(nil, i.months, i.days, i.micros)
		months, days, micros, ok := pgvalue.ParseInterval(text)
		if !ok || months != i.months || days != i.days || micros != i.micros {
			t.Errorf("interval %s: %d %d %d %v", text, months, days, micros, ok)
		}
	}
	if got, ok := pgvalue.ParseTimestamp([]byte("2000-01-01 02:00:00.5+02:30")); !ok || got != -1800e6+500000 {
		t.Errorf("an offset: %d, %v", got, ok)
	}
}

// FuzzParse reads anything without a panic.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"2024-02-29", "0044-03-15 BC", "2024-02-29 12:34:56.789+05:30", "1 year 2 mons -3 days +04:05:06.5", "24:00:00", "infinity"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, text []byte) {
		pgvalue.ParseDate(text)
		pgvalue.ParseTimestamp(text)
		pgvalue.ParseTime(text)
		pgvalue.ParseInterval(text)
	})
}
