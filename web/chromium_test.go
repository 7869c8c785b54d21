package web_test

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

// patience is how long a test waits for a condition in the browser. A test that passes never waits so long.
const patience = 30 * time.Second

// startChromium starts a headless Chromium with an empty profile, which lives until the test ends.
func startChromium(t *testing.T, further ...chromedp.ExecAllocatorOption) context.Context {
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

// A page is a tab in a browser context of its own: no cache, no connections shared with other tests.
type page struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string      // what the console showed as warning, error or exception
	tolerated  []string      // parts of complaints that the test provokes
	flushed    chan struct{} // closed when the console has shown endOfTest
}

const endOfTest = "end of test"

// open opens url in a new page. When the test ends, the page is closed, and whatever its console complained of
// fails the test, unless it contains one of the tolerated texts.
func open(t *testing.T, browser context.Context, url string, tolerated ...string) *page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	p := &page{t: t, ctx: ctx, tolerated: tolerated, flushed: make(chan struct{})}
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
	p.do(chromedp.Navigate(url))
	return p
}

func (p *page) complain(message chromedp.ConsoleMessage) {
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

// do runs actions that return nothing.
func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits until the JavaScript expression is true.
func (p *page) wait(expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 2*patience)
	defer cancel()
	wait := chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(patience))
	if err := chromedp.Do(ctx, wait); err != nil {
		text, _ := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
		p.t.Fatalf("%v: never true: %s\nThe page says:\n%s", err, expression, text)
	}
}

// run returns what the JavaScript expression evaluates to; a promise is awaited.
func run[T any](p *page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return result
}
