// Package bench compares the transports under the same load: how long an event takes to arrive,
// what it costs the server and the wire, and whether it arrives at all.
//
// # Open loop
//
// Events are published on a fixed schedule (a [load.Pacer]), whatever the server does, and an event's
// latency counts from the time at which it was due. A load that waits for the server before it
// goes on would publish less while the server is slow, and so hardly measure just those moments:
// a server that stands still for a second spoils one sample instead of all that were due in that
// second. This mistake is called coordinated omission. How late the load itself was is told apart,
// as the publish delay; when it is late, the run says so, and what that spoils is left out.
//
//	due        published                    received by subscriber 1 … 200
//	 ├─ publish ──┤
//	 │   delay    ├──────── server, wire ────────┤ ···· ┤
//	 ├──────────────── delivery ─────────────────┤      │
//	 ├───────────────────── delivery ───────────────────┤
//
// # A run
//
// A [Scenario] is what is worth measuring, over lists of numbers of subscribers, rates and sizes. Each of
// their points is a case, and a run measures one or more cases, each in several rounds. A round measures
// every lane once: a [Target] with one of its transports in one variant, such as with something in
// between, in an order that differs from round to round. For each lane: start a server of its own, in another process; connect one publisher and all subscribers; publish
// the warm-up, and wait until everybody has all of it; note the counters; publish what is measured,
// and wait again; note the counters again. Because nothing is under way when the counters are read,
// their differences belong to the measured events alone.
//
// What a number means on this machine, now, is told by what stands beside it. So a run can measure
// references in the same rounds: the floor, which makes one send(2) of the same bytes for each
// subscriber and does nothing else; the baseline, long polling by a plain net/http handler; and Nchan, or
// any other server that a file describes (package targets).
// Ratios are made within a round, and the report tells their median and range. One lane may be
// measured twice in each round: what it differs by from itself is the noise.
//
// The kinds of cases:
//
//   - [result.FanOut] publishes at a constant rate. Where it is about cost, the rate is so low that an event
//     has reached everybody before the next is due, so that nothing can be batched.
//   - [result.Idle] reads the server's memory without subscribers, and with all of them after some events
//     and some time.
//   - [result.Capacity] looks for the highest rate that is sustained: with every event delivered, a p99 within
//     the limit, and the load on schedule. It tells what was busy beyond it. If that was not the
//     server, the number is a lower bound.
//   - [result.Storm] drops all connections, publishes, and lets all come back at once with their cursors. It
//     counts from when the first begins to connect until each has all that it missed.
//
// # The load
//
// All subscribers are read by one goroutine from raw sockets with epoll, which looks at no more of an
// event than its number and due time. That costs about as much as the floor does; where the load might
// be the limit, the report says how busy its core was. In memory, and without epoll, each subscriber
// has a goroutine instead; both share everything but the reading. With a [result.Pin] the server has one
// core, and the load another.
//
// A Pushlab server, and most others, are published to by one WebSocket connection that does not wait for
// acknowledgements, only counts them; floor and baseline by one that sends the bytes to be sent on. Who
// has no such thing is published to by a request for each event, which is waited for.
//
// # What the columns mean
//
//   - delivery: from the time when an event was due until a subscriber has read and found it. One
//     sample for each event and subscriber. To many subscribers an event is written one after the
//     other, so p50 is the middle of that queue, and p99 its end.
//   - events per write: how many events the server sent in one write, from its own counters. No
//     comparison of transports means much without it: under load a write carries many events, and
//     then even long polling costs little.
//   - bytes per event: what went over the subscribers' connections, down to them and up from them,
//     for each delivered event: framing, header fields and polls included, TCP and IP not. It is
//     counted at the client. The load sends no more header fields than it must; a browser would add
//     about 400 bytes to each poll.
//   - server CPU per event: the run time of all threads of the server's process
//     (/proc/PID/task/*/schedstat) for each delivered event. The cost of publishing, of
//     acknowledging and of the garbage collector is in it, nothing is subtracted. At a low rate it
//     is mostly the cost of waking up. On the loopback interface the kernel also charges the
//     receiving half of TCP to the sender. A server with a core of its own is charged what that
//     core's ksoftirqd ran too: where many sends go out at once, some are left to that.
//   - lost, duplicated, reordered: what the subscribers' ledgers say, event by event. A run that
//     lost something has no latency worth comparing.
//
// The publisher, the subscribers and the server share one machine. The report shows how much of it
// each took; near its limit the numbers describe the machine, not the transport.
//
// # Packages
//
// This package says what to measure, and measures it. What it does that with, and what becomes of it,
// stands below it, and knows nothing of it:
//
//	bench ─▶ load, machine ─▶ result     the load; processes, cores, counters; what is in result.json
//	      ─▶ targets ─▶ load, machine    files that describe servers
//	      ─▶ stats ─▶ result             what the rounds say together
//	report ─▶ stats, result              a result for people
//	peers ─▶ load                        servers to compare with, as processes of their own
//
// # Concurrency
//
// [Run] may be called from any goroutine, but two runs at a time disturb each other. Everything
// that it starts has ended when it returns.
package bench
