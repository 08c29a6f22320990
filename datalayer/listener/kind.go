package listener

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// The kinds of jobs that changes of listeners start, and their arguments.
const (
	// JobBackfill watches the outputs of a listener being made.
	JobBackfill = "listener_backfill"
	// JobDrop takes away what a listener that was dropped has at home.
	JobDrop = "listener_drop"
)

// JobArgs are the arguments of both.
type JobArgs struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	// KeepOutputs is of JobDrop.
	KeepOutputs bool `json:"keep_outputs,omitempty"`
}

// Kind is the kind of components that are listeners.
type Kind struct{ Keeper *Keeper }

var (
	_ component.Kind     = Kind{}
	_ component.Finisher = Kind{}
)

// Name implements component.Kind.
func (Kind) Name() string { return component.KindListener }

// KeepsVersions implements component.Kind.
func (Kind) KeepsVersions() bool { return false }

// Check implements component.Kind. Names are completed as the asking session reads them, and its rights to read the source
// are those that count.
func (k Kind) Check(ctx context.Context, in component.Proposal) (*component.Checked, error) {
	def := Definition{Name: in.Name, Owner: in.Role}
	if err := json.Unmarshal(in.Definition, &def.ListenerDefinition); err != nil {
		return nil, fault("22023", "a listener's definition cannot be read: "+err.Error(), "")
	}
	name, version, err := modelOf(&def)
	if err != nil {
		return nil, err
	}
	if (def.Table == "") == (def.Query == "") {
		return nil, fault("22023", "a listener has either a table or a query", "")
	}
	if def.Refresh == "" {
		def.Refresh = RefreshChange
	}
	if in.Home != nil {
		if err := k.complete(ctx, in.Home, &def); err != nil {
			return nil, err
		}
	}
	tables, err := k.Keeper.check(ctx, def)
	if err != nil {
		return nil, err
	}
	uses := []component.Ref{{Kind: component.KindModel, Name: name, Version: version}}
	for _, c := range in.Catalog.Components(component.KindListener) {
		var other component.ListenerDefinition
		if err := json.Unmarshal(c.Default().Definition, &other); err != nil {
			return nil, err
		}
		if c.Name != in.Name && slices.Contains(tables, other.Into) {
			uses = append(uses, component.Ref{Kind: component.KindListener, Name: c.Name})
		}
	}
	identity := def.ListenerDefinition
	identity.Disabled = false
	return &component.Checked{Definition: def.ListenerDefinition, Identity: identity, Uses: uses}, nil
}

// complete reads a definition's names as the session does that asks, and has it read the source, so that it fails as it
// would if the session did.
func (k Kind) complete(ctx context.Context, home component.Home, def *Definition) error {
	database := k.Keeper.config.Pool.Config().ConnConfig.Database
	one := func(sql string, args ...string) (string, error) {
		rows, err := home.Query(ctx, sql, args...)
		if err != nil || len(rows) != 1 || rows[0][0] == nil {
			return "", err
		}
		return *rows[0][0], nil
	}
	current, err := one("SELECT pg_catalog.current_database()")
	if err != nil {
		return err
	}
	if current != database {
		return fault("0A000", fmt.Sprintf("listeners are kept in the database %q, and this session is in %q", database, current), "Connect to the other database; it is the one of the proxy's setting databackend.")
	}
	if def.SearchPath == "" {
		if def.SearchPath, err = one("SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s), ', ') FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) AS t(s)"); err != nil {
			return err
		}
	}
	if def.Into, err = one(`SELECT CASE pg_catalog.array_length(p, 1) WHEN 1 THEN pg_catalog.quote_ident(pg_catalog.current_schema()) || '.' || pg_catalog.quote_ident(p[1])
		ELSE pg_catalog.quote_ident(p[1]) || '.' || pg_catalog.quote_ident(p[2]) END FROM (SELECT pg_catalog.parse_ident($1)) AS t(p)`, into(def)); err != nil {
		return err
	}
	from := "(" + def.Query + "\n) AS source"
	if def.Table != "" {
		full, err := one("SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass($1)", def.Table)
		switch {
		case err != nil:
			return err
		case full == "":
			return fault("42P01", fmt.Sprintf("relation %s does not exist", def.Table), "")
		}
		def.Table, from = full, full
	}
	list := "1"
	if len(def.Arguments) > 0 {
		list = each(len(def.Arguments), ", ", func(i int) string { return "(" + def.Arguments[i] + "\n)" })
	}
	_, err = home.Query(ctx, "EXPLAIN SELECT "+list+" FROM "+from)
	return withoutPosition(err)
}

// into is the table of the outputs as the definition names it.
func into(def *Definition) string {
	if def.Into != "" {
		return def.Into
	}
	return quote(def.Name)
}

// Plan implements component.Kind.
func (Kind) Plan(change component.Change) (component.Plan, error) {
	if change.After == nil {
		r := change.Before
		return component.Plan{Jobs: []component.Job{{Kind: JobDrop, Args: JobArgs{Name: r.Name, Version: r.Version, KeepOutputs: change.KeepOutputs}}}}, nil
	}
	plan := component.Plan{Jobs: []component.Job{{Kind: JobBackfill, Args: JobArgs{Name: change.After.Name, Version: change.After.Version}}}}
	if change.Before == nil || change.Before.Hash == change.After.Hash {
		return plan, nil
	}
	var before, after component.ListenerDefinition
	if err := json.Unmarshal(change.Before.Definition, &before); err != nil {
		return plan, err
	}
	if err := json.Unmarshal(change.After.Definition, &after); err != nil {
		return plan, err
	}
	plan.Breaks = append(plan.Breaks, fmt.Sprintf("the outputs in table %s are made anew", after.Into))
	if before.Into != after.Into {
		plan.Breaks = append(plan.Breaks, fmt.Sprintf("table %s is not kept any more", before.Into))
	}
	return plan, nil
}

// finishTimeout bounds how long a statement waits for what its jobs would do too.
const finishTimeout = 10 * time.Second

// Finish implements component.Finisher.
func (k Kind) Finish(ctx context.Context, change component.Change) error {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	if change.After == nil {
		r := change.Before
		return k.Keeper.TearDown(ctx, r.Name, r.Version, change.KeepOutputs)
	}
	def, err := definitionOf(change.After)
	if err != nil {
		return err
	}
	return k.Keeper.SetUp(ctx, def)
}

// definitionOf reads a listener's record.
func definitionOf(r *component.Record) (Definition, error) {
	def := Definition{Name: r.Name, Version: r.Version, Owner: r.Owner}
	if err := json.Unmarshal(r.Definition, &def.ListenerDefinition); err != nil {
		return def, fmt.Errorf("definition of %s: %w", r.Ref(), err)
	}
	return def, nil
}

// Definitions gives the listeners of a catalog.
func Definitions(catalog component.Catalog) ([]Definition, error) {
	var all []Definition
	for _, c := range catalog.Components(component.KindListener) {
		def, err := definitionOf(c.Default())
		if err != nil {
			return nil, err
		}
		all = append(all, def)
	}
	return all, nil
}

// check is Check, and gives the tables that the source reads, qualified.
func (k *Keeper) check(ctx context.Context, def Definition) (tables []string, err error) {
	name, number, err := modelOf(&def)
	if err != nil {
		return nil, err
	}
	model, err := k.config.Models.Describe(ctx, name, number)
	if err != nil {
		return nil, err
	}
	if err := checkWords(&def, model, k.how(&def)); err != nil {
		return nil, err
	}
	have := &kept{def: &def, model: model, output: outputType(&def, model)}
	err = k.config.Pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		tx, err := c.Begin(ctx)
		if err != nil {
			return err
		}
		if err = have.look(ctx, tx); err == nil {
			err = have.checkMore(ctx, tx, k.how(&def))
		}
		if back := tx.Rollback(ctx); err == nil {
			err = back
		}
		return err
	})
	if err != nil {
		return nil, errorOf(err)
	}
	for _, t := range have.tables {
		tables = append(tables, t.name)
	}
	return tables, nil
}

// Check reports why a definition cannot be a listener; nil where it can. It changes nothing.
func (k *Keeper) Check(ctx context.Context, def Definition) error {
	_, err := k.check(ctx, def)
	return err
}

// options are those that WITH may name.
func options() []string { return []string{"capture"} }

// checkOptions refuses options that there are not.
func checkOptions(def *Definition) error {
	for key := range def.Options {
		if !slices.Contains(options(), key) {
			return fault("22023", fmt.Sprintf("a listener has no option %q", key), "It has "+strings.Join(options(), ", ")+".")
		}
	}
	return nil
}

// checkMore checks what only home can tell: what a slot needs, the interval, the outputs' table, and, of a query, that its key is one.
func (k *kept) checkMore(ctx context.Context, tx pgx.Tx, how string) error {
	if how == CaptureSlot {
		if err := k.checkSlot(ctx, tx); err != nil {
			return err
		}
	}
	if k.def.Refresh == RefreshEvery {
		var good bool
		if err := tx.QueryRow(ctx, "SELECT $1::text::interval >= interval '1 second'", k.def.Every).Scan(&good); err != nil {
			return err
		}
		if !good {
			return fault("22023", "the interval of REFRESH EVERY is less than a second", "")
		}
	}
	if err := setPath(ctx, tx, k.def); err != nil {
		return err
	}
	if !k.distinct {
		if err := k.checkDistinct(ctx, tx); err != nil {
			return err
		}
	}
	found, err := k.columnsThere(ctx, tx, k.outputs)
	if err != nil || found == nil {
		return err
	}
	_, err = k.ensureOutputs(ctx, tx) // it is rolled back
	return err
}
