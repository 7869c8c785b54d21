package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"pushlab/common/hub"
	"pushlab/common/tap"
	"pushlab/web"
)

// A recording is what a lab would tell of connections that never were: their bytes are written here, and only the
// parser's word is taken for what they mean.
type recording struct {
	clock     time.Duration
	seq       uint64
	conns     uint64
	outlines  []map[string]any
	published []map[string]any
	answers   map[uint64]map[string]any // what /lab/{id}/records/{seq} would say
}

// A wired is one of its connections.
type wired struct {
	*recording
	lane   string
	conn   uint64
	parser *tap.Parser
	sent   map[tap.Direction][]byte
}

func (r *recording) connect(lane string) *wired {
	r.conns++
	w := &wired{recording: r, lane: lane, conn: r.conns, parser: tap.NewParser(), sent: map[tap.Direction][]byte{}}
	w.mark(tap.Opened, "", "127.0.0.1:50000 → 127.0.0.1:40001")
	return w
}

func (w *wired) mark(kind tap.RecordKind, dir tap.Direction, text string) {
	w.clock += 2 * time.Millisecond
	w.seq++
	w.outlines = append(w.outlines, map[string]any{"seq": w.seq, "lane": w.lane, "conn": w.conn, "kind": kind, "at": w.clock, "dir": dir, "text": text})
}

// down and up send bytes in one write, and return the number of its record.
func (w *wired) down(data string) uint64 { return w.send(tap.Down, data) }
func (w *wired) up(data string) uint64   { return w.send(tap.Up, data) }

func (w *wired) send(dir tap.Direction, data string) uint64 {
	w.clock += 7300 * time.Microsecond
	w.seq++
	record := tap.Record{
		Seq: w.seq, Kind: tap.Bytes, Conn: w.conn, Lane: w.lane, At: w.clock, Took: 12 * time.Microsecond, Dir: dir,
		Offset: int64(len(w.sent[dir])), N: len(data), Data: []byte(data), Parsed: w.parser.Feed(dir, []byte(data), w.clock),
	}
	w.sent[dir] = append(w.sent[dir], data...)
	from := record.Offset
	for _, span := range record.Spans {
		if span.Dir == dir {
			from = min(from, span.Start)
		}
	}
	w.answers[w.seq] = map[string]any{"record": record, "from": from, "bytes": w.sent[dir][from:]}
	var messages []map[string]any
	for _, m := range record.Messages {
		if m.Kind == tap.ChunkMessage {
			continue
		}
		b, _ := json.Marshal(m)
		outline := map[string]any{}
		json.Unmarshal(b, &outline)
		outline["sent"] = m.Ended - 400*time.Microsecond
		messages = append(messages, outline)
		if m.Kind == tap.EventMessage && !slices.ContainsFunc(w.published, func(p map[string]any) bool { return p["id"] == m.ID }) {
			w.published = append(w.published, map[string]any{"id": m.ID, "at": m.Ended - 900*time.Microsecond, "n": m.Payload, "topic": m.Topic})
		}
	}
	w.outlines = append(w.outlines, map[string]any{"seq": w.seq, "lane": w.lane, "conn": w.conn, "kind": tap.Bytes, "at": w.clock,
		"dir": dir, "offset": record.Offset, "n": record.N, "messages": messages})
	return w.seq
}

// detailChunk frames a chunk (RFC 9112, section 7.1).
func detailChunk(data string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(data), data) }

// clientFrame is a masked frame, as browsers send them (RFC 6455, section 5.3).
func clientFrame(first byte, key [4]byte, payload string) string {
	b := []byte(payload)
	for i := range b {
		b[i] ^= key[i%4]
	}
	return string([]byte{first, 0x80 | byte(len(b))}) + string(key[:]) + string(b)
}

// serverFrame is one that is not masked.
func serverFrame(first byte, payload string) string {
	if len(payload) < 126 {
		return string([]byte{first, byte(len(payload))}) + payload
	}
	return string([]byte{first, 126, byte(len(payload) >> 8), byte(len(payload))}) + payload
}

const sseHead = "HTTP/1.1 200 OK\r\nCache-Control: no-store, no-transform\r\nConnection: close\r\nContent-Type: text/event-stream\r\n" +
	"Pushlab-Cursor: k7q2abcd-40\r\nTransfer-Encoding: chunked\r\nX-Accel-Buffering: no\r\n\r\n"

// recordDetail makes a recording with all that the byte view has to show, and names its records.
func recordDetail() (r *recording, named map[string]uint64) {
	r = &recording{clock: 12 * time.Second, answers: map[uint64]map[string]any{}}
	named = map[string]uint64{}
	envelope := func(n int, data string) string {
		return fmt.Sprintf(`{"id":"k7q2abcd-%d","topic":"lab","data":%s}`, n, data)
	}
	event := func(n int, data string) string {
		return fmt.Sprintf("id: k7q2abcd-%d\ndata: %s\n\n", n, envelope(n, data))
	}

	s := r.connect("sse")
	named["sse request"] = s.up("GET /sse?after=k7q2abcd-40 HTTP/1.1\r\nHost: sse.localhost:40003\r\nAccept: text/event-stream\r\n" +
		"Accept-Encoding: gzip, deflate, br\r\nCache-Control: no-store\r\nCookie: lab=secret-of-the-learner\r\n" +
		"Origin: http://localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Chromium\r\n\r\n")
	named["sse open"] = s.down(sseHead + detailChunk("retry: 3000\nid: k7q2abcd-40\nevent: $open\ndata: "+
		`{"id":"k7q2abcd-40","topic":"$open","data":{"topics":null}}`+"\n\n"))
	named["sse event"] = s.down(detailChunk(event(41, `{"n":41,"text":"hello"}`)))
	named["sse emoji"] = s.down(detailChunk(event(42, "\"Grüße 🙂 日本 👩‍🚀 e\u0301\"")))
	named["sse two"] = s.down(detailChunk(event(43, `{"n":43}`)) + detailChunk(event(44, `{"n":44}`)))
	whole := event(45, `"cut 🙂 here"`)
	cut := strings.Index(whole, "🙂") + 2
	s.down(detailChunk(whole[:cut]))
	named["sse cut"] = s.down(detailChunk(whole[cut:]))
	named["sse beat"] = s.down(detailChunk(": beat\nid: k7q2abcd-45\nevent: $beat\ndata: " + `{"id":"k7q2abcd-45","topic":"$beat","data":{}}` + "\n\n"))
	named["sse wrong"] = s.down(detailChunk("\xEF\xBB\xBFid: a\x00b\r\ndata:\ttab\xff\r\nretry: soon\rfoo: bar\n: note\n\nevent: nothing\n\n"))
	named["sse big"] = s.down(detailChunk(event(46, `"`+strings.Repeat("0123456789abcdef grüße ", 700)+`"`)))
	s.down(detailChunk("retry: 500\nid: k7q2abcd-46\nevent: $bye\ndata: "+`{"id":"k7q2abcd-46","topic":"$bye","data":{"retry":500}}`+"\n\n") + "0\r\n\r\n")
	s.mark(tap.Finished, tap.Down, "")

	w := r.connect("websocket")
	named["ws request"] = w.up("GET /websocket HTTP/1.1\r\nHost: websocket.localhost:40004\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Origin: http://localhost:8080\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Sec-WebSocket-Protocol: pushlab.v1\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n")
	w.down("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
		"Sec-WebSocket-Protocol: pushlab.v1\r\n\r\n" + serverFrame(0x81, `{"id":"k7q2abcd-40","topic":"$open","data":{"topics":null}}`))
	named["ws event"] = w.down(serverFrame(0x81, envelope(41, `{"n":41,"text":"hello"}`)))
	named["ws long"] = w.down(serverFrame(0x81, envelope(42, `"`+strings.Repeat("long ", 60)+`"`)))
	named["ws publish"] = w.up(clientFrame(0x81, [4]byte{0x37, 0xfa, 0x21, 0x3d}, `{"op":"publish","ref":"1","data":"Grüße"}`))
	w.down(serverFrame(0x81, `{"op":"ack","ref":"1","id":"k7q2abcd-43"}`))
	named["ws ping"] = w.down(serverFrame(0x89, ""))
	named["ws pong"] = w.up(clientFrame(0x8a, [4]byte{1, 2, 3, 4}, ""))
	named["ws close"] = w.up(clientFrame(0x88, [4]byte{0x9a, 0x0b, 0x5c, 0x7d}, "\x03\xe8done"))
	named["ws wrong"] = w.down(serverFrame(0xc1, "not agreed") + "\x88\x02\x03\xe8")
	w.mark(tap.Reset, tap.Down, "read: connection reset by peer")

	l := r.connect("longpoll")
	named["poll request"] = l.up("GET /longpoll?after=k7q2abcd-40&wait=25 HTTP/1.1\r\nHost: longpoll.localhost:40001\r\nAccept: */*\r\nUser-Agent: Mozilla/5.0\r\n\r\n")
	body := `{"events":[` + envelope(41, `{"n":41,"text":"hello"}`) + `],"cursor":"k7q2abcd-41","more":false}`
	named["poll answer"] = l.down(fmt.Sprintf("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: %d\r\nContent-Type: application/json\r\nPushlab-Cursor: k7q2abcd-41\r\n\r\n%s", len(body), body))

	h := r.connect("httpstream")
	h.up("GET /httpstream HTTP/1.1\r\nHost: httpstream.localhost:40002\r\n\r\n")
	named["line"] = h.down("HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n" +
		detailChunk(envelope(41, `{"n":41,"text":"hello"}`)+"\n"))
	return r, named
}

// batch is what the observer would be told.
func (r *recording) batch() map[string]any {
	return map[string]any{"now": r.clock + time.Second, "records": r.outlines,
		"log": map[string]any{"head": "k7q2abcd-46", "oldest": "k7q2abcd-0", "events": 46, "bytes": 20000, "history": 10000, "published": r.published}}
}

const detailPage = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Byte view</title>
  <link rel="icon" href="/icon.svg">
  <link rel="stylesheet" href="/tokens.css">
  <link rel="stylesheet" href="/style.css">
  <link rel="stylesheet" href="/ui/detail.css">
  <link rel="stylesheet" href="/ui/bytes.css">
  <link rel="stylesheet" href="/ui/code.css">
  <link rel="stylesheet" href="/ui/workbench.css">
  <script type="module" src="/stage.js"></script>
</head>
<body><div class="shell"><main>
  <h1 class="hidden-text">Byte view</h1>
  <push-detail></push-detail>
  <push-workbench></push-workbench>
  <push-code></push-code>
</main></div></body>
</html>`

// detailScript stands in for the shell: it has the view and the selection, and a trace of the recording.
const detailScript = `
import { load } from './text.js';
import { Trace } from './lab/trace.js';

await load('detail');
const { batch, answers, kinds, named } = await (await fetch('/stage.json')).json();
class Stage extends EventTarget {
  live = true;
  view = { paused: false, end: null, selected: null, lanes: new Set(['longpoll', 'httpstream', 'sse', 'websocket']), theme: '', lesson: null };
  lanes = new Map([...this.view.lanes].map((name) => [name, { name }]));
  trace = new Trace();
  lab = {
    uncertainty: 0.2,
    now: () => app.trace.now,
    description: { id: 'stage' },
    asked: [],
    async record(seq) {
      this.asked.push(seq);
      if (!answers[seq]) throw new Error('there is no record of that number any more');
      return answers[seq];
    },
    async kinds() { return new Map(kinds.map((kind) => [kind.key, kind])); },
    async command(path, body) { throw new Error('there is no lab on this stage'); },
    laneURL: (lane, path) => new URL(path, location.origin).href,
  };
  set(patch) {
    Object.assign(this.view, patch);
    this.dispatchEvent(new CustomEvent('view', { detail: Object.keys(patch) }));
    this.touch();
  }
  select(ref) { this.set({ selected: ref }); }
  touch() { requestAnimationFrame(() => this.dispatchEvent(new CustomEvent('frame'))); }
  notice() {}
}
const app = window.app = new Stage();
window.named = named;
app.trace.add(batch);
for (const item of app.trace.items) if (item.kind === 'event') app.trace.received(item.lane, [{ id: item.id, at: item.at + 0.6 }]);
for (const name of ['detail', 'workbench', 'code']) {
  await import('./ui/' + name + '.js');
  document.querySelector('push-' + name).app = app;
}
await Promise.all(['workbench', 'code'].map((name) => document.querySelector('push-' + name).view()));
window.show = async (name, index = 0) => {
  app.select(named[name] + '.' + index);
  const detail = document.querySelector('push-detail');
  while (detail.item?.ref !== app.view.selected || !detail.parts && !detail.querySelector('.note.warn, .detail-mark')) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
};
document.documentElement.dataset.ready = '';
`

// detailStage serves the byte view with a recording, and no lab.
func detailStage(t *testing.T, config web.Config) string {
	t.Helper()
	h := hub.New(hub.Config{})
	t.Cleanup(h.Close)
	inner, err := web.NewServer(h, config)
	if err != nil {
		t.Fatal(err)
	}
	r, named := recordDetail()
	data, err := json.Marshal(map[string]any{"batch": r.batch(), "answers": r.answers, "kinds": tap.Kinds, "named": named})
	if err != nil {
		t.Fatal(err)
	}
	extra := map[string][2]string{
		"/":           {"text/html; charset=utf-8", detailPage},
		"/stage.js":   {"text/javascript; charset=utf-8", detailScript},
		"/stage.json": {"application/json", string(data)},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, ok := extra[r.URL.Path]
		if !ok {
			inner.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; object-src 'none'")
		w.Header().Set("Content-Type", file[0])
		w.Write([]byte(file[1]))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// openDetail opens the stage in a page.
func openDetail(t *testing.T, browser context.Context) *page {
	t.Helper()
	p := open(t, browser, detailStage(t, web.Config{})+"/")
	p.wait(`document.documentElement.dataset.ready !== undefined`)
	p.do(chromedp.EmulateViewport(1500, 1000))
	return p
}

// detailShow selects a message of a named record, and waits for its bytes.
func detailShow(p *page, name string, index int) {
	p.t.Helper()
	run[chromedp.Void](p, fmt.Sprintf(`show(%q, %d)`, name, index))
}

// detailPress presses a key where the focus is.
func detailPress(p *page, keys string, modifiers ...chromedp.Modifier) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
}

// detailActive is the part that the byte view looks at, and what it says.
func detailActive(p *page) string {
	p.t.Helper()
	return run[string](p, `(({ name, value }) => value === undefined ? name : name + ": " + value)(document.querySelector("push-detail").active)`)
}

// TestBrowserDetail runs the byte view, the code and the workbench, most of it with a recording instead of a lab.
func TestBrowserDetail(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, context.Context)
	}{
		{"Titles", testDetailTitles},
		{"Marks", testDetailMarks},
		{"Lost", testDetailLost},
		{"Tree", testDetailTree},
		{"Linked", testDetailLinked},
		{"Symbols", testBytesSymbols},
		{"Keyboard", testBytesKeyboard},
		{"Copy", testBytesCopy},
		{"Mask", testBytesMask},
		{"Pieces", testDetailPieces},
		{"Large", testBytesLarge},
		{"Explanation", testDetailExplanation},
		{"Address", testDetailAddress},
		{"Print", testDetailPrint},
		{"Accessible", testDetailAccessible},
		{"Characters", testCharacters},
		{"Words", testDetailWords},
		{"CodeMap", testCodeMap},
		{"Code", testCode},
		{"StreamRules", testStreamRules},
		{"Workbench", testWorkbench},
		{"WorkbenchPieces", testWorkbenchPieces},
		{"WorkbenchFrames", testWorkbenchFrames},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, browser)
		})
	}
}

func testDetailTitles(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	for _, test := range []struct {
		record string
		index  int
		want   string
	}{
		{"sse request", 0, "Request 1 to the server, by Server-Sent Events: 274 bytes, all head"},
		{"sse open", 0, "Head of response 1 to the page, by Server-Sent Events: 190 bytes, all head"},
		{"sse open", 1, "Control event $open to the page, by Server-Sent Events: 114 bytes, 1 of 2 are framing"},
		{"sse event", 0, "Event 41 to the page, by Server-Sent Events: 95 bytes, 1 of 3 are framing"},
		{"sse two", 1, "Event 44 to the page, by Server-Sent Events: 80 bytes, 38 % are framing"},
		{"sse wrong", 1, "Comment to nobody, by Server-Sent Events: 16 bytes, all framing"},
		{"sse big", 0, "Event 46 to the page, by Server-Sent Events: 17,568 bytes, nearly all payload"},
		{"ws event", 0, "Event 41 to the page, by WebSocket: 67 bytes, nearly all payload"},
		{"ws publish", 0, "Message to the server, by WebSocket: 49 bytes, 1 of 10 are framing"},
		{"ws ping", 0, "Ping to the browser, by WebSocket: 2 bytes, all framing"},
		{"ws pong", 0, "Pong to the server, by WebSocket: 6 bytes, all framing"},
		{"ws close", 0, "Close frame to the server, by WebSocket: 12 bytes, all framing"},
		{"poll answer", 1, "Event 41 to the page, by Long polling: 114 bytes, all payload"},
		{"line", 1, "Event 41 to the page, by HTTP streaming: 72 bytes, 1 of 10 are framing"},
	} {
		detailShow(p, test.record, test.index)
		if got := run[string](p, `document.querySelector("#detail-title").textContent.trim().replace(/^[LHSW] /, "")`); got != test.want {
			t.Errorf("%s %d: %s\nwant %s", test.record, test.index, got, test.want)
		}
	}

	detailShow(p, "sse event", 0)
	way := run[[]string](p, `[...document.querySelectorAll(".stations li")].map(li => [...li.children].map(c => c.textContent).join(": "))`)
	if diff := cmp.Diff([]string{"published: at 0:12.023", "left the server: 0.5 ms later", "on your wire: 0.4 ms later", "in the page: 0.6 ms later, give or take 0.2 ms"}, way); diff != "" {
		t.Errorf("the way (-want +got):\n%s", diff)
	}
	// The same event on another lane is one click away, and the way back one more.
	run[chromedp.Void](p, `document.querySelector(".detail-same [data-lane=websocket]").click()`)
	p.wait(`document.querySelector("#detail-title").textContent.includes("by WebSocket")`)
	run[chromedp.Void](p, `document.querySelector(".detail-same [data-lane=sse]").click()`)
	p.wait(`document.querySelector("#detail-title").textContent.includes("Event 41 to the page, by Server-Sent Events")`)
	// Next is the next one on the lane.
	run[chromedp.Void](p, `document.querySelector(".detail-steps button:last-child").click()`)
	p.wait(`document.querySelector("#detail-title").textContent.includes("Event 42")`)
}

func testDetailMarks(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	if !run[bool](p, `document.querySelector("push-detail").textContent.includes("Choose an arrow")`) {
		t.Error("nothing says what to do when nothing is selected")
	}
	run[chromedp.Void](p, `document.querySelector(".detail-empty button").click()`)
	p.wait(`document.querySelector("push-detail push-bytes") !== null`)
	for kind, want := range map[string]string{
		"reset": "The connection is reset, on the lane WebSocket",
		"fin":   "The server side ends its direction, on the lane Server-Sent Events",
		"open":  "A connection opens on the lane Server-Sent Events",
		"end":   "The response is complete, on the lane Server-Sent Events",
	} {
		run[chromedp.Void](p, fmt.Sprintf(`app.select(app.trace.items.find(({ kind }) => kind === %q).ref)`, kind))
		p.wait(fmt.Sprintf(`document.querySelector("#detail-title").textContent.endsWith(%q) && !document.querySelector("push-detail push-bytes") && document.querySelector(".detail-mark p") !== null`, want))
	}
}

func testDetailLost(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	run[chromedp.Void](p, `app.lab.record = async () => { throw new Error("record 4 is no longer kept"); }`)
	detailShow(p, "sse event", 0)
	p.wait(`document.querySelector("push-detail .note.warn")?.textContent.includes("record 4 is no longer kept")`)
	// What was seen once stays, also in a trace that was saved; what was not is missing there.
	run[chromedp.Void](p, `app.lab.record = async () => { throw new Error("asked a lab for a saved trace"); }`)
	run[chromedp.Void](p, `app.trace.live = false`)
	detailShow(p, "ws event", 0)
	p.wait(`document.querySelector("push-detail .note.warn")?.textContent.includes("saved without these bytes")`)
}

func testDetailTree(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	detailShow(p, "sse event", 0)
	if got := detailActive(p); got != "event" {
		t.Errorf("it begins at %s, want the event in its chunk", got)
	}
	run[chromedp.Void](p, `document.querySelector("push-tree [tabindex='0']").focus()`)
	for _, step := range []struct{ keys, want string }{
		{kb.ArrowDown, "id field"},
		{kb.ArrowRight, "field name: id"},
		{kb.ArrowDown, "colon: :"},
		{kb.ArrowLeft, "id field"},
		{kb.ArrowLeft, "id field"}, // folds
		{kb.ArrowDown, "data field"},
		{kb.Home, "chunk"},
		{kb.ArrowRight, "chunk size: 59"},
		{kb.ArrowUp, "chunk"},
		{"e", "event"},
		{kb.ArrowUp, "chunk data"},
		{"d", "data field"},
		{kb.End, "line end: \r\n"},
		{kb.ArrowUp, "empty line: \n"},
		{kb.ArrowLeft, "event"},
		{kb.ArrowLeft, "event"},
		{kb.ArrowLeft, "chunk data"},
	} {
		detailPress(p, step.keys)
		if got := detailActive(p); got != step.want {
			t.Errorf("%q leads to %q, want %q", step.keys, got, step.want)
		}
	}
	var states []string
	for range 2 {
		states = append(states, run[string](p, `document.activeElement.getAttribute("aria-expanded") + document.activeElement.getAttribute("aria-selected")`))
		detailPress(p, kb.ArrowLeft)
		run[chromedp.Void](p, `new Promise(requestAnimationFrame)`)
	}
	if diff := cmp.Diff([]string{"truetrue", "falsetrue"}, states); diff != "" {
		t.Errorf("expanded and selected (-want +got):\n%s", diff)
	}
	detailShow(p, "sse wrong", 0)
	if !run[bool](p, `[...document.querySelectorAll("[role=treeitem]")].some(row => /retry field.*only digits are taken/s.test(row.textContent))`) {
		t.Error("what is wrong is not marked in the tree")
	}
}

func testDetailLinked(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	detailShow(p, "sse event", 0)
	lit := `[...document.querySelectorAll("push-detail .byte.lit .hex")].map(b => b.textContent).join(" ")`
	row := func(name string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("[role=treeitem]")].find(row => row.querySelector(".tree-name").textContent === %q)`, name)
	}
	over := `.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }))`
	run[chromedp.Void](p, row("chunk size")+over)
	p.wait(lit + ` === "35 39"`)
	run[chromedp.Void](p, row("empty line")+over)
	p.wait(lit + ` === "0a"`)
	if !run[bool](p, `document.querySelector(".explain h3").textContent.includes("empty line")`) {
		t.Error("what is pointed at is not explained")
	}
	// The other way: the id.
	run[chromedp.Void](p, `document.querySelectorAll("push-detail .byte")[8]`+over)
	p.wait(row("value") + `.classList.contains("lit")`)
	// A part that is folded away lights what it is in.
	run[chromedp.Void](p, row("id field")+`.querySelector(".tree-twist").click()`)
	p.wait(row("id field") + `.classList.contains("lit")`)
	// A click pins: then the explanation stays.
	run[chromedp.Void](p, `document.querySelectorAll("push-detail .byte")[0].click()`)
	run[chromedp.Void](p, row("empty line")+over)
	p.wait(lit + ` === "0a" && document.querySelector(".explain h3").textContent.includes("chunk size")`)
	p.wait(row("chunk size") + `.classList.contains("pinned")`)
	run[chromedp.Void](p, row("chunk size")+`.focus()`)
	detailPress(p, kb.Escape)
	p.wait(`!document.querySelector(".pinned")`)
	// When the pointer leaves the bytes, nothing is pointed at any more.
	run[chromedp.Void](p, `document.querySelectorAll("push-detail .byte")[8]`+over)
	p.wait(lit + ` !== ""`)
	run[chromedp.Void](p, `document.querySelector("push-detail .bytes-window").dispatchEvent(new PointerEvent("pointerleave"))`)
	p.wait(lit + ` === "" && document.querySelector(".explain h3").textContent.includes("chunk size")`)
}

func testBytesSymbols(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	// shown writes for each character what is shown, and over how many bytes.
	shown := `[...document.querySelectorAll("push-detail .byte .char")].map(c => c.textContent + (c.hasAttribute("data-wide") ? "/" + c.style.getPropertyValue("--span").trim() : "")).join("|")`
	detailShow(p, "sse emoji", 0)
	got := run[string](p, `(() => { const w = document.querySelector("push-detail .bytes-window"); w.style.height = "60rem"; })() ?? new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => done(`+shown+`))), 50))`)
	for _, want := range []string{"6|7|CR|LF|i|d|:|·|k", "ü/2|ß/2|", "🙂/4", "日/3|", "ZWJ/3", "e|◌\u0301/2", "\"|}|LF|LF|CR|LF"} {
		if !strings.Contains(strings.ReplaceAll(got, "||", "|"), want) && !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(got, "|||", "|"), "||", "|"), want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
	notes := `[...document.querySelectorAll("push-detail .bytes-note")].map(n => n.textContent).join("; ")`
	if got := run[string](p, notes); got != "└chunk size, in hexadecimal: 103 bytes follow; └the empty line: only now the page gets the event" {
		t.Errorf("notes: %s", got)
	}
	detailShow(p, "sse wrong", 0)
	got = run[string](p, shown)
	for _, want := range []string{"a|NUL|b|CR|LF", "TAB|t|a|b|\ufffd|CR|LF"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
	if got := run[string](p, notes); !strings.Contains(got, "only digits are taken") || !strings.Contains(got, "no data before it") {
		t.Errorf("notes: %s", got)
	}
	// As text, a line is a row.
	detailShow(p, "poll request", 0)
	run[chromedp.Void](p, `document.querySelector("push-detail push-bytes input[value=text]").click()`)
	p.wait(`[...document.querySelectorAll("push-detail .bytes-row")].map(row => row.querySelector(".bytes-cells").textContent.replaceAll(" ", "").replaceAll("·", " ")).join("\n") ===
		"GET /longpoll?after=k7q2abcd-40&wait=25 HTTP/1.1CRLF\nHost: longpoll.localhost:40001CRLF\nAccept: */*CRLF\nUser-Agent: Mozilla/5.0CRLF\nCRLF"`)
	// The mode stays for the next record.
	detailShow(p, "sse event", 0)
	p.wait(`document.querySelector("push-detail push-bytes input[value=text]").checked`)
	// A secret is shown as one.
	detailShow(p, "sse request", 0)
	if !run[bool](p, `document.querySelectorAll("push-detail .byte.secret").length > 10 && !document.querySelector("push-detail").textContent.includes("secret-of-the-learner")`) {
		t.Error("the cookie is not hidden")
	}
}

func testBytesKeyboard(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	detailShow(p, "sse event", 0)
	run[chromedp.Void](p, `document.querySelector("push-detail .bytes-window").focus({ focusVisible: true })`)
	status := func() string {
		return run[string](p, `new Promise(requestAnimationFrame).then(() => document.querySelector("push-detail .bytes-status").textContent)`)
	}
	detailPress(p, kb.Home, chromedp.ModifierCtrl)
	if got, want := detailActive(p), "chunk size: 59"; got != want {
		t.Errorf("at the first byte the part is %q, want %q", got, want)
	}
	for range 4 {
		detailPress(p, kb.ArrowRight)
	}
	if got, want := status(), "byte 308: 0x69, 105, 01101001 · i U+0069, 1 byte in UTF-8 · field name"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	detailPress(p, kb.ArrowDown)
	detailPress(p, kb.ArrowDown)
	detailPress(p, kb.ArrowUp)
	if got := status(); !strings.HasPrefix(got, "byte 324: ") {
		t.Errorf("a row below is %s", got)
	}
	detailPress(p, kb.ArrowRight, chromedp.ModifierShift)
	detailPress(p, kb.ArrowRight, chromedp.ModifierShift)
	if got := status(); got != "3 bytes selected, 324 to 326" {
		t.Errorf("%s", got)
	}
	if n := run[int](p, `document.querySelectorAll("push-detail .byte[aria-selected=true]").length`); n != 3 {
		t.Errorf("%d cells are selected", n)
	}
	detailPress(p, kb.Escape)
	detailPress(p, kb.End, chromedp.ModifierCtrl)
	detailPress(p, kb.Enter)
	if got := detailActive(p); got != "line end: \r\n" || !run[bool](p, `document.querySelector("[role=treeitem].pinned") !== null`) {
		t.Errorf("Enter at the last byte: %q", got)
	}
	if !run[bool](p, `document.getElementById(document.querySelector("push-detail .bytes-window").getAttribute("aria-activedescendant")).classList.contains("cursor")`) {
		t.Error("the cursor is not the active descendant")
	}
}

func testBytesCopy(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	got := run[[]string](p, `import("/ui/symbols.js").then(({ written }) => ["hex", "text", "c"].map((format) =>
		written(new TextEncoder().encode("a\"\\\u00e9\r\n\x001?"), format)))`)
	want := []string{"61 22 5c c3 a9 0d 0a 00 31 3f", "a\"\\\u00e9\r\n\x001?", "\"a\\\"\\\\\\303\\251\\r\\n\"\n\"\\0001\\?\""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Of what is looked at, unless something is selected.
	run[chromedp.Void](p, `navigator.clipboard.writeText = async (text) => { window.copied = text; }`)
	detailShow(p, "sse event", 0)
	run[chromedp.Void](p, `document.querySelectorAll("push-detail .byte")[8].click()`)
	run[chromedp.Void](p, `document.querySelectorAll("push-detail .bytes-copy button")[1].click()`)
	p.wait(`window.copied === "k7q2abcd-41" && document.querySelector("push-detail push-bytes [role=status]").textContent === "11 bytes copied as text."`)
}

func testBytesMask(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	detailShow(p, "ws publish", 0)
	hex := `[...document.querySelectorAll("push-detail .byte .hex")].slice(0, 10).map(b => b.textContent).join(" ")`
	if got, want := run[string](p, hex), "81 ab 37 fa 21 3d 4c d8 4e 4d"; got != want {
		t.Errorf("as sent: %s, want %s", got, want)
	}
	run[chromedp.Void](p, `document.querySelector("push-detail push-bytes input[value=off]").click()`)
	p.wait(hex + ` === "81 ab 37 fa 21 3d 7b 22 6f 70"`)
	if got := run[string](p, `[...document.querySelectorAll("push-detail .byte .char")].map(c => c.textContent).join("")`); !strings.Contains(got, `"data":"Grüße"}`) {
		t.Errorf("without the mask the text is %s", got)
	}
	table := run[[]string](p, `[...document.querySelectorAll(".mask-table tr")].map(tr => [...tr.cells].map(c => c.textContent).join(" "))`)
	if diff := cmp.Diff([]string{"on the wire 4c d8 4e 4d 15 c0 03 4d", "XOR key 37 fa 21 3d 37 fa 21 3d", "gives 7b 22 6f 70 22 3a 22 70", "which is { \" o p \" : \" p"}, table); diff != "" {
		t.Errorf("the mask (-want +got):\n%s", diff)
	}
	bits := `[...document.querySelectorAll(".bits-group")].map(g => [...g.children].map(c => c.textContent).join(" ")).join(", ")`
	if got, want := run[string](p, bits), "1 FIN the last of its message, 000 RSV none, 0001 opcode text, 1 MASK masked, 0101011 length 43 bytes"; got != want {
		t.Errorf("bits: %s, want %s", got, want)
	}
	run[chromedp.Void](p, `document.querySelectorAll(".bits-group")[2].click()`)
	p.wait(`document.querySelector(".explain h3").textContent.includes("opcode")`)
	// A server's frame has no mask to take off.
	detailShow(p, "ws event", 0)
	p.wait(`!document.querySelector("push-detail push-bytes input[value=off]") && !document.querySelector(".mask-table")`)
}

// An event that began in a record before is shown with it. A character that the chunks cut is no mistake.
func testDetailPieces(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	detailShow(p, "sse cut", 0)
	if got := run[string](p, `document.querySelector(".detail-write").textContent`); !strings.HasPrefix(got, "2 records of connection 1 together") {
		t.Errorf("%s", got)
	}
	got := run[string](p, `[...document.querySelectorAll("push-detail .byte")].map(b => b.querySelector(".hex").textContent + (b.querySelector(".cut") ? "~" : "") + (b.classList.contains("wrong") ? "!" : "")).join(" ")`)
	if !strings.Contains(got, "20 f0~ 9f~ 0d 0a 62 0d 0a 99~ 82~ 20") {
		t.Errorf("the cut is not shown in %s", got)
	}
}

func testBytesLarge(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	detailShow(p, "sse big", 0)
	if n := run[int](p, `document.querySelectorAll("push-bytes .byte").length`); n > 600 {
		t.Errorf("%d bytes of 17,576 are in the document", n)
	}
	run[chromedp.Void](p, `document.querySelector("push-detail .bytes-window").focus()`)
	detailPress(p, kb.End, chromedp.ModifierCtrl)
	p.wait(`document.querySelector("push-detail .byte.cursor .hex")?.textContent === "0a" && document.querySelectorAll("push-bytes .byte").length < 600`)
	rows := run[[]int](p, `[...document.querySelectorAll("push-detail .bytes-row")].map(row => Number(row.getAttribute("aria-rowindex")))`)
	if total := run[int](p, `Number(document.querySelector("push-detail .bytes-window").getAttribute("aria-rowcount"))`); rows[len(rows)-1] != total {
		t.Errorf("the last row is %d of %d", rows[len(rows)-1], total)
	}
	// Where the piece ends at which trees are cut, the other piece begins.
	run[chromedp.Void](p, `document.querySelector("push-detail push-bytes").reveal(document.querySelector("push-detail").parts.roots.at(-1))`)
	p.wait(`[...document.querySelectorAll("push-detail .byte")].some(b => Number(b.dataset.at) === 16384)`)
}

func testDetailExplanation(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	detailShow(p, "sse event", 0)
	choose := func(name string) {
		run[chromedp.Void](p, fmt.Sprintf(`[...document.querySelectorAll("[role=treeitem]")].find(row => row.querySelector(".tree-name").textContent === %q).click()`, name))
		p.wait(fmt.Sprintf(`document.querySelector(".explain h3").textContent.startsWith(%q)`, name))
	}
	choose("empty line")
	got := run[[]string](p, `[".explain-role", ".explain-sentence", ".explain-links a", ".detail-devtools"].map(s => document.querySelector(s).textContent.trim())`)
	want := []string{"framing", "The empty line dispatches the event: only now does the page see it. Without data there is none.",
		"WHATWG HTML, section 9.2.6 ↗", "In DevTools Nowhere. Without it, the event has no row in EventStream."}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	link := run[[]string](p, `(a => [a.href, a.target, a.rel])(document.querySelector(".explain-links a"))`)
	if diff := cmp.Diff([]string{"https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation", "_blank", "noreferrer"}, link); diff != "" {
		t.Errorf("the link (-want +got):\n%s", diff)
	}
	run[chromedp.Void](p, `document.querySelectorAll(".explain-nav button")[0].click()`)
	p.wait(`document.querySelector(".explain h3").textContent.startsWith("line end")`)
	choose("chunk size")
	if got := run[string](p, `document.querySelector(".explain-facts").innerText.replace(/\s+/g, " ")`); got != "It says 59 Here 59 hexadecimal is 89" {
		t.Errorf("the chunk size says %q", got)
	}
	// All parts in one list.
	run[chromedp.Void](p, `document.querySelector(".detail-all summary").click()`)
	p.wait(`document.querySelectorAll(".all-parts tbody tr").length > 25`)
	if got := run[string](p, `document.querySelector(".all-parts tbody tr:nth-child(2)").innerText.replace(/\s+/g, " ")`); got != "35 39 59 chunk size How many bytes follow, in hexadecimal. RFC 9112, section 7.1 ↗" {
		t.Errorf("the second part is listed as %q", got)
	}
}

func testDetailAddress(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	detailShow(p, "sse event", 0)
	run[chromedp.Void](p, `document.querySelectorAll("push-detail .byte")[0].click()`)
	link := `document.querySelector(".explain-links a:last-child").getAttribute("href")`
	p.wait(link + `?.includes("&part=1")`)
	address := run[string](p, link)
	detailShow(p, "ws event", 0)
	run[chromedp.Void](p, fmt.Sprintf(`location.hash = %q; show("sse event")`, address))
	p.wait(`document.querySelector("push-detail").active.name === "chunk size" && document.querySelector("[role=treeitem].pinned") !== null`)
}

func testDetailPrint(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	detailShow(p, "poll answer", 0)
	run[chromedp.Void](p, `addEventListener("beforeprint", () => {
		window.printed = [document.querySelectorAll("push-detail .bytes-row").length, document.querySelector(".detail-all").open, document.querySelectorAll(".all-parts tbody tr").length];
	})`)
	pdf := func() []byte {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		b, err := chromedp.Run(ctx, chromedp.PrintToPDF())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}()
	if len(pdf) < 10_000 {
		t.Errorf("a PDF of %d bytes", len(pdf))
	}
	printed := run[[]any](p, `window.printed`)
	rows, list := printed[0].(float64), printed[2].(float64)
	total := run[float64](p, `Number(document.querySelector("push-detail .bytes-window").getAttribute("aria-rowcount"))`)
	if rows != total || printed[1] != true || list < 30 {
		t.Errorf("printed %v of %v rows, and %v parts", rows, total, list)
	}
	p.wait(`!document.querySelector(".detail-all").open && !document.querySelector("push-detail .bytes-rows").hasAttribute("data-all")`)
}

// testDetailAccessible has axe-core look at the parts in both themes and at the narrowest width.
func testDetailAccessible(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	p.injectAxe()
	for _, scheme := range []string{"light", "dark"} {
		run[chromedp.Void](p, fmt.Sprintf(`document.documentElement.dataset.theme = %q`, scheme))
		for _, width := range accessWidths(scheme) {
			p.do(chromedp.EmulateViewport(width, 900))
			for _, scene := range []string{
				`show("sse wrong").then(() => document.querySelector(".detail-all summary").click())`,
				`show("ws publish").then(() => document.querySelector("push-workbench input[value=ndjson]").click())`,
				`show("sse request").then(() => document.querySelector("push-workbench input[value=websocket]").click())`,
				`show("poll answer").then(() => document.querySelector("push-code input[value=smallest]").click())`,
				`app.select(app.trace.items.find(({ kind }) => kind === "reset").ref)`,
				`app.select(null), document.querySelector("push-workbench input[value=sse]").click(), document.querySelector("push-code input[value=server]").click()`,
			} {
				run[chromedp.Void](p, scene)
				run[chromedp.Void](p, `document.querySelector("push-code").scrollIntoView()`)
				run[chromedp.Void](p, `new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame))`)
				p.axe(fmt.Sprintf("%s, %d px, %.30s", scheme, width, scene), "document", "region")
				if wide := run[int](p, `document.documentElement.scrollWidth`); int64(wide) > width {
					t.Errorf("%d px, %.30s: the page is %d wide", width, scene, wide)
				}
			}
		}
	}
}

// testCharacters compares how characters are read with how the browser reads them.
func testCharacters(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	if got := run[string](p, `Promise.all([import("/ui/characters.js"), import("/ui/parts.js")]).then(([{ Characters, wrong }, { Parts }]) => {
		let seed = 1;
		const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
		const interesting = [0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xa0, 0x9f, 0xed, 0xef, 0xbb, 0xf0, 0x90, 0x8f, 0xf4, 0xf5, 0xff];
		for (let round = 0; round < 3000; round++) {
			const bytes = Uint8Array.from({ length: 1 + random(12) }, () => interesting[random(interesting.length)]);
			const span = { start: 0, length: bytes.length, kind: "sse-data" };
			const characters = new Characters(new Parts({ record: { spans: [span] }, from: 0, bytes }, new Map()));
			let text = "";
			for (let i = 0; i < bytes.length; i++) {
				if (characters.size[i] === 0) continue;
				text += characters.sort[i] === wrong ? "\ufffd" : String.fromCodePoint(characters.code[i]);
			}
			const want = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
			// Each byte of a piece that is no character is shown alone, where a decoder has one U+FFFD for all of them.
			const fold = (s) => s.replace(/\ufffd+/g, "\ufffd");
			if (fold(text) !== fold(want)) return [...bytes].map(b => b.toString(16)).join(" ") + ": " + text + ", want " + want;
		}
		return "";
	})`); got != "" {
		t.Error(got)
	}
}

// testDetailWords checks that no text is missing: one that is shows as its name.
func testDetailWords(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	for _, name := range run[[]string](p, `Object.keys(named)`) {
		detailShow(p, name, 0)
		for _, bad := range run[[]string](p, `[...(document.querySelector("push-detail").textContent + document.querySelector("push-workbench").textContent).matchAll(/\bdetail\.[\w.-]+|\{\w+[|}]|undefined|NaN/g)].map(([m]) => m)`) {
			t.Errorf("%s: the page says %s", name, bad)
		}
	}
	for _, kind := range tap.Kinds {
		if strings.Contains(kind.Key, ".") {
			t.Errorf("%s: the texts cannot have a name with a dot", kind.Key)
		}
	}
}

func testCodeMap(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	for _, missing := range run[[]string](p, `import("/ui/codemap.js").then(async ({ all, fileOf }) => {
		const missing = [];
		const lanes = ["longpoll", "httpstream", "sse", "websocket"];
		const files = lanes.flatMap((lane) => [fileOf(lane, "server"), fileOf(lane, "client"), fileOf(lane, "client", { fetching: true })]);
		for (const { file, functions, why } of [...all(), ...files.map((file) => ({ file, functions: [] }))]) {
			const response = await fetch("/source/" + file);
			if (!response.ok) { missing.push(file); continue; }
			const source = await response.json();
			for (const name of functions) if (!source.functions[name]) missing.push(file + " " + name);
		}
		return [...new Set(missing)];
	})`) {
		t.Errorf("the code has no %s", missing)
	}
}

func testCode(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	run[chromedp.Void](p, `document.querySelector("push-code").scrollIntoView()`)
	lit := func(side string) string {
		return fmt.Sprintf(`[...document.querySelectorAll(".code-pane[data-side=%s] .code-line.lit")].map(l => l.textContent).join("\n")`, side)
	}
	p.wait(`document.querySelectorAll(".code-line").length > 100`)
	if got := run[string](p, lit("server")); got != "" {
		t.Errorf("nothing is selected, and %q is lit", got)
	}
	detailShow(p, "sse event", 0)
	p.wait(lit("server") + `.startsWith("func AppendFrame(") && ` + lit("client") + `.trim().startsWith("function receive(")`)
	p.wait(`[...document.querySelectorAll(".code-lines")].every(box => { const top = box.querySelector(".lit").offsetTop - box.scrollTop; return top >= 0 && top < box.clientHeight; })`)
	detailShow(p, "ws publish", 0)
	p.wait(lit("server") + `.includes("func (s *session) operate(") && ` + lit("client") + `.includes("publish(topic, data)")`)
	detailShow(p, "ws ping", 0)
	p.wait(lit("server") + `.includes("func appendPing(") && document.querySelector(".code-pane[data-side=client] .code-why").textContent.includes("by itself")`)
	// Another file and another function can be had.
	choose := func(i int, value string) {
		run[chromedp.Void](p, fmt.Sprintf(`(select => { select.value = %q; select.dispatchEvent(new Event("change")); })(document.querySelectorAll(".code-pane[data-side=server] select")[%d])`, value, i))
	}
	choose(0, "websocket/frames.go")
	p.wait(`document.querySelector(".code-pane[data-side=server]").textContent.includes("package websocket") && ` + lit("server") + ` === ""`)
	p.wait(`[...document.querySelectorAll(".code-pane[data-side=server] select")[1].options].some(o => o.value === "frames.check")`)
	choose(1, "frames.check")
	p.wait(lit("server") + `.startsWith("func (f *frames) check(")`)
	// A lesson opens what it speaks of.
	run[chromedp.Void](p, `document.querySelector("push-code").show("longpoll/handler.go", "Handler.wait")`)
	p.wait(lit("server") + `.includes("func (h *Handler) wait(") && document.querySelector("push-code input[value=longpoll]").checked`)
	run[chromedp.Void](p, `document.querySelector("push-code").show("web/static/transports/websocket.js", "open.publish")`)
	p.wait(lit("client") + `.includes("publish(topic, data)") && document.querySelector("push-code input[value=websocket]").checked`)
	run[chromedp.Void](p, `document.querySelector("push-code input[value=smallest]").click()`)
	p.wait(`document.querySelector(".code-smallest")?.textContent.includes("new WebSocket('/websocket', 'pushlab.v1')")`)
	// On a narrow page the sides are chosen.
	p.do(chromedp.EmulateViewport(600, 900))
	p.wait(`document.querySelectorAll("push-code input[name=code-view]").length === 3`)
}

// testStreamRules has the rules examine the presets: each shows what it is named after.
func testStreamRules(t *testing.T, browser context.Context) {
	p := openDetail(t, browser)
	got := run[map[string]string](p, `import("/ui/streamrules.js").then(({ presets, examine, unescape }) =>
		Object.fromEntries(Object.entries(presets).map(([name, preset]) => [name, examine(unescape(preset.raw), preset).join(" ")])))`)
	want := map[string]string{
		"good": "retry", "no-blank": "no-blank", "nul-id": "nul-id id-stays", "bad-utf8": "bad-utf8", "line-ends": "line-ends two-data id-stays",
		"bom": "bom late-bom", "two-data": "two-data", "no-space": "no-space two-spaces", "unknown": "unknown", "bad-retry": "bad-retry retry",
		"comment": "comment", "no-data": "no-data id-stays", "wrong-type": "wrong-type", "no-content": "no-content",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	escapes := run[[]string](p, `import("/ui/streamrules.js").then(({ unescape }) => ["a\\n\\r\\0\\\\", "\\xff\\u{1F642}", "a\\\nb\nc", "\\q", "\\x1", "é\\"].map((text) => {
		try { return [...unescape(text)].map((b) => b.toString(16)).join(" "); } catch (error) { return "wrong " + error.message; }
	}))`)
	if diff := cmp.Diff([]string{"61 a d 0 5c", "ff f0 9f 99 82", "61 62 a 63", "wrong \\q", "wrong \\x", "wrong \\"}, escapes); diff != "" {
		t.Errorf("escapes (-want +got):\n%s", diff)
	}
}

// openWorkbench opens the whole page, with a lab.
func openWorkbench(t *testing.T, browser context.Context, tolerated ...string) *page {
	t.Helper()
	server := serve(t, hub.Config{}, web.Config{Demo: true})
	p := open(t, browser, server.url, tolerated...)
	p.wait(`window.pushlab?.lab.link === "open" && document.querySelector("push-workbench").app !== undefined`)
	run[chromedp.Void](p, `document.querySelector("push-workbench").scrollIntoView()`)
	p.wait(`document.querySelector("push-workbench .panel") !== null`)
	return p
}

func testWorkbench(t *testing.T, browser context.Context) {
	p := openWorkbench(t, browser, "EventSource's response has a MIME type")
	presets := run[int](p, `document.querySelectorAll(".workbench-presets button").length`)
	if presets != 14 {
		t.Errorf("%d presets", presets)
	}
	for i := range presets {
		name := run[string](p, fmt.Sprintf(`(b => { b.click(); return b.textContent; })(document.querySelectorAll(".workbench-presets button")[%d])`, i))
		p.wait(`!document.querySelector(".workbench-readers push-tree") && !document.querySelector("push-workbench button.primary").disabled`)
		run[chromedp.Void](p, `document.querySelector("push-workbench button.primary").click()`)
		p.wait(`document.querySelector(".workbench-readers push-tree") !== null`)
		columns := run[[]string](p, `[...document.querySelectorAll(".workbench-readers section")].map(s => s.textContent.replace(/\s+/g, " "))`)
		verdict := run[string](p, `document.querySelector("push-workbench .note")?.textContent ?? ""`)
		switch name {
		case "Wrong content type", "Status 204":
			if !strings.Contains(columns[0], "readyState 2") || verdict != "" {
				t.Errorf("%s: %s %s", name, columns[0], verdict)
			}
		default:
			if verdict != "EventSource and our parser agree." || !strings.Contains(columns[0], "readyState 0") {
				t.Errorf("%s: %s\n%s\n%s", name, verdict, columns[0], columns[1])
			}
		}
		if !strings.Contains(columns[2], "response head") {
			t.Errorf("%s: the tap saw %s", name, columns[2])
		}
	}
	// What was sent can be looked at byte by byte.
	run[chromedp.Void](p, `document.querySelector(".workbench-readers section:last-child button").click()`)
	p.wait(`document.querySelector("push-detail push-bytes") !== null`)
}

func testWorkbenchPieces(t *testing.T, browser context.Context) {
	p := openWorkbench(t, browser)
	run[chromedp.Void](p, `document.querySelector("push-workbench input[value=ndjson]").click()`)
	p.wait(`document.querySelector(".workbench-readers")?.textContent.includes("no JSON") && document.querySelector("push-workbench").textContent.includes("A cut is inside of 🙂, which takes 4 bytes.")`)
	run[chromedp.Void](p, `document.querySelector("push-workbench button.primary").click()`)
	// A browser that is busy may get both pieces at once.
	p.wait(`/fetch got (2 pieces: 42, 27 bytes. The naive reader took 2|1 piece: 69 bytes. The naive reader took 3) of 3 lines, the right one 3\./.test(document.querySelector(".workbench-readers").textContent)`)
}

func testWorkbenchFrames(t *testing.T, browser context.Context) {
	p := openWorkbench(t, browser)
	run[chromedp.Void](p, `document.querySelector("push-workbench input[value=websocket]").click()`)
	p.wait(`document.querySelector("push-workbench button.primary")?.textContent === "Open"`)
	run[chromedp.Void](p, `document.querySelector("push-workbench button.primary").click()`)
	log := `document.querySelector(".workbench-wire")?.textContent.replace(/\s+/g, " ")`
	p.wait(log + `?.includes("$open")`)
	run[chromedp.Void](p, `document.querySelectorAll(".workbench-frames form")[0].requestSubmit()`)
	p.wait(log + `.includes('"op":"ack"')`)
	run[chromedp.Void](p, `(form => { form.elements.code.value = 1001; form.requestSubmit(); })(document.querySelectorAll(".workbench-frames form")[2])`)
	p.wait(log + `.includes("The browser refuses")`)
	run[chromedp.Void](p, `document.querySelectorAll(".workbench-frames form")[1].requestSubmit()`)
	p.wait(log + `.includes("closed with 1003")`)
	// The frames themselves.
	run[chromedp.Void](p, `document.querySelectorAll(".workbench-wire button")[1].click()`)
	p.wait(`document.querySelector("push-detail #detail-title")?.textContent.includes("Message to the server, by WebSocket: 12 bytes") &&
		[...document.querySelectorAll("push-detail .tree-name")].some(name => name.textContent === "binary data")`)
}
