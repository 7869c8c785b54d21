package machine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ListenDrops returns how many connections the kernel has not taken because a listener's backlog was full (overflows),
// and for any reason (drops): of all programs, since the network namespace was made.
func ListenDrops() (overflows, drops int64, err error) {
	text, err := os.ReadFile("/proc/net/netstat")
	if err != nil {
		return 0, 0, fmt.Errorf("bench: the kernel's counters: %w", err)
	}
	counters, err := parseNetstat(string(text), "TcpExt:")
	if err != nil {
		return 0, 0, fmt.Errorf("bench: /proc/net/netstat: %w", err)
	}
	return counters["ListenOverflows"], counters["ListenDrops"], nil
}

// parseNetstat reads the counters of a group: a line of names, and below it a line of values.
func parseNetstat(text, group string) (map[string]int64, error) {
	var names []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] != group:
		case names == nil:
			names = fields
		case len(fields) != len(names):
			return nil, fmt.Errorf("%d names of %s, but %d values", len(names), group, len(fields))
		default:
			counters := map[string]int64{}
			for i, field := range fields[1:] {
				n, err := strconv.ParseInt(field, 10, 64)
				if err != nil {
					return nil, err
				}
				counters[names[i+1]] = n
			}
			return counters, nil
		}
	}
	return nil, fmt.Errorf("no values of %s", group)
}
