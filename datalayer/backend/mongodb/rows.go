package mongodb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
)

// rows are a result: documents of a cursor or of RETURNING, or rows that were read ahead. It implements backend.Rows.
type rows struct {
	conn    *conn
	in      *collection
	outputs []output
	// One of these has what is left.
	cursor    *mongo.Cursor
	documents []bson.Raw
	kept      *spool.Spool
	// failure is what ended the reading ahead.
	failure error

	// places are the outputs by the name of the field that they come from.
	places map[string][]int
	values []bson.RawValue
	row    [][]byte
	buf    []byte
	ends   []int
}

// Next implements backend.Rows.
func (r *rows) Next(ctx context.Context) ([][]byte, error) {
	if r.kept != nil {
		row, err := r.kept.Next()
		if errors.Is(err, io.EOF) && r.failure != nil {
			return nil, r.failure
		}
		return row, err
	}
	if r.cursor == nil {
		if len(r.documents) == 0 {
			return nil, io.EOF
		}
		document := r.documents[0]
		r.documents = r.documents[1:]
		return r.convert(document)
	}
	if !r.cursor.Next(r.conn.context(ctx)) {
		if err := r.cursor.Err(); err != nil {
			return nil, r.conn.failed(ctx, r.in, err)
		}
		if ctx.Err() != nil {
			return nil, r.conn.failed(ctx, r.in, ctx.Err())
		}
		delete(r.conn.open, r)
		return nil, io.EOF
	}
	return r.convert(r.cursor.Current)
}

// convert turns a document into a row.
func (r *rows) convert(document bson.Raw) ([][]byte, error) {
	if r.places == nil {
		r.index()
	}
	clear(r.values)
	if err := r.locate(document); err != nil {
		return nil, err
	}
	r.buf, r.ends = r.buf[:0], r.ends[:0]
	for i := range r.outputs {
		end, err := r.appendValue(i)
		if err != nil {
			return nil, err
		}
		r.ends = append(r.ends, end)
	}
	start := 0
	for i, end := range r.ends {
		if r.row[i] = nil; end >= 0 {
			r.row[i] = r.buf[start:end:end]
			start = end
		}
	}
	return r.row, nil
}

// index notes where each output comes from.
func (r *rows) index() {
	r.places = map[string][]int{}
	for i, out := range r.outputs {
		if !out.fixed && (out.rest == nil || len(out.rest.path) > 0) {
			r.places[out.name] = append(r.places[out.name], i)
		}
	}
	r.values, r.row = make([]bson.RawValue, len(r.outputs)), make([][]byte, len(r.outputs))
	r.buf = make([]byte, 0, 256) // an empty text is not NULL
}

// locate finds the outputs' values in a document, in one pass.
func (r *rows) locate(document bson.Raw) error {
	elements, err := document.Elements()
	if err != nil {
		return &backend.Error{Code: "HV000", Message: fmt.Sprintf("a document of the collection %q cannot be read", r.in.name), Err: err}
	}
	for _, element := range elements {
		for _, i := range r.places[element.Key()] {
			v := element.Value()
			if rest := r.outputs[i].rest; rest != nil && len(rest.path) > 1 {
				inner, _ := v.DocumentOK()
				v = (&field{path: rest.path[1:]}).inside(inner)
			}
			r.values[i] = v
		}
	}
	for i, out := range r.outputs {
		if out.rest != nil && len(out.rest.path) == 0 && out.name == "" {
			r.values[i] = bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: document}
		}
	}
	return nil
}

// appendValue appends the text of a value to buf and gives its end, -1 for NULL.
func (r *rows) appendValue(i int) (int, error) {
	out, v := &r.outputs[i], r.values[i]
	if out.fixed {
		if out.constant == nil {
			return -1, nil
		}
		r.buf = append(r.buf, out.constant...)
		return len(r.buf), nil
	}
	if out.absent(v) {
		return -1, nil
	}
	var buf []byte
	var err error
	if out.average {
		buf, err = appendAverage(r.buf, v, out.scale)
	} else {
		buf, err = out.appendText(r.buf, v)
	}
	if err != nil {
		return 0, r.misfit(out, v, err)
	}
	r.buf = buf
	return len(buf), nil
}

// misfit is the error for a value that does not fit its column, which is noted for the next reading of the catalog.
func (r *rows) misfit(out *output, v bson.RawValue, err error) error {
	name := out.name
	if out.rest != nil {
		name = out.rest.dotted()
		if len(out.rest.path) == 1 {
			if document, err := bson.Marshal(bson.D{{Key: name, Value: v}}); err == nil {
				_ = r.conn.engine.saw(r.in.name, document)
			}
		}
	}
	e := misfit(r.in.name, name, typeNames[v.Type])
	if errors.Is(err, errNUL) {
		e.Code, e.Message = "22021", fmt.Sprintf("a document of the collection %q has a text with the character U+0000, which PostgreSQL cannot hold", r.in.name)
		e.Detail, e.Hint = fmt.Sprintf("It is in the column %q.", name), ""
	}
	if out.rest != nil && !absent(v) && strings.HasPrefix(e.Message, "a document") && out.kind == dates {
		e.Detail += " Timestamps lie between the years -4713 and 294276, dates are at midnight."
	}
	return e
}

// detach reads the rest into a spool.
func (r *rows) detach(ctx context.Context) error {
	ahead := spool.New(r.conn.engine.options.Spool)
	for {
		row, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.failure = err
			break
		}
		if err := ahead.Add(row); err != nil {
			return errors.Join(err, ahead.Close())
		}
	}
	r.kept = ahead
	return r.end()
}

// end closes the cursor.
func (r *rows) end() error {
	delete(r.conn.open, r)
	if r.cursor == nil {
		return nil
	}
	cursor := r.cursor
	r.cursor = nil
	_ = cursor.Close(r.conn.context(context.Background())) // a server that is gone has closed it
	return nil
}

// Close implements backend.Rows.
func (r *rows) Close() error {
	err := r.end()
	r.documents = nil
	if r.kept != nil {
		err = errors.Join(err, r.kept.Close())
	}
	return err
}
