package home

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// FetchMode says when PostgreSQL is fetched instead of taken from the machine.
type FetchMode string

// The fetch modes.
const (
	// FetchAuto fetches where the machine has none that can be used.
	FetchAuto FetchMode = "auto"
	// FetchAlways passes over what the machine has.
	FetchAlways FetchMode = "always"
	// FetchNever fails where the machine has none.
	FetchNever FetchMode = "never"
)

// fetchedPrefix begins the names of the directories, below the local PostgreSQL's own, that hold fetched binaries.
const fetchedPrefix = "bin-"

// fetchable is the version that is fetched for a major version; 0 means a new cluster's.
func fetchable(major int) (embeddedpostgres.PostgresVersion, bool) {
	switch major {
	case 0, 18:
		return embeddedpostgres.V18, true
	case 17:
		return embeddedpostgres.V17, true
	case 16:
		return embeddedpostgres.V16, true
	case 15:
		return embeddedpostgres.V15, true
	case 14:
		return embeddedpostgres.V14, true
	}
	return "", false
}

// fetchedDirs lists the program directories of what was fetched before.
func fetchedDirs(dir string) []string {
	found, _ := filepath.Glob(filepath.Join(dir, fetchedPrefix+"*", "bin"))
	sort.Strings(found)
	return found
}

// fetchBinaries downloads PostgreSQL (about 15 MB, 60 MB unpacked), verifies the checksum that its repository gives, and
// unpacks it below dir, whole or not at all. repository is a Maven repository, "" for the library's own. The library
// cannot be interrupted: when ctx ends the download is left behind, which is only good for a process about to end.
func fetchBinaries(ctx context.Context, dir, repository string, version embeddedpostgres.PostgresVersion) (string, error) {
	final := filepath.Join(dir, fetchedPrefix+string(version))
	if err := removeAll(dir, "fetch-*"); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(dir, "fetch-")
	if err != nil {
		return "", err
	}
	done := make(chan error, 1)
	go func() { done <- unpack(tmp, repository, version) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer os.RemoveAll(tmp)
	if err != nil {
		return "", &Error{Code: codeSystem, Message: fmt.Sprintf("PostgreSQL %s cannot be fetched", version), Err: err,
			Hint: "Install PostgreSQL 14 or newer on this machine, name its programs with --postgres-bin-dir, or a Maven repository that can be reached with --postgres-repository."}
	}
	if err := os.Chmod(filepath.Join(tmp, "unpacked"), 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(filepath.Join(tmp, "unpacked"), final); err != nil {
		return "", err
	}
	return filepath.Join(final, "bin"), syncDirectory(dir)
}

// unpack has the library download and unpack into tmp/unpacked. The library offers that only as the first steps of a
// start, so it is given a data directory that holds nothing but a version: the start fails there, having unpacked.
func unpack(tmp, repository string, version embeddedpostgres.PostgresVersion) error {
	data, unpacked := filepath.Join(tmp, "data"), filepath.Join(tmp, "unpacked")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(strings.SplitN(string(version), ".", 2)[0]), 0o600); err != nil {
		return err
	}
	config := embeddedpostgres.DefaultConfig().Version(version).Port(0).Logger(io.Discard).
		CachePath(filepath.Join(tmp, "cache")).RuntimePath(filepath.Join(tmp, "run")).BinariesPath(unpacked).DataPath(data)
	if repository != "" {
		config = config.BinaryRepositoryURL(strings.TrimSuffix(repository, "/"))
	}
	server := embeddedpostgres.NewDatabase(config)
	err := server.Start()
	switch {
	case err == nil:
		return errors.Join(errors.New("a server started on an empty data directory"), server.Stop())
	case !strings.HasPrefix(err.Error(), "could not start postgres"):
		return err
	}
	for _, program := range []string{"postgres", "initdb"} {
		if _, err := os.Stat(filepath.Join(unpacked, "bin", program)); err != nil {
			return err
		}
	}
	return nil
}

// removeAll removes what matches a pattern below dir: what an interrupted run left.
func removeAll(dir, pattern string) error {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	for _, f := range found {
		err = errors.Join(err, os.RemoveAll(f))
	}
	return err
}

// syncDirectory makes names created or renamed in a directory durable.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
