package load

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// SleepExactly waits in the kernel, which wakes the thread about 0.05 ms late. Go's own timers go
// through epoll_wait, which counts in milliseconds.
func SleepExactly(d time.Duration) {
	// By default the kernel puts off a thread's timers by up to 50 µs, to wake less often (prctl(2), PR_SET_TIMERSLACK).
	// It is set each time, since the goroutine may be on another thread; where it cannot be set, timers are as they were.
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	t := syscall.NsecToTimespec(int64(d))
	syscall.Nanosleep(&t, nil) // if a signal cuts it short, the pacer asks again
}
