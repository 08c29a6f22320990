package answer

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Outputs has answers of models that are kept beside the rows they are for. They are found by the arguments alone, so it does
// not matter to which rows they belong, or which of these a transaction sees. It is safe for concurrent use.
type Outputs interface {
	// Of names what has answers of a version; nil where nothing has. It is quick.
	Of(v *datalayer.ModelVersion) []string
	// Find looks for answers to rows of arguments. It gives the places in rows of those that it has found, and their answers
	// in the same order. That it could not look is an error; the model is asked then.
	Find(ctx context.Context, v *datalayer.ModelVersion, args []udf.Column, rows []int32) (found []int, answers udf.Column, err error)
}

// Outputs names what Config.Outputs has answers of a version in.
func (a *Answerer) Outputs(v *datalayer.ModelVersion) []string {
	if a.outputs == nil || !v.Deterministic || len(v.Args) == 0 {
		return nil
	}
	return a.outputs.Of(v)
}

// looksAtOutputs reports whether Config.Outputs is looked into: it is for models that the cache is for.
func (k *asking) looksAtOutputs() bool {
	return !k.NoOutputs && k.UseCache && k.known.slower(k.a.cacheFrom) && k.a.Outputs(k.version) != nil
}

// lookUpOutputs looks for claimed rows in Config.Outputs, and gives those that are not there.
func (k *asking) lookUpOutputs(ctx context.Context, calls *calls, claimed []*flight) []*flight {
	rows := make([]int32, len(claimed))
	for i, f := range claimed {
		rows[i] = f.row
	}
	places, answers, err := k.a.outputs.Find(ctx, k.version, k.Args, rows)
	if err == nil && (answers.Type != k.version.Returns || answers.Len() != len(places)) {
		err = errEncoding
	}
	if err != nil {
		if ctx.Err() == nil {
			k.a.logger.Debug("kept outputs could not be looked at; the model is asked", "model", k.version.Name, "error", err)
		}
		return claimed
	}
	hit := make([]bool, len(claimed))
	var found []*flight
	calls.mu.Lock() // batches under way write into the same column of answers
	for i, at := range places {
		if hit[at] {
			continue
		}
		one := udf.NewColumn(k.version.Returns, 0)
		if pgvalue.Copy(&one, &answers, i) != nil {
			continue
		}
		copyRows(&k.result.Answers, int(rows[at]), &one)
		hit[at] = true
		found = append(found, claimed[at])
		k.detail(rows[at], Detail{Cached: true})
	}
	k.known.flights.settle(found, func(i int) (*udf.Column, int, error) { return &k.result.Answers, int(found[i].row), nil })
	calls.mu.Unlock()
	k.result.Stats.Cached += int64(len(found))
	left := make([]*flight, 0, len(claimed)-len(found))
	for i, f := range claimed {
		if !hit[i] {
			left = append(left, f)
		}
	}
	return left
}
