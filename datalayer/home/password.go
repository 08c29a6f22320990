package home

import "path/filepath"

// Password gives the password of the local PostgreSQL's user User, from the password file of a data directory; "" where
// there is none.
func Password(dataDir string) (string, error) { return readPassFile(filepath.Join(dataDir, PassFile)) }
