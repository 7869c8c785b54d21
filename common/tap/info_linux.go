package tap

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// info asks the kernel about a connection; nil if it is not TCP, or closed.
func info(conn *net.TCPConn) *Info {
	if conn == nil {
		return nil
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	var i *unix.TCPInfo
	raw.Control(func(fd uintptr) { // if it fails there is no answer
		i, _ = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if i == nil {
		return nil
	}
	return &Info{
		SegmentsOut: i.Segs_out, SegmentsIn: i.Segs_in, DataOut: i.Data_segs_out, DataIn: i.Data_segs_in,
		Retransmits: i.Total_retrans, RTT: time.Duration(i.Rtt) * time.Microsecond, MinRTT: time.Duration(i.Min_rtt) * time.Microsecond,
		Unsent: i.Notsent_bytes,
	}
}
