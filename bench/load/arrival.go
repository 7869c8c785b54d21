package load

import "time"

// An arrival time is the kernel's: when the last of the bytes that were read came to their socket. One goroutine, or one
// core, reads for hundreds of subscribers, of which each would have a machine of its own. What waits at the load for
// its turn, while others are read, has been delivered; by the time of reading, an event to 400 would seem to take
// half a millisecond longer than its server took.

// longestWait is how long bytes may wait in a socket, as far as it is believed: the kernel's stamps are of the clock
// that somebody may set.
const longestWait = 10 * time.Second

// arrive enters that bytes were read, and when they came. The stamp is the kernel's, in nanoseconds since 1970; 0 says
// that there is none, and then they came when they were read. The mutex is held.
func (l *Load) arrive(stamp int64) {
	now := time.Now()
	l.waited = 0
	if waited := time.Duration(now.UnixNano() - stamp); stamp > 0 && waited > 0 && waited < longestWait {
		l.waited = waited
	}
	l.now = now.Sub(l.base) - l.waited
}
