// Package browsertest is a Chromium for tests: pages that fail the test if their console complains, the conditions that a
// page is seen under, and axe-core, which looks for what keeps people out. A page belongs to one goroutine.
package browsertest

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Patience is how long a test waits for a condition in the browser. A test that passes never waits so long.
const Patience = 30 * time.Second

// addressBar are the features by which each window of Chromium loads pages for the suggestions under its address bar. That
// takes longer than most of ours, for something that nobody sees here.
const addressBar = "WebUIOmniboxPopup,WebUIOmniboxFullPopup,WebUIOmniboxAimPopup"

// Start starts a headless Chromium with an empty profile, which lives until the test ends.
func Start(t testing.TB, further ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the browser tests need Chromium: run `make deps`, or install the package chromium (%v)", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, // it needs rights that a container often lacks, and we load our own pages only
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-features", "Translate,BlinkGenPropertyTrees,"+addressBar),
	)
	options = append(options, further...)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	browser, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return browser
}

// A Page is a tab in a browser context of its own: no cache, no connections shared with other tests.
type Page struct {
	T   testing.TB
	Ctx context.Context

	mu         sync.Mutex
	complaints []string      // what the console showed as warning, error or exception
	tolerated  []string      // parts of complaints that the test provokes
	flushed    chan struct{} // closed when the console has shown endOfTest
}

const endOfTest = "end of test"

// Open opens url in a new page. When the test ends, the page is closed, and whatever its console complained of
// fails the test, unless it contains one of the tolerated texts.
func Open(t testing.TB, browser context.Context, url string, tolerated ...string) *Page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	p := &Page{T: t, Ctx: ctx, tolerated: tolerated, flushed: make(chan struct{})}
	console := chromedp.Console(ctx)
	var reader sync.WaitGroup
	reader.Go(func() {
		for message, err := range console {
			if err != nil {
				return
			}
			p.complain(message)
		}
	})
	t.Cleanup(func() {
		// Messages come in order: after this one, none from before is missing.
		if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`console.log("`+endOfTest+`")`)); err != nil {
			t.Errorf("at the end of the test: %v", err)
		} else {
			<-p.flushed
		}
		cancel()
		reader.Wait()
		for _, complaint := range p.complaints {
			t.Errorf("the console shows %s", complaint)
		}
	})
	p.Do(chromedp.Navigate(url))
	return p
}

// For returns the same tab for a part of the test.
func (p *Page) For(t testing.TB) *Page { return &Page{T: t, Ctx: p.Ctx} }

func (p *Page) complain(message chromedp.ConsoleMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch message.Type {
	case chromedp.ConsoleWarning, chromedp.ConsoleError, chromedp.ConsoleException:
		for _, part := range p.tolerated {
			if strings.Contains(message.Text, part) {
				return
			}
		}
		p.complaints = append(p.complaints, fmt.Sprintf("%s (%s)", message, message.URL))
	case chromedp.ConsoleLog:
		if message.Text == endOfTest {
			close(p.flushed)
		}
	}
}

// Do runs actions that return nothing.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.T.Helper()
	ctx, cancel := context.WithTimeout(p.Ctx, Patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.T.Fatal(err)
	}
}

// gone is what Chromium says when the document that a script runs in gives way to another one.
const gone = "Cannot find context with specified id"

// Wait waits until the JavaScript expression is true.
func (p *Page) Wait(expression string) {
	p.T.Helper()
	ctx, cancel := context.WithTimeout(p.Ctx, 2*Patience)
	defer cancel()
	wait := chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(Patience))
	err := chromedp.Do(ctx, wait)
	for err != nil && strings.Contains(err.Error(), gone) && ctx.Err() == nil { // it has been loaded anew meanwhile
		err = chromedp.Do(ctx, wait)
	}
	if err != nil {
		text, _ := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
		p.T.Fatalf("%v: never true: %s\nThe page says:\n%s", err, expression, text)
	}
}

// Run returns what the JavaScript expression evaluates to; a promise is awaited.
func Run[T any](p *Page, expression string) T {
	p.T.Helper()
	ctx, cancel := context.WithTimeout(p.Ctx, Patience)
	defer cancel()
	result, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.T.Fatalf("%s: %v", expression, err)
	}
	return result
}
