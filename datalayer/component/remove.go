package component

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// Remove removes a version, or with version 0 the component with all its versions, and gives what was removed in its
// order. What uses it goes before it where cascade is set; otherwise nothing goes, and a *UsedError names the users.
// A version that the bare name means may go while others are left: the newest then is the default one.
func (t *Tx) Remove(ref Ref, cascade bool) ([]*Record, error) {
	r := &removal{tx: t, doomed: map[Ref]bool{}}
	if err := r.visit(ref); err != nil {
		return nil, err
	}
	if users := r.order[:len(r.order)-r.own]; len(users) > 0 && !cascade {
		e := &UsedError{Ref: ref}
		for _, u := range users {
			e.Users = append(e.Users, u.Ref())
		}
		return nil, e
	}
	for _, v := range r.order {
		if err := t.remove(v); err != nil {
			return nil, err
		}
		if err := t.revise(v.Kind, v.Name); err != nil {
			return nil, err
		}
	}
	return r.order, nil
}

// removal finds what has to go together.
type removal struct {
	tx     *Tx
	doomed map[Ref]bool
	// order has users before what they use; own is the number of versions of the component asked for, at its end.
	order []*Record
	own   int
}

// visit dooms a version, or all of a component, and before them what uses them.
func (r *removal) visit(ref Ref) error {
	c, err := r.tx.Component(ref.Kind, ref.Name)
	if err != nil {
		return err
	}
	going := c.Versions
	if ref.Version != 0 {
		v := c.Version(ref.Version)
		if v == nil {
			return ErrNotFound
		}
		going = []*Record{v}
	}
	var doomed []*Record
	for _, v := range going {
		if !r.doomed[v.Ref()] {
			r.doomed[v.Ref()] = true
			doomed = append(doomed, v)
		}
	}
	uses := []Ref{{Kind: ref.Kind, Name: ref.Name}}
	for _, v := range c.Versions {
		if !r.doomed[v.Ref()] { // the bare name goes on meaning something
			uses = nil
		}
	}
	for _, v := range doomed {
		uses = append(uses, v.Ref())
	}
	for _, used := range uses {
		users, err := r.tx.usersOf(used)
		if err != nil {
			return err
		}
		for _, user := range users {
			if r.doomed[user] {
				continue
			}
			if err := r.visit(user); err != nil {
				return err
			}
		}
	}
	r.order = append(r.order, doomed...)
	r.own = len(doomed)
	return nil
}

// usersOf lists the versions that use exactly this: by its number, or by the bare name where ref has none.
func (t *Tx) usersOf(ref Ref) ([]Ref, error) {
	return t.scanUsers(keyvalue.Key(ref.Kind, ref.Name, keyvalue.Number(uint64(ref.Version))))
}

// users lists the versions of other components that use any version of one.
func (t *Tx) users(ref Ref) ([]Ref, error) {
	return t.scanUsers(keyvalue.Key(ref.Kind, ref.Name))
}

// Users gives the versions that use exactly this: by its number, or by the bare name where ref has none.
func (t *Tx) Users(ref Ref) ([]*Record, error) {
	refs, err := t.usersOf(ref)
	if err != nil {
		return nil, err
	}
	var records []*Record
	for _, u := range refs {
		c, err := t.Component(u.Kind, u.Name)
		if err != nil {
			return nil, err
		}
		if r := c.Version(u.Version); r != nil {
			records = append(records, r)
		}
	}
	return records, nil
}

// scanUsers reads the uses whose keys begin with prefix.
func (t *Tx) scanUsers(prefix string) ([]Ref, error) {
	var users []Ref
	err := t.kv.Scan(spaceUsers, prefix, keyvalue.PrefixEnd(prefix), 0, func(key string, _ []byte) error {
		parts, _ := keyvalue.Parts(key)
		if len(parts) != 6 {
			return &keyvalue.Error{Code: "XX001", Message: fmt.Sprintf("%q is no use of a component", key)}
		}
		version, err := strconv.Atoi(parts[5])
		users = append(users, Ref{Kind: parts[3], Name: parts[4], Version: version})
		return err
	})
	return users, err
}

// remove removes one version, and with the last one the component. A default that was set to it is the newest again.
func (t *Tx) remove(v *Record) error {
	c, h, err := read(t.kv, v.Kind, v.Name)
	if err != nil {
		return err
	}
	if err := t.removeVersion(h.ID, v); err != nil {
		return err
	}
	if len(c.Versions) == 1 {
		return t.leaveNumber(v.Kind, v.Name, h.Last)
	}
	if h.Chosen == v.Version {
		h.Chosen = 0
		return t.put(spaceComponents, keyvalue.Key(v.Kind, v.Name), h)
	}
	return nil
}

// removeVersion removes the record of a version with its uses and references.
func (t *Tx) removeVersion(id uint64, v *Record) error {
	for _, used := range v.Uses {
		if err := t.kv.Delete(spaceUsers, userKey(used, v.Ref())); err != nil {
			return err
		}
	}
	if err := t.refer(v, -1); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return t.kv.Delete(spaceVersions, versionKey(id, v.Version))
}
