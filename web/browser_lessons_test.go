package web_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"pushlab/common/hub"
	"pushlab/web"
)

// TestBrowserLessons takes the nine lessons as a learner does, in a real browser, each with a server of its own.
func TestBrowserLessons(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, context.Context)
	}{
		{"Facts", testLessonFacts},
		{"Words", testLessonWords},
		{"Advice", testLessonAdvice},
		{"1Asking", testLessonAsking},
		{"2Holding", testLessonHolding},
		{"3Cost", testLessonCost},
		{"4Streaming", testLessonStreaming},
		{"5Resuming", testLessonResuming},
		{"6Switching", testLessonSwitching},
		{"7Middle", testLessonMiddle},
		{"7MiddleImitated", testLessonMiddleImitated},
		{"8Many", testLessonMany},
		{"9Load", testLessonLoad},
		{"DeepLink", testLessonDeepLink},
		{"LeftHalfway", testLessonLeftHalfway},
		{"KnownState", testLessonKnownState},
		{"WithoutEvidence", testLessonWithoutEvidence},
		{"Keyboard", testLessonKeyboard},
		{"Quiz", testLessonQuiz},
		{"Decide", testLessonDecide},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, browser)
		})
	}
}

// lessonBroken is what a browser complains of when a lesson breaks connections, or a proxy answers without CORS.
var lessonBroken = []string{"net::ERR_", "WebSocket connection to", "blocked by CORS policy", "Failed to load resource"}

// A lessonPage is the page with a lesson that can be taken.
type lessonPage struct {
	*page
	before string // how the lab and the lanes were
}

// openLessons opens the page.
func openLessons(t *testing.T, browser context.Context) *lessonPage {
	t.Helper()
	p := &lessonPage{page: openDemo(t, browser, "")}
	p.wait(lessonAllOpen)
	p.before = p.state()
	return p
}

func openDemo(t *testing.T, browser context.Context, hash string) *page {
	t.Helper()
	server := serve(t, hub.Config{}, web.Config{Demo: true})
	p := open(t, browser, server.url+"/"+hash, lessonBroken...)
	p.wait(`window.pushlab !== undefined && document.querySelector(".lesson") !== null`)
	return p
}

const lessonAllOpen = `[...pushlab.lanes.values()].every(({ state }) => state === "open")`

// state is what a lesson must not leave changed.
func (p *lessonPage) state() string {
	p.t.Helper()
	return run[string](p.page, `(() => {
		const { source, settings, faults, nginx } = pushlab.lab.state;
		const lanes = [...pushlab.lanes.values()].map(({ name, state, stalled, options, h2, client }) => ({ name, state, stalled, options, h2, client }));
		return JSON.stringify({ source, settings, faults, nginx, lanes, shown: [...pushlab.view.lanes], paused: pushlab.view.paused }, null, 1);
	})()`)
}

// begin goes to a lesson, and predicts.
func (p *lessonPage) begin(lesson int, prediction string) {
	p.t.Helper()
	run[chromedp.Void](p.page, fmt.Sprintf(`pushlab.set({ lesson: %d })`, lesson))
	p.wait(fmt.Sprintf(`document.querySelector('.lesson[data-lesson="%d"][data-stage=question]') !== null`, lesson))
	if locked := run[bool](p.page, `[...document.querySelectorAll(".lesson .controls :is(button, fieldset)")].every(({ disabled }) => disabled)`); !locked {
		p.t.Error("controls can be used before a prediction was made")
	}
	p.click(fmt.Sprintf(`.lesson input[name=prediction][value=%s]`, prediction))
	p.click(`.lesson .predict button`)
	p.wait(`document.querySelector(".lesson[data-stage=try]") !== null`)
}

func (p *lessonPage) click(selector string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`document.querySelector(%q) && !document.querySelector(%[1]q).disabled`, selector))
	run[chromedp.Void](p.page, fmt.Sprintf(`document.querySelector(%q).click()`, selector))
}

// press presses the button of a control, and choose one of its values; both wait until it is done.
func (p *lessonPage) press(control string) {
	p.t.Helper()
	p.click(fmt.Sprintf(`[data-control=%s] button`, control))
	p.done(control)
}

func (p *lessonPage) choose(control, value string) {
	p.t.Helper()
	p.click(fmt.Sprintf(`[data-control=%s] input[value="%s"]`, control, value))
	p.done(control)
}

func (p *lessonPage) done(control string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`!document.querySelector("[data-control=%s] .result").textContent.includes("Under way")`, control))
	if text := run[string](p.page, fmt.Sprintf(`document.querySelector("[data-control=%s] .result").textContent`, control)); strings.Contains(text, "did not work") {
		p.t.Errorf("%s: %s", control, text)
	}
}

// sees waits until observations have ticked themselves off.
func (p *lessonPage) sees(observations ...string) {
	p.t.Helper()
	for _, key := range observations {
		p.wait(fmt.Sprintf(`document.querySelector("[data-observation=%s].is-seen .state")?.textContent === "seen"`, key))
	}
}

// ends checks the explanation, which is there when all was seen, with numbers in all of its places; then leaves, and
// checks that nothing stays changed.
func (p *lessonPage) ends(verdict string, leftOut int) {
	p.t.Helper()
	p.wait(`document.querySelector(".lesson[data-stage=explained] .verdict") !== null`)
	if got := run[string](p.page, `document.querySelector(".lesson .verdict").textContent.trim()`); !strings.HasPrefix(got, verdict) {
		p.t.Errorf("the verdict is %q, want %q", got, verdict)
	}
	text := run[string](p.page, `document.querySelector(".lesson").textContent`)
	if i := strings.IndexAny(text, "{}"); i >= 0 {
		p.t.Errorf("a figure is missing: …%s…", text[max(0, i-60):min(len(text), i+60)])
	}
	if i := strings.Index(text, "lessons."); i >= 0 {
		p.t.Errorf("a text is missing: …%s…", text[max(0, i-60):min(len(text), i+60)])
	}
	// A paragraph whose figures nobody has measured is left out.
	if left := run[int](p.page, `import("/text.js").then(async ({ load, t }) => {
		await load("lessons");
		const { lessons } = await import("/lessons/index.js");
		const all = t("lessons." + lessons[pushlab.view.lesson - 1].key + ".why").split("\n\n").length;
		return all - document.querySelectorAll(".lesson .why > p:not(.verdict)").length + 1; // the last is about DevTools
	})`); left != leftOut {
		p.t.Errorf("%d paragraphs are left out, want %d", left, leftOut)
	}
	if leftOut == 0 {
		p.figures()
	}
	p.shows()
	run[chromedp.Void](p.page, `pushlab.set({ lesson: null })`)
	p.wait(lessonAllOpen)
	p.wait(`document.querySelector(".lesson[data-stage=idle]") !== null`)
	p.restored()
}

// figures checks that all that the lesson has measured is told somewhere, and that all that is told was measured.
func (p *lessonPage) figures() {
	p.t.Helper()
	if bad := run[[]string](p.page, `Promise.all([import("/lessons/index.js"), import("/text.js")]).then(async ([{ lessons }, { load, t }]) => {
		await load("lessons");
		const { lesson: { key, observations } } = await lessons[pushlab.view.lesson - 1].load();
		const places = (name) => [...t("lessons." + name).matchAll(/\{([^{}|]+)/g)].map(([, place]) => place);
		const told = new Set([
			...places(key + ".fact"), ...places(key + ".why"), ...places("decide.evidence." + key),
			...observations.flatMap(({ key: seen }) => places(key + ".observations." + seen + ".seen").map((place) => seen + "." + place)),
		]);
		const measured = new Set(Object.keys(document.querySelector("push-lesson").progress.of(key).figures));
		return [
			...[...measured.difference(told)].map((name) => name + " is computed, and no text has it"),
			...[...told.difference(measured)].map((name) => name + " is in a text, and not computed"),
		];
	})`); len(bad) > 0 {
		p.t.Errorf("%s", strings.Join(bad, "; "))
	}
}

// shows follows each pointer of the observations into the trace.
func (p *lessonPage) shows() {
	p.t.Helper()
	if bad := run[[]string](p.page, `[...document.querySelectorAll(".lesson .found button")].flatMap((button) => {
		pushlab.select(null);
		button.click();
		return pushlab.trace.find(pushlab.view.selected) ? [] : [button.getAttribute("aria-label")];
	})`); len(bad) > 0 {
		p.t.Errorf("these lead nowhere: %q", bad)
	}
}

// restored checks that the lab is as it was.
func (p *lessonPage) restored() {
	p.t.Helper()
	for range 100 { // what is undone takes some commands, each with an answer
		if p.state() == p.before {
			return
		}
		run[chromedp.Void](p.page, `new Promise((resolve) => pushlab.addEventListener("frame", () => resolve(), { once: true }))`)
	}
	p.t.Errorf("the lesson left its traces (-before +after):\n%s", cmp.Diff(p.before, p.state()))
}

// testLessonWords finds every text that the lessons may need.
func testLessonWords(t *testing.T, browser context.Context) {
	p := openModule(t, browser)
	if missing := run[[]string](p, `Promise.all([import("/lessons/index.js"), import("/lessons/advice.js"), import("/text.js")]).then(
		async ([{ lessons }, { questions, reasons }, { load, t }]) => {
		await Promise.all([load("shell"), load("lessons")]);
		const names = [];
		for (const { lesson: { key, options, controls, observations, specs, quiz, table, study } } of await Promise.all(lessons.map(({ load }) => load()))) {
			const need = (...of) => names.push(...of.map((name) => "lessons." + key + "." + name));
			names.push("shell.lessons.titles." + key);
			need("intro", "question", "fact", "why", "devtools", ...options.map((option) => "options." + option));
			for (const { key: control, values = [] } of controls) {
				need("controls." + control + ".label", ...values.map((value) => "controls." + control + ".options." + value.replace(".", "-")));
			}
			for (const { key: seen } of observations) need("observations." + seen + ".text", "observations." + seen + ".seen");
			for (const { key: spec, url } of specs) {
				need("specs." + spec);
				if (!url.startsWith("https://")) names.push(url);
			}
			for (const { key: asked, options, right } of quiz) {
				need("quiz." + asked + ".question", "quiz." + asked + ".why", ...options.map((option) => "quiz." + asked + ".options." + option));
				if (!options.includes(right)) names.push("quiz." + asked + " has no right answer");
			}
			if (table) need("caption", "columns.0");
			if (study) {
				need(...["title", "intro", "conditions", "rate", "caption", "range", "again"].map((name) => "study." + name));
				need(...study.charts.flatMap(({ key: chart }) => ["title", "found", "label"].map((name) => "study." + chart + "." + name)));
			}
			names.push("lessons.decide.evidence." + key);
		}
		for (const { key, options } of questions) {
			names.push("lessons.decide.questions." + key + ".question", ...options.map((option) => "lessons.decide.questions." + key + ".options." + option));
		}
		for (const { key, lesson } of reasons) {
			names.push("lessons.decide.reasons." + key);
			if (!lessons.some(({ key }) => key === lesson)) names.push("there is no lesson " + lesson);
		}
		return names.filter((name) => t(name) === name);
	})`); len(missing) > 0 {
		t.Errorf("these texts are missing: %q", missing)
	}
	// What the lessons point to as our code must be there, under the name that the page's code has for it.
	if missing := run[[]string](p, `import("/lessons/index.js").then(async ({ lessons }) => {
		const missing = [];
		for (const { file, at, page } of (await Promise.all(lessons.map(({ load }) => load()))).flatMap(({ lesson }) => lesson.code)) {
			const answer = await fetch(page ? "/" + page : "/source/" + file);
			if (!answer.ok || (file && !(at in (await answer.json()).functions))) missing.push(page ?? file + ": " + at);
		}
		return missing;
	})`); len(missing) > 0 {
		t.Errorf("this code is not there: %q", missing)
	}
}

// openModule opens a page from which modules can be tried.
func openModule(t *testing.T, browser context.Context) *page {
	t.Helper()
	return open(t, browser, serve(t, hub.Config{}, web.Config{Demo: true}).url+"/minimal/index.html")
}

// testLessonAdvice weighs answers whose outcome nobody would dispute, and looks whether some way never fits.
func testLessonAdvice(t *testing.T, browser context.Context) {
	p := openModule(t, browser)
	for _, c := range []struct{ direction, clients, middle, rate, auth, infra, want string }{
		{"down", "browsers", "own", "some", "cookie", "ordinary", "sse"},
		{"both", "browsers", "own", "flood", "cookie", "ordinary", "websocket"},
		{"down", "simple", "own", "rare", "header", "ordinary", "longpoll"},
		{"down", "mixed", "own", "some", "header", "ordinary", "httpstream"},
		{"both", "browsers", "own", "flood", "cookie", "short", "longpoll"}, // what ends requests rules all streams out
		{"down", "browsers", "own", "some", "cookie", "tabs", "sse websocket"},
	} {
		got := run[string](p, fmt.Sprintf(`import("/lessons/advice.js").then(({ advise }) => advise({
			direction: %q, clients: %q, middle: %q, rate: %q, auth: %q, infra: %q }).best.map(({ name }) => name).join(" "))`,
			c.direction, c.clients, c.middle, c.rate, c.auth, c.infra))
		if got != c.want {
			t.Errorf("%+v: the advice is %s", c, got)
		}
	}
	if best := run[map[string]int](p, `import("/lessons/advice.js").then(({ advise, questions }) => {
		let all = [{}];
		for (const { key, options } of questions) all = all.flatMap((answers) => options.map((option) => ({ ...answers, [key]: option })));
		const best = {};
		for (const answers of all) for (const { name } of advise(answers).best) best[name] = (best[name] ?? 0) + 1;
		return best;
	})`); len(best) != 4 {
		t.Errorf("best of all answers: %v; some way never is", best)
	}
}

// testLessonFacts tries the observations on invented traces: what proves them, and what only looks like it.
func testLessonFacts(t *testing.T, browser context.Context) {
	p := openModule(t, browser)
	source, err := os.ReadFile("testdata/lessonfacts.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, failure := range run[[]string](p, "("+string(source)+")()") {
		t.Error(failure)
	}
}

func testLessonAsking(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.begin(1, "none")
	p.choose("every", "1")
	p.sees("empty", "waited")
	p.press("publish")
	p.choose("every", "0.25")
	p.sees("oftener")
	p.ends("You said “None of them”; it was “About eight of them”.", 0)
}

func testLessonHolding(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.begin(2, "now")
	p.choose("wait", "2")
	p.sees("held", "timeout")
	p.choose("wait", "20") // so that it waits still when the event comes, however busy the machine is
	p.wait(`(() => { // a request that has been waiting for a while
		const last = pushlab.trace.items.findLast(({ lane, kind }) => lane === "longpoll" && kind === "request");
		const answered = pushlab.trace.items.some(({ kind, conn, exchange }) => kind === "response" && conn === last.conn && exchange === last.exchange);
		return !answered && pushlab.lab.now() - last.at > 500;
	})()`)
	p.press("publish")
	p.sees("caught", "cursor")
	p.ends("You said “At once”, and so it was.", 0)
}

func testLessonCost(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.begin(3, "unsure")
	p.press("weigh")
	p.sees("everywhere", "again", "framing")
	p.choose("size", "16384")
	p.press("weigh")
	p.sees("large")
	p.wait(`document.querySelectorAll(".lesson tbody tr").length === 4`)
	p.ends("It was “More than 500”.", 0)
}

func testLessonStreaming(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.begin(4, "whole")
	p.sees("endless", "fields")
	p.choose("split", "on")
	p.sees("pieces")
	p.choose("split", "off")
	p.press("goodbye")
	p.wait(`pushlab.lanes.get("sse").state === "open" && pushlab.lanes.get("httpstream").state === "open" && pushlab.trace.items.some(({ topic }) => topic === "$bye")`)
	p.press("cut")
	p.sees("ends")
	p.ends("You said “The same events, whole”, and so it was.", 0)
}

func testLessonResuming(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.begin(5, "all")
	p.press("away")
	p.sees("absent", "cursor", "replayed")
	p.choose("history", "3")
	p.press("away")
	p.sees("gap")
	p.ends("You said “All five”; it was “None”.", 0)
}

func testLessonSwitching(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.begin(6, "cors")
	p.press("send")
	p.sees("switched", "masked")
	attacked := func(n int) string {
		return fmt.Sprintf(`pushlab.trace.items.filter(({ kind, label }) => kind === "request" && label.includes("from=stranger")).length >= %d`, n)
	}
	p.press("attack")
	p.wait(attacked(1))
	p.choose("guard", "off")
	p.wait(`pushlab.lanes.get("websocket").state === "open"`)
	p.press("attack")
	p.wait(attacked(2))
	p.sees("attack")
	p.choose("beat", "2s")
	p.sees("ping")
	p.ends("You said “The browser, unless CORS allows it”; it was “Only the server, by looking at Origin”.", 0)
}

func testLessonMiddle(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	if run[bool](p.page, `!pushlab.lab.description.nginx`) {
		t.Fatal("this test needs nginx: run `make deps`, or install the package nginx")
	}
	takeMiddle(p)
	if text := run[string](p.page, `document.querySelector(".lesson .note").textContent`); !strings.Contains(text, "a real nginx") {
		t.Errorf("the lesson says of its proxy: %q", text)
	}
	p.choose("gzip", "on")
	p.wait(`pushlab.lab.state.nginx.sse.gzip === true`)
	p.choose("socket", "unix")
	p.wait(`["longpoll", "sse", "websocket"].every((lane) => pushlab.lab.state.nginx[lane].unix && !pushlab.lab.state.nginx[lane].gzip)`)
	run[chromedp.Void](p.page, `{ window.chosen = pushlab.lab.now() }`)
	p.wait(`pushlab.trace.items.some(({ kind, lane, at, id }) => kind === "event" && lane === "sse" && at > window.chosen &&
		at - pushlab.trace.published.get(id)?.at < 500)`) // it passes each on at once
	p.ends("You said “Each event at once, as before”; it was “Many events together, and late”.", 0)
}

func testLessonMiddleImitated(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	run[chromedp.Void](p.page, `pushlab.lab.description.nginx = null`)
	takeMiddle(p)
	if text := run[string](p.page, `document.querySelector(".lesson .note").textContent`); !strings.Contains(text, "imitates") {
		t.Errorf("the lesson says of its proxy: %q", text)
	}
	if run[bool](p.page, `document.querySelector(":is([data-control=gzip], [data-control=socket])") !== null`) {
		t.Error("the imitation offers compression or a unix socket, which it does not have")
	}
	p.ends("You said “Each event at once, as before”; it was “Many events together, and late”.", 2) // of the 504 that nginx gives, and of its unix socket
}

func takeMiddle(p *lessonPage) {
	p.t.Helper()
	p.begin(7, "same")
	p.choose("proxy", "buffer")
	p.sees("late")
	p.choose("proxy", "accel")
	p.sees("obeyed")
	p.choose("silence", "mute")
	p.sees("dropped")
	// A poll that has begun later than the stream is given up later.
	p.wait(`!pushlab.lab.description.nginx || pushlab.trace.items.some(({ kind, lane, label }) => kind === "response" && lane === "longpoll" && label.startsWith("504"))`)
	p.choose("silence", "beats")
	p.sees("kept")
}

func testLessonMany(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.begin(8, "opens")
	p.choose("where", "one")
	p.sees("six")
	p.press("ask")
	p.wait(`document.querySelector(".lesson .live").textContent.includes("The fetch has been waiting for")`)
	// One that is closed lets the seventh in, the next one lets the fetch through.
	p.press("close")
	p.press("close")
	p.sees("waits")
	p.choose("where", "hosts")
	p.sees("hosts")
	p.choose("where", "websocket")
	p.sees("others")

	p.press("check")
	p.wait(`document.querySelector("[data-control=check] .result").textContent.includes("does not trust")`)
	p.trust()
	p.press("check")
	p.wait(`document.querySelector("[data-control=check] .result").textContent.includes("trusts")`)
	p.choose("where", "h2")
	p.wait(`document.querySelector(".lesson .live").textContent.includes("7 of 7 open")`)
	p.ends("You said “It opens like the others”; it was “It waits, and nobody says so”.", 0)
}

// trust has the browser accept any certificate, as a learner would accept the server's.
func (p *lessonPage) trust() {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
		return err
	}))
}

func testLessonLoad(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.begin(9, "queue")
	p.choose("rate", "1000")
	p.sees("batch")
	p.choose("rate", "1")
	p.choose("reader", "stalled")
	p.sees("behind")
	p.wait(`(() => { // further behind than the log keeps
		const stream = pushlab.trace.streams.find(({ lane }) => lane === "httpstream");
		const seq = (id) => Number(id.split("-")[1]);
		return stream && seq(pushlab.trace.log.oldest) > seq(stream.cursor);
	})()`)
	p.choose("reader", "reads")
	p.sees("gap")
	p.press("fixed")
	p.press("jitter")
	p.sees("storm")
	p.wait(`document.querySelector("push-study")?.textContent.includes("In your lab")`) // what was measured stands beside what was published
	p.ends("You said “The server keeps them for it, in a queue of its own”; it was “It falls behind in the log, and is told how many it missed”.", 0)
}

// testLessonDeepLink begins with a lesson, and goes on by its own links.
func testLessonDeepLink(t *testing.T, browser context.Context) {
	p := openDemo(t, browser, "#lesson=2")
	p.wait(`document.querySelector('.lesson[data-lesson="2"][data-stage=question]') !== null`)
	p.wait(`document.querySelector(".lesson h2").textContent === "Lesson 2: Hold the line"`)
	run[chromedp.Void](p, `document.querySelector('.lesson .numbers a[href="#lesson=4"]').click()`)
	p.wait(`document.querySelector('.lesson[data-lesson="4"][data-stage=question]') !== null`)
	p.wait(`location.hash === "#lesson=4"`)
	run[chromedp.Void](p, `pushlab.set({ lesson: 77 })`) // which there is not
	p.wait(`document.querySelector(".lesson[data-stage=idle]") !== null`)
	p.wait(lessonAllOpen)
}

// testLessonLeftHalfway leaves a lesson while it is at work.
func testLessonLeftHalfway(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.begin(9, "lap")
	p.choose("reader", "stalled")
	p.wait(`pushlab.lanes.get("httpstream").stalled`)
	p.click("[data-control=fixed] button")
	p.wait(`pushlab.trace.items.filter(({ lane, kind }) => lane === "sse" && kind === "request").length > 10`)
	run[chromedp.Void](p.page, `pushlab.set({ lesson: 1 })`)
	p.wait(`document.querySelector('.lesson[data-lesson="1"][data-stage=question]') !== null`)
	run[chromedp.Void](p.page, `pushlab.set({ lesson: null })`)
	p.wait(`document.querySelector(".lesson[data-stage=idle]") !== null`)
	p.restored()
}

// testLessonKnownState begins a lesson in a lab where much was tried. The lesson starts from what its controls show, and
// puts all back; but what a reset has mended stays so.
func testLessonKnownState(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.trust()
	run[chromedp.Void](p.page, `(async () => {
		pushlab.lanes.get("httpstream").over2(true);
		pushlab.lanes.get("sse").use("fetch");
		pushlab.lanes.get("longpoll").set({ wait: 7 });
		await pushlab.lab.command("settings", { guard: false, heartbeat: "1s", heartbeats: { sse: "5s" } });
	})()`)
	p.wait(`!pushlab.lab.state.down && pushlab.trace.items.some(({ topic }) => topic === "$bye")`)
	p.wait(lessonAllOpen)
	run[chromedp.Void](p.page, `pushlab.lab.command("fault", { lane: "websocket", set: "idle=50s" }).then(() => {})`)
	p.wait(`pushlab.lab.state.faults.websocket === "idle=50s"`)
	p.before = p.state()
	known := func() {
		t.Helper()
		p.wait(`(() => {
			const { settings: { guard, heartbeat, heartbeats }, faults } = pushlab.lab.state;
			return guard && heartbeat === "15s" && Object.values(heartbeats).every((own) => own === "15s") && pushlab.lanes.get("longpoll").options.wait === undefined && !faults.websocket && [...pushlab.lanes.values()].every(({ h2, client }) => !h2 && client !== "fetch");
		})()`)
	}
	p.begin(6, "cors")
	known()
	p.wait(`pushlab.lanes.get("websocket").state === "open"`)

	// A choice that fails goes back, and can be made again.
	run[chromedp.Void](p.page, `pushlab.lab.command = () => { // once
		delete pushlab.lab.command;
		return Promise.reject(new Error("busy"));
	}`)
	p.click(`[data-control=beat] input[value="2s"]`)
	p.wait(`document.querySelector("[data-control=beat] .result").textContent.includes("busy with something else")`)
	p.wait(`document.querySelector('[data-control=beat] input[value="15s"]').checked`)
	p.choose("beat", "2s")
	p.wait(`pushlab.lab.state.settings.heartbeat === "2s"`)

	run[chromedp.Void](p.page, `pushlab.set({ lesson: null })`)
	p.wait(lessonAllOpen)
	p.restored()

	p.begin(6, "cors")
	run[chromedp.Void](p.page, `pushlab.reset()`)
	p.wait(`document.querySelector(".lesson[data-stage=question]") !== null`)
	run[chromedp.Void](p.page, `pushlab.set({ lesson: null })`)
	p.wait(`document.querySelector(".lesson[data-stage=idle]") !== null && pushlab.lab.state.source.rate === 1`)
	p.wait(lessonAllOpen)
	known()
}

// testLessonWithoutEvidence asks for the explanation before anything was seen.
func testLessonWithoutEvidence(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.begin(5, "none")
	p.click(".lesson .skip button")
	p.wait(`document.querySelector(".lesson[data-stage=explained] .verdict") !== null`)
	if got := run[string](p.page, `document.querySelector(".lesson .verdict").textContent.trim()`); got != "You said “None”. Your trace does not answer that yet." {
		t.Errorf("the verdict is %q", got)
	}
	if text := run[string](p.page, `document.querySelector(".lesson .why").textContent`); strings.ContainsAny(text, "{}") {
		t.Errorf("the explanation has figures that nobody has measured:\n%s", text)
	}
	before := run[int](p.page, `document.querySelectorAll(".lesson .why > p").length`)
	p.press("away") // what comes late is still told
	p.sees("absent", "cursor", "replayed")
	p.wait(`document.querySelector(".lesson .verdict")?.textContent.includes("and so it was")`)
	p.wait(fmt.Sprintf(`document.querySelectorAll(".lesson .why > p").length > %d`, before))
}

// testLessonKeyboard takes a lesson without a mouse.
func testLessonKeyboard(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	focused := func(selector string) {
		t.Helper()
		p.wait(fmt.Sprintf(`document.activeElement.matches(%q)`, selector))
	}
	key := func(keys string) {
		t.Helper()
		p.do(chromedp.KeyEvent(keys))
	}
	run[chromedp.Void](p.page, `document.querySelector('.lesson .numbers a[href="#lesson=2"]').focus()`)
	key(kb.Enter)
	p.wait(`document.querySelector('.lesson[data-lesson="2"][data-stage=question]') !== null`)
	focused(".lesson h2")
	for range 12 { // behind the numbers of the lessons is the question
		key(kb.Tab)
		if run[bool](p.page, `document.activeElement.matches("input[name=prediction]")`) {
			break
		}
	}
	focused("input[name=prediction]")
	key(" ")
	key(kb.ArrowDown)
	p.wait(`document.activeElement.checked && document.activeElement.value === "next"`)
	key(kb.Tab)
	focused(".lesson .predict button")
	key(kb.Enter)
	focused(".lesson .try h3")
	p.wait(`document.querySelector(".lesson > [role=status]").textContent === "The controls are unlocked."`)
	key(kb.Tab)
	focused("[data-control=publish] button")
	key(kb.Enter)
	p.wait(`document.querySelector("[data-control=publish] .result").textContent.startsWith("Published as")`)
	key(kb.Tab)
	focused("[data-control=wait] input")
	key(kb.ArrowRight)
	p.wait(`document.activeElement.value === "2" && document.activeElement.checked`)
	p.sees("held")
	p.wait(`document.querySelector(".lesson > [role=status]").textContent.startsWith("Seen: ")`)
}

func testLessonQuiz(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.begin(1, "most")
	p.click(".lesson .skip button")
	p.click("push-quiz form:nth-of-type(1) input[value=zero]")
	if run[string](p.page, `document.querySelector("push-quiz .explained").textContent.trim()`) != "" {
		t.Error("an answer is explained before it was given")
	}
	p.click("push-quiz form:nth-of-type(1) button")
	p.wait(`document.querySelector("push-quiz .explained").textContent.includes("Not quite.")`)
	p.wait(`document.querySelector("push-quiz .explained").textContent.includes("By half a second")`)
	p.click("push-quiz form:nth-of-type(2) input[value=body]")
	p.click("push-quiz form:nth-of-type(2) button")
	p.wait(`document.querySelectorAll("push-quiz .explained")[1].textContent.includes("Right.")`)
	// What there is to read of our code opens at the function.
	p.click(".lesson .links .code")
	p.wait(`document.activeElement.matches("push-code") && [...document.querySelectorAll("push-code .lit")].some(({ textContent }) => textContent.includes("Handler) wait("))`)
	// Answers are kept, predictions are asked for anew.
	run[chromedp.Void](p.page, `pushlab.set({ lesson: 2 })`)
	p.wait(`document.querySelector('.lesson[data-lesson="2"][data-stage=question]') !== null`)
	p.begin(1, "none")
	p.click(".lesson .skip button")
	p.wait(`document.querySelectorAll("push-quiz fieldset:disabled").length === 2`)
}

// testLessonDecide asks which way to use, and follows the evidence.
func testLessonDecide(t *testing.T, browser context.Context) {
	p := openLessons(t, browser)
	p.begin(5, "none")
	p.press("away")
	p.sees("replayed")
	p.click(".lesson .skip button")
	p.wait(`document.querySelector(".lesson .verdict")?.textContent.includes("5 of them came")`)
	run[chromedp.Void](p.page, `pushlab.set({ lesson: null })`)
	p.wait(`document.querySelector(".lesson[data-stage=idle]") !== null`)
	p.click(".lesson .which")
	answer := func(question, option string) {
		p.click(fmt.Sprintf("input[name=decide-%s][value=%s]", question, option))
	}
	answer("direction", "down")
	answer("clients", "browsers")
	answer("rate", "some")
	p.wait(`document.querySelector(".decide .best")?.textContent.startsWith("Server-Sent Events fits best")`)
	p.wait(`document.querySelector(".decide .evidence")?.textContent.includes("You measured: 5 of 5 events came after a cut")`)
	p.wait(`document.querySelector(".decide .evidence")?.textContent.includes("Measure it yourself in Lesson 3")`)
	answer("infra", "short")
	p.wait(`document.querySelector(".decide .best")?.textContent.startsWith("Long polling fits best")`)
	p.click(".decide .evidence button")
	p.wait(`pushlab.trace.find(pushlab.view.selected)?.lane === "sse"`)
	p.click(".decide .asked > p > button")
	p.wait(`document.querySelector(".decide .advice").textContent.includes("Answer the first question")`)
}
