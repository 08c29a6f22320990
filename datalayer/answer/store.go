package answer

// Store keeps answers from statement to statement, and from one run of the proxy to the next. It is safe for concurrent
// use. It may lose anything at any time; what it gives was put under that key. It tells of its own troubles in the log
// alone: to the Answerer, a store that does not work is one that has nothing.
type Store interface {
	// Get looks for keys, and calls found for those that it has, in any order. value is valid during the call.
	Get(keys [][]byte, found func(i int, value []byte))
	// Put keeps values, which a Get gives from then on. It does not wait for a disk, and copies what it keeps.
	Put(keys, values [][]byte)
	// Close writes what was put and lets the store go. No other method may be called any more.
	Close() error
}
