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
// A [Scenario] is what is worth measuring, over lists of numbers of subscribers, rates, sizes and more. Each of
// their points is a case, and a run measures one or more cases, each in several rounds. A round measures
// every lane once: a [Target] with one of its transports in one variant, such as with something in
// between, in an order that differs from round to round. For each lane: start a server of its own, in another
// process; connect one publisher and all subscribers; publish the warm-up, and wait until everybody has all of it;
// note the counters; publish what is measured, and wait again; note the counters again. Because nothing is under
// way when the counters are read, their differences belong to the measured events alone.
//
// A scenario is a small file ([ReadScenario]); those that the program has are in the folder scenarios, and each is
// an example. A [Profile] is a list of scenarios. The profiles quick, standard and full have a budget of time, and
// make their scenarios smaller by one rule: each lane in at most so many rounds, no warm-up and no window longer
// than that, and of each list only some points, evenly apart, with the first and the last. [Profile.Estimate]
// says beforehand how long that takes.
//
// The warm-up takes a time, or goes on until it is steady: until three windows of a second in a row have
// medians that agree within 5 %. If they never do, the run goes on after a longest time, and says so.
//
// What a number means on this machine, now, is told by what stands beside it. So a run can measure
// references in the same rounds: the floor, which makes one send(2) of the same bytes for each
// subscriber and does nothing else; the baseline, long polling by a plain net/http handler; Nchan, or any other
// server that a file describes (package targets); and null, the hub alone, read by goroutines of the load's own
// process, which has no server, no connections and no bytes: its CPU time is that of this process, and so has
// publishing and the subscribers' accounts in it.
// Ratios are made within a round, and the report tells their median and range. One lane may be
// measured twice in each round: what it differs by from itself is the noise.
//
// The kinds of cases:
//
//   - [result.FanOut] publishes at a constant rate. Where it is about cost, the rate is so low that an event
//     has reached everybody before the next is due, so that nothing can be batched.
//   - [result.Idle] reads the server's memory at several numbers of connections, from none to all, each after
//     some events. The slope is what one takes, however much the server takes anyway. Then it watches what all
//     of them do in some time: polls, which are asked again, are idle for no longer than they wait.
//   - [result.Capacity] looks for the highest rate that is sustained: with every event delivered, a p99 within
//     the limit, the load on schedule, and a backlog that does not grow: a line through what was due and had
//     not come has no slope upwards, or one that chance explains, or that adds less than a tenth of the limit.
//     What was found can be confirmed in further windows, and the p99 around it kept as a curve. It tells what
//     was busy beyond it. If that was not the server, the number is a lower bound.
//   - [result.Echo] has every client publish on a topic of its own, and measures how long its events take to come
//     back to it: by its WebSocket both ways, or by POST on a connection of its own, kept alive, and the
//     transport. Clients send on schedule, the loop is open; with Case.InFlight it is closed, which is for
//     comparing with tools that measure so, and hides what was not sent while the server stood still.
//   - [result.Slow] is a fan-out in which some read 1 KiB a second, or nothing. It tells what that does to the
//     others, when the server cuts the slow ones off, and whether these are told of what they lose.
//   - [result.Storm] drops all connections, publishes, and lets all come back at once with their cursors. It
//     counts from when the first begins to connect until each has all that was published before it was back. Or
//     the server is restarted ([result.Restart]), or connections go one after the other ([result.Rolling]), with
//     a random delay or without, while events go on for bystanders. What a server lost with its log is no
//     fault if it announced a gap just there; anything that is missing without a word is.
//
// A scenario may compute what low rates cost, since measuring an event in a hundred seconds would take hours:
// what connections cost that wait, and what events do at the lowest rate that is measured. Such a case says
// that it is computed. One low rate is measured too, and says beside that what would have been computed.
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
// # What stands between, and how they talk
//
// A lane without a variant is as direct as can be: HTTP/1.1 by TCP on the loopback interface. A [Variant] puts a real
// nginx between, or has both talk by TLS, by HTTP/2, or compressed; a case's RTT adds distance. What makes no sense is
// left out of a run, and the result says why.
//
//	subscribers ─── [delay] ─── [nginx] ───▶ server ◀─── publisher, counters
//
// Publishing and counters never go that way: they reach the server directly, and where its port speaks TLS by a Unix
// socket, so that what is measured is the subscribers' side alone.
//
//   - nginx is one process before the server. With a [result.Pin] it has the server's core, since both are on that side.
//     Its CPU time and memory are told apart from the server's, as [result.Between]. Without buffering it asks by
//     HTTP/1.1 and keeps connections for the next poll; "nginx-buffered" is as nginx comes, where it holds streams back
//     until a buffer is full. Then the wait is the case's Drain, and the verdict "not delivered in time"; that is
//     what was to be found out, and no failure. The same is true of the connections that it closes in the variants with a
//     timeout.
//   - RTT is made by a proxy in a process of its own, which delays each direction by half of it. It adds two hops, each a
//     receive and a send. The proxy is on the load's core, and its CPU time is told apart. The server is charged
//     for sending to the proxy what it would be charged for sending to the subscribers, the receiving half of TCP on
//     the loopback interface included; the proxy is charged that half for the subscribers, and the load for the proxy. At
//     an RTT of 0 there is no proxy, so that differences between 0 and another have its hops in them. Connecting by TCP
//     takes no longer: the proxy accepts at once. Handshakes of TLS do.
//   - TLS is that of Go on both sides. Bytes are counted below it, and what it adds is told apart: 22 for each record of
//     TLS 1.3. The load pays for its half; its subscribers have a goroutine each then, not epoll.
//   - HTTP/2 is with TLS, and for what is HTTP: WebSockets on it (RFC 8441) are not known to the server's library. N
//     subscribers share a connection, as pages of one browser do. By HTTP/1.1 each has its own: that browsers open no more
//     than six for a site is theirs, and not imitated. The load's side is net/http's with its large windows
//     (4 MiB for a stream, 1 GiB for a connection); in "h2-N-slow" one stream more on each connection is not read,
//     which stops the server's sending on it, not on the others, once its window is full. In "h2-N-stuck" the
//     connection's window is smaller than a stream's, so that it stops the others too: head-of-line blocking by flow
//     control. That by lost segments is not to be had on the loopback interface.
//   - Compression of streams and answers is nginx's, since the server has none. Of WebSocket messages it is the
//     server's, each once for everybody. What is saved depends on the data: see [result.Data].
//
// # What the columns mean
//
//   - delivery: from the time when an event was due until it has come to a subscriber's socket. One
//     sample for each event and subscriber. To many subscribers an event is written one after the
//     other, so p50 is the middle of that queue, and p99 its end. When it came is the kernel's receive
//     timestamp (SO_TIMESTAMPNS), since one core reads for all subscribers: with 400 of them it is
//     a millisecond behind now and then, which would be taken for the server's. What it is behind is told as the read delay. Where the
//     system has no such stamps, and in the null target, it counts until it was read. By HTTP/2 the stamp is
//     that of what came last by the whole connection. A client has to be woken up besides, which takes some 0.05 ms.
//   - events per write: how many events the server sent in one write, from its own counters. No
//     comparison of transports means much without it: under load a write carries many events, and
//     then even long polling costs little.
//   - bytes per event: what went over the subscribers' connections, down to them and up from them,
//     for each delivered event: framing, header fields and polls included, TCP and IP not. It is
//     counted at the client. The load sends no more header fields than it must; a browser would add
//     about 400 bytes to each poll.
//   - heads, framing, payload: what these bytes were there for ([result.Roles]), by the rules of package
//     common/tap: an envelope is payload, with its id and topic; what tells where it begins and ends is framing.
//     What is compressed is payload as a whole. They are not told of HTTP/2, nor of an echo.
//   - segments per event: TCP segments of the subscribers' sockets, as the kernel counts them (TCP_INFO),
//     asked at the edges of the window, and of a socket before it is closed; by TLS they are not known. Bare acknowledgements are
//     among them, so their number depends on timing; that of segments with data is exact at low rates.
//     Link bytes are an estimate: the bytes of the streams, and 52 for each segment, which are the headers
//     of IPv4 (20) and of TCP with timestamps (32). On the loopback interface a segment may have 64 KiB.
//   - first and last receiver: from when an event was due until the first subscriber had it, and until
//     the last had; the spread is what is between.
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
//	      ─▶ common/nginx               an nginx between
//	report ─▶ stats, result              a result for people
//	peers ─▶ load                        servers to compare with, as processes of their own
//	doctor ─▶ load, machine              what a machine can measure
//
// # Who follows a run
//
// [Options.Progress] is told what happens: what is planned, which lane and which phase begins, and at intervals
// how it goes. That changes little of what is measured. Deliveries are recorded once more, in a coarse
// way, which takes some nanoseconds each whether somebody follows or not. A reading takes the load's mutex
// for as long as it takes to copy some numbers, and some ten microseconds of its core. A table on a terminal that is
// drawn four times a second takes two to five thousandths of a core, as the load's CPU time.
//
// Each measurement keeps its course too, followed or not: about twenty intervals, at least a quarter of a second long
// ([result.Interval]), and when server and load collected garbage. Go servers that a run starts tell of that by themselves
// (GODEBUG=gctrace=1), which takes some ten microseconds for each collection.
//
// # What a run says of the machine
//
// Before and after, a timer is due a thousand times a second on the load's core, and how late it is says how exact
// any delivery can be. That, and what was stolen, dropped and otherwise busy, are the result's
// [result.Conditions]; what is bad of it are its flags. Of each fan-out it is told who was the bottleneck: that the
// server was, and not the load, is proven by a load's core that has room to spare.
//
// # Concurrency
//
// [Run] may be called from any goroutine, but two runs at a time disturb each other. Everything
// that it starts has ended when it returns.
package bench
