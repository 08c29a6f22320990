package badgercache

import (
	"math/bits"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
)

// filter says of most keys that a generation does not have that it does not, without a look into Badger: that costs
// 5 µs a key, and most arguments of a statement may be new. It is a Bloom filter of about ten bits a key and four probes,
// which lets one key of a hundred through in vain when the generation is full. It is safe for concurrent use.
type filter struct {
	words []atomic.Uint64
	// ready says that all keys of the generation are in it; until then it lets every key through.
	ready atomic.Bool
}

// bitsPerKey and probes are what the filter spends on a key.
const (
	bitsPerKey = 10
	probes     = 4
)

// newFilter makes an empty filter for a generation of a cache of a size.
func newFilter(maxBytes int64) *filter {
	keys := uint64(maxBytes) / 4 / entryCost
	words := uint64(1) << bits.Len64(keys*bitsPerKey/64)
	return &filter{words: make([]atomic.Uint64, words)}
}

// add notes a key.
func (f *filter) add(key []byte) {
	h := xxhash.Sum64(key)
	for range probes {
		f.words[h&uint64(len(f.words)-1)].Or(1 << (h >> 58))
		h = next(h)
	}
}

// mayHave reports whether a key may be there.
func (f *filter) mayHave(key []byte) bool {
	if !f.ready.Load() {
		return true
	}
	h := xxhash.Sum64(key)
	for range probes {
		if f.words[h&uint64(len(f.words)-1)].Load()&(1<<(h>>58)) == 0 {
			return false
		}
		h = next(h)
	}
	return true
}

// next gives the hash of the next probe: a step of the generator splitmix64.
func next(h uint64) uint64 {
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
