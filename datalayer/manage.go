package datalayer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
)

// Removal asks to remove a component, or one version of it.
type Removal struct {
	Ref component.Ref
	// IfExists: that there is none is no error.
	IfExists bool
	// Cascade removes what uses it too; otherwise it is refused with 2BP01, which names the users.
	Cascade bool
	// KeepOutputs says that what a listener has made stays.
	KeepOutputs bool
	By          Requester
}

// RemoveComponent removes a component, with version 0 all its versions, and gives what was removed, users before what they
// used; nothing where there was none. Jobs of what is removed are cancelled in the same transaction, and those that clean
// up behind it are started. Artifacts go when they are collected.
func (d *Datalayer) RemoveComponent(ctx context.Context, r Removal) ([]component.Ref, error) {
	if err := d.MayRemove(ctx, r); err != nil {
		if e := ErrorOf(err); r.IfExists && e.Code == "42704" {
			return nil, nil
		}
		return nil, err
	}
	var (
		gone    []component.Ref
		records []*component.Record
		jobs    int
	)
	err := d.change(ctx, nil, func(tx metadata.Tx) error {
		gone, records, jobs = nil, nil, 0
		before, err := tx.Components().Component(r.Ref.Kind, r.Ref.Name)
		if err != nil {
			return err
		}
		removed, err := tx.Components().Remove(r.Ref, r.Cascade)
		if err != nil {
			return err
		}
		records = removed
		for _, record := range removed {
			gone = append(gone, record.Ref())
			n, err := d.clean(tx, record, r.KeepOutputs)
			if err != nil {
				return err
			}
			jobs += n
		}
		after, err := tx.Components().Component(r.Ref.Kind, r.Ref.Name)
		if errors.Is(err, component.ErrNotFound) || err == nil && after.Default().Version == before.Default().Version {
			return nil
		}
		if err != nil {
			return err
		}
		followed, err := d.followers(tx, before.Default(), after.Default())
		jobs += len(followed.jobs)
		return err
	})
	if r.IfExists && errors.Is(err, component.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, d.explain(err, r.Ref)
	}
	for _, record := range records {
		d.finish(ctx, component.Change{Before: record, KeepOutputs: r.KeepOutputs})
	}
	d.wake(jobs)
	return gone, nil
}

// MayRemove refuses to remove what is not there (42704), or not the role's (42501). Users are not looked at.
func (d *Datalayer) MayRemove(ctx context.Context, r Removal) error {
	c := d.catalog.Load()
	found := c.components.Component(r.Ref.Kind, r.Ref.Name)
	if found == nil || r.Ref.Version != 0 && found.Version(r.Ref.Version) == nil {
		return c.unknown(r.Ref)
	}
	return d.mayChange(ctx, r.By, found)
}

// clean ends the jobs of a component of which a version was removed, if that was the last one, and starts those that clean
// up behind the version.
func (d *Datalayer) clean(tx metadata.Tx, record *component.Record, keep bool) (int, error) {
	_, err := tx.Components().Component(record.Kind, record.Name)
	switch {
	case err != nil && !errors.Is(err, component.ErrNotFound):
		return 0, err
	case err != nil && d.config.Jobs != nil:
		if err := d.config.Jobs.Cancel(tx.KeyValue(), component.Ref{Kind: record.Kind, Name: record.Name}); err != nil {
			return 0, err
		}
	}
	done, err := d.start(tx, component.Change{Before: record, KeepOutputs: keep})
	return len(done.jobs), err
}

// ownedComponent finds a component that is the role's to change.
func (d *Datalayer) ownedComponent(ctx context.Context, by Requester, kind, name string) (*component.Component, error) {
	c := d.catalog.Load()
	found := c.components.Component(kind, name)
	if found == nil {
		return nil, c.unknown(component.Ref{Kind: kind, Name: name})
	}
	return found, d.mayChange(ctx, by, found)
}

// RenameComponent gives a component another name; 2BP01 where others use it. Leases that are held go on under the old
// name. Vector indexes, whose tables have their names, cannot be renamed.
func (d *Datalayer) RenameComponent(ctx context.Context, by Requester, kind, name, to string) error {
	if err := checkName(kind, to); err != nil {
		return err
	}
	if _, err := d.ownedComponent(ctx, by, kind, name); err != nil {
		return err
	}
	if kind == component.KindVectorIndex {
		return &Error{Code: "0A000", Message: "vector indexes cannot be renamed", Hint: "Drop it, and create it by the other name."}
	}
	err := d.change(ctx, map[string]string{to: name}, func(tx metadata.Tx) error { return tx.Components().Rename(kind, name, to) })
	if errors.Is(err, component.ErrExists) {
		e := alreadyExists(kind, to)
		e.Hint = ""
		return e
	}
	return d.explain(err, component.Ref{Kind: kind, Name: name})
}

// SetOwner gives a component to another role, whose rights the one that asks has to have.
func (d *Datalayer) SetOwner(ctx context.Context, by Requester, kind, name, owner string) error {
	if _, err := d.ownedComponent(ctx, by, kind, name); err != nil {
		return err
	}
	if by.Home != nil {
		known, err := by.known(ctx, owner)
		if err != nil {
			return err
		}
		if !known {
			return &Error{Code: "42704", Message: fmt.Sprintf("role %q does not exist", owner)}
		}
		may, err := by.isOneOf(ctx, []string{owner})
		if err != nil {
			return err
		}
		if !may {
			return &Error{Code: "42501", Message: fmt.Sprintf("must be a member of role %q", owner)}
		}
	}
	err := d.change(ctx, nil, func(tx metadata.Tx) error { return tx.Components().SetOwner(kind, name, owner) })
	return d.explain(err, component.Ref{Kind: kind, Name: name})
}

// SetDefaultVersion makes a version the default one, also after newer ones are added; the newest version stands for
// whichever is the newest.
func (d *Datalayer) SetDefaultVersion(ctx context.Context, by Requester, ref component.Ref) error {
	if _, err := d.ownedComponent(ctx, by, ref.Kind, ref.Name); err != nil {
		return err
	}
	jobs := 0
	err := d.change(ctx, nil, func(tx metadata.Tx) error {
		jobs = 0
		before, err := tx.Components().Component(ref.Kind, ref.Name)
		if err != nil {
			return err
		}
		after := before.Version(ref.Version)
		if after == nil {
			return component.ErrNotFound
		}
		chosen := ref.Version
		if after == before.Newest() {
			chosen = 0
		}
		if err := tx.Components().SetDefault(ref.Kind, ref.Name, chosen); err != nil {
			return err
		}
		if before.Default().Version == ref.Version {
			return nil
		}
		followed, err := d.followers(tx, before.Default(), after)
		jobs = len(followed.jobs)
		return err
	})
	if err != nil {
		return d.explain(err, ref)
	}
	d.wake(jobs)
	return nil
}

// ChangeDefinition changes keys of a component's definition; those of options are merged into them. What changes
// behaviour makes a new version. The version that is changed is the default one.
func (d *Datalayer) ChangeDefinition(ctx context.Context, by Requester, kind, name string, keys map[string]any, options map[string]string) (*Outcome, error) {
	for {
		c, err := d.ownedComponent(ctx, by, kind, name)
		if err != nil {
			return nil, err
		}
		definition, err := changedDefinition(c.Default().Definition, keys, options)
		if err != nil {
			return nil, ErrorOf(err)
		}
		out, err := d.AddComponent(ctx, Request{Kind: kind, Name: name, Definition: definition, Mode: AddOrReplace, By: by, base: c.Default().Version})
		if !errors.Is(err, errBaseChanged) {
			return out, err
		}
	}
}

// changedDefinition is a definition with other keys and options.
func changedDefinition(definition json.RawMessage, keys map[string]any, options map[string]string) (json.RawMessage, error) {
	all := map[string]any{}
	if err := json.Unmarshal(definition, &all); err != nil {
		return nil, err
	}
	for key, value := range keys {
		all[key] = value
	}
	if len(options) > 0 {
		had, _ := all["options"].(map[string]any)
		if had == nil {
			had = map[string]any{}
		}
		for key, value := range options {
			had[strings.ToLower(key)] = value
		}
		all["options"] = had
	}
	return json.Marshal(all)
}
