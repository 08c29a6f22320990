package session

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// create is CREATE of a component of any kind.
func (s *session) create(text string, c sqlparse.Create) (statement, error) {
	req, err := request(text, c)
	if err != nil {
		return nil, err
	}
	what := changes(c)
	return s.command(what, func(ctx context.Context, h *homeSide) (string, error) {
		if req.By, err = s.requester(ctx, h); err != nil {
			return "", err
		}
		out, err := s.cfg.Datalayer.AddComponent(ctx, req)
		if err != nil {
			return "", err
		}
		h.notice(outcomeNotice(out))
		return what, nil
	}), nil
}

// request makes of a CREATE what the Datalayer is asked for.
func request(text string, c sqlparse.Create) (datalayer.Request, error) {
	head := c.Head()
	req := datalayer.Request{Kind: c.Kind(), Name: head.Name.Name}
	switch {
	case head.OrReplace:
		req.Mode = datalayer.AddOrReplace
	case head.IfNotExists:
		req.Mode = datalayer.AddIfNotExists
	}
	definition, err := definitionOf(text, c)
	if err != nil {
		return req, err
	}
	req.Definition, err = json.Marshal(definition)
	return req, err
}

// outcomeNotice says what adding a component did where the command tag does not.
func outcomeNotice(out *datalayer.Outcome) string {
	r := out.Record
	what := component.Ref{Kind: r.Kind, Name: r.Name}.String()
	var text string
	switch out.Change {
	case "same":
		text = fmt.Sprintf("%s has this content already as version %d; nothing was changed", what, r.Version)
	case "exists":
		text = what + " already exists, skipping"
	case "update":
		text = fmt.Sprintf("%s keeps version %d; settings that do not change its behaviour were changed", what, r.Version)
	case "new version":
		text = fmt.Sprintf("%s has a new version %d", what, r.Version)
		if out.Default != r.Version {
			text += fmt.Sprintf("; the default stays version %d, as it was set: ALTER %s %s SET DEFAULT VERSION %d changes it",
				out.Default, words(r.Kind), sqlparse.QuoteIdentifier(r.Name), r.Version)
		}
	}
	for _, b := range out.Breaks {
		text = strings.TrimPrefix(text+"; "+b, "; ")
	}
	return text
}

// alter runs ALTER.
func (s *session) alter(ctx context.Context, h *homeSide, c *sqlparse.Alter) error {
	by, err := s.requester(ctx, h)
	if err != nil {
		return err
	}
	dl, name := s.cfg.Datalayer, c.Name.Name
	switch {
	case c.RenameTo != "":
		return dl.RenameComponent(ctx, by, c.Kind, name, c.RenameTo)
	case c.DefaultVersion != 0:
		return dl.SetDefaultVersion(ctx, by, component.Ref{Kind: c.Kind, Name: name, Version: c.DefaultVersion})
	case c.Owner.Name != "":
		owner, err := s.role(ctx, h, by, c.Owner)
		if err != nil {
			return err
		}
		return dl.SetOwner(ctx, by, c.Kind, name, owner)
	}
	var keys map[string]any
	if c.Enable || c.Disable {
		keys = map[string]any{"disabled": c.Disable}
	}
	out, err := dl.ChangeDefinition(ctx, by, c.Kind, name, keys, optionMap(c.Set))
	if err != nil {
		return err
	}
	h.notice(outcomeNotice(out))
	return nil
}

// role is the name of a role that a statement names, maybe by one of SQL's words.
func (s *session) role(ctx context.Context, h *homeSide, by datalayer.Requester, r sqlparse.Role) (string, error) {
	switch {
	case !r.Word || r.Name == "public":
		return r.Name, nil
	case r.Name == "current_user":
		return by.Role, nil
	}
	rows, err := homeQuestions{h}.Query(ctx, "SELECT session_user::pg_catalog.text")
	if err != nil || len(rows) != 1 || rows[0][0] == nil {
		return "", err
	}
	return *rows[0][0], nil
}

// dropComponent runs DROP.
func (s *session) dropComponent(ctx context.Context, h *homeSide, c *sqlparse.Drop) error {
	by, err := s.requester(ctx, h)
	if err != nil {
		return err
	}
	ref := component.Ref{Kind: c.Kind, Name: c.Name.Name, Version: c.Name.Version}
	removal := datalayer.Removal{Ref: ref, IfExists: c.IfExists, Cascade: c.Cascade, KeepOutputs: c.KeepOutputs, By: by}
	if err := s.dropViews(ctx, h, removal); err != nil {
		return err
	}
	gone, err := s.cfg.Datalayer.RemoveComponent(ctx, removal)
	if err != nil {
		return err
	}
	if len(gone) == 0 {
		h.notice(ref.String() + " does not exist, skipping")
	}
	var others []string
	for _, g := range gone {
		if g.Kind != ref.Kind || g.Name != ref.Name {
			others = append(others, g.String())
		}
	}
	if len(others) > 0 {
		h.notice("drop cascades to " + strings.Join(others, ", "))
	}
	return nil
}

// grant runs GRANT and REVOKE.
func (s *session) grant(ctx context.Context, h *homeSide, c *sqlparse.Grant) error {
	by, err := s.requester(ctx, h)
	if err != nil {
		return err
	}
	g := datalayer.Grant{Revoke: c.Revoke, By: by}
	for _, m := range c.Models {
		g.Models = append(g.Models, m.Name)
	}
	for _, r := range c.Roles {
		role, err := s.role(ctx, h, by, r)
		if err != nil {
			return err
		}
		g.Roles = append(g.Roles, role)
	}
	return s.cfg.Datalayer.Grant(ctx, g)
}
