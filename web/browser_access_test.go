package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestBrowserAccess checks that everybody can use the teaching page: those who see little or nothing, those who use keys
// only, those whose window is small, or who want nothing to move.
func TestBrowserAccess(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for lesson := range 9 {
		t.Run(fmt.Sprintf("Lesson%d", lesson+1), func(t *testing.T) {
			t.Parallel()
			testAccessLesson(t, browser, lesson+1)
		})
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, context.Context)
	}{
		{"FreePlay", testAccessFreePlay},
		{"Parts", testAccessParts},
		{"Keyboard", testAccessKeyboard},
		{"Spoken", testAccessSpoken},
		{"ForcedColours", testAccessForcedColours},
		{"Still", testAccessStill},
		{"Print", testAccessPrint},
		{"PrintAtOnce", testAccessPrintAtOnce},
		{"Headings", testAccessHeadings},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, browser)
		})
	}
}

// accessPage opens the page with axe-core, some events, and nothing that moves: what is half faded in cannot be judged.
func accessPage(t *testing.T, browser context.Context) *page {
	t.Helper()
	p := openDemo(t, browser, "")
	p.emulate("screen", calm)
	p.wait(lessonAllOpen + ` && pushlab.lanes.get("sse").ledger.events > 1 && pushlab.trace.items.some(({ lane, kind }) => lane === "sse" && kind === "event")`)
	p.injectAxe()
	return p
}

var (
	calm = features{"prefers-reduced-motion": "reduce"}
	dark = features{"prefers-reduced-motion": "reduce", "prefers-color-scheme": "dark"}
)

// look has axe-core look at a scene in both themes and at the smallest width, and checks that it fits and can be hit.
func (p *page) look(scene, where string) {
	p.t.Helper()
	p.resize(1500, 1000)
	p.axe(scene+", light, 1500 px", where)
	p.fits(scene + ", 1500 px")
	p.hittable(p.t, scene)
	p.emulate("screen", dark)
	p.axe(scene+", dark, 1500 px", where)
	p.resize(320, 800)
	p.axe(scene+", dark, 320 px", where)
	p.fits(scene + ", 320 px")
	p.hittable(p.t, scene+", 320 px")
	p.emulate("screen", calm)
	// At 200 % a window of 1280 by 900 is half as large.
	p.resize(640, 450, chromedp.EmulateScale(2))
	p.fits(scene + ", at 200 %")
}

func testAccessFreePlay(t *testing.T, browser context.Context) {
	p := accessPage(t, browser)
	p.look("free play", `{ include: ["body"], exclude: [["push-log"]] }`) // the log is among the parts
	p.resize(320, 800)
	p.axe("free play, light, 320 px", "document")

	run[chromedp.Void](p, `pushlab.set({ breaking: true }), pushlab.lab.command("fault", { lane: "sse", set: "idle=10s" }).then(() => {})`)
	p.wait(`document.querySelector("#faults .chip") !== null`)
	p.look("the panel of faults", `{ include: ["push-faults", "push-toolbar"] }`)
	run[chromedp.Void](p, `pushlab.set({ breaking: false }), pushlab.notice("bad", "Something went wrong.", { label: "Do something", run() {} })`)

	run[chromedp.Void](p, `pushlab.lab.command("fault", { lane: "all", cut: "fin" }).then(() => {})`)
	p.wait(`document.querySelectorAll(".story li").length > 2 && ` + lessonAllOpen)
	p.look("a notice, and a story", `{ include: ["push-notices", "push-lesson", "push-status", ".stage"] }`)

	run[chromedp.Void](p, `document.querySelector(".lesson .which").click()`)
	p.wait(`document.querySelector("push-decide input") !== null`)
	run[chromedp.Void](p, `document.querySelector("input[name=decide-rate][value=some]").click()`)
	p.look("the decision helper", `"push-lesson"`)

	run[chromedp.Void](p, `import("/lab/trace.js").then(({ Trace }) => pushlab.show(Trace.import(JSON.parse(JSON.stringify(pushlab.trace.export())))))`)
	p.wait(`document.querySelector("push-playback .toggle").disabled`)
	p.look("a saved trace", `{ include: ["push-masthead", "push-toolbar", "push-lesson", "push-status", ".stage"] }`)
}

// testAccessParts looks at what stands further down: bytes, code and workbench.
func testAccessParts(t *testing.T, browser context.Context) {
	p := accessPage(t, browser)
	for _, kind := range []string{"event", "request"} {
		run[chromedp.Void](p, fmt.Sprintf(`pushlab.select(pushlab.trace.items.findLast(({ lane, kind }) => lane === "sse" && kind === %q).ref)`, kind))
		p.wait(`document.querySelector("push-detail .bytes-row") !== null`)
		p.look("the bytes of an "+kind, `{ include: ["push-detail"] }`)
	}
	p.resize(1500, 1000)
	labAllParts(p)
	p.wait(`document.querySelector("push-code .code-line") !== null && document.querySelector("push-workbench textarea") !== null`)
	p.look("code and workbench", `{ include: ["push-workbench", "push-code", "push-server", "push-publish", "push-share", "push-cost", "push-log"] }`)
}

func testAccessLesson(t *testing.T, browser context.Context, lesson int) {
	p := &lessonPage{page: accessPage(t, browser)}
	run[chromedp.Void](p.page, fmt.Sprintf(`pushlab.set({ lesson: %d })`, lesson))
	p.wait(fmt.Sprintf(`document.querySelector('.lesson[data-lesson="%d"][data-stage=question]') !== null`, lesson))
	p.axe("beside the question", `{ include: ["push-masthead", "push-toolbar", "push-status", ".stage"] }`)
	p.look("the question", `"push-lesson"`)
	p.click(`.lesson input[name=prediction]`)
	p.click(`.lesson .predict button`)
	p.wait(`document.querySelector(".lesson[data-stage=try]") !== null`)
	p.look("the prediction", `"push-lesson"`)
	p.click(".lesson .skip button")
	p.wait(`document.querySelector(".lesson[data-stage=explained] push-quiz input") !== null`)
	p.click("push-quiz form:nth-of-type(1) input")
	p.click("push-quiz form:nth-of-type(1) button")
	p.look("the explanation", `"push-lesson"`)
}

// testAccessKeyboard breaks a lane, sees it come back, and looks at the bytes, without a mouse.
func testAccessKeyboard(t *testing.T, browser context.Context) {
	p := openDemo(t, browser, "")
	p.resize(1500, 1000)
	p.wait(lessonAllOpen)
	key := func(keys string, modifiers ...chromedp.Modifier) {
		t.Helper()
		p.do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
		p.frames()
		if why := run[string](p, unfocused); why != "" {
			t.Errorf("after %q: %s", keys, why)
		}
	}
	// until presses a key until something of the page that is named so has the focus.
	until := func(selector, keys string, modifiers ...chromedp.Modifier) {
		t.Helper()
		seen := []string{}
		for range 70 {
			key(keys, modifiers...)
			if run[bool](p, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
				return
			}
			seen = append(seen, run[string](p, `document.activeElement.localName + "." + document.activeElement.className`))
		}
		t.Fatalf("%s is not reached; by the way were %q", selector, seen)
	}
	active := func(selector string) {
		t.Helper()
		p.wait(fmt.Sprintf(`document.activeElement.matches(%q)`, selector))
	}

	// The first stop leads past all else.
	key(kb.Tab)
	active(".skip")
	key(kb.Enter)
	active("#stage")

	// The toolbar is one stop, and its arrows lead around.
	until("push-toolbar button", kb.Tab, chromedp.ModifierShift)
	if stops := run[int](p, `document.querySelectorAll("push-toolbar [tabindex='0']").length`); stops != 1 {
		t.Errorf("the toolbar has %d stops, want 1", stops)
	}
	until("push-toolbar .break", kb.ArrowRight)
	key(kb.Enter)
	active("#faults h2")
	until("#faults [name=fault-target]", kb.Tab)
	for range 3 {
		key(kb.ArrowDown)
	}
	p.wait(`document.activeElement.checked && document.activeElement.closest("label").textContent.includes("Server-Sent Events")`)
	until("[data-fault=fin] button", kb.Tab)
	key(kb.Enter)
	p.wait(`document.querySelector(".card[data-lane=sse]").dataset.last === "broken"`)
	key(kb.Escape)
	active("push-toolbar .break")

	// It comes back, and both story and log say so.
	p.wait(`/asked for everything after #\d+; .*replayed; nothing was lost/.test(document.querySelector(".story li[data-lane=sse]")?.textContent)`)
	p.wait(`document.querySelector(".card[data-lane=sse] .last").textContent.startsWith("Back after ")`)
	lateShow(p, "log")
	p.wait(`document.querySelector("push-log tbody").textContent.includes("replayed event")`)
	run[chromedp.Void](p, `scrollTo(0, 0)`)

	// From event to event, into the bytes of one, and back.
	until("canvas", kb.Tab)
	key(kb.ArrowUp)
	p.wait(`pushlab.view.paused && pushlab.view.selected !== null`)
	first := run[string](p, `pushlab.view.selected`)
	key(kb.ArrowDown)
	key(kb.ArrowDown)
	p.wait(fmt.Sprintf(`pushlab.view.selected !== %q`, first))
	for range 30 {
		if run[bool](p, `(({ lane, kind } = {}) => lane === "sse" && kind === "event")(pushlab.trace.find(pushlab.view.selected))`) {
			break
		}
		key(kb.ArrowDown)
	}
	key(kb.Enter)
	active("push-detail")
	p.wait(`document.querySelector("push-detail .bytes-row") !== null`)
	until("push-detail [role=treeitem]", kb.Tab)
	key(kb.Escape)
	active("canvas")
	key(" ")
	p.wait(`!pushlab.view.paused`)

	// What is pressed to stop it all stays within reach, wherever the page is scrolled to.
	for _, size := range [][2]int64{{1500, 1000}, {390, 844}} {
		p.resize(size[0], size[1])
		for _, place := range []string{"0", "document.body.scrollHeight / 2", "document.body.scrollHeight"} {
			run[chromedp.Void](p, `scrollTo(0, `+place+`)`)
			p.frames()
			if over := run[string](p, `(() => {
				const run = document.querySelector("push-toolbar .run");
				const { left, top, width, height } = run.getBoundingClientRect();
				const hit = document.elementFromPoint(left + width / 2, top + height / 2);
				return run.contains(hit) ? "" : [left, top, hit?.outerHTML.slice(0, 100)].join(" ");
			})()`); over != "" {
				t.Errorf("at %v, scrolled to %s, Pause is out of reach: %s", size, place, over)
			}
		}
	}
}

// unfocused says why nobody can see where the focus is, and nothing if it can be seen.
const unfocused = `(() => {
	const { activeElement: at } = document;
	if (at === document.body) return ""; // at the end of the page it is the browser's turn
	const name = at.localName + "." + at.className;
	const shown = [at, at.closest("label"), at.closest(".button")].filter(Boolean).find((element) => {
		const { outlineStyle, outlineWidth } = getComputedStyle(element);
		return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
	});
	if (!shown) return name + " shows no focus";
	const { top, bottom, left, right } = shown.getBoundingClientRect();
	if (bottom <= 0 || top >= innerHeight || right <= 0 || left >= innerWidth) return name + " has the focus, out of sight";
	return "";
})()`

// testAccessSpoken counts what a screen reader would say while much happens.
func testAccessSpoken(t *testing.T, browser context.Context) {
	p := labPage(t, browser, lessonBroken...)
	run[chromedp.Void](p, `pushlab.lab.command("source", { rate: 200 }).then(() => {})`)
	p.wait(`pushlab.lanes.get("sse").ledger.events > 100`)
	said := run[[]string](p, `new Promise((resolve) => {
		const said = [];
		const live = document.querySelectorAll("[role=status], [role=alert], [role=log], [aria-live]");
		const observer = new MutationObserver((changes) => {
			const element = changes[0].target.parentElement ?? changes[0].target;
			said.push(Math.round(performance.now()) + " " + element.textContent.trim().slice(0, 60));
		});
		for (const element of live) observer.observe(element, { subtree: true, childList: true, characterData: true });
		for (const lane of ["sse", "websocket"]) pushlab.lab.command("fault", { lane, cut: "fin" });
		setTimeout(() => { observer.disconnect(); resolve(said); }, 7000);
	})`)
	t.Logf("in 7 s: %q", said)
	if len(said) == 0 || len(said) > 2 {
		t.Errorf("%d announcements in 7 s, want one or two: %q", len(said), said)
	}
}

// testAccessForcedColours looks at the page in the few colours that somebody has chosen for all pages.
func testAccessForcedColours(t *testing.T, browser context.Context) {
	p := accessPage(t, browser)
	p.resize(1500, 1000)
	for _, scheme := range []string{"light", "dark"} {
		p.emulate("screen", features{"forced-colors": "active", "prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"})
		p.wait(`matchMedia("(forced-colors: active)").matches`)
		run[chromedp.Void](p, `pushlab.set({ breaking: true }), pushlab.select(pushlab.trace.items.findLast(({ kind }) => kind === "event").ref)`)
		p.wait(`document.querySelector("push-detail .bytes-row") !== null`)
		// Contrast is the system's matter now, and axe-core reads the colours of the sheets instead.
		p.axe("forced colours, "+scheme, `{ include: ["push-toolbar", "push-status", "push-faults", "push-detail"] }`, "color-contrast")
		// What is chosen differs from what is not.
		for _, pair := range [][2]string{
			{"push-lanes [aria-pressed=true]", "push-toolbar .reset"},
			{".theme label:has(:checked)", ".theme label:not(:has(:checked))"},
			{"#faults .target label:has(:checked)", "#faults .target label:not(:has(:checked))"},
		} {
			if run[bool](p, fmt.Sprintf(`((a, b) => a.backgroundColor === b.backgroundColor)(...%s.map((selector) => getComputedStyle(document.querySelector(selector))))`, quote(pair[:]))) {
				t.Errorf("%s: %s looks like %s", scheme, pair[0], pair[1])
			}
		}
		// The picture is in these colours too: what is written in it can be read on the page's ground.
		if same := run[string](p, `import("/ui/palette.js").then(({ palette }) => {
			const { ink, quiet, paper, card } = palette(document.querySelector("push-timeline"));
			return [ink, quiet].some((colour) => colour === paper || colour === card) ? JSON.stringify({ ink, quiet, paper, card }) : "";
		})`); same != "" {
			t.Errorf("%s: the picture has the colours %s", scheme, same)
		}
	}
}

// testAccessStill checks that nothing moves for those who want that.
func testAccessStill(t *testing.T, browser context.Context) {
	p := accessPage(t, browser)
	p.resize(1500, 1000)
	p.wait(`document.querySelector("push-timeline").picture?.hits.length > 0`)
	for _, scene := range []string{`pushlab.set({ breaking: true })`, `pushlab.set({ breaking: false })`, `pushlab.set({ lesson: 1 })`} {
		run[chromedp.Void](p, scene)
		p.frames()
		if n := run[int](p, `document.getAnimations().length`); n > 0 {
			t.Errorf("%s: %d things move", scene, n)
		}
	}
	// The picture goes on by whole seconds, of the time that goes on.
	ends := run[[]float64](p, `(async () => {
		const ends = new Set();
		for (const began = performance.now(); performance.now() - began < 2200;) {
			await new Promise(requestAnimationFrame);
			ends.add(document.querySelector("push-timeline").picture.scale.end);
		}
		return [...ends];
	})()`)
	if len(ends) > 4 {
		t.Errorf("in 2.2 s the picture stood at %v, want a few whole seconds", ends)
	}
	for _, end := range ends {
		if end != float64(int(end/1000)*1000) {
			t.Errorf("the picture stands at %v ms, want whole seconds", end)
		}
	}
	p.axe("without motion", "document", "color-contrast")
}

// testAccessPrint checks that the bytes of the selected record are printed with what they mean, and no controls.
func testAccessPrint(t *testing.T, browser context.Context) {
	p := accessPage(t, browser)
	run[chromedp.Void](p, `pushlab.select(pushlab.trace.items.findLast(({ lane, kind }) => lane === "sse" && kind === "event").ref)`)
	p.wait(`document.querySelector("push-detail .bytes-row") !== null`)
	run[chromedp.Void](p, `dispatchEvent(new Event("beforeprint"))`)
	p.emulate("print", nil)
	p.wait(`document.querySelectorAll(".all-parts tbody tr").length > 10 && document.querySelector(".all-parts").checkVisibility()`)
	if text := run[string](p, `document.querySelector(".all-parts").innerText`); len(text) < 500 {
		t.Errorf("of the parts is printed %q", text)
	}
	if got := run[[]string](p, `[...document.querySelectorAll("button, select, input, textarea, [role=toolbar], .skip")]
		.filter((control) => control.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && control.getBoundingClientRect().width > 1)
		.map((control) => control.outerHTML.slice(0, 90))`); len(got) > 0 {
		t.Errorf("%d controls are printed: %q", len(got), got[:min(6, len(got))])
	}
	run[chromedp.Void](p, `dispatchEvent(new Event("afterprint"))`)
}

// testAccessPrintAtOnce prints what nobody has scrolled to. What cannot be there yet is said to be missing, and is there the
// next time.
func testAccessPrintAtOnce(t *testing.T, browser context.Context) {
	p := accessPage(t, browser)
	p.resize(1500, 600)
	run[chromedp.Void](p, `{
		window.paper = []; // of each print: what stands in the place of each part that comes late
		addEventListener("beforeprint", () => paper.push(Object.fromEntries(["detail", "cost", "log", "server", "code"].map((name) => {
			const element = document.querySelector("push-" + name);
			const missing = element.querySelector(".print-only");
			window.seen ||= Boolean(missing?.checkVisibility());
			return [name, missing?.textContent ?? (element.querySelector("h2") ? "there" : "nothing")];
		}))));
		window.seen = false;
	}`)
	print := func() {
		t.Helper()
		p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, cdppage.PrintToPDF, cdppage.PrintToPDFParams{})
			return err
		}))
	}
	print()
	p.wait(`["detail", "cost", "log", "server", "code"].every((name) => document.querySelector("push-" + name + " h2"))`)
	print()
	prints := run[[]map[string]string](p, `paper`)
	if len(prints) != 2 {
		t.Fatalf("printed %d times, want 2", len(prints))
	}
	for name, first := range prints[0] {
		if title, said, ok := strings.Cut(first, ": not on this paper"); !ok || title == "" || !strings.Contains(said, "print once more") {
			t.Errorf("in the place of push-%s is printed %q", name, first)
		} else if heading := run[string](p, fmt.Sprintf(`document.querySelector("push-%s h2").textContent`, name)); name != "detail" && heading != title {
			t.Errorf("push-%s is called %q where it is missing, and %q where it is", name, title, heading)
		}
		if prints[1][name] != "there" {
			t.Errorf("the second time, in the place of push-%s is printed %q", name, prints[1][name])
		}
	}

	if run[bool](p, `seen`) {
		t.Error("what is said on paper is said on the screen, too")
	}

	// On paper it takes a line or two, not the room of the part.
	p = accessPage(t, browser)
	p.resize(1500, 600)
	p.emulate("print", nil)
	for _, wrong := range run[[]string](p, `{
		dispatchEvent(new Event("beforeprint"));
		[...document.querySelectorAll(".print-only")].flatMap((missing) => {
			const { height } = missing.parentElement.getBoundingClientRect();
			return missing.checkVisibility() && height < 100 ? [] : [missing.textContent + " " + height];
		});
	}`) {
		t.Errorf("what is missing does not show, or is too high: %s", wrong)
	}
}

// testAccessHeadings changes the size while the timeline is out of sight: its headings stand over their lanes when it is
// seen again, and make the page no wider.
func testAccessHeadings(t *testing.T, browser context.Context) {
	p := accessPage(t, browser)
	p.resize(1500, 800)
	p.wait(`document.querySelectorAll(".timeline .head[data-lane]").length === 4`)
	run[chromedp.Void](p, `document.querySelector("push-code").scrollIntoView()`)
	p.wait(`document.querySelector("canvas").getBoundingClientRect().bottom < 0`)
	p.resize(900, 800)
	run[chromedp.Void](p, `document.querySelector("push-code").scrollIntoView()`)
	p.wait(`document.querySelector("canvas").getBoundingClientRect().bottom < 0`)
	p.wait(`[...document.querySelectorAll(".timeline .head")].every((head) => head.getBoundingClientRect().right <= innerWidth)`)
}

// accessWidths are how wide a page is made for axe in a theme. Themes differ in colors alone, and what has some at one width has them at the next.
func accessWidths(theme string) []int64 {
	if theme == "dark" {
		return []int64{320, 900}
	}
	return []int64{320, 900, 1500}
}
