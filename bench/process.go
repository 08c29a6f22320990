package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// endpoint is a server on loopback and its process. It is a flag.Value of the form PORT:PID.
type endpoint struct{ port, pid int }

// String gives the form that Set reads.
func (e *endpoint) String() string { return fmt.Sprintf("%d:%d", e.port, e.pid) }

// Set implements flag.Value.
func (e *endpoint) Set(text string) error {
	port, pid, ok := strings.Cut(text, ":")
	var err1, err2 error
	e.port, err1 = strconv.Atoi(port)
	e.pid, err2 = strconv.Atoi(pid)
	if !ok || err1 != nil || err2 != nil || e.port < 1 || e.pid < 1 {
		return errors.New("it is PORT:PID")
	}
	return nil
}

// clockTick is the unit of the times in /proc/PID/stat: the kernel gives them to user space in hundredths of a second.
const clockTick = 10 * time.Millisecond

// processor is the processor time that the process has used, its threads together.
func (e *endpoint) processor() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.pid))
	if err != nil {
		return 0, err
	}
	// The second field, the name in parentheses, may hold anything; the fields after it count from the third.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is not understood", e.pid)
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * clockTick, err
}

// resident is the memory of the process that is in RAM and its own (anonymous pages: no program text, no shared maps).
func (e *endpoint) resident() (bytes int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.pid))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(status), "\n") {
		if kb, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			n, err := strconv.ParseInt(strings.Fields(kb)[0], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no RssAnon", e.pid)
}
