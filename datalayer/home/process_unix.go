//go:build unix && !linux

package home

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent does nothing: the system has no such signal. A server left behind is ended at the next start.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}

// arguments is the command line of a live process, split at blanks; nil if there is no such process.
func arguments(pid int) []string {
	out, err := exec.Command("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil
	}
	return strings.Fields(string(out))
}

// sharedMemoryUsers is not known here.
func sharedMemoryUsers(string) (users int, known bool) { return 0, false }
