package home

import (
	"context"
	"path/filepath"
)

// Survey is what a start in a data directory would find.
type Survey struct {
	// Major is the version of the cluster that is there; 0 for none.
	Major int
	// User is the user that the server would run as.
	User string
	// Search is what programs there are.
	Search Search
}

// Look surveys a data directory, whether it exists or not, without changing anything. binDir and fetch are as in
// LocalConfig.
func Look(ctx context.Context, dataDir, binDir string, fetch FetchMode) (Survey, error) {
	dir := filepath.Join(dataDir, "postgres")
	as, err := chooseAccount(filepath.Join(dir, clusterName))
	if err != nil {
		return Survey{}, err
	}
	s := Survey{User: as.name}
	if s.Major, err = clusterMajor(filepath.Join(dir, clusterName)); err != nil {
		return s, err
	}
	s.Search = search(ctx, as, dir, binDir, fetch)
	return s, nil
}

// Choice is the installation that would be used; ok is false where none can be.
func (s Survey) Choice() (b Binaries, ok bool) { return s.Search.newest(s.Major) }

// search looks for programs where the settings say: in binDir alone, among those fetched before alone, or everywhere.
func search(ctx context.Context, as account, dir, binDir string, fetch FetchMode) Search {
	if fetch != FetchAlways || binDir != "" {
		return findBinaries(ctx, as, binDir, fetchedDirs(dir))
	}
	var found Search
	for _, d := range fetchedDirs(dir) {
		one := findBinaries(ctx, as, d, nil)
		found.Usable, found.Refused = append(found.Usable, one.Usable...), append(found.Refused, one.Refused...)
	}
	return found
}

// newest is the first installation of a major version; 0 takes any.
func (s Search) newest(major int) (Binaries, bool) {
	for _, b := range s.Usable {
		if major == 0 || b.Major == major {
			return b, true
		}
	}
	return Binaries{}, false
}
