package validation

import (
	"fmt"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metric"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// batch is the number of rows that are measured at once.
const batch = 1024

// Measure takes the rows of a Statement, and computes the metrics. It implements stream.Sink. It is used by one goroutine,
// and closed by Close.
type Measure struct {
	set *metric.Set
	// names are the metrics' own names, by their places; "" for those that are built in.
	names          []string
	target, answer side
	oid            uint32
	rows           int64
	// Progress, where it is set, is told of the number of rows so far, once a batch.
	Progress func(rows int64)
}

// side is one of the two columns.
type side struct {
	column  udf.Column
	decoder pgvalue.Decoder
}

// read takes one value.
func (s *side) read(v []byte) error { return s.decoder.Append(&s.column, v) }

// NewMeasure makes a Measure for targets of the type with an OID and answers of a model's type. Its error is a
// *datalayer.Error or *metric.Error.
func (d *Definition) NewMeasure(s Settings, targetOID uint32, answer udf.Type) (*Measure, error) {
	m := &Measure{oid: targetOID}
	target := udf.TypeOfOID(targetOID)
	if target == udf.Invalid {
		return nil, &datalayer.Error{Code: "42804", Message: fmt.Sprintf("column %q cannot be a target: its type is not one that a model can give", d.Target)}
	}
	config, names, err := d.config(s, target, answer)
	if err != nil {
		return nil, err
	}
	m.names = names
	if m.set, err = metric.New(config); err != nil {
		return nil, err
	}
	if m.target.decoder, err = pgvalue.NewDecoder(targetOID, target); err != nil {
		return nil, err
	}
	if m.answer.decoder, err = pgvalue.NewDecoder(answer.OID(), answer); err != nil {
		return nil, err
	}
	m.empty(target, answer)
	return m, nil
}

// empty begins a batch.
func (m *Measure) empty(target, answer udf.Type) {
	m.target.column, m.answer.column = udf.Column{Type: target}, udf.Column{Type: answer}
}

// Formats are the formats in which the statement's columns are to come.
func (m *Measure) Formats() []int16 {
	return []int16{pgvalue.ArgFormat(m.oid), pgvalue.ArgFormat(m.answer.column.Type.OID())}
}

// Row implements stream.Sink: a target and an answer.
func (m *Measure) Row(values [][]byte) error {
	if len(values) != 2 {
		return fmt.Errorf("a validation's row has %d values", len(values))
	}
	if err := m.target.read(values[0]); err != nil {
		return err
	}
	if err := m.answer.read(values[1]); err != nil {
		return err
	}
	if m.rows++; m.rows%batch == 0 {
		return m.Flush()
	}
	return nil
}

// Flush implements stream.Sink: what was taken is measured.
func (m *Measure) Flush() error {
	if err := m.set.Add(&m.target.column, &m.answer.column); err != nil {
		return err
	}
	m.empty(m.target.column.Type, m.answer.column.Type)
	if m.Progress != nil {
		m.Progress(m.rows)
	}
	return nil
}

// Results are the metrics of all rows, and the numbers of those that were used and left out.
func (m *Measure) Results() (results []metric.Result, used, skipped int64, err error) {
	if err := m.Flush(); err != nil {
		return nil, 0, 0, err
	}
	results, err = m.set.Results()
	for i, name := range m.names {
		if name != "" && i < len(results) {
			results[i].Name = name
		}
	}
	used, skipped = m.set.Rows()
	return results, used, skipped, err
}

// Close frees what the Measure has on disk.
func (m *Measure) Close() error { return m.set.Close() }
