package main

import "syscall"

// The file descriptors that a session needs (one to the client, one to home), and those that the proxy needs besides.
const (
	filesPerSession = 2
	filesBesides    = 256
)

// fileLimit raises the limit of open files as far as the system lets it, and gives it.
func fileLimit(want uint64) (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	if limit.Cur >= want {
		return limit.Cur, nil
	}
	// Root may raise the hard limit too; others get up to it.
	higher := syscall.Rlimit{Cur: want, Max: max(limit.Max, want)}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &higher) == nil {
		return want, nil
	}
	higher = syscall.Rlimit{Cur: limit.Max, Max: limit.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &higher); err != nil {
		return limit.Cur, err
	}
	return limit.Max, nil
}

// filesWanted is how many open files a number of sessions needs.
func filesWanted(sessions int) uint64 { return uint64(sessions)*filesPerSession + filesBesides }

// raiseFileLimit sees that there are files enough for max_connections.
func (p *proxy) raiseFileLimit() {
	want := filesWanted(p.config.MaxConnections)
	have, err := fileLimit(want)
	if err != nil || have < want {
		p.logger.Warn("the limit of open files is too low for max_connections", "have", have, "want", want, "reason", err)
	}
}
