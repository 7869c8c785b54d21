//go:build !linux

package tap

import "net"

// info asks the kernel about a connection, which here it does not know how to.
func info(*net.TCPConn) *Info { return nil }
