package wire

import (
	"syscall"
	"time"
)

// A stream of home that has brought bulkAfter bytes within bulkWithin without a pause for the client is long, and is read
// in pieces of at least bulkPiece bytes from then on, into buffers of bulkLen: PostgreSQL writes 8 KiB at a time, and to
// be woken for each, and to wake the client for each, costs more than to copy them.
const (
	bulkAfter  = 1 << 20
	bulkWithin = 100 * time.Millisecond
	bulkPiece  = 64 << 10
	bulkLen    = 256 << 10
)

// bulk is what an inlet knows of a long stream. Its socket wakes the loop only when bulkPiece bytes are there; an alarm
// of the loop looks after those that come too slowly, and the stream's end.
type bulk struct {
	on bool
	// bytes came since began.
	bytes int
	began time.Time
	// patience is how long the next piece may take: twice what the ones before have.
	patience time.Duration
}

// streamed notes that n bytes were relayed and more of the same answer are to come.
func (i *inlet) streamed(n int) {
	b := &i.bulk
	if b.bytes += n; b.bytes == n {
		b.began = time.Now()
		return
	}
	if b.on || b.bytes < bulkAfter || !i.inLoop {
		return
	}
	took := time.Since(b.began)
	if took > bulkWithin || !i.setLowWater(bulkPiece) {
		b.bytes = 0
		return
	}
	b.on, b.patience = true, 2*took*bulkPiece/time.Duration(b.bytes)
}

// calm ends a long stream, if there is one.
func (i *inlet) calm() {
	i.bulk.bytes = 0
	if i.bulk.on {
		i.bulk.on = false
		i.setLowWater(1)
	}
}

// setLowWater says how many bytes must be there for the socket to be readable. It reports false where that cannot be
// said.
func (i *inlet) setLowWater(n int) bool {
	c, ok := i.conn.(*loopConn)
	if !ok || c.remote.Network() != "tcp" {
		return false
	}
	done, _ := c.use(func(fd uintptr) bool {
		return syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, n) == nil
	})
	return done
}
