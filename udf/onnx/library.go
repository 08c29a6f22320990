package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// LibraryVariable is the environment variable that names ONNX Runtime's shared library, or the directory it is in.
const LibraryVariable = "PINNACLE_ONNXRUNTIME"

// oldestLibrary is the first version of ONNX Runtime with the C API (24) that the binding asks for.
const oldestLibrary = "1.24"

// environment is ONNX Runtime's own state, of which a process can have only one: the loaded library and its
// environment. It is loaded by the first model that needs it and stays until the process ends, for a library that
// has started threads cannot be unloaded safely.
var environment struct {
	sync.Mutex
	path, version string
}

// Library loads ONNX Runtime if no model has yet, and gives the path and the version of the shared library, which is
// the one that was loaded first, by whatever runtime of this process. The error
// is a *udf.Error that says where it was looked for and how to install it.
func (r *Runtime) Library() (path, version string, err error) {
	environment.Lock()
	defer environment.Unlock()
	if environment.path != "" {
		return environment.path, environment.version, nil
	}
	candidates, looked := r.candidates()
	var failures []string
	for _, c := range candidates {
		if err := initialize(c); err != nil {
			failures = append(failures, fmt.Sprintf("%s: %v", c, err))
			continue
		}
		environment.path, environment.version = c, ort.GetVersion()
		return environment.path, environment.version, nil
	}
	if len(failures) > 0 {
		return "", "", &udf.Error{
			Code:    "58P01",
			Message: "ONNX Runtime cannot be loaded",
			Detail:  strings.Join(failures, "; "),
			Hint: "Version " + oldestLibrary + " or newer, built for " + runtime.GOOS + "/" + runtime.GOARCH +
				", is needed: pip install onnxruntime, or set " + LibraryVariable + " to another shared library.",
		}
	}
	return "", "", &udf.Error{
		Code:    "58P01",
		Message: "ONNX Runtime is not installed: its shared library (" + libraryName + ") was not found",
		Detail:  "Looked in: " + strings.Join(looked, ", ") + ".",
		Hint: "Install it with: pip install onnxruntime; or run make demo, which puts it into the data directory; " +
			"or set " + LibraryVariable + " to the path of the shared library.",
	}
}

// initialize loads one shared library and makes the environment. Logging is off but for fatal errors: ONNX Runtime
// writes to standard error, and what it writes can hold values of rows.
func initialize(path string) error {
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		if strings.Contains(err.Error(), "ORT API base: 2") {
			return errors.New("the library is older than version " + oldestLibrary)
		}
		return err
	}
	if err := ort.DisableTelemetry(); err != nil {
		return errors.Join(err, ort.DestroyEnvironment())
	}
	return nil
}

// candidates lists the shared libraries to try, best first, and the places that were looked at. A path or a variable
// that is set is the only place: what was asked for is not quietly replaced by something else.
func (r *Runtime) candidates() (files, looked []string) {
	given := cmp.Or(r.cfg.LibraryPath, os.Getenv(LibraryVariable))
	if given != "" {
		if info, err := os.Stat(given); err == nil && info.IsDir() {
			return librariesIn(given), []string{given}
		} else if err != nil {
			return nil, []string{given}
		}
		return []string{given}, []string{given}
	}
	for _, place := range r.places() {
		looked = append(looked, place)
		dirs := []string{place}
		if _, err := os.Stat(place); err != nil {
			dirs, _ = filepath.Glob(place) // the error says that it is no pattern, so there is nothing to find
		}
		for _, dir := range dirs {
			files = append(files, librariesIn(dir)...)
		}
	}
	return files, looked
}

// places are the directories, as patterns, where the library usually lies.
func (r *Runtime) places() []string {
	var p []string
	for _, dir := range r.cfg.SearchDirs {
		p = append(p, dir, filepath.Join(dir, "lib"))
	}
	p = append(p, filepath.SplitList(os.Getenv(loaderVariable))...)
	site := filepath.Join("lib", "python3*", "site-packages", "onnxruntime", "capi")
	if venv := os.Getenv("VIRTUAL_ENV"); venv != "" {
		p = append(p, filepath.Join(venv, site))
	}
	if home, err := os.UserHomeDir(); err == nil {
		p = append(p, filepath.Join(home, ".local", site))
	}
	for _, prefix := range []string{"/usr/local", "/usr", "/opt/onnxruntime", "/opt/homebrew"} {
		p = append(p,
			filepath.Join(prefix, "lib"),
			filepath.Join(prefix, "lib64"),
			filepath.Join(prefix, "lib", "*-linux-gnu"),
			filepath.Join(prefix, site),
			filepath.Join(prefix, "lib", "python3*", "dist-packages", "onnxruntime", "capi"))
	}
	// A relative directory would mean another place for each directory that the proxy is started in.
	return slices.DeleteFunc(p, func(dir string) bool { return !filepath.IsAbs(dir) })
}

// librariesIn lists the ONNX Runtime libraries in a directory, the newest version first.
func librariesIn(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries {
		if _, ok := libraryVersion(e.Name()); ok && !e.IsDir() {
			found = append(found, e.Name())
		}
	}
	slices.SortFunc(found, func(a, b string) int {
		va, _ := libraryVersion(a)
		vb, _ := libraryVersion(b)
		return slices.Compare(vb, va)
	})
	for i, name := range found {
		found[i] = filepath.Join(dir, name)
	}
	return found
}

// libraryVersion reads the version from the file name of ONNX Runtime's library: empty if the name has none, and not
// ok if the file is another one (libonnxruntime_providers_shared.so is).
func libraryVersion(file string) (version []int, ok bool) {
	rest, ok := strings.CutPrefix(file, "libonnxruntime")
	if !ok {
		return nil, false
	}
	before, after, ok := strings.Cut(rest, librarySuffix)
	if !ok {
		return nil, false
	}
	// Linux puts the version behind the suffix (.so.1.31.1), macOS before it (.1.31.1.dylib).
	for part := range strings.SplitSeq(strings.Trim(before+after, "."), ".") {
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, false
		}
		version = append(version, n)
	}
	return version, true
}
