package home

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent asks the kernel to send sig to the child when the thread that started it ends (prctl(2),
// PR_SET_PDEATHSIG).
func dieWithParent(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }

// arguments is the command line of a live process; nil if there is no such process, or it is a zombie.
func arguments(pid int) []string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || len(raw) == 0 {
		return nil
	}
	return strings.Split(string(bytes.TrimRight(raw, "\x00")), "\x00")
}

// sharedMemoryUsers counts the processes attached to a System V shared memory segment (proc(5), /proc/sysvipc/shm);
// known is false where the system does not tell.
func sharedMemoryUsers(id string) (users int, known bool) {
	raw, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		return 0, false
	}
	lines := strings.Split(string(raw), "\n")
	for _, line := range lines[1:] {
		// key shmid perms size cpid lpid nattch …
		f := strings.Fields(line)
		if len(f) > 6 && f[1] == id {
			n, err := strconv.Atoi(f[6])
			return n, err == nil
		}
	}
	return 0, true
}
