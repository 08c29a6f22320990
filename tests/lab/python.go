package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// PythonPackage installs a package of the Python package index, in an environment of its own in the source tree's cache,
// and gives the directory of its programs. Where it cannot be installed the error says why.
func PythonPackage(ctx context.Context, name, version string) (string, error) {
	root, err := sourceTree()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".cache", "python", name+"-"+version)
	bin, complete := filepath.Join(dir, "bin"), filepath.Join(dir, "complete")
	if _, err := os.Stat(complete); err == nil {
		return bin, nil
	}
	for _, command := range [][]string{
		{"python3", "-m", "venv", dir},
		{filepath.Join(bin, "pip"), "install", "-q", "--disable-pip-version-check", name + "==" + version},
	} {
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s %s cannot be installed: %w: %s", name, version, err, strings.TrimSpace(string(out)))
		}
	}
	return bin, os.WriteFile(complete, nil, 0o644)
}
