// Package view tells which views of home call models. Views are PostgreSQL's own, made and dropped in transactions: home's
// catalog is all that there is to know of them, and nothing of them is kept elsewhere that could come to differ from it.
package view

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// View is a view, or a materialized one, with calls of predict.
type View struct {
	Schema, Name, Owner string
	Materialized        bool
	// Definition is its query as home prints it, with the calls of predict that it was made with.
	Definition string
	// Calls are the models that it calls, in the order of their names.
	Calls []Call
}

// Call is a model as a view names it: Version is 0 for the bare name.
type Call struct {
	Model   string
	Version int
}

// String writes name or name@version.
func (c Call) String() string {
	if c.Version == 0 {
		return c.Model
	}
	return fmt.Sprintf("%s@%d", c.Model, c.Version)
}

// Qualified is the view's name as SQL writes it.
func (v *View) Qualified() string {
	return sqlparse.QuoteIdentifier(v.Schema) + "." + sqlparse.QuoteIdentifier(v.Name)
}

// Words are the view's sort and name for messages.
func (v *View) Words() string {
	if v.Materialized {
		return "materialized view " + v.Qualified()
	}
	return "view " + v.Qualified()
}

// DropText is the statement that drops it, with the views that read it.
func (v *View) DropText() string {
	if v.Materialized {
		return "DROP MATERIALIZED VIEW IF EXISTS " + v.Qualified() + " CASCADE"
	}
	return "DROP VIEW IF EXISTS " + v.Qualified() + " CASCADE"
}

// uses reports whether the view would miss a model: any version of it for 0, else that one, or, where that is the one that
// the bare name means, the bare name.
func (v *View) uses(model string, version int, byDefault bool) bool {
	return slices.ContainsFunc(v.Calls, func(c Call) bool {
		return c.Model == model && (version == 0 || c.Version == version || c.Version == 0 && byDefault)
	})
}

// stubbed are the views that refer to the type of stubs, which stand for the calls.
const stubbed = `SELECT DISTINCT n.nspname::text, c.relname::text, pg_catalog.pg_get_userbyid(c.relowner)::text, (c.relkind = 'm')::text, pg_catalog.pg_get_viewdef(c.oid)
	FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid = pg_catalog.to_regtype('` + sqlparse.StubType + `')
		AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND c.relkind IN ('v', 'm') ORDER BY 1, 2`

// All gives the views of home's database that call models, by schema and name.
func All(ctx context.Context, home component.Home) ([]View, error) {
	rows, err := home.Query(ctx, stubbed)
	if err != nil {
		return nil, err
	}
	var all []View
	for _, row := range rows {
		v := View{Schema: *row[0], Name: *row[1], Owner: *row[2], Materialized: *row[3] == "true"}
		if err := v.read(strings.TrimSuffix(strings.TrimSpace(*row[4]), ";")); err != nil {
			return nil, fmt.Errorf("%s: %w", v.Words(), err)
		}
		all = append(all, v)
	}
	return all, nil
}

// read takes the view's query as home has it.
func (v *View) read(definition string) error {
	script, err := sqlparse.Parse(definition, sqlparse.DefaultLimits())
	if err != nil {
		return err
	}
	v.Definition = definition
	if len(script.Statements) != 1 {
		return nil // home's grammar is newer than the parser's; what it calls is not known then
	}
	st := script.Statements[0]
	stubs, err := sqlparse.Stubs(definition, st.Span, st.Node)
	if err != nil {
		return err
	}
	var edits []sqlparse.Edit
	for _, s := range stubs {
		edits = append(edits, s.Edits()...)
		name, version, err := sqlparse.ModelName(s.Model)
		if err != nil {
			return err
		}
		if c := (Call{name, version}); !slices.Contains(v.Calls, c) {
			v.Calls = append(v.Calls, c)
		}
	}
	slices.SortFunc(v.Calls, func(a, b Call) int { return strings.Compare(a.String(), b.String()) })
	spliced, err := sqlparse.Splice(definition, edits)
	if err == nil {
		v.Definition = spliced.Text
	}
	return err
}

// Using gives those of some views that would miss what is removed: a model, or a version of one, and with cascade the
// models that are removed with it because they use it.
func Using(views []View, catalog component.Catalog, ref component.Ref, cascade bool) []View {
	var found []View
	seen := map[component.Ref]bool{}
	var look func(ref component.Ref)
	look = func(ref component.Ref) {
		if seen[ref] {
			return
		}
		seen[ref] = true
		if c := catalog.Component(ref.Kind, ref.Name); ref.Kind == component.KindModel && c != nil {
			for _, v := range views {
				if v.uses(ref.Name, ref.Version, c.Default().Version == ref.Version) && !slices.ContainsFunc(found, func(f View) bool { return f.Qualified() == v.Qualified() }) {
					found = append(found, v)
				}
			}
		}
		if cascade {
			for _, user := range catalog.Users(ref) {
				look(user.Ref())
			}
		}
	}
	look(ref)
	return found
}
