package web_test

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"pushlab/common/hub"
	"pushlab/web"
)

// TestStaticInBrowser runs what is vendored under the page's own Content-Security-Policy: a quiet console is part of it.
func TestStaticInBrowser(t *testing.T) {
	t.Parallel()
	server := serveBrowser(t)
	p := open(t, startChromium(t), server.url+"/minimal/index.html")
	if !run[bool](p, `crossOriginIsolated`) {
		t.Error("the page is not cross-origin isolated")
	}
	if got := run[string](p, `import("/vendor/lit-html.js").then(({ html, svg, render, nothing, repeat, live }) => {
		const place = document.createElement("section");
		document.body.append(place);
		let clicks = 0;
		const view = (items, text) => html`+"`"+`<h2 class=${items.length > 1 ? "on" : nothing}>${text}</h2>
			<button @click=${() => clicks++}>x</button><input .value=${live(text)} ?disabled=${items.length > 1}>
			<ol>${repeat(items, (item) => item, (item) => html`+"`<li>${item}</li>`"+`)}</ol>
			<svg>${svg`+"`<path d=\"M0 0\"/>`"+`}</svg>`+"`"+`;
		render(view(["a"], "<first>"), place);
		const [first] = place.querySelectorAll("li");
		const input = place.querySelector("input");
		input.value = "written";
		render(view(["b", "a"], "second"), place);
		place.querySelector("button").click();
		return JSON.stringify([
			place.querySelector("h2").className, place.querySelector("h2").textContent, place.querySelector("ol").textContent,
			place.querySelectorAll("li")[1] === first, input.value, input.disabled, clicks, place.querySelector("path").namespaceURI,
		]);
	})`); got != `["on","second","ba",true,"second",true,1,"http://www.w3.org/2000/svg"]` {
		t.Errorf("lit-html made %s", got)
	}
	if got := run[int](p, `Promise.all([import("/vendor/uplot.js"), new Promise((loaded) => {
		const style = document.createElement("link");
		style.rel = "stylesheet";
		style.href = "/vendor/uplot.css";
		style.onload = loaded;
		document.head.append(style);
	})]).then(([{ default: uPlot }]) => {
		const chart = new uPlot({ width: 300, height: 200, series: [{}, { stroke: "red" }] }, [[1, 2, 3], [4, 5, 6]], document.body);
		return chart.ctx.canvas.width;
	})`); got < 300 {
		t.Errorf("uPlot drew on a canvas %d wide", got)
	}
}

// What a page may make a browser load until its four lanes are open: scripts and style sheets, compressed, and by how many
// requests in all.
const (
	maxFirstLoad     = 60 << 10
	maxFirstRequests = 15
)

// A loaded is something that a page has loaded, as Resource Timing tells it.
type loaded struct {
	Name, Coding string
	Body, Sent   int // bytes, as they were sent: without and with 300 for the head; Sent is 0 if it was there already
}

// TestFirstLoad keeps the pages light: everything that Chromium fetches for the first view, the page itself and its workers
// included, on a desk and on a phone.
func TestFirstLoad(t *testing.T) {
	browser := startChromium(t)
	for _, test := range []struct {
		name          string
		demo          bool
		open          string
		width, height int64
	}{
		{"desk", true, `[...(window.pushlab?.lanes ?? []).values()].length === 4 && [...pushlab.lanes.values()].every(({ state }) => state === "open")`, 1500, 1000},
		{"phone", true, `[...(window.pushlab?.lanes ?? []).values()].length === 4 && [...pushlab.lanes.values()].every(({ state }) => state === "open")`, 390, 844},
		{"lanes alone", false, `document.querySelectorAll("[data-state=open]").length === 4`, 1500, 1000},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := serve(t, hub.Config{}, web.Config{Demo: test.demo})
			p := open(t, browser, "about:blank")
			p.do(chromedp.EmulateViewport(test.width, test.height), chromedp.Navigate(server.url))
			p.wait(test.open)
			all := run[[]loaded](p, `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map(
				({ name, contentEncoding, encodedBodySize, transferSize }) =>
				({ Name: new URL(name).pathname, Coding: contentEncoding ?? "", Body: encodedBodySize, Sent: transferSize }))`)
			slices.SortStableFunc(all, func(a, b loaded) int { return cmp.Compare(b.Body, a.Body) })
			sum, code, heads, requests, workers := 0, 0, 0, 0, 0
			for _, one := range all {
				t.Logf("%6d bytes %-4s %s", one.Body, one.Coding, one.Name)
				if strings.HasSuffix(one.Name, "/worker.js") {
					workers++
				}
				if strings.Contains(one.Name, "uplot") || strings.Contains(one.Name, "chart") {
					t.Errorf("%s is for a chart that nobody has asked for", one.Name)
				}
				if one.Sent == 0 {
					continue // from the cache: the page loads it twice
				}
				sum += one.Body
				if ext := path.Ext(one.Name); ext == ".js" || ext == ".css" {
					code += one.Body
				}
				heads += one.Sent - one.Body
				if !strings.HasSuffix(one.Name, "/clock") { // to set its clock the page asks in a row, and gets a number each time
					requests++
				}
			}
			t.Logf("%.1f of %d KiB; with all else %.1f KiB in %d requests, and %d bytes of heads", float64(code)/1024, maxFirstLoad>>10, float64(sum)/1024, requests, heads)
			if code > maxFirstLoad {
				t.Errorf("the first view takes %d bytes of code, more than %d: load what is not seen at once when it is needed (web/static/ui/later.js)", sum, maxFirstLoad)
			}
			if requests > maxFirstRequests {
				t.Errorf("the first view takes %d requests, more than %d", requests, maxFirstRequests)
			}
			if test.demo && workers != 4 {
				t.Errorf("%d workers are counted, want 4", workers)
			}
		})
	}
}

// TestLate has the parts that come late come when they are near, or needed, and not before; without the page jumping.
func TestLate(t *testing.T) {
	p := labPage(t, startChromium(t))
	p.do(chromedp.EmulateViewport(1500, 1000))
	p.do(chromedp.Reload())
	p.wait(`window.pushlab !== undefined`)
	labCards(p, "open")
	late := []string{"lesson", "faults", "detail", "cost", "log", "server", "publish", "share"}
	for _, name := range late {
		if run[bool](p, fmt.Sprintf(`customElements.get("push-%s") !== undefined`, name)) {
			t.Errorf("push-%s was loaded, and is not in the first view", name)
		}
	}
	// An item that is selected shows its bytes, wherever the page is scrolled to.
	run[chromedp.Void](p, `pushlab.lab.command("step").then(() => {})`)
	p.wait(`pushlab.trace.items.some(({ kind }) => kind === "event")`)
	run[chromedp.Void](p, `pushlab.select(pushlab.trace.items.findLast(({ kind }) => kind === "event").ref)`)
	p.wait(`document.querySelector("push-detail push-bytes") !== null`)
	if y := run[float64](p, `scrollY`); y != 0 {
		t.Errorf("the page scrolled to %v by itself", y)
	}

	// The panel of faults opens at the first press, with the focus in it, and gives that back.
	run[chromedp.Void](p, `document.querySelector("push-toolbar .break").focus()`)
	labBreak(p)
	p.wait(`document.activeElement.id === "faults-title"`)
	p.do(chromedp.KeyEvent("\x1b"))
	p.wait(`document.activeElement === document.querySelector("push-toolbar .break")`)

	// Who reads on finds everything in its place, on a slow machine too: there is a moment between all that comes.
	if _, err := chromedp.Call(p.ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 4}); err != nil {
		t.Fatal(err)
	}
	run[chromedp.Void](p, `{
		window.shifts = [];
		new PerformanceObserver((list) => {
			for (const { value, sources } of list.getEntries()) shifts.push({ value, what: sources.map(({ node }) => (node?.parentElement?.closest("[class], :not(:defined)") ?? node)?.outerHTML?.slice(0, 80) ?? "?").join(" ") });
		}).observe({ type: "layout-shift", buffered: false });
	}`)
	for _, name := range append(late[3:], "workbench", "code") {
		lateShow(p, name)
	}
	if shifts := run[float64](p, `shifts.reduce((sum, { value }) => sum + value, 0)`); shifts > 0.1 {
		t.Errorf("the page jumps by %.3f: %s", shifts, run[string](p, `JSON.stringify(shifts)`))
	} else {
		t.Logf("layout shifts of %.3f", shifts)
	}

	// The lessons come with the one that is begun; and the way to decide without one.
	run[chromedp.Void](p, `document.querySelector("push-lesson .which").click()`)
	p.wait(`document.querySelector("push-decide h3") !== null && document.querySelectorAll("push-lesson .choose").length === 1`)
	run[chromedp.Void](p, `document.querySelectorAll("push-lesson .numbers a")[1].click()`)
	p.wait(`document.querySelector(".lesson[data-lesson='2'][data-stage=question]") !== null`)
}

// TestUnbundled opens the page in the modules that it is written in.
func TestUnbundled(t *testing.T) {
	server := serve(t, hub.Config{}, web.Config{Demo: true})
	p := open(t, startChromium(t), server.url+"/index.html", "before the connection is established") // a lesson closes lanes
	p.wait(`window.pushlab !== undefined`)
	labCards(p, "open")
	if run[bool](p, `performance.getEntriesByType("resource").some(({ name }) => name.includes("/bundle/"))`) {
		t.Error("it loads something of the bundle")
	}
	labBreak(p)
	labAllParts(p)
	run[chromedp.Void](p, `pushlab.set({ lesson: 1 })`)
	p.wait(`document.querySelector(".lesson[data-lesson='1'][data-stage=question]") !== null`)
}

// lateShow scrolls to a part that comes late, and waits until it is there.
func lateShow(p *page, name string) {
	p.t.Helper()
	run[chromedp.Void](p, fmt.Sprintf(`document.querySelector("push-%s").scrollIntoView({ behavior: "instant" })`, name))
	p.wait(fmt.Sprintf(`document.querySelector("push-%s .panel, push-%[1]s > section") !== null`, name))
}
