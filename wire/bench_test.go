package wire_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// ways are the two ways to home that the benchmarks compare.
func ways(b *testing.B, f func(b *testing.B, addr string)) {
	postgres.require(b)
	newInterceptor, _ := script()
	p := startProxy(b, wire.Config{}, &postgres, newInterceptor)
	b.Run("direct", func(b *testing.B) { f(b, postgres.addr) })
	b.Run("proxy", func(b *testing.B) { f(b, p.addr) })
}

// skipTo reads whole messages up to and with one of the given type, and returns how many bytes they had.
func skipTo(b *testing.B, in *bufio.Reader, last byte) (n int64) {
	for {
		head, err := in.Peek(5)
		if err != nil {
			b.Fatal(err)
		}
		typ, size := head[0], int(binary.BigEndian.Uint32(head[1:]))+1
		if _, err := in.Discard(size); err != nil {
			b.Fatal(err)
		}
		n += int64(size)
		if typ == last {
			return n
		}
	}
}

// BenchmarkRoundTrip is one statement after the other, simple and prepared.
func BenchmarkRoundTrip(b *testing.B) {
	prepared := []pgproto3.FrontendMessage{&pgproto3.Bind{PreparedStatement: "p"}, &pgproto3.Execute{}, &pgproto3.Sync{}}
	for name, messages := range map[string][]pgproto3.FrontendMessage{
		"simple": one(query("select 1")), "prepared": prepared,
	} {
		b.Run(name, func(b *testing.B) {
			ways(b, func(b *testing.B, addr string) {
				c := dialSession(b, addr)
				c.send(&pgproto3.Parse{Name: "p", Query: "select 1"}, &pgproto3.Sync{})
				c.until("Z")
				var out []byte
				for _, m := range messages {
					out, _ = m.Encode(out)
				}
				_ = c.SetDeadline(noDeadline)
				in := bufio.NewReader(c)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.Write(out); err != nil {
						b.Fatal(err)
					}
					skipTo(b, in, 'Z')
				}
			})
		})
	}
}

// BenchmarkRows reads a long result; an operation is a row.
func BenchmarkRows(b *testing.B) {
	ways(b, func(b *testing.B, addr string) {
		c := dialSession(b, addr)
		_ = c.SetDeadline(noDeadline)
		in := bufio.NewReaderSize(c, 256<<10)
		c.send(query("select i, i * 2, 'row number ' || i from generate_series(1, " + itoa(b.N) + ") i"))
		b.SetBytes(skipTo(b, in, 'Z') / int64(b.N))
	})
}

// BenchmarkHandled is a statement that the interceptor answers itself, without home.
func BenchmarkHandled(b *testing.B) {
	postgres.require(b)
	newInterceptor, _ := script()
	p := startProxy(b, wire.Config{}, &postgres, newInterceptor)
	c := dialSession(b, p.addr)
	_ = c.SetDeadline(noDeadline)
	in := bufio.NewReader(c)
	out, _ := query("proxy answer x").Encode(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(out); err != nil {
			b.Fatal(err)
		}
		skipTo(b, in, 'Z')
	}
}

// BenchmarkIdleSession reports the memory that one idle session takes in the proxy's process, as KiB/session. The
// clients of the benchmark are in the same process and hold one socket and a few small objects each.
func BenchmarkIdleSession(b *testing.B) {
	postgres.require(b)
	p := startProxy(b, wire.Config{}, &postgres, nil)
	memory := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	before := memory()
	const many = 500
	startup, _ := (&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30,
		Parameters: map[string]string{"user": "postgres"}}).Encode(nil)
	in := bufio.NewReader(nil)
	conns := make([]io.Closer, 0, many)
	for range many {
		c := dialRaw(b, p.addr)
		if _, err := c.Write(startup); err != nil {
			b.Fatal(err)
		}
		in.Reset(c.Conn)
		skipTo(b, in, 'Z')
		conns = append(conns, c)
	}
	after := memory()
	for b.Loop() {
		runtime.KeepAlive(conns)
	}
	b.ReportMetric(float64(after-before)/many/1024, "KiB/session")
}

// noDeadline takes a deadline back.
var noDeadline time.Time
