//go:build !noduckdb

package pinnacle

// largeEngines are the databackends whose libraries make a build large and slow to link: they are left out with the build
// tag noduckdb.
func largeEngines() map[string]openEngine { return nil }
