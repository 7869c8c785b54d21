package web_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// The line, and the browser itself.

func splitBytes() faultRow {
	// whole checks that the events come as they were sent. read is a function that brings five of them as one text.
	whole := func(s *sight, read string) {
		s.t.Helper()
		e := s.until("five events were many segments", func(e evidence) bool { return e.Totals.SegmentsOut-s.notes[s.lane].Totals.SegmentsOut >= 50 })
		s.check(len(e.States) == 0, "nothing was noticed", e)
		got := run[string](s.page, fmt.Sprintf(`(%s)(pushlab.lab.laneURL(%q) + "?after=%s")`, read, s.lane, s.head))
		for n := sequence(s.head) + 1; n <= sequence(s.head)+5; n++ {
			if event := fmt.Sprint(n, "🙂🙃😀🚀🌍🐙🧪🔌🙂🙃😀🚀🌍🐙🧪."); !strings.Contains(got, event) { // see lab.Source
				s.t.Errorf("%s: %s has no %s", s.lane, got, event)
			}
		}
	}
	return faultRow{
		name: "split", title: "Split bytes",
		does: "The proxy writes each byte by itself, those in the middle of a character too, of events full of emoji. TCP keeps bytes and their order, and promises nothing about their grouping.",
		strike: func(l *learner, lane string) {
			l.command("source", `{ kind: "emoji" }`)
			l.strike(lane, "split", pressAlways, 0)
			l.note(transports...)
			for range 5 {
				l.step(1)
			}
			l.proven(transports...)
		},
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "works",
			says:  "Works: `response.json()` waits for the whole body.",
			check: func(s *sight) {
				whole(s, `async (url) => (await (await fetch(url + "&wait=0", { cache: "no-store" })).json()).events.map(({ data }) => data).join(" ")`)
			},
		}, {
			lane:  "httpstream",
			brief: "works, if read with care",
			says:  "Works, with a `TextDecoder` that remembers (`stream: true`) and a buffer for the rest of a line. Without them it breaks: whoever takes each read for a text, or for a line, gets “\uFFFD” and half lines.",
			check: func(s *sight) {
				whole(s, `async (url) => {
					const stop = new AbortController();
					const reader = (await fetch(url, { cache: "no-store", signal: stop.signal })).body.getReader();
					const decoder = new TextDecoder();
					let text = "";
					while (text.split("\n").length < 7) text += decoder.decode((await reader.read()).value, { stream: true });
					stop.abort();
					return text;
				}`)

				// Each read for itself, as one should not; with pauses, so that the browser gets the bytes as they are.
				run[chromedp.Void](s.page, `(async () => {
					window.naive = { reads: 0, broken: 0, characters: 0, text: "" };
					const reader = (await fetch(pushlab.lab.laneURL("httpstream"), { cache: "no-store" })).body.getReader();
					await reader.read();
					(async () => {
						while (!/"lab".*\n$/.test(naive.text)) {
							const text = new TextDecoder().decode((await reader.read()).value);
							naive.text += text;
							naive.reads++;
							if (text.includes("\uFFFD")) naive.characters++;
							try { JSON.parse(text); } catch { naive.broken++; }
						}
						reader.cancel();
						naive.over = true;
					})();
				})()`)
				s.command("fault", `{ lane: "httpstream", set: "down:split=1B/5ms" }`)
				s.step(1)
				s.wait(`naive.over`)
				naive := run[string](s.page, `JSON.stringify(naive)`)
				if !run[bool](s.page, `naive.reads > 5 && naive.broken > 5 && naive.characters > 0`) {
					s.t.Errorf("read in the naive way: %s", naive)
				}
				s.command("fault", `{ lane: "httpstream", set: "none" }`)
			},
		}, {
			lane:  "sse",
			brief: "works",
			says:  "Works: EventSource decodes the stream as one text, and waits for the blank line.",
			check: func(s *sight) {
				whole(s, `(url) => new Promise((resolve) => {
					const source = new EventSource(url);
					const seen = [];
					source.onmessage = ({ data }) => {
						if (seen.push(data) < 5) return;
						source.close();
						resolve(seen.join(" "));
					};
				})`)
			},
		}, {
			lane:  "websocket",
			brief: "works",
			says:  "Works: a frame says how long it is, and the page gets whole messages only.",
			check: func(s *sight) {
				whole(s, `(url) => new Promise((resolve) => {
					const socket = new WebSocket(url.replace("http", "ws"), "pushlab.v1");
					const seen = [];
					socket.onmessage = ({ data }) => {
						if (seen.push(data) < 6) return; // the first is $open
						socket.close();
						resolve(seen.join(" "));
					};
				})`)
			},
		}},
	}
}

// Places for further streams, by their button on the panel.
const (
	oneHost = iota + 1
	separateHosts
	http2
)

// byPanel opens streams with the buttons of the panel, and waits until so many are open.
func byPanel(s *sight, kind, place, open int) {
	s.t.Helper()
	labPress(s.page, fmt.Sprintf(`push-streams .switch:nth-of-type(1) label:nth-of-type(%d) input`, kind))
	labPress(s.page, fmt.Sprintf(`push-streams .switch:nth-of-type(2) label:nth-of-type(%d) input`, place))
	labPress(s.page, `push-streams .row:nth-of-type(2) button`)
	s.wait(fmt.Sprintf(`document.querySelectorAll("push-streams .places [data-state=open]").length === %d`, open))
}

// ask asks the same host for something small, and checks whether the answer comes though the streams are open.
func ask(s *sight, answered bool) {
	s.t.Helper()
	labPress(s.page, `push-streams .row:nth-of-type(2) button:nth-of-type(2)`)
	if answered {
		s.wait(`/^answered after/.test(document.querySelector("push-streams .row:nth-of-type(2) .small")?.textContent)`)
		return
	}
	s.wait(`/^asked (\d{3} ms|\d.* s) ago, no answer yet/.test(document.querySelector("push-streams .row:nth-of-type(2) .small")?.textContent)`)
}

// leave checks that of the streams so many wait and none has failed, and closes them.
func leave(s *sight, waiting int) {
	s.t.Helper()
	got := run[[]int](s.page, `["waiting", "failed"].map((state) => document.querySelectorAll("push-streams .places [data-state=" + state + "]").length)`)
	if fmt.Sprint(got) != fmt.Sprint([]int{waiting, 0}) {
		s.t.Errorf("%s: %v wait and have failed, want %d and none", s.lane, got, waiting)
	}
	labPress(s.page, `push-streams .row:nth-of-type(2) button:nth-of-type(1)`)
	s.wait(`!document.querySelector("push-streams .places")`)
	s.until("only the lane's own is left", func(e evidence) bool { return len(e.Streams) == 1 })
}

func sevenStreams() faultRow {
	// What fetch does is not on the panel.
	const script = `(lane, places, query) => {
		window.stop = new AbortController();
		window.answers = places.map((place) => {
			const url = pushlab.lab.laneURL(lane, "/" + lane + query, place);
			const answer = { status: 0, failed: false };
			fetch(url, { cache: "no-store", signal: stop.signal }).then(
				({ status }) => { answer.status = status; },
				() => { answer.failed = !stop.signal.aborted; });
			return answer;
		});
	}`
	places := map[int]string{oneHost: `Array(7).fill({})`, separateHosts: `Array.from({ length: 7 }, (_, i) => ({ host: "s" + i }))`, http2: `Array(7).fill({ h2: true })`}
	fetches := func(s *sight, place int, query string) {
		s.t.Helper()
		s.since = run[float64](s.page, `pushlab.lab.now()`)
		run[chromedp.Void](s.page, fmt.Sprintf(`(%s)(%q, %s, %q)`, script, s.lane, places[place], query))
	}
	answered := func(s *sight, n int) {
		s.t.Helper()
		s.wait(fmt.Sprintf(`answers.filter(({ status }) => status === 200).length === %d && !answers.some(({ failed }) => failed)`, n))
	}
	// further asks the lane's host, or another place, for something small, and tells whether it gets an answer.
	further := func(s *sight, place string) string {
		s.t.Helper()
		return run[string](s.page, fmt.Sprintf(`(() => {
			window.further = "waits";
			const answer = fetch(pushlab.lab.laneURL(%q, "/healthz", %s), { cache: "no-store" }).then(() => { further = "answered"; });
			return Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 500))]).then(() => further);
		})()`, s.lane, place))
	}
	// full checks that five are out, beside the lane's own, and that nothing else gets through to the host.
	full := func(s *sight, request string) {
		s.t.Helper()
		s.until("five have left the browser", func(e evidence) bool {
			return len(e.seen("request", request)) == 5 && len(e.Streams) == 6 && e.Proxy.Open == 6
		})
		if got := further(s, "{}"); got != "waits" {
			s.t.Errorf("%s: a further request to the host: %s", s.lane, got)
		}
		e := s.look(s.lane)
		s.check(len(e.seen("request", request)) == 5 && e.Proxy.Open == 6, "still five have left the browser", e)
	}
	return faultRow{
		name: "seven-streams", title: "Seven more streams",
		does: "Seven streams are opened beside the lane's own, to the same host, then each to a host of its own, then over HTTP/2. Over HTTP/1.1 Chromium opens six connections to a host; the lane has one of them.",
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "two wait, without a word",
			says:  "Five polls go out, two wait, without a word: `fetch` does not settle. When the answers come, those that waited go out. On separate hosts, or over HTTP/2, all seven go out at once.",
			check: func(s *sight) {
				fetches(s, oneHost, "?wait=20")
				full(s, "GET /longpoll?wait=20")
				answered(s, 0)
				s.step(1)
				answered(s, 5)
				s.until("the two others are out", func(e evidence) bool {
					return len(e.seen("request", "GET /longpoll?wait=20")) == 7 && len(e.Streams) == 3
				})
				s.step(1)
				answered(s, 7)
				for _, place := range []int{separateHosts, http2} {
					query := "?wait=20&after=" + *s.last // so that one event answers each, and it does not matter which was first
					fetches(s, place, query)
					if place == separateHosts {
						s.until("all seven are out", func(e evidence) bool { return len(e.seen("request", "GET /longpoll"+query)) == 7 })
					} else if got := further(s, places[http2]+"[0]"); got != "answered" { // what came before it in the connection is out
						s.t.Errorf("over HTTP/2, a further request %s", got)
					}
					answered(s, 0)
					s.step(1)
					answered(s, 7)
				}
			},
		}, {
			lane:  "httpstream",
			brief: "two wait, without a word",
			says:  "Five streams begin, two wait, without an error, for as long as the five go on, and so does every other request to that host. On separate hosts, or over HTTP/2, all seven begin.",
			check: func(s *sight) {
				fetches(s, oneHost, "")
				answered(s, 5)
				full(s, "GET /httpstream")
				answered(s, 5)
				run[chromedp.Void](s.page, `stop.abort()`)
				s.wait(`further === "answered"`)
				for _, place := range []int{separateHosts, http2} {
					s.until("only the lane's own is left", func(e evidence) bool { return len(e.Streams) == 1 })
					fetches(s, place, "")
					answered(s, 7)
					run[chromedp.Void](s.page, `stop.abort()`)
				}
			},
		}, {
			lane:  "sse",
			brief: "two wait, without a word",
			says:  "Five are open, two stay CONNECTING, without an `error`; every other request to that host waits, too, until streams are closed. On separate hosts, or over HTTP/2, all seven are open, and other requests are answered.",
			check: func(s *sight) {
				s.aim("all")
				s.since = run[float64](s.page, `pushlab.lab.now()`)
				byPanel(s, 1, oneHost, 5)
				ask(s, false)
				full(s, "GET /sse")
				leave(s, 2)
				s.wait(`further === "answered"`)
				for _, place := range []int{separateHosts, http2} {
					byPanel(s, 1, place, 7)
					ask(s, true)
					leave(s, 0)
				}
			},
		}, {
			lane:  "websocket",
			brief: "all are open",
			says:  "All seven are open, on one host, too: WebSockets are not counted among the six, and other requests are answered. They are HTTP/1.1 also at the port for HTTP/2.",
			check: func(s *sight) {
				s.aim("all")
				// At the port for HTTP/2, too: asked by that for a WebSocket, the server says 400.
				for _, place := range []int{oneHost, separateHosts, http2} {
					byPanel(s, 2, place, 7)
					ask(s, true)
					leave(s, 0)
				}
			},
		}},
	}
}

func hiddenTab() faultRow {
	// goesOn checks what was seen while the tab was hidden, and that the client says how the cut came.
	goesOn := func(s *sight, cut string) {
		e := s.notes[s.lane]
		for _, event := range s.notes[s.lane+" events"].seen("event", "") {
			s.check(event.Received > 0 && event.Received-event.Published < 900, "they were not late", e)
		}
		s.check(cut == "" || len(e.said(cut)) > 0, "it was cut", e)
	}
	return faultRow{
		name: "hidden", title: "Hidden tab",
		does: "Another tab covers the page. Chromium then wakes the page's timers once a second, and draws nothing. (After five minutes it is once a minute, as its makers say; the test does not wait for that.) " +
			"Events are published, the streams are cut with FIN, and three more are published, before the page is seen again. The lanes' clients run in workers.",
		faultSetting: faultSetting{heartbeat: time.Second},
		tolerated:    []string{networkErrors},
		strike: func(l *learner, lane string) {
			other, cancel := chromedp.NewContext(l.ctx, chromedp.WithNewWindow(false))
			defer cancel()
			if err := chromedp.Do(other, chromedp.Navigate("about:blank")); err != nil {
				l.t.Fatal(err)
			}
			if state := run[string](l.page, `document.visibilityState`); state != "hidden" {
				l.t.Fatalf("the page is %s", state)
			}
			l.since, l.head = run[float64](l.page, `pushlab.lab.now()`), *l.last
			for n := range 3 {
				l.step(1)
				for _, lane := range transports {
					l.notes[lane+" events"] = l.until(lane, "the event is there", func(e evidence) bool {
						return e.has(*l.last) && len(e.seen("event", "")) == n+1
					})
				}
			}
			// The first may be just in time for the second in which it was set.
			took := run[float64](l.page, `new Promise((resolve) => {
				window.drawn = false;
				requestAnimationFrame(() => { drawn = true; });
				const begin = performance.now();
				setTimeout(() => setTimeout(() => resolve(performance.now() - begin), 10), 10);
			})`)
			if took < 900 {
				l.t.Errorf("two timers of 10 ms took %v ms", took)
			}
			if run[bool](l.page, `drawn`) {
				l.t.Error("something was drawn")
			}
			l.until("websocket", "a ping was answered", func(e evidence) bool { return len(e.seen("pong", "")) > 0 })
			l.command("fault", `{ lane: "all", cut: "fin" }`)
			l.step(3)
			for _, lane := range transports {
				l.notes[lane] = l.until(lane, "it is back", func(e evidence) bool {
					return e.State == "open" && e.has(*l.last) && e.Cursor == e.Head && len(e.seen("fin", "")) > 0
				})
			}
			if state := run[string](l.page, `document.visibilityState`); state != "hidden" {
				l.t.Fatalf("the page is %s already", state)
			}
		},
		cells: []faultCell{{
			lane:  "longpoll",
			brief: "goes on",
			says:  "Goes on: between two polls there is no timer, only a promise.",
			check: func(s *sight) { goesOn(s, "") },
		}, {
			lane:  "httpstream",
			brief: "goes on",
			says:  "Goes on; after the cut our client comes back while the tab is still hidden.",
			check: func(s *sight) { goesOn(s, "network error") },
		}, {
			lane:  "sse",
			brief: "goes on",
			says:  "Goes on; EventSource reconnects while the tab is hidden.",
			check: func(s *sight) { goesOn(s, "EventSource does not say why") },
		}, {
			lane:  "websocket",
			brief: "goes on",
			says:  "Goes on; pings are answered, and our client connects again while the tab is hidden.",
			check: func(s *sight) { goesOn(s, "closed with 1006") },
		}},
	}
}
