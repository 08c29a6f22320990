package datalayer

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Virtual gives models that are no components: what searches of vector indexes are to statements. It is safe for concurrent
// use.
type Virtual interface {
	// Virtual finds a model by its name, which ends in a parenthesis; nil without an error where there is none of the name.
	// Its answers hold as long as revision is the same. It is not closed.
	Virtual(name string) (model udf.Model, revision string, err error)
}

// virtual finds a model that is no component; nil for a name that is none of such a model.
func (d *Datalayer) virtual(name string) (*ModelVersion, udf.Model, error) {
	if d.config.Virtual == nil || !strings.HasSuffix(name, ")") {
		return nil, nil, nil
	}
	m, revision, err := d.config.Virtual.Virtual(name)
	if err != nil || m == nil {
		return nil, nil, err
	}
	sum := sha256.Sum256([]byte(name + "\x00" + revision))
	s := m.Signature()
	return &ModelVersion{
		Name: name, Version: 1, Default: true, Runtime: "vector", Args: s.Args, Returns: s.Returns, Hash: hex.EncodeToString(sum[:]),
		Deterministic: m.Deterministic(), NullOnNull: true, CreatedAt: time.Time{}, counters: &counters{},
	}, m, nil
}
