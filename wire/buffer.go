package wire

import "sync"

// bufferLen is the size of a pooled buffer, in bytes: the most that one read takes from a socket.
const bufferLen = 64 << 10

// buffers is a pool of read and reply buffers that idle connections do not hold, and one of larger ones for long streams.
type buffers struct{ pool, bulk sync.Pool }

// get returns a buffer of bufferLen bytes.
func (p *buffers) get() []byte {
	if b, ok := p.pool.Get().(*[bufferLen]byte); ok {
		return b[:]
	}
	return new([bufferLen]byte)[:]
}

// getBulk returns a buffer of bulkLen bytes.
func (p *buffers) getBulk() []byte {
	if b, ok := p.bulk.Get().(*[bulkLen]byte); ok {
		return b[:]
	}
	return new([bulkLen]byte)[:]
}

// put takes back a buffer that get or getBulk returned. Others, which have grown beyond a pooled one, are left to the
// collector.
func (p *buffers) put(b []byte) {
	switch cap(b) {
	case bufferLen:
		p.pool.Put((*[bufferLen]byte)(b[:bufferLen]))
	case bulkLen:
		p.bulk.Put((*[bulkLen]byte)(b[:bulkLen]))
	}
}
