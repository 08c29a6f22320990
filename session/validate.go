package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/validation"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// jobValidate is the kind of the job that a VALIDATE MODEL is.
const jobValidate = "validate"

// validatedName is the name on home of the statement that reads the rows.
const validatedName = "pinnacle_validated"

// validateStatement is VALIDATE MODEL. The rows are read on the client's own session, with its rights, within its
// transaction, through the model like those of any statement with predict; the statement is a job meanwhile.
type validateStatement struct {
	s       *session
	request validation.Request
	version int
	// client is the client's text and query where the select is in it.
	client string
	query  sqlparse.Span
}

// validate makes the statement of a VALIDATE MODEL.
func (s *session) validate(script *sqlparse.Script, st *sqlparse.Statement, c *sqlparse.ValidateModel) (statement, error) {
	if len(script.Statements) > 1 {
		return nil, &sqlparse.Error{Code: "0A000", Message: "VALIDATE MODEL cannot stand among other statements of one query", Position: st.Span.Start, Hint: "Send it by itself."}
	}
	return &validateStatement{s: s, version: c.Name.Version, client: script.Text, query: c.Query,
		request: validation.Request{Model: c.Name.Name, Definition: validation.Definition(*validationDefinition(script.Text, &c.Validation))}}, nil
}

// validateFunction is pinnacle.validate(json).
func (s *session) validateFunction(ctx context.Context, h *homeSide, args []*string) (*string, error) {
	if args[0] == nil {
		return nil, coded("22004", "the argument of pinnacle.validate is NULL", "", "")
	}
	r, err := validation.ParseRequest(*args[0])
	if err != nil {
		return nil, err
	}
	v := &validateStatement{s: s, request: *r}
	if v.request.Model, v.version, err = validation.SplitVersion(r.Model); err != nil {
		return nil, err
	}
	records, err := v.run(ctx, h)
	if err != nil {
		return nil, unpositioned(err)
	}
	text, err := json.Marshal(records)
	answer := string(text)
	return &answer, err
}

func (v *validateStatement) params() []uint32                                           { return nil }
func (v *validateStatement) prepare(context.Context, *homeSide, string, []uint32) error { return nil }
func (v *validateStatement) renew(context.Context, *homeSide) error                     { return nil }
func (v *validateStatement) drop(context.Context, *homeSide) error                      { return nil }
func (v *validateStatement) plan() string                                               { return "validate" }

func (v *validateStatement) fields() []pgproto3.FieldDescription {
	var fields []pgproto3.FieldDescription
	for _, c := range validateColumns() {
		f := textField(c.Name, c.Type.OID())
		f.DataTypeSize = c.Type.Size()
		fields = append(fields, f)
	}
	return fields
}

// validateColumns are the columns of VALIDATE's result.
func validateColumns() []udf.Arg {
	return []udf.Arg{{Name: "model", Type: udf.Text}, {Name: "version", Type: udf.Int4}, {Name: "metric", Type: udf.Text}, {Name: "value", Type: udf.Float8},
		{Name: "rows", Type: udf.Int8}, {Name: "skipped", Type: udf.Int8}, {Name: "detail", Type: udf.JSONB}, {Name: "note", Type: udf.Text}}
}

// bind implements statement.
func (v *validateStatement) bind(_ context.Context, _ *homeSide, b *pgproto3.Bind) (cursor, error) {
	fields, formats, err := withFormats(v.fields(), b.ResultFormatCodes)
	if err != nil {
		return nil, err
	}
	return &validateCursor{v: v, described: fields, formats: formats}, nil
}

// validateCursor is a portal over a validateStatement.
type validateCursor struct {
	v         *validateStatement
	described []pgproto3.FieldDescription
	formats   []int16
	// records are nil until the statement has run; those before next were given.
	records []validation.Record
	next    int
	ran     bool
}

func (c *validateCursor) fields() []pgproto3.FieldDescription { return c.described }
func (c *validateCursor) onHome() bool                        { return false }
func (c *validateCursor) close()                              {}
func (c *validateCursor) plan() string                        { return c.v.plan() }

// execute implements cursor.
func (c *validateCursor) execute(ctx context.Context, h *homeSide, limit int64) (string, error) {
	if !c.ran {
		var err error
		if c.records, err = c.v.run(ctx, h); err != nil {
			return "", err
		}
		c.ran = true
	}
	given := int64(0)
	for ; c.next < len(c.records); c.next++ {
		if limit > 0 && given == limit {
			return "", nil
		}
		row, err := validateRow(&c.records[c.next], c.formats)
		if err != nil {
			return "", err
		}
		if err := (clientSink{h.x}).Row(row); err != nil {
			return "", err
		}
		given++
	}
	return "VALIDATE MODEL", nil
}

// validateRow is a record as a row of the result.
func validateRow(r *validation.Record, formats []int16) ([][]byte, error) {
	var detail []byte
	if r.Detail != nil {
		var err error
		if detail, err = json.Marshal(r.Detail); err != nil {
			return nil, err
		}
	}
	row := make([][]byte, len(formats))
	for i, c := range validateColumns() {
		column := udf.NewColumn(c.Type, 1)
		switch c.Name {
		case "model":
			column.Texts[0] = r.Model
		case "version":
			column.Ints[0] = int64(r.Version)
		case "metric":
			column.Texts[0] = r.Metric
		case "value":
			if r.Value == nil {
				continue
			}
			column.Floats[0] = *r.Value
		case "rows":
			column.Ints[0] = r.Rows
		case "skipped":
			column.Ints[0] = r.Skipped
		case "detail":
			if detail == nil {
				continue
			}
			column.Texts[0] = string(detail)
		case "note":
			if r.Note == "" {
				continue
			}
			column.Texts[0] = r.Note
		}
		var err error
		if row[i], err = pgvalue.Append([]byte{}, &column, 0, formats[i]); err != nil {
			return nil, err
		}
	}
	return row, nil
}

// run measures the model, as a job, and records the figures.
func (v *validateStatement) run(ctx context.Context, h *homeSide) ([]validation.Record, error) {
	s := v.s
	if s.cfg.Jobs == nil {
		return nil, coded("55000", "there are no jobs here", "", "")
	}
	model, err := s.cfg.Datalayer.Describe(ctx, v.request.Model, v.version)
	if err != nil {
		return nil, err
	}
	by, err := s.requester(ctx, h)
	if err != nil {
		return nil, err
	}
	spec := job.Spec{Kind: jobValidate, Component: component.Ref{Kind: component.KindModel, Name: model.Name, Version: model.Version}, Owner: by.Role,
		Args: map[string]any{"source": v.request.Source(), "target": v.request.Target, "metrics": v.request.Metrics}}
	var (
		records []validation.Record
		failed  error
	)
	id, err := s.cfg.Jobs.Do(ctx, spec, func(ctx context.Context, run *job.Run) error {
		if v.request.Dataset != "" {
			records, failed = s.cfg.MeasureDataset(ctx, run, by.Role, model, &v.request.Definition)
		} else {
			records, failed = v.measure(ctx, h, model, run)
		}
		if failed != nil {
			return recorded(failed)
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		for i := range records {
			records[i].Job, records[i].At, records[i].By = run.Job().ID, now, by.Role
		}
		return run.Update(ctx, nil, func(tx keyvalue.Tx) error { return validation.Put(tx, records) })
	})
	if errors.Is(err, job.ErrCancelled) {
		reason := "it was cancelled"
		if j, err := s.cfg.Jobs.Job(context.WithoutCancel(ctx), id); err == nil && j.Failure != nil {
			reason = j.Failure.Message
		}
		return nil, coded("57014", fmt.Sprintf("the validation, job %d, was ended: %s", id, reason), "", "")
	}
	if failed != nil {
		err = failed
	}
	return records, err
}

// recorded is an error as it is recorded of a job, for all to see: without what may quote a row.
func recorded(err error) error {
	var (
		home *homeError
		own  *wire.Error
	)
	switch {
	case errors.As(err, &home):
		return &job.Error{Code: home.response.Code, Message: home.response.Message, Hint: home.response.Hint}
	case errors.As(err, &own):
		return &job.Error{Code: own.Response.Code, Message: own.Response.Message, Hint: own.Response.Hint}
	}
	return err
}

// measure reads the rows through the model.
func (v *validateStatement) measure(ctx context.Context, h *homeSide, model *datalayer.ModelVersion, run *job.Run) ([]validation.Record, error) {
	d := &v.request.Definition
	describing := validation.Describing(d.Query)
	columns, total, err := v.s.describeRows(ctx, h, describing.Text)
	if err != nil {
		return nil, v.position(err, describing)
	}
	reading, err := d.Compose(model, d.Query, columns)
	if err != nil {
		return nil, err
	}
	var records []validation.Record
	err = v.s.overRows(ctx, h, reading.Text, func(p *predictStatement) (*validation.Measure, error) {
		m, err := d.NewMeasure(v.s.cfg.Validate, p.fields()[0].DataTypeOID, model.Returns)
		if err == nil {
			run.Progress(0, total)
			m.Progress = func(rows int64) { run.Progress(rows, max(rows, total)) }
		}
		return m, err
	}, func(m *validation.Measure) error {
		results, used, skipped, err := m.Results()
		records = d.Records(model, results, used, skipped)
		return err
	})
	return records, v.position(err, reading)
}

// position maps places in the proxy's own text to the client's.
func (v *validateStatement) position(err error, st validation.Statement) error {
	origin := func(at int) int {
		if at -= st.QueryAt; v.client != "" && at >= 0 && at <= v.query.End-v.query.Start {
			return v.query.Start + at
		}
		return -1
	}
	var own *sqlparse.Error
	if errors.As(err, &own) {
		e := *own
		e.Position = origin(e.Position)
		return &e
	}
	return repositioned(err, st.Text, v.client, origin)
}

// overRows runs a statement with predict and gives its rows to a Measure, which open makes once the statement's types are
// known; done is called after the last row.
func (s *session) overRows(ctx context.Context, h *homeSide, text string, open func(*predictStatement) (*validation.Measure, error), done func(*validation.Measure) error) (err error) {
	own, err := s.reparse(ctx, h, text)
	if err != nil {
		return err
	}
	p, ok := bare(own).(*predictStatement)
	if !ok {
		return fmt.Errorf("a validation became a %T", own)
	}
	if err := p.prepare(ctx, h, validatedName, nil); err != nil {
		return err
	}
	m, err := open(p)
	if err != nil {
		return err
	}
	defer func() {
		if closing := m.Close(); err == nil {
			err = closing
		}
	}()
	c, err := p.bind(ctx, h, &pgproto3.Bind{DestinationPortal: validatedName, PreparedStatement: validatedName, ResultFormatCodes: m.Formats()})
	if err != nil {
		return err
	}
	defer c.close()
	switch cursor := c.(type) {
	case *predictCursor:
		_, err = cursor.emit(ctx, h, 0, m)
	case *shipCursor: // the select calls models, too
		err = cursor.measure(ctx, h, m)
	default:
		err = fmt.Errorf("a validation became a %T", c)
	}
	if err != nil {
		return err
	}
	if err := done(m); err != nil {
		return err
	}
	if err := h.closePortal(ctx, validatedName); err != nil {
		return err
	}
	return h.closeStatement(ctx, validatedName)
}

// measure gives the statement's rows to a Measure, in place of the client.
func (c *shipCursor) measure(ctx context.Context, h *homeSide, m *validation.Measure) error {
	if err := c.run(ctx, h, true); err != nil {
		return err
	}
	var row pgproto3.DataRow
	_, _, err := c.held.give(func(typ byte, body []byte) error {
		if typ != 'D' {
			return nil
		}
		if err := row.Decode(body); err != nil {
			return err
		}
		return m.Row(row.Values)
	}, 0)
	return err
}

// reparse makes the statement of a text of the proxy's own, which holds a client's select; nil for one that is home's alone.
func (s *session) reparse(ctx context.Context, h *homeSide, text string) (statement, error) {
	script, err := sqlparse.Parse(text, s.cfg.Parse)
	if err != nil {
		return nil, err
	}
	if script.Opaque || len(script.Statements) != 1 {
		return nil, coded("42601", "a model is validated on one select", "", "")
	}
	if err := noParameters(script.Statements[0]); err != nil {
		return nil, err
	}
	script, st, views, err := s.expandViews(ctx, h, script, script.Statements[0])
	if err != nil {
		return nil, err
	}
	own, err := s.statementOf(script, st)
	if err != nil {
		return nil, views.position(err)
	}
	views.attach(own)
	return own, h.closeStatement(ctx, validatedName) // what a failed one has left
}

// describeRows gives the columns of a select, which may call predict, too, and how many rows home expects of it; 0 where it
// cannot tell.
func (s *session) describeRows(ctx context.Context, h *homeSide, text string) (columns []validation.Column, rows int64, err error) {
	own, err := s.reparse(ctx, h, text)
	if err != nil {
		return nil, 0, err
	}
	var fields []pgproto3.FieldDescription
	if own == nil {
		d, err := h.prepare(ctx, validatedName, text, nil)
		if err != nil {
			return nil, 0, err
		}
		fields = d.fields
		if rows, err = h.estimate(ctx, text); err != nil {
			return nil, 0, err
		}
	} else {
		if err := own.prepare(ctx, h, validatedName, nil); err != nil {
			return nil, 0, err
		}
		fields = own.fields()
	}
	for _, f := range fields {
		columns = append(columns, validation.Column{Name: string(f.Name), OID: f.DataTypeOID})
	}
	return columns, rows, h.closeStatement(ctx, validatedName)
}

// estimate is the number of rows that home's planner expects of a statement.
func (h *homeSide) estimate(ctx context.Context, text string) (int64, error) {
	var plans []struct {
		Plan struct {
			Rows float64 `json:"Plan Rows"`
		}
	}
	err := h.rows(ctx, stream.Query{Text: "EXPLAIN (FORMAT JSON) " + text, Formats: []int16{0}}, func(v [][]byte) error {
		return json.Unmarshal(v[0], &plans)
	})
	if err != nil || len(plans) == 0 {
		return 0, unpositioned(err)
	}
	return int64(min(plans[0].Plan.Rows, 1e15)), nil
}
