package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
)

// TestTrace runs the model of what happened, and its pictures, on a lab that is simulated.
func TestTrace(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, context.Context)
	}{
		{"Order", testTraceOrder},
		{"Bounds", testTraceBounds},
		{"Replays", testTraceReplays},
		{"Arrivals", testTraceArrivals},
		{"Totals", testTraceTotals},
		{"Export", testTraceExport},
		{"ImportRefuses", testTraceImportRefuses},
		{"Latency", testTraceLatency},
		{"Density", testTraceDensity},
		{"Story", testStory},
		{"StoryOrder", testStoryOrder},
		{"StoryOfWhatIsUnknown", testStoryUnknown},
		{"TimelinePlaces", testTimelinePlaces},
		{"TimelineFaults", testTimelineFaults},
		{"TimelinePixels", testTimelinePixels},
		{"TimelineDensity", testTimelineDensity},
		{"TimelineKeys", testTimelineKeys},
		{"TimelinePointer", testTimelinePointer},
		{"TimelineStill", testTimelineStill},
		{"Playback", testPlayback},
		{"Log", testLog},
		{"LogStays", testLogStays},
		{"Cost", testCost},
		{"Idle", testTraceIdle},
		{"Saved", testSavedTrace},
		{"Accessible", testTraceAccessible},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, browser)
		})
	}
}

const tracePage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Trace</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/tokens.css"><link rel="stylesheet" href="/style.css"><link rel="stylesheet" href="/ui/shell.css">
<link rel="stylesheet" href="/ui/timeline.css"><link rel="stylesheet" href="/ui/playback.css">
<link rel="stylesheet" href="/ui/cost.css"><link rel="stylesheet" href="/ui/log.css"><link rel="stylesheet" href="/ui/story.css">
<script type="module" src="/page.js"></script></head><body><div class="shell"><main>
<h1 class="hidden-text">Trace</h1>
<div class="stage"><push-playback></push-playback><push-timeline></push-timeline></div>
<push-detail></push-detail><push-cost></push-cost><push-log id="log"></push-log><push-story></push-story></main></div></body></html>`

// openTrace opens a page with a scene of testdata/trace/page.js.
func openTrace(t *testing.T, browser context.Context, query string) *page {
	t.Helper()
	files, own := http.FileServer(http.Dir("static")), http.FileServer(http.Dir("testdata/trace"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; object-src 'none'")
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte(tracePage))
		case "/page.js", "/simulate.js":
			own.ServeHTTP(w, r)
		default:
			files.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	p := open(t, browser, server.URL+"/?"+query, "willReadFrequently") // which is for those who read pixels, as tests do
	p.do(chromedp.EmulateViewport(1500, 1000))
	p.wait(`window.ready === true`)
	settle(p)
	return p
}

// settle waits until the page has drawn all that it knows: twice, since what is drawn may lay things out anew.
func settle(p *page) {
	p.t.Helper()
	run[chromedp.Void](p, `(async () => {
		app.touch();
		for (let i = 0; i < 3 || document.querySelector("push-timeline").painted.due; i++) await new Promise(requestAnimationFrame);
	})()`)
}

// holds checks that an expression, a promise perhaps, gives no complaint.
func holds(p *page, expression string) {
	p.t.Helper()
	for _, complaint := range run[[]string](p, expression) {
		p.t.Error(complaint)
	}
}

// A storm is a trace that was told of much in disorder: events, requests, marks; times, counts and ids are by chance.
const storm = `
	const wrong = [];
	const check = (condition, ...what) => { if (!condition && wrong.length < 10) wrong.push(what.join(" ")); };
	let seed = 7;
	const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
	const names = ["longpoll", "httpstream", "sse", "websocket"];
	const told = { bytes: {}, published: new Map(), opened: new Map(), received: [] };
	let seq = 0, event = 0, offset = 0;
	function batch(trace, now, n = 40) {
		const records = [], published = [];
		for (let i = 0; i < 5; i++) {
			const id = "abcdefgh-" + ++event, at = Math.max(0, now - random(900));
			published.push({ id, at: at * 1e6, n: 64, topic: "lab" });
			told.published.set(id, at);
		}
		for (let i = 0; i < n; i++) {
			const lane = names[random(4)], conn = 1 + random(6) * 4 + names.indexOf(lane), at = Math.max(0, now - random(400));
			if (!told.opened.has(conn)) {
				told.opened.set(conn, at);
				records.push({ seq: ++seq, lane, conn, kind: "open", at: at * 1e6 });
			}
			const dir = random(3) ? "down" : "up", length = 1 + random(300);
			const id = dir === "down" && random(4) ? "abcdefgh-" + (1 + random(event)) : undefined;
			const kind = id ? "event" : dir === "up" ? "pong" : ["comment", "control", "ping", "message"][random(4)];
			records.push({ seq: ++seq, lane, conn, kind: "bytes", dir, at: at * 1e6, offset, n: length, cost: [random(9), random(9), random(9)],
				messages: [{ kind, dir, offset, length, id, topic: id && "lab", label: kind, exchange: 1, began: at * 1e6, ended: at * 1e6,
					sent: dir === "down" ? Math.max(0, at - random(300)) * 1e6 : undefined }] });
			offset += length;
		}
		trace.add({ now: now * 1e6, records, log: { head: "abcdefgh-" + event, oldest: "abcdefgh-0", events: event, bytes: 0, history: 1e5, published } });
		return records;
	}`

func testTraceOrder(t *testing.T, browser context.Context) {
	holds(openTrace(t, browser, "scene=none"), `(() => {`+storm+`
		const trace = new Trace();
		for (let now = 50; now < 20000; now += 50) {
			batch(trace, now);
			if (random(5) === 0) trace.laneState(names[random(4)], "connecting", "", now - random(2000));
		}
		const { items } = trace;
		check(items.length > 15000, "only", items.length, "items");
		check(items.every((item, i) => i === 0 || items[i - 1].at <= item.at), "items are out of order");
		check(trace.marks.every((item, i, all) => i === 0 || all[i - 1].at <= item.at), "marks are out of order");
		check(new Set(items.map(({ ref }) => ref)).size === items.length, "two items have one ref");
		check(items.every((item) => trace.find(item.ref) === item), "an item is not found by its ref");
		for (let i = 0; i < 200; i++) {
			const from = random(20000), to = from + random(3000);
			const got = trace.range(from, to), want = items.filter(({ at }) => at >= from && at <= to);
			check(got.length === want.length && got.every((item, j) => item === want[j]), "range", from, to);
		}
		const shown = new Set(["sse"]);
		let item = trace.step(null, -1, shown), n = 0;
		check(item === items.findLast(({ lane }) => !lane || lane === "sse"), "the newest is", item?.ref);
		for (; item; item = trace.step(item.ref, -1, shown)) n++;
		check(n === items.filter(({ lane }) => !lane || lane === "sse").length, "stepping back met", n);
		item = trace.step(null, 1, shown);
		for (; item; item = trace.step(item.ref, 1, shown)) n--;
		check(n === 0, "stepping on met", n, "fewer");
		return wrong;
	})()`)
}

func testTraceBounds(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=none")
	holds(p, `(() => {`+storm+`
		const trace = new Trace();
		let most = 0, published = 0;
		for (let now = 50; now < 60000; now += 50) {
			batch(trace, now, 200);
			most = Math.max(most, trace.items.length);
			published = Math.max(published, trace.published.size);
		}
		check(most <= 40000, "held", most, "items");
		check(trace.items.length >= 30000, "holds only", trace.items.length);
		check(trace.find("1.0") === undefined, "the first item is still found");
		check(trace.items.every((item) => trace.find(item.ref) === item), "an item is not found by its ref");
		check(trace.marks.length <= trace.items.length && trace.marks.every((mark) => trace.find(mark.ref) === mark), "a mark outlives its item");
		check(published <= 20000 && published === trace.order.length, "published", published, trace.order.length);
		return wrong;
	})()`)
	holds(p, `(() => {`+storm+`
		const trace = new Trace();
		for (let now = 0; now <= 400000; now += 1000) batch(trace, now, 2);
		const old = trace.now - 300000;
		check(trace.items[0].at >= old - 2000, "the oldest item is", trace.now - trace.items[0].at, "ms old");
		check(trace.items[0].at < old + 10000, "kept only", trace.now - trace.items[0].at, "ms");
		check(trace.order[0].at >= old - 2000, "the oldest publication is", trace.now - trace.order[0].at, "ms old");
		for (let i = 0; i < 3000; i++) {
			trace.add({ now: (400000 + i) * 1e6, records: [{ seq: ++seq, lane: "sse", conn: 1000 + i, kind: "open", at: (400000 + i) * 1e6 },
				{ seq: ++seq, lane: "sse", conn: 1000 + i, kind: "fin", dir: "up", at: (400000 + i) * 1e6 }] });
			trace.laneState("sse", i % 2 ? "open" : "connecting", "again", 400000 + i);
			trace.keep(i, { bytes: "A".repeat(100000) });
		}
		check([...trace.connections("sse")].length <= 2001, "connections", [...trace.connections("sse")].length);
		check(trace.states("sse").length <= 500, "states", trace.states("sse").length);
		check(trace.records.size <= 170 && trace.records.has(2999), "records", trace.records.size);
		check(trace.incidents.list.length <= 100, "incidents", trace.incidents.list.length);
		return wrong;
	})()`)
}

// An event is replayed if it was published before its client had asked: on the connection, or, for long polling, which
// asks all the time, before the connection was opened.
func testTraceReplays(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=none")
	holds(p, `(() => {`+storm+`
		const trace = new Trace();
		for (let now = 50; now < 20000; now += 50) batch(trace, now);
		let replays = 0;
		for (const { kind, conn, id, replay, ref } of trace.items) {
			if (kind !== "event") continue;
			if (replay) replays++;
			check(Boolean(replay) === (told.published.get(id) < told.opened.get(conn)), ref, id, "published", told.published.get(id), "opened", told.opened.get(conn), replay);
		}
		check(replays > 30, "only", replays, "replays");
		return wrong;
	})()`)
	// The publication may be told after the event, and a browser may open a connection long before it asks.
	holds(p, `(() => {
		const trace = new Trace(), ns = (ms) => ms * 1e6, wrong = [];
		const event = (lane, conn, id, at) => ({ seq: at, lane, conn, kind: "bytes", dir: "down", at: ns(at), offset: 0, n: 9,
			messages: [{ kind: "event", dir: "down", offset: at, length: 9, id, label: "x", exchange: 1, began: ns(at), ended: ns(at) }] });
		trace.add({ now: ns(100), log: { head: "e-5", oldest: "e-0", published: [{ id: "e-5", at: ns(50), n: 1, topic: "t" }] }, records: ["sse", "longpoll"].flatMap((lane, i) => [
			{ seq: 10 * i + 1, lane, conn: i + 1, kind: "open", at: ns(10) },
			{ seq: 10 * i + 2, lane, conn: i + 1, kind: "bytes", dir: "up", at: ns(60), offset: 0, n: 9, messages: [{ kind: "request", dir: "up", offset: 0, length: 9, label: "GET /", exchange: 1, began: ns(60), ended: ns(60) }] }]) });
		trace.add({ now: ns(200), records: [event("sse", 1, "e-5", 110), event("longpoll", 2, "e-5", 111), event("sse", 1, "e-6", 120), event("sse", 1, "e-2", 130)] });
		const flags = () => trace.items.filter(({ kind }) => kind === "event").map(({ lane, id, replay }) => lane + id + Boolean(replay)).join(" ");
		if (flags() !== "ssee-5true longpolle-5false ssee-6false ssee-2true") wrong.push(flags());
		trace.add({ now: ns(250), log: { head: "e-6", oldest: "e-0", published: [{ id: "e-6", at: ns(55), n: 1, topic: "t" }] } });
		if (flags() !== "ssee-5true longpolle-5false ssee-6true ssee-2true") wrong.push("late: " + flags());
		if (trace.totals("sse").replays !== 3) wrong.push("replays: " + trace.totals("sse").replays);
		return wrong;
	})()`)
}

// What the page has got is told before or after the tap's record of it; what the client sent arrives before or after.
func testTraceArrivals(t *testing.T, browser context.Context) {
	holds(openTrace(t, browser, "scene=none"), `(() => {
		const trace = new Trace(), ns = (ms) => ms * 1e6, wrong = [];
		const same = (what, got, want) => { if (got !== want) wrong.push(what + ": " + got + ", want " + want); };
		const record = (at, dir, offset, message) => ({ seq: at, lane: "sse", conn: 1, kind: "bytes", dir, at: ns(at), offset, n: 10,
			messages: [{ dir, offset, length: 10, label: "x", exchange: 1, began: ns(at), ended: ns(at), ...message }] });
		trace.received("sse", [{ id: "e-1", topic: "t", at: 21 }]);
		trace.add({ now: ns(100), arrived: [{ conn: 1, offset: 10, at: ns(30) }], log: { head: "e-2", oldest: "e-0", published: [{ id: "e-1", at: ns(15), n: 1 }, { id: "e-2", at: ns(25), n: 1 }] },
			records: [{ seq: 1, lane: "sse", conn: 1, kind: "open", at: ns(1) }, record(10, "up", 0, { kind: "request" }), record(20, "down", 0, { kind: "event", id: "e-1", sent: ns(18) }),
				record(26, "down", 10, { kind: "event", id: "e-2", sent: ns(25) }), record(40, "up", 10, { kind: "pong" }), record(41, "up", 20, { kind: "pong" })] });
		trace.received("sse", [{ id: "e-2", topic: "t", at: 27 }]);
		trace.add({ now: ns(150), arrived: [{ conn: 1, offset: 25, at: ns(60) }] });
		trace.add({ now: ns(170), arrived: [{ conn: 1, offset: 30, at: ns(70) }] });
		same("told before", trace.byId("sse", "e-1").received, 21);
		same("told after", trace.byId("sse", "e-2").received, 27);
		same("sent", trace.byId("sse", "e-1").sent, 18);
		same("arrived", trace.find("10.0").sent, 30);
		same("first pong", trace.find("40.0").sent, 60);
		same("second pong", trace.find("41.0").sent, 70);
		same("latency", JSON.stringify(trace.latency("sse")), JSON.stringify({ n: 2, p50: 2, p99: 6 }));
		// The same event again, after a cut that took the first one away: what the page told is of the second.
		trace.received("sse", [{ id: "e-3", topic: "t", at: 305 }]);
		trace.add({ now: ns(400), records: [record(200, "down", 20, { kind: "event", id: "e-3" }), record(300, "down", 30, { kind: "event", id: "e-3" })] });
		same("the one that was lost", trace.find("200.0").received, undefined);
		same("the one that came", trace.find("300.0").received, 305);
		// A page that does not know the lab's clock yet tells nonsense.
		trace.laneState("sse", "open", "", 1.7e12);
		same("a time without sense", trace.items.at(-1).at, 400);
		return wrong;
	})()`)
}

func testTraceTotals(t *testing.T, browser context.Context) {
	holds(openTrace(t, browser, "scene=none"), `(() => {`+storm+`
		const trace = new Trace(), records = [];
		for (let now = 50; now < 5000; now += 50) records.push(...batch(trace, now));
		for (const lane of names) {
			const own = records.filter((record) => record.lane === lane), totals = trace.totals(lane);
			const sum = (of) => own.reduce((all, record) => all + (of(record) ?? 0), 0);
			check(totals.up === sum((r) => r.dir === "up" && r.n), lane, "up", totals.up);
			check(totals.down === sum((r) => r.dir === "down" && r.n), lane, "down", totals.down);
			check(totals.head === sum((r) => r.cost?.[0]) && totals.headUp + totals.headDown === totals.head, lane, "head", totals.head);
			check(totals.framing === sum((r) => r.cost?.[1]), lane, "framing", totals.framing);
			check(totals.payload === sum((r) => r.cost?.[2]), lane, "payload", totals.payload);
			check(totals.events === own.filter((r) => r.messages?.[0].kind === "event").length, lane, "events", totals.events);
			check(totals.connections === own.filter((r) => r.kind === "open").length, lane, "connections", totals.connections);
		}
		trace.reset();
		check(Object.values(trace.totals("sse")).every((n) => n === 0), "after reset", JSON.stringify(trace.totals("sse")));
		// The kernel counts from the beginning of a connection, and each record tells how far it is.
		const count = (seq, conn, info) => trace.add({ now: 6e9, records: [{ seq, lane: "sse", conn, kind: "bytes", dir: "down", at: 6e9, n: 1, info }] });
		count(900001, 801, [3, 4, 1, 1, 0, 5, 0]);
		count(900002, 802, [5, 5, 1, 1, 0, 5, 0]);
		count(900003, 801, [10, 9, 1, 1, 2, 5, 0]);
		const { segments, segmentsOut, segmentsIn, retransmits } = trace.totals("sse");
		check(segments === 29 && segmentsOut === 15 && segmentsIn === 14 && retransmits === 2, "segments", segments, segmentsOut, segmentsIn, retransmits);
		return wrong;
	})()`)
}

func testTraceExport(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=none")
	for _, scene := range []string{"mix", "hole", "restart", "gap", "buffer"} {
		holds(p, `(() => {
			play("`+scene+`");
			const { trace } = app, wrong = [];
			trace.keep(3, { record: { seq: 3 }, from: 0, bytes: "AAAA" });
			const saved = JSON.stringify(trace.export());
			const back = Trace.import(JSON.parse(saved));
			if (JSON.stringify(back.export()) !== saved) wrong.push("what comes back is not what was saved");
			if (back.live) wrong.push("it is live");
			back.add({ now: 1e15, records: [{ seq: 1, lane: "sse", conn: 1, kind: "open", at: 1e15 }] });
			back.received("sse", [{ id: "e-1", at: 5 }]);
			back.laneState("sse", "closed", "", 5);
			if (JSON.stringify(back.export()) !== saved) wrong.push("it can be changed");
			for (const lane of ["longpoll", "httpstream", "sse", "websocket"]) {
				for (const what of ["latency", "totals"]) {
					if (JSON.stringify(back[what](lane)) !== JSON.stringify(trace[what](lane))) wrong.push(lane + ": another " + what);
				}
				const holds = (of) => { const seen = []; of.holds(lane, 0, of.now, (r, from, to) => seen.push([r.ref, from, to])); return JSON.stringify(seen); };
				if (holds(back) !== holds(trace)) wrong.push(lane + ": other holds: " + holds(back) + " " + holds(trace));
			}
			const ids = (of) => [...of.published.keys()].join();
			if (ids(back) !== ids(trace)) wrong.push("other publications");
			if (back.byId("sse", trace.order[0].id)?.ref !== trace.byId("sse", trace.order[0].id)?.ref) wrong.push("byId finds another");
			if (back.records.get(3)?.bytes !== "AAAA") wrong.push("the record is gone");
			return wrong;
		})()`)
	}
	holds(p, `(() => {`+storm+`
		const trace = new Trace();
		for (let now = 50; now < 30000; now += 50) batch(trace, now, 100);
		const saved = JSON.stringify(trace.export());
		check(JSON.stringify(Trace.import(JSON.parse(saved)).export()) === saved, "a large one does not come back");
		return wrong;
	})()`)
}

// A file may hold anything.
func testTraceImportRefuses(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=mix")
	for _, change := range []string{
		`null`, `[]`, `"x"`, `({})`,
		`{ ...good, format: "other" }`, `{ ...good, version: 2 }`, `{ ...good, now: "5" }`, `{ ...good, now: null }`,
		`{ ...good, items: {} }`, `{ ...good, items: [null] }`, `{ ...good, items: [{ ref: 1, kind: "event", at: 1 }] }`,
		`{ ...good, items: [...good.items].reverse() }`,
		`{ ...good, items: [{ ...good.items[0], lane: "carrier pigeon" }] }`,
		`{ ...good, items: [{ ...good.items[0], label: { toString: 1 } }] }`,
		`{ ...good, items: [{ ...good.items[0], sent: "soon" }] }`,
		`{ ...good, items: Array.from({ length: 40001 }, () => good.items[0]) }`,
		`{ ...good, published: [{ id: 3, at: 3 }] }`, `{ ...good, spans: [{}] }`, `{ ...good, connections: [{ conn: 1, lane: "x", opened: 1 }] }`,
		`{ ...good, lanes: {} }`, `{ ...good, lanes: { ...good.lanes, sse: { states: [], totals: { events: "many" } } } }`,
		`{ ...good, log: null }`, `{ ...good, incidents: "none" }`, `{ ...good, records: [1] }`, `{ ...good, log: { head: 7 } }`,
		`{ ...good, incidents: [{ kind: "break", lane: "nowhere", at: 1 }] }`,
	} {
		if got := run[string](p, `(() => {
			const good = JSON.parse(JSON.stringify(app.trace.export()));
			try {
				Trace.import(`+change+`);
				return "taken";
			} catch (error) {
				return error.constructor === Error ? "" : error.constructor.name + ": " + error.message;
			}
		})()`); got != "" {
			t.Errorf("%s: %s", change, got)
		}
	}
}

func testTraceLatency(t *testing.T, browser context.Context) {
	holds(openTrace(t, browser, "scene=none"), `import("/lab/latency.js").then(({ Latencies, Series }) => {
		const wrong = [];
		const latencies = new Latencies(), series = new Series(300), all = [], seconds = new Map();
		let seed = 3;
		const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
		for (let i = 0; i < 5000; i++) {
			const ms = random(100000) / (1 + random(1000)), at = 1000 * random(400);
			latencies.add(ms);
			all.push(ms);
			if (all.length > 1000) all.shift();
			series.add(at, ms);
			const second = at / 1000;
			const newer = Math.max(...[...seconds.keys()].filter((other) => other % 300 === second % 300), -1);
			if (newer <= second) {
				if (newer < second) seconds.delete(newer);
				seconds.set(second, [...(seconds.get(second) ?? []), ms]);
			}
			const sorted = [...all].sort((a, b) => a - b);
			for (const q of [0, 0.5, 0.99, 1]) {
				const want = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
				if (latencies.quantile(q) !== want) wrong.push("after " + i + ", " + q + ": " + latencies.quantile(q) + ", want " + want);
			}
			if (wrong.length) return wrong;
		}
		for (const [second, values] of seconds) {
			const { n, p50, p99 } = series.at(second);
			const sorted = values.sort((a, b) => a - b);
			if (n !== values.length) wrong.push("second " + second + " has " + n + ", want " + values.length);
			for (const [got, q] of [[p50, 0.5], [p99, 0.99]]) {
				const want = sorted[Math.ceil(q * sorted.length) - 1];
				if (want > 0.05 && Math.abs(got / want - 1) > 0.06) wrong.push("second " + second + ", " + q + ": " + got + ", want about " + want);
			}
		}
		if (series.at(100000).n !== 0) wrong.push("a second without events has some");
		if (new Latencies().quantile(0.5) !== undefined) wrong.push("a quantile of nothing");
		return wrong;
	})`)
}

// Numbers stay when the items had to go.
func testTraceDensity(t *testing.T, browser context.Context) {
	holds(openTrace(t, browser, "scene=none"), `(() => {`+storm+`
		const trace = new Trace(), counts = new Map();
		for (let now = 50; now < 60000; now += 50) {
			for (const { lane, at, messages } of batch(trace, now, 200)) {
				if (lane !== "sse" || messages?.[0].kind !== "event") continue;
				const slot = Math.floor(at / 1e8) * 100;
				counts.set(slot, (counts.get(slot) ?? 0) + 1);
			}
		}
		check(trace.items[0].at > 30000, "items reach back to", trace.items[0].at);
		let last = -1, sum = 0;
		trace.density("sse").each(0, 60000, (from, events, replays) => {
			check(from > last, "slots are out of order");
			last = from;
			sum += events + replays;
			check(events + replays === (counts.get(from) ?? 0), "slot", from, "has", events + replays, "want", counts.get(from));
		});
		check(sum === trace.totals("sse").events, sum, "of", trace.totals("sse").events);
		return wrong;
	})()`)
}

// story returns the sentences, newest first.
func story(p *page) []string {
	p.t.Helper()
	return run[[]string](p, `import("/ui/story.js").then(({ tell }) => app.trace.incidents.list.map((incident) => tell(app, incident)).reverse())`)
}

func testStory(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=none")
	for _, test := range []struct {
		scene string
		want  []string // parts of it, as regular expressions
	}{
		{"mix", []string{
			`Long polling: the connection was reset\. The proxy cut it\. Its client waited \d+ ms, connected again and asked for everything after #10; 1 event was replayed; nothing was lost\.`,
			`HTTP streaming: the connection was closed from the other side \(FIN\)\. The proxy cut it\. .*asked for everything after #8; 1 event was replayed; nothing was lost\.`,
			`WebSocket: the connection was reset\. The proxy cut it\. .*after #7; 1 event was replayed; nothing was lost\.`,
		}},
		{"hole", []string{
			`WebSocket: the client gave its connection up: silent for 4 s\. .*after #6; 4 events were replayed; nothing was lost\.`,
			`WebSocket: for 4\.00 s nothing came through\. 4 events published meanwhile went into a black hole\. It took its client 4\.00 s to notice\.`,
			`Server-Sent Events: nothing comes through any more, for 8\.00 s now\. 8 events were published since, and went into a black hole\. EventSource has noticed nothing\.`,
		}},
		{"restart", []string{`The server was away for 2\.9\d s\. Its log was lost: it began a new one`, `WebSocket: the connection was reset\. .*[1-9] tr(y|ies) had failed`}},
		{"gap", []string{`WebSocket: .*the server said that 3 events are no longer in its log\.$`, `Server-Sent Events: the server no longer had 3 events`}},
		{"buffer", []string{`Server-Sent Events: a proxy kept data back [23] times, .* for up to 2\.00 s, and let it go at once each time\. \d+ events came in bursts\.`}},
		{"calm", nil},
	} {
		run[chromedp.Void](p, fmt.Sprintf(`play(%q)`, test.scene))
		got := strings.Join(story(p), "\n")
		if test.want == nil && got != "" {
			t.Errorf("%s: %s", test.scene, got)
		}
		for _, want := range test.want {
			if !regexp.MustCompile(`(?m)^` + want).MatchString(got) {
				t.Errorf("%s: %q is not in\n%s", test.scene, want, got)
			}
		}
	}
}

// What happened within one second may be told in any order. It is listed in the order in which it happened.
func testStoryOrder(t *testing.T, browser context.Context) {
	holds(openTrace(t, browser, "scene=none"), `(() => {
		const trace = new Trace(), ns = (ms) => ms * 1e6, wrong = [];
		const check = (what, { incidents: { list } }, want) => {
			const got = list.map(({ kind, lane, at }) => [kind, lane ?? "all", at].join(" ")).join(", ");
			if (got !== want) wrong.push(what + ": " + got + ", want " + want);
		};
		for (const lane of ["longpoll", "httpstream", "sse", "websocket"]) trace.laneState(lane, "open", "", 10);
		trace.add({ now: ns(20), records: ["httpstream", "websocket"].map((lane, i) => ({ seq: i, lane, conn: i, kind: "open", at: ns(15) })) });
		// Two clients say that they have lost their connection before the tap tells of three things that were earlier.
		trace.laneState("sse", "connecting", "silent", 900);
		trace.laneState("longpoll", "connecting", "network error", 800);
		trace.add({ now: ns(950), records: [{ seq: 3, lane: "httpstream", conn: 0, kind: "reset", at: ns(700) }],
			faults: [{ lane: "websocket", connection: 1, kind: "silenced", at: ns(600) }] });
		trace.laneState("httpstream", "connecting", "network error", 960); // its connection ended before
		const want = "silence websocket 600, break httpstream 700, break longpoll 800, break sse 900";
		check("live", trace, want);
		const saved = JSON.parse(JSON.stringify(trace.export()));
		saved.incidents.reverse(); // as it may be in an older file
		check("from a file", Trace.import(saved), want);
		// When there are too many, the oldest go.
		for (let at = 2000; trace.incidents.list.at(-1).at < 9000; at += 50) trace.add({ now: ns(at + 10), faults: [{ lane: "sse", kind: "queued", at: ns(at) }] });
		if (trace.incidents.list[0].at < 2000) wrong.push("the oldest is still there");
		if (trace.incidents.list.some(({ at }, i, all) => i && all[i - 1].at > at)) wrong.push("out of order");
		return wrong;
	})()`)
}

// The story claims nothing that was not seen.
func testStoryUnknown(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=none")
	for _, test := range []struct{ name, told, want string }{
		{"the page alone", `t.laneState("sse", "open", "", 10); t.laneState("sse", "connecting", "EventSource does not say why", 900);`,
			"Server-Sent Events: the client gave its connection up: EventSource does not say why. Its client has been trying to come back for 100 ms."},
		{"back, and nothing came yet", `t.laneState("sse", "open", "", 10); t.laneState("sse", "connecting", "", 500); t.laneState("sse", "open", "", 700);`,
			"Server-Sent Events: the client is no longer connected. Its client waited 200 ms and connected again."},
		{"back, with a hole that nobody announced", `t.laneState("sse", "open", "", 10); came("e-1", 20); t.laneState("sse", "connecting", "", 500);
			t.laneState("sse", "open", "", 700); came("e-4", 710);`,
			"Server-Sent Events: the client is no longer connected. Its client waited 200 ms and connected again; 2 events never came."},
		{"some topics only, where numbers have holes", `t.add({ now: 5e6, streams: [{ lane: "sse", topics: ["a"], opened: 0 }] }); t.laneState("sse", "open", "", 10);
			came("e-1", 20); came("e-9", 30);`, ""},
		{"a hole of which the tap does not tell", `t.laneState("sse", "open", "", 10); came("e-1", 20); came("e-9", 30, false); t.add({ now: 5e9 });`, ""},
		{"a hole that the page knows before the tap has told that it was announced", `t.laneState("sse", "open", "", 10); came("e-1", 20); came("e-9", 30, false);
			t.add({ now: 80e6, records: [{ seq: 9, lane: "sse", conn: 1, kind: "bytes", dir: "down", at: 29e6, n: 9, messages: [
				{ kind: "control", topic: "$gap", id: "e-8", dir: "down", offset: 50, length: 9, label: '$gap {"missed":7}', exchange: 1, began: 29e6, ended: 29e6 },
				{ kind: "event", id: "e-9", dir: "down", offset: 59, length: 9, label: "t", exchange: 1, began: 29e6, ended: 29e6 }] }] });`,
			"Server-Sent Events: the server no longer had 7 events that this client had not seen, and said so."},
		{"a hole", `t.laneState("sse", "open", "", 10); came("e-1", 20); came("e-9", 30);`,
			"Server-Sent Events: 7 events never came, and nobody said so."},
		{"another epoch without a gap", `t.laneState("sse", "open", "", 10); came("e-1", 20); t.laneState("sse", "connecting", "", 500);
			t.laneState("sse", "open", "", 700); came("f-4", 710);`,
			"Server-Sent Events: the client is no longer connected. Its client waited 200 ms and connected again."},
		{"stopped by hand", `t.laneState("sse", "open", "", 10); t.laneState("sse", "closed", "", 500);`, "Server-Sent Events was stopped here."},
		{"records are missing", `t.add({ now: 900e6, dropped: 3 });`,
			"3 records are missing here: the page was too slow to hear of all. What is said may not be all."},
		{"batches are missing", `t.add({ now: 900e6, dropped: 3 }); t.add({ now: 900e6, hole: true });`,
			"Records are missing here, nobody knows how many: the page was too slow, or away. What is said may not be all."},
	} {
		run[chromedp.Void](p, `{
			const t = app.trace = new Trace();
			t.add({ now: 1 });
			let seq = 0;
			const came = (id, at, known = true) => { // into the page, and the tap tells of it later
				t.received("sse", [{ id, topic: "t", at }]);
				if (known) t.add({ now: (at + 40) * 1e6, records: [{ seq: ++seq, lane: "sse", conn: 1, kind: "bytes", dir: "down", at: (at - 1) * 1e6, n: 9,
					messages: [{ kind: "event", dir: "down", offset: 9 * seq, length: 9, id, label: "t", exchange: 1, began: (at - 1) * 1e6, ended: (at - 1) * 1e6 }] }] });
			};
			`+test.told+`
			t.add({ now: 1000e6 });
		}`)
		if got := strings.Join(story(p), "\n"); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// picture is the beginning of expressions about what the timeline shows.
const picture = `
	const wrong = [];
	const check = (condition, ...what) => { if (!condition && wrong.length < 10) wrong.push(what.join(" ")); };
	const element = document.querySelector("push-timeline");
	const { hits, layout, scale, mode } = element.picture;
	const near = (a, b, by = 0.6) => Math.abs(a - b) <= by;
	const laneOf = (name) => layout.lanes.find((lane) => lane.name === name);
	`

// Arrows lead from the server's rail, when it was sent, to the browser's, when it came; an event is one line through all
// lanes.
func testTimelinePlaces(t *testing.T, browser context.Context) {
	for _, scene := range []string{"calm", "mix"} {
		holds(openTrace(t, browser, "scene="+scene), `(() => {`+picture+`
			check(mode === "arrows", mode);
			let seen = 0;
			for (const item of app.trace.items) {
				if (item.offset === undefined || item.kind === "end" || item.at < scale.from || item.at > scale.end) continue;
				const hit = hits.find((hit) => hit.item === item);
				check(hit, "no arrow for", item.ref, item.kind);
				if (!hit) continue;
				seen++;
				const { browser, server } = laneOf(item.lane);
				const down = item.dir === "down";
				check(hit.x0 === (down ? server : browser), item.ref, "begins at", hit.x0);
				check(hit.lost || hit.x1 === (down ? browser : server), item.ref, "ends at", hit.x1);
				const [from, to] = down ? [item.sent, item.received ?? item.at] : [item.at, item.sent ?? item.at];
				check(near(hit.y0, scale.y(from)) && near(hit.y1, scale.y(to)), item.ref, "is at", hit.y0, hit.y1, "want", scale.y(from), scale.y(to));
			}
			check(seen > 40, "only", seen, "arrows");
			check(layout.lanes.every((lane, i) => lane.browser < lane.server && (i === 0 || lane.x >= layout.lanes[i - 1].x + layout.lanes[i - 1].width)), "lanes overlap");
			check(layout.lanes.at(-1).x + layout.lanes.at(-1).width <= layout.hub.x && layout.hub.x + layout.hub.width <= layout.width + 1, "the hub overlaps");
			check(scale.y(2000) > scale.y(3000), "the newest is not at the top");
			const fresh = app.trace.order.filter(({ at }) => at > scale.from && at < 3900 && at < scale.end - 100);
			for (const { id, at } of fresh) { // before the delay: the same place in all lanes
				const places = hits.filter(({ item }) => item?.kind === "event" && item.id === id && !item.replay).map(({ y0 }) => y0);
				check(places.length === 4 && places.every((y) => near(y, scale.y(at), 1)), id, "stands at", places.join());
			}
			check(fresh.length >= 1, "only", fresh.length, "events");
			return wrong;
		})()`)
	}
	// The device's pixels, not those of CSS; the heads stand over their lanes.
	p := openTrace(t, browser, "scene=mix")
	p.do(chromedp.EmulateViewport(900, 900, chromedp.EmulateScale(2)))
	p.wait(`document.querySelector("push-timeline").picture.layout.width < 900 && document.querySelector("canvas").width > 1500`)
	settle(p)
	p.wait(`[...document.querySelectorAll(".heads .head[data-lane]")].every((head) => {
		const lane = document.querySelector("push-timeline").picture.layout.lanes.find(({ name }) => name === head.dataset.lane);
		return Math.abs(head.getBoundingClientRect().left - document.querySelector("canvas").getBoundingClientRect().left - lane.x) < 1 && Math.abs(head.offsetWidth - lane.width) < 1;
	})`)
	run[chromedp.Void](p, `app.set({ lanes: new Set(["sse"]) })`)
	p.wait(`document.querySelectorAll(".heads .head[data-lane]").length === 1 && document.querySelector("push-timeline").picture.layout.lanes.length === 1`)
}

// What was lost, held and refused has its place too.
func testTimelineFaults(t *testing.T, browser context.Context) {
	holds(openTrace(t, browser, "scene=hole"), `(() => {`+picture+`
		const gone = hits.filter(({ event, lane }) => event && lane === "sse");
		check(gone.length === 8, gone.length, "events went into the black hole of SSE");
		const { browser, server } = laneOf("sse");
		check(gone.every(({ x0, x1, event, y0 }) => x0 === server && x1 > browser + 20 && x1 < server - 20 && near(y0, scale.y(event.at))), "they are not short of the browser");
		check(!hits.some(({ event, lane }) => event && (lane === "longpoll" || lane === "httpstream")), "a lane without a fault lacks events");
		check(hits.filter(({ event, lane }) => event && lane === "websocket").length === 4, "WebSocket lost others");
		check(hits.filter(({ item }) => item?.replay && item.lane === "websocket").length === 4, "its replays are others");
		return wrong;
	})()`)
	holds(openTrace(t, browser, "scene=buffer"), `(() => {`+picture+`
		const late = hits.filter(({ item }) => item?.kind === "event" && item.lane === "sse" && item.received - item.published > 500);
		check(late.length >= 4, late.length, "late events");
		check(late.every(({ y0, y1 }) => y0 - y1 > 500 * scale.perMs), "late events do not slope");
		const waits = hits.filter(({ event, lane }) => event && lane === "sse");
		check(waits.length > 0 && waits.every(({ event, x0, x1 }) => !app.trace.byId("sse", event.id) && x0 < laneOf("sse").server && x1 > laneOf("sse").server), waits.length, "wait at the server");
		return wrong;
	})()`)
	holds(openTrace(t, browser, "scene=calm"), `(() => {`+picture+`
		const holds = [];
		app.trace.holds("longpoll", scale.from, scale.end, (request, from, to) => holds.push([request, from, to]));
		check(holds.length >= 10, holds.length, "polls were held");
		check(holds.filter(([, , to]) => to === undefined).length === 1, "not just one is held now");
		check(holds.every(([{ at, sent }, from, to], i) => from === sent && from >= at && (to === undefined || to - from >= 30)), "holds are wrong");
		app.trace.holds("sse", 0, 1e9, () => check(false, "SSE holds a request"));
		return wrong;
	})()`)
}

// canvasColours returns how many pixels of a lane have just the colour of its token, above a share of the picture.
const canvasColours = `
	const canvas = element.querySelector("canvas"), ratio = canvas.width / canvas.clientWidth;
	const rgb = (token) => {
		const probe = document.createElement("i");
		document.body.append(probe);
		probe.style.setProperty("color", "var(--" + token + ")");
		const [r, g, b] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
		probe.remove();
		return [r, g, b];
	};
	const count = (x, y, width, height, token, off = 2) => {
		const { data } = canvas.getContext("2d").getImageData(Math.round(x * ratio), Math.round(y * ratio), Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio)));
		const [r, g, b] = rgb(token);
		let n = 0;
		for (let i = 0; i < data.length; i += 4) if (Math.abs(data[i] - r) <= off && Math.abs(data[i + 1] - g) <= off && Math.abs(data[i + 2] - b) <= off) n++;
		return n;
	};`

func testTimelinePixels(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=restart")
	for _, theme := range []string{"light", "dark"} {
		run[chromedp.Void](p, fmt.Sprintf(`document.documentElement.dataset.theme = %q`, theme))
		settle(p)
		holds(p, `(() => {`+picture+canvasColours+`
			const down = app.trace.spans.find(({ kind }) => kind === "down"), y = scale.y((down.from + down.to) / 2);
			for (const { name, browser, server, x, width } of layout.lanes) {
				check(count(browser - 3, 14, 6, 400, "lane-" + name) > 200, name, "has no browser");
				check(count(browser + 20, scale.y(4000) - 6, server - browser - 40, 8, "lane-" + name, 24) > 100, name, "has no arrow at 4 s");
				check(name === "longpoll" || count(server - 3, scale.y(4500) - 4, 6, 8, "ink") > 4, name, "has no server before the restart");
				check(count(server - 3, y - 3, 6, 6, "ink") === 0, name, "has a server during the restart");
				check(count(browser + 10, scale.y(down.from) - 6, server - browser - 20, 12, "bad", 40) > 40, name, "shows no reset");
			}
			return wrong;
		})()`)
	}
	// What is selected shows, in every lane that has it.
	before := run[[]int](p, pixelsOfSelection)
	run[chromedp.Void](p, `app.select(app.trace.byId("sse", app.trace.order.findLast(({ at }) => at < 4500).id).ref)`)
	settle(p)
	after := run[[]int](p, pixelsOfSelection)
	for i := range before {
		if after[i] <= before[i] {
			t.Errorf("lane %d: selected, it has %d pixels of its line, before %d", i, after[i], before[i])
		}
	}
}

const pixelsOfSelection = `(() => {` + picture + canvasColours + `
	const { at } = app.trace.order.findLast(({ at }) => at < 4500);
	return layout.lanes.map(({ name, browser, server }) => count(browser + 20, scale.y(at) - 10, server - browser - 40, 20, "lane-" + name, 30));
})()`

// Where arrows would run into each other, bars say how many there are; and zooming in shows arrows again.
func testTimelineDensity(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=calm&rate=400")
	holds(p, `(() => {`+picture+canvasColours+`
		check(mode === "density", mode);
		const { counts } = element.picture;
		for (const { name, server } of layout.lanes) {
			const bars = counts.bars.get(name);
			let sum = 0;
			for (let i = 0; i < counts.n; i++) sum += bars.events[i] + bars.replays[i];
			const want = app.trace.range(scale.from, scale.end).filter((item) => item.kind === "event" && item.lane === name).length;
			check(sum === want && want > 3900, name, "counts", sum, "want", want);
			check(count(server - 40, 60, 36, 300, "lane-" + name, 70) > 1000, name, "has no bars");
		}
		return wrong;
	})()`)
	run[chromedp.Void](p, `app.set({ paused: true, end: app.trace.now - 1000, span: 100 })`)
	settle(p)
	holds(p, `(() => {`+picture+`
		check(mode === "arrows", mode);
		check(hits.filter(({ item }) => item?.kind === "event").length >= 150, "only", hits.length, "arrows");
		return wrong;
	})()`)
	run[chromedp.Void](p, `app.set({ paused: false, end: null, span: 10000 })`)
	// 1,000 events a second on four lanes: the picture reaches back further than the items do.
	run[chromedp.Void](p, `{ sim.rate = 1000; sim.run(20000); app.set({ span: 30000 }); }`)
	settle(p)
	holds(p, `(() => {`+picture+`
		check(app.trace.items[0].at > scale.from + 5000, "the items reach back", app.trace.now - app.trace.items[0].at);
		const { bars, n } = element.picture.counts;
		const filled = bars.get("sse").events.slice(0, n).filter((value) => value > 0).length;
		check(filled > 0.9 * n, filled, "of", n, "rows have something");
		// Where numbers take over from items, nothing is counted twice, and nothing is missing.
		const { perRow, base } = element.picture.counts, even = perRow; // at one event a millisecond
		for (let i = 3; i < n - 3; i++) {
			const value = bars.get("sse").events[i] + bars.get("sse").replays[i];
			if ((base + i) * perRow > 16000) check(Math.abs(value - even) < 3, "row", i, "has", value, "want", even);
		}
		return wrong;
	})()`)
	// Painting that much takes less than a frame. The least of some is the cost; the others were disturbed.
	if ms := run[float64](p, `(async () => {
		let least = Infinity;
		const { painted } = document.querySelector("push-timeline");
		app.set({ span: 10000 });
		for (let i = 0; i < 30; i++) {
			const before = { ...painted };
			sim.run(50);
			app.touch();
			do await new Promise(requestAnimationFrame); while (painted.due);
			if (painted.frames > before.frames) least = Math.min(least, (painted.ms - before.ms) / (painted.frames - before.frames));
		}
		return least;
	})()`); ms > 8 {
		t.Errorf("a picture of 4,000 items a second took %.1f ms at least", ms)
	}
}

// press presses a key in whatever has the focus, and waits until it is drawn.
func press(p *page, keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		p.do(chromedp.KeyEvent(key))
	}
	settle(p)
}

func testTimelineKeys(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=mix")
	run[chromedp.Void](p, `document.querySelector("canvas").focus()`)
	selected := `(({ id, lane, kind, at } = {}) => ({ id, lane, kind, at }))(app.trace.find(app.view.selected))`
	type item struct {
		ID, Lane, Kind string
		At             float64
	}
	press(p, kb.ArrowUp)
	newest := run[item](p, selected)
	if newest.Kind == "" || newest.At != run[float64](p, `app.trace.items.at(-1).at`) {
		t.Errorf("up selects %+v at first, want the newest", newest)
	}
	if !run[bool](p, `app.view.paused`) {
		t.Error("to go from item to item does not stop the picture")
	}
	press(p, kb.ArrowDown, kb.ArrowDown, kb.ArrowDown)
	if older := run[item](p, selected); older.At > newest.At {
		t.Errorf("down leads from %v to %v", newest.At, older.At)
	}
	run[chromedp.Void](p, `app.select(app.trace.byId("longpoll", app.trace.order[6].id).ref)`)
	want := run[item](p, selected)
	for _, lane := range []string{"httpstream", "sse", "websocket"} {
		press(p, kb.ArrowRight)
		if got := run[item](p, selected); got.ID != want.ID || got.Lane != lane {
			t.Errorf("right leads to %+v, want %s on %s", got, want.ID, lane)
		}
	}
	press(p, kb.ArrowLeft)
	if got := run[item](p, selected); got.ID != want.ID || got.Lane != "sse" {
		t.Errorf("left leads to %+v", got)
	}
	p.wait(`/^Server-Sent Events, event, #7, to the browser, 142 bytes, at 0:0\d\.\d{3}/.test(document.querySelector("push-timeline [role=status]").textContent)`)

	press(p, kb.Enter)
	p.wait(`document.activeElement.localName === "push-detail"`)
	press(p, kb.Escape)
	p.wait(`document.activeElement.localName === "canvas"`)

	span := run[float64](p, `app.view.span`)
	press(p, "+", "+")
	if got := run[float64](p, `app.view.span`); got != span/4 {
		t.Errorf("+ + shows %v ms, want %v", got, span/4)
	}
	press(p, "-")
	if got := run[float64](p, `app.view.span`); got != span/2 {
		t.Errorf("- shows %v ms, want %v", got, span/2)
	}
	end := run[float64](p, `app.view.end`)
	press(p, kb.PageDown)
	if got := run[float64](p, `app.view.end`); got >= end {
		t.Errorf("Page Down leads from %v to %v", end, got)
	}
	press(p, kb.PageUp, kb.PageUp, kb.PageUp, kb.PageUp, kb.PageUp)
	if got, now := run[float64](p, `app.view.end`), run[float64](p, `app.trace.now`); got != now {
		t.Errorf("Page Up ends at %v, want the present, %v", got, now)
	}
	press(p, kb.End)
	p.wait(`!app.view.paused && app.view.end === null`)
	press(p, " ")
	p.wait(`app.view.paused`)
	press(p, kb.Escape)
	p.wait(`app.view.selected === null`)
	if outline := run[string](p, `getComputedStyle(document.querySelector("canvas")).outlineStyle`); outline == "none" {
		t.Error("the canvas does not show that it has the focus")
	}
}

func testTimelinePointer(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=mix")
	place := func(expression string) (x, y float64) {
		at := run[[]float64](p, `(() => {`+picture+`
			document.querySelector("canvas").scrollIntoView({ block: "center" });
			const { left, top } = document.querySelector("canvas").getBoundingClientRect();
			const [x, y] = `+expression+`;
			return [left + x, top + y];
		})()`)
		return at[0], at[1]
	}
	arrow := `(({ x0, y0, x1, y1 }) => [(3 * x0 + x1) / 4, (3 * y0 + y1) / 4])(hits.find(({ item }) => item?.kind === "event" && item.lane === "sse" && item.id.endsWith("-6")))`
	x, y := place(arrow)
	p.do(mouse(chromedp.MouseMoved, x, y))
	p.wait(`/event.*0:0\d\.\d{3}.*"n":6.*142 bytes · in the page \d+ ms after it was published/s.test(document.querySelector(".tip:not([hidden])")?.textContent)`)
	p.do(mouse(chromedp.MousePressed, x, y), mouse(chromedp.MouseReleased, x, y))
	p.wait(`(({ lane, id } = {}) => lane === "sse" && id.endsWith("-6"))(app.trace.find(app.view.selected))`)
	if run[bool](p, `app.view.paused`) {
		t.Error("a click stops the picture")
	}
	// To pull at it stops it, and moves it.
	p.do(mouse(chromedp.MousePressed, x, y), mouse(chromedp.MouseMoved, x, y+20), mouse(chromedp.MouseMoved, x, y+60), mouse(chromedp.MouseReleased, x, y+60))
	p.wait(`app.view.paused`)
	if moved := run[float64](p, `(() => {`+picture+`return (app.view.end - app.trace.now) * scale.perMs; })()`); moved > 0 {
		t.Errorf("it is %v pixels in the future", moved)
	}
	p.do(mouse(chromedp.MousePressed, x, y), mouse(chromedp.MouseMoved, x, y-20), mouse(chromedp.MouseMoved, x, y-100), mouse(chromedp.MouseReleased, x, y-100))
	if moved := run[float64](p, `(() => {`+picture+`return (app.view.end - app.trace.now) * scale.perMs; })()`); moved > -99 || moved < -101 {
		t.Errorf("pulled up by 100 pixels, it moved by %v", moved)
	}
	// Ctrl and the wheel zoom around the pointer.
	settle(p)
	at := run[float64](p, `(() => {`+picture+`
		const canvas = document.querySelector("canvas"), { left, top } = canvas.getBoundingClientRect();
		const y = 200, before = scale.time(y), { span } = app.view;
		canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -60, ctrlKey: true, clientX: left + 300, clientY: top + y, bubbles: true, cancelable: true }));
		if (app.view.span >= span) return 1e9;
		const share = (y - scale.top) / (scale.bottom - scale.top);
		return app.view.end - share * app.view.span - before;
	})()`)
	if at > 20 || at < -20 { // a pixel is 18 ms
		t.Errorf("the time under the pointer moved by %v ms", at)
	}
}

// mouse moves the pointer, or presses or releases its button.
func mouse(kind input.DispatchMouseEventType, x, y float64) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		p := input.DispatchMouseEventParams{Type: kind, X: x, Y: y, ClickCount: 1}
		if kind != chromedp.MouseMoved {
			p.Button = input.MouseButtonLeft
		}
		_, err := cdp.Call(ctx, target, input.DispatchMouseEvent, p)
		return err
	})
}

// Without motion the picture goes on by whole seconds, and nothing shines.
func testTimelineStill(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=calm")
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
	p.wait(`matchMedia("(prefers-reduced-motion: reduce)").matches`)
	ends := run[[]float64](p, `(async () => {
		const ends = new Set();
		for (let i = 0; i < 40; i++) {
			sim.run(100);
			app.touch();
			do await new Promise(requestAnimationFrame); while (document.querySelector("push-timeline").painted.due);
			ends.add(document.querySelector("push-timeline").picture.scale.end);
		}
		return [...ends];
	})()`)
	if len(ends) > 5 {
		t.Errorf("in 4 seconds it stood at %v", ends)
	}
	for _, end := range ends {
		if end != float64(int(end/1000)*1000) {
			t.Errorf("it stood at %v", end)
		}
	}
}

func testPlayback(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=mix")
	slider := `document.querySelector("push-playback input[type=range]")`
	p.wait(slider + `.getAttribute("aria-valuetext") === "live, 0:11.5"`)
	p.wait(`document.querySelectorAll("push-playback .ticks i").length >= 3`)
	run[chromedp.Void](p, `{ const slider = `+slider+`; slider.value = 8000; slider.dispatchEvent(new Event("input", { bubbles: true })); }`)
	p.wait(`app.view.paused && app.view.end === 8000 && document.querySelector("push-playback .time").textContent === "0:08.0"`)
	p.wait(`document.querySelector("push-timeline").picture.scale.end === 8000`)

	run[chromedp.Void](p, slider+`.focus()`)
	press(p, kb.ArrowLeft)
	p.wait(`app.view.end === 7000`)
	press(p, kb.ArrowRight)
	p.wait(`app.view.end === 8000`)
	press(p, kb.End)
	p.wait(`!app.view.paused`)
	press(p, " ")
	p.wait(`app.view.paused`)

	// To an event, by its number or its whole id; one that is nowhere is said to be.
	run[chromedp.Void](p, `document.querySelector("#jump-to").focus()`)
	press(p, "#", "4", kb.Enter)
	p.wait(`app.trace.find(app.view.selected)?.id.endsWith("-4") && app.view.paused`)
	run[chromedp.Void](p, `{ const box = document.querySelector("#jump-to"); box.value = app.trace.order[2].id; box.form.requestSubmit(); }`)
	p.wait(`app.trace.find(app.view.selected)?.id === app.trace.order[2].id`)
	run[chromedp.Void](p, `{ const box = document.querySelector("#jump-to"); box.value = "99999"; box.form.requestSubmit(); }`)
	p.wait(`document.querySelector("#jump-missing").textContent === "No lane has event 99999 here."`)

	before := run[string](p, `app.view.selected`)
	p.do(chromedp.Click(chromedp.CSS(`push-playback .steps button:last-child`)))
	p.do(chromedp.Click(chromedp.CSS(`push-playback .steps button:first-child`)))
	if got := run[string](p, `app.view.selected`); got != before {
		t.Errorf("on and back leads from %s to %s", before, got)
	}
	run[chromedp.Void](p, `{ const spans = document.querySelector("push-playback select"); spans.value = "60000"; spans.dispatchEvent(new Event("change", { bubbles: true })); }`)
	p.wait(`app.view.span === 60000 && document.querySelector("push-timeline").picture.scale.span === 60000`)
	p.do(chromedp.Click(chromedp.CSS(`push-playback .toggle`)))
	p.wait(`!app.view.paused && app.view.end === null`)
}

func testLog(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=mix&rate=20")
	rows := `[...document.querySelectorAll("#log-table tbody tr")]`
	p.wait(rows + `.length === 500`)
	holds(p, `(() => {
		const wrong = [], rows = `+rows+`;
		const want = app.trace.items.toReversed().slice(0, 500);
		rows.forEach((row, i) => { if (row.dataset.ref !== want[i].ref) wrong.push("row " + i + " is " + row.dataset.ref + ", want " + want[i].ref); });
		const hidden = app.trace.items.length - 500;
		if (document.querySelector(".log header span").textContent !== hidden.toLocaleString("en") + " hidden") wrong.push(document.querySelector(".log header span").textContent + ", want " + hidden);
		const event = want.find(({ kind, lane }) => kind === "event" && lane === "sse");
		const cells = [...rows[want.indexOf(event)].cells].map(({ textContent }) => textContent.trim().replaceAll(/\s+/g, " "));
		const id = event.id.split("-")[1];
		if (!/^0:\d\d\.\d{3}$/.test(cells[0]) || cells.slice(1).join("|") !== "SServer-Sent Events|↓to the browser|event|#" + id + "|142|lab {\"n\":" + id + "}") wrong.push(cells.join("|"));
		const heads = [...document.querySelectorAll("#log-table th")].map(({ textContent }) => textContent).join();
		if (heads !== "Time,Lane,Dir.,Type,Event id,Size,Label") wrong.push(heads);
		return wrong.slice(0, 5);
	})()`)

	// Filters: lane, kind, text.
	p.do(chromedp.Click(chromedp.CSS(`.log [data-lane=websocket]`)))
	p.wait(rows + `.every(({ dataset }) => dataset.lane === "websocket")`)
	run[chromedp.Void](p, `{ const kinds = document.querySelector(".log select"); kinds.value = "connections"; kinds.dispatchEvent(new Event("change", { bubbles: true })); }`)
	p.wait(rows + `.length > 0 && ` + rows + `.every(({ dataset }) => dataset.lane === "websocket" && dataset.family === "connections")`)
	run[chromedp.Void](p, `{ const box = document.querySelector(".log input"); box.value = "was RESET"; box.dispatchEvent(new Event("input", { bubbles: true })); }`)
	p.wait(rows + `.length === 1 && ` + rows + `[0].textContent.includes("connecting: the connection was reset")`)

	// A row and an arrow are the same thing.
	p.do(chromedp.Click(chromedp.CSS(`#log-table tbody tr`)))
	p.wait(`app.view.selected === ` + rows + `[0].dataset.ref && ` + rows + `[0].ariaSelected === "true"`)
	run[chromedp.Void](p, `document.querySelector(".log input").value = ""; document.querySelector(".log input").dispatchEvent(new Event("input", { bubbles: true }));
		document.querySelector("#log-table").focus()`)
	press(p, kb.Home, kb.ArrowDown)
	p.wait(`app.view.selected === ` + rows + `[1].dataset.ref && document.querySelector("#log-table").getAttribute("aria-activedescendant") === ` + rows + `[1].id`)
	press(p, kb.Enter)
	p.wait(`document.activeElement.localName === "push-detail"`)
}

// Whoever scrolls away reads on; the log goes on without him until he comes back.
func testLogStays(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=calm&rate=20")
	rows := `[...document.querySelectorAll("#log-table tbody tr")].map(({ dataset }) => dataset.ref).join()`
	p.wait(`document.querySelectorAll("#log-table tbody tr").length === 500`)
	run[chromedp.Void](p, `document.querySelector(".log .rows").scrollTop = 400`)
	p.wait(`document.querySelector(".log .newest")`)
	before := run[string](p, rows)
	run[chromedp.Void](p, `sim.run(2000); app.touch()`)
	p.wait(`/^Newest \(\d+ since\)$/.test(document.querySelector(".log .newest").textContent)`)
	if got := run[string](p, rows); got != before {
		t.Error("the rows changed under the reader's eyes")
	}
	if top := run[float64](p, `document.querySelector(".log .rows").scrollTop`); top != 400 {
		t.Errorf("it is scrolled to %v", top)
	}
	p.do(chromedp.Click(chromedp.CSS(`.log .newest`)))
	p.wait(`document.querySelector("#log-table tbody tr").dataset.ref === app.trace.items.at(-1).ref && !document.querySelector(".log .newest") && document.querySelector(".log .rows").scrollTop === 0`)

	// What nobody could read is not drawn in full.
	run[chromedp.Void](p, `sim.rate = 1000; sim.run(1000); app.touch()`)
	p.wait(`document.querySelectorAll("#log-table tbody tr").length < 100 && document.querySelector("#log-table tbody tr").dataset.ref === app.trace.items.at(-1).ref`)
}

func testCost(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=calm")
	holds(p, `(() => {
		const wrong = [];
		for (const row of document.querySelectorAll(".cost tbody tr")) {
			const { headUp, headDown, framing, payload, segments, events } = app.trace.totals(row.dataset.lane);
			const round = (value) => (value < 10 && value > 0 ? value.toFixed(1) : String(Math.round(value)));
			const want = [headUp, headDown, framing, payload, headUp + headDown + framing + payload, segments].map((sum) => round(sum / events)).join();
			const got = [...row.querySelectorAll("td")].map(({ textContent }) => textContent).join();
			if (got !== want) wrong.push(row.dataset.lane + ": " + got + ", want " + want);
		}
		const widths = [...document.querySelectorAll(".cost .track")].map((track) => [...track.children].reduce((sum, part) => sum + part.getBoundingClientRect().width, 0) / track.getBoundingClientRect().width);
		if (Math.max(...widths) < 0.99 || Math.max(...widths) > 1.01 || widths.some((width) => width < 0.05)) wrong.push("bars are " + widths);
		if (performance.getEntriesByType("resource").some(({ name }) => name.includes("uplot"))) wrong.push("the chart's library came before it was asked for");
		return wrong;
	})()`)
	run[chromedp.Void](p, `document.querySelector(".cost details").open = true`)
	p.wait(`document.querySelectorAll(".cost .u-wrap canvas").length === 2`)
	run[chromedp.Void](p, `document.documentElement.dataset.theme = "dark"`)
	p.wait(`document.querySelectorAll(".cost .u-wrap canvas").length === 2`)
	run[chromedp.Void](p, `document.querySelector(".cost details").open = false`)
	p.wait(`document.querySelectorAll(".cost .u-wrap").length === 0`)
	run[chromedp.Void](p, `app.trace.reset(); app.touch()`)
	p.wait(`[...document.querySelectorAll(".cost td")].every(({ textContent }) => textContent === "–")`)
}

// A trace that was saved looks as it did, and stands still.
func testSavedTrace(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=hole")
	shown := `[...document.querySelectorAll(".story li p")].map(({ textContent }) => textContent.trim()).join("\n")`
	p.wait(shown + `.includes("EventSource has noticed nothing")`)
	sentences := run[string](p, shown)
	hits := run[int](p, `document.querySelector("push-timeline").picture.hits.length`)
	run[chromedp.Void](p, `app.show(Trace.import(JSON.parse(JSON.stringify(app.trace.export()))))`)
	p.wait(`document.querySelector("push-playback .toggle").disabled`)
	settle(p)
	if diff := cmp.Diff(sentences, run[string](p, shown)); diff != "" {
		t.Errorf("the story (-live +saved):\n%s", diff)
	}
	if got := run[int](p, `document.querySelector("push-timeline").picture.hits.length`); got != hits {
		t.Errorf("%d things are to be seen, live there were %d", got, hits)
	}
	run[chromedp.Void](p, `document.querySelector("canvas").focus()`)
	press(p, kb.Home)
	press(p, kb.End)
	if end, now := run[float64](p, `app.view.end`), run[float64](p, `app.trace.now`); end != now {
		t.Errorf("End leads to %v, want %v", end, now)
	}
}

// testTraceAccessible has axe-core look at the parts in both themes and at three widths.
func testTraceAccessible(t *testing.T, browser context.Context) {
	for _, scene := range []string{"hole", "gap"} {
		p := openTrace(t, browser, "scene="+scene)
		p.emulate("screen", calm) // what is painted in each frame takes a third of the time, and tells axe-core nothing
		p.injectAxe()
		run[chromedp.Void](p, `document.querySelectorAll("details").forEach((details) => { details.open = true; })`)
		p.wait(`document.querySelectorAll(".u-wrap").length === 2`)
		run[chromedp.Void](p, `app.select(app.trace.items.findLast(({ kind }) => kind === "event").ref)`)
		for _, theme := range []string{"light", "dark"} {
			run[chromedp.Void](p, fmt.Sprintf(`document.documentElement.dataset.theme = %q`, theme))
			for _, width := range accessWidths(theme) {
				p.do(chromedp.EmulateViewport(width, 900))
				run[chromedp.Void](p, fmt.Sprintf(`app.set({ lanes: new Set(%d < 700 ? ["sse", "websocket"] : [...app.lanes.keys()]) })`, width))
				settle(p)
				p.axe(fmt.Sprintf("%s, %s, %d px", scene, theme, width), "document", "region")
				if wide := run[int](p, `document.documentElement.scrollWidth`); int64(wide) > width {
					t.Errorf("%s, %d px: the page is %d wide", scene, width, wide)
				}
			}
		}
		// A word that is missing shows as its name.
		for _, name := range run[[]string](p, `document.body.textContent.match(/trace\.[a-z-]+(\.[a-z-]+)*/g) ?? []`) {
			t.Errorf("%s: %s has no words", scene, name)
		}
	}
}
