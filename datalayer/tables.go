package datalayer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
)

// table is a table of the schema pinnacle.
type table struct {
	columns []TableColumn
	rows    func(ctx context.Context) ([][]any, error)
}

// SystemTable is a table of the schema pinnacle that another package fills.
type SystemTable struct {
	// Name is without the schema.
	Name    string
	Columns []TableColumn
	// Rows reads the table: values as Table has them, in the order of Columns. It is safe for concurrent use.
	Rows func(ctx context.Context) ([][]any, error)
}

// tables are the tables of the schema pinnacle, by name.
func (d *Datalayer) tables() map[string]table {
	all := d.ownTables()
	for kind, name := range kindTables {
		if _, ok := d.kinds[kind]; ok {
			all[name] = table{kindColumns(), func(context.Context) ([][]any, error) { return d.kindRows(kind) }}
		}
	}
	for _, t := range d.config.Tables {
		all[t.Name] = table{t.Columns, t.Rows}
	}
	return all
}

// ownTables are those of the Datalayer itself.
func (d *Datalayer) ownTables() map[string]table {
	return map[string]table{
		"components": {[]TableColumn{
			{"kind", "text"}, {"name", "text"}, {"version", "int4"}, {"is_default", "bool"}, {"owner", "text"}, {"definition", "jsonb"},
			{"uses", "text[]"}, {"used_by", "text[]"}, {"hash", "text"}, {"created_at", "timestamptz"}, {"created_by", "text"},
		}, d.componentRows},
		"grants":         {[]TableColumn{{"privilege", "text"}, {"component", "text"}, {"role", "text"}}, d.grantRows},
		"models":         {modelColumns(), d.modelRows},
		"model_versions": {slices.Insert(modelColumns(), 2, TableColumn{"is_default", "bool"}), d.versionRows},
		"artifacts": {[]TableColumn{
			{"digest", "text"}, {"bytes", "int8"}, {"created_at", "timestamptz"}, {"models", "int4"},
		}, d.artifactRows},
		"predict_stats": {[]TableColumn{
			{"model", "text"}, {"version", "int4"}, {"statements", "int8"}, {"rows", "int8"},
			{"distinct_arguments", "int8"}, {"null_skipped", "int8"}, {"cached", "int8"}, {"shared", "int8"},
			{"calls", "int8"}, {"batches", "int8"}, {"errors", "int8"}, {"milliseconds", "float8"},
		}, d.statsRows},
	}
}

// modelColumns are the columns of models. Those of model_versions are the same, with is_default after version.
func modelColumns() []TableColumn {
	return []TableColumn{
		{"name", "text"}, {"version", "int4"}, {"runtime", "text"}, {"arguments", "text"}, {"returns", "text"},
		{"deterministic", "bool"}, {"null_on_null", "bool"}, {"artifact", "text"}, {"artifact_bytes", "int8"},
		{"hash", "text"}, {"created_at", "timestamptz"}, {"created_by", "text"},
	}
}

// Table implements Tables.
func (d *Datalayer) Table(ctx context.Context, name string) (*Table, error) {
	t, err := d.findTable(name)
	if err != nil {
		return nil, err
	}
	rows, err := t.rows(ctx)
	if err != nil {
		return nil, ErrorOf(err)
	}
	return &Table{Name: name, Columns: t.columns, Rows: rows}, nil
}

// TableColumns implements Tables.
func (d *Datalayer) TableColumns(name string) ([]TableColumn, error) {
	t, err := d.findTable(name)
	return t.columns, err
}

// findTable finds a table by its name without the schema.
func (d *Datalayer) findTable(name string) (table, error) {
	tables := d.tables()
	t, ok := tables[name]
	if !ok {
		return table{}, &Error{
			Code:    "42P01",
			Message: fmt.Sprintf(`relation "pinnacle.%s" does not exist`, name),
			Hint:    "The schema pinnacle has " + strings.Join(slices.Sorted(maps.Keys(tables)), ", ") + ".",
		}
	}
	return t, nil
}

// modelRow is the row of a version in models.
func modelRow(v *ModelVersion) []any {
	var artifact, bytes any
	if v.ArtifactDigest != "" {
		artifact, bytes = v.ArtifactDigest, v.ArtifactBytes
	}
	return []any{
		v.Name, int64(v.Version), v.Runtime, argumentsText(v.Args), v.Returns.String(), v.Deterministic, v.NullOnNull,
		artifact, bytes, v.Hash, v.CreatedAt, v.CreatedBy,
	}
}

// modelRows gives the default version of every model.
func (d *Datalayer) modelRows(context.Context) ([][]any, error) {
	c := d.catalog.Load()
	var rows [][]any
	for _, name := range c.names() {
		rows = append(rows, modelRow(c.models[name].byDefault))
	}
	return rows, nil
}

// versionRows gives every version of every model.
func (d *Datalayer) versionRows(context.Context) ([][]any, error) {
	c := d.catalog.Load()
	var rows [][]any
	for _, name := range c.names() {
		for _, v := range c.models[name].versions {
			rows = append(rows, slices.Insert(modelRow(v), 2, any(v.Default)))
		}
	}
	return rows, nil
}

// artifactRows gives every artifact, with the number of models, not of versions, that refer to it.
func (d *Datalayer) artifactRows(ctx context.Context) ([][]any, error) {
	found, err := d.config.Metadata.Artifacts(ctx)
	if err != nil {
		return nil, err
	}
	models := map[string]int64{}
	for _, m := range d.catalog.Load().models {
		digests := map[string]bool{}
		for _, v := range m.versions {
			digests[v.ArtifactDigest] = true
		}
		for digest := range digests {
			models[digest]++
		}
	}
	rows := make([][]any, len(found))
	for i, a := range found {
		rows[i] = artifactRow(a, models[a.Digest])
	}
	return rows, nil
}

// artifactRow is the row of an artifact to which so many models refer.
func artifactRow(a *metadata.Artifact, models int64) []any {
	return []any{a.Digest, a.Size, a.CreatedAt, models}
}

// statsRows gives what was recorded since the Datalayer was opened, for every version that was used.
func (d *Datalayer) statsRows(context.Context) ([][]any, error) {
	c := d.catalog.Load()
	var rows [][]any
	for _, name := range c.names() {
		for _, v := range c.models[name].versions {
			statements, s := v.counters.read()
			if statements == 0 {
				continue
			}
			rows = append(rows, []any{
				v.Name, int64(v.Version), statements, s.Rows, s.Distinct, s.NullSkipped, s.Cached, s.Shared,
				s.Calls, s.Batches, s.Errors, float64(s.Busy) / float64(time.Millisecond),
			})
		}
	}
	return rows, nil
}
