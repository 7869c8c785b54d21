package load

import (
	"syscall"
	"time"
)

// SleepExactly waits in the kernel, which wakes the thread about 0.1 ms late. Go's own timers go
// through epoll_wait, which counts in milliseconds.
func SleepExactly(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	syscall.Nanosleep(&t, nil) // if a signal cuts it short, the pacer asks again
}
