package datalayer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// everyone is the word for all roles in lists of roles.
const everyone = "public"

// The questions that home answers about roles: $1 is the role that asks, $2 a JSON array of names of roles. A role that
// does not exist any more is no role's.
const (
	// isMemberSQL asks whether it has the rights of one of the roles; superusers have those of all.
	isMemberSQL = "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname IN (SELECT pg_catalog.jsonb_array_elements_text($2::pg_catalog.jsonb)) " +
		"AND pg_catalog.pg_has_role($1::pg_catalog.name, oid, 'USAGE'))"
	// createsSQL asks whether it may create schemas in the database.
	createsSQL = "SELECT pg_catalog.has_database_privilege($1::pg_catalog.name, pg_catalog.current_database(), 'CREATE')"
	// ownsDatabaseSQL asks whether it has the rights of the database's owner.
	ownsDatabaseSQL = "SELECT pg_catalog.pg_has_role($1::pg_catalog.name, datdba, 'USAGE') FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"
	// rolesSQL counts which of the roles there are.
	rolesSQL = "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN (SELECT pg_catalog.jsonb_array_elements_text($1::pg_catalog.jsonb))"
)

// ask asks home a question about roles that is answered by yes or no.
func (by Requester) ask(ctx context.Context, sql string, args ...string) (bool, error) {
	rows, err := by.Home.Query(ctx, sql, args...)
	if err != nil {
		return false, err
	}
	return len(rows) == 1 && len(rows[0]) == 1 && rows[0][0] != nil && (*rows[0][0] == "t" || *rows[0][0] == "true"), nil
}

// isOneOf asks home whether the role has the rights of one of others.
func (by Requester) isOneOf(ctx context.Context, roles []string) (bool, error) {
	if slices.Contains(roles, everyone) {
		return true, nil
	}
	if len(roles) == 0 {
		return false, nil
	}
	list, err := json.Marshal(roles)
	if err != nil {
		return false, err
	}
	return by.ask(ctx, isMemberSQL, by.Role, string(list))
}

// MayCreate refuses roles that may not make components with 42501: those may that have the privilege CREATE on the
// database, and those that were granted CREATE COMPONENT. what completes "permission denied to …".
func (d *Datalayer) MayCreate(ctx context.Context, by Requester, what string) error {
	if by.Home == nil {
		return nil
	}
	may, err := by.ask(ctx, createsSQL, by.Role)
	if err != nil || may {
		return err
	}
	var granted []string
	err = d.config.Metadata.KeyValue().View(ctx, func(r keyvalue.Reader) (err error) {
		granted, err = component.Creators(r)
		return err
	})
	if err != nil {
		return ErrorOf(err)
	}
	may, err = by.isOneOf(ctx, granted)
	if err != nil || may {
		return err
	}
	return &Error{
		Code:    "42501",
		Message: "permission denied to " + what,
		Detail:  fmt.Sprintf("Role %q has neither the right CREATE COMPONENT nor the privilege CREATE on the database.", by.Role),
		Hint:    "Have the database's owner run: GRANT CREATE COMPONENT TO " + quoteIdentifier(by.Role) + ".",
	}
}

// mayAdd refuses to add a component: for roles that may not create any, and where another role's would be replaced.
func (d *Datalayer) mayAdd(ctx context.Context, by Requester, ref component.Ref, mode AddMode) error {
	if err := d.MayCreate(ctx, by, "create "+article(ref.Kind)); err != nil {
		return err
	}
	existing := d.catalog.Load().components.Component(ref.Kind, ref.Name)
	if existing == nil || mode != AddOrReplace {
		return nil
	}
	return d.mayChange(ctx, by, existing)
}

// article is a kind with its article.
func article(kind string) string { return "a " + component.Words(kind) }

// mayChange refuses roles that do not own a component with 42501. One without an owner, or whose owner home does not
// know any more, is everybody's who may create schemas in the database.
func (d *Datalayer) mayChange(ctx context.Context, by Requester, c *component.Component) error {
	if by.Home == nil {
		return nil
	}
	known, err := by.known(ctx, c.Owner)
	if err != nil {
		return err
	}
	var may bool
	if known {
		may, err = by.isOneOf(ctx, []string{c.Owner})
	} else {
		may, err = by.ask(ctx, createsSQL, by.Role)
	}
	if err != nil || may {
		return err
	}
	e := &Error{Code: "42501", Message: fmt.Sprintf("must be owner of %s", component.Ref{Kind: c.Kind, Name: c.Name})}
	if known {
		e.Detail = fmt.Sprintf("It belongs to role %q; the current role is %q.", c.Owner, by.Role)
		e.Hint = "SET ROLE to its owner, or have that role change it."
	} else {
		e.Detail = fmt.Sprintf("It has no owner, and role %q has not the privilege CREATE on the database.", by.Role)
	}
	return e
}

// known asks whether home has a role.
func (by Requester) known(ctx context.Context, role string) (bool, error) {
	if role == "" {
		return false, nil
	}
	list, err := json.Marshal([]string{role})
	if err != nil {
		return false, err
	}
	rows, err := by.Home.Query(ctx, rolesSQL, string(list))
	return len(rows) > 0, err
}

// MayExecute refuses roles that may not call a model with 42501: its owner may, and those that were granted EXECUTE, which
// all are until that is revoked from PUBLIC. Home is asked only where a right was ever granted or revoked.
func (d *Datalayer) MayExecute(ctx context.Context, by Requester, name string) error {
	c := d.catalog.Load().components.Component(component.KindModel, name)
	if by.Home == nil || c == nil || c.Execute == nil || slices.Contains(c.Execute, everyone) {
		return nil
	}
	roles := c.Execute
	if c.Owner != "" {
		roles = append(slices.Clone(roles), c.Owner)
	}
	may, err := by.isOneOf(ctx, roles)
	if err != nil || may {
		return err
	}
	return &Error{
		Code:    "42501",
		Message: fmt.Sprintf("permission denied for model %q", name),
		Detail:  fmt.Sprintf("Role %q has no right to execute it.", by.Role),
		Hint:    "Have its owner run: GRANT EXECUTE ON MODEL " + quoteIdentifier(name) + " TO " + quoteIdentifier(by.Role) + ".",
	}
}

// Restricted reports whether EXECUTE on a model is not everybody's, so that MayExecute has something to ask.
func (d *Datalayer) Restricted(name string) bool {
	c := d.catalog.Load().components.Component(component.KindModel, name)
	return c != nil && c.Execute != nil && !slices.Contains(c.Execute, everyone)
}

// mayUse refuses to make a component of models that the role may not call, and of secrets that are not its own.
func (d *Datalayer) mayUse(ctx context.Context, by Requester, uses []component.Ref) error {
	for _, used := range uses {
		var err error
		switch used.Kind {
		case component.KindModel:
			err = d.MayExecute(ctx, by, used.Name)
		case component.KindSecret:
			if c := d.catalog.Load().components.Component(used.Kind, used.Name); c != nil {
				err = d.mayChange(ctx, by, c)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Grant gives or takes the right to call models, or with no models that to make components. Roles are names of home's
// roles, "public" for all.
type Grant struct {
	Revoke bool
	Models []string
	Roles  []string
	By     Requester
}

// Grant gives or takes rights. Those to a model are its owner's to give, those to make components the database owner's.
func (d *Datalayer) Grant(ctx context.Context, g Grant) error {
	if err := d.checkRoles(ctx, g); err != nil {
		return err
	}
	if len(g.Models) == 0 {
		return d.grantCreate(ctx, g)
	}
	for _, name := range g.Models {
		c := d.catalog.Load().components.Component(component.KindModel, name)
		if c == nil {
			return d.catalog.Load().unknownModel(name)
		}
		if err := d.mayChange(ctx, g.By, c); err != nil {
			return err
		}
	}
	return d.change(ctx, nil, func(tx metadata.Tx) error {
		for _, name := range g.Models {
			c, err := tx.Components().Component(component.KindModel, name)
			if err != nil {
				return fmt.Errorf("model %q: %w", name, err)
			}
			roles := c.Execute
			if roles == nil {
				roles = []string{everyone}
			}
			if err := tx.Components().SetExecute(component.KindModel, name, g.apply(roles)); err != nil {
				return err
			}
		}
		return nil
	})
}

// apply gives the roles that have a right afterwards, never nil.
func (g Grant) apply(roles []string) []string {
	after := append([]string{}, roles...)
	for _, role := range g.Roles {
		after = slices.DeleteFunc(after, func(r string) bool { return r == role })
		if !g.Revoke {
			after = append(after, role)
		}
	}
	slices.Sort(after)
	return after
}

// checkRoles refuses roles that home does not have: 42704. A right may be taken from one that it has no more.
func (d *Datalayer) checkRoles(ctx context.Context, g Grant) error {
	if g.By.Home == nil || g.Revoke {
		return nil
	}
	for _, role := range g.Roles {
		if role == everyone {
			continue
		}
		known, err := g.By.known(ctx, role)
		if err != nil {
			return err
		}
		if !known {
			return &Error{Code: "42704", Message: fmt.Sprintf("role %q does not exist", role)}
		}
	}
	return nil
}

// grantCreate gives or takes the right to make components.
func (d *Datalayer) grantCreate(ctx context.Context, g Grant) error {
	if g.By.Home != nil {
		may, err := g.By.ask(ctx, ownsDatabaseSQL, g.By.Role)
		if err != nil {
			return err
		}
		if !may {
			return &Error{Code: "42501", Message: "permission denied to grant CREATE COMPONENT",
				Detail: fmt.Sprintf("It is the database owner's to give; the current role is %q.", g.By.Role)}
		}
	}
	err := d.config.Metadata.Update(ctx, func(tx metadata.Tx) error {
		roles, err := component.Creators(tx.KeyValue())
		if err != nil {
			return err
		}
		return tx.Components().SetCreators(g.apply(roles))
	})
	if err != nil {
		return ErrorOf(err)
	}
	return nil
}
