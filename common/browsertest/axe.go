package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// InjectAxe brings axe-core into the page.
func (p *Page) InjectAxe() {
	p.T.Helper()
	axe, err := os.ReadFile(filepath.Join(p.root(), "web/testdata/node_modules/axe-core/axe.min.js"))
	if err != nil {
		p.T.Fatalf("run `make deps`: %v", err)
	}
	Run[chromedp.Void](p, string(axe)+"; undefined")
}

// root is the folder of the module; a test runs in that of its package.
func (p *Page) root() string {
	p.T.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	p.T.Fatalf("no go.mod above the test's folder (%v)", err)
	return ""
}

// Axe has axe-core look at a part of the page, by all rules of WCAG up to 2.2 AA and those of good practice. where is a
// JavaScript expression, without those rules that are named.
func (p *Page) Axe(scene, where string, without ...string) {
	p.T.Helper()
	rules := `"target-size": { enabled: true }` // it is off by default
	for _, rule := range without {
		rules += fmt.Sprintf(`, %q: { enabled: false }`, rule)
	}
	for _, violation := range Run[[]string](p, fmt.Sprintf(`axe.run(%s, {
			resultTypes: ["violations"],
			runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
			rules: { %s },
		}).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ target, html, failureSummary }) =>
			id + ": " + target + " " + html.slice(0, 200) + " " + failureSummary.slice(0, 300))))`, where, rules)) {
		p.T.Errorf("%s: %s", scene, violation)
	}
}

// Emulate shows the page as it is for another system. media is "screen" or "print"; features are what a reader has set in
// his system, by the names of CSS.
func (p *Page) Emulate(media string, features map[string]string) {
	p.T.Helper()
	list := []*emulation.MediaFeature{}
	for name, value := range features {
		list = append(list, &emulation.MediaFeature{Name: name, Value: value})
	}
	p.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media, Features: list})
		return err
	}))
}

// Resize gives the window another size, in CSS pixels, and waits until the page has followed.
func (p *Page) Resize(width, height int64, options ...chromedp.EmulateViewportOption) {
	p.T.Helper()
	p.Do(chromedp.EmulateViewport(width, height, options...))
	p.Wait(fmt.Sprintf(`innerWidth === %d`, width))
	p.Frames()
}

// Frames waits until all has been laid out that changes with the size: what is drawn in one frame may change the next.
func (p *Page) Frames() {
	p.T.Helper()
	Run[chromedp.Void](p, `(async () => { for (let i = 0; i < 4; i++) await new Promise(requestAnimationFrame); })()`)
}
