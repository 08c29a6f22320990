package foreign

import (
	"net"
	"syscall"
)

// peer gives process and user at the other end of a Unix socket (unix(7), SO_PEERCRED). ok is false where it cannot be told.
func peer(conn net.Conn) (pid uint32, uid int, ok bool) {
	u, isUnix := conn.(*net.UnixConn)
	if !isUnix {
		return 0, 0, false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, 0, false
	}
	var cred *syscall.Ucred
	if errControl := raw.Control(func(fd uintptr) {
		cred, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); errControl != nil || err != nil {
		return 0, 0, false
	}
	return uint32(cred.Pid), int(cred.Uid), true
}
