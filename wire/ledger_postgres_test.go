package wire_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// TestRandomPipelines sends random pipelines, right and wrong ones, to PostgreSQL directly and through a proxy whose
// interceptor takes part. What the proxy itself answers is told by PostgreSQL in the direct run, by statements of the
// same outcome; so both conversations must be the same, which they are only if the relay knows at every moment what home
// owes.
func TestRandomPipelines(t *testing.T) {
	t.Parallel()
	postgres.require(t)
	newInterceptor, _ := script()
	p := startProxy(t, wire.Config{}, &postgres, newInterceptor)
	for seed := range uint64(60) {
		source := rand.New(rand.NewPCG(seed, 7))
		var direct, through []pgproto3.FrontendMessage
		syncs := 0
		for range 1 + source.IntN(25) {
			d, th, z := step(source)
			direct, through, syncs = append(direct, d...), append(through, th...), syncs+z
		}
		// Two Syncs and a rollback bring every conversation to the same end.
		end := []pgproto3.FrontendMessage{&pgproto3.CopyFail{}, &pgproto3.Sync{}, query("rollback"), query("select 'the end'")}
		want := converse(t, postgres.addr, append(direct, end...))
		got := converse(t, p.addr, append(through, end...))
		if got != want {
			t.Fatalf("seed %d: %d messages\nproxy  %s\ndirect %s", seed, len(direct), got, want)
		}
	}
}

// step is one random thing that a client may do: the messages for PostgreSQL, and those for the proxy.
func step(source *rand.Rand) (direct, through []pgproto3.FrontendMessage, syncs int) {
	same := func(m ...pgproto3.FrontendMessage) ([]pgproto3.FrontendMessage, []pgproto3.FrontendMessage, int) {
		return m, m, 0
	}
	const fails = "select 1/(select 0)"
	switch source.IntN(13) {
	case 0:
		return same(query("select 1"))
	case 1:
		return same(query("begin"))
	case 2:
		return same(query("commit"))
	case 3:
		return same(query(fails))
	case 4:
		return same(extended("select 2")...)
	case 5:
		return same(extended(fails)...)
	case 6:
		return same(extended("begin")...)
	case 7:
		return same(&pgproto3.Flush{})
	case 8:
		return extended("select 3::text"), extended("proxy home select 3::text"), 0
	case 9:
		return one(query("select 4::text")), one(query("proxy home select 4::text")), 0
	case 10:
		return extended(fails), extended("proxy home " + fails), 0
	default:
		return same(&pgproto3.Sync{})
	}
}

// converse sends all messages at once and returns everything that is answered up to the end.
func converse(t *testing.T, addr string, messages []pgproto3.FrontendMessage) string {
	t.Helper()
	c := dialSession(t, addr)
	c.send(messages...)
	var seen []string
	for {
		_, text, err := c.message()
		if err != nil {
			t.Fatalf("after %q: %v", strings.Join(seen, " "), err)
		}
		if text != "" {
			seen = append(seen, text)
		}
		if n := len(seen); n >= 3 && seen[n-3] == "Dthe end" {
			return strings.Join(seen, " ")
		}
	}
}
