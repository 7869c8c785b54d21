package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserNewcomer uses the page as somebody does who has never seen it: he reads what is in the window, presses what he
// reads, and does not scroll. The scripts only look where something stands.
func TestBrowserNewcomer(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for name, size := range map[string][2]int64{"Desk": {1500, 1000}, "Laptop": {1280, 800}, "Tablet": {820, 1100}, "Phone": {390, 844}} {
		t.Run(name+"/Suggestion", func(t *testing.T) {
			t.Parallel()
			p := newcomer(t, browser, size)
			p.press("Cut a line and see it come back", "New here?")
			p.reads("Server-Sent Events is cut.")
			p.reads("Server-Sent Events is back after", "It asked for everything after #", "replayed, nothing lost.")
			// He wants to know how.
			p.press("See how it asked", "")
			p.reads("by Server-Sent Events", "GET")
			p.wait(`document.querySelector("push-detail").textContent.toLowerCase().includes("last-event-id") || document.querySelector("push-detail").textContent.includes("after=")`)
		})
		t.Run(name+"/BreakIt", func(t *testing.T) {
			t.Parallel()
			p := newcomer(t, browser, size)
			p.press("Break it", "")
			p.reads("Cut with FIN")
			p.press("S SSE", "All lanes")
			p.press("Once", "Cut with FIN")
			p.reads("Server-Sent Events: the connection was closed from the other side (FIN). The proxy cut it.", "asked for everything after #", "replayed; nothing was lost.")
		})
	}
}

// A reader is a page, and somebody in front of it.
type reader struct{ *page }

func newcomer(t *testing.T, browser context.Context, size [2]int64) reader {
	t.Helper()
	p := reader{openDemo(t, browser, "")}
	p.resize(size[0], size[1])
	p.wait(`document.querySelectorAll("push-status [data-state=open]").length === 4`)
	p.reads("Pushlab", "Cut a line and see it come back", "Long polling", "HTTP streaming", "Server-Sent Events", "WebSocket")
	p.wait(`pushlab.lanes.get("sse").ledger.events > 1`)
	return p
}

// inSight are functions that look at what can be seen without scrolling: the text of an element, and where it is.
const inSight = `
	const words = (element) => {
		let text = "";
		const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
		for (let node; (node = walker.nextNode());) {
			const { parentElement: at } = node;
			if (!at.checkVisibility({ visibilityProperty: true }) || at.closest(".hidden-text, [hidden]")) continue;
			const range = document.createRange();
			range.selectNodeContents(node);
			if ([...range.getClientRects()].some(seen)) text += " " + node.data;
		}
		return text.replace(/\s+/g, " ").trim();
	};
	const seen = ({ left, top, width, height }) => {
		const x = left + width / 2, y = top + height / 2;
		return width > 0 && height > 0 && x >= 0 && y >= 0 && x < innerWidth && y < innerHeight;
	};
	const place = (element) => {
		const { left, top, width, height } = element.getBoundingClientRect();
		const [x, y] = [left + width / 2, top + height / 2];
		const hit = document.elementFromPoint(x, y);
		return hit && (element.contains(hit) || hit.contains(element) && hit.closest("label") === element) ? [x, y] : null;
	};`

// reads waits until the window shows all these texts.
func (p reader) reads(texts ...string) {
	p.t.Helper()
	list, err := json.Marshal(texts)
	if err != nil {
		p.t.Fatal(err)
	}
	p.wait(fmt.Sprintf(`(() => { %s const all = words(document.body); return %s.every((text) => all.includes(text)); })()`, inSight, list))
}

// press clicks at what has this label, in the smallest part of the page that says the other thing too.
func (p reader) press(label, beside string) {
	p.t.Helper()
	find := fmt.Sprintf(`(() => { %s
		const found = [...document.querySelectorAll("button, label, a, summary")].filter((element) => words(element) === %q && place(element));
		const near = (element) => {
			let up = 0;
			for (let at = element; at; at = at.parentElement, up++) if (words(at).includes(%q)) return up;
			return Infinity;
		};
		found.sort((a, b) => near(a) - near(b));
		return found.length ? place(found[0]) : null;
	})()`, inSight, label, beside)
	p.wait(find + ` !== null`)
	at := run[[2]float64](p.page, find)
	p.do(chromedp.MouseClickXY(at[0], at[1]))
}
