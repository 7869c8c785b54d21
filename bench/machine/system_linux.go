package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// apart keeps the terminal's Ctrl-C from the server, which is ended when all is read. But it ends
// with us, should we be killed. (To be exact, with the thread that started it, of which Go ends none.)
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// killGroup kills those whom a process that has ended has left behind in its process group, which apart
// gave it.
func killGroup(leader int) {
	files, _ := filepath.Glob("/proc/[0-9]*") // the pattern is right
	for _, file := range files {
		pid, err := strconv.Atoi(filepath.Base(file))
		if err != nil {
			continue
		}
		// The number of a group is not given to a new process while the group has a member.
		if group, err := syscall.Getpgid(pid); err == nil && group == leader && pid != leader {
			syscall.Kill(-leader, syscall.SIGKILL) // if that fails, they are gone
			return
		}
	}
}

// Cores returns the cores that this process may run on.
func Cores() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	var cores []int
	for core := range len(set) * strconv.IntSize {
		if set.IsSet(core) {
			cores = append(cores, core)
		}
	}
	return cores
}

// Pin lets this process run on one core only, with two threads for Go code, until unpin is called. It
// fails if it may not run there.
func Pin(core int) (unpin func() error, err error) {
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, fmt.Errorf("bench: pinning: %w", err)
	}
	one.Set(core)
	if err := moveThreads(&one); err != nil {
		return nil, err
	}
	// The publisher must not wait until the receiver leaves Go's scheduler; the kernel's is fair.
	runtime.GOMAXPROCS(2)
	return func() error {
		runtime.SetDefaultGOMAXPROCS()
		return moveThreads(&before)
	}, nil
}

// moveThreads moves all threads of this process. A new one runs where that ran which started it, so it
// looks again until there is none that it has not seen.
func moveThreads(to *unix.CPUSet) error {
	seen := map[int]bool{}
	for {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("bench: pinning: %w", err)
		}
		before := len(seen)
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil || seen[id] {
				continue
			}
			seen[id] = true
			if err := unix.SchedSetaffinity(id, to); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("bench: pinning: %w", err)
			}
		}
		if len(seen) == before {
			return nil
		}
	}
}

// OnCore runs start on a core, which a process inherits that it starts.
func OnCore(core int, start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("bench: pinning the server: %w", err)
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("bench: pinning the server to core %d: %w", core, err)
	}
	err := start()
	if back := unix.SchedSetaffinity(0, &before); back != nil {
		return errors.Join(err, fmt.Errorf("bench: pinning the server: %w", back))
	}
	return err
}

// QuickCPUTime is CPUTime by one system call for each process: its own clock (clock_getcpuclockid(3)), which has the
// threads that have ended too.
func QuickCPUTime(pids ...int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED of a process
	var sum time.Duration
	for _, pid := range pids {
		var t unix.Timespec
		if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
			return 0, fmt.Errorf("bench: CPU time of process %d: %w", pid, err)
		}
		sum += time.Duration(t.Nano())
	}
	return sum, nil
}
