package web_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// idleScript keeps what the tap tells of bytes, and counts by itself what silence has cost: whole records, whatever is in
// them, from behind the one that came before the first beat to the last beat; likewise for polls.
const idleScript = `{
	window.tapped = [];
	pushlab.lab.addEventListener("batch", ({ detail }) => {
		for (const { kind, lane, conn, dir, n, at, messages = [] } of detail.records ?? []) {
			if (kind === "bytes") tapped.push({ lane, conn, dir, n, at: at / 1e6, messages, beat: messages.some(({ topic }) => topic === "$beat") });
		}
	});
	const sum = (rows) => rows.reduce((sum, { n }) => sum + n, 0);

	/** rows are the records of a lane's newest stream with a beat, or of all its polls. */
	window.rows = (lane) => {
		const own = tapped.filter((row) => row.lane === lane);
		const conn = own.findLast(({ beat }) => beat)?.conn;
		return lane === "longpoll" ? own : own.filter((row) => row.conn === conn);
	};

	/** beatTimes is when they came down a lane. */
	window.beatTimes = (lane) => rows(lane).filter(({ beat }) => beat).map(({ at }) => at);

	window.counted = (lane, wait) => {
		const own = rows(lane);
		if (lane === "longpoll") {
			const polls = [];
			for (const [i, row] of own.entries()) {
				const asked = own.slice(0, i).findLast(({ conn, dir }) => conn === row.conn && dir === "up");
				if (row.messages.some(({ label }) => label.startsWith("204")) && asked?.messages[0].label.endsWith("wait=" + wait) && row.at - asked.at > 900 * wait) polls.push([asked, row]);
			}
			const last = polls.slice(-10);
			return { n: last.length, up: sum(last.map(([asked]) => asked)), down: sum(last.map(([, row]) => row)), ms: last.reduce((ms, [asked, row]) => ms + row.at - asked.at, 0) };
		}
		const down = own.filter(({ dir }) => dir === "down"), up = own.filter(({ dir }) => dir === "up");
		let places = down.flatMap(({ beat }, i) => (beat ? [i] : []));
		if (lane === "websocket" && !up.some(({ at }) => at >= down[places.at(-1)].at)) places.pop(); // its pong is on its way
		places = places.slice(-10);
		const [first, last] = [places[0], places.at(-1)];
		const end = down[last + 1]?.at ?? Infinity;
		return {
			n: places.length, down: sum(down.slice(first, last + 1)), ms: down[last].at - down[first - 1].at,
			up: sum(up.filter(({ at }) => at >= down[first].at && at < end)),
		};
	};

	/** shown is what the page says of a lane, beside what was counted, all at one moment. */
	window.shown = (lane, wait) => {
		document.querySelector("push-cost").drawNow();
		const row = document.querySelector("push-cost .idle [data-lane=" + lane + "]");
		const text = (name) => row.querySelector(name)?.textContent ?? "";
		return { hour: text(".hour"), crowd: text(".crowd"), why: text(".why"), counted: counted(lane, wait) };
	};
	window.choose = (lane, value) => {
		const select = document.querySelector("push-server .beats select[data-lane=" + lane + "]");
		select.value = value;
		select.dispatchEvent(new Event("change"));
	};
}`

type idleShown struct {
	Hour, Crowd, Why string
	Counted          struct{ N, Up, Down, MS float64 }
}

// testLabIdle: each lane has a heartbeat of its own, and what silence costs is what the tap has counted.
func testLabIdle(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	run[chromedp.Void](p, idleScript)
	lateShow(p, "cost")
	lateShow(p, "server")
	why := func(lane string) string {
		return fmt.Sprintf(`document.querySelector("push-cost .idle [data-lane=%s] .why").textContent`, lane)
	}

	// Before there is anything to measure there is no figure, and a reason.
	run[chromedp.Void](p, `choose("longpoll", "60"), pushlab.lab.command("settings", { heartbeat: "off" }).then(() => {})`)
	p.wait(why("sse") + `.includes("heartbeats are off")`)
	if none := run[int](p, `document.querySelectorAll("push-cost .idle .hour, push-cost .idle .crowd").length`); none != 0 {
		t.Errorf("%d figures are shown before anything was measured", none)
	}
	p.wait(why("longpoll") + `.includes("after 60\u00a0s without an event")`)

	// One lane's heartbeat is changed, and no other's.
	run[chromedp.Void](p, `pushlab.lab.command("settings", { heartbeat: "1m0s" }).then(() => {})`)
	p.wait(why("sse") + `.includes("after 60\u00a0s without an event")`)
	run[chromedp.Void](p, `choose("sse", "1s")`)
	p.wait(`JSON.stringify(pushlab.lab.state.settings.heartbeats) === '{"httpstream":"1m0s","sse":"1s","websocket":"1m0s"}'`)
	p.wait(`beatTimes("sse").length >= 4`)
	for _, lane := range []string{"httpstream", "websocket"} {
		if n := run[int](p, fmt.Sprintf(`beatTimes(%q).length`, lane)); n != 0 {
			t.Errorf("%s has %d heartbeats before its minute is over", lane, n)
		}
	}
	times := run[[]float64](p, `beatTimes("sse")`)
	for i, at := range times[1:] {
		// They come up to a tenth early, and on a busy machine late.
		if gap := at - times[i]; gap < 850 || gap > 10_000 {
			t.Errorf("two heartbeats of 1 s are %.0f ms apart", gap)
		}
	}
	if got := run[string](p, why("websocket")); !strings.Contains(got, "Not measured yet") {
		t.Errorf("of the lane without a heartbeat the page says %q", got)
	}

	// The figures are what the tap has counted.
	run[chromedp.Void](p, `choose("longpoll", "1"), pushlab.lab.command("settings", { heartbeat: "1s" }).then(() => {})`)
	for _, lane := range transports {
		p.wait(fmt.Sprintf(`/last ([3-9]|10) /.test(%s)`, why(lane)))
		got := run[idleShown](p, fmt.Sprintf(`shown(%q, 1)`, lane))
		c := got.Counted
		hour := (c.Up + c.Down) * 3_600_000 / c.MS
		near(t, lane+", an hour", got.Hour, hour)
		near(t, lane+", 10,000 clients", strings.TrimPrefix(got.Crowd, "10,000 clients: "), 10_000*hour)
		parts := []string{fmt.Sprintf("the last %.0f ", c.N)}
		if lane == "websocket" || lane == "longpoll" {
			parts = append(parts, fmt.Sprintf("%.0f ", c.Down/c.N), fmt.Sprintf("%.0f ", c.Up/c.N))
		} else {
			parts = append(parts, fmt.Sprintf("%.0f bytes each", c.Down/c.N))
		}
		for _, text := range parts {
			if !strings.Contains(got.Why, text) {
				t.Errorf("%s: it says %q, and not %q; counted %+v", lane, got.Why, text, c)
			}
		}
		t.Logf("%s: %s, %s, %s", lane, got.Hour, got.Crowd, got.Why)
	}

	// An event between two beats is not counted with them.
	each := run[string](p, why("sse"))
	labStep(p, 1)
	labCaughtUp(p)
	p.wait(`tapped.findLastIndex(({ lane, beat }) => lane === "sse" && beat) > tapped.findLastIndex(({ lane, messages }) => lane === "sse" && messages.some(({ kind }) => kind === "event"))`)
	run[chromedp.Void](p, `document.querySelector("push-cost").drawNow()`)
	before, after := bytesEach(t, each), bytesEach(t, run[string](p, why("sse")))
	if math.Abs(after-before) > 1 {
		t.Errorf("a heartbeat took %.0f bytes, and behind an event %.0f", before, after)
	}
}

// bytesEach is what the page says that a heartbeat takes.
func bytesEach(t *testing.T, text string) (n float64) {
	t.Helper()
	var beats int
	var unit string
	if _, err := fmt.Sscanf(text, "From the last %d %s %f bytes each", &beats, &unit, &n); err != nil {
		t.Errorf("%q: %v", text, err)
	}
	return n
}

// near compares a size as the page writes it with a number of bytes.
func near(t *testing.T, what, text string, want float64) {
	t.Helper()
	var got float64
	var unit string
	if _, err := fmt.Sscanf(text, "%f %s", &got, &unit); err != nil {
		t.Errorf("%s: %q: %v", what, text, err)
		return
	}
	got *= map[string]float64{"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9}[unit]
	if math.Abs(got-want) > want/100 {
		t.Errorf("%s: the page says %s, the tap has counted %.0f bytes", what, text, want)
	}
}

// testTraceIdle: what counts as silence, and what does not.
func testTraceIdle(t *testing.T, browser context.Context) {
	p := openTrace(t, browser, "scene=none")
	holds(p, `Promise.all([import("/lab/trace.js"), import("/lab/idle.js")]).then(([{ Trace }, { idle, perHour }]) => {
		const wrong = [];
		const is = (what, got, want) => { if (JSON.stringify(got) !== JSON.stringify(want)) wrong.push(what + ": " + JSON.stringify(got) + ", want " + JSON.stringify(want)); };
		const trace = new Trace();
		const ends = {}; // of the bytes of each connection and direction
		let seq = 0;
		// Of each message: its kind, its bytes, those of framing around it that are not its own, and what else is known of it.
		const tell = (at, lane, conn, dir, ...messages) => {
			const key = conn + dir;
			ends[key] ??= 0;
			const record = { seq: ++seq, lane, conn, kind: "bytes", dir, at: at * 1e6, offset: ends[key], messages: [] };
			for (const [kind, length, around = 0, more] of messages) {
				record.messages.push({ kind, dir, offset: ends[key] + around, length, exchange: 1, began: at * 1e6, ended: at * 1e6, ...more });
				ends[key] += around + length;
			}
			record.n = ends[key] - record.offset;
			trace.add({ now: at * 1e6, records: [record] });
		};
		const beat = { topic: "$beat" };

		tell(0, "sse", 1, "up", ["request", 300]);
		tell(1, "sse", 1, "down", ["response", 200]);
		tell(2, "sse", 1, "down", ["control", 80, 4, { topic: "$open" }]);
		is("no beat", idle(trace, "sse"), undefined);
		tell(1002, "sse", 1, "down", ["comment", 7, 6], ["control", 80, 0, beat]);
		is("a beat", idle(trace, "sse"), { n: 1, down: 93, up: 0, ms: 1000 });
		tell(1500, "sse", 1, "down", ["event", 500, 7, { id: "abcdefgh-1" }]);
		tell(2300, "sse", 1, "down", ["comment", 7, 6], ["control", 80, 0, beat]);
		is("a beat behind an event", idle(trace, "sse"), { n: 2, down: 186, up: 0, ms: 1800 });
		is("an hour", perHour(idle(trace, "sse")), 186 * 3600 / 1.8);
		for (let i = 1; i <= 20; i++) tell(2300 + 2000 * i, "sse", 1, "down", ["comment", 7, 6], ["control", 80, 0, beat]);
		is("the latest", idle(trace, "sse"), { n: 10, down: 930, up: 0, ms: 20000 });
		const saved = Trace.import(JSON.parse(JSON.stringify(trace.export())));
		is("a saved trace", idle(saved, "sse"), { n: 10, down: 930, up: 0, ms: 20000 });
		tell(50000, "sse", 2, "up", ["request", 300]);
		tell(50001, "sse", 2, "down", ["response", 200], ["control", 80, 4, { topic: "$open" }]);
		is("another connection", idle(trace, "sse"), undefined);

		tell(60000, "websocket", 3, "down", ["response", 200], ["control", 60, 0, { topic: "$open" }]);
		tell(61000, "websocket", 3, "down", ["control", 47, 0, beat], ["ping", 2]);
		is("a ping without its pong", idle(trace, "websocket"), undefined);
		tell(61020, "websocket", 3, "up", ["pong", 6]);
		tell(61500, "websocket", 3, "up", ["message", 90]); // which the learner sends
		tell(61900, "websocket", 3, "down", ["control", 47, 0, beat], ["ping", 2]);
		is("a pong", idle(trace, "websocket"), { n: 1, down: 49, up: 6, ms: 1000 });
		tell(61910, "websocket", 3, "up", ["pong", 6]);
		is("two", idle(trace, "websocket"), { n: 2, down: 98, up: 12, ms: 1900 });

		const poll = (at, wait, ms, label, conn, length = 300) => {
			tell(at, "longpoll", conn, "up", ["request", 400, 0, { label: "GET /longpoll?after=abcdefgh-1&wait=" + wait }]);
			if (label) tell(at + ms, "longpoll", conn, "down", ["response", length, 0, { label }]);
		};
		poll(70000, 0, 5, "204 No Content", 10);
		poll(70010, 2, 2001, "204 No Content", 11);
		is("an empty poll", idle(trace, "longpoll"), { n: 1, down: 300, up: 400, ms: 2001 });
		poll(73000, 2, 700, "204 No Content", 12); // from a server that leaves
		poll(74000, 2, 900, "200 OK, application/json", 13);
		poll(75000, 2, 2003, "204 No Content", 14);
		is("with others between", idle(trace, "longpoll"), { n: 2, down: 600, up: 800, ms: 4004 });
		poll(80000, 5, 0, "", 15);
		is("another wait", idle(trace, "longpoll"), undefined);
		return wrong;
	})`)
}
