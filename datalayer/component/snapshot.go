package component

import (
	"cmp"
	"maps"
	"slices"
)

// Snapshot is what components there were at one moment. It is immutable, and implements Catalog.
type Snapshot struct {
	byName map[Ref]*Component
	// users are the versions that use a component, by its kind and name, in order.
	users map[Ref][]*Record
}

// NewSnapshot makes a Snapshot of all components, which are not changed any more.
func NewSnapshot(all []*Component) *Snapshot {
	s := &Snapshot{byName: make(map[Ref]*Component, len(all)), users: map[Ref][]*Record{}}
	for _, c := range all {
		s.byName[Ref{Kind: c.Kind, Name: c.Name}] = c
	}
	for _, c := range s.Components("") {
		for _, v := range c.Versions {
			for i, used := range v.Uses {
				if !slices.Contains(v.Uses[:i], used) {
					bare := Ref{Kind: used.Kind, Name: used.Name}
					s.users[bare] = append(s.users[bare], v)
				}
			}
		}
	}
	return s
}

// Component implements Catalog.
func (s *Snapshot) Component(kind, name string) *Component {
	return s.byName[Ref{Kind: kind, Name: name}]
}

// Components implements Catalog.
func (s *Snapshot) Components(kind string) []*Component {
	var list []*Component
	for _, c := range s.byName {
		if kind == "" || c.Kind == kind {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *Component) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return list
}

// Users implements Catalog.
func (s *Snapshot) Users(ref Ref) []*Record {
	all := s.users[Ref{Kind: ref.Kind, Name: ref.Name}]
	if ref.Version == 0 {
		return slices.CompactFunc(slices.Clone(all), func(a, b *Record) bool { return a == b })
	}
	c := s.Component(ref.Kind, ref.Name)
	isDefault := c != nil && c.Default().Version == ref.Version
	var list []*Record
	for _, v := range all {
		if slices.ContainsFunc(v.Uses, func(used Ref) bool {
			return used.Kind == ref.Kind && used.Name == ref.Name && (used.Version == ref.Version || used.Version == 0 && isDefault)
		}) && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// With gives the Snapshot after some components were changed, all of which are in changed: nil for one that is gone.
func (s *Snapshot) With(changed map[Ref]*Component) *Snapshot {
	after := maps.Clone(s.byName)
	for ref, c := range changed {
		delete(after, ref)
		if c != nil {
			after[ref] = c
		}
	}
	return NewSnapshot(slices.Collect(maps.Values(after)))
}
