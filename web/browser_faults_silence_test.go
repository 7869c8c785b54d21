package web_test

import (
	"fmt"
	"time"

	"github.com/chromedp/chromedp"
)

// Silence: nobody says that anything is wrong.

func blackHole() faultRow {
	// unnoticed checks that nothing was to be seen before the client itself gave up, for that reason.
	unnoticed := func(s *sight, reason string) evidence {
		s.says(reason)
		s.resumes()
		e := s.replays()
		silenced := s.sees("fault", "silenced")
		last, asked := silenced.At, false
		for _, i := range e.seen("request", "") { // a poll that was over just then: its successor vanishes, so there is no answer to swallow
			if i.Conn == silenced.Conn && i.At > silenced.At {
				last, asked = i.At, true
			}
		}
		s.nothing(e, last+50, e.said(reason)[0].At-50) // what was on its way came through
		s.until("what the server sent was swallowed", func(e evidence) bool { return asked || e.Proxy.Swallowed > 0 })
		return e
	}
	return faultRow{
		name: "black-hole", title: "Black hole",
		does: "The connections that are open stay open, and nothing passes any more, in either direction, not even an end: as behind a pulled cable, or an address translator that forgot. " +
			"The page's watchdogs wait for 60 s, in the test for 1.5 s.",
		faultSetting: faultSetting{wait: 1, heartbeat: 500 * time.Millisecond, silence: 1500 * time.Millisecond},
		tolerated:    []string{networkErrors, socketErrors},
		strike: func(l *learner, lane string) {
			if lane == "all" {
				run[chromedp.Void](l.page, `listen()`)
				l.wait(`plain.opened === 1`)
			}
			l.strike(lane, "blackhole", pressOnce, 3)
		},
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "nothing, until the poll is overdue",
			says:  "Nothing, until the answer is overdue by our client's own reckoning (“signal timed out”): a poll has an end that can be missed, so no heartbeat is needed. It asks again on another connection.",
			check: func(s *sight) {
				unnoticed(s, "signal timed out")
			},
		}, {
			lane:  "httpstream",
			brief: "nothing, until our watchdog barks",
			says:  "Nothing at all, for ever: a stream that is dead looks like one that is quiet. Only the watchdog of our client notices that there are no heartbeats (“silent for 1.5 s”), and asks again. The server goes on “delivering” into the hole.",
			check: func(s *sight) {
				unnoticed(s, "silent for 1.5 s")
				s.until("the server sees both", func(e evidence) bool { return len(e.Streams) == 2 && e.Streams[0].Cursor == e.Head })
			},
		}, {
			lane:  "sse",
			brief: "nothing, for ever; our watchdog barks",
			says:  "Nothing happens: a plain EventSource stays OPEN, without an `error`, for as long as one likes to wait. It has no watchdog; ours sees the missing `$beat`, and makes a new EventSource, with the place in the query. The server goes on “delivering” into the hole.",
			check: func(s *sight) {
				e := unnoticed(s, "silent for 1.5 s")
				s.renews()
				s.until("the server sees all three", func(e evidence) bool { return len(e.Streams) == 3 && e.Streams[0].Cursor == e.Head })
				if got := run[[]int](s.page, `[plain.readyState, plain.opened, plain.errors, plain.events]`); fmt.Sprint(got) != "[1 1 0 0]" {
					s.t.Errorf("readyState, opens, errors and events of the plain EventSource are %v\n%v", got, e)
				}
			},
		}, {
			lane: "sse", client: "fetch",
			says: "The same. Its own watchdog hears every byte, and asks again.",
			check: func(s *sight) {
				unnoticed(s, "silent for 1.5 s")
			},
		}, {
			lane:  "websocket",
			brief: "nothing, until our watchdog barks",
			says:  "Nothing, until our client's watchdog misses the heartbeats: the page cannot see pings, nor send any. It asks again without waiting for the old connection to close, since nobody would answer. Here the server notices by itself, too: no pong comes, and it ends the stream.",
			check: func(s *sight) {
				e := unnoticed(s, "silent for 1.5 s")
				again := e.seen("request", "GET /websocket")[0]
				for _, i := range e.seen("fin", "") {
					s.check(i.At > again.At, "it did not wait for the old connection to end", e)
				}
				s.until("the server has only the new one", func(e evidence) bool { return len(e.Streams) == 1 && e.State == "open" })
			},
		}},
	}
}

func stalledClient() faultRow {
	const size = 64 << 10 // bytes of an event of the flood
	const behind = 20     // events that a stream has to be behind at least: more than a busy machine is late
	streams := transports[1:]
	waits := func(s *sight) {
		e := s.notes[s.lane+" little"]
		s.check(e.Stalled && e.Cursor == s.head && len(e.Streams) == 1 && e.Streams[0].Cursor == e.Head, "the server has sent all of a few events, and the page has none", e)
		e = s.notes[s.lane]
		s.check(e.Totals.Down > 1<<20, "a megabyte has gone into buffers", e)
		s.check(e.State == "open" && len(e.seen("reset", "")) == 0 && len(e.seen("fin", "")) == 0, "the connection lives", e)
	}
	return faultRow{
		name: "stalled", title: "Client stops reading",
		does:         "The thread of the lane's client sleeps, as that of a page with too much to do: nothing is wrong with the network. First a few events are published, then megabytes, then it reads again.",
		faultSetting: faultSetting{heartbeat: time.Second},
		tolerated:    []string{networkErrors, socketErrors},
		strike: func(l *learner, lane string) {
			l.press(lane, "stall", pressAlways, `[...pushlab.lanes.values()].every(({ stalled }) => stalled)`)
			l.step(3)
			for _, lane := range streams {
				l.until(lane, "the server has sent all", func(e evidence) bool { return len(e.Streams) == 1 && e.Streams[0].Cursor == e.Head })
				l.notes[lane+" little"] = l.look(lane)
			}
			l.until("longpoll", "one answer was on its way", func(e evidence) bool { return len(e.seen("response", "200")) == 1 && len(e.Streams) == 0 })
			l.until("websocket", "a ping was answered", func(e evidence) bool { return len(e.seen("pong", "")) > 0 })
			l.command("source", fmt.Sprintf(`{ rate: 100, size: %d, kind: "text" }`, size))
			for _, lane := range streams {
				l.until(lane, "the server cannot write any more", func(e evidence) bool {
					return len(e.Streams) == 1 && sequence(e.Head)-sequence(e.Streams[0].Cursor) >= behind && e.Totals.Down > 1<<20
				})
			}
			l.command("source", `{ rate: 0, size: 64 }`)
			l.note(transports...)
			l.push("stall", pressAlways)
			l.wait(`![...pushlab.lanes.values()].some(({ stalled }) => stalled)`)
		},
		cells: []faultCell{{
			lane: "longpoll", lost: true,
			brief: "the log waits",
			says:  "One answer waits in the browser, and nobody asks for another: there is nothing to stall. The events wait in the server's log, and nowhere else. When more came than the log holds, the next answer says so with `$gap`, and how many are missing.",
			check: func(s *sight) {
				e := s.notes[s.lane]
				s.check(len(e.seen("response", "")) == 1 && len(e.seen("request", "")) == 0 && e.Cursor == s.head, "one answer was the last", e)
				e = s.until("it is told of the gap", func(e evidence) bool { return e.Ledger.Gaps > 0 })
				s.check(e.Ledger.Exact && e.Ledger.Missed > 0, "the number is known", e)
			},
		}, {
			lane: "httpstream", lost: true,
			brief: "buffers fill; then the log waits",
			says:  "The server notices nothing at first: more than a megabyte fits into the buffers of browser and kernels. Then its write blocks and its cursor stands still, while the log grows. When the client reads again, all comes, in order; if the log has lapped it meanwhile, it is told by `$gap`.",
			check: waits,
		}, {
			lane: "sse", lost: true,
			brief: "buffers fill; then the log waits",
			says:  "The same: EventSource has no way to say “slower”, only TCP has.",
			check: waits,
		}, {
			lane: "websocket", lost: true,
			brief: "buffers fill; then the log waits",
			says:  "The same. Chromium answers pings though the page sleeps, so they do not tell a sleeping page from a live one.",
			check: func(s *sight) {
				waits(s)
				e := s.notes[s.lane]
				s.check(len(e.seen("pong", "")) > 0, "pings were answered meanwhile", e)
			},
		}},
	}
}

func offline() faultRow {
	// late checks that the client gave up by itself, for that reason, and once more after the network was back.
	late := func(s *sight, reason string) {
		s.until("it gave up twice", func(e evidence) bool { return len(e.said(reason)) >= 2 && e.State == "open" })
		s.resumes()
		e := s.replays()
		s.check(e.States[0].Reason == reason, "the event changed nothing", e)
		s.until("the attempt in between was swallowed as well", func(e evidence) bool { return len(e.seen("fault", "swallowed")) >= 2 })
		s.nothing(e, s.back, e.said(reason)[1].At-50)
	}
	return faultRow{
		name: "offline", title: "Offline (imitated)",
		does: "All lanes are black holes, for new connections too, and a script sends the event `offline` to the page and to the clients' threads, later `online`. `navigator.onLine` stays true, since the browser is not offline. " +
			"The network comes back when each client has tried in vain once.",
		faultSetting: faultSetting{wait: 1, heartbeat: 500 * time.Millisecond, silence: 1500 * time.Millisecond},
		tolerated:    []string{networkErrors, socketErrors},
		strike: func(l *learner, lane string) {
			l.strike("all", "offline", pressAlways, 3)
			if !run[bool](l.page, `navigator.onLine`) {
				l.t.Error("navigator.onLine is false, which no script can do")
			}
			for _, lane := range transports {
				l.until(lane, "a new connection gets no answer", func(e evidence) bool {
					tries := e.seen("request", "GET /"+lane)
					return len(tries) > 0 && tries[len(tries)-1].ID == l.head && len(e.seen("fault", "swallowed")) >= 2
				})
			}
			l.push("offline", pressAlways)
			l.wait(`Object.values(pushlab.lab.state.faults).every((fault) => !fault)`)
			l.back = run[float64](l.page, `pushlab.lab.now()`)
		},
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "overdue, twice",
			says:  "The event changes nothing; the poll is overdue, and so is the next one, which vanishes as well. When the network is back, that one has still to be waited out: on `online`, our clients cut a wait between two tries short, but no try that is under way. Then it resumes.",
			check: func(s *sight) { late(s, "signal timed out") },
		}, {
			lane:  "httpstream",
			brief: "our watchdog barks, twice",
			says:  "The event changes nothing; the watchdog notices. The attempt that was made while the network was away hangs until the watchdog ends that too, also when the network is back already.",
			check: func(s *sight) { late(s, "silent for 1.5 s") },
		}, {
			lane:  "sse",
			brief: "our watchdog barks, twice",
			says:  "EventSource does not react to `offline`, and stays OPEN; only our watchdog notices. A new EventSource hangs CONNECTING, until the watchdog barks again.",
			check: func(s *sight) { late(s, "silent for 1.5 s") },
		}, {
			lane:  "websocket",
			brief: "our watchdog barks, twice",
			says:  "The event changes nothing; the watchdog notices. A handshake without an answer hangs until the watchdog ends it, too.",
			check: func(s *sight) { late(s, "silent for 1.5 s") },
		}},
	}
}
