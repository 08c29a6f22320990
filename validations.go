package pinnacle

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/artifacts"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dataset"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/job"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/validation"
)

// validationTable is pinnacle.metrics: what was measured of the model versions that there are, under their names of now.
func (p *Proxy) validationTable(store keyvalue.Store) datalayer.SystemTable {
	columns := tableColumns("model text", "version int4", "metric text", "value float8", "rows int8", "skipped int8", "source text", "target text",
		"detail jsonb", "note text", "job int8", "at timestamptz", "by text")
	return datalayer.SystemTable{Name: "metrics", Columns: columns, Rows: func(ctx context.Context) ([][]any, error) {
		models, err := p.modelNames(ctx)
		if err != nil {
			return nil, err
		}
		type named struct {
			model  string
			record *validation.Record
		}
		var found []named
		err = validation.Each(ctx, store, func(r *validation.Record) error {
			if name, ok := models.of(r); ok {
				found = append(found, named{name, r})
			}
			return nil
		})
		slices.SortStableFunc(found, func(a, b named) int { return a.record.At.Compare(b.record.At) })
		rows := make([][]any, len(found))
		for i, f := range found {
			rows[i] = validationRow(f.model, f.record)
		}
		return rows, err
	}}
}

// validationRow is a record as a row.
func validationRow(model string, r *validation.Record) []any {
	var value, detail any
	if r.Value != nil {
		value = *r.Value
	}
	if r.Detail != nil {
		detail = r.Detail
	}
	return []any{model, int64(r.Version), r.Metric, value, r.Rows, r.Skipped, r.Source, r.Target, detail, textOrNull(r.Note), r.Job, r.At, r.By}
}

// contents are the names of model versions, by what they keep when they are renamed.
type contents map[content]string

type content struct {
	hash    string
	version int
	created int64
}

// modelNames reads the models that there are.
func (p *Proxy) modelNames(ctx context.Context) (contents, error) {
	table, err := p.Table(ctx, "model_versions")
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, c := range table.Columns {
		at[c.Name] = i
	}
	named := contents{}
	for _, row := range table.Rows {
		hash, _ := row[at["hash"]].(string)
		version, _ := row[at["version"]].(int64)
		name, _ := row[at["name"]].(string)
		created, _ := row[at["created_at"]].(time.Time)
		named[content{hash, int(version), created.UnixMicro()}] = name
	}
	return named, nil
}

// of is the name that a record's model has now; false: the version is no more.
func (c contents) of(r *validation.Record) (string, bool) {
	name, ok := c[content{r.Hash, r.Version, r.CreatedAt.UnixMicro()}]
	return name, ok
}

// forgetValidations removes what was measured of model versions that are no more.
func (p *Proxy) forgetValidations(ctx context.Context, store keyvalue.Store) error {
	named, err := p.modelNames(ctx)
	if err != nil {
		return err
	}
	return validation.Forget(ctx, store, func(r *validation.Record) bool {
		_, ok := named.of(r)
		return ok
	})
}

// validateJob measures a model version that carries its validation, after it was added: in a session of Execute, as the role
// that the model belongs to.
func (p *Proxy) validateJob(ctx context.Context, run *job.Run) error {
	var args component.ValidateArgs
	if err := run.Args(&args); err != nil {
		return err
	}
	model, err := p.Describe(ctx, args.Model, args.Version)
	if err != nil {
		return job.Permanent(err)
	}
	d := validation.Definition(args.Validation)
	owner := run.Job().Owner
	records, err := p.measureAs(ctx, run, owner, model, &d)
	if err != nil {
		switch datalayer.ErrorOf(err).Code[:2] {
		case "08", "53", "57": // no connection, no room, shutting down: another time
			return err
		}
		return job.Permanent(err)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i := range records {
		records[i].Job, records[i].At, records[i].By = run.Job().ID, now, owner
	}
	return run.Update(ctx, nil, func(tx keyvalue.Tx) error { return validation.Put(tx, records) })
}

// measureAs measures a model in a session of Execute, with the rights of a role.
func (p *Proxy) measureAs(ctx context.Context, run *job.Run, role string, model *datalayer.ModelVersion, d *validation.Definition) ([]validation.Record, error) {
	session, err := p.Session(ctx)
	if err != nil {
		return nil, err
	}
	defer session.Release()
	conn := session.Conn()
	query := d.Query
	if d.Dataset != "" {
		def, err := validation.Dataset(d.Dataset, p.Component)
		if err != nil {
			return nil, err
		}
		// What is pinned is brought by the proxy; the rest of what the role may not read it may not read here either.
		if query, err = dataset.Attach(ctx, conn, def, p.openArtifact); err != nil {
			return nil, err
		}
		if def.Pin && role != "" {
			if _, err := conn.Exec(ctx, "GRANT SELECT ON "+strings.TrimPrefix(query, "TABLE ")+" TO "+pgx.Identifier{role}.Sanitize()); err != nil {
				return nil, err
			}
		}
	}
	if role != "" {
		if _, err := conn.Exec(ctx, "SET ROLE "+pgx.Identifier{role}.Sanitize()); err != nil {
			return nil, err
		}
	}
	return p.measure(ctx, conn, d, model, query, run)
}

// openArtifact opens the bytes of an artifact by its digest in hex.
func (p *Proxy) openArtifact(ctx context.Context, digest string) (io.ReadCloser, error) {
	parsed, err := artifacts.ParseDigest(digest)
	if err != nil {
		return nil, err
	}
	bytes, _, err := p.files.Open(ctx, parsed)
	return bytes, err
}

// measure reads the rows of a validation through the model.
func (p *Proxy) measure(ctx context.Context, conn *pgx.Conn, d *validation.Definition, model *datalayer.ModelVersion, query string, run *job.Run) ([]validation.Record, error) {
	described, err := conn.PgConn().Prepare(ctx, "", validation.Describing(query).Text, nil)
	if err != nil {
		return nil, err
	}
	var columns []validation.Column
	for _, f := range described.Fields {
		columns = append(columns, validation.Column{Name: f.Name, OID: f.DataTypeOID})
	}
	reading, err := d.Compose(model, query, columns)
	if err != nil {
		return nil, err
	}
	described, err = conn.PgConn().Prepare(ctx, "", reading.Text, nil)
	if err != nil {
		return nil, err
	}
	m, err := d.NewMeasure(p.validateSettings(), described.Fields[0].DataTypeOID, model.Returns)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	m.Progress = func(rows int64) { run.Progress(rows, 0) }
	reader, stop := context.WithCancel(ctx)
	defer stop()
	rows := conn.PgConn().ExecPrepared(reader, "", nil, nil, m.Formats())
	for err == nil && rows.NextRow() {
		err = m.Row(rows.Values())
	}
	if err != nil {
		stop() // the rest is not read
	}
	if _, closing := rows.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, err
	}
	results, used, skipped, err := m.Results()
	return d.Records(model, results, used, skipped), err
}

// validateSettings bound what a validation takes.
func (p *Proxy) validateSettings() validation.Settings {
	return validation.Settings{MaxLabels: p.settings.ValidateMaxLabels, Memory: int64(p.settings.ValidateMemory),
		Components: func() component.Catalog { return p.Components() }}
}
