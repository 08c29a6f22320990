// Package secret is the kind of components that are secrets: references to where a secret is, never the secret itself.
package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// maxBytes is the length of the longest secret.
const maxBytes = 64 << 10

// Kind is the kind. Files are read only under Dirs (setting secret_dirs), after symbolic links are followed; none: no
// file may be read. Environment variables whose names begin with PG or PINNACLE_ are the proxy's own, and cannot be read.
type Kind struct{ Dirs []string }

var _ component.Kind = Kind{}

// Name implements component.Kind.
func (Kind) Name() string { return component.KindSecret }

// KeepsVersions implements component.Kind.
func (Kind) KeepsVersions() bool { return false }

// Check implements component.Kind. The secret has to be there.
func (k Kind) Check(_ context.Context, in component.Proposal) (*component.Checked, error) {
	var def component.SecretDefinition
	if err := component.Decode(in.Definition, &def); err != nil {
		return nil, &component.Error{Code: "22023", Message: fmt.Sprintf("invalid definition of secret %q: %v", in.Name, err)}
	}
	if def.File != "" {
		name, err := filepath.Abs(def.File)
		if err != nil {
			return nil, err
		}
		def.File = name
	}
	if _, err := k.Read(in.Name, def); err != nil {
		return nil, err
	}
	return &component.Checked{Definition: def}, nil
}

// Plan implements component.Kind.
func (Kind) Plan(component.Change) (component.Plan, error) { return component.Plan{}, nil }

// variable is the name of an environment variable.
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Read gives the secret, as it is now. A line's end behind it is not part of it.
func (k Kind) Read(name string, def component.SecretDefinition) (string, error) {
	switch {
	case (def.Env == "") == (def.File == ""):
		return "", &component.Error{Code: "22023", Message: fmt.Sprintf("secret %q needs either an environment variable or a file", name)}
	case def.File != "":
		return k.readFile(name, def.File)
	case !variable.MatchString(def.Env):
		return "", &component.Error{Code: "22023", Message: fmt.Sprintf("secret %q names no environment variable", name)}
	case strings.HasPrefix(def.Env, "PG") || strings.HasPrefix(def.Env, "PINNACLE_"):
		return "", &component.Error{Code: "42501", Message: fmt.Sprintf("secret %q cannot be read from %s", name, def.Env),
			Detail: "Variables whose names begin with PG or PINNACLE_ are the proxy's own."}
	}
	value, ok := os.LookupEnv(def.Env)
	if !ok || value == "" {
		return "", &component.Error{Code: "58P01", Message: fmt.Sprintf("secret %q cannot be read: the proxy's environment has no variable %s", name, def.Env),
			Hint: "Set it where the proxy is started, and start the proxy again."}
	}
	return value, nil
}

// readFile reads a file under one of Dirs.
func (k Kind) readFile(name, path string) (string, error) {
	refused := &component.Error{Code: "42501", Message: fmt.Sprintf("secret %q cannot be read from that file", name),
		Detail: "It is not under a directory that secret_dirs names.", Hint: "Add its directory to secret_dirs."}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = filepath.Clean(path)
	}
	for _, dir := range k.Dirs {
		realDir, dirErr := filepath.EvalSymlinks(dir)
		if dirErr != nil {
			continue
		}
		rel, relErr := filepath.Rel(realDir, real)
		if relErr != nil || !filepath.IsLocal(rel) || rel == "." {
			continue
		}
		value, err := read(realDir, rel)
		if err != nil || value == "" {
			return "", &component.Error{Code: "58P01", Message: fmt.Sprintf("secret %q cannot be read: its file is empty or cannot be opened", name)}
		}
		return value, nil
	}
	return "", refused
}

// read reads a file of a directory, without leaving it.
func read(dir, name string) (value string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return "", errors.Join(err, errors.New("it is not a regular file"))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && len(text) > maxBytes {
		err = errors.New("it is too long")
	}
	return strings.TrimRight(string(text), "\r\n"), err
}

// Of reads the secret of a record.
func (k Kind) Of(r *component.Record) (string, error) {
	var def component.SecretDefinition
	if err := json.Unmarshal(r.Definition, &def); err != nil {
		return "", err
	}
	return k.Read(r.Name, def)
}
