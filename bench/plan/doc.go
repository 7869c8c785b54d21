// Package plan says how many machines a service takes, from what was measured: CPU, memory, bandwidth and
// cost, for each transport; at which rate long polling costs as much as streaming; and whether memory or CPU
// decides. It measures nothing and reads no file.
//
// # The model
//
// All clients get each event of one topic. A lane (one target, transport and variant) has these costs, none of
// them negative, which are fitted to its cases so that the relative errors are least in the mean of their squares:
//
//	CPU   = a·deliveries + d·bytes of data + b·writes + c·events published + w·active + e·connections·seconds + g·seconds + r·connects
//	down  = f·deliveries + q·bytes of data + h·writes (+ connects)
//	up    = u·polls (+ connects)
//	memory = base + m·connections
//
// For a delivered event that is a + b/k + c/subscribers + d·size + w/rate, where k is how many events went out in
// one write. "Active" is deliveries divided by the rate, which is connections times seconds: an event costs more
// the longer its connection was quiet before (caches, timers, acknowledgements of their own). Below the lowest rate
// that was measured, the rate in w/rate stays what it was there: it must not be extrapolated to infinity.
//
// A cost is fitted only if the cases can tell it: d needs sizes that differ, c numbers of subscribers, w rates,
// b and h numbers of events in a write, e and g idle connections, r a storm. Of what could be told, as much is
// used as makes the errors smaller than chance would (Bayesian information criterion). What writes cost goes
// into a if it cannot be told, which is too much where events share writes, never too little. One storm alone does
// not tell a connect from the events that are sent again: it may have cost some of what is put down to the other.
//
// Memory is the slope over the numbers of connections, or if there is one, from the server without any.
//
// # What is predicted
//
// How many events share a write, or the answer to a poll:
//
//	k = 1 + rate · cycle      cycle = RTT + work for long polling, work for streams
//
// where work is the median of (k-1)/rate over the fan-outs. So a poll's overhead for each event is
// (head + request + what a browser adds) / (1 + rate·cycle). Events are taken to come by chance; of events at a
// fixed rate none share an answer while rate·cycle is below 1.
//
// A quiet stream has a heartbeat, and a quiet poll an answer without events, max(0, 1/heartbeat - rate) times a
// second. On the link each TCP segment adds its heads: a write takes one for each 1,448 bytes, and one comes back; a
// poll takes three, since the server acknowledges what it does not answer at once.
//
// Each machine has the costs c·rate + g and base, however many clients it has; up to the headroom the rest is for
// clients. The number of machines is the greatest of those by CPU, memory, and bandwidth in the fuller direction.
//
//	machines = clients / floor((has · headroom - fixed) / each), rounded up
//	an hour  = machines · price + bytes out · price of a GB / 10⁹
//
// # How it is checked
//
// [CheckResult] leaves out each case in turn, fits the rest, and predicts it. The number of events per write is then
// that of the case: on a machine without distance it tells how late the load was, not what a client's RTT does.
package plan
