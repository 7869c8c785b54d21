package web_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"pushlab/common/hub"
	"pushlab/web"
)

// TestBrowserShowsItsToken: what a page can bring by a real browser's own means, and what a page from elsewhere cannot. The foreign
// page is on another port, to which browsers show the same cookies.
func TestBrowserShowsItsToken(t *testing.T) {
	t.Parallel()
	s := serve(t, hub.Config{}, web.Config{Access: control(t, true), AuthCookie: "token"})
	elsewhere := serve(t, hub.Config{}, web.Config{})
	const helpers = `
		const eventSource = url => new Promise(done => {
			const source = new EventSource(url, { withCredentials: true });
			source.onopen = () => { source.close(); done("open"); };
			source.onerror = () => { done(source.readyState === EventSource.CLOSED ? "closed for good" : "tries again"); source.close(); };
		});
		const webSocket = url => new Promise(done => {
			const socket = new WebSocket(url);
			socket.onopen = () => { socket.close(); done("open"); };
			socket.onerror = () => done("closed");
		});
		const post = (path, headers) => fetch(path, { method: "POST", credentials: "include", headers });
		const ticket = async headers => (await (await post("/ticket", headers)).json()).ticket;`
	browser := startChromium(t)
	try := func(p *page, script, want string) {
		t.Helper()
		script = strings.NewReplacer("SERVER", s.url, "SOCKET", strings.Replace(s.url, "http", "ws", 1), "TOKEN", subscribeToken).Replace(script)
		if got := run[string](p, "(async () => {"+helpers+script+"})()"); got != want {
			t.Errorf("%s gives %q, want %q", script, got, want)
		}
	}

	// What is refused shows on the console, and that /healthz has no icon.
	own := open(t, browser, s.url+"/healthz", "401", "403", "404", "WebSocket connection", "CORS policy", "net::ERR_FAILED")
	try(own, `return eventSource("/sse")`, "closed for good")
	try(own, `return webSocket("/websocket")`, "closed")
	try(own, `return eventSource("/sse?ticket=" + await ticket({ Authorization: "Bearer TOKEN" }))`, "open")
	try(own, `return webSocket("/websocket?ticket=" + await ticket({ Authorization: "Bearer TOKEN" }))`, "open")
	try(own, `const t = await ticket({ Authorization: "Bearer TOKEN" }); return await eventSource("/sse?ticket=" + t) + ", " + await eventSource("/sse?ticket=" + t)`, "open, closed for good")
	try(own, `document.cookie = "token=TOKEN"; return eventSource("/sse")`, "open")
	try(own, `return webSocket("/websocket")`, "open")
	try(own, `return String((await fetch("/longpoll?wait=0")).status)`, "204")
	try(own, `return String((await post("/ticket")).status)`, "201")
	// The page of the documentation, whose stream ends with its token, and goes on with the next.
	jwt := serve(t, hub.Config{}, web.Config{Access: control(t, false)})
	own.do(chromedp.Navigate(jwt.url + "/healthz"))
	document, err := os.ReadFile("../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(document), "```js\n")
	script, _, _ = strings.Cut(script, "```")
	tokens := strconv.Quote(newToken("", "a", time.Now().Add(10*time.Second))) + ", " + strconv.Quote(newToken("", "a", time.Now().Add(time.Hour)))
	run[string](own, "(() => {"+script+`
		window.shown = "";
		const tokens = [`+tokens+`];
		follow(() => tokens.length > 1 ? tokens.shift() : tokens[0], e => shown += e.data);
		return "";
	})()`)
	streams := func() int { return jwt.hub.State().Subscriptions }
	after(t, "the page has opened a stream", func() bool { return streams() == 1 })
	after(t, "the stream has ended", func() bool { return streams() == 0 })
	jwt.publish("a", "1") // while it is away, and has seen no event yet
	own.wait(`shown === "1"`)
	jwt.publish("a", "2")
	own.wait(`shown === "12"`)

	// The same cookie, in the same browser, from another port.
	own.do(chromedp.Navigate(elsewhere.url + "/healthz"))
	try(own, `return document.cookie`, "token="+subscribeToken)
	try(own, `return eventSource("SERVER/sse")`, "closed for good")
	try(own, `return webSocket("SOCKET/websocket")`, "closed")
	try(own, `return fetch("SERVER/longpoll?wait=0", { credentials: "include" }).then(() => "read", () => "not read")`, "not read")
	try(own, `return post("SERVER/ticket").then(() => "read", () => "not read")`, "not read")
	_, metrics := s.request("GET", "/metrics", nil, "")
	if !strings.Contains(string(metrics), `pushlab_requests_refused_total{reason="forbidden"} 4`) {
		t.Error("a request from elsewhere was not refused, but only not shown")
	}
}
