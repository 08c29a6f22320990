package search

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// JobBuild is the kind of the job that watches an index being built.
const JobBuild = "vector_build"

// JobArgs are its arguments.
type JobArgs struct {
	Name string `json:"name"`
}

// Kind is the kind of components that are vector indexes.
type Kind struct{ Keeper *Keeper }

var _ component.Kind = Kind{}

// Name implements component.Kind.
func (Kind) Name() string { return component.KindVectorIndex }

// KeepsVersions implements component.Kind.
func (Kind) KeepsVersions() bool { return false }

// Check implements component.Kind. The table's name is completed as the asking session reads it, and its rights to read the
// table are those that count.
func (k Kind) Check(ctx context.Context, in component.Proposal) (*component.Checked, error) {
	var def component.VectorIndexDefinition
	if err := component.Decode(in.Definition, &def); err != nil {
		return nil, fault("22023", "a vector index's definition cannot be read: "+err.Error(), "")
	}
	if (def.Listener == "") == (def.Table == "") || (def.Table == "") != (def.Expression == "") {
		return nil, fault("22023", "a vector index is on a listener, or on a table and an expression", "")
	}
	if _, _, err := options(def); err != nil {
		return nil, err
	}
	table, expression, model, err := resolve(def, in.Catalog)
	if err != nil {
		return nil, err
	}
	checked := &component.Checked{}
	if def.Listener != "" {
		checked.Uses = append(checked.Uses, component.Ref{Kind: component.KindListener, Name: def.Listener})
	}
	if in.Home != nil {
		table, err = readable(ctx, in.Home, table, expression)
	}
	if def.Table != "" {
		def.Table = table
	}
	checked.Definition = def
	var s *source
	if err == nil {
		s, err = k.Keeper.look(ctx, def)
	}
	if def.Listener != "" && missing(err) {
		return checked, nil // the listener's job makes the table of its outputs
	}
	if err != nil {
		return nil, err
	}
	if model != "" && (s.text || def.Options["model"] != "") {
		if _, err := k.Keeper.models.Describe(ctx, s.model, s.version); err != nil {
			return nil, err
		}
		checked.Uses = append(checked.Uses, component.Ref{Kind: component.KindModel, Name: s.model, Version: s.version})
	}
	return checked, nil
}

// readable completes a table's name and has the session read the expression, so that it fails as it would if the session did.
func readable(ctx context.Context, home component.Home, table, expression string) (string, error) {
	rows, err := home.Query(ctx, `SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass($1)`, table)
	if err != nil {
		return "", err
	}
	if len(rows) == 0 || rows[0][0] == nil {
		return "", fault("42P01", fmt.Sprintf("relation %s does not exist", table), "")
	}
	_, err = home.Query(ctx, "EXPLAIN SELECT ("+expression+"\n) FROM "+*rows[0][0])
	return *rows[0][0], err
}

// missing reports whether an error says that a table is not there.
func missing(err error) bool { return err != nil && datalayer.ErrorOf(err).Code == "42P01" }

// Plan implements component.Kind.
func (k Kind) Plan(change component.Change) (component.Plan, error) {
	k.Keeper.Wake()
	if change.After == nil {
		return component.Plan{}, nil
	}
	plan := component.Plan{Jobs: []component.Job{{Kind: JobBuild, Args: JobArgs{Name: change.After.Name}}}}
	if change.Before != nil && change.Before.Hash != change.After.Hash {
		plan.Breaks = append(plan.Breaks, fmt.Sprintf("vector index %q is built anew", change.After.Name))
	}
	return plan, nil
}

// Run is what Build tells its progress to. *job.Run is one.
type Run interface {
	Progress(done, of int64)
}

// Build waits until an index is ready, and tells how far it is. The error is that of the last scan, where it failed.
func (k *Keeper) Build(ctx context.Context, name string, run Run) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		k.Wake()
		if x, err := k.find(name); err == nil {
			x.mu.Lock()
			ready, failure, store := x.ready, x.failure, x.held
			x.mu.Unlock()
			if failure != nil && (x.def.Listener == "" || !missing(failure)) {
				return failure
			}
			if store != nil {
				run.Progress(int64(store.Len()), 0)
			}
			if ready {
				return nil
			}
		} else if !strings.Contains(err.Error(), "not ready") {
			return nil // it was dropped meanwhile
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
