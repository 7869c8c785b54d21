package report

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"pushlab/bench/result"
)

// htmlOf writes a report.
func htmlOf(t *testing.T, r result.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// all returns the elements of a page.
func all(t *testing.T, page []byte, names ...string) (found []*html.Node) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, n.Data)) {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// eachPage tests the page of a run, and that of a comparison.
func eachPage(t *testing.T, test func(*testing.T, []byte)) {
	old, new := exampleMeasured(t)
	for name, page := range map[string][]byte{"run": htmlOf(t, examplePage(t)), "changes": changesPage(t, old, new)} {
		t.Run(name, func(t *testing.T) { test(t, page) })
	}
}

// Every element that is begun is ended, in the right order.
func TestHTMLIsWellFormed(t *testing.T) { eachPage(t, wellFormed) }

func wellFormed(t *testing.T, page []byte) {
	empty := []string{"meta", "link", "br", "hr", "img", "input"}
	var open []string
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			if z.Err() != io.EOF {
				t.Fatal(z.Err())
			}
			break
		}
		name, _ := z.TagName()
		switch kind {
		case html.StartTagToken:
			if !slices.Contains(empty, string(name)) {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("</%s> ends %q", name, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("never ended: %q", open)
	}
}

// The page needs nobody: it names no other host, has no handler in its elements, and allows only its own script and style.
func TestHTMLNeedsNothingElse(t *testing.T) { eachPage(t, needsNothingElse) }

func needsNothingElse(t *testing.T, page []byte) {
	hashOf := func(n *html.Node) string {
		sum := sha256.Sum256([]byte(textOf(n)))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	var policy string
	ids := map[string]bool{}
	for _, n := range all(t, page) {
		if attribute(n, "http-equiv") == "Content-Security-Policy" {
			policy = attribute(n, "content")
		}
		if id := attribute(n, "id"); id != "" && ids[id] {
			t.Errorf("the id %s is there twice", id)
		} else {
			ids[id] = true
		}
		for _, a := range n.Attr {
			switch value := strings.ToLower(a.Val); {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style":
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			case slices.Contains([]string{"href", "src", "srcset", "action", "data", "poster"}, a.Key) && !strings.HasPrefix(value, "#") && !strings.HasPrefix(value, "data:application/gzip;"):
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
	if strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'none'; ") {
		t.Errorf("the policy %q", policy)
	}
	scripts := 0
	for _, n := range all(t, page, "script", "style") {
		if attribute(n, "type") == "application/json" {
			if !json.Valid([]byte(textOf(n))) {
				t.Error("the charts are no JSON")
			}
			continue
		}
		scripts++
		if !strings.Contains(policy, hashOf(n)) {
			t.Errorf("the policy %q does not allow a <%s>", policy, n.Data)
		}
		if bad := regexp.MustCompile(`https?://|\beval\(|new Function|url\(|@import|innerHTML`).FindString(textOf(n)); bad != "" {
			t.Errorf("<%s> has %q", n.Data, bad)
		}
	}
	if scripts != 2 {
		t.Errorf("%d scripts and style sheets", scripts)
	}
}

// Every picture has its numbers in a table, which is there without the script.
func TestHTMLHasTables(t *testing.T) {
	r := examplePage(t)
	page := htmlOf(t, r)
	figures := all(t, page, "figure")
	// Of latency, over time, bytes, costs of four groups, capacity, memory, and two of the storm.
	if len(figures) < 9+4+9+(3+2*3)+1+1+2 {
		t.Errorf("%d figures", len(figures))
	}
	for _, n := range figures {
		rows, caption, drawn, open := 0, "", false, false
		for d := range n.Descendants() {
			drawn = drawn || attribute(d, "data-chart") != ""
			switch {
			case d.Data == "details":
				open = slices.ContainsFunc(d.Attr, func(a html.Attribute) bool { return a.Key == "open" })
			case d.Data == "tr":
				rows++
			case d.Data == "figcaption":
				caption = textOf(d)
			}
		}
		if rows < 2 {
			t.Errorf("%s has no table", caption)
		}
		if drawn != open {
			t.Errorf("%s is drawn by the script: %v; its table is open without it: %v", caption, drawn, open)
		}
	}
	var ids []string
	for _, n := range all(t, page, "section") {
		ids = append(ids, attribute(n, "id"))
	}
	want := []string{"verdicts", "summary", "latency", "time", "bytes", "sweep", "capacity", "memory", "storm", "added", "numbers", "environment", "reading", "data"}
	if !slices.Equal(ids, want) {
		t.Errorf("sections %q, want %q", ids, want)
	}
	for _, text := range []string{
		"NOT VALID", "pushlab longpoll in round 2: deliveries lost: 10 of 1000000", "~ ", "up to p90: the tail is not valid",
		"BROKEN", "not in 2 of", "pushlab bench run --profile=standard --out=results/today", "floor longpoll against itself",
		"NOT RELIABLE", "the host kept 2.0 % of the cores", "in 2 of", "request heads", "not told apart", "response heads", "kernel", "runtime",
		"the server collects garbage", "3 without a connection, 40 deliveries missing", "gaps are announced", "the server is away", "Round trip: 20 ms more",
		"0.310", "nginx compresses nothing behind an upgrade", "2 × others", "Stolen by the host",
	} {
		if !bytes.Contains(page, []byte(text)) {
			t.Errorf("the page does not say %q", text)
		}
	}
}

// Parts that have nothing to show are not there, whatever a file has.
func TestHTMLLeavesOut(t *testing.T) {
	for name, r := range map[string]result.Result{"nothing": {}, "one case": exampleOf(t)} {
		var ids []string
		for _, n := range all(t, htmlOf(t, r), "section") {
			ids = append(ids, attribute(n, "id"))
		}
		want := []string{"environment", "reading", "data"}
		if name != "nothing" {
			want = []string{"verdicts", "summary", "bytes", "numbers", "environment", "reading", "data"} // its histograms are made up
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s: sections %q, want %q", name, ids, want)
		}
	}
}

// Names in a result are text, whoever wrote the file.
func TestHTMLEscapes(t *testing.T) {
	r := examplePage(t)
	const evil = `</script><script>alert(1)</script><img src=x onerror=alert(1)>`
	r.Outcomes[0].Case.Name, r.Command, r.Environment.CPU = evil, evil, evil
	for i := range r.Outcomes[0].Measurements {
		r.Outcomes[0].Measurements[i].Target = evil
	}
	page := htmlOf(t, r)
	if n := len(all(t, page, "script")); n != 2 {
		t.Errorf("%d scripts", n)
	}
	if n := len(all(t, page, "img")); n != 0 {
		t.Errorf("%d images", n)
	}
}

// The link has the whole result.
func TestHTMLHasTheResult(t *testing.T) {
	r := examplePage(t)
	for _, n := range all(t, htmlOf(t, r), "a") {
		if encoded, ok := strings.CutPrefix(attribute(n, "href"), "data:application/gzip;base64,"); ok {
			raw, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), result.FileName)
			if err := os.WriteFile(path, raw, 0o666); err != nil {
				t.Fatal(err)
			}
			if again, err := result.Read(path); err != nil || len(again.Outcomes) != len(r.Outcomes) {
				t.Errorf("%v", err)
			}
			return
		}
	}
	t.Error("no such link")
}

// The page is small beside the result that is in it.
func TestHTMLSize(t *testing.T) {
	r := exampleOf(t)
	if n := len(htmlOf(t, r)); n > 120<<10 {
		t.Errorf("%d bytes, of a result with one case", n)
	}
	raw, err := packed(examplePage(t))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(htmlOf(t, examplePage(t))); n > 500<<10+len(raw)*4/3*17/16 { // one in 64 is a plus, which HTML writes with five bytes
		t.Errorf("%d bytes, of a result with %d", n, len(raw))
	}
}

// TestAssets checks that script and style sheet are made of what there is, and are as they were made.
func TestAssets(t *testing.T) {
	list, err := os.ReadFile("assets/SOURCES")
	if err != nil {
		t.Fatalf("%v: run go generate ./bench/report", err)
	}
	sources, files := 0, 0
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if len(fields) != 3 {
			t.Fatalf("SOURCES: what is %q?", lines.Text())
		}
		path := filepath.Join("assets", fields[1])
		if files++; fields[0] == "source" {
			path = filepath.Join("../..", fields[1])
			sources, files = sources+1, files-1
		}
		content, err := os.ReadFile(path)
		if sum := sha256.Sum256(content); err != nil || hex.EncodeToString(sum[:]) != fields[2] {
			t.Errorf("%s is not what the assets were made of (%v): run go generate ./bench/report", fields[1], err)
		}
	}
	if sources < 7 || files != 2 {
		t.Errorf("%d files made of %d", files, sources)
	}
}
