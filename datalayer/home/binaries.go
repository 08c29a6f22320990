package home

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// MinMajor is the oldest PostgreSQL that the proxy runs as its local one.
const MinMajor = 14

// versionTimeout bounds one call of postgres -V.
const versionTimeout = 10 * time.Second

// Binaries is an installation of PostgreSQL on this machine.
type Binaries struct {
	// Dir holds postgres and initdb.
	Dir string
	// Version is what postgres -V prints, 15.18 for example, and Major its first number.
	Version string
	Major   int
}

// path is the full path of one program.
func (b Binaries) path(program string) string { return filepath.Join(b.Dir, program) }

// Search is what a look at the machine found: those that can be used, the newest first, and why others cannot.
type Search struct {
	Usable []Binaries
	// Refused says of each directory that holds a postgres why it cannot be used.
	Refused []string
}

// findBinaries looks for installations that the local PostgreSQL can use: in dir alone if it is not "", otherwise in
// PATH, in the places where packages put them, and in extra. It needs postgres and initdb, version 14 or newer, with
// postgres_fdw, that the account can run.
func findBinaries(ctx context.Context, as account, dir string, extra []string) Search {
	dirs := []string{dir}
	if dir == "" {
		dirs = append(usualPlaces(), extra...)
	}
	var s Search
	seen := make(map[string]bool)
	for _, d := range dirs {
		real, err := filepath.EvalSymlinks(d)
		if err == nil {
			real, err = filepath.Abs(real)
		}
		if err != nil || seen[real] {
			if dir != "" && err != nil {
				s.Refused = append(s.Refused, err.Error())
			}
			continue
		}
		seen[real] = true
		if _, err := os.Stat(filepath.Join(real, "postgres")); err != nil && dir == "" {
			continue
		}
		b, err := inspect(ctx, as, real)
		if err != nil {
			s.Refused = append(s.Refused, fmt.Sprintf("%s: %v", real, err))
			continue
		}
		s.Usable = append(s.Usable, b)
	}
	sort.SliceStable(s.Usable, func(i, j int) bool { return newer(s.Usable[i].Version, s.Usable[j].Version) })
	return s
}

// usualPlaces are the directories where PostgreSQL's programs may lie.
func usualPlaces() []string {
	var dirs []string
	for _, d := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.IsAbs(d) {
			dirs = append(dirs, followed(d))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
		"/usr/pgsql-*/bin",                  // PostgreSQL's own RPMs
		"/usr/lib/postgresql*/bin",          // SUSE
		"/usr/libexec/postgresql*",          // Alpine
		"/usr/local/pgsql/bin",              // built from source
		"/opt/homebrew/opt/postgresql*/bin", // Homebrew
		"/usr/local/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		found, _ := filepath.Glob(pattern)
		dirs = append(dirs, found...)
	}
	return dirs
}

// followed gives the directory that dir/postgres really lies in, since initdb is beside that one.
func followed(dir string) string {
	if real, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres")); err == nil {
		return filepath.Dir(real)
	}
	return dir
}

// versionText matches the output of postgres -V.
var versionText = regexp.MustCompile(`^postgres \(PostgreSQL\) ((\d+)[.0-9a-z]*)`)

// inspect asks the programs in a directory what they are.
func inspect(ctx context.Context, as account, dir string) (Binaries, error) {
	b := Binaries{Dir: dir}
	for _, program := range []string{"postgres", "initdb"} {
		if _, err := exec.LookPath(b.path(program)); err != nil {
			return b, fmt.Errorf("%s is missing", program)
		}
	}
	if at, err := as.barrier(dir); err != nil || at != "" {
		return b, fmt.Errorf("user %s cannot run it: %s is closed to others", as.name, at)
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	out, err := runTool(ctx, as, "/", "", b.path("postgres"), "-V")
	if err != nil {
		return b, errors.Join(err, errors.New(out))
	}
	m := versionText.FindStringSubmatch(out)
	if m == nil {
		return b, fmt.Errorf("postgres -V answers %q", out)
	}
	b.Version = m[1]
	if b.Major, err = strconv.Atoi(m[2]); err != nil || b.Major < MinMajor {
		return b, fmt.Errorf("it is version %s, and %d is the oldest that can be used", b.Version, MinMajor)
	}
	if !hasForeignDataWrapper(ctx, b) {
		return b, errors.New("the extension postgres_fdw is missing (on some systems it is in a package postgresql-contrib)")
	}
	return b, nil
}

// hasForeignDataWrapper reports whether postgres_fdw is installed: by pg_config where it is there, else at the places
// relative to the programs where builds put it.
func hasForeignDataWrapper(ctx context.Context, b Binaries) bool {
	shares := []string{
		b.path("../share/postgresql"), b.path("../share"),
		fmt.Sprintf("/usr/share/postgresql/%d", b.Major), fmt.Sprintf("/usr/share/postgresql%d", b.Major), "/usr/share/postgresql", "/usr/share/pgsql",
	}
	if out, err := exec.CommandContext(ctx, b.path("pg_config"), "--sharedir").Output(); err == nil {
		shares = []string{strings.TrimSpace(string(out))}
	}
	for _, s := range shares {
		if _, err := os.Stat(filepath.Join(s, "extension", "postgres_fdw.control")); err == nil {
			return true
		}
	}
	return false
}

// newer compares versions such as 15.18 and 18beta1 number by number.
func newer(a, b string) bool {
	x, y := numbers(a), numbers(b)
	for i := 0; i < len(x) && i < len(y); i++ {
		if x[i] != y[i] {
			return x[i] > y[i]
		}
	}
	return len(x) > len(y)
}

// numbers are the runs of digits in a version.
func numbers(version string) []int {
	var out []int
	for _, f := range strings.FieldsFunc(version, func(r rune) bool { return r < '0' || r > '9' }) {
		n, _ := strconv.Atoi(f)
		out = append(out, n)
	}
	return out
}
