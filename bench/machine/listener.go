package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Listener returns the process on this machine that listens on a TCP port, the first of them if several
// do; 0 if none can be seen.
func Listener(port int) (pid int) {
	inodes := map[string]bool{}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // this system does not tell
		}
		for _, inode := range parseListeners(string(text), port) {
			inodes["socket:["+inode+"]"] = true
		}
	}
	if len(inodes) == 0 {
		return 0
	}
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is right
	for _, file := range files {
		to, err := os.Readlink(file)
		if err != nil || !inodes[to] {
			continue // it is gone, or somebody else's
		}
		// Of a server with several processes, that with the smallest number began first, as a rule.
		n, err := strconv.Atoi(strings.Split(file, "/")[2])
		if err == nil && (pid == 0 || n < pid) {
			pid = n
		}
	}
	return pid
}

// parseListeners returns the inodes of the sockets that listen on a port, of /proc/net/tcp.
func parseListeners(text string, port int) (inodes []string) {
	const listening = "0A"
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) > 9 && fields[3] == listening && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", port)) {
			inodes = append(inodes, fields[9])
		}
	}
	return inodes
}
