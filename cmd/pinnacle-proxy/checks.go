package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	pinnacle "github.com/pinnacle-proxy/pinnacle-proxy"
	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/home"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/dask"
)

// The room on disk below which doctor fails, and below which it warns, in bytes.
const (
	leastRoom = 256 << 20
	smallRoom = 2 << 30
)

// checkHome looks at the PostgreSQL behind: the user's, or what the proxy's own would be run with.
func checkHome(ctx context.Context, c *config.Config) finding {
	const subject = "PostgreSQL"
	if !c.Local() {
		h, err := home.ParseURI(c.Databackend)
		if err == nil {
			err = h.Healthy(ctx)
		}
		if err != nil {
			return fromError(subject, err)
		}
		return finding{fine, subject, h.Describe() + " takes sessions", ""}
	}
	survey, err := home.Look(ctx, c.DataDir, c.PostgresBinDir, home.FetchMode(c.PostgresFetch))
	if err != nil {
		return fromError(subject, err)
	}
	if b, ok := survey.Choice(); ok {
		if c.Foreign() && survey.Major == 0 && b.Major < pinnacle.GoodMajor && c.PostgresFetch != string(home.FetchNever) && c.PostgresBinDir == "" {
			return finding{fine, subject, fmt.Sprintf("version %s in %s; serve fetches a newer one (15 MB), which hands more work to the databackend, if it can", b.Version, b.Dir), ""}
		}
		return finding{fine, subject, fmt.Sprintf("version %s in %s, to run as user %s", b.Version, b.Dir, survey.User), ""}
	}
	text := "none found that could be the proxy's own"
	if survey.Major != 0 {
		text = fmt.Sprintf("the data directory was made by version %d, and no PostgreSQL %d was found", survey.Major, survey.Major)
	}
	for _, r := range survey.Search.Refused {
		text += "; " + r
	}
	install := "Install PostgreSQL 14 or newer (apt-get install postgresql, or your system's package), or name its programs with --postgres-bin-dir."
	if c.PostgresFetch == string(home.FetchNever) || c.PostgresBinDir != "" {
		return finding{failure, subject, text, install}
	}
	return finding{doubt, subject, text + "; serve fetches it (15 MB)", install}
}

// checkDatabackend opens a databackend that is no PostgreSQL, and reads its schema.
func checkDatabackend(ctx context.Context, c *config.Config) (f finding) {
	const subject = "databackend"
	engine, err := pinnacle.OpenEngine(ctx, c, slog.New(slog.DiscardHandler))
	if err != nil {
		return fromError(subject, err)
	}
	defer func() {
		if err := engine.Close(); err != nil && f.verdict == fine {
			f = fromError(subject, err)
		}
	}()
	catalog, err := engine.Catalog(ctx)
	if err != nil {
		return fromError(subject, err)
	}
	return finding{fine, subject, fmt.Sprintf("%s answers; it has %d tables and views", engine.Describe(), len(catalog.Tables)), ""}
}

// checkONNX looks for what runs onnx models: ONNX Runtime, or a Dask cluster.
func checkONNX(ctx context.Context, c *config.Config) finding {
	if cluster := pinnacle.DaskCluster(c); cluster != nil {
		return checkDask(ctx, cluster)
	}
	const subject = "ONNX Runtime"
	path, version, err := pinnacle.ONNXRuntime(c).Library()
	if err == nil {
		return finding{fine, subject, fmt.Sprintf("version %s, %s", version, path), ""}
	}
	f := finding{doubt, subject, err.Error() + "; models USING onnx cannot run", ""}
	var e *udf.Error
	if errors.As(err, &e) {
		f.mend = e.Hint
	}
	return f
}

// checkDask tries to reach the Dask cluster.
func checkDask(ctx context.Context, cluster *dask.Cluster) finding {
	const subject = "Dask cluster"
	defer cluster.Close()
	threads, err := cluster.Check(ctx)
	if err == nil {
		return finding{fine, subject, fmt.Sprintf("reached; it runs %d tasks at once. Models USING starlark and sentence stay in the proxy", threads), ""}
	}
	f := finding{failure, subject, err.Error(), ""}
	var e *udf.Error
	if errors.As(err, &e) {
		f.mend = e.Hint
	}
	return f
}

// checkPsql looks for psql.
func checkPsql() finding {
	path, err := exec.LookPath("psql")
	if err != nil {
		return finding{doubt, "psql", "not found in PATH", "apt-get install postgresql-client, or any other PostgreSQL client."}
	}
	return finding{fine, "psql", path, ""}
}

// checkDataDir looks at the data directory without making it, and reports whether a proxy runs there.
func checkDataDir(c *config.Config) (findings []finding, running bool) {
	const subject = "data directory"
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return []finding{fromError(subject, err)}, false
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		parent := existing(dir)
		if err := writable(parent); err != nil {
			return []finding{{failure, subject, fmt.Sprintf("%s does not exist, and %v", dir, err), "Choose another one with --data-dir."}}, false
		}
		return []finding{{fine, subject, dir + " will be made", ""}}, false
	}
	lock, err := home.LockDirectory(dir)
	if err != nil && codeOfLock(err) == exitInUse {
		return []finding{{doubt, subject, err.Error(), ""}}, true
	}
	if err != nil {
		return []finding{fromError(subject, err)}, false
	}
	defer lock.Release()
	findings = []finding{{fine, subject, dir + " can be written to, and no proxy uses it", ""}}
	if info, err := os.Stat(filepath.Join(dir, passFile)); err == nil && info.Mode().Perm()&0o077 != 0 {
		findings = append(findings, finding{doubt, "password file", fmt.Sprintf("%s can be read by others (mode %04o), and libpq passes it over", passFile, info.Mode().Perm()),
			"chmod 600 " + filepath.Join(dir, passFile)})
	}
	return findings, false
}

// existing is the nearest directory on the way up that exists.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// writable is nil if a file can be made in a directory.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".pinnacle-doctor-")
	if err != nil {
		return fmt.Errorf("%s cannot be written to: %w", dir, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// checkAddress tries to listen. Where a proxy runs on the data directory the address is likely its own.
func checkAddress(name, address string, running bool) finding {
	ln, err := listen(name, address)
	if err == nil {
		ln.Close()
		return finding{fine, name, address + " is free", ""}
	}
	f := fromError(name, err)
	if running {
		f.verdict = doubt
	}
	return f
}

// checkDisk looks at the room on the data directory's file system.
func checkDisk(c *config.Config) finding {
	const subject = "disk"
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return fromError(subject, err)
	}
	var st syscall.Statfs_t
	at := existing(dir)
	if err := syscall.Statfs(at, &st); err != nil {
		return finding{doubt, subject, fmt.Sprintf("the room at %s is not known: %v", at, err), ""}
	}
	room := uint64(st.Bavail) * uint64(st.Bsize)
	text := fmt.Sprintf("%d MiB free at %s", room>>20, at)
	switch {
	case room < leastRoom:
		return finding{failure, subject, text, "Make room, or choose another --data-dir."}
	case room < smallRoom:
		return finding{doubt, subject, text, "An empty database takes 40 MB, and its log up to 1 GB."}
	}
	return finding{fine, subject, text, ""}
}

// checkOpenFiles looks at the limit of open files.
func checkOpenFiles(c *config.Config) finding {
	const subject = "open files"
	want := filesWanted(c.MaxConnections)
	have, err := fileLimit(want)
	text := fmt.Sprintf("%d, and max_connections %d needs %d", have, c.MaxConnections, want)
	if err != nil || have < want {
		return finding{doubt, subject, text, "Raise the limit (ulimit -n, or LimitNOFILE of the service), or lower --max-connections."}
	}
	return finding{fine, subject, text, ""}
}
