package web_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// TestBrowserStudy looks at what lesson 9 shows of the published study.
func TestBrowserStudy(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, context.Context)
	}{
		{"Tables", testStudyTables},
		{"Pictures", testStudyPictures},
		{"Access", testStudyAccess},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, browser)
		})
	}
}

const studyDrawn = `document.querySelectorAll("push-study .plot[data-drawn] canvas").length === 2`

// openStudy goes to the explanation of lesson 9.
func openStudy(t *testing.T, browser context.Context) *page {
	t.Helper()
	p := &lessonPage{page: accessPage(t, browser)}
	p.resize(1500, 1000)
	p.begin(9, "lap")
	if loaded := run[[]string](p.page, `performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => /uplot|chart/.test(name))`); len(loaded) > 0 {
		t.Errorf("before the explanation are loaded %q", loaded)
	}
	p.click(".lesson .skip button")
	p.wait(studyDrawn)
	return p.page
}

// testStudyTables compares what the tables say with what the study found.
func testStudyTables(t *testing.T, browser context.Context) {
	p := openStudy(t, browser)
	want := run[[]string](p, `import("/lessons/study.js").then(({ study }) => study.charts.flatMap(({ lanes }) => {
		const rates = [...new Set(lanes.flatMap(({ points }) => points.map(([rate]) => rate)))].sort((a, b) => a - b);
		return rates.map((rate) => [rate.toLocaleString("en"), ...lanes.map(({ points }) => {
			const found = points.find(([at]) => at === rate)?.slice(1).map((value) => value.toPrecision(3));
			return found ? found[0] + " " + found[1] + " to " + found[2] : "–";
		})].join(" | "));
	}))`)
	got := run[[]string](p, `[...document.querySelectorAll("push-study tbody tr")].map((row) =>
		[...row.children].map((cell) => cell.textContent.trim().replace(/\s+/g, " ")).join(" | "))`)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 8 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantLanes := run[[]string](p, `import("/lessons/study.js").then(({ study }) => study.charts.flatMap(({ lanes }) => lanes.map(({ name }) => name)))`)
	gotLanes := run[[]string](p, `[...document.querySelectorAll("push-study thead [data-lane]")].map(({ dataset }) => dataset.lane)`)
	if diff := cmp.Diff(wantLanes, gotLanes); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if missing := run[[]string](p, `import("/lessons/study.js").then(({ study: { measured, system, charts } }) => {
		const text = document.querySelector("push-study").textContent;
		const three = (value) => Number(value.toPrecision(3)).toLocaleString("en");
		return [measured, system, "docs/study.md", ...charts.flatMap(({ scenario, lanes }) =>
			["--scenario " + scenario, ...lanes.flatMap(({ most }) => (most ? [three(most[1]) + " to " + three(most[2])] : []))])].filter((words) => !text.includes(words));
	})`); len(missing) > 0 {
		t.Errorf("it does not say %q", missing)
	}
}

// studyColours returns how many pixels of the first chart have the colour of each lane, as the page has it now.
func studyColours(p *page) map[string]int {
	p.t.Helper()
	return run[map[string]int](p, `import("/ui/palette.js").then(({ palette }) => {
		const box = document.querySelector("push-study .plot");
		const canvas = box.querySelector("canvas");
		const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
		const probe = box.appendChild(document.createElement("canvas")); // on the page, where the system's colours are known
		const pixel = probe.getContext("2d", { willReadFrequently: true });
		const colours = palette(box);
		const counts = Object.fromEntries(["longpoll", "httpstream", "sse", "websocket"].map((lane) => {
			pixel.fillStyle = colours["lane-" + lane];
			pixel.fillRect(0, 0, 1, 1);
			const [r, g, b] = pixel.getImageData(0, 0, 1, 1).data;
			let n = 0;
			for (let i = 0; i < data.length; i += 4) if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255) n++;
			return [lane, n];
		}));
		probe.remove();
		return counts;
	})`)
}

// testStudyPictures looks for each lane's line, in both themes, in forced colours and on paper, and for its place.
func testStudyPictures(t *testing.T, browser context.Context) {
	p := openStudy(t, browser)
	for _, scene := range []struct {
		name, media string
		features    features
	}{
		{"light", "screen", calm},
		{"dark", "screen", dark},
		{"forced colours", "screen", features{"forced-colors": "active", "prefers-reduced-motion": "reduce"}},
		{"paper", "print", dark},
		{"light again", "screen", calm},
	} {
		p.emulate(scene.media, scene.features)
		p.frames()
		for lane, n := range studyColours(p) {
			if n < 40 {
				t.Errorf("%s: %d pixels have the colour of %s", scene.name, n, lane)
			}
		}
	}
	// Boxes have their size before there is anything in them.
	if heights := run[[]float64](p, `(() => {
		const study = document.querySelector("push-study");
		const full = study.getBoundingClientRect().height;
		for (const box of study.querySelectorAll(".plot")) box.replaceChildren();
		return [full, study.getBoundingClientRect().height];
	})()`); math.Abs(heights[0]-heights[1]) > 0.5 {
		t.Errorf("without pictures it is %v high, with them %v: the page jumps when they come", heights[1], heights[0])
	}
	// What is left leaves nothing behind.
	run[chromedp.Void](p, `pushlab.set({ lesson: null })`)
	p.wait(`document.querySelector("push-study") === null && document.querySelector(".lesson[data-stage=idle]") !== null`)
	p.emulate("screen", dark)
	p.frames()
}

// testStudyAccess looks at it as all parts of the page are looked at, and at the pictures at each width.
func testStudyAccess(t *testing.T, browser context.Context) {
	p := openStudy(t, browser)
	p.look("the study", `"push-study"`)
	for _, width := range []int64{1500, 320} {
		p.resize(width, 900)
		p.wait(fmt.Sprintf(`innerWidth === %d && [...document.querySelectorAll("push-study .plot")].every((box) => {
			const canvas = box.querySelector("canvas");
			const { width, height } = canvas.getBoundingClientRect();
			return width > 200 && Math.abs(width - box.clientWidth) < 1 && height <= box.clientHeight + 1;
		})`, width))
	}
	p.emulate("screen", features{"forced-colors": "active", "prefers-reduced-motion": "reduce"})
	p.axe("the study, forced colours", `"push-study"`, "color-contrast")
	p.emulate("print", nil)
	if text := run[string](p, `document.querySelector("push-study").innerText`); len(text) < 1000 {
		t.Errorf("printed is %q", text)
	}
}
