package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
)

// The ports that FreePort gives lie below those that systems give to outgoing connections (ip_local_port_range of ip(7) begins
// at 32768), so that none is taken by one before a server listens there.
const (
	firstPort = 12_000
	ports     = 20_000
)

// portsGiven counts the ports that were looked at in this process, so that none is given twice.
var portsGiven atomic.Uint32

// FreePort finds a TCP port on loopback that nothing listens on now, and that it has not given to this process before.
func FreePort() (int, error) {
	const spread = 7919 // processes that run side by side begin far from each other
	begin := os.Getpid() * spread % ports
	var last error
	for range ports {
		port := firstPort + (begin+int(portsGiven.Add(1)))%ports
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			last = err
			continue
		}
		return port, l.Close()
	}
	return 0, errors.Join(errors.New("no port is free"), last)
}
