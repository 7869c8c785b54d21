package web_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// injectAxe brings axe-core into the page.
func (p *page) injectAxe() {
	p.t.Helper()
	p.InjectAxe()
}

// axe has axe-core look at a part of the page. where is a JavaScript expression, without those rules that are named.
func (p *page) axe(scene, where string, without ...string) {
	p.t.Helper()
	p.Axe(scene, where, without...)
}

// features are what a reader has set in his system, by the names of CSS.
type features map[string]string

// emulate shows the page as it is for another system. media is "screen" or "print".
func (p *page) emulate(media string, set features) {
	p.t.Helper()
	p.Emulate(media, set)
}

// resize gives the window another size, in CSS pixels, and waits until the page has followed.
func (p *page) resize(width, height int64, options ...chromedp.EmulateViewportOption) {
	p.t.Helper()
	p.Resize(width, height, options...)
}

// frames waits until all has been laid out that changes with the size.
func (p *page) frames() {
	p.t.Helper()
	p.Frames()
}

// fits checks that the page need not be scrolled sideways, and ends where its last part does. The parts follow when they draw the next time.
func (p *page) fits(scene string) {
	p.t.Helper()
	wide := run[[]string](p, `(async () => {
		const { documentElement: root } = document;
		for (let i = 0; i < 120 && root.scrollWidth > innerWidth; i++) await new Promise(requestAnimationFrame);
		if (root.scrollWidth <= innerWidth) return [];
		return [root.scrollWidth + " of " + innerWidth + " px", ...[...document.querySelectorAll("body *")].filter((element) =>
			element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 1 && !element.closest(".scroll-x"))
			.slice(0, 6).map((element) => element.localName + "." + element.className + " " + element.textContent.trim().slice(0, 40))];
	})()`)
	if len(wide) > 0 {
		p.t.Errorf("%s: wider than the window: %q", scene, wide)
	}
	// What is hidden in a part that scrolls must not make the page longer than what it shows.
	if below := run[float64](p, `document.documentElement.scrollHeight - document.querySelector(".shell").getBoundingClientRect().bottom - scrollY`); below > 2 {
		p.t.Errorf("%s: below the page are %v pixels of nothing", scene, below)
	}
}

// small are controls that are hard to hit: of fewer than 24 pixels (WCAG 2.2, 2.5.8), and what is pressed most, of fewer
// than 32. A link within a sentence is as large as its words.
const small = `(() => {
	const main = "push-toolbar :is(button, select), .start-here button, .which, .playback button, push-lanes button, .masthead button, .card .toggle, .fault .do button";
	return [...document.querySelectorAll("button, select, summary, input, textarea, a, [role=treeitem]")].flatMap((control) => {
		const hit = control.matches("input[type=checkbox], input[type=radio], input[type=file]") ? control.closest("label") : control;
		if (!hit?.checkVisibility() || control.matches(".skip") || (control.matches("a") && getComputedStyle(control).display === "inline")) return [];
		const { width, height } = hit.getBoundingClientRect();
		const least = control.matches(main) ? 31.5 : 24;
		return width && height && (height < least - 0.01 || width < 24) ? [hit.outerHTML.slice(0, 100) + " " + Math.round(width) + "x" + height] : [];
	});
})()`

func (p *page) hittable(t *testing.T, scene string) {
	t.Helper()
	if list := run[[]string](p, small); len(list) > 0 {
		t.Errorf("%s: too small to hit: %q", scene, list[:min(6, len(list))])
	}
}
