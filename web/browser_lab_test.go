package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"pushlab/common/hub"
	"pushlab/web"
)

// TestBrowserLab runs the teaching page in a real browser, each test with a server, and so a lab, of its own.
func TestBrowserLab(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, context.Context)
	}{
		{"Open", testLabOpen},
		{"Toolbar", testLabToolbar},
		{"StopAndStart", testLabStopAndStart},
		{"Client", testLabClient},
		{"Lasting", testLabLasting},
		{"Cut", testLabCut},
		{"Restart", testLabRestart},
		{"Stall", testLabStall},
		{"Streams", testLabStreams},
		{"ShortLog", testLabShortLog},
		{"Publish", testLabPublish},
		{"Share", testLabShare},
		{"Gone", testLabGone},
		{"Unreachable", testLabUnreachable},
		{"NoDemo", testLabNoDemo},
		{"AtEase", testLabAtEase},
		{"Widths", testLabWidths},
		{"Theme", testLabTheme},
		{"Idle", testLabIdle},
		{"Address", testLabAddress},
		{"FaultText", testFaultText},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, browser)
		})
	}
}

// Breaking connections makes the browser complain of what the tests mean to happen.
var labBroken = []string{"net::ERR_", "WebSocket connection to"}

// labPage opens the page with a lab, waits until its four lanes are open, and stops the events.
func labPage(t *testing.T, browser context.Context, tolerated ...string) *page {
	t.Helper()
	server := serve(t, hub.Config{}, web.Config{Demo: true})
	p := open(t, browser, server.url, tolerated...)
	p.wait(`window.pushlab !== undefined`)
	labCards(p, "open")
	run[chromedp.Void](p, `pushlab.lab.command("source", { rate: 0 }).then(() => {})`)
	return p
}

// labCards waits until all cards show a state.
func labCards(p *page, state string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`document.querySelectorAll("push-status [data-state=%s]").length === 4`, state))
}

// labStep publishes so many events.
func labStep(p *page, n int) {
	p.t.Helper()
	run[chromedp.Void](p, fmt.Sprintf(`(async () => { for (let i = 0; i < %d; i++) await pushlab.lab.command("step"); })()`, n))
}

// labCaughtUp waits until every lane has come to the head of the log, and says that nothing was lost.
func labCaughtUp(p *page) {
	p.t.Helper()
	p.wait(`(() => {
		const { head } = pushlab.trace.log;
		return [...pushlab.lanes.values()].every(({ cursor, state }) => state === "open" && cursor === head)
			&& [...document.querySelectorAll("push-status .proof")].every(({ textContent }) =>
				textContent.includes("0 lost, 0 repeated: proven up to #" + head.split("-")[1] + "."));
	})()`)
}

// labLedgers tells what the lanes' ledgers have counted.
func labLedgers(p *page) map[string]string {
	p.t.Helper()
	return run[map[string]string](p, `Object.fromEntries([...pushlab.lanes].map(([name, { ledger }]) =>
		[name, [ledger.lost, ledger.repeated, ledger.gaps, ledger.missed].join(" ")]))`)
}

// labAll is a map with the same value for each lane.
func labAll[T any](value T) map[string]T {
	m := map[string]T{}
	for _, name := range transports {
		m[name] = value
	}
	return m
}

func labPress(p *page, selector string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`document.querySelector(%q) && !document.querySelector(%[1]q).disabled`, selector))
	run[chromedp.Void](p, fmt.Sprintf(`document.querySelector(%q).click()`, selector))
}

// labBreak opens the panel of faults.
func labBreak(p *page) {
	p.t.Helper()
	labPress(p, "push-toolbar .break")
	p.wait(`document.querySelector("#faults")?.checkVisibility()`)
}

// labAllParts has all parts come that come late.
func labAllParts(p *page) {
	p.t.Helper()
	for _, name := range []string{"cost", "log", "story", "server", "publish", "workbench", "share", "code"} {
		lateShow(p, name)
	}
	run[chromedp.Void](p, `scrollTo({ top: 0, behavior: "instant" })`)
}

func testLabOpen(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	labStep(p, 3)
	labCaughtUp(p)
	if diff := cmp.Diff(labAll("0 0 0 0"), labLedgers(p)); diff != "" {
		t.Errorf("ledgers (-want +got):\n%s", diff)
	}
	// What an event costs comes from the tap, how late it was from the clocks of both.
	p.wait(`[...document.querySelectorAll("push-status [data-value=bytes]")].every(({ textContent }) => /^\d/.test(textContent))`)
	p.wait(`[...document.querySelectorAll("push-status [data-value=segments]")].every(({ textContent }) => Number(textContent) > 0)`)
	p.wait(`[...document.querySelectorAll("push-status [data-value=latency]")].every(({ textContent }) => / m?s · .* m?s/.test(textContent))`)
	p.wait(`document.querySelector("push-status [role=status]").textContent === "All four lanes are open."`)
	p.wait(`/clock ±\d/.test(document.querySelector("push-status .line").textContent)`)
}

func testLabToolbar(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	p.wait(`document.querySelector("push-toolbar .run").textContent.trim() === "Run"`)

	// One stop for Tab; arrows lead around.
	names := run[[]string](p, `(() => {
		const names = [];
		document.querySelector("push-toolbar .run").focus();
		for (let i = 0; i < 30; i++) {
			const { activeElement: control } = document;
			const name = control.name || control.type === "range" && "rate" || control.textContent.trim().split(/\s{2,}/)[0];
			if (name === names[0]) break;
			names.push(name);
			const stops = document.querySelectorAll("push-toolbar [tabindex='0']");
			if (stops.length !== 1 || stops[0] !== control) names.push("not the only stop");
			control.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true }));
		}
		return names;
	})()`)
	want := []string{"Run", "Step", "Publish one", "rate", "size", "kind", "trip", "http", "Break it", "Reset"}
	p.do(chromedp.EmulateViewport(1400, 900))
	if diff := cmp.Diff(want, names); diff != "" {
		// The window of a headless browser is narrow: there the settings are folded.
		if diff := cmp.Diff([]string{"Run", "Step", "Publish oneOne", "What is sent", "Break it", "Reset"}, names); diff != "" {
			t.Errorf("controls (-want +got):\n%s", diff)
		}
	}

	// The slider is logarithmic, and the server has what it says.
	for _, test := range []struct {
		place int
		rate  float64
	}{{0, 0.1}, {20, 1}, {46, 20}, {80, 1000}} {
		run[chromedp.Void](p, fmt.Sprintf(`{
			const slider = document.querySelector("push-toolbar [type=range]");
			slider.value = %d;
			slider.dispatchEvent(new Event("input"));
		}`, test.place))
		p.wait(fmt.Sprintf(`pushlab.lab.state.source.rate === %v`, test.rate))
	}
	labPress(p, "push-toolbar .run")
	p.wait(`pushlab.lab.state.source.rate === 0`)
	labPress(p, "push-toolbar .run")
	p.wait(`pushlab.lab.state.source.rate === 1000`) // it goes on as before

	// Step pauses, and sends one event.
	before := run[string](p, `pushlab.trace.log.head`)
	labPress(p, "push-toolbar .first button:nth-child(2)")
	p.wait(`pushlab.lab.state.source.rate === 0`)
	labCaughtUp(p)
	if after := run[string](p, `pushlab.trace.log.head`); after == before {
		t.Errorf("no event was published")
	}

	// The round trip is a delay each way, beside what else is set.
	run[chromedp.Void](p, `pushlab.lab.command("fault", { lane: "sse", set: "idle=10s" }).then(() => {})`)
	choose := func(name, value string) {
		run[chromedp.Void](p, fmt.Sprintf(`{
			const select = document.querySelector("push-toolbar [name=%s]");
			select.value = %q;
			select.dispatchEvent(new Event("change"));
		}`, name, value))
	}
	choose("trip", "100")
	p.wait(`Object.values(pushlab.lab.state.faults).every((fault) => fault.includes("delay=50ms")) && pushlab.lab.state.faults.sse.includes("idle=10s")`)
	choose("trip", "0")
	p.wait(`Object.values(pushlab.lab.state.faults).every((fault) => !fault.includes("delay")) && pushlab.lab.state.faults.sse.includes("idle=10s")`)
	choose("size", "4096")
	choose("kind", "emoji")
	p.wait(`pushlab.lab.state.source.size === 4096 && pushlab.lab.state.source.kind === "emoji"`)
	run[chromedp.Void](p, `Promise.all([
		pushlab.lab.command("settings", { heartbeat: "5s", retry: "1s", history: 50, compress: true, guard: false, wait: 20 }),
		pushlab.lab.command("source", { bridge: false }),
	]).then(() => {})`)

	// A reset brings back what the server makes a lab with.
	var made struct{ State json.RawMessage }
	p.wait(`pushlab.lab.state.settings.history === 50`)
	another := serve(t, hub.Config{}, web.Config{Demo: true})
	response, body := another.request("POST", "/lab", nil, "")
	if err := json.Unmarshal(body, &made); err != nil {
		t.Fatalf("%s: %v", response.Status, err)
	}
	labPress(p, "push-toolbar .reset")
	p.wait(fmt.Sprintf(`((made) => ["source", "settings"].every((part) =>
		Object.entries(made[part]).every(([name, value]) => JSON.stringify(pushlab.lab.state[part][name]) === JSON.stringify(value))))(%s)`, made.State))
	p.wait(`!pushlab.lab.state.down && !pushlab.lab.state.faults.sse`)
	labCards(p, "open")
}

func testLabStopAndStart(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	labStep(p, 2)
	labCaughtUp(p)
	toggle := `document.querySelectorAll("push-status .toggle").forEach((button) => button.click())`
	run[chromedp.Void](p, toggle)
	labCards(p, "closed")
	labStep(p, 5)
	p.wait(`[...document.querySelectorAll("push-status .proof")].every(({ textContent }) => textContent.includes("5 wait in the log."))`)
	run[chromedp.Void](p, toggle)
	labCaughtUp(p)
	if diff := cmp.Diff(labAll("0 0 0 0"), labLedgers(p)); diff != "" {
		t.Errorf("ledgers (-want +got):\n%s", diff)
	}
}

// The SSE lane has two clients; the second goes on where the first was.
func testLabClient(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	labStep(p, 2)
	labCaughtUp(p)
	for _, client := range []string{"fetch", "EventSource"} {
		run[chromedp.Void](p, fmt.Sprintf(`[...document.querySelectorAll("[name=client-sse]")].find((input) => input.parentElement.textContent === %q).click()`, client))
		p.wait(fmt.Sprintf(`pushlab.lanes.get("sse").client === %q`, client))
		labStep(p, 2)
		labCaughtUp(p)
	}
	if got := labLedgers(p)["sse"]; got != "0 0 0 0" {
		t.Errorf("the ledger says %s", got)
	}
}

// What stays set is shown, and can be taken away.
func testLabLasting(t *testing.T, browser context.Context) {
	p := labPage(t, browser, append(labBroken, "the server responded with a status of")...)
	labBreak(p)
	for _, test := range []struct{ fault, part string }{
		{"idle", "idle=10s"}, {"split", "down:split=1B"}, {"narrow", "rate=2KiB/s"}, {"unavailable", "answer=503"},
	} {
		button := fmt.Sprintf(`[data-fault=%s] button[aria-pressed]`, test.fault)
		labPress(p, button)
		p.wait(fmt.Sprintf(`Object.values(pushlab.lab.state.faults).every((fault) => fault.includes(%q))`, test.part))
		p.wait(fmt.Sprintf(`document.querySelector(%q).ariaPressed === "true"`, button))
		p.wait(fmt.Sprintf(`[...document.querySelectorAll("#faults .chip code")].some(({ textContent }) => textContent.startsWith(%q))`, test.part))
		labPress(p, button)
		p.wait(fmt.Sprintf(`Object.values(pushlab.lab.state.faults).every((fault) => !fault.includes(%q))`, test.part))
	}

	// For one lane.
	run[chromedp.Void](p, `document.querySelectorAll("[name=fault-target]")[3].click()`)
	labPress(p, `[data-fault=idle] button[aria-pressed]`)
	p.wait(`pushlab.lab.state.faults.sse === "idle=10s" && !pushlab.lab.state.faults.websocket`)
	run[chromedp.Void](p, `document.querySelectorAll("[name=fault-target]")[0].click()`)
	p.wait(`document.querySelector("[data-fault=idle] button[aria-pressed]").ariaPressed === "mixed"`)
	labPress(p, `#faults .chip button`)
	p.wait(`!pushlab.lab.state.faults.sse`)

	// A proxy in the middle: a real one if there is one.
	labPress(p, `[data-fault=buffer] button`)
	p.wait(`pushlab.lab.description.nginx ? Object.keys(pushlab.lab.state.nginx).length === 4 : pushlab.lab.state.faults.sse.includes("buffer")`)
	p.wait(`pushlab.trace.spans.some(({ lane, kind, text, to }) => lane === "sse" && to === undefined &&
		(pushlab.lab.description.nginx ? kind === "nginx" && text === "buffering" : kind === "fault"))`) // which the picture shows
	labPress(p, `#faults .mend`)
	p.wait(`Object.keys(pushlab.lab.state.nginx ?? {}).length === 0 && Object.values(pushlab.lab.state.faults).every((fault) => !fault)`)
	p.wait(`document.querySelector("#faults .mend").disabled`)
	p.wait(`pushlab.trace.spans.every(({ to }) => to !== undefined)`)

	// Escape closes it, and leads back to where one was.
	run[chromedp.Void](p, `document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }))`)
	run[chromedp.Void](p, `document.querySelector("#faults h2").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }))`)
	p.wait(`!document.querySelector("#faults").checkVisibility()`)
}

func testLabCut(t *testing.T, browser context.Context) {
	p := labPage(t, browser, append(labBroken, "the server responded with a status of 503")...)
	labBreak(p)
	for _, fault := range []string{"fin", "rst", "unavailable"} {
		labStep(p, 2)
		labCaughtUp(p)
		labPress(p, fmt.Sprintf(`[data-fault=%s] button`, fault))
		p.wait(`["httpstream", "sse", "websocket"].every((name) => pushlab.lanes.get(name).state === "connecting")`)
		labStep(p, 2)
		labCaughtUp(p) // what was published meanwhile, too
	}
	lateShow(p, "server")
	labPress(p, "push-server .kick") // the first lane that is connected
	p.wait(`pushlab.trace.items.some(({ kind, label }) => kind === "fault" && label === "changed")`)
	labCaughtUp(p)
	if diff := cmp.Diff(labAll("0 0 0 0"), labLedgers(p)); diff != "" {
		t.Errorf("ledgers (-want +got):\n%s", diff)
	}
}

func testLabRestart(t *testing.T, browser context.Context) {
	p := labPage(t, browser, labBroken...)
	labStep(p, 2)
	labCaughtUp(p)
	labBreak(p)
	restart := `[data-fault=restart] .do button`
	labPress(p, restart)
	p.wait(`[...pushlab.lanes.values()].some(({ state }) => state === "connecting")`)
	labCaughtUp(p)
	if diff := cmp.Diff(labAll("0 0 0 0"), labLedgers(p)); diff != "" {
		t.Errorf("the log was kept: ledgers (-want +got):\n%s", diff)
	}

	// Without the log every lane has a gap, and none a loss that it was not told of.
	run[chromedp.Void](p, `document.querySelectorAll("[name=restart-log]")[1].click()`)
	run[chromedp.Void](p, `document.querySelectorAll("[name=restart-polite]")[1].click()`)
	labPress(p, restart)
	p.wait(`[...pushlab.lanes.values()].every(({ ledger, state }) => ledger.gaps === 1 && state === "open")`)
	labStep(p, 2)
	labCaughtUp(p)
	p.wait(`[...document.querySelectorAll("push-status .proof")].every(({ textContent }) => textContent.includes("1 gap announced"))`)
}

// A client that reads nothing gets everything when it reads again.
func testLabStall(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	if !run[bool](p, `crossOriginIsolated`) {
		t.Fatal("the page is not isolated: a worker cannot sleep")
	}
	labStep(p, 2)
	labCaughtUp(p)
	labBreak(p)
	button := `[data-fault=stall] button`
	labPress(p, button)
	labCards(p, "stalled")
	labStep(p, 4)
	p.wait(`[...document.querySelectorAll("push-status .proof")].every(({ textContent }) => textContent.includes("4 on their way."))`)
	labPress(p, button)
	labCaughtUp(p)
	if diff := cmp.Diff(labAll("0 0 0 0"), labLedgers(p)); diff != "" {
		t.Errorf("ledgers (-want +got):\n%s", diff)
	}
}

// The lane has one of the six connections to its host; WebSockets and other hosts are not counted.
func testLabStreams(t *testing.T, browser context.Context) {
	p := labPage(t, browser, labBroken...)
	labBreak(p)
	count := func(state string) string {
		return fmt.Sprintf(`document.querySelectorAll("push-streams [data-state=%s]").length`, state)
	}
	button := `push-streams .row:nth-child(2) button`
	labPress(p, button)
	p.wait(count("open") + ` === 5 && ` + count("waiting") + ` === 2`)
	labPress(p, button) // closes them
	p.wait(`document.querySelector("push-streams .places") === null`)
	run[chromedp.Void](p, `document.querySelectorAll("[name=streams-place]")[1].click()`)
	labPress(p, button)
	p.wait(count("open") + ` === 7`)
	labPress(p, button)
	p.wait(`document.querySelector("push-streams .places") === null`)
	run[chromedp.Void](p, `document.querySelectorAll("[name=streams-place]")[0].click()`)
	run[chromedp.Void](p, `document.querySelectorAll("[name=streams-kind]")[1].click()`)
	labPress(p, button)
	p.wait(count("open") + ` === 7`)
	labPress(p, "push-toolbar .reset") // closes them, too
	p.wait(`document.querySelector("push-streams .places") === null`)
}

// A log that is shorter than an absence leaves a gap, of a size that is known.
func testLabShortLog(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	labStep(p, 3)
	labCaughtUp(p)
	lateShow(p, "server")
	run[chromedp.Void](p, `{
		const slider = document.querySelector("push-server [type=range]");
		slider.value = 0;
		slider.dispatchEvent(new Event("input"));
		slider.dispatchEvent(new Event("change"));
	}`)
	p.wait(`pushlab.lab.state.settings.history === 5`)
	labPress(p, "#card-websocket ~ button")
	p.wait(`pushlab.lanes.get("websocket").state === "closed"`)
	labStep(p, 9)
	p.wait(`pushlab.trace.log.events === 5 && document.querySelectorAll("push-server [data-state=gone]").length > 0`)
	labPress(p, "#card-websocket ~ button")
	p.wait(`pushlab.lanes.get("websocket").ledger.gaps === 1`)
	labCaughtUp(p)
	want := labAll("0 0 0 0")
	want["websocket"] = "0 0 1 4"
	if diff := cmp.Diff(want, labLedgers(p)); diff != "" {
		t.Errorf("ledgers (-want +got):\n%s", diff)
	}
	p.wait(`document.querySelector("[data-lane=websocket] .proof").textContent.includes("1 gap announced, 4 missed.")`)
}

func testLabPublish(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	lateShow(p, "publish")
	labPress(p, "push-publish form button")
	p.wait(`[...document.querySelectorAll("push-publish tbody tr")].every(({ textContent }) => / ms[^]*\d+ B ↑ \d+ B ↓/.test(textContent))`)
	up := run[map[string]int](p, `Object.fromEntries([...document.querySelectorAll("push-publish tbody tr")].map((row) =>
		[row.dataset.lane, Number(/(\d+) B ↑/.exec(row.textContent)[1])]))`)
	for _, name := range transports[:3] {
		if up[name] < 3*up["websocket"] {
			t.Errorf("a POST by %s took %d bytes, a frame %d: expected many more", name, up[name], up["websocket"])
		}
	}
	labCaughtUp(p)
}

// A trace that was saved is shown without a lab: nothing of it is live, nothing can be sent.
func testLabShare(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	labStep(p, 3)
	labCaughtUp(p)
	lateShow(p, "share")
	for _, name := range transports {
		want := fmt.Sprintf("/%s?after=%s", name, run[string](p, `pushlab.trace.log.head`))
		run[chromedp.Void](p, fmt.Sprintf(`document.querySelectorAll("[name=share-lane]")[%d].click()`, slices.Index(transports, name)))
		if got := run[string](p, `document.querySelector("push-share pre").textContent`); !strings.Contains(got, want) {
			t.Errorf("%s: the command is %q, want it to have %q", name, got, want)
		}
	}

	items := run[int](p, `pushlab.trace.items.length`)
	run[chromedp.Void](p, `(async () => {
		const Trace = pushlab.trace.constructor;
		pushlab.show(Trace.import(JSON.parse(JSON.stringify(pushlab.trace.export()))));
	})()`)
	p.wait(`document.querySelector("push-status [role=status]").textContent.startsWith("A saved trace")`)
	if got := run[int](p, `pushlab.trace.items.length`); got < items {
		t.Errorf("%d items, there were %d", got, items)
	}
	p.wait(`document.querySelector("push-toolbar .run").disabled && document.querySelector("push-status .toggle").disabled`)
}

// Who has lost his lab gets another one, and is told.
func testLabGone(t *testing.T, browser context.Context) {
	p := labPage(t, browser, append(labBroken, "the server responded with a status of")...)
	id := run[string](p, `pushlab.lab.id`)

	// Who looks at a moment keeps it, until he wants a new lab.
	run[chromedp.Void](p, `pushlab.set({ paused: true, end: 100 })`)
	run[chromedp.Void](p, `fetch("/lab/" + pushlab.lab.id, { method: "DELETE" }).then(() => {})`)
	p.wait(`document.querySelector("push-notices button")?.textContent === "Begin a new lab"`)
	run[chromedp.Void](p, `setTimeout(() => document.querySelector("push-notices button").click())`)
	again := func(condition string) {
		t.Helper()
		after(t, condition, func() bool { // while the page is loaded there is nobody to ask
			yes, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](condition))
			return err == nil && yes
		})
	}
	again(fmt.Sprintf(`Boolean(window.pushlab?.lab) && pushlab.lab.id !== %q && document.querySelectorAll("push-status [data-state=open]").length === 4`, id))
	p.wait(`document.querySelector("push-notices").textContent.includes("This is a new one")`)

	// Who looks on gets one at once.
	id = run[string](p, `pushlab.lab.id`)
	run[chromedp.Void](p, `void setTimeout(() => fetch("/lab/" + pushlab.lab.id, { method: "DELETE" }))`)
	again(fmt.Sprintf(`Boolean(window.pushlab?.lab) && pushlab.lab.id !== %q && document.querySelectorAll("push-status [data-state=open]").length === 4`, id))
	p.wait(`document.querySelector("push-notices").textContent.includes("This is a new one")`)
}

// Where the lanes' ports lead nowhere, as when the page's own port alone is forwarded, the page says what to do.
func testLabUnreachable(t *testing.T, browser context.Context) {
	p := labPage(t, browser, labBroken...)
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{
			Source: `const whole = fetch;
				window.fetch = async (...request) => {
					const response = await whole(...request);
					if (request[0] !== "/lab") return response;
					const description = await response.json();
					Object.values(description.lanes).forEach((lane, i) => { lane.port = 2 + i; });
					return Response.json(description, { status: response.status });
				};`,
		})
		return err
	}), chromedp.Reload())
	p.wait(`document.querySelector("push-notices")?.textContent.includes("ssh -L 2:127.0.0.1:2 ")`)
	p.wait(`document.querySelector("push-status [role=status]").textContent.startsWith("0 of 4 lanes open. Connecting: Long polling")`)
}

// Without the demo there is the plain page, and the teaching page says why it is empty.
func testLabNoDemo(t *testing.T, browser context.Context) {
	server := serveBrowser(t)
	p := open(t, browser, server.url)
	waitForLanes(p)
	p = open(t, browser, server.url+"/index.html", "the server responded with a status of 404", "no demo here")
	p.wait(`document.querySelector("push-notices")?.textContent.includes("no demo here")`)
}

// However many events there are, the page draws no more often than eyes can follow, and speaks seldom.
func testLabAtEase(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	run[chromedp.Void](p, `pushlab.lab.command("source", { rate: 1000 }).then(() => {})`)
	p.wait(`[...pushlab.lanes.values()].every(({ ledger }) => ledger.events > 1000)`)
	type counts struct{ Drawn, Said, Frames, Events int }
	got := run[counts](p, `new Promise((resolve) => {
		const counts = { Drawn: 0, Said: 0, Frames: 0, Events: -pushlab.lanes.get("sse").ledger.events };
		const drawn = new MutationObserver(() => counts.Drawn++);
		const said = new MutationObserver(() => counts.Said++);
		const options = { subtree: true, childList: true, characterData: true };
		drawn.observe(document.querySelector("push-status .cards"), options);
		said.observe(document.querySelector("push-status [role=status]"), options);
		const frame = () => { counts.Frames++; requestAnimationFrame(frame); };
		frame();
		setTimeout(() => {
			drawn.disconnect();
			said.disconnect();
			counts.Events += pushlab.lanes.get("sse").ledger.events;
			resolve(counts);
		}, 4000);
	})`)
	t.Logf("in 4 s: %+v", got)
	if got.Drawn == 0 || got.Drawn > 42 {
		t.Errorf("the cards were drawn %d times in 4 s, want at most 10 a second", got.Drawn)
	}
	if got.Said > 1 {
		t.Errorf("%d announcements in 4 s, want one in 5 s at most", got.Said)
	}
	if got.Events < 1000 || got.Frames < 20 {
		t.Errorf("%d events and %d frames in 4 s: the page does not keep up", got.Events, got.Frames)
	}
	run[chromedp.Void](p, `pushlab.lab.command("source", { rate: 0 }).then(() => {})`)
	labCaughtUp(p)
}

// Nothing of the page is wider than the window, and what can be pressed is large enough.
func testLabWidths(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	labAllParts(p)
	for _, width := range []int64{320, 390, 640, 768, 900, 1100, 1500, 1920} {
		p.do(chromedp.EmulateViewport(width, 800))
		p.wait(fmt.Sprintf(`innerWidth === %d`, width))
		for _, breaking := range []bool{false, true} {
			run[chromedp.Void](p, fmt.Sprintf(`pushlab.set({ breaking: %v })`, breaking))
			// The parts follow when they draw the next time.
			wide := run[[]string](p, `(async () => {
				for (let i = 0; i < 120 && document.documentElement.scrollWidth > innerWidth; i++) await new Promise(requestAnimationFrame);
				if (document.documentElement.scrollWidth <= innerWidth) return [];
				return [...document.querySelectorAll("body *")].filter((element) =>
					element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 1 && !element.closest(".scroll-x, push-timeline"))
					.slice(0, 8).map((element) => element.localName + "." + element.className);
			})()`)
			if len(wide) > 0 {
				t.Errorf("at %d, breaking %v: the page is wider than the window; beyond the edge are %s", width, breaking, wide)
			}
		}
		small := run[[]string](p, `[...document.querySelectorAll("push-masthead, push-toolbar, push-status, push-faults, push-server, push-publish, push-share, push-lanes")]
			.flatMap((part) => [...part.querySelectorAll("button, select, a, .switch label")])
			.filter((control) => control.checkVisibility())
			.filter((control) => { const { width, height } = control.getBoundingClientRect(); return width < 24 || height < 24; })
			.map((control) => control.closest("[class]").className + ": " + control.textContent.trim())`)
		if len(small) > 0 {
			t.Errorf("at %d: smaller than 24 pixels (WCAG 2.2, 2.5.8): %s", width, small)
		}
	}
	// On a phone one lane is shown, or two.
	p.do(chromedp.EmulateViewport(320, 800))
	p.wait(`[...pushlab.view.lanes].join() === "sse"`)
	labPress(p, `push-lanes [data-lane=websocket]`)
	p.wait(`[...pushlab.view.lanes].join() === "websocket"`)
	labPress(p, `push-lanes .compare`)
	p.wait(`[...pushlab.view.lanes].join() === "websocket,sse"`)
}

// A theme that was chosen is there again after a reload, before anything is drawn.
func testLabTheme(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	paper := func() string { return run[string](p, `getComputedStyle(document.body).backgroundColor`) }
	light := paper()
	run[chromedp.Void](p, `document.querySelectorAll("[name=theme]")[2].click()`)
	p.wait(`document.documentElement.dataset.theme === "dark"`)
	dark := paper()
	if light == dark {
		t.Errorf("the paper is %s in both themes", light)
	}
	p.do(chromedp.Reload())
	p.wait(`window.pushlab !== undefined && pushlab.view.theme === "dark"`)
	if got := paper(); got != dark {
		t.Errorf("after a reload the paper is %s, want %s", got, dark)
	}
	labCards(p, "open")
}

// The address names a moment.
func testLabAddress(t *testing.T, browser context.Context) {
	p := labPage(t, browser)
	run[chromedp.Void](p, `pushlab.set({ end: 1234.4, selected: "17.0" })`)
	p.wait(`location.hash === "#at=1234&item=17.0"`)
	run[chromedp.Void](p, `location.hash = "#at=99&item=m2"`)
	p.wait(`pushlab.view.end === 99 && pushlab.view.selected === "m2" && pushlab.view.paused`)
	run[chromedp.Void](p, `pushlab.set({ end: null, selected: null, paused: false })`)
	p.wait(`location.hash === ""`)
	labPress(p, "push-masthead .lessons button")
	p.wait(`pushlab.view.lesson === 1 && location.hash === "#lesson=1"`)
	run[chromedp.Void](p, `location.hash = "#lesson=4"`)
	p.wait(`pushlab.view.lesson === 4 && document.querySelector("push-masthead .lessons").textContent.includes("4/9")`)

	// An address that the page writes between a change of it and the news of that change does not undo it.
	run[chromedp.Void](p, `(location.hash = "#lesson=5", history.replaceState(null, "", "#lesson=4"))`)
	p.wait(`pushlab.view.lesson === 5 && location.hash === "#lesson=5"`)
}

func testFaultText(t *testing.T, browser context.Context) {
	address, _ := script(t, "")
	p := open(t, browser, address)
	got := run[[]string](p, `import("/lab/faults.js").then(({ change, without, faultCommands, milliseconds }) => [
		change("", { "down:stall": "" }),
		change("none", { cut: "fin@5s" }),
		change("delay=50ms,down:stall,answer=503/5x/type:text/html", { delay: undefined, idle: "10s" }),
		change("delay=100ms±20ms", { delay: "10ms" }),
		without("delay=50ms,up:delay=1ms,stall", (name) => name === "delay"),
		JSON.stringify(faultCommands({ a: "x", b: "x" })),
		JSON.stringify(faultCommands({ a: "x", b: "" })),
		String(milliseconds("1m30.5s")), String(milliseconds("150ms±20ms")), String(milliseconds()),
	])`)
	want := []string{
		"down:stall", "cut=fin@5s", "down:stall,answer=503/5x/type:text/html,idle=10s", "delay=10ms", "up:delay=1ms,stall",
		`[{"lane":"all","set":"x"}]`, `[{"lane":"a","set":"x"},{"lane":"b","set":"none"}]`, "90500", "150", "0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWords checks that every text that the page asks for by name is there, in the file of its area.
func TestWords(t *testing.T) {
	words := map[string]any{}
	files, err := filepath.Glob("static/text/en/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no words: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var area map[string]any
		if err := json.Unmarshal(text, &area); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := strings.Split(strings.TrimSuffix(filepath.Base(file), ".json"), ".")
		node := words
		for _, part := range name {
			if node[part] == nil {
				node[part] = map[string]any{}
			}
			node = node[part].(map[string]any)
		}
		for key, value := range area {
			if part, ok := value.(map[string]any); ok && node[key] != nil {
				maps.Copy(part, node[key].(map[string]any)) // of a file that was read before
			}
			node[key] = value
		}
	}
	// Names that are put together at run time are checked as far as they are known: up to the first ${.
	call := regexp.MustCompile("\\bt\\((['`])([\\w.-]+?)(\\.?\\$\\{[^`]*`|['`])")
	for _, pattern := range []string{"static/*.js", "static/ui/*.js", "static/lab/*.js", "static/lessons/*.js"} {
		scripts, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range scripts {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range call.FindAllStringSubmatch(string(text), -1) {
				name, open := match[2], strings.Contains(match[3], "${")
				if open && !strings.HasPrefix(match[3], ".") {
					continue // the last part goes on
				}
				var at any = words
				for part := range strings.SplitSeq(name, ".") {
					node, _ := at.(map[string]any)
					at = node[part]
				}
				_, isText := at.(string)
				if _, isNode := at.(map[string]any); !isText && !(open && isNode) {
					t.Errorf("%s asks for %q, which is not there", file, name)
				}
			}
		}
	}
}
