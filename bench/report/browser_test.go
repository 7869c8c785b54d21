package report

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"pushlab/bench/result"
	"pushlab/common/browsertest"
)

// openReport opens a page from the disk.
func openReport(t *testing.T, browser context.Context, page []byte) *browsertest.Page {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, page, 0o666); err != nil {
		t.Fatal(err)
	}
	return browsertest.Open(t, browser, "file://"+path)
}

// undrawn are charts whose picture is missing, or has nothing in it but its background.
const undrawn = `[...document.querySelectorAll("[data-chart]")].filter((element) => {
	if (element.closest(".choice[hidden]")) return false;
	const canvas = element.querySelector("canvas");
	if (!canvas || !element.checkVisibility() || !(element.dataset.drawn > 0)) return true;
	const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
	const colours = new Set();
	for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
	return colours.size < 3;
}).map(({ dataset }) => dataset.chart)`

// A scene is what a page is seen on. The tables of all pictures are open in one that has axe-core look at it.
type scene struct {
	theme string
	width int64
	axe   bool
}

// The page from the disk, as people see it: in both themes, on a telephone, with all its tables open, on paper, and with what
// can be pressed pressed. A folder in SHOTS gets pictures of it. One browser has a tab for each part.
func TestBrowserReport(t *testing.T) {
	t.Parallel()
	browser := browsertest.Start(t)
	run := fewer(examplePage(t))
	t.Run("run", func(t *testing.T) {
		t.Parallel()
		p := openReport(t, browser, htmlOf(t, run))
		// Both themes and both layouts: what axe-core finds on a wide dark page, it finds on a wide light one or on a narrow dark one.
		see(t, p, "run", scene{"light", 1280, true}, scene{"dark", 320, true}, scene{"dark", 1280, false})
		paper(t, p)
	})
	t.Run("smoke", func(t *testing.T) {
		t.Parallel()
		// pushlab bench run --profile smoke --subscribers 50 --rate 100 --duration 3s --rounds 3, on a machine that was busy otherwise
		measured, err := result.Read("testdata/smoke.json")
		if err != nil {
			t.Fatal(err)
		}
		see(t, openReport(t, browser, htmlOf(t, measured)), "smoke", scene{"light", 1280, false}, scene{"dark", 390, false})
	})
	t.Run("changes", func(t *testing.T) {
		t.Parallel()
		old, new := exampleMeasured(t)
		see(t, openReport(t, browser, changesPage(t, old, new)), "changes", scene{"light", 1280, true}, scene{"dark", 320, true})
	})
	t.Run("controls", func(t *testing.T) {
		t.Parallel()
		p := openReport(t, browser, htmlOf(t, run))
		toggle(t, p)
		choose(t, p)
	})
}

// fewer leaves of a run what finds something: of cases of a kind that differ in their rate alone two, and of time three intervals.
func fewer(r result.Result) result.Result {
	rates := 0
	r.Outcomes = slices.DeleteFunc(r.Outcomes, func(o result.Outcome) bool {
		if o.Case.Name == "rates" {
			rates++
		}
		return o.Case.Name == "rates" && rates > 2
	})
	for _, o := range r.Outcomes {
		for i := range o.Measurements {
			if all := o.Measurements[i].Intervals; len(all) > 3 {
				o.Measurements[i].Intervals = all[4:8]
			}
		}
	}
	return r
}

// see looks at a page in some scenes.
func see(t *testing.T, p *browsertest.Page, name string, scenes ...scene) {
	t.Helper()
	for _, scene := range scenes {
		p.Emulate("screen", map[string]string{"prefers-color-scheme": scene.theme})
		p.Resize(scene.width, 900)
		at := fmt.Sprintf("%s-%s-%d", name, scene.theme, scene.width)
		if bad := browsertest.Run[[]string](p, undrawn); len(bad) > 0 {
			t.Errorf("%s: not drawn: %q", at, bad)
		}
		shoot(t, p, at)
		openAll(p, true)
		if over := browsertest.Run[float64](p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("%s: %v pixels wider than the window, with all tables", at, over)
		}
		if scene.axe {
			leave(p, true)
			p.InjectAxe()
			p.Axe(at, "document")
			leave(p, false)
		}
		openAll(p, false)
		if over := browsertest.Run[float64](p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("%s: %v pixels wider than the window", at, over)
		}
	}
}

// openAll opens or closes all that can be.
func openAll(p *browsertest.Page, all bool) {
	browsertest.Run[chromedp.Void](p, fmt.Sprintf(`document.querySelectorAll("details").forEach((details) => { details.open = %v; })`, all))
}

// alike are elements that are like those before them, but for their words: axe-core looks at each for itself, and takes most of
// the time of these tests.
var alike = strings.Join([]string{
	"tbody tr:nth-child(n+2)", ".case:nth-of-type(n+4)", ".fold:nth-of-type(n+3)", ".figures > figure:nth-child(n+2):not(#storm *)", ".strips > li:not(.times):nth-child(n+4)",
	".bars li:nth-child(n+2)", "dl > :nth-child(n+5)",
	"[data-tone=bad] ~ [data-tone=bad]", "[data-tone=good] ~ [data-tone=good]", "[data-tone=warn] ~ [data-tone=warn]", "[data-tone=plain] ~ [data-tone=plain]",
	"[data-tone=claim] ~ [data-tone=claim]",
}, ", ")

// leave hides what is alike, or shows it.
func leave(p *browsertest.Page, hidden bool) {
	browsertest.Run[chromedp.Void](p, fmt.Sprintf(`document.querySelectorAll(%q).forEach((element) => { element.classList.toggle("alike", %v); });
		document.adoptedStyleSheets = [new CSSStyleSheet()];
		document.adoptedStyleSheets[0].replaceSync(".alike { display: none !important; }")`, alike, hidden))
}

// toggle presses the button that shows the other view, by the keyboard.
func toggle(t *testing.T, p *browsertest.Page) {
	t.Helper()
	const picture = `document.querySelector("#latency canvas").toDataURL()`
	before := browsertest.Run[string](p, picture)
	browsertest.Run[chromedp.Void](p, `document.querySelector("#latency button").focus()`)
	p.Do(chromedp.KeyEvent(" "))
	p.Wait(`document.querySelector("#latency button").getAttribute("aria-pressed") === "true"`)
	if browsertest.Run[string](p, picture) == before {
		t.Error("the picture is the same")
	}
	p.Do(chromedp.KeyEvent(" "))
	p.Wait(`document.querySelector("#latency button").getAttribute("aria-pressed") === "false"`)
	if browsertest.Run[string](p, picture) != before {
		t.Error("the picture does not come back")
	}
}

// choose chooses another round trip, of which one is to be seen at a time, and its pictures are drawn.
func choose(t *testing.T, p *browsertest.Page) {
	t.Helper()
	const seen = `[...document.querySelectorAll(".choice")].filter((choice) => choice.checkVisibility()).map(({ dataset }) => dataset.choice).join()`
	if got := browsertest.Run[string](p, seen); got != "as it is" {
		t.Errorf("to be seen are the pictures of %q", got)
	}
	browsertest.Run[chromedp.Void](p, `document.querySelector(".choosing input").focus()`)
	p.Do(chromedp.KeyEvent(kb.ArrowDown))
	p.Wait(seen + ` === "20 ms more"`)
	if bad := browsertest.Run[[]string](p, undrawn); len(bad) > 0 {
		t.Errorf("when another is chosen, not drawn: %q", bad)
	}
}

// paper prints the page from a dark screen: it is light, and its pictures too.
func paper(t *testing.T, p *browsertest.Page) {
	t.Helper()
	p.Emulate("screen", map[string]string{"prefers-color-scheme": "dark"})
	p.Resize(1000, 900)
	p.Emulate("print", map[string]string{"prefers-color-scheme": "dark"})
	p.Wait(`document.documentElement.dataset.theme === "light"`)
	p.Frames()
	if hidden := browsertest.Run[int](p, `document.querySelectorAll(".choice[hidden]").length`); hidden > 0 {
		t.Errorf("print: %d choices are not there", hidden)
	}
	if bad := browsertest.Run[[]string](p, undrawn); len(bad) > 0 {
		t.Errorf("print: not drawn: %q", bad)
	}
	if colour := browsertest.Run[string](p, `getComputedStyle(document.body).backgroundColor`); colour != "rgb(255, 255, 255)" {
		t.Errorf("paper is %s", colour)
	}
	shoot(t, p, "print")
	if dir := os.Getenv("SHOTS"); dir != "" {
		p.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			printed, err := cdp.Call(ctx, target, cdppage.PrintToPDF, cdppage.PrintToPDFParams{PrintBackground: new(true)})
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "print.pdf"), printed.Data, 0o666)
		}))
	}
	p.Emulate("screen", nil)
	p.Wait(`!document.documentElement.dataset.theme`)
}

// shoot leaves a picture of the whole page, if somebody wants to look.
func shoot(t *testing.T, p *browsertest.Page, scene string) {
	t.Helper()
	dir := os.Getenv("SHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(p.Ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, scene+".png"), picture, 0o666); err != nil {
		t.Fatal(err)
	}
}
