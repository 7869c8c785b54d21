package web_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/chromedp"
)

// Connections end: in good order or not, alone or with the server, and because they are quiet.

func cutByFIN() faultRow {
	return cut("fin", "Cut with FIN",
		"The proxy closes the connection in good order, in the middle of whatever was said, as a program does that ends.",
		faultCell{lane: "httpstream", brief: "error; resumes", says: "Unlike a normal end: the body is chunked and its last chunk is missing, so the reader throws “network error”. " +
			"Our client asks again after a pause, with the cursor of the last event, and what it has missed is replayed."})
}

func cutByRST() faultRow {
	return cut("rst", "Cut with RST",
		"The proxy aborts the connection. What was under way is lost, and the next read fails.",
		faultCell{lane: "httpstream", brief: "error; resumes", says: "The reader throws the same “network error” as after a FIN. Our client asks again, and resumes."})
}

// cut is a row of which the lanes do not show how it was cut, except in the trace.
func cut(kind, title, does string, stream faultCell) faultRow {
	mark := map[string]string{"fin": "fin", "rst": "reset"}[kind]
	stream.check = func(s *sight) {
		s.says("network error")
		s.sees(mark, "")
		s.asks(s.resumes(), "GET /httpstream?after="+s.head)
		e := s.replays()
		s.check(len(e.controls("$bye")) == 0 && len(e.seen("end", "")) == 0, "there was no goodbye, and no last chunk", e)
	}
	return faultRow{
		name: "cut-" + kind, title: title, does: does, tolerated: []string{networkErrors},
		strike: func(l *learner, lane string) {
			// On a busy machine the events may come when the clients are back already: then nothing was missed.
			for missed, tries := false, 0; !missed && tries < 5; tries++ {
				l.strike(lane, kind, pressOnce, 3)
				missed = true
				for _, lane := range l.lanes(lane) {
					e := l.until(lane, "it has all", func(e evidence) bool { return e.State == "open" && e.has(*l.last) })
					missed = missed && (lane == "longpoll" || len(e.replayed()) > 0)
				}
			}
		},
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "unnoticed: Chromium asks again",
			says: "Nothing, usually: a connection that has carried an answer before may just have been too old, so Chromium repeats the poll on a new one by itself. " +
				"Only when that one is cut before its first answer, the poll fails (“Failed to fetch”), and our client asks again after a pause.",
			check: func(s *sight) {
				e := s.until("Chromium asks again", func(e evidence) bool { return len(e.seen("event", "")) == 3 })
				s.check(len(e.States) == 0, "our client noticed nothing", e)
				again := e.seen("request", "GET /longpoll?after="+s.head+"&wait=25")
				s.check(len(again) == 1 && again[0].Conn != s.sees(mark, "").Conn, "the same poll was repeated on another connection", e)

				s.strike("longpoll", kind, pressOnce, 0) // now the poll moves to a new connection,
				s.until("Chromium asks again", func(e evidence) bool { return len(e.seen("request", "GET /longpoll")) == 1 })
				s.strike("longpoll", kind, pressOnce, 0) // and that one has had no answer when it is cut
				s.says("Failed to fetch")
				s.resumes()
				s.grows(1)
			},
		}, stream, {
			lane:  "sse",
			brief: "`error`; resumes by itself",
			says:  "EventSource tells an `error` without a reason, and after the time of the last `retry:` asks again by itself: the address is the old one, the place is in `Last-Event-ID`. What was missed is replayed.",
			check: func(s *sight) {
				s.says("EventSource does not say why")
				s.sees(mark, "")
				head := s.resumes()
				if line, _, _ := strings.Cut(head, "\r\n"); strings.Contains(line, s.head) || !strings.Contains(head, "\r\nLast-Event-ID: "+s.head+"\r\n") {
					s.t.Errorf("it asks %q", head)
				}
				s.replays()
			},
		}, {
			lane: "sse", client: "fetch",
			says: "“network error”, as with HTTP streaming. It asks again, and resumes; the place is in the query, and not in a header.",
			check: func(s *sight) {
				s.says("network error")
				head := s.resumes()
				s.asks(head, "GET /sse?after="+s.head)
				if strings.Contains(head, "Last-Event-ID") {
					s.t.Errorf("it asks %q", head)
				}
				s.replays()
			},
		}, {
			lane:  "websocket",
			brief: "close 1006; resumes",
			says:  "`close` with code 1006, no close frame, and no reason. Our client connects again after a pause, and resumes.",
			check: func(s *sight) {
				s.says("closed with 1006")
				s.sees(mark, "")
				s.asks(s.resumes(), "GET /websocket?after="+s.head)
				e := s.replays()
				s.check(e.said("closed with 1006")[0].Reason == "closed with 1006" && len(e.seen("close", "1")) == 0, "there was no reason, and no close frame", e)
				s.grows(1)
			},
		}},
	}
}

// restart presses the button, with the choices beside it, and waits until the server is away.
func restart(l *learner, log, manner int) {
	l.aim("all")
	for i, choice := range []int{log, manner} {
		l.push("restart", fmt.Sprintf(`.row .switch:nth-of-type(%d) label:nth-of-type(%d) input`, i+1, choice))
	}
	l.press("all", "restart", pressOnce, `pushlab.trace.spans.at(-1)?.kind === "down" && pushlab.trace.spans.at(-1).to > `+fmt.Sprint(l.since))
}

func restartLost() faultRow {
	// gap checks that the client fails for that reason, tries again, and is told that something is gone.
	gap := func(s *sight, reason string, tries int) {
		s.until("it tries several times", func(e evidence) bool { return len(e.said(reason)) >= tries })
		s.resumes()
		e := s.until("it is told of the gap", func(e evidence) bool { return e.State == "open" && e.Ledger.Gaps == 1 })
		s.check(!e.Ledger.Exact && e.Ledger.Missed == 0 && e.Ledger.Lost == 0, "nobody knows how much is gone, but that something is", e)
		s.until("it goes on from the oldest event", func(e evidence) bool {
			return slices.ContainsFunc(e.seen("event", ""), func(i faultItem) bool { return sequence(i.ID) == 1 })
		})
		if says := s.bytes(s.told("$gap")); strings.Contains(says, "missed") {
			s.t.Errorf("%s: the server gives a number: %s", s.lane, says)
		}
	}
	return faultRow{
		name: "restart-lost", title: "Restart, log lost",
		does:         "The server crashes: its connections are reset, and its ports refuse until it is back, with an empty log. Cursors into the old log mean nothing to it.",
		faultSetting: faultSetting{shorter: [][2]string{{`"3s"`, `"1500ms"`}}},
		tolerated:    []string{networkErrors, socketErrors},
		strike: func(l *learner, _ string) {
			epoch, _, _ := strings.Cut(run[string](l.page, `pushlab.trace.log.head`), "-")
			restart(l, 2, 2)
			l.wait(fmt.Sprintf(`pushlab.trace.log.head && !pushlab.trace.log.head.startsWith(%q) && pushlab.trace.log.head.endsWith("-0")`, epoch))
			l.step(2)
		},
		cells: []faultCell{{
			lane: "longpoll", lost: true,
			brief: "tries again; is told of a gap",
			says:  "“Failed to fetch”, again and again, after pauses that grow. The first answer of the new server begins with `$gap`, without a number: nobody knows how much is gone. The poll goes on from the oldest event that there is.",
			check: func(s *sight) {
				gap(s, "Failed to fetch", 2)
				s.grows(2)
			},
		}, {
			lane: "httpstream", lost: true,
			brief: "tries again; is told of a gap",
			says:  "“network error”, then “Failed to fetch” while the port refuses, after pauses that grow. The new stream begins with `$gap`.",
			check: func(s *sight) {
				s.says("network error")
				gap(s, "Failed to fetch", 1)
				s.grows(2)
			},
		}, {
			lane: "sse", lost: true,
			brief: "tries again by itself; is told of a gap",
			says:  "`error`, and EventSource asks again by itself, also where the port refuses. It sends a `Last-Event-ID` that the new server does not know, and is told `$gap`.",
			check: func(s *sight) {
				gap(s, "EventSource does not say why", 2)
				if head := s.resumes(); !strings.Contains(head, "\r\nLast-Event-ID: "+s.head+"\r\n") {
					s.t.Errorf("it asks %q", head)
				}
			},
		}, {
			lane: "websocket", lost: true,
			brief: "tries again; is told of a gap",
			says:  "`close` with code 1006, for the connection as for each refused handshake. Our client tries again after pauses that grow, and is told `$gap`.",
			check: func(s *sight) {
				gap(s, "closed with 1006", 2)
				s.grows(2)
			},
		}},
	}
}

func restartKept() faultRow {
	resumed := func(s *sight) evidence {
		s.resumes()
		return s.replays()
	}
	// obeyed checks that the client waited first for as long as it was told to, in milliseconds.
	obeyed := func(s *sight, asked float64) {
		e := s.until("its first pause is over", func(e evidence) bool { return len(e.pauses()) > 0 })
		s.check(asked > 0 && e.pauses()[0] >= asked-slack, fmt.Sprintf("it waited for %v ms", asked), e)
	}
	// inBye is the time in a $bye, in milliseconds.
	inBye := func(s *sight) float64 { return s.number(s.bytes(s.told("$bye")), `"retry":(\d+)`) }
	return faultRow{
		name: "restart-kept", title: "Restart, log kept",
		does:         "The server says goodbye, its ports refuse, and it comes back with its log, into which events went on being published.",
		faultSetting: faultSetting{shorter: [][2]string{{`"3s"`, `"1800ms"`}}},
		tolerated:    []string{networkErrors, socketErrors},
		strike: func(l *learner, lane string) {
			for _, lane := range l.lanes(lane) {
				l.until(lane, "the server has nothing to say", func(e evidence) bool { return len(e.Streams) == 1 && e.Streams[0].Cursor == *l.last })
				if lane == "longpoll" { // which the server counts between polls too, when it cannot tell anybody that it leaves
					l.wait(fmt.Sprintf(`/^GET .*after=%s&wait=[1-9]/.test(pushlab.trace.range(0, Infinity).findLast(
						({ lane, kind }) => lane === "longpoll" && ["request", "response"].includes(kind))?.label)`, *l.last))
				}
			}
			restart(l, 1, 1)
			l.step(2)
		},
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "204 with `Retry-After`; resumes",
			says:  "The poll that waits is answered 204 with `Retry-After`, which our client obeys. Then it goes on where it was: nothing is lost.",
			check: func(s *sight) {
				s.says("the server is leaving")
				obeyed(s, 1000*s.number(s.bytes(s.sees("response", "204")), `\r\nRetry-After: (\d+)\r\n`))
				resumed(s)
			},
		}, {
			lane:  "httpstream",
			brief: "`$bye`; resumes",
			says:  "`$bye`, which says when to come back, and then the last chunk: here the body ends as it should. Our client obeys, and what was published meanwhile is replayed.",
			check: func(s *sight) {
				s.says("the server said $bye")
				s.sees("end", "")
				obeyed(s, inBye(s))
				e := resumed(s)
				s.check(len(e.said("network error")) == 0, "it was an end, and no break", e)
			},
		}, {
			lane:  "sse",
			brief: "`error`; resumes by itself",
			says:  "EventSource does not tell a goodbye from a cut: `error`. But `$bye` has a `retry:` field, and it tries every time after just that long, where our clients wait longer each time. What spreads the EventSources is that the server gave each another time.",
			check: func(s *sight) {
				s.says("EventSource does not say why")
				resumed(s)
				asked := s.number(s.bytes(s.told("$bye")), `retry: (\d+)\n`)
				others := []float64{}
				for _, lane := range []string{"httpstream", "websocket"} {
					others = append(others, inBye(&sight{s.learner, lane}))
				}
				if others[0] == asked || others[1] == asked {
					s.t.Errorf("all were told to come back after the same time: %v and %v ms", asked, others)
				}
				e := s.until("it has tried several times, and came through", func(e evidence) bool {
					return e.State == "open" && len(e.pauses()) >= 2 && len(e.pauses()) == len(e.said("EventSource"))
				})
				for _, pause := range e.pauses() {
					s.check(pause >= asked-slack, fmt.Sprintf("it waited for %v ms", asked), e)
				}
				s.check(slices.Min(e.pauses()[1:]) < 1.6*asked+slack, "its pauses did not grow", e)
			},
		}, {
			lane: "sse", client: "fetch",
			says: "“the server said $bye”. It waits for as long as it was told, and then, while the port refuses, twice as long each time.",
			check: func(s *sight) {
				s.says("the server said $bye")
				resumed(s)
				asked := inBye(s)
				obeyed(s, asked)
				e := s.until("its second pause is over", func(e evidence) bool { return len(e.pauses()) >= 2 })
				s.check(e.pauses()[1] >= 2*asked-slack, "it is twice as long", e)
			},
		}, {
			lane:  "websocket",
			brief: "close 1001; resumes",
			says:  "`$bye`, and `close` with code 1001: the one transport whose own protocol can say goodbye. Our client comes back when it was told to, and resumes.",
			check: func(s *sight) {
				s.says("closed with 1001")
				obeyed(s, inBye(s))
				resumed(s)
			},
		}},
	}
}

func idleTimeout() faultRow {
	const patience = 2000 // of the proxy, in milliseconds
	reasons := map[string]string{"longpoll": "Failed to fetch", "httpstream": "network error", "sse": "EventSource does not say why", "websocket": "closed with 1006"}
	cuts := func(e evidence) (n int) {
		for _, i := range e.seen("fault", "closed") {
			if i.Text == "idle" {
				n++
			}
		}
		return n
	}
	// lasts tells whether a connection was in use for longer than the proxy waits.
	lasts := func(e evidence) bool {
		first := map[int]float64{}
		for _, i := range e.Items {
			if _, old := first[i.Conn]; !old && i.Conn != 0 {
				first[i.Conn] = i.At
			}
			if (i.Topic == "$beat" || i.Kind == "response") && i.At-first[i.Conn] > patience+100 {
				return true
			}
		}
		return false
	}
	// prevented checks that no connection was cut that had a request: Chromium may keep one in store, which is quiet.
	prevented := func(s *sight, what string) evidence {
		e := s.notes[s.lane+" prevented"]
		used := map[int]bool{}
		for _, i := range e.seen("request", "GET /") {
			used[i.Conn] = true
		}
		for _, i := range e.seen("fault", "closed") {
			s.check(i.Text != "idle" || !used[i.Conn], what, e)
		}
		return e
	}
	return faultRow{
		name: "idle", title: "Idle time-out",
		does:         "The proxy closes connections that are quiet for too long, in both directions (10 s; in the test 2 s). First there are no events and no heartbeats, then only heartbeats.",
		faultSetting: faultSetting{heartbeat: -1, shorter: [][2]string{{"idle=10s", fmt.Sprintf("idle=%dms", patience)}}},
		tolerated:    []string{networkErrors, socketErrors},
		strike: func(l *learner, lane string) {
			l.strike(lane, "idle", pressAlways, 0)
			for _, lane := range l.lanes(lane) {
				l.notes[lane] = l.until(lane, "it was cut twice", func(e evidence) bool {
					said := len(e.said(reasons[lane]))
					return cuts(e) >= 2 && e.State == "open" && (said >= 2 || lane == "longpoll" && said >= 1)
				})
			}
			l.command("settings", `{ heartbeat: "500ms" }`)
			run[chromedp.Void](l.page, `settled()`)
			l.since = run[float64](l.page, `pushlab.lab.now()`)
			run[chromedp.Void](l.page, `for (const lane of pushlab.lanes.values()) lane.set({ wait: 1 })`) // which connects them anew
			for _, lane := range l.lanes(lane) {
				l.notes[lane+" prevented"] = l.until(lane, "a connection is used for longer than the proxy waits", lasts)
			}
		},
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "cut, unless polls are shorter",
			says:  "A poll is cut that is held for longer than the proxy waits. Chromium repeats it by itself where the connection had carried an answer, otherwise it fails (“Failed to fetch”). There are no heartbeats that could help: the cure is a shorter `wait`.",
			check: func(s *sight) {
				e := s.notes[s.lane]
				s.check(len(e.said("Failed to fetch")) < cuts(e), "not all of the cuts are noticed", e)
				e = prevented(s, "a shorter wait prevents it")
				s.check(len(e.controls("$beat")) == 0, "there are no heartbeats", e)
			},
		}, {
			lane:  "httpstream",
			brief: "cut, unless there are heartbeats",
			says:  "Cut again and again (“network error”), as often as the time is over. Heartbeats prevent it.",
			check: func(s *sight) {
				prevented(s, "heartbeats prevent it")
			},
		}, {
			lane:  "sse",
			brief: "cut, unless there are heartbeats",
			says:  "EventSource is cut, and comes back, every time the time is over. The comment lines and `$beat` events of the heartbeat prevent it.",
			check: func(s *sight) {
				prevented(s, "heartbeats prevent it")
				if beat := s.bytes(s.told("$beat")); !strings.Contains(beat, ": beat\n") || !strings.Contains(beat, "event: $beat\n") {
					s.t.Errorf("a heartbeat is %q", beat)
				}
			},
		}, {
			lane:  "websocket",
			brief: "cut, unless there are pings",
			says:  "`close` with code 1006 every time the time is over. Pings prevent it, which Chromium answers by itself; a page neither sends nor sees them.",
			check: func(s *sight) {
				prevented(s, "heartbeats prevent it")
				s.until("pings are answered", func(e evidence) bool { return len(e.seen("ping", "")) > 3 && len(e.seen("pong", "")) > 3 })
			},
		}},
	}
}
