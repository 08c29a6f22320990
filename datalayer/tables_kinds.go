package datalayer

import (
	"context"
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// kindTables are the tables that list the components of a kind. That of metrics has the word that is left: pinnacle.metrics
// holds what was measured.
var kindTables = map[string]string{
	component.KindListener: "listeners", component.KindVectorIndex: "vector_indexes", component.KindDataset: "datasets",
	component.KindMetric: "metric_definitions", component.KindSecret: "secrets",
}

// kindColumns are the columns of a table that lists the components of a kind.
func kindColumns() []TableColumn {
	return []TableColumn{{"name", "text"}, {"version", "int4"}, {"owner", "text"}, {"definition", "jsonb"}, {"uses", "text[]"}, {"used_by", "text[]"},
		{"created_at", "timestamptz"}, {"created_by", "text"}}
}

// kindRows gives the default version of each component of a kind.
func (d *Datalayer) kindRows(kind string) ([][]any, error) {
	c := d.catalog.Load().components
	var rows [][]any
	for _, one := range c.Components(kind) {
		r := one.Default()
		rows = append(rows, []any{r.Name, int64(r.Version), r.Owner, r.Definition, refTexts(r.Uses), refTexts(refsOf(c.Users(r.Ref()))), r.CreatedAt, r.CreatedBy})
	}
	return rows, nil
}

// componentRows gives every version of every component.
func (d *Datalayer) componentRows(context.Context) ([][]any, error) {
	c := d.catalog.Load().components
	var rows [][]any
	for _, one := range c.Components("") {
		for _, r := range one.Versions {
			rows = append(rows, []any{r.Kind, r.Name, int64(r.Version), r == one.Default(), r.Owner, r.Definition, refTexts(r.Uses),
				refTexts(refsOf(c.Users(r.Ref()))), r.Hash, r.CreatedAt, r.CreatedBy})
		}
	}
	return rows, nil
}

// refsOf are the references to records.
func refsOf(records []*component.Record) []component.Ref {
	refs := make([]component.Ref, len(records))
	for i, r := range records {
		refs[i] = r.Ref()
	}
	return refs
}

// refTexts writes references as messages name them.
func refTexts(refs []component.Ref) []string {
	texts := make([]string, len(refs))
	for i, r := range refs {
		texts[i] = r.String()
	}
	return texts
}

// grantRows gives the rights that were granted: where none was ever granted or revoked for a model, EXECUTE of all.
func (d *Datalayer) grantRows(ctx context.Context) ([][]any, error) {
	var creators []string
	err := d.config.Metadata.KeyValue().View(ctx, func(r keyvalue.Reader) (err error) {
		creators, err = component.Creators(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	var rows [][]any
	for _, role := range creators {
		rows = append(rows, []any{"CREATE COMPONENT", nil, role})
	}
	for _, m := range d.catalog.Load().components.Components(component.KindModel) {
		roles := slices.Clone(m.Execute)
		if m.Execute == nil {
			roles = []string{everyone}
		}
		for _, role := range roles {
			rows = append(rows, []any{"EXECUTE", m.Name, role})
		}
	}
	return rows, nil
}
