package datalayer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Jobs is where the jobs go that changes of components start. It is safe for concurrent use.
type Jobs interface {
	// Enqueue adds a job for a component within the transaction that changes it. owner is the role on whose behalf the
	// job will run.
	Enqueue(tx keyvalue.Tx, of component.Ref, owner string, job component.Job) error
	// Cancel ends the jobs of a component that is removed, within the transaction that removes it.
	Cancel(tx keyvalue.Tx, of component.Ref) error
	// Wake says that a transaction with Enqueue or Cancel is done.
	Wake()
}

// Requester is on whose behalf components are changed.
type Requester struct {
	// User is the name that the session logged in by.
	User string
	// Role is the role whose rights count, and to whom what is made belongs.
	Role string
	// Home answers questions about roles and tables; nil: the program itself asks, which may do everything.
	Home component.Home
}

// Request asks to add a component of any kind.
type Request struct {
	Kind, Name string
	// Definition is the JSON of the kind's definition.
	Definition json.RawMessage
	Mode       AddMode
	By         Requester
	// base is the default version that the definition was made from, 0 for none: see addition.
	base int
}

// Outcome tells what adding a component did, or, in a dry run, would do.
type Outcome struct {
	// Change is "new", "same", "exists", "update" (in place, what does not change behaviour) or "new version".
	Change string
	// Record is the version that was made, or that was there already.
	Record *component.Record
	// Default is the version that the bare name means now, and Replaces the one that it meant before, where that was
	// another one; 0 for none.
	Default, Replaces int
	// Jobs are the kinds of the jobs that were started.
	Jobs []string
	// Breaks are sentences that say what stops working, or is done anew.
	Breaks []string
}

// AddComponent adds a component of any kind: what it uses has to exist, artifacts are stored before the metadata, which
// are changed in one transaction together with the jobs that are started. A crash leaves it whole or absent.
func (d *Datalayer) AddComponent(ctx context.Context, req Request) (*Outcome, error) {
	return d.addComponent(ctx, req, false)
}

// PlanComponent is the dry run of AddComponent.
func (d *Datalayer) PlanComponent(ctx context.Context, req Request) (*Outcome, error) {
	return d.addComponent(ctx, req, true)
}

// addComponent does what AddComponent says.
func (d *Datalayer) addComponent(ctx context.Context, req Request, dryRun bool) (*Outcome, error) {
	if req.Kind == component.KindModel {
		return d.addModelRequest(ctx, req, dryRun)
	}
	kind, err := d.kind(req.Kind)
	if err != nil {
		return nil, err
	}
	if err := checkName(req.Kind, req.Name); err != nil {
		return nil, err
	}
	if err := d.mayAdd(ctx, req.By, component.Ref{Kind: req.Kind, Name: req.Name}, req.Mode); err != nil {
		return nil, err
	}
	c := d.catalog.Load()
	if existing := c.components.Component(req.Kind, req.Name); existing != nil && req.Mode == AddIfNotExists {
		r := existing.Default()
		return &Outcome{Change: changeExists, Record: r, Default: r.Version}, nil
	}
	checked, err := kind.Check(ctx, component.Proposal{Name: req.Name, Definition: req.Definition, Role: req.By.Role, Catalog: c.components, Home: req.By.Home,
		Artifacts: artifactWriter{d, dryRun}, DryRun: dryRun})
	if err != nil {
		return nil, ErrorOf(err)
	}
	if checked.Release != nil {
		defer checked.Release()
	}
	if err := d.mayUse(ctx, req.By, checked.Uses); err != nil {
		return nil, err
	}
	record, err := newRecord(req, checked)
	if err != nil {
		return nil, ErrorOf(err)
	}
	return d.commitComponent(ctx, req, kind, record, checked.Artifacts, dryRun)
}

// newRecord makes the record of a definition that was checked.
func newRecord(req Request, checked *component.Checked) (*component.Record, error) {
	definition, err := json.Marshal(checked.Definition)
	if err != nil {
		return nil, err
	}
	identity := any(json.RawMessage(definition))
	if checked.Identity != nil {
		identity = checked.Identity
	}
	text, err := json.Marshal(map[string]any{"kind": req.Kind, "definition": identity, "uses": checked.Uses})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	digests := make([]string, len(checked.Artifacts))
	for i, a := range checked.Artifacts {
		digests[i] = a.Digest
	}
	return &component.Record{
		Kind: req.Kind, Name: req.Name, Owner: req.By.Role, Hash: hex.EncodeToString(sum[:]), Definition: definition, Uses: checked.Uses,
		Artifacts: digests, CreatedAt: time.Now().UTC().Truncate(time.Microsecond), CreatedBy: req.By.User,
	}, nil
}

// commitComponent records a component as the mode says.
func (d *Datalayer) commitComponent(ctx context.Context, req Request, kind component.Kind, record *component.Record, artifacts []component.Artifact, dryRun bool) (*Outcome, error) {
	var out *Outcome
	err := d.change(ctx, nil, func(tx metadata.Tx) error {
		out = &Outcome{}
		components := tx.Components()
		before, err := components.Component(req.Kind, req.Name)
		if err != nil && !errors.Is(err, component.ErrNotFound) {
			return err
		}
		if req.base != 0 && (before == nil || before.Default().Version != req.base) {
			return errBaseChanged
		}
		if out.Change, err = decideComponent(req, before, record); err != nil {
			return err
		}
		after := *record
		switch out.Change {
		case changeNew, changeNewVersion:
			for _, a := range artifacts {
				if err := components.PutArtifact(&a); err != nil {
					return err
				}
			}
			if after.Version, err = components.Add(record, kind.KeepsVersions()); err != nil {
				return err
			}
		case changeUpdate:
			after.Version = before.Default().Version
			if err := components.Replace(&after); err != nil {
				return err
			}
		}
		if err := d.tellOutcome(tx, out, before, req.Kind, req.Name, after.Version); err != nil {
			return err
		}
		if dryRun {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return nil, d.missing(err)
	}
	if !dryRun {
		if out.Change != changeSame && out.Change != changeExists {
			d.finish(ctx, component.Change{After: out.Record})
		}
		d.wake(len(out.Jobs))
	}
	return out, nil
}

// finish has a component's kind do at once what it can of a change that was made.
func (d *Datalayer) finish(ctx context.Context, change component.Change) {
	r := change.After
	if r == nil {
		r = change.Before
	}
	f, ok := d.kinds[r.Kind].(component.Finisher)
	if !ok {
		return
	}
	if err := f.Finish(ctx, change); err != nil {
		d.config.Logger.Warn("a change of a component is finished later, by its jobs", "component", r.Ref().String(), "error", err)
	}
}

// decideComponent says what adding a record is; before is nil where there is no component of that name.
func decideComponent(req Request, before *component.Component, record *component.Record) (string, error) {
	switch {
	case before == nil:
		return changeNew, nil
	case req.Mode == AddIfNotExists:
		return changeExists, nil
	case before.Default().Hash == record.Hash && (req.Mode != AddOrReplace || bytes.Equal(before.Default().Definition, record.Definition)):
		return changeSame, nil
	case before.Default().Hash == record.Hash:
		return changeUpdate, nil
	case req.Mode == AddOrReplace:
		return changeNewVersion, nil
	}
	return "", alreadyExists(req.Kind, req.Name)
}

// tellOutcome reads, within the transaction, what a change led to, and starts the jobs that follow from it. version is
// the one that was made or changed; 0 for none.
func (d *Datalayer) tellOutcome(tx metadata.Tx, out *Outcome, before *component.Component, kind, name string, version int) error {
	now, err := tx.Components().Component(kind, name)
	if err != nil {
		return err
	}
	out.Record, out.Default = now.Default(), now.Default().Version
	if r := now.Version(version); r != nil {
		out.Record = r
	}
	if before != nil && before.Default().Version != out.Default {
		out.Replaces = before.Default().Version
	}
	if out.Change == changeSame || out.Change == changeExists {
		return nil
	}
	change := component.Change{After: out.Record}
	if before != nil {
		change.Before = before.Default()
	}
	plan, err := d.start(tx, change)
	if err != nil {
		return err
	}
	if out.Replaces != 0 {
		followed, err := d.followers(tx, change.Before, now.Default())
		if err != nil {
			return err
		}
		plan.add(followed)
	}
	out.Jobs, out.Breaks = plan.jobs, plan.breaks
	return nil
}

// started is what a change led to.
type started struct{ jobs, breaks []string }

func (s *started) add(more started) {
	s.jobs, s.breaks = append(s.jobs, more.jobs...), append(s.breaks, more.breaks...)
}

// start starts the jobs of one change of a component.
func (d *Datalayer) start(tx metadata.Tx, change component.Change) (started, error) {
	r := change.After
	if r == nil {
		r = change.Before
	}
	plan, err := d.planOf(r.Kind, change)
	if err != nil {
		return started{}, err
	}
	return d.enqueue(tx, r, plan)
}

// planOf asks a kind what a change means.
func (d *Datalayer) planOf(kind string, change component.Change) (component.Plan, error) {
	if kind == component.KindModel {
		return modelPlan(change)
	}
	k, err := d.kind(kind)
	if err != nil {
		return component.Plan{}, err
	}
	return k.Plan(change)
}

// enqueue starts a plan's jobs.
func (d *Datalayer) enqueue(tx metadata.Tx, r *component.Record, plan component.Plan) (started, error) {
	done := started{breaks: plan.Breaks}
	for _, job := range plan.Jobs {
		if d.config.Jobs == nil {
			return started{}, &Error{Code: "55000", Message: fmt.Sprintf("%s needs a job, and this Datalayer runs none", r.Ref()),
				Hint: "Open it by the package pinnacle, or set Config.Jobs."}
		}
		if err := d.config.Jobs.Enqueue(tx.KeyValue(), r.Ref(), r.Owner, job); err != nil {
			return started{}, err
		}
		done.jobs = append(done.jobs, job.Kind)
	}
	return done, nil
}

// followers starts what the users of a component have to do when another version of it becomes the default one.
func (d *Datalayer) followers(tx metadata.Tx, from, to *component.Record) (started, error) {
	var all started
	users, err := tx.Components().Users(component.Ref{Kind: to.Kind, Name: to.Name})
	if err != nil {
		return all, err
	}
	for _, user := range users {
		k, ok := d.kinds[user.Kind].(component.Follower)
		if !ok {
			continue
		}
		plan, err := k.Follow(user, component.Change{Before: from, After: to})
		if err != nil {
			return all, err
		}
		done, err := d.enqueue(tx, user, plan)
		if err != nil {
			return all, err
		}
		all.add(done)
	}
	return all, nil
}

// wake tells the queue that there is something to do.
func (d *Datalayer) wake(jobs int) {
	if jobs > 0 && d.config.Jobs != nil {
		d.config.Jobs.Wake()
	}
}

// kind finds a kind of components by its name; one that is not there is 0A000.
func (d *Datalayer) kind(name string) (component.Kind, error) {
	if k, ok := d.kinds[name]; ok {
		return k, nil
	}
	known := append(slices.Collect(maps.Keys(d.kinds)), component.KindModel)
	slices.Sort(known)
	return nil, &Error{Code: "0A000", Message: fmt.Sprintf("components of the kind %q are not supported", name), Hint: "Kinds that are: " + strings.Join(known, ", ") + "."}
}

// Components is what components there are now.
func (d *Datalayer) Components() component.Catalog { return d.catalog.Load().components }

// Component finds one version of a component; 0 stands for the default one. One that is not there is 42704.
func (d *Datalayer) Component(ref component.Ref) (*component.Record, error) {
	c := d.catalog.Load()
	found := c.components.Component(ref.Kind, ref.Name)
	if found == nil {
		return nil, c.unknown(ref)
	}
	if ref.Version == 0 {
		return found.Default(), nil
	}
	if r := found.Version(ref.Version); r != nil {
		return r, nil
	}
	return nil, c.unknown(ref)
}

// unknown is the error for a component or version that is not there.
func (c *catalog) unknown(ref component.Ref) *Error {
	if ref.Kind == component.KindModel {
		if m := c.models[ref.Name]; m != nil {
			return m.unknownVersion(ref.Version)
		}
		return c.unknownModel(ref.Name)
	}
	e := &Error{Code: "42704", Message: ref.String() + " does not exist"}
	if found := c.components.Component(ref.Kind, ref.Name); found != nil {
		e.Hint = fmt.Sprintf("It has version %d.", found.Newest().Version)
		return e
	}
	var names []string
	for _, other := range c.components.Components(ref.Kind) {
		names = append(names, other.Name)
	}
	if near := near(ref.Name, names); len(near) > 0 {
		e.Hint = "Perhaps you meant " + strings.Join(near, " or ") + "."
	}
	return e
}

// missing makes of ErrNotFound of something that a component uses what a user is told.
func (d *Datalayer) missing(err error) error {
	var own *Error
	if errors.As(err, &own) && own.Code != "XX000" || !errors.Is(err, component.ErrNotFound) {
		return err
	}
	return &Error{Code: "42704", Message: strings.TrimSuffix(err.Error(), ": "+component.ErrNotFound.Error()) + " does not exist", Hint: "It was dropped meanwhile.", Err: err}
}
