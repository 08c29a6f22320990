package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// options are the WITH (…) of a model's statement:
//
//	output     the output to answer with: label, probabilities, or an output's own name. The default is the label of
//	           a classifier, and otherwise the first output.
//	max_batch  the most rows in one run, 1 to 1,000,000. The default is 4096 (see DefaultMaxBatch),
//	           and 16,384 (RemoteMaxBatch) where models run elsewhere.
//	threads    the threads of one run, 1 to 64. The default is the runtime's.
type options struct {
	output string
	// maxBatch is 0 where it is not set.
	maxBatch int
	threads  int
}

// optionNames are the keys that parseOptions knows.
var optionNames = []string{"max_batch", "output", "threads"}

// parseOptions reads a model's options; an unknown key or a value out of range is a *udf.Error.
func parseOptions(with map[string]string) (options, error) {
	var o options
	for _, key := range slices.Sorted(maps.Keys(with)) {
		val := with[key]
		var err error
		switch key {
		case "output":
			o.output = val
		case "max_batch":
			o.maxBatch, err = parseCount(key, val, 1_000_000)
		case "threads":
			o.threads, err = parseCount(key, val, maxThreads)
		default:
			err = &udf.Error{
				Code:    "22023",
				Message: fmt.Sprintf("unknown option %q of an onnx model", key),
				Hint:    "The options are: " + strings.Join(optionNames, ", ") + ".",
			}
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

// parseCount reads an option that is a number from 1 to most.
func parseCount(key, val string, most int) (int, error) {
	n, err := strconv.Atoi(val)
	if err != nil || n < 1 || n > most {
		return 0, &udf.Error{
			Code:    "22023",
			Message: fmt.Sprintf("option %q must be a number from 1 to %d, not %q", key, most, val),
		}
	}
	return n, nil
}
