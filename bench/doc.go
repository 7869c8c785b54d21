// Package bench compares the transports under the same load: how long an event takes to arrive,
// what it costs the server and the wire, and whether it arrives at all.
//
// # Open loop
//
// Events are published on a fixed schedule (a [Pacer]), whatever the server does, and an event's
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
// For each transport in turn: start a server of its own, in another process; connect one publisher
// and all subscribers; publish the warm-up, and wait until everybody has all of it; note the
// counters; publish what is measured, and wait again; note the counters again. Because nothing is
// under way when the counters are read, their differences belong to the measured events alone.
// All transports are fed in the same way, by one WebSocket connection that does not wait for the
// acknowledgements, only counts them.
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
//     counted at the client's net.Conn. The load sends no more header fields than it must; a
//     browser would add about 400 bytes to each poll.
//   - server CPU per event: the run time of all threads of the server's process
//     (/proc/PID/task/*/schedstat) for each delivered event. The cost of publishing, of
//     acknowledging and of the garbage collector is in it, nothing is subtracted. At a low rate it
//     is mostly the cost of waking up. On the loopback interface the kernel also charges the
//     receiving half of TCP to the sender.
//   - lost, duplicated, reordered: what the subscribers' ledgers say, event by event. A run that
//     lost something has no latency worth comparing.
//
// The publisher, the subscribers and the server share one machine. The report shows how much of it
// each took; near its limit the numbers describe the machine, not the transport.
//
// # Concurrency
//
// [Run] may be called from any goroutine, but two runs at a time disturb each other. Everything
// that it starts has ended when it returns.
package bench
