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
	run[chromedp.Void](p, `pushlab.lab.command("settings", { heartbeat: "off" }).then(() => {})`)
	p.wait(why("sse") + `.includes("heartbeats are off")`)
	if none := run[int](p, `document.querySelectorAll("push-cost .idle .hour, push-cost .idle .crowd").length`); none != 0 {
		t.Errorf("%d figures are shown before anything was measured", none)
	}
	p.wait(why("longpoll") + `.includes("after 25\u00a0s without an event")`)

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
		p.wait(fmt.Sprintf(`/last [3-9] /.test(%s)`, why(lane)))
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
