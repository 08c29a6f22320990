//go:build noduckdb

package pinnacle

// largeEngines is empty in a build without them.
func largeEngines() map[string]openEngine { return nil }
