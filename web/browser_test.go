package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/web"
)

// TestBrowser runs the page and its modules in a real browser. Each test has a server of its own.
func TestBrowser(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, context.Context)
	}{
		{"SameEventsInAllLanes", testSameEvents},
		{"ScrolledPage", testScrolledPage},
		{"Publish", testPublish},
		{"StopAndStart", testStopAndStart},
		{"Cut", testCut},
		{"Restart", testRestart},
		{"EventSourceAfter503", testEventSourceAfter503},
		{"MinimalPages", testMinimalPages},
		{"Ledger", testLedger},
		{"Backoff", testBackoff},
		{"HTTPStreamModule", testHTTPStreamModule},
		{"LongPollModule", testLongPollModule},
		{"Silence", testSilence},
		{"SSEParser", testSSEParser},
		{"SSEFetchModule", testSSEFetchModule},
		{"SSEFetchAnswers", testSSEFetchAnswers},
		{"SSEFetchCrossOrigin", testSSEFetchCrossOrigin},
		{"SSEFetchBesideEventSource", testSSEFetchBesideEventSource},
		{"SSELaneSwitch", testSSELaneSwitch},
		{"CloseInCallback", testCloseInCallback},
		{"Online", testOnline},
		{"OnlineInWorkers", testOnlineInWorkers},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, browser)
		})
	}
}

// serveBrowser starts a server that says goodbye briefly: a browser comes back at once.
func serveBrowser(t *testing.T) *service {
	t.Helper()
	return serve(t, hub.Config{}, web.Config{Retry: 200 * time.Millisecond})
}

// publishText publishes an event, not through the browser, and returns its id.
func (s *service) publishText(topic, text string) string {
	s.t.Helper()
	data, err := event.Text(text)
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := s.hub.Publish(context.Background(), topic, data)
	if err != nil {
		s.t.Fatal(err)
	}
	return id.String()
}

// fill fills the publish box in and presses its button.
func fill(p *page, by, kind, topic, data string) {
	p.t.Helper()
	values, err := json.Marshal(map[string]string{"by": by, "type": kind, "topic": topic, "data": data})
	if err != nil {
		p.t.Fatal(err)
	}
	run[chromedp.Void](p, fmt.Sprintf(`for (const [name, value] of Object.entries(%s)) {
		document.querySelector("#publish").elements[name].value = value;
	}`, values))
	p.do(chromedp.Click(chromedp.CSS("#publish button")))
}

// waitForLanes waits until all lanes are open.
func waitForLanes(p *page) {
	p.t.Helper()
	p.wait(`document.querySelectorAll(".lane[data-state=open]").length === 4`)
}

// waitForEvents waits until each lane shows just the events with these ids, in this order.
func waitForEvents(p *page, ids []string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`[...document.querySelectorAll(".lane")].every(lane =>
		[...lane.querySelectorAll("li")].map(row => row.dataset.id).reverse().join(" ") === %q)`, strings.Join(ids, " ")))
}

// checkCounts checks what each lane's ledger shows.
func checkCounts(p *page, want map[string]string) {
	p.t.Helper()
	for _, lane := range transports {
		for name, value := range want {
			if got := run[string](p, fmt.Sprintf(`document.querySelector("#%s [data-value=%s]").textContent`, lane, name)); got != value {
				p.t.Errorf("%s: %s is %s, want %s", lane, name, got, value)
			}
		}
	}
}

// A cable is a TCP proxy between browser and server that can be cut.
type cable struct {
	listener net.Listener
	ends     sync.WaitGroup

	mu     sync.Mutex
	target string
	open   map[*net.TCPConn]bool // the browser's ends
}

func newCable(t *testing.T, server string) *cable {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: listener, target: strings.TrimPrefix(server, "http://"), open: map[*net.TCPConn]bool{}}
	c.ends.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.ends.Go(func() { c.join(conn.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		c.cut(func(conn *net.TCPConn) { conn.Close() })
		c.ends.Wait()
	})
	return c
}

func (c *cable) URL() string { return "http://" + c.listener.Addr().String() }

// to connects what comes from now on with another server.
func (c *cable) to(server string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.target = strings.TrimPrefix(server, "http://")
}

// cut ends all connections on the browser's side.
func (c *cable) cut(end func(*net.TCPConn)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		end(conn)
	}
}

// join copies both ways until one side ends.
func (c *cable) join(browser *net.TCPConn) {
	defer browser.Close()
	c.mu.Lock()
	c.open[browser] = true
	target := c.target
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.open, browser)
		c.mu.Unlock()
	}()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	var up sync.WaitGroup
	up.Go(func() {
		io.Copy(server, browser)
		server.Close()
	})
	io.Copy(browser, server)
	browser.Close()
	up.Wait()
}

func testSameEvents(t *testing.T, browser context.Context) {
	server := serveBrowser(t)
	response, _ := server.request("GET", "/lanes.html", nil, "")
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("Content-Security-Policy is %q: a quiet console proves nothing", policy)
	}

	p := open(t, browser, server.url+"/lanes.html")
	waitForLanes(p)
	var ids []string
	for i := range 20 {
		ids = append(ids, server.publishText("chat", fmt.Sprint("event ", i)))
	}
	waitForEvents(p, ids)
	checkCounts(p, map[string]string{"events": "20", "lost": "0", "repeated": "0", "gaps": "0"})
	p.wait(`document.querySelector("#summary").textContent === "All four lanes are open."`)

	// The lists stay short, however long the lanes run.
	for i := range 50 {
		ids = append(ids, server.publishText("chat", fmt.Sprint("more ", i)))
	}
	waitForEvents(p, ids[20:])
}

// Where the user has scrolled to, the page stays, whatever arrives.
func testScrolledPage(t *testing.T, browser context.Context) {
	server := serveBrowser(t)
	p := open(t, browser, server.url+"/lanes.html")
	waitForLanes(p)
	var ids []string
	publish := func() {
		for i := range 6 {
			ids = append(ids, server.publishText("chat", fmt.Sprint("event ", i)))
			waitForEvents(p, ids)
		}
	}
	publish()
	// The upper edge of the window cuts through a list.
	before := run[float64](p, `{
		scrollTo(0, document.querySelector("#longpoll .events").getBoundingClientRect().top + 100);
		scrollY;
	}`)
	publish()
	if after := run[float64](p, `scrollY`); before == 0 || after != before {
		t.Errorf("the page was scrolled to %v, now to %v", before, after)
	}
}

func testPublish(t *testing.T, browser context.Context) {
	server := serveBrowser(t)
	p := open(t, browser, server.url+"/lanes.html", "the server responded with a status of 400")
	waitForLanes(p)

	var ids []string
	for _, test := range []struct{ by, kind, topic, data, wantTopic, wantData string }{
		{"post", "text", "", "plain <b>text</b>", "message", `"plain <b>text</b>"`},
		{"post", "json", "room.7", `{"a": [1, 2]}`, "room.7", `{"a":[1,2]}`},
		{"websocket", "text", "", "grüße 🙂", "message", `"grüße 🙂"`},
		{"websocket", "json", "chat", `{"b": null}`, "chat", `{"b":null}`},
	} {
		fill(p, test.by, test.kind, test.topic, test.data)
		p.wait(`/^Published as .+-\d+\.$/.test(document.querySelector("#published").textContent)`)
		id := strings.TrimSuffix(strings.TrimPrefix(run[string](p, `document.querySelector("#published").textContent`), "Published as "), ".")
		ids = append(ids, id)
		waitForEvents(p, ids)
		for _, lane := range transports {
			row := fmt.Sprintf(`document.querySelector("#%s [data-id='%s']")`, lane, id)
			got := run[[]string](p, `[...`+row+`.children].map(part => part.textContent)`)
			if diff := cmp.Diff([]string{id, test.wantTopic, test.wantData}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", lane, diff)
			}
		}
	}

	// The page shows what the server says about a mistake.
	_, answer := server.request("POST", "/publish?topic=no+good", http.Header{"Content-Type": {"text/plain"}}, "x")
	var problem struct{ Detail string }
	if err := json.Unmarshal(answer, &problem); err != nil || problem.Detail == "" {
		t.Fatalf("the problem has no detail: %s", answer)
	}
	fill(p, "post", "text", "no good", "x")
	p.wait(fmt.Sprintf(`document.querySelector("#published.bad")?.textContent === %q`, "400: "+problem.Detail))
	fill(p, "websocket", "text", "no good", "x")
	p.wait(`document.querySelector("#published.bad") && !document.querySelector("#published").textContent.startsWith("400")`)
	fill(p, "websocket", "json", "", "{")
	p.wait(`document.querySelector("#published.bad")?.textContent.includes("JSON")`)
}

func testStopAndStart(t *testing.T, browser context.Context) {
	server := serveBrowser(t)
	p := open(t, browser, server.url+"/lanes.html")
	waitForLanes(p)
	ids := []string{server.publishText("", "before")}
	waitForEvents(p, ids)
	toggle := `document.querySelectorAll(".lane button").forEach(button => button.click())`
	run[chromedp.Void](p, toggle)
	p.wait(`document.querySelectorAll(".lane[data-state=closed]").length === 4`)
	ids = append(ids, server.publishText("", "meanwhile"))
	run[chromedp.Void](p, toggle)
	waitForEvents(p, ids)
	waitForLanes(p)
	checkCounts(p, map[string]string{"events": "2", "lost": "0", "repeated": "0", "gaps": "0"})
}

func testCut(t *testing.T, browser context.Context) {
	server := serveBrowser(t)
	cable := newCable(t, server.url)
	p := open(t, browser, cable.URL()+"/lanes.html", "net::ERR_", "WebSocket connection to")
	waitForLanes(p)
	var ids []string
	for i, cut := range []func(*net.TCPConn){
		func(c *net.TCPConn) { c.Close() },                 // FIN
		func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, // RST
	} {
		for j := range 3 {
			ids = append(ids, server.publishText("chat", fmt.Sprint("before cut ", i, j)))
		}
		waitForEvents(p, ids)
		cable.cut(cut)
		for j := range 3 {
			ids = append(ids, server.publishText("chat", fmt.Sprint("after cut ", i, j)))
		}
		waitForEvents(p, ids) // what was published after the cut came over new connections
		waitForLanes(p)
		checkCounts(p, map[string]string{"lost": "0", "repeated": "0", "gaps": "0"})
	}
}

func testRestart(t *testing.T, browser context.Context) {
	first, second := serveBrowser(t), serveBrowser(t)
	cable := newCable(t, first.url)
	p := open(t, browser, cable.URL()+"/lanes.html", "net::ERR_", "WebSocket connection to")
	waitForLanes(p)
	ids := []string{first.publishText("chat", "the old log")}
	waitForEvents(p, ids)

	cable.to(second.url)
	first.stop()
	// Another log has another epoch: every lane is told, once.
	p.wait(`[...document.querySelectorAll("[data-value=gaps]")].every(value => value.textContent === "1")`)
	second.publishText("chat", "the new log")
	p.wait(`[...document.querySelectorAll(".lane")].every(lane => lane.textContent.includes("the new log"))`)
	waitForLanes(p)
	checkCounts(p, map[string]string{"events": "2", "lost": "0", "repeated": "0"})
}

func testEventSourceAfter503(t *testing.T, browser context.Context) {
	server := serveBrowser(t)
	target, err := url.Parse(server.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // the server compares it with Origin
		},
		FlushInterval: -1,                         // at once
		ErrorLog:      log.New(io.Discard, "", 0), // of the streams that the test cuts
	}
	var mu sync.Mutex
	var requests []*http.Request
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sse" {
			mu.Lock()
			requests = append(requests, r)
			refuse := len(requests) == 2
			mu.Unlock()
			if refuse {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	cable := newCable(t, front.URL)
	p := open(t, browser, cable.URL()+"/lanes.html", "net::ERR_", "WebSocket connection to", "the server responded with a status of 503")
	waitForLanes(p)
	ids := []string{server.publishText("", "before")}
	waitForEvents(p, ids)
	cable.cut(func(c *net.TCPConn) { c.Close() })
	ids = append(ids, server.publishText("", "meanwhile"))
	waitForEvents(p, ids)
	checkCounts(p, map[string]string{"events": "2", "lost": "0", "repeated": "0", "gaps": "0"})

	mu.Lock()
	defer mu.Unlock()
	if len(requests) != 3 {
		t.Fatalf("%d requests, want the first, its own reconnect, and one of a new EventSource", len(requests))
	}
	if got := requests[1].Header.Get("Last-Event-ID"); got != ids[0] {
		t.Errorf("EventSource resumed after %q, want %q", got, ids[0])
	}
	if got := requests[2].URL.Query().Get("after"); got != ids[0] {
		t.Errorf("the new EventSource resumed after %q, want %q", got, ids[0])
	}
}

func testMinimalPages(t *testing.T, browser context.Context) {
	server := serveBrowser(t)
	for _, lane := range transports {
		t.Run(lane, func(t *testing.T) {
			lines := 0
			for _, extension := range []string{".html", ".js"} {
				file, err := os.ReadFile("static/minimal/" + lane + extension)
				if err != nil {
					t.Fatal(err)
				}
				lines += strings.Count(string(file), "\n")
			}
			if lines > 20 {
				t.Errorf("%d lines: a minimal page has at most 20", lines)
			}
			p := open(t, browser, server.url+"/minimal/"+lane+".html")
			// The page does not say when it is subscribed, and it starts from now: publish until something arrives.
			for deadline := time.Now().Add(patience); ; {
				server.publishText("chat", "hello from the test")
				run[chromedp.Void](p, `new Promise(requestAnimationFrame)`)
				if run[bool](p, `document.querySelector("#events").textContent.includes("hello from the test")`) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("no event arrived")
				}
			}
			last := server.publishText("chat", "the last one")
			p.wait(fmt.Sprintf(`document.querySelector("#events").textContent.includes(%q)`, last))
		})
	}
}

func testLedger(t *testing.T, browser context.Context) {
	address, _ := script(t, "")
	p := open(t, browser, address)
	for _, test := range []struct{ name, input, want string }{ // want: events lost repeated gaps missed exact
		{"in order", `s e-4, e-5, e-6`, "2 0 0 0 0 true"},
		{"no start", `e-5, e-6`, "2 0 0 0 0 true"},
		{"lost before the first event", `s e-4, e-6`, "1 1 0 0 0 true"},
		{"hole", `e-5, e-9`, "2 3 0 0 0 true"},
		{"repeated", `e-5, e-6, e-5, e-6, e-7`, "5 0 2 0 0 true"},
		{"a later start changes nothing", `e-5, s e-8, e-6`, "2 0 0 0 0 true"},
		{"gap", `e-5, g e-9 4, e-10`, "2 0 0 1 4 true"},
		{"hole after a gap", `e-5, g e-9 4, e-11`, "2 1 0 1 4 true"},
		{"gap of unknown size", `e-5, g f-0 ?, f-1, g f-3 2, f-4`, "3 0 0 2 2 false"},
		{"gap back in the same epoch", `e-5, g e-2 ?, e-3`, "2 0 0 1 0 false"},
		{"another epoch without a gap", `e-5, f-6, f-7`, "3 1 0 0 0 true"},
	} {
		got := run[string](p, fmt.Sprintf(`(async () => {
			const { Ledger } = await import("/ledger.js");
			const ledger = new Ledger();
			for (const step of %q.split(", ")) {
				const [what, id, missed] = step.split(" ");
				if (what === "s") ledger.start(id);
				else if (what === "g") ledger.gap({ id, data: missed === "?" ? {} : { missed: Number(missed) } });
				else ledger.event({ id: what });
			}
			const { events, lost, repeated, gaps, missed, exact } = ledger;
			return [events, lost, repeated, gaps, missed, exact].join(" ");
		})()`, test.input))
		if got != test.want {
			t.Errorf("%s: %s gives %s, want %s", test.name, test.input, got, test.want)
		}
	}
}

func testBackoff(t *testing.T, browser context.Context) {
	address, _ := script(t, "")
	p := open(t, browser, address)
	waits := run[[]float64](p, `import("/transports/shared.js").then(({ Backoff }) => {
		const backoff = new Backoff();
		const waits = Array.from({ length: 10 }, () => backoff.next());
		backoff.reset();
		return [...waits, backoff.next(), backoff.next(0), backoff.next(3000)];
	})`)
	longest := []float64{500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000, 30000, 500, 1000}
	for i, max := range longest {
		if waits[i] < max/2 || waits[i] > max {
			t.Errorf("wait %d is %v ms, want %v to %v", i, waits[i], max/2, max)
		}
	}
	if asked := waits[len(longest)]; asked < 3000 || asked > 3750 {
		t.Errorf("asked for 3000 ms, it waits %v", asked)
	}
}

// subscribe runs a transport module, without the page, until an event with the data "end" comes. It returns what the
// callbacks were told.
func subscribe(p *page, transport string) []string {
	p.t.Helper()
	return run[[]string](p, fmt.Sprintf(`import("/transports/%[1]s.js").then(({ open }) => new Promise((resolve) => {
		const told = [];
		const connection = open("/%[1]s", {
			topics: ["a", "b"],
			onevent: ({ id, topic, data }) => {
				told.push(["event", id, topic, data].join(" "));
				if (data !== "end") return;
				connection.close();
				told.push(connection.readyState, connection.cursor);
				resolve(told);
			},
			ongap: ({ id, data }) => told.push(["gap", id, data.missed].join(" ")),
			onstate: (state, reason) => told.push([state, reason].join(" ").trim()),
		});
	}))`, transport))
}

// script serves the modules, an empty page to run them in, and at path one answer after the other. The query of each
// request is recorded.
func script(t *testing.T, path string, answers ...http.HandlerFunc) (address string, queries func() []string) {
	t.Helper()
	address, requests := stage(t, map[string][]http.HandlerFunc{path: answers})
	return address, func() []string {
		var queries []string
		for _, r := range requests(path) {
			queries = append(queries, r.Query)
		}
		return queries
	}
}

func testHTTPStreamModule(t *testing.T, browser context.Context) {
	lines := func(lines ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/x-ndjson")
			io.WriteString(w, strings.Join(lines, "\n")+"\n")
		}
	}
	address, queries := script(t, "/httpstream",
		lines(`{"id":"e-4","topic":"$open","data":{}}`, `{"id":"e-5","topic":"a","data":"grüße 🙂"}`, `{"id":"e-7","topic":"$beat","data":{}}`),
		lines(`{"id":"e-7","topic":"$open","data":{}}`, `{"id":"f-2","topic":"$gap","data":{"after":"e-7","missed":2}}`,
			`{"id":"f-3","topic":"b","data":1}`, `{"id":"f-3","topic":"$bye","data":{"retry":1}}`),
		func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		lines(`{"id":"f-3","topic":"$open","data":{}}`, `{"id":"f-4","topic":"a","data":"end"}`, `{"id":"f-5","topic":"a","data":"after close"}`),
	)
	p := open(t, browser, address, "status of 503")
	// Every byte comes alone: lines and characters are in pieces.
	run[chromedp.Void](p, `{
		const whole = fetch;
		fetch = async (...request) => {
			const response = await whole(...request);
			const bytes = new TransformStream({
				transform(chunk, controller) {
					for (const byte of chunk) controller.enqueue(Uint8Array.of(byte));
				},
			});
			return new Response(response.body.pipeThrough(bytes), response);
		};
	}`)
	want := []string{
		"open", "event e-5 a grüße 🙂", "connecting the body ended without $bye",
		"open", "gap f-2 2", "event f-3 b 1", "connecting the server said $bye",
		"connecting HTTP 503",
		"open", "event f-4 a end", "closed", "closed", "f-4",
	}
	if diff := cmp.Diff(want, subscribe(p, "httpstream")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantQueries := []string{"topic=a&topic=b", "topic=a&topic=b&after=e-7", "topic=a&topic=b&after=f-3", "topic=a&topic=b&after=f-3"}
	if diff := cmp.Diff(wantQueries, queries()); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

func testLongPollModule(t *testing.T, browser context.Context) {
	nothing := func(cursor, retryAfter string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Pushlab-Cursor", cursor)
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.WriteHeader(http.StatusNoContent)
		}
	}
	events := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, body)
		}
	}
	address, queries := script(t, "/longpoll",
		nothing("e-4", ""),
		events(`{"events":[{"id":"e-5","topic":"a","data":1},{"id":"e-6","topic":"b","data":2}],"cursor":"e-7","more":true}`),
		nothing("e-8", ""),
		nothing("e-9", "0"),
		func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		events(`{"events":[{"id":"f-2","topic":"$gap","data":{"after":"e-9"}}],"cursor":"f-2","more":false}`),
		events(`{"events":[{"id":"f-3","topic":"a","data":"end"},{"id":"f-4","topic":"a","data":"after close"}],"cursor":"f-4","more":false}`),
	)
	p := open(t, browser, address, "status of 503")
	want := []string{
		"open", "event e-5 a 1", "event e-6 b 2", "connecting the server is leaving",
		"connecting HTTP 503",
		"open", "gap f-2 ", "event f-3 a end", "closed", "closed", "f-3",
	}
	if diff := cmp.Diff(want, subscribe(p, "longpoll")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantQueries := []string{
		"topic=a&topic=b&wait=0",
		"topic=a&topic=b&after=e-4&wait=25",
		"topic=a&topic=b&after=e-7&wait=25",
		"topic=a&topic=b&after=e-8&wait=25",
		"topic=a&topic=b&after=e-9&wait=0",
		"topic=a&topic=b&after=e-9&wait=0",
		"topic=a&topic=b&after=f-2&wait=25",
	}
	if diff := cmp.Diff(wantQueries, queries()); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

// A connection that brings nothing, not even a heartbeat, is given up, and made anew.
func testSilence(t *testing.T, browser context.Context) {
	p := open(t, browser, serveBrowser(t).url+"/minimal/index.html")
	run[chromedp.Void](p, `Promise.all(Object.entries({
		httpstream: "/httpstream", sse: "/sse", "sse-fetch": "/sse", websocket: "/websocket",
	}).map(async ([module, path]) => {
		const { open } = await import("/transports/" + module + ".js");
		await new Promise((resolve) => {
			let told = "";
			const connection = open(path, {
				silence: 200,
				onstate: (state, reason) => {
					told += state + reason + ", ";
					if (!/open, (connectingsilent for 0.2 s, )+open, $/.test(told)) return;
					resolve();
					connection.close();
				},
			});
		});
	}))`)
}
