//go:build !testruntime

package pinnacle

import "github.com/pinnacle-proxy/pinnacle-proxy/udf"

// taggedRuntimes are the runtimes that only a build with the tag testruntime has: here none.
func taggedRuntimes() []udf.Runtime { return nil }
