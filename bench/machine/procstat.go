package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// CPUTime returns how long all threads of some processes have run, user and kernel. It is exact to the
// scheduler's tick, about 4 ms, for a thread that runs just now, and to the nanosecond for those that
// wait. Threads that have ended are not in it; a Go program hardly ever ends one.
func CPUTime(pids ...int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(files) == 0 {
			return 0, fmt.Errorf("bench: no CPU time of process %d: there is no /proc/%d/task/*/schedstat: it has ended, or this system has none", pid, pid)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
				continue // the thread has ended, before or after the file was opened
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
	}
	return sum, nil
}

// Family returns a process and those that it started, and those that they did.
func Family(pid int) []int {
	pids := []int{pid}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is right
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended, or this system does not tell
		}
		for child := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(child); err == nil {
				pids = append(pids, Family(n)...)
			}
		}
	}
	return pids
}

// ResidentMemory returns how much memory some processes have, in bytes.
func ResidentMemory(pids ...int) (int64, error) {
	var sum int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, fmt.Errorf("bench: memory of process %d: %w", pid, err)
		}
		rss, err := parseRollup(string(text))
		if err != nil {
			return 0, fmt.Errorf("bench: memory of process %d: %w", pid, err)
		}
		sum += rss
	}
	return sum, nil
}

// QuickMemory is ResidentMemory, but as the kernel counts it in passing: to about a hundred pages, and
// without looking at each, which would hold up the process.
func QuickMemory(pids ...int) (int64, error) {
	var sum int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			return 0, fmt.Errorf("bench: memory of process %d: %w", pid, err)
		}
		fields := strings.Fields(string(text))
		if len(fields) < 2 {
			return 0, fmt.Errorf("bench: memory of process %d: statm is %.60q", pid, text)
		}
		pages, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("bench: memory of process %d: %w", pid, err)
		}
		sum += pages * int64(os.Getpagesize())
	}
	return sum, nil
}

// PeakMemory returns the largest resident set that some processes had since they were started, in bytes, added up: not
// at the same moment, if they are several.
func PeakMemory(pids ...int) (int64, error) {
	var sum int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, fmt.Errorf("bench: memory of process %d: %w", pid, err)
		}
		peak, err := parsePeak(string(text))
		if err != nil {
			return 0, fmt.Errorf("bench: memory of process %d: %w", pid, err)
		}
		sum += peak
	}
	return sum, nil
}

// parsePeak finds the peak of the resident set in /proc/PID/status.
func parsePeak(text string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if fields := strings.Fields(rest); len(fields) == 2 && fields[1] == "kB" {
				kib, err := strconv.ParseInt(fields[0], 10, 64)
				return kib << 10, err
			}
		}
	}
	return 0, fmt.Errorf("status has no line VmHWM: %.100q", text)
}

// parseRollup finds the resident set in smaps_rollup.
func parseRollup(text string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "Rss:"); ok {
			if fields := strings.Fields(rest); len(fields) == 2 && fields[1] == "kB" {
				kib, err := strconv.ParseInt(fields[0], 10, 64)
				return kib << 10, err
			}
		}
	}
	return 0, fmt.Errorf("smaps_rollup has no line Rss: %.100q", text)
}

// SoftirqThread returns the process number of the kernel's thread that takes over a core's interrupt
// work when there is much of it; 0 if there is none to be seen.
func SoftirqThread(core int) int {
	files, _ := filepath.Glob("/proc/[0-9]*/comm") // the pattern is right
	for _, file := range files {
		if name, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(name)) == fmt.Sprintf("ksoftirqd/%d", core) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err == nil {
				return pid
			}
		}
	}
	return 0
}

// BusyTime returns how long a core was busy, whoever had it, since the system started; on a virtual
// machine with the time that its host kept from it. Without a core it is all of them together. It is
// exact to 10 ms.
func BusyTime(core *int) (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("bench: the system's CPU time: %w", err)
	}
	name := "cpu"
	if core != nil {
		name += strconv.Itoa(*core)
	}
	return parseStat(string(text), name)
}

// parseStat reads a core's line in /proc/stat: user, nice, system, idle, iowait, irq, softirq and
// steal, in hundredths of a second. What follows is part of user and nice.
func parseStat(text, name string) (time.Duration, error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 9 || fields[0] != name {
			continue
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
	return 0, fmt.Errorf("bench: /proc/stat has no times of %s", name)
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
