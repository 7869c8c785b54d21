package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cpuTime returns how long all threads of a process have run, user and kernel. It is exact to the
// scheduler's tick, about 4 ms, for a thread that runs just now, and to the nanosecond for those
// that wait. Threads that have ended are not in it; a Go program hardly ever ends one.
func cpuTime(pid int) (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("bench: no CPU time of process %d: there is no /proc/%d/task/*/schedstat: it has ended, or this system has none", pid, pid)
	}
	var sum time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, os.ErrProcessDone) {
			continue // the thread has ended in the meantime
		}
		if err != nil {
			return 0, fmt.Errorf("bench: CPU time of process %d: %w", pid, err)
		}
		run, err := parseSchedstat(string(text))
		if err != nil {
			return 0, fmt.Errorf("bench: %s: %w", file, err)
		}
		sum += run
	}
	return sum, nil
}

// busyTime returns how long all cores together were busy, whoever had them, since the system started;
// on a virtual machine with the time that its host kept from it. It is exact to 10 ms.
func busyTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("bench: the system's CPU time: %w", err)
	}
	return parseStat(string(text))
}

// parseStat reads the line of all cores in /proc/stat: user, nice, system, idle, iowait, irq, softirq
// and steal, in hundredths of a second. What follows is part of user and nice.
func parseStat(text string) (time.Duration, error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("bench: /proc/stat begins with %.100q; the times of all cores were expected", line)
	}
	var busy int64
	for i, field := range fields[1:9] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("bench: /proc/stat: %w", err)
		}
		if i != 3 && i != 4 {
			busy += ticks
		}
	}
	return time.Duration(busy) * 10 * time.Millisecond, nil
}

// parseSchedstat reads the first of the three numbers: the time on a CPU, in nanoseconds.
func parseSchedstat(text string) (time.Duration, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return 0, fmt.Errorf("three numbers were expected, not %.60q", text)
	}
	ns, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || ns < 0 {
		return 0, fmt.Errorf("a time in nanoseconds was expected, not %.60q", fields[0])
	}
	return time.Duration(ns), nil
}
