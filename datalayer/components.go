package datalayer

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Show implements Components.
func (d *Datalayer) Show(_ context.Context, pattern *string) ([]*ModelVersion, error) {
	c := d.catalog.Load()
	var shown []*ModelVersion
	for _, name := range c.names() {
		if pattern != nil {
			ok, err := like(*pattern, name)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
		}
		shown = append(shown, c.models[name].byDefault)
	}
	return shown, nil
}

// Describe implements Components.
func (d *Datalayer) Describe(_ context.Context, name string, version int) (*ModelVersion, error) {
	return d.catalog.Load().find(name, version)
}

// Remove implements Components. The artifact goes when it is collected.
func (d *Datalayer) Remove(ctx context.Context, name string, version int, ifExists bool) (bool, error) {
	err := d.change(ctx, name, name, func(tx metadata.Tx) error {
		if version == 0 {
			return tx.RemoveModel(name)
		}
		return tx.RemoveVersion(name, version)
	})
	if ifExists && errors.Is(err, metadata.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, d.explain(err, name, version)
	}
	return true, nil
}

// Rename implements Components. Leases that are held go on under the old name.
func (d *Datalayer) Rename(ctx context.Context, name, to string) error {
	if err := checkName(to); err != nil {
		return err
	}
	err := d.change(ctx, name, to, func(tx metadata.Tx) error { return tx.Rename(name, to) })
	if errors.Is(err, metadata.ErrExists) {
		e := alreadyExists(to)
		e.Hint = ""
		return e
	}
	return d.explain(err, name, 0)
}

// SetDefault implements Components.
func (d *Datalayer) SetDefault(ctx context.Context, name string, version int) error {
	err := d.change(ctx, name, name, func(tx metadata.Tx) error {
		m, err := tx.Model(name)
		if err != nil {
			return err
		}
		if version == m.Versions[len(m.Versions)-1].Version {
			return tx.SetDefault(name, 0)
		}
		if version == 0 { // which would stand for the newest
			return metadata.ErrNotFound
		}
		return tx.SetDefault(name, version)
	})
	return d.explain(err, name, version)
}

// SetOptions implements Components. The version that is changed is the default one; where another becomes it meanwhile,
// that one is changed.
func (d *Datalayer) SetOptions(ctx context.Context, name string, options map[string]string, user string) (*AddOutcome, error) {
	for {
		outcome, err := d.setOptions(ctx, name, options, user)
		if !errors.Is(err, errBaseChanged) {
			return outcome, err
		}
	}
}

// setOptions is one try of SetOptions.
func (d *Datalayer) setOptions(ctx context.Context, name string, options map[string]string, user string) (*AddOutcome, error) {
	v, err := d.catalog.Load().find(name, 0)
	if err != nil {
		return nil, err
	}
	changed := maps.Clone(v.Options)
	if changed == nil {
		changed = map[string]string{}
	}
	for key, value := range options {
		changed[strings.ToLower(key)] = value
	}
	def := ModelDefinition{
		Name: name, Runtime: v.Runtime, Args: v.Args, HasArgs: true, Returns: v.Returns,
		Source: v.Source, HasSource: v.Source != "", Options: changed, Artifact: v.ArtifactDigest,
	}
	return d.add(ctx, addition{def: def, mode: AddOrReplace, user: user, base: v.Version})
}

// explain makes of ErrNotFound of a model or version what a user is told; other errors stay as they are.
func (d *Datalayer) explain(err error, name string, version int) error {
	if !errors.Is(err, metadata.ErrNotFound) {
		return err
	}
	c := d.catalog.Load()
	m := c.models[name]
	if m == nil {
		return c.unknownModel(name)
	}
	return m.unknownVersion(version)
}

// argumentsText lists arguments as a declaration does: names, where there are any, and types.
func argumentsText(args []udf.Arg) string {
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = a.Type.String()
		if a.Name != "" {
			texts[i] = quoteIdentifier(a.Name) + " " + texts[i]
		}
	}
	return strings.Join(texts, ", ")
}

// quoteIdentifier writes a name as SQL has it: as it is if PostgreSQL would read it so, apart from key words, in double
// quotes otherwise.
func quoteIdentifier(name string) string {
	plain := name != ""
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z'
		digit := r == '$' || r >= '0' && r <= '9'
		plain = plain && (letter || digit && i > 0)
	}
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
