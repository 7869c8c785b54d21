// Package second is a second opinion: a load and an accounting that know nothing of the benchmark harness. What
// both say of the same server must be the same.
//
// It imports nothing of this project, which the table in rules_test.go sees to, and does everything in another way:
//
//	              the harness (bench/load, bench/machine)        here
//	reading       one goroutine, epoll, raw system calls         a goroutine for each connection, net and bufio
//	protocols     a scanner of its own                           net/http; polls and WebSocket by hand, from RFCs 9112 and 6455
//	arrival       the kernel's stamp, SO_TIMESTAMPNS             the kernel's stamp, SO_TIMESTAMP
//	publishing    nanosleep until an event is due                a timer, and the last 2 ms in a loop
//	accounts      a bit for each event                           each connection has every event, in order
//	percentiles   HdrHistogram                                   all latencies, sorted
//	CPU time      all threads' schedstat, before and after       what wait4(2) says of the process when it has ended
//
// An event carries when it was due, as nanoseconds since its publisher began, and who receives it is in the publisher's
// process. So no clocks have to agree but this machine's two: the kernel stamps by the one that may be set.
package second
