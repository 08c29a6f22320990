package component

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata/keyvalue"
)

// The spaces of the metadata store that components are in. Versions hang on an id and not on the name, so that to rename a
// component is one small change whatever it has.
const (
	// spaceComponents has a header under Key(kind, name).
	spaceComponents keyvalue.Space = "components"
	// spaceVersions has a Record under Key(Number(id), Number(version)).
	spaceVersions keyvalue.Space = "component_versions"
	// spaceNumbers has the last version number of a component that is gone, under Key(kind, name).
	spaceNumbers keyvalue.Space = "component_numbers"
	// spaceUsers has an empty object under Key(kind, name, Number(version), kind, name, Number(version)): first what is
	// used, with version 0 for whichever is the default one, then the version that uses it.
	spaceUsers keyvalue.Space = "component_users"
	// spaceArtifacts has an Artifact under its digest.
	spaceArtifacts keyvalue.Space = "artifacts"
	// spaceCounters has numbers.
	spaceCounters keyvalue.Space = "counters"
)

// The keys of spaceCounters.
const (
	keyLastID   = "component_id"
	keyRevision = "component_revision"
)

// header is what a component has beside its versions.
type header struct {
	ID uint64 `json:"id"`
	// Chosen is the version that was set to be the default one, 0 for none.
	Chosen int `json:"chosen,omitempty"`
	// Last is the last version number that was given.
	Last  int    `json:"last"`
	Owner string `json:"owner,omitempty"`
	// Execute is Component.Execute.
	Execute []string `json:"execute"`
}

// Artifact is the record of an artifact that the artifact store has.
type Artifact struct {
	// Digest is the SHA-256 in hex.
	Digest string `json:"digest"`
	// Size is in bytes.
	Size      int64     `json:"size"`
	CreatedAt time.Time `json:"created_at"`
	// Refs is the number of versions that refer to it.
	Refs int `json:"refs"`
}

var (
	// ErrNotFound says that there is no component, version or artifact of that name.
	ErrNotFound = errors.New("no such component")
	// ErrExists says that a name is taken.
	ErrExists = errors.New("the name is taken")
	// ErrReferenced says that an artifact cannot go because a version refers to it.
	ErrReferenced = errors.New("the artifact is referred to")
)

// UsedError says that a component cannot go, or lose its name, because others use it.
type UsedError struct {
	Ref Ref
	// Users use it, directly or through each other, in the order in which CASCADE would remove them.
	Users []Ref
}

// Error implements error.
func (e *UsedError) Error() string {
	return fmt.Sprintf("%s is used by %d others", e.Ref, len(e.Users))
}

// get reads the JSON under a key; ErrNotFound if there is none.
func get(r keyvalue.Reader, space keyvalue.Space, key string, to any) error {
	value, err := r.Get(space, key)
	if errors.Is(err, keyvalue.ErrNotFound) {
		return ErrNotFound
	}
	if err != nil {
		return err
	}
	return unmarshal(space, key, value, to)
}

// unmarshal reads a value of the store.
func unmarshal(space keyvalue.Space, key string, value []byte, to any) error {
	if err := json.Unmarshal(value, to); err != nil {
		return &keyvalue.Error{Code: "XX001", Message: fmt.Sprintf("could not read the metadata record %q of %s: %v", key, space, err),
			Hint: "Restore a backup of the metadata store.", Err: err}
	}
	return nil
}

// read assembles one component.
func read(r keyvalue.Reader, kind, name string) (*Component, *header, error) {
	h := &header{}
	if err := get(r, spaceComponents, keyvalue.Key(kind, name), h); err != nil {
		return nil, nil, err
	}
	c := &Component{Kind: kind, Name: name, Owner: h.Owner, Chosen: h.Chosen, Execute: h.Execute}
	prefix := keyvalue.Key(keyvalue.Number(h.ID))
	err := r.Scan(spaceVersions, prefix, keyvalue.PrefixEnd(prefix), 0, func(key string, value []byte) error {
		return c.attach(key, value)
	})
	if err == nil && len(c.Versions) == 0 {
		err = &keyvalue.Error{Code: "XX001", Message: fmt.Sprintf("the metadata of %s cannot be read: it has no versions", Ref{Kind: kind, Name: name})}
	}
	return c, h, err
}

// attach adds a version that was read.
func (c *Component) attach(key string, value []byte) error {
	v := &Record{}
	if err := unmarshal(spaceVersions, key, value, v); err != nil {
		return err
	}
	v.Kind, v.Name, v.Owner = c.Kind, c.Name, c.Owner
	c.Versions = append(c.Versions, v)
	return nil
}

// Read gives one component with all its versions; ErrNotFound if there is none.
func Read(r keyvalue.Reader, kind, name string) (*Component, error) {
	c, _, err := read(r, kind, name)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ReadAll gives every component, ordered by kind and name.
func ReadAll(r keyvalue.Reader) ([]*Component, error) {
	var all []*Component
	byID := map[string]*Component{}
	err := r.Scan(spaceComponents, "", "", 0, func(key string, value []byte) error {
		parts, ok := keyvalue.Parts(key)
		if !ok || len(parts) != 2 {
			return &keyvalue.Error{Code: "XX001", Message: fmt.Sprintf("%q is no name of a component", key)}
		}
		var h header
		if err := unmarshal(spaceComponents, key, value, &h); err != nil {
			return err
		}
		c := &Component{Kind: parts[0], Name: parts[1], Owner: h.Owner, Chosen: h.Chosen, Execute: h.Execute}
		all = append(all, c)
		byID[keyvalue.Number(h.ID)] = c
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = r.Scan(spaceVersions, "", "", 0, func(key string, value []byte) error {
		parts, _ := keyvalue.Parts(key)
		if len(parts) != 2 || byID[parts[0]] == nil {
			return &keyvalue.Error{Code: "XX001", Message: fmt.Sprintf("version %q belongs to no component", key)}
		}
		return byID[parts[0]].attach(key, value)
	})
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if len(c.Versions) == 0 {
			return nil, &keyvalue.Error{Code: "XX001", Message: fmt.Sprintf("the metadata of %s cannot be read: it has no versions", Ref{Kind: c.Kind, Name: c.Name})}
		}
	}
	return all, nil
}

// Revision counts the transactions that changed components: a program that sees another number than before reads them
// anew.
func Revision(r keyvalue.Reader) (uint64, error) {
	var n uint64
	err := get(r, spaceCounters, keyRevision, &n)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return n, err
}

// Artifacts gives every recorded artifact, ordered by digest.
func Artifacts(r keyvalue.Reader) ([]*Artifact, error) {
	var all []*Artifact
	err := r.Scan(spaceArtifacts, "", "", 0, func(key string, value []byte) error {
		a := &Artifact{}
		all = append(all, a)
		return unmarshal(spaceArtifacts, key, value, a)
	})
	return all, err
}

// Tx reads and changes components within one transaction, and reads its own changes. It is not for concurrent use.
// Records that it is given are not kept.
type Tx struct {
	kv keyvalue.Tx
	// revised says that the revision was counted on.
	revised bool
	// touched are the components that were changed, without versions.
	touched []Ref
}

// In makes a Tx of a transaction of the metadata store.
func In(tx keyvalue.Tx) *Tx { return &Tx{kv: tx} }

// put writes JSON.
func (t *Tx) put(space keyvalue.Space, key string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return t.kv.Put(space, key, text)
}

// Touched lists the components, without versions, that this transaction has changed so far, removed ones too.
func (t *Tx) Touched() []Ref { return t.touched }

// revise notes the change of components, and counts the revision on, once a transaction.
func (t *Tx) revise(kind string, names ...string) error {
	for _, name := range names {
		if ref := (Ref{Kind: kind, Name: name}); !slices.Contains(t.touched, ref) {
			t.touched = append(t.touched, ref)
		}
	}
	if t.revised {
		return nil
	}
	n, err := Revision(t.kv)
	if err != nil {
		return err
	}
	t.revised = true
	return t.put(spaceCounters, keyRevision, n+1)
}

// Component gives one component with all its versions; ErrNotFound if there is none.
func (t *Tx) Component(kind, name string) (*Component, error) { return Read(t.kv, kind, name) }

// Add records a version and gives it the next number of that kind and name, which it returns; r.Version is not read. The
// component is made if need be, and then belongs to r.Owner; one that exists keeps its owner. Numbers count from 1 and are
// never given again. What r uses has to exist (ErrNotFound otherwise, which names it), and artifacts have to be recorded.
// Without keep the versions before are removed, whatever uses them by number.
func (t *Tx) Add(r *Record, keep bool) (int, error) {
	before, h, err := read(t.kv, r.Kind, r.Name)
	if errors.Is(err, ErrNotFound) {
		h, err = t.newHeader(r)
	}
	if err != nil {
		return 0, err
	}
	if h.Last >= math.MaxInt32 {
		return 0, &keyvalue.Error{Code: "54000", Message: fmt.Sprintf("%s has had too many versions", Ref{Kind: r.Kind, Name: r.Name})}
	}
	h.Last++
	added := *r
	added.Version = h.Last
	if err := t.link(&added); err != nil {
		return 0, err
	}
	if err := t.put(spaceVersions, versionKey(h.ID, added.Version), &added); err != nil {
		return 0, err
	}
	if before != nil && !keep {
		h.Chosen = 0
		for _, old := range before.Versions {
			if err := t.removeVersion(h.ID, old); err != nil {
				return 0, err
			}
		}
	}
	if err := t.put(spaceComponents, keyvalue.Key(r.Kind, r.Name), h); err != nil {
		return 0, err
	}
	return added.Version, t.revise(r.Kind, r.Name)
}

// versionKey is the key of one version.
func versionKey(id uint64, version int) string {
	return keyvalue.Key(keyvalue.Number(id), keyvalue.Number(uint64(version)))
}

// newHeader makes the header of a component that does not exist; its numbers go on where an earlier one's ended.
func (t *Tx) newHeader(r *Record) (*header, error) {
	h := &header{Owner: r.Owner}
	if err := get(t.kv, spaceNumbers, keyvalue.Key(r.Kind, r.Name), &h.Last); err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if err := get(t.kv, spaceCounters, keyLastID, &h.ID); err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	h.ID++
	return h, t.put(spaceCounters, keyLastID, h.ID)
}

// link notes what a version uses, and counts a reference more on its artifacts.
func (t *Tx) link(r *Record) error {
	for _, used := range r.Uses {
		c, err := t.Component(used.Kind, used.Name)
		if err == nil && used.Version != 0 && c.Version(used.Version) == nil {
			err = ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("%s: %w", used, err)
		}
		if err := t.put(spaceUsers, userKey(used, r.Ref()), struct{}{}); err != nil {
			return err
		}
	}
	return t.refer(r, 1)
}

// userKey is the key that notes a use.
func userKey(used, by Ref) string {
	return keyvalue.Key(used.Kind, used.Name, keyvalue.Number(uint64(used.Version)), by.Kind, by.Name, keyvalue.Number(uint64(by.Version)))
}

// refer counts references to the artifacts of a version.
func (t *Tx) refer(r *Record, by int) error {
	for i, digest := range r.Artifacts {
		if slices.Contains(r.Artifacts[:i], digest) {
			continue
		}
		a := &Artifact{}
		if err := get(t.kv, spaceArtifacts, digest, a); err != nil {
			return fmt.Errorf("artifact %s: %w", digest, err)
		}
		a.Refs += by
		if err := t.put(spaceArtifacts, digest, a); err != nil {
			return err
		}
	}
	return nil
}

// Replace changes the definition of a version in place, where that does not change what it is: r's hash, what it uses and
// its artifacts are those that the version has.
func (t *Tx) Replace(r *Record) error {
	c, h, err := read(t.kv, r.Kind, r.Name)
	if err != nil {
		return err
	}
	was := c.Version(r.Version)
	if was == nil {
		return ErrNotFound
	}
	changed := *was
	changed.Definition = r.Definition
	if err := t.put(spaceVersions, versionKey(h.ID, r.Version), &changed); err != nil {
		return err
	}
	return t.revise(r.Kind, r.Name)
}

// SetDefault makes a version the default one; 0 stands for the newest, whichever that is.
func (t *Tx) SetDefault(kind, name string, version int) error {
	return t.changeHeader(kind, name, func(c *Component, h *header) error {
		if version != 0 && c.Version(version) == nil {
			return ErrNotFound
		}
		h.Chosen = version
		return nil
	})
}

// SetOwner gives a component to another role.
func (t *Tx) SetOwner(kind, name, owner string) error {
	return t.changeHeader(kind, name, func(_ *Component, h *header) error {
		h.Owner = owner
		return nil
	})
}

// SetExecute says which roles may call a model: see Component.Execute.
func (t *Tx) SetExecute(kind, name string, roles []string) error {
	return t.changeHeader(kind, name, func(_ *Component, h *header) error {
		h.Execute = roles
		return nil
	})
}

// changeHeader changes what a component has beside its versions.
func (t *Tx) changeHeader(kind, name string, change func(c *Component, h *header) error) error {
	c, h, err := read(t.kv, kind, name)
	if err != nil {
		return err
	}
	if err := change(c, h); err != nil {
		return err
	}
	if err := t.put(spaceComponents, keyvalue.Key(kind, name), h); err != nil {
		return err
	}
	return t.revise(kind, name)
}

// Rename gives a component another name, which its versions follow with their numbers; ErrExists if that is taken, and a
// *UsedError if others use it.
func (t *Tx) Rename(kind, name, to string) error {
	c, h, err := read(t.kv, kind, name)
	if err != nil {
		return err
	}
	if err := get(t.kv, spaceComponents, keyvalue.Key(kind, to), &header{}); !errors.Is(err, ErrNotFound) {
		if err == nil {
			err = ErrExists
		}
		return err
	}
	users, err := t.users(Ref{Kind: kind, Name: name})
	if err != nil {
		return err
	}
	if len(users) > 0 {
		return &UsedError{Ref: Ref{Kind: kind, Name: name}, Users: users}
	}
	if err := t.leaveNumber(kind, name, h.Last); err != nil {
		return err
	}
	taken := 0
	if err := get(t.kv, spaceNumbers, keyvalue.Key(kind, to), &taken); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	h.Last = max(h.Last, taken)
	for _, v := range c.Versions {
		for _, used := range v.Uses {
			by := v.Ref()
			if err := t.kv.Delete(spaceUsers, userKey(used, by)); err != nil {
				return err
			}
			by.Name = to
			if err := t.put(spaceUsers, userKey(used, by), struct{}{}); err != nil {
				return err
			}
		}
	}
	if err := t.put(spaceComponents, keyvalue.Key(kind, to), h); err != nil {
		return err
	}
	return t.revise(kind, name, to)
}

// leaveNumber removes a header and keeps its last number.
func (t *Tx) leaveNumber(kind, name string, last int) error {
	if err := t.kv.Delete(spaceComponents, keyvalue.Key(kind, name)); err != nil {
		return err
	}
	return t.put(spaceNumbers, keyvalue.Key(kind, name), last)
}

// PutArtifact records an artifact without references, unless it is recorded already. a.Refs is not read.
func (t *Tx) PutArtifact(a *Artifact) error {
	err := get(t.kv, spaceArtifacts, a.Digest, &Artifact{})
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	record := *a
	record.Refs = 0
	return t.put(spaceArtifacts, a.Digest, &record)
}

// RemoveArtifact removes an artifact's record; ErrReferenced if a version refers to it. That there is none is no error.
func (t *Tx) RemoveArtifact(digest string) error {
	a := &Artifact{}
	err := get(t.kv, spaceArtifacts, digest, a)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case a.Refs > 0:
		return ErrReferenced
	}
	return t.kv.Delete(spaceArtifacts, digest)
}
