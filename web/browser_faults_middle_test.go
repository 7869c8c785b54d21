package web_test

import (
	"fmt"
	"slices"

	"github.com/chromedp/chromedp"
)

// Something in the middle: it holds back what it should pass on, or answers by itself.

// together tells how many events of a list crossed the wire in one moment with another one: out of one buffer.
func together(events []faultItem) (n int) {
	for i, e := range events {
		if i > 0 && events[i-1].At == e.At || i+1 < len(events) && events[i+1].At == e.At {
			n++
		}
	}
	return n
}

// atOnce checks that each of so many events came to the page before the next one was published.
func atOnce(s *sight, n int) {
	s.t.Helper()
	e := s.until(fmt.Sprintf("%d events are there", n), func(e evidence) bool { return len(e.seen("event", "")) >= n })
	events := e.seen("event", "")
	for i, event := range events[:n-1] {
		s.check(event.Received > 0 && event.Received < events[i+1].Published+slack, "each event came before the next was published", e)
	}
}

// inTurn publishes events, each when those lanes have the one before that nothing holds back.
func inTurn(l *learner, lane string, n int) {
	for range n {
		l.step(1)
		for _, prompt := range []string{"longpoll", "websocket"} {
			if lane == "all" || lane == prompt {
				l.until(prompt, "the event is there", func(e evidence) bool { return e.has(*l.last) })
			}
		}
	}
}

func imitatedBuffer() faultRow {
	const size = 700 // bytes of the events that fill the buffer: six of them
	late := func(s *sight) {
		e := s.notes[s.lane+" few"]
		s.check(e.Proxy.Held > 0 && len(e.seen("event", "")) == 0, "a few events are held back", e)
		e = s.notes[s.lane]
		s.check(together(e.seen("event", "")) >= 6, "they came together", e)
		e = s.until("the rest is let go", func(e evidence) bool {
			return len(e.seen("event", "")) >= 9 && e.Proxy.Held == 0 && len(e.seen("fault", "released")) >= 2
		})
		s.check(len(e.States) == 0, "it was late, and nothing else", e)
	}
	return faultRow{
		name: "buffer", title: "Buffering proxy (imitated)",
		does: "The proxy keeps what comes from the server until it has 4 KiB of it, for 30 s at most, or until the answer is complete. Behind a 101 it keeps nothing. " +
			"There are three small events, then some that fill the buffer; then the fault is taken away. The page has it where nginx is not installed.",
		faultSetting: faultSetting{heartbeat: -1},
		tolerated:    []string{networkErrors},
		strike: func(l *learner, lane string) {
			run[chromedp.Void](l.page, `pushlab.lab.description.nginx = null`) // as where it is not installed
			l.strike(lane, "buffer", pressAlways, 0)
			inTurn(l, lane, 3)
			held := slices.DeleteFunc(slices.Clone(l.lanes(lane)), func(lane string) bool { return lane == "longpoll" || lane == "websocket" })
			for _, lane := range held {
				l.until(lane, "the proxy holds them", func(e evidence) bool { return e.Proxy.Held > 0 })
				l.notes[lane+" few"] = l.look(lane)
			}
			l.command("source", fmt.Sprintf(`{ size: %d }`, size))
			inTurn(l, lane, 6)
			for _, lane := range held {
				l.until(lane, "the buffer is full", func(e evidence) bool { return len(e.seen("event", "")) >= 6 })
			}
			l.note(held...)
			l.push("buffer", pressAlways)
			l.command("source", `{ size: 64 }`)
		},
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "works",
			says:  "Works: every answer is complete, and so nothing holds it back.",
			check: func(s *sight) { atOnce(s, 9) },
		}, {
			lane:  "httpstream",
			brief: "late, in bursts",
			says:  "Late, and in bursts: nothing comes until the buffer is full, then many events at once. No error, and nothing lost.",
			check: late,
		}, {
			lane:  "sse",
			brief: "late, in bursts",
			says:  "Late, and in bursts; EventSource says OPEN all the time.",
			check: late,
		}, {
			lane:  "websocket",
			brief: "works",
			says:  "Works: after 101 the connection is not HTTP any more, and passes as it is.",
			check: func(s *sight) { atOnce(s, 9) },
		}},
	}
}

func realNginx() faultRow {
	late := func(s *sight) {
		e := s.notes[s.lane+" few"]
		s.check(e.State == "connecting" && len(e.seen("response", "")) == 0, "not even the head of the answer comes", e)
		s.check(len(e.States) == 0 || e.States[len(e.States)-1].Reason == "", "there is no error", e)
		s.check(len(e.Streams) == 1 && e.Streams[0].Cursor == e.Head, "the server believes that all is delivered", e)
		e = s.notes[s.lane]
		s.check(together(e.seen("event", "")) >= 5, "they came together", e)
		e = s.notes[s.lane+" obeyed"]
		s.check(e.State == "open" && len(e.replayed()) > 0, "the header turned buffering off, and what had hung in nginx was replayed", e)
	}
	prompt := func(s *sight) {
		atOnce(s, 10)
		e := s.notes[s.lane+" obeyed"]
		s.check(e.State == "open" && len(e.seen("event", "")) >= 11, "the header changes nothing", e)
	}
	return faultRow{
		name: "nginx", title: "Buffering proxy (nginx)",
		does:         "A real nginx stands before the server, with `proxy_buffering on` and `proxy_ignore_headers X-Accel-Buffering`. It talks to the server by HTTP/1.0, as it does by default up to 1.29.6. Putting it between cuts all connections. At the end it obeys `X-Accel-Buffering: no`.",
		faultSetting: faultSetting{heartbeat: -1},
		tolerated:    []string{networkErrors, socketErrors},
		strike: func(l *learner, lane string) {
			l.press(lane, "buffer", pressAlways, `Object.keys(pushlab.lab.state.nginx).length === 4`)
			streams := []string{"httpstream", "sse"}
			for _, lane := range streams {
				l.until(lane, "the server has its request", func(e evidence) bool { return len(e.seen("request", "GET")) > 0 && len(e.Streams) == 1 })
			}
			l.open("longpoll", "websocket")
			l.since = run[float64](l.page, `pushlab.lab.now()`)
			inTurn(l, lane, 3)
			for _, lane := range streams {
				l.until(lane, "the server has sent them", func(e evidence) bool { return len(e.Streams) == 1 && e.Streams[0].Cursor == e.Head })
				l.notes[lane+" few"] = l.look(lane)
			}
			l.command("source", `{ size: 700 }`)
			inTurn(l, lane, 6)
			for _, lane := range streams {
				l.until(lane, "the buffer is full", func(e evidence) bool { return e.State == "open" && len(e.seen("event", "")) >= 5 })
			}
			l.command("source", `{ size: 64 }`)
			inTurn(l, lane, 1) // which hangs in nginx
			l.note(streams...)
			l.command("nginx", `{ lane: "all", on: true, buffering: true, obeyAccel: true }`)
			for _, lane := range transports {
				l.until(lane, "all is there", func(e evidence) bool { return e.State == "open" && e.has(*l.last) })
			}
			inTurn(l, lane, 1)
			for _, lane := range transports {
				l.notes[lane+" obeyed"] = l.until(lane, "it comes at once", func(e evidence) bool {
					events := e.seen("event", "")
					return len(events) > 0 && events[len(events)-1].ID == *l.last && e.has(*l.last)
				})
			}
		},
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "works",
			says:  "Works: nginx passes an answer on when it is complete.",
			check: prompt,
		}, {
			lane:  "httpstream",
			brief: "late, in bursts",
			says:  "Not even the head of the answer comes: `fetch` does not settle, while the server believes that it has delivered. After 4 KiB all of that comes at once, and then nothing, again. `X-Accel-Buffering: no`, where nginx obeys it, cures it, and what had hung in nginx is replayed.",
			check: late,
		}, {
			lane:  "sse",
			brief: "late, in bursts",
			says:  "EventSource stays CONNECTING, without an `error`, while the server believes that it has delivered; after 4 KiB a burst. `X-Accel-Buffering: no`, where nginx obeys it, cures it, and what had hung in nginx is replayed.",
			check: late,
		}, {
			lane:  "websocket",
			brief: "works",
			says:  "Works, where nginx is configured to pass `Upgrade` on: after 101 it copies both ways.",
			check: prompt,
		}},
	}
}

func badGateway() faultRow {
	// status checks what the client made of both.
	status := func(s *sight, reason ...string) {
		for i, code := range []string{"502", "503"} {
			e := s.notes[s.lane+" "+code]
			s.check(len(e.said(reason[i])) >= i+1, "it says "+reason[i], e)
			s.check(s.lane == "sse" || grow(e.pauses()), "the pauses grow", e)
		}
	}
	return faultRow{
		name: "bad-gateway", title: "502, then 503",
		does:         "Streams are cut, and the proxy answers the next request with 502 by itself, as one does whose server is away; later the next two with 503.",
		faultSetting: faultSetting{shorter: [][2]string{{"502/3x", "502/1x"}, {"503/3x", "503/2x"}}},
		tolerated:    []string{networkErrors, socketErrors, badStatus},
		strike: func(l *learner, lane string) {
			for _, answer := range [][2]string{{"bad-gateway", "502"}, {"unavailable", "503"}} {
				fault, code := answer[0], answer[1]
				l.strike(lane, fault, pressOnce, 2)
				for _, lane := range l.lanes(lane) {
					l.notes[lane+" "+code] = l.until(lane, "it has got over "+code, func(e evidence) bool {
						return len(e.seen("response", code)) > 0 && e.State == "open" && e.has(*l.last) && len(e.replayed()) > 0
					})
				}
			}
		},
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "sees the status; tries again",
			says:  "The status is seen. Our client asks again after growing pauses, and resumes.",
			check: func(s *sight) { status(s, "HTTP 502", "HTTP 503") },
		}, {
			lane:  "httpstream",
			brief: "sees the status; tries again",
			says:  "The status is seen. Our client asks again after growing pauses, and resumes.",
			check: func(s *sight) { status(s, "HTTP 502", "HTTP 503") },
		}, {
			lane:  "sse",
			brief: "EventSource ends for good",
			says:  "After any answer but 200 EventSource is CLOSED for good, and does not say which it was. Our client makes a new one, with the place in the query; a page with a plain EventSource gets nothing any more.",
			check: func(s *sight) {
				status(s, "the answer was no event stream", "the answer was no event stream")
				s.renews()
				closesForGood(s, "unavailable")
			},
		}, {
			lane: "sse", client: "fetch",
			says:  "The status is seen, and waited out.",
			check: func(s *sight) { status(s, "HTTP 502", "HTTP 503") },
		}, {
			lane:  "websocket",
			brief: "close 1006; tries again",
			says:  "The handshake fails: `close` with code 1006. No script gets to see the status. Our client tries again after growing pauses, and resumes.",
			check: func(s *sight) { status(s, "closed with 1006", "closed with 1006") },
		}},
	}
}

// closesForGood checks that a plain EventSource never comes back after a fault, while the lane does.
func closesForGood(s *sight, fault string) {
	s.t.Helper()
	run[chromedp.Void](s.page, `listen()`)
	s.wait(`plain.opened === 1`)
	// Its own request has to be one of those that are answered.
	run[chromedp.Void](s.page, `pushlab.lanes.get("sse").close()`)
	s.until("only the plain one is left", func(e evidence) bool { return len(e.Streams) == 1 })
	s.strike("sse", fault, pressOnce, 0)
	s.wait(`plain.readyState === EventSource.CLOSED`)
	if got := run[[]int](s.page, `[plain.opened, plain.errors]`); fmt.Sprint(got) != "[1 2]" {
		s.t.Errorf("the plain EventSource has told %v opens and errors; the cut, and the end for good", got)
	}
	run[chromedp.Void](s.page, `pushlab.lanes.get("sse").open()`)
	s.learner.open("sse")
	s.step(1)
	s.proven("sse")
	if got := run[[]int](s.page, `[plain.readyState, plain.errors, plain.events]`); fmt.Sprint(got) != "[2 2 0]" {
		s.t.Errorf("readyState, errors and events of the plain EventSource are %v", got)
	}
	e := s.until("both have asked", func(e evidence) bool { return len(e.seen("request", "GET /sse")) >= 2 })
	plain := slices.DeleteFunc(e.seen("request", "GET /sse"), func(i faultItem) bool { return i.Label != "GET /sse" })
	s.check(len(plain) == 1, "the plain EventSource has asked once more, and then never again", e)
}

// startsAgain checks that a lane has stopped for good, and starts it.
func startsAgain(s *sight, reason string) {
	s.t.Helper()
	e := s.says(reason)
	s.check(e.State == "closed", "it has stopped", e)
	labPress(s.page, `.card[data-lane=sse] .toggle`)
	s.learner.open("sse")
	s.resumes()
	s.replays()
}

func wrongType() faultRow {
	return faultRow{
		name: "wrong-type", title: "Wrong content type",
		does:      "Streams are cut, and the proxy answers the next request with 200 and `text/html`: the page of a hotel's network, or of a login.",
		tolerated: []string{networkErrors, socketErrors, "MIME type", "Unexpected response code: 200"},
		strike: func(l *learner, lane string) {
			l.strike(lane, "type", pressOnce, 2)
		},
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "stumbles; tries again",
			says:  "The status is 200, and our client does not look at the type: it stumbles over the content, which is no JSON, asks again, and resumes.",
			check: func(s *sight) {
				s.says("Unexpected")
				s.sees("response", "200 OK, text/html")
				s.resumes()
				s.replays()
			},
		}, {
			lane:  "httpstream",
			brief: "stumbles; tries again",
			says:  "Our client takes the first line for an event, and stumbles over it, since it is no JSON. It asks again, and resumes.",
			check: func(s *sight) {
				s.says("Unexpected")
				s.sees("response", "200 OK, text/html")
				s.resumes()
				s.replays()
			},
		}, {
			lane:  "sse",
			brief: "EventSource ends for good",
			says:  "EventSource looks at the type, and is CLOSED for good. Our client makes a new one; a page with a plain EventSource gets nothing any more.",
			check: func(s *sight) {
				s.says("the answer was no event stream")
				s.sees("response", "200 OK, text/html")
				s.renews()
				s.replays()
				closesForGood(s, "type")
			},
		}, {
			lane: "sse", client: "fetch",
			says:  "Stops for good, and says why (“the answer is text/html, no event stream”): whoever answers so is not whom we asked. Somebody has to start the lane again; then it resumes.",
			check: func(s *sight) { startsAgain(s, "the answer is text/html, no event stream") },
		}, {
			lane:  "websocket",
			brief: "close 1006; tries again",
			says:  "The handshake fails, since the answer is not 101: `close` with code 1006. Our client tries again, and resumes.",
			check: func(s *sight) {
				s.until("it fails twice", func(e evidence) bool { return len(e.said("closed with 1006")) >= 2 })
				s.sees("response", "200 OK, text/html")
				s.resumes()
				s.replays()
			},
		}},
	}
}

func noContent() faultRow {
	return faultRow{
		name: "no-content", title: "204 No Content",
		does:      "Streams are cut, and the proxy answers the next request with 204.",
		tolerated: []string{networkErrors, socketErrors, "Unexpected response code: 204"},
		strike: func(l *learner, lane string) {
			l.strike(lane, "no-content", pressOnce, 2)
		},
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "not believed; tries again",
			says:  "An everyday answer: nothing new. But this one lacks the cursor that ours have, so our client does not believe it, asks again after a pause, and resumes.",
			check: func(s *sight) {
				s.says("an answer without a cursor")
				s.resumes()
				s.replays()
			},
		}, {
			lane:  "httpstream",
			brief: "no stream; tries again",
			says:  "No stream (“HTTP 204”). Our client asks again after a pause, and resumes.",
			check: func(s *sight) {
				s.says("HTTP 204")
				s.resumes()
				s.replays()
			},
		}, {
			lane:  "sse",
			brief: "EventSource ends for good",
			says:  "It is how a server tells an EventSource to stop: CLOSED for good, and no request follows. Our client cannot tell it from other refusals, and makes a new one all the same.",
			check: func(s *sight) {
				s.says("the answer was no event stream")
				s.renews()
				s.replays()
				closesForGood(s, "no-content")
			},
		}, {
			lane: "sse", client: "fetch",
			says:  "Sees the status, and stops (“HTTP 204”), as it is meant. Somebody has to start the lane again; then it resumes.",
			check: func(s *sight) { startsAgain(s, "HTTP 204") },
		}, {
			lane:  "websocket",
			brief: "close 1006; tries again",
			says:  "The handshake fails: `close` with code 1006. Our client tries again, and resumes.",
			check: func(s *sight) {
				s.until("it fails twice", func(e evidence) bool { return len(e.said("closed with 1006")) >= 2 })
				s.sees("response", "204")
				s.resumes()
				s.replays()
			},
		}},
	}
}
