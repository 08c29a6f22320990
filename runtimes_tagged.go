//go:build testruntime

package pinnacle

import (
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/testruntime"
)

// taggedRuntimes are the runtimes that only a build with the tag testruntime has.
func taggedRuntimes() []udf.Runtime { return []udf.Runtime{testruntime.Runtime{}} }
