package validation

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metric"
)

// space has a Record under Key(hash, Number(version), Number(microseconds), Number(job), Number(place)).
const space keyvalue.Space = "metrics"

// kept is the number of records that are kept of one version of a model; the oldest give way.
const kept = 1000

// Record is one figure that was measured.
type Record struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
	// Hash and CreatedAt are the model version's, and tell it from every other one, also when it is renamed.
	Hash      string    `json:"hash"`
	CreatedAt time.Time `json:"created_at"`
	// Source names the rows (see Definition.Source), Target the column with the right answers.
	Source string `json:"source"`
	Target string `json:"target"`
	Metric string `json:"metric"`
	// Value is nil where the metric is not defined, as Note says, and for the confusion matrix, which Detail has.
	Value  *float64       `json:"value,omitempty"`
	Detail *metric.Matrix `json:"detail,omitempty"`
	Note   string         `json:"note,omitempty"`
	// Rows is the number of rows that were used, Skipped those left out because of a NULL.
	Rows    int64     `json:"rows"`
	Skipped int64     `json:"skipped,omitempty"`
	Job     int64     `json:"job"`
	At      time.Time `json:"at"`
	By      string    `json:"by,omitempty"`
}

// Records makes the records of what was measured.
func (d *Definition) Records(model *datalayer.ModelVersion, results []metric.Result, used, skipped int64) []Record {
	all := make([]Record, len(results))
	for i, r := range results {
		all[i] = Record{Model: model.Name, Version: model.Version, Hash: model.Hash, CreatedAt: model.CreatedAt, Source: d.Source(), Target: d.Target, Metric: r.Name,
			Detail: r.Matrix, Note: r.Note, Rows: used, Skipped: skipped}
		if !math.IsNaN(r.Value) {
			all[i].Value = &r.Value
		}
	}
	return all
}

// Put records figures within a transaction, and removes the oldest of the same model version that are too many.
func Put(tx keyvalue.Tx, records []Record) error {
	for i, r := range records {
		key := keyvalue.Key(r.Hash, keyvalue.Number(uint64(r.Version)), keyvalue.Number(uint64(r.At.UnixMicro())), keyvalue.Number(uint64(r.Job)), keyvalue.Number(uint64(i)))
		value, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := tx.Put(space, key, value); err != nil {
			return err
		}
	}
	if len(records) == 0 {
		return nil
	}
	var keys []string
	prefix := keyvalue.Key(records[0].Hash, keyvalue.Number(uint64(records[0].Version)))
	err := tx.Scan(space, prefix, keyvalue.PrefixEnd(prefix), 0, func(key string, _ []byte) error {
		keys = append(keys, key)
		return nil
	})
	if err != nil {
		return err
	}
	for len(keys) > kept {
		if err := tx.Delete(space, keys[0]); err != nil {
			return err
		}
		keys = keys[1:]
	}
	return nil
}

// Each gives every record to each, ordered by model version and time.
func Each(ctx context.Context, store keyvalue.Store, each func(*Record) error) error {
	return store.View(ctx, func(r keyvalue.Reader) error {
		return r.Scan(space, "", "", 0, func(key string, value []byte) error {
			record, err := decode(key, value)
			if err != nil {
				return err
			}
			return each(record)
		})
	})
}

// decode reads a record.
func decode(key string, value []byte) (*Record, error) {
	r := &Record{}
	if err := json.Unmarshal(value, r); err != nil {
		return nil, &datalayer.Error{Code: "XX001", Message: "the record " + key + " of a validation is damaged", Err: err}
	}
	return r, nil
}

// Forget removes the records of model versions that are no more, as keep says of each.
func Forget(ctx context.Context, store keyvalue.Store, keep func(*Record) bool) error {
	const most = 500 // changes of one transaction
	for {
		var keys []string
		err := store.View(ctx, func(r keyvalue.Reader) error {
			return r.Scan(space, "", "", 0, func(key string, value []byte) error {
				record, err := decode(key, value)
				if err == nil && len(keys) < most && !keep(record) {
					keys = append(keys, key)
				}
				return err
			})
		})
		if err != nil || len(keys) == 0 {
			return err
		}
		err = store.Update(ctx, func(tx keyvalue.Tx) error {
			for _, key := range keys {
				if err := tx.Delete(space, key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}
