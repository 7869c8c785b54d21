package machine

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// socketSlabs are the kernel's caches that grow with TCP connections. Each also has a dentry, of about 200 bytes, which cannot
// be told from those of files.
var socketSlabs = []string{"TCP", "TCPv6", "sock_inode_cache", "filp", "eventpoll_epi", "eventpoll_pwq", "ep_head"}

// SocketSlab returns how many bytes the kernel takes for sockets, their files and their places in epoll, on the whole
// machine. Only root is told. It fails where some of these caches are merged with others, since then there is nothing
// to be seen.
func SocketSlab() (int64, error) {
	text, err := os.ReadFile("/proc/slabinfo")
	if err != nil {
		return 0, fmt.Errorf("bench: the kernel's memory: %w", err)
	}
	return parseSlabinfo(string(text))
}

// parseSlabinfo adds up active objects times their size.
func parseSlabinfo(text string) (int64, error) {
	var sum int64
	found := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !slices.Contains(socketSlabs, fields[0]) {
			continue
		}
		active, err := strconv.ParseInt(fields[1], 10, 64)
		size, err2 := strconv.ParseInt(fields[3], 10, 64)
		if err := errors.Join(err, err2); err != nil {
			return 0, fmt.Errorf("bench: /proc/slabinfo: %w", err)
		}
		sum += active * size
		found = found || fields[0] == "TCP"
	}
	if !found {
		return 0, errors.New("bench: /proc/slabinfo has no line TCP")
	}
	return sum, nil
}

// SocketBuffers returns how many bytes the kernel takes for what TCP sockets have to send and to read, on the whole machine.
func SocketBuffers() (int64, error) {
	text, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return 0, fmt.Errorf("bench: the kernel's memory: %w", err)
	}
	return parseSockstat(string(text))
}

// parseSockstat finds the pages of TCP.
func parseSockstat(text string) (int64, error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "TCP:" {
			continue
		}
		if at := slices.Index(fields, "mem"); at >= 0 && at+1 < len(fields) {
			pages, err := strconv.ParseInt(fields[at+1], 10, 64)
			return pages * int64(os.Getpagesize()), err
		}
	}
	return 0, errors.New("bench: /proc/net/sockstat does not tell TCP's memory")
}
