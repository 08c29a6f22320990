package session

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dataset"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// datasetStatement is a statement that reads datasets. In place of each stands its query, or, where it is pinned, a
// temporary table of the session that holds what was pinned; so whatever may be said of a table may be said of a dataset.
type datasetStatement struct {
	// statement is the one of the text with that in it; nil before it is prepared.
	statement
	s     *session
	place *expansion
	read  []datasetRead
}

// datasetRead is one dataset that is read.
type datasetRead struct {
	record *component.Record
	def    component.DatasetDefinition
}

// overDatasets makes the statement of one with calls of pinnacle.dataset. The versions are those of now.
func (s *session) overDatasets(script *sqlparse.Script, st *sqlparse.Statement) (statement, error) {
	if what := keeps(st.Node); what != "" {
		return nil, &sqlparse.Error{Code: "0A000", Message: "a dataset cannot be read by " + what, Position: st.Datasets[0].Span.Start,
			Detail: "Its rows are in the session only while the statement runs.", Hint: "CREATE TABLE … AS SELECT * FROM pinnacle.dataset('name') makes a table of them."}
	}
	d := &datasetStatement{s: s}
	var edits []sqlparse.Edit
	for _, c := range st.Datasets {
		r, err := s.cfg.Datalayer.Component(component.Ref{Kind: component.KindDataset, Name: c.Name, Version: c.Version})
		if err != nil {
			return nil, err
		}
		one := datasetRead{record: r}
		if err := component.Decode(r.Definition, &one.def); err != nil {
			return nil, fmt.Errorf("definition of %s: %w", r.Ref(), err)
		}
		text := "(" + one.def.Query + "\n)"
		if one.def.Pin {
			text = dataset.Table(one.def)
		}
		if !c.Aliased {
			text += " AS " + sqlparse.QuoteIdentifier(c.Name)
		}
		d.read = append(d.read, one)
		edits = append(edits, sqlparse.Edit{Span: c.Span, Text: text})
	}
	spliced, err := sqlparse.Splice(script.Text, edits)
	if err != nil {
		return nil, err
	}
	start, stop := st.Span.Start, len(spliced.Text)-(len(script.Text)-st.Span.End)
	d.place = &expansion{client: script.Text, text: spliced.Text[start:stop], origin: func(pos int) int { return spliced.Original(start + pos) }}
	return d, nil
}

func (d *datasetStatement) plan() string {
	if d.statement == nil {
		return "dataset"
	}
	return d.statement.plan()
}

// prepare implements statement.
func (d *datasetStatement) prepare(ctx context.Context, h *homeSide, name string, declared []uint32) error {
	if err := d.attach(ctx, h); err != nil {
		return err
	}
	own, err := d.s.part(ctx, h, d.place.text)
	if err == nil {
		d.statement = own
		err = own.prepare(ctx, h, name, declared)
	}
	return d.place.position(err)
}

// renew implements statement.
func (d *datasetStatement) renew(ctx context.Context, h *homeSide) error {
	if err := d.attach(ctx, h); err != nil {
		return err
	}
	return d.place.position(d.statement.renew(ctx, h))
}

// drop implements statement.
func (d *datasetStatement) drop(ctx context.Context, h *homeSide) error {
	if d.statement == nil {
		return nil
	}
	return d.statement.drop(ctx, h)
}

// bind implements statement.
func (d *datasetStatement) bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	if err := d.attach(ctx, h); err != nil {
		return nil, err
	}
	c, err := d.statement.bind(ctx, h, b)
	return c, d.place.position(err)
}

// attach makes sure that the session may read the datasets, and has the rows of those that are pinned. A table of them that
// is there is whole: it is made and filled in one transaction, and goes with it if that is rolled back.
func (d *datasetStatement) attach(ctx context.Context, h *homeSide) error {
	for _, one := range d.read {
		if one.record.Owner != "" {
			rows, err := homeQuestions{h}.Query(ctx, "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1 AND NOT pg_catalog.pg_has_role(oid, 'USAGE')", one.record.Owner)
			if err != nil {
				return err
			}
			if len(rows) > 0 {
				return coded("42501", "permission denied for "+one.record.Ref().String(), "It belongs to role "+one.record.Owner+", whose rights its rows were read with.",
					"ALTER DATASET … OWNER TO a role that both are members of, or let the owner make a table of it and grant that.")
			}
		}
		if err := d.attachOne(ctx, h, &one); err != nil {
			return unpositioned(err)
		}
	}
	return nil
}

// attachOne is attach for one dataset.
func (d *datasetStatement) attachOne(ctx context.Context, h *homeSide, one *datasetRead) error {
	if !one.def.Pin {
		rows, err := homeQuestions{h}.Query(ctx, "SHOW search_path")
		if err != nil {
			return err
		}
		if path := one.def.SearchPath; path != "" && len(rows) == 1 && rows[0][0] != nil && *rows[0][0] != path {
			return coded("0A000", fmt.Sprintf("the query of %s is read by the search_path %s, and the session has %s", one.record.Ref(), path, *rows[0][0]), "",
				"SET search_path = "+path+", or make the dataset WITH (pin = true).")
		}
		return nil
	}
	table := dataset.Table(one.def)
	there, err := homeQuestions{h}.Query(ctx, "SELECT 1 WHERE pg_catalog.to_regclass($1) IS NOT NULL", table)
	if err != nil || len(there) > 0 {
		return err
	}
	return h.inBlock(ctx, func() error {
		// Who may take the owner's role was asked; other roles that the session takes on are asked as well.
		if err := h.do(ctx, dataset.TableText(one.def), "GRANT SELECT ON "+table+" TO PUBLIC"); err != nil {
			return err
		}
		rows, err := d.s.cfg.OpenArtifact(ctx, one.def.Artifact)
		if err != nil {
			return err
		}
		err = h.fill(ctx, dataset.CopyText(one.def), rows)
		return errors.Join(err, rows.Close())
	})
}

// fillBytes is the size of the pieces of a COPY.
const fillBytes = 64 << 10

// fill runs a COPY FROM STDIN of the proxy's own with what r gives.
func (h *homeSide) fill(ctx context.Context, text string, r io.Reader) error {
	h.x.Send(
		&pgproto3.Close{ObjectType: 'S', Name: ownName},
		&pgproto3.Close{ObjectType: 'P', Name: ownName},
		&pgproto3.Parse{Name: ownName, Query: text},
		&pgproto3.Bind{DestinationPortal: ownName, PreparedStatement: ownName},
		&pgproto3.Execute{Portal: ownName},
	)
	if err := h.ask(); err != nil {
		return err
	}
	if err := h.expect(ctx, "3312G", nil); err != nil {
		return err
	}
	piece := make([]byte, fillBytes)
	for {
		n, err := r.Read(piece)
		if n > 0 {
			h.x.SendRaw('d', piece[:n])
			if failed := h.x.FlushHome(); failed != nil {
				return failed
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			h.x.Send(&pgproto3.CopyFail{Message: "the rows cannot be read"})
			if failed := h.ask(); failed != nil {
				return failed
			}
			return errors.Join(err, h.expect(ctx, "C", nil))
		}
	}
	h.x.Send(&pgproto3.CopyDone{}, &pgproto3.Close{ObjectType: 'P', Name: ownName}, &pgproto3.Close{ObjectType: 'S', Name: ownName})
	if err := h.ask(); err != nil {
		return err
	}
	if _, status, err := h.next(ctx); err != nil || status == stream.Row {
		return errors.Join(err, ctx.Err())
	}
	return h.expect(ctx, "33", nil)
}
