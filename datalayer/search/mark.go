package search

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
)

// A mark is a file that says that home may have something of an index: it is there before home is asked to make it, and goes
// when home has dropped it. Other proxies may have indexes of their own at the same home, so what is there and has no mark is not
// this proxy's to remove.

// marksName is the directory of marks among those of indexes.
const marksName = "home"

// marks is the directory of marks.
func (k *Keeper) marks() string { return filepath.Join(k.config.Dir, marksName) }

// markOf is the file of an index's mark.
func (k *Keeper) markOf(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(k.marks(), hex.EncodeToString(sum[:16]))
}

// mark notes that home will have something of an index.
func (k *Keeper) mark(origin string) error {
	if err := os.MkdirAll(k.marks(), 0o700); err != nil {
		return err
	}
	return os.WriteFile(k.markOf(origin), []byte(origin), 0o600)
}

// unmark notes that home has nothing of an index any more.
func (k *Keeper) unmark(origin string) error {
	if err := os.Remove(k.markOf(origin)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// marked are the indexes of which home may have something.
func (k *Keeper) marked() ([]string, error) {
	entries, err := os.ReadDir(k.marks())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var origins []string
	for _, e := range entries {
		origin, err := os.ReadFile(filepath.Join(k.marks(), e.Name()))
		if err != nil {
			return nil, err
		}
		origins = append(origins, string(origin))
	}
	return origins, nil
}
