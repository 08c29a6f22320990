package stream

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// evalState is an Eval made ready: its query, but for the parameters' values.
type evalState struct {
	query Query
	outs  []int // places among the computed columns
}

// evalOf makes an Eval ready, once per run.
func (r *Run) evalOf(b *batch, e *planner.Eval) (*evalState, error) {
	if s, ok := r.evals[e]; ok {
		return s, nil
	}
	s := &evalState{query: Query{Formats: []int16{pgvalue.BinaryFormat}}}
	var sources, names, cast []string
	for i, id := range e.Inputs {
		in, err := r.inputOf(b, id)
		if err != nil {
			return nil, err
		}
		name := planner.ShortName(id)
		s.query.Types = append(s.query.Types, in.array)
		sources = append(sources, fmt.Sprintf("pg_catalog.unnest($%d%s)", i+1, in.arrayCast))
		collate, err := r.collate(id)
		if err != nil {
			return nil, err
		}
		names, cast = append(names, name), append(cast, name+in.cast+collate+" AS "+name)
	}
	if len(sources) == 0 { // only the number of rows matters
		s.query.Types = []uint32{udf.Int8.OID()}
		sources, names, cast = []string{"pg_catalog.generate_series(1, $1)"}, []string{"n"}, []string{"n"}
	}
	rows := "SELECT o, " + strings.Join(cast, ", ") + " FROM ROWS FROM (" + strings.Join(sources, ", ") +
		") WITH ORDINALITY AS r(" + strings.Join(append(names, "o"), ", ") + ")"
	text := "SELECT " + strings.Join(append([]string{planner.RowAlias + ".o"}, e.Exprs...), ", ") +
		" FROM (" + rows + ") AS " + planner.RowAlias
	if e.Filter != "" {
		text += " WHERE (" + e.Filter + ")"
	}
	s.query.Text = text
	for _, id := range e.Outs {
		out, _ := id.Computed()
		format, err := r.outFormat(id)
		if err != nil {
			return nil, err
		}
		s.query.Formats = append(s.query.Formats, format)
		s.outs = append(s.outs, out)
	}
	r.evals[e] = s
	return s, nil
}

// collate gives a column the collation that it has in the client's statement. Outside the subquery in which it stands it
// is implicit, as there.
func (r *Run) collate(id planner.ColumnID) (string, error) {
	switch name, ok := r.collations[id]; {
	case !ok:
		return "", nil
	case name == "":
		return "", &datalayer.Error{Code: "0A000", Message: "predict is not supported in an expression where its arguments have several collations",
			Hint: "Give the arguments one collation: (…) COLLATE \"…\"."}
	default:
		return " COLLATE " + name, nil
	}
}

// input says how a column is sent to home: in an array of type array, which is cast to an array of the column's own type
// or, where there is no such array type, cast value by value.
type input struct {
	array           uint32
	arrayCast, cast string
}

// inputOf finds it for a column.
func (r *Run) inputOf(b *batch, id planner.ColumnID) (input, error) {
	texts := udf.Text.ArrayOID()
	if out, computed := id.Computed(); computed {
		c := &b.computed[out]
		if c.call == nil {
			return input{}, fmt.Errorf("an expression over an expression") // the planner makes none
		}
		t := c.call.call.Model.Returns
		switch {
		case t.ArrayOID() == 0:
			return input{array: texts, cast: "::" + t.String()}, nil
		case pgvalue.Encodable(t, pgvalue.BinaryFormat):
			return input{array: t.ArrayOID()}, nil
		}
		return input{array: texts, arrayCast: "::" + t.String() + "[]"}, nil
	}
	f := r.cfg.Fields[r.layout.visible+int(id)]
	if f.Array == 0 {
		return input{array: texts, cast: "::" + f.Type}, nil
	}
	return input{array: f.Array}, nil
}

// outFormat gives the format of a value that an Eval computes: the client's for its columns, otherwise the one that
// arguments are read from.
func (r *Run) outFormat(id planner.ColumnID) (int16, error) {
	for i, out := range r.layout.outputs {
		if out != nil && out.Col == id {
			return r.format(i), nil
		}
	}
	for _, c := range r.plan.Calls {
		for i, a := range c.Args {
			if a == id {
				return pgvalue.ArgFormat(c.Model.Args[i].Type.OID()), nil
			}
		}
	}
	return 0, fmt.Errorf("a value that nobody reads")
}

// eval runs an Eval over the kept rows of a batch.
func (r *Run) eval(ctx context.Context, b *batch, e *planner.Eval) error {
	s, err := r.evalOf(b, e)
	if err != nil {
		return err
	}
	q := s.query
	for i, id := range e.Inputs {
		v, err := r.array(b, id, s.query.Types[i])
		if err != nil {
			return err
		}
		q.Params = append(q.Params, v)
	}
	if len(e.Inputs) == 0 {
		q.Params = [][]byte{binary.BigEndian.AppendUint64(nil, uint64(len(b.keep)))}
	}
	for i, id := range e.Outs {
		c := &b.computed[s.outs[i]]
		c.cells = append(c.cells[:0], make([]cell, b.rows)...)
		c.oid = r.argOID(id)
	}
	kept := b.keep[:0:0]
	err = r.home.Eval(ctx, q, func(values [][]byte) error {
		if len(values) != 1+len(s.outs) || len(values[0]) != 8 {
			return errWidth(len(values), 1+len(s.outs))
		}
		at := int(binary.BigEndian.Uint64(values[0])) - 1
		if at < 0 || at >= len(b.keep) || (len(kept) > 0 && kept[len(kept)-1] >= b.keep[at]) {
			return fmt.Errorf("home gave row %d of %d out of order", at+1, len(b.keep))
		}
		if len(kept) > 0 && b.bytes() > r.pageBytes() {
			return r.errPage()
		}
		row := b.keep[at]
		kept = append(kept, row)
		for i, out := range s.outs {
			b.computed[out].set(int(row), values[1+i])
		}
		return nil
	})
	if err != nil {
		return err
	}
	if e.Filter == "" && len(kept) != len(b.keep) {
		return fmt.Errorf("home gave %d rows for %d", len(kept), len(b.keep))
	}
	b.keep = kept
	return nil
}

// argOID is the type of a computed argument; the statement casts it to the declared one.
func (r *Run) argOID(id planner.ColumnID) uint32 {
	for _, c := range r.plan.Calls {
		for i, a := range c.Args {
			if a == id {
				return c.Model.Args[i].Type.OID()
			}
		}
	}
	return 0
}

// array gives the kept rows' values of a column as an array in send form.
func (r *Run) array(b *batch, id planner.ColumnID, arrayOID uint32) ([]byte, error) {
	out, computed := id.Computed()
	if !computed {
		column := r.layout.visible + int(id)
		elem := r.cfg.Fields[column].OID
		if r.cfg.Fields[column].Array == 0 {
			elem = udf.Text.OID()
		}
		buf := pgvalue.ArrayHeader(nil, elem, len(b.keep), true)
		for _, row := range b.keep {
			buf = appendSized(buf, b.cell(int(row), column))
		}
		return buf, nil
	}
	c := &b.computed[out]
	t, format := c.call.call.Model.Returns, pgvalue.BinaryFormat
	elem := t.OID()
	if arrayOID == udf.Text.ArrayOID() && t != udf.Text {
		elem, format = udf.Text.OID(), pgvalue.TextFormat
	}
	buf := pgvalue.ArrayHeader(nil, elem, len(b.keep), true)
	for _, row := range b.keep {
		answers, at, ok := c.answer(int(row))
		if !ok {
			buf = appendSized(buf, nil)
			continue
		}
		var err error
		if buf, err = pgvalue.AppendSized(buf, answers, at, format); err != nil {
			return nil, answerError(c.call, err)
		}
	}
	return buf, nil
}

func appendSized(buf, v []byte) []byte {
	if v == nil {
		return binary.BigEndian.AppendUint32(buf, 1<<32-1)
	}
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(v)))
	return append(buf, v...)
}
