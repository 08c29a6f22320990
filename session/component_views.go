package session

import (
	"context"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/view"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// dropViews is the part of DROP MODEL that views have, of the session's database: those that would miss what is removed
// refuse it, or go first with cascade. A crash behind it leaves the model, without them, to be dropped again.
func (s *session) dropViews(ctx context.Context, h *homeSide, r datalayer.Removal) error {
	if r.Ref.Kind != component.KindModel {
		return nil
	}
	catalog := s.cfg.Datalayer.Components()
	if catalog.Component(r.Ref.Kind, r.Ref.Name) == nil {
		return nil // it is told of as any other that is not there
	}
	all, err := view.All(ctx, homeQuestions{h})
	if err != nil {
		return err
	}
	using := view.Using(all, catalog, r.Ref, r.Cascade)
	if len(using) == 0 {
		return nil
	}
	if err := s.cfg.Datalayer.MayRemove(ctx, r); err != nil {
		return err
	}
	var names, texts []string
	for _, v := range using {
		names, texts = append(names, v.Words()), append(texts, v.DropText())
	}
	if !r.Cascade {
		return coded("2BP01", "cannot drop "+r.Ref.String()+" because views call it", "It is called by "+strings.Join(names, ", ")+".", "Drop these first, or use CASCADE to drop them too.")
	}
	h.notice("drop cascades to " + strings.Join(names, ", "))
	return unpositioned(h.inBlock(ctx, func() error { return h.do(ctx, texts...) }))
}

// describeView is DESCRIBE VIEW.
func (s *session) describeView(ctx context.Context, h *homeSide, c *sqlparse.Describe) ([][2]string, error) {
	all, err := view.All(ctx, homeQuestions{h})
	if err != nil {
		return nil, err
	}
	var list [][2]string
	for _, v := range all {
		if v.Name != c.Name.Name {
			continue
		}
		list = append(list, [2]string{"name", v.Name}, [2]string{"schema", v.Schema}, [2]string{"kind", strings.TrimSuffix(v.Words(), " "+v.Qualified())},
			[2]string{"query", v.Definition})
		for _, call := range v.Calls {
			list = append(list, [2]string{"uses", component.Ref{Kind: component.KindModel, Name: call.Model, Version: call.Version}.String()})
		}
		list = append(list, [2]string{"owner", v.Owner})
	}
	if list == nil {
		return nil, coded("42704", "view "+sqlparse.QuoteLiteral(c.Name.Name)+" with predict does not exist", "", "SHOW VIEWS lists the views that call models; other views are PostgreSQL's alone.")
	}
	return list, nil
}

// usedByViews adds the views that call a model to its description.
func (s *session) usedByViews(ctx context.Context, h *homeSide, c *sqlparse.Describe, list [][2]string) ([][2]string, error) {
	if c.Kind != component.KindModel {
		return list, nil
	}
	all, err := view.All(ctx, homeQuestions{h})
	if err != nil {
		return nil, err
	}
	for _, v := range view.Using(all, s.cfg.Datalayer.Components(), component.Ref{Kind: c.Kind, Name: c.Name.Name, Version: c.Name.Version}, false) {
		list = append(list, [2]string{"used by", v.Words()})
	}
	return list, nil
}
