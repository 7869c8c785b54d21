package web_test

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"

	"pushlab/common/browsertest"
)

// patience is how long a test waits for a condition in the browser.
const patience = browsertest.Patience

// startChromium starts a headless Chromium with an empty profile, which lives until the test ends.
func startChromium(t *testing.T, further ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	return browsertest.Start(t, further...)
}

// A page is a tab in a browser context of its own, with what only tests of this package ask of it.
type page struct {
	*browsertest.Page
	t   *testing.T
	ctx context.Context
}

// open opens url in a new page. Whatever its console complains of fails the test, unless it contains one of the tolerated texts.
func open(t *testing.T, browser context.Context, url string, tolerated ...string) *page {
	t.Helper()
	p := browsertest.Open(t, browser, url, tolerated...)
	return &page{Page: p, t: t, ctx: p.Ctx}
}

// do runs actions that return nothing.
func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	p.Do(actions...)
}

// wait waits until the JavaScript expression is true.
func (p *page) wait(expression string) {
	p.t.Helper()
	p.Wait(expression)
}

// run returns what the JavaScript expression evaluates to; a promise is awaited.
func run[T any](p *page, expression string) T {
	p.t.Helper()
	return browsertest.Run[T](p.Page, expression)
}
