// Package fault is a proxy that does wrong on purpose: it cuts, delays, stalls, buffers and loses
// what passes through it, in the ways in which real networks do.
//
// It stands between a client and a server, in the same process, and passes on bytes of any protocol:
//
//	client ──▶ Serve(listener) ── Proxy ── Config.Dial ──▶ server
//
//	proxy := fault.New(fault.Config{Dial: dial, Seed: 1})
//	go proxy.Serve(ctx, listener)
//	proxy.Set(f)            // from now on, for connections that are open and those that come
//	proxy.Once(f)           // now, for those that are open
//	proxy.Cut(fault.RST)    // the most common of these
//	proxy.State()           // how things stand; Config.Observe tells what happens
//
// What is drawn comes from Config.Seed, and what takes time takes it from package time. So in a
// testing/synctest bubble an hour takes no time, and the same seed does the same, to the nanosecond.
//
// # What goes wrong, and who does it
//
// A push connection is open for hours and silent for most of them, which is just what the network in
// between was not made for. A request that takes 50 ms never meets most of what follows.
//
// cut=fin: the peer's program closed. A server that was stopped, a proxy that was told to reload, a
// tab that was closed. The reader gets everything that was sent, and then an end which looks like any
// other end. Whether something is missing, only the protocol above can tell: a chunked body has a last
// chunk, a WebSocket has a close frame, an HTTP/1.0 body has nothing. "down:cut=fin" closes one
// direction, as shutdown(2) does; the other goes on.
//
// cut=rst: the kernel has closed. The process was killed with data unread, the machine was started
// anew and knows nothing of the connection, a firewall lost patience. The next read or write fails,
// and what had arrived and was not read yet may be lost with it.
//
// cut=blackhole: nobody has closed. A laptop that sleeps, a phone that went from Wi-Fi to mobile, a
// cable that was pulled, an address translator that forgot the mapping. No packet says so. A server
// that writes learns it after minutes of retransmission, a client that only reads learns it never.
// This is why there are heartbeats, and why the client must watch for them. blackhole as a setting
// does that to a path: a connection that has lost something stays dead, and new ones work when the
// setting is gone.
//
// idle=60s: somebody counts. nginx ends a proxied request after 60 s without a byte from the server
// (proxy_read_timeout), load balancers have limits of about as much, address translators of minutes,
// on mobile networks of few. A proxy closes (fin), a translator just forgets (blackhole) or answers
// with a reset when the next packet comes (rst).
//
// delay=100ms±20ms: distance, or a mobile network. Streams are late by that, once. Long polling is late
// by it again whenever an event comes between an answer and the next request.
//
// rate=750kbit: a thin line. What is sent faster waits in buffers, and grows old there.
//
// stall: a reader that does not read. A tab that is busy, a debugger at a breakpoint, a program that
// handles one event in the time in which ten come. The buffers fill, of the reader's kernel, then of
// the sender's, and then the sender has to decide: wait, drop, or close. "down:stall" is the client
// that does not read.
//
// split=1: TCP keeps bytes and their order, not their grouping. Where one write ended is no boundary
// that a reader may rely on; one byte at a time, and a letter in two halves, are allowed.
//
// buffer=4KiB/30s: a proxy that means well. nginx collects a response from the server in its buffers
// (proxy_buffering), antivirus programs and company proxies want to see all of it first. Events come
// late, and many at once. nginx itself has no such time; it waits until the buffer is full or the
// response complete. It obeys "X-Accel-Buffering: no", which is here an option (accel), so that both
// can be seen. A response that is complete is never held, and nothing is after 101.
//
// refuse=3s: the server is started anew. Whoever was connected is cut, and whoever comes is refused;
// then all come back at once, unless they wait for different times. With cut=rst beside it the server was
// killed: connections are reset, and what was on its way is lost.
//
// connections=6: a pool is full. A browser opens six connections to one host with HTTP/1.1, and the
// seventh request waits, without an error. Servers with a limit refuse instead.
//
// answer=503/10s: a proxy whose server is away answers by itself: 502 if it could not connect, 503 if it
// knows that there is none, 429 if it finds that one asks too often. answer=200/type:text/html is the page
// of a hotel's network, or of a login; answer=204 says to an EventSource that it should not come back.
//
// # What the transports show
//
//	                long polling        SSE (EventSource)       WebSocket             HTTP stream (fetch)
//	cut=fin         the request fails,  error, and by itself    close 1006            the body ends, as if
//	                or there is none;   again, with the last                          complete, or fails if
//	                the next poll       event's id                                    it is chunked
//	cut=rst         the request fails   the same                close 1006            the reader throws
//	cut=blackhole   the client's time   nothing, until somebody nothing, until a      nothing
//	                for a poll is over  watches the heartbeats  ping is not answered
//	idle            only if a poll is   connects every time;    close 1006; pings     ends every time;
//	                held for longer     comments prevent it     prevent it            padding prevents it
//	delay           late, and again     late                    late                  late
//	                between two polls
//	down:stall      nothing to stall    the server's buffers    the same              the same
//	                but one answer      fill
//	split           works               works                   works                 breaks who takes a
//	                                                                                  read for a line
//	down:buffer     works: an answer    late, and in bursts     works after 101       late, and in bursts
//	                is complete
//	refuse          tries again         tries again, always     as the client does    as the client does
//	                                    after the same time
//	connections=6   waits, silently     waits, silently         counted apart by      waits, silently
//	                                                            browsers
//	answer=503      the status; tries   ends for good           close 1006, without   the status
//	                again                                       the status
//	answer=204      an empty answer     ends for good           close 1006            an empty body
//
// # How faults combine
//
// Every direction of a connection takes its bytes through the faults in one order:
//
//	black hole ▶ stall ▶ answer ▶ buffer ▶ delay ▶ split, rate, cut by size ▶ write
//
// The end (FIN) of a sender goes the same way: it is delayed, swallowed, and lets a buffer go. What is
// held when a connection is cut is lost. A reset at one end comes out at the other as a reset, behind
// what was sent before it.
//
// Whatever is set, and whenever it is changed: what arrives is the beginning of what was sent, without
// holes, repetitions or changes in order; and if nothing that cuts or swallows is set, it is all of it.
//
// # Other programs' names
//
//	here             Toxiproxy            tc-netem
//	delay=1s±100ms   latency (+ jitter)   delay 1s 100ms
//	rate             bandwidth            rate
//	split            slicer
//	blackhole        timeout=0            loss 100%
//	cut=fin@5s       timeout=5000
//	cut=rst          reset_peer
//	cut=fin@64KiB    limit_data
//	refuse           enabled: false
//	up, down         upstream, downstream
//
// Toxiproxy's timeout swallows for so long before it closes; here that is cut=fin@5s,blackhole. Its
// slow_close is part of delay. Losing, repeating and reordering packets, as netem can, is not for a
// proxy: TCP repairs that below, and all that shows is delay.
//
// # Who may call what
//
// All methods may be called by many goroutines. Serve owns what it starts, and returns when all of it is
// gone. Each connection has a goroutine that owns its two sockets, and two for each direction. Config
// bounds how many connections there are, and how many bytes each may hold.
//
// TLS is passed on as it is; then the proxy cannot answer, and a buffer knows nothing of responses.
package fault
