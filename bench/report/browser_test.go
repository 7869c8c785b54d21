package report

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"pushlab/bench/result"
	"pushlab/common/browsertest"
)

// openReport writes a report into a folder, and opens it from there.
func openReport(t *testing.T, browser context.Context, r result.Result) *browsertest.Page {
	t.Helper()
	files, err := Files(r, []string{"html"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := Write(dir, files); err != nil {
		t.Fatal(err)
	}
	return browsertest.Open(t, browser, "file://"+filepath.Join(dir, "report.html"))
}

// undrawn are charts whose picture is missing, or has nothing in it but its background.
const undrawn = `[...document.querySelectorAll("[data-chart]")].filter((element) => {
	const canvas = element.querySelector("canvas");
	if (!canvas || !element.checkVisibility() || !(element.dataset.drawn > 0)) return true;
	const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
	const colours = new Set();
	for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
	return colours.size < 3;
}).map(({ dataset }) => dataset.chart)`

// A scene is what a page is seen on.
type scene struct {
	theme string
	width int64
}

// scenes are those that differ most.
var scenes = []scene{{"light", 1280}, {"dark", 1280}, {"light", 320}, {"dark", 390}}

// The page from the disk, as people see it: in both themes, on a telephone, with all its tables open. A folder in SHOTS gets
// pictures of it.
func TestBrowserReport(t *testing.T) {
	t.Parallel()
	browser := browsertest.Start(t)
	// pushlab bench run --profile smoke --subscribers 50 --rate 100 --duration 3s --rounds 3, on a machine that was busy otherwise
	measured, err := result.Read("testdata/smoke.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]result.Result{"run": exampleRun(t), "smoke": measured} {
		p := openReport(t, browser, r)
		p.InjectAxe()
		for _, scene := range scenes {
			p.Emulate("screen", map[string]string{"prefers-color-scheme": scene.theme})
			p.Resize(scene.width, 900)
			browsertest.Run[chromedp.Void](p, `document.querySelectorAll("details").forEach((details) => { details.open = false; })`)
			p.Frames()
			at := fmt.Sprintf("%s-%s-%d", name, scene.theme, scene.width)
			if bad := browsertest.Run[[]string](p, undrawn); len(bad) > 0 {
				t.Errorf("%s: not drawn: %q", at, bad)
			}
			if over := browsertest.Run[float64](p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%s: %v pixels wider than the window", at, over)
			}
			shoot(t, p, at)
			browsertest.Run[chromedp.Void](p, `document.querySelectorAll("details").forEach((details) => { details.open = true; })`)
			if over := browsertest.Run[float64](p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%s: %v pixels wider than the window, with all tables", at, over)
			}
			p.Axe(at, "document")
		}
		if name == "run" {
			paper(t, p)
		}
	}
}

// The button shows the other view, and can be reached and pressed by the keyboard.
func TestBrowserToggle(t *testing.T) {
	t.Parallel()
	p := openReport(t, browsertest.Start(t), exampleRun(t))
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

// paper prints the page from a dark screen: it is light, and its pictures too.
func paper(t *testing.T, p *browsertest.Page) {
	t.Helper()
	p.Emulate("screen", map[string]string{"prefers-color-scheme": "dark"})
	p.Resize(1000, 900)
	p.Emulate("print", map[string]string{"prefers-color-scheme": "dark"})
	p.Wait(`document.documentElement.dataset.theme === "light"`)
	p.Frames()
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
