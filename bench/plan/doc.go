// Package plan says how many machines a service takes, from what was measured: CPU, memory, bandwidth and
// cost, for each transport; at which rate and distance long polling costs as much as streaming; and whether memory or CPU
// decides. It measures nothing and reads no file.
//
// # The model
//
// All clients get each event of one topic. A lane (one target, transport and variant) has these costs, none of
// them negative, which are fitted to the medians of its cases so that the relative errors are least in the mean of their
// squares:
//
//	CPU   = a·deliveries + d·bytes of data + b·writes + w·writes to quiet connections
//	        + c·events published + e·connections·seconds + g·seconds + r·connects
//	down  = f·deliveries + q·bytes of data + h·writes (+ connects)
//	up    = u·polls (+ connects)
//	memory = base + m·connections
//
// A write costs more if its connection was quiet before: caches have forgotten it, the core has gone to sleep. Of
// writes at a rate v to each connection, 1 / (1 + v · 50 ms) find it quiet: all if they are rare, so that an event a minute costs
// no more than one in some seconds. At low rates this is most of what an event costs. Above the highest rate that was measured
// they are taken to be as many as there, which is too many rather than too few.
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
// While a client's next poll is under way it misses rate·cycle events, which share the next answer; if it missed none, the poll
// waits for one. So an answer, or a write to a stream, has so many events:
//
//	cycle = RTT + work for long polling, work for streams
//	k     = rate·cycle + exp(-rate·cycle)   if events come by chance, as is assumed of a demand
//	k     = max(1, rate·cycle)              if they come in step, as those of a benchmark do
//
// where work is the median of k/rate - RTT over the cases that have an RTT and more than one event in an answer. A poll's
// overhead for each event is (head + request + what a browser adds) / k. The often used 1 + rate·cycle has the same ends, and
// up to one event too many in between; at a rate·cycle of 1 that is 46 % more than come by chance.
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
// [CheckResult] leaves out each case in turn, and of idle connections each number of them, fits the rest, and compares what
// it predicts with the median of the rounds. All predictions must be within [MaxError]; that a measurement is noisy, or
// the case beyond all others, is told but excuses nothing. How many events share an answer is predicted too where
// the case has an RTT, and bytes and CPU rest on that. Without an RTT it is that of the case: there it tells how late
// the load was.
package plan
